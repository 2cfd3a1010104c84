"""The environment variables that Daft and Ray read: names and values, what is secret masked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches

from daftnb.doctor.finding import Finding
from daftnb.engine import daftnames
from daftnb.engine.connection.environment import PROGRESS_VARIABLE
from daftnb.settings import EXCLUDE_ENV, REAPER_ENV, SETTINGS, AutoscalingSettings
from daftnb.text.masking import masked

PART = "environment"
MAX_VARIABLES = 60
OF_THE_SCHEDULER = ("DAFT_AUTOSCALING_", "DAFT_SCHEDULER_")
# What declines that Daft counts its uses, as its source has it.
DECLINES = {
    "DO_NOT_TRACK": ("true", "1"),
    "SCARF_NO_ANALYTICS": ("true", "1"),
    "DAFT_ANALYTICS_ENABLED": ("false", "0"),
}


def variables(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Return every DAFT_* and RAY_* that is set; one that is wrong, or that nobody reads, is a warning.

    So is daftnb's own setting. The variables that :func:`habits` reports are left out.
    """
    environment = os.environ if environment is None else environment
    wrong = {text.partition(":")[0]: text for text in AutoscalingSettings.read(environment).problems}
    known = [*(setting.env for setting in SETTINGS.values()), EXCLUDE_ENV]
    known += [REAPER_ENV] if REAPER_ENV in environment and daftnames.has_reaper() else []
    told = {PROGRESS_VARIABLE, *DECLINES}
    names = sorted(
        name for name in environment if (name.startswith(("DAFT_", "RAY_")) or name in known) and name not in told
    )
    found = []
    for name in names[:MAX_VARIABLES]:
        value = masked(name, environment[name])
        if name in wrong:
            detail = wrong[name].partition(": ")[2]
            found.append(Finding(PART, name, "warning", detail, f"unset {name}, or %daft set it."))
        elif name.startswith(OF_THE_SCHEDULER) and name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            found.append(Finding(PART, name, "warning", f"{value}: Daft reads no variable of this name", remedy))
        else:
            found.append(Finding(PART, name, "ok", value))
    if len(names) > MAX_VARIABLES:
        found.append(Finding(PART, "and more", "ok", f"{len(names) - MAX_VARIABLES} further variables"))
    return found or [Finding(PART, "DAFT_*, RAY_*", "ok", "no other is set: Daft and Ray use their defaults")]


def habits(lines: bool, environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Judge Daft's progress bars and its counting of uses; ``lines``: daftnb shows a line under each cell."""
    environment = os.environ if environment is None else environment
    return [_bars(lines, environment.get(PROGRESS_VARIABLE)), _telemetry(environment)]


def _bars(lines: bool, value: str | None) -> Finding:
    name = "Daft's progress bars"
    state = f"{PROGRESS_VARIABLE} is " + ("not set: Daft shows them" if value is None else masked("", value))
    if value is not None and not value.strip().isdecimal():  # progress_bar.py: int(...), for each query on Ray
        detail = f"{state}; Daft's Ray runner takes a number there, and fails a query at anything else"
        return Finding(PART, name, "warning", detail, f"Set {PROGRESS_VARIABLE} to 1 or 0, or unset it.")
    if lines and (value is None or int(value) != 0):
        remedy = f"Unset {PROGRESS_VARIABLE}, then %daft auto off and %daft auto on: the lines take the bars' place."
        return Finding(PART, name, "warning", f"{state}, beside daftnb's lines under cells", remedy)
    return Finding(PART, name, "ok", state + (": daftnb's lines under cells take their place" if lines else ""))


def _telemetry(environment: Mapping[str, str]) -> Finding:
    """Judge whether Daft's telemetry is off, by the rule of ``daft/scarf_telemetry.py``.

    It compares the texts as they stand: "True" is not "true".
    """
    name = "Daft's telemetry"
    given = {each: environment[each] for each in DECLINES if each in environment}
    for each, value in given.items():
        if value in DECLINES[each]:
            return Finding(PART, name, "ok", f"off: {each} is {value}")
    if "DO_NOT_TRACK" in given and given["DO_NOT_TRACK"].strip().lower() not in ("", "0", "false"):
        value = masked("", given["DO_NOT_TRACK"])
        remedy = "DO_NOT_TRACK=true or 1, before Daft is imported."
        return Finding(PART, name, "warning", f"on: DO_NOT_TRACK is {value}, which Daft does not understand", remedy)
    detail = "on: Daft reports its use to its makers; DO_NOT_TRACK=true, set before Daft is imported, stops that"
    return Finding(PART, name, "ok", detail)
