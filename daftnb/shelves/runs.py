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
from typing import Any

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
_STARTED, _SECONDS = NAMES.index("started"), NAMES.index("seconds")
_NONE = type(None)
_TYPES: dict[str, tuple[type, ...]] = {"string": (str, _NONE), "int64": (int, _NONE)}
_ALLOWED = tuple(_TYPES.get(kind, (int, float, _NONE)) for kind in COLUMNS.values())
_NUMBERS = tuple(place for place, kind in enumerate(COLUMNS.values()) if kind != "string")
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


def is_run(value: object) -> bool:
    """Return True if a list from an index is a run's values: each of its type, and in a range that it can have.

    It is asked of each run of a shelf, so it is one loop over types, and one over numbers.
    """
    if type(value) is not list or len(value) != len(NAMES):
        return False
    for each, allowed in zip(value, _ALLOWED, strict=True):
        if type(each) not in allowed:
            return False
    for place in _NUMBERS:
        number = value[place]
        if number is not None and not -LARGEST < number < LARGEST:  # nor NaN
            return False
    started, seconds = value[_STARTED], value[_SECONDS]
    return started is not None and seconds is not None and -LATEST < started < LATEST


def _median(values: Iterable[float]) -> float:
    """Return the median, as ``statistics.median`` does in five times the time."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def marked(runs: Iterable[Run]) -> list[Run]:
    """Return the runs, each with its ``MARKS`` added to it, in the order in which they began."""
    before: dict[tuple[str, str | None], deque[float]] = {}
    ordered = sorted(runs, key=lambda run: (run["started"], run["file"], run["number"] or 0))
    for run in ordered:
        run["median_before"] = run["slower"] = run["regression"] = None
        if run["plan"] is None or run["status"] != "finished":
            continue
        earlier = before.setdefault((run["plan"], run["runner"]), deque(maxlen=MOST_BEFORE))
        if len(earlier) >= LEAST_BEFORE:
            usual = _median(earlier)
            run["median_before"] = usual
            run["slower"] = run["seconds"] / usual if usual > 0 else None
            run["regression"] = run["seconds"] > SLOWER * usual and run["seconds"] - usual > LEAST_SECONDS
        earlier.append(run["seconds"])
    return ordered
