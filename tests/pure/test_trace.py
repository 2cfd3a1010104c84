"""A recording as a trace: what Perfetto and chrome://tracing are given."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from daftnb.errors import RecordingError
from daftnb.export.trace import trace_of
from daftnb.recordings import Recording
from daftnb.telemetry import events as e
from daftnb.telemetry.recorder import Recorder
from tests.helpers import crowd, story
from tests.helpers.recorded import recorded, tiny

T = story.T


def trace(events: list[e.Event], number: int = 1) -> list[dict[str, Any]]:
    """The events of the trace of one query."""
    found: list[dict[str, Any]] = json.loads(
        json.dumps(trace_of(Recording([recorded(events).reel(number)], "a test").timelines()))
    )["traceEvents"]
    return found


def of(events: list[dict[str, Any]], phase: str, category: str | None = None) -> list[dict[str, Any]]:
    return [event for event in events if event["ph"] == phase and category in (None, event.get("cat"))]


def test_the_query_its_stages_its_operators_and_its_decisions() -> None:
    events = trace(story.events())
    (query,) = of(events, "X", "query")
    assert (query["ts"], query["dur"], query["args"]["state"]) == (0, 10_000_000, "finished")
    assert query["name"] == "Query 1 (calm-willow)"
    threads = [event["args"]["name"] for event in of(events, "M") if event["name"] == "thread_name"]
    assert threads == [
        *("query", "decisions", "stage 2: Scan->UDF", "stage 3: Sort"),
        *("operator 1: ScanTaskSource", "operator 2: UDF score", "operator 3: Sort"),
    ]
    assert of(events, "X", "operator") == [], "no task was told of: when they began is not known"
    marks = of(events, "i", "decision")
    assert [(mark["name"], mark["args"]["times"]) for mark in marks] == [
        *(("arrival", 1), ("request", 1), ("over max", 2), ("arrival", 1), ("clear", 1), ("retire", 1))
    ]
    assert (marks[1]["ts"], marks[1]["args"]["text"]) == (
        1_100_000,
        "ratio 19 (19 pending ÷ 1 CPUs): asked Ray for 2 × 1 CPU",
    )


def test_the_counters_are_the_samples_and_what_is_not_known_is_left_out() -> None:
    counters = of(trace(story.events()), "C")
    tasks = [(event["ts"], event["args"]) for event in counters if event["name"] == "tasks"]
    assert tasks == [
        (1_000_000, {"pending": 20, "running": 1}),
        (5_100_000, {"pending": 12, "running": 2}),
        (9_000_000, {"pending": 0, "running": 1}),
    ]
    cpus = [event["args"] for event in counters if event["name"] == "CPUs"]
    assert cpus == [
        {"capacity": 1, "granted": 1},
        {"capacity": 2, "granted": 1, "wanted": 4},
        {"capacity": 2, "granted": 1, "wanted": 4},
    ]
    ratios = [event["args"]["ratio"] for event in counters if event["name"] == "backlog ratio"]
    assert ratios == [20.0, 6.0, 0.0]
    rates = {event["name"]: event["args"]["rows/s"] for event in counters if event["name"].startswith("rows/s")}
    assert rates == {"rows/s of 1: ScanTaskSource": round(200 / 6, 3), "rows/s of 2: UDF score": 25.0}


def test_each_task_is_once_on_a_slot_of_its_worker_and_none_overlap() -> None:
    events = trace(crowd.query(1, 600, 3, 2, 3, 0.05, crowd.T, 1))
    tasks = of(events, "X", "task")
    assert len(tasks) == 600 == len({task["args"]["task"] for task in tasks})
    lanes: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in of(events, "X"):
        lanes.setdefault((event["pid"], event["tid"]), []).append(event)
    for lane in lanes.values():
        lane.sort(key=lambda event: event["ts"])
        assert all(one["ts"] + one["dur"] <= other["ts"] for one, other in pairwise(lane))
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in of(events, "M") if e["name"] == "thread_name"}
    assert set(lanes) <= set(named)
    slots = sorted(named[task["pid"], task["tid"]] for task in tasks)
    assert sorted(set(slots)) == [f"worker {worker}, slot {slot}" for worker in (1, 2, 3) for slot in (1, 2)]
    stages = of(events, "X", "stage")
    assert [stage["args"]["tasks"] for stage in stages] == [200, 200, 200]
    assert all(operator["args"]["derived"] is True for operator in of(events, "X", "operator"))


def test_what_had_not_ended_ends_with_the_recording_and_says_so() -> None:
    (query,) = of(trace([event for event in story.events() if event.t < T + 6.5]), "X", "query")
    assert query["args"] == {"id": "calm-willow", "state": "running", "open": True}
    assert query["dur"] == 6_000_000


def test_the_native_runner_tells_when_an_operator_began_and_ended() -> None:
    events = [
        e.QueryStarted(T, "q", "native"),
        e.PlanReady(T, "q", story.PLAN),
        e.OperatorStarted(T + 1, "q", 1),
        e.OperatorFinished(T + 3, "q", 1),
        e.OperatorStarted(T + 2, "q", 2),
        e.QueryFinished(T + 4, "q", "failed", "a reason"),
    ]
    found = {event["args"]["id"]: event for event in of(trace(events), "X", "operator")}
    assert {id_: (event["ts"], event["dur"]) for id_, event in found.items()} == {
        1: (1_000_000, 2_000_000),
        2: (2_000_000, 2_000_000),
    }
    assert not any("derived" in event["args"] for event in found.values())


def test_several_queries_are_processes_of_their_own_and_it_is_saved_by_its_ending(tmp_path: Path) -> None:
    recorder = Recorder()
    recorded([*tiny(1, 1000.0), *tiny(2, 1005.0)], recorder)
    recording = Recording([recorder.reel(1), recorder.reel(2)], "two.arrow")
    path = tmp_path / "run.trace.json"
    assert recording.save(path) == path.stat().st_size
    held = json.loads(path.read_text())
    assert [event["ts"] for event in of(held["traceEvents"], "X", "query")] == [0, 5_000_000]
    assert held["otherData"]["started"] == "1970-01-01T00:16:40.000000+00:00"
    assert len({event["pid"] for event in of(held["traceEvents"], "X", "query")}) == 2
    with pytest.raises(RecordingError, match=r"run\.json cannot be written: nothing that daftnb writes ends in \.json"):
        recording.save(tmp_path / "run.json")
    with pytest.raises(RecordingError, match="No such file or directory"):
        recording.save(tmp_path / "absent" / "run.trace.json")
