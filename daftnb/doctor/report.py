"""``%daft doctor`` and ``daftnb doctor``: whether everything is as daftnb needs it, a line each, and what to do.

The checks are in the other modules of this package. None of them starts Ray, connects to anything but ports of this
machine and ``RAY_ADDRESS``, or shows a secret. Nothing here raises: a check that fails is a line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from daftnb.doctor import engine, jupyter, machine, packages, variables
from daftnb.doctor.finding import GLYPHS, Finding, guarded
from daftnb.engine.installed import InternalsProbe
from daftnb.text.numbers import noun
from daftnb.text.plain import plainly

if TYPE_CHECKING:
    from daftnb.session import Session

PARTS = {
    packages.PART: "Versions",
    engine.PART: "Engine and Ray",
    machine.PART: "This machine",
    jupyter.PART: "Notebook and page",
    variables.PART: "Environment",
}


def examine(session: Session | None = None) -> list[Finding]:
    """Return all that can be found without asking the page, in the order of :data:`PARTS`. Under 2 s; never raises."""
    try:
        probe: InternalsProbe | OSError = InternalsProbe()  # it works aside while the others look
    except OSError as error:
        probe = error

    def names() -> list[Finding]:
        if isinstance(probe, OSError):
            raise probe
        return engine.names(probe, {} if session is None else session.off)

    found = guarded(packages.PART, "versions", packages.versions)
    others = [
        *guarded(engine.PART, "Ray's address", lambda: engine.ray_address(session)),
        *guarded(engine.PART, "Ray's token", lambda: engine.authentication(session)),
        *guarded(engine.PART, "autoscaler", lambda: engine.autoscaler(session)),
        *guarded(machine.PART, "embedded cluster", lambda: machine.embedded(session)),
        *guarded(machine.PART, "/dev/shm", machine.shared_memory),
        *guarded(machine.PART, "memory", lambda: machine.memory(session)),
        *guarded(machine.PART, "CPUs", machine.processors),
        *guarded(machine.PART, "ports", machine.ports),
        *guarded(machine.PART, "disk", machine.temporary_folder),
        *guarded(jupyter.PART, "front end", _bundle),
        *guarded(jupyter.PART, "subshells", jupyter.subshells),
        *guarded(jupyter.PART, "widget extensions", jupyter.extensions),
        *guarded(jupyter.PART, "JupyterLab's settings", jupyter.settings),
        *guarded(jupyter.PART, "rate limits", jupyter.limits),
        *guarded(variables.PART, "habits", lambda: variables.habits(_shows_lines(session))),
        *guarded(variables.PART, "variables", variables.variables),
    ]
    return [*found, *guarded(engine.PART, "internals", names), *others]


def _bundle() -> Finding:
    from daftnb.built import built

    try:
        size = len(built("daftnb.js").encode())
        built("loader.js")
    except RuntimeError as error:
        return Finding(jupyter.PART, "front end", "problem", str(error), "pip install --force-reinstall daftnb")
    return Finding(jupyter.PART, "front end", "ok", f"{size // 1000} kB, sent once to each page")


def _shows_lines(session: Session | None) -> bool:
    return session is not None and session.lines is not None and session.lines.on


def summary(findings: Sequence[Finding]) -> str:
    """Return in one line how many problems and warnings there are, and which, and how many are ok."""
    parts = []
    for rank in ("problem", "warning"):
        names = [finding.name for finding in findings if finding.rank == rank]
        which = f" ({', '.join(names)})" if names else ""
        parts.append(f"{len(names) or 'no'} {noun(len(names), rank)}{which}")
    return f"{', '.join(parts)}; {sum(finding.rank == 'ok' for finding in findings)} ok"


def doctor_text(findings: Sequence[Finding]) -> str:
    """Return the report as text: one line for each finding, and below it what to do."""
    width = max((len(_seen(finding.name)) for finding in findings), default=0)
    lines = []
    for part, title in PARTS.items():
        rows = [finding for finding in findings if finding.part == part]
        lines += ["", title] if rows else []
        for row in rows:
            lines.append(f"  {GLYPHS[row.rank]} {row.rank:<7}  {_seen(row.name):<{width}}  {_seen(row.detail)}")
            if row.remedy:
                lines.append(f"  {'':<{11 + width}}  → {_seen(row.remedy)}")
    return "\n".join([*lines[1:], "", _seen(summary(findings))])


def _seen(text: str) -> str:
    """Return text for a line in which an escape is visible: what is wrong with a value may be just that."""
    from daftnb.text.tables import clean

    return clean(text.replace("\x1b", "�"))


def report(as_json: bool = False) -> int:
    """Print the findings; return 1 if there is a problem, else 0."""
    findings = examine()
    text = doctor_text(findings)
    with plainly():  # a terminal without these signs shows the words
        print(json.dumps([asdict(finding) for finding in findings], indent=1) if as_json else text)
    return int(any(finding.rank == "problem" for finding in findings))
