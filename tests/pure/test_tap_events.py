"""What the tap tells, as events: on this process's clock, details before counts, dropped ones added up."""

from __future__ import annotations

from typing import Any

from daftnb.engine.queries.tap_events import TapEvents
from daftnb.telemetry import events as e

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("events", "tasks", "stages", "workers", "lives", "udfs", "stats", "usage"), ()),
    **{"now": 100.0, "dropped": 0, "asked": None, "hold": None, "nodes": None, "faults": {}},
}


def told(by: TapEvents | None = None, shift: float = 0.0, **drained: Any) -> list[e.Event]:
    return list((by or TapEvents()).events({**NOTHING, **drained}, shift))


def test_nothing_but_that_there_is_nobody() -> None:
    assert told() == [e.PoolSeen(100.0, ())]


def test_each_part_is_an_event_on_this_clock() -> None:
    events = told(
        shift=1000.0,
        events=[
            ("worker", 90.0, "w", 2, 7),
            ("sample", 91.0, 5, 4, 1, 2, 1, 2),
            ("hold", 91.5, 3, "below", 5, 4, 1.25),
            ("request", 92.0, 2, 2, 5, 2),
            ("warm", 93.0, "w"),
            ("reuse", 94.0, "w"),
            ("clear", 95.0),
            ("ended", 96.0, "w", "retired", "after 60 s idle"),
        ],
        tasks=[(97.0, "q", 3, "w", 11, 96.5, "finished")],
        lives=[("v", 98.0, 1, 8)],
        asked=(92.0, 2, 2, 5, 2),
        stages=[("q", 3, "sort", 6, 1, 2, 3, 0, 0)],
        workers=[("v", 1, 4, None, False, None, "", [(12, 3, 99.0)]), ("u", 0, 0, 80.0, True, 140.0, "r", [])],
        hold=(3, 17),
        udfs=[("q", "f", 0, 4, 120.0), ("q", "g", 2, 0, 0.0)],
        stats=[("q", [{"id": 3, "rows.in": 8, "rows.out": 4, "bytes.in": 64, "bytes.out": 32, "duration": 5}])],
        nodes=[("v", 1, 8, False)],
        usage=[("v", 1, 2, 3, 4)],
    )
    asked = e.ScaleRequested(1092.0, 2, 2, 5, 2)
    assert events == [
        e.WorkerStarted(1090.0, "w", 2, 7),
        e.BacklogSample(1091.0, 5, 4, 1, 2, 1, 2),
        e.HoldBegun(1091.5, 3, "below", 5, 4, 1.25),
        asked,
        e.WorkerKept(1093.0, "w"),
        e.WorkerReused(1094.0, "w"),
        e.DemandCleared(1095.0),
        e.WorkerEnded(1096.0, "w", "retired", "after 60 s idle"),
        e.TaskEnded(1097.0, "q", 3, "w", 11, 1096.5, "finished"),
        e.PoolSeen(1100.0, (e.Life("v", 1098.0, 1, 8),), asked),
        e.StageCounts(1100.0, "q", 3, "sort", e.TaskCounts(6, 1, 2, 3, 0, 0)),
        e.WorkerCounts(1100.0, "v", 1, 4, None, False, None, "", ((12, 3, 1099.0),)),
        e.WorkerCounts(1100.0, "u", 0, 0, 1080.0, True, 1140.0, "r", ()),
        e.HoldCounted(1100.0, 3, 17),
        e.UdfActors(1100.0, "q", "f", 0, None, 4, 120.0),
        e.UdfActors(1100.0, "q", "g", 2),
        e.OperatorStats(1100.0, "q", 3, 8, 4, 64, 32, 5),
        e.NodesSeen(1100.0, (e.Node("v", 1, 8, False),)),
        e.NodeFigures(1100.0, "v", 1, 2, 3, 4),
    ]


def test_what_was_dropped_adds_up_and_each_fault_is_told_once() -> None:
    door = TapEvents()
    first = told(door, dropped=3, faults={"submitted: KeyError: 1": 1})
    assert first[1:] == [
        e.DetailDropped(100.0, 3),
        e.ProblemFound(100.0, "the counts may be off: in the runner actor, submitted: KeyError: 1"),
    ]
    assert told(door, dropped=0, faults={"submitted: KeyError: 1": 9})[1:] == []
    again = told(door, dropped=4, faults={"submitted: KeyError: 1": 9, "done: KeyError: 2": 1})
    assert [getattr(event, "events", None) for event in again[1:]] == [7, None]
    assert isinstance(again[2], e.ProblemFound) and again[2].text.endswith("done: KeyError: 2")
