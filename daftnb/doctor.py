"""``%daft doctor`` and ``daftnb doctor``: whether everything is as daftnb needs it, a line each, and what to do.

The checks are in :mod:`daftnb.checks`; none of them starts Ray, connects to anything but ports of this machine and
``RAY_ADDRESS``, or shows a secret. Nothing here raises: a check that fails is a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from daftnb.checks import engine, jupyter, machine, packages, variables
from daftnb.checks.finding import GLYPHS, Finding, guarded
from daftnb.engine.looked import Look

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
    """All that can be found without asking the page, in the order of :data:`PARTS`. Under 2 s; never raises."""
    try:
        look: Look | OSError = Look()  # it works aside while the others look
    except OSError as error:
        look = error

    def names() -> list[Finding]:
        if isinstance(look, OSError):
            raise look
        return engine.names(look, {} if session is None else session.off)

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
    from daftnb.widgets.loading import built

    try:
        size = len(built("daftnb.js").encode())
        built("loader.js")
    except RuntimeError as error:
        return Finding(jupyter.PART, "front end", "problem", str(error), "pip install --force-reinstall daftnb")
    return Finding(jupyter.PART, "front end", "ok", f"{size // 1000} kB, sent once to each page")


def _shows_lines(session: Session | None) -> bool:
    return session is not None and session.lines is not None and session.lines.on


def summary(findings: Sequence[Finding]) -> str:
    """How many of which rank, and which, in one line."""
    parts = []
    for rank in ("problem", "warning"):
        names = [finding.name for finding in findings if finding.rank == rank]
        which = f" ({', '.join(names)})" if names else ""
        parts.append(f"{len(names) or 'no'} {rank}{'' if len(names) == 1 else 's'}{which}")
    return f"{', '.join(parts)}; {sum(finding.rank == 'ok' for finding in findings)} ok"


def doctor_text(findings: Sequence[Finding]) -> str:
    """One line for each finding, with what to do below it."""
    from daftnb.widgets.tables import clean

    width = max((len(clean(finding.name)) for finding in findings), default=0)
    lines = []
    for part, title in PARTS.items():
        rows = [finding for finding in findings if finding.part == part]
        lines += ["", title] if rows else []
        for row in rows:
            lines.append(f"  {GLYPHS[row.rank]} {row.rank:<7}  {clean(row.name):<{width}}  {clean(row.detail)}")
            if row.remedy:
                lines.append(f"  {'':<{11 + width}}  → {clean(row.remedy)}")
    return "\n".join([*lines[1:], "", clean(summary(findings))])


def report(as_json: bool = False) -> int:
    """Print what is found; 1 if there is a problem, else 0."""
    findings = examine()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without these signs shows the words
    text = doctor_text(findings)
    print(json.dumps([asdict(finding) for finding in findings], indent=1) if as_json else text)
    return int(any(finding.rank == "problem" for finding in findings))
