"""Snapshots of clusters whose workers have tasks: what the lanes, the table and the moment are tested with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import apply
from tests.benchmarks.stream import stream
from tests.helpers import scaling

T = scaling.T
STAGES = {
    "3": "Filter o_orderdate < 1995-03-15",
    "4": "Filter l_shipdate > 1995-03-15",
    "5": "HashJoin",
    "6": "Grouped Aggregation",
}
GB = 10**9


def scaled(over: bool) -> Snapshot:
    """The story of :mod:`tests.helpers.scaling`, with a task for each mark; one failed, one lost, one cancelled."""
    snapshot = scaling.snapshot(over)
    rows = snapshot["workers"]["rows"]
    chance = random.Random(3)
    number = 0
    for place, worker in enumerate(rows.values()):
        worker["place"] = place
        worker["started"] = worker["busy_spans"][0][0] - 0.4 if worker["busy_spans"] else None
        tasks = worker["tasks"]
        for start, end in worker["busy_spans"]:
            at = start
            until = snapshot["now"] - 0.9 if end is None else end
            while at < until:
                to = min(until, at + chance.choice((0.25, 0.4, 0.5, 0.7, 1.1)))
                done = (at - T) / 30
                stage = 3 if done < 0.15 else 4 if done < 0.45 else 5 if done < 0.85 else 6
                tasks[str(len(tasks))] = [number, stage, 7, round(at, 3), round(to, 3), "finished"]
                at = to
                number += 1
            if end is None:
                worker["now"] = [[number, 4, round(until, 3)]]
                number += 1
        if worker["slots"]:
            worker["usage"] = {"memory_used": 11 * GB // 10 + place * GB // 10, "memory_total": 2 * GB}
            worker["usage"] |= {"store_used": place * GB // 20, "store_total": GB // 2}
        if worker["state"] in ("retired", "gone"):
            worker |= {"started": None, "since": T + 20, "usage": None}
    _end(rows["b"], 6, "failed")
    _end(rows["c"], 4, "lost")
    if over:
        _end(rows["a"], 40, "cancelled")
    snapshot["workers"]["stages"] = dict(STAGES)
    snapshot["plan"]["udfs"] = {"UDF score": {"count": 4, "idle": 1}}
    return snapshot


def _end(worker: Snapshot, number: int, outcome: str) -> None:
    worker["tasks"][str(number)][-1] = outcome


def many(workers: int, tasks: int, until: float = 1.0) -> Snapshot:
    """A query on many workers of four slots, as far as ``until`` (1: its end), each with its latest tasks."""
    return list(grown(workers, tasks, until))[-1]


def grown(workers: int, tasks: int, until: float = 1.0, operators: int = 60) -> Iterator[Snapshot]:
    """The snapshots of :func:`many`, from its start on, five for a second of its time."""
    state = State()
    pulls: list[list[Any]] = list(stream(workers, operators, tasks, 24.0))
    for pull in pulls[: max(1, int(len(pulls) * until))]:
        for event in pull:
            apply(event, state)
        yield snapshot_of(state, pull[-1].t, "ray", AutoscalingSettings())
