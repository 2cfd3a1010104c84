"""One run of a shelf: what is known of it, which plan it ran, and whether it was slower than the runs before it.

**The same plan**: equal fingerprints. A fingerprint is made of the plan as it was written (of the physical one, where
that is not recorded): its operators, what feeds them, and their details without numbers and quoted texts. So a query
with other literals, or over more files, is the same plan; one with another column or another join is another.

**A regression**: a run that finished, and took more than ``SLOWER`` times the median of the last ``MOST_BEFORE``
finished runs of the same plan on the same runner before it, and ``LEAST_SECONDS`` more than that. There must be
``LEAST_BEFORE`` such runs; else it is not known.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, cast

from daftnb.recordings import Recording
from daftnb.telemetry import events as e
from daftnb.telemetry.codec import LATEST
from daftnb.telemetry.model import Query
from daftnb.text.cleaning import one_line

SLOWER = 1.5
LEAST_SECONDS = 0.5
LEAST_BEFORE, MOST_BEFORE = 3, 10
LONGEST = 500  # characters of an error or a name
Run = dict[str, Any]
# What is kept of a run, with its Arrow type. ``plan`` is the fingerprint; times are UTC; null is not known.
COLUMNS: dict[str, str] = {
    "started": "timestamp", "name": "string", "plan": "string", "seconds": "double", "rows": "int64",
    "status": "string", "error": "string", "runner": "string", "tasks": "int64", "workers": "int64",
    "peak_ratio": "double", "node_seconds": "double", "id": "string", "number": "int64",
    "daftnb": "string", "daft": "string", "ray": "string",
}  # fmt: skip
# What is found by looking at the others.
MARKS: dict[str, str] = {"median_before": "double", "slower": "double", "regression": "bool"}
LARGEST = 2**53  # whole numbers that a double has
NAMES = tuple(COLUMNS)
ROW = (*NAMES, "file")  # of what is listed
_STARTED, _SECONDS, _PLAN, _STATUS, _RUNNER = map(NAMES.index, ("started", "seconds", "plan", "status", "runner"))
_NONE = type(None)
_ALLOWED: dict[str, set[type]] = {
    "string": {str, _NONE}, "int64": {int, _NONE}, "double": {int, float, _NONE}, "timestamp": {int, float},
}  # fmt: skip
_LITERALS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\b0x[0-9a-fA-F]+\b|[0-9a-f]{8,}(?:-[0-9a-f]{4,})*|\d+")


def runs_of(recording: Recording, versions: Mapping[str, str]) -> list[Run]:
    """Return the runs that a recording holds; ``versions`` are those that its file names."""
    found = []
    for known in recording.queries:
        query = recording.query(known.number)
        found.append(
            {
                "started": known.started,
                "name": None if known.name is None else one_line(known.name, LONGEST),
                "plan": fingerprint(query),
                "seconds": known.seconds,
                "rows": known.rows,
                "status": known.state,
                "error": None if known.error is None else one_line(known.error.partition("\n")[0], LONGEST),
                "runner": known.runner,
                "tasks": known.tasks,
                "workers": known.workers_to,
                "peak_ratio": known.peak_ratio,
                "node_seconds": known.node_seconds,
                "id": known.id,
                "number": known.number,
                **{name: versions.get(name) for name in ("daftnb", "daft", "ray")},
            }
        )
    return found


def fingerprint(query: Query) -> str | None:
    """Return what two runs of the same plan have in common; None where no plan is recorded."""
    nodes: Sequence[e.PlanNode] = query.plans.get("logical") or query.plans.get("physical") or ()
    nodes = nodes or [operator.node for operator in query.operators.values()]
    if not nodes:
        return None
    places = {node.id: place for place, node in enumerate(nodes)}
    digest = blake2b(digest_size=8)
    for node in nodes:
        inputs = ",".join(str(places.get(id_, "?")) for id_ in node.inputs)
        text = f"{node.name}\0{node.kind}\0{inputs}\0{_LITERALS.sub('?', node.detail)}\0"
        digest.update(text.encode("utf-8", "replace"))
    return digest.hexdigest()


def are_runs(values: Sequence[object]) -> bool:
    """Return True if each value is a list of a run's values: each of its type, and in a range that it can have.

    An index has very many of them, so it looks at columns and not at runs.
    """
    if not values:
        return True
    if set(map(type, values)) != {list} or set(map(len, cast("Sequence[list[object]]", values))) != {len(NAMES)}:
        return False
    for name, column in zip(NAMES, zip(*cast("Sequence[list[Any]]", values), strict=True), strict=True):
        if not set(map(type, column)) <= _ALLOWED[COLUMNS[name]]:
            return False
        if COLUMNS[name] != "string":
            known = [value for value in column if value is not None]
            largest = LATEST if name == "started" else LARGEST
            if len(known) < len(column) and name in ("started", "seconds"):
                return False
            if known and not (
                -largest < min(known) and max(known) < largest and sum(known) == sum(known)
            ):  # NaN is not
                return False
    return True


def marks_of(rows: Sequence[Sequence[Any]]) -> tuple[list[int], dict[str, list[Any]]]:
    """Return the order in which runs began, and in it the columns of their ``MARKS``; ``rows`` are as ``ROW`` says."""
    order = sorted(range(len(rows)), key=lambda place: (rows[place][_STARTED], rows[place][-1]))
    marks: dict[str, list[Any]] = {name: [None] * len(rows) for name in MARKS}
    before: dict[tuple[str, str | None], deque[float]] = {}
    for place, index in enumerate(order):
        row = rows[index]
        plan, seconds = row[_PLAN], row[_SECONDS]
        if plan is None or row[_STATUS] != "finished":
            continue
        earlier = before.setdefault((plan, row[_RUNNER]), deque(maxlen=MOST_BEFORE))
        if len(earlier) >= LEAST_BEFORE:
            usual = _median(earlier)
            marks["median_before"][place] = usual
            marks["slower"][place] = seconds / usual if usual > 0 else None
            marks["regression"][place] = seconds > SLOWER * usual and seconds - usual > LEAST_SECONDS
        earlier.append(seconds)
    return order, marks


def marked(rows: Sequence[Sequence[Any]]) -> list[Run]:
    """Return the runs with their ``MARKS`` by name, in the order in which they began."""
    order, marks = marks_of(rows)
    return [
        {**dict(zip(ROW, rows[index], strict=True)), **{name: column[place] for name, column in marks.items()}}
        for place, index in enumerate(order)
    ]


def _median(values: Iterable[float]) -> float:
    """Return the median, as ``statistics.median`` does in five times the time."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
