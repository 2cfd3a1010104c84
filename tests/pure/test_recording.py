"""The flight recorder: what it keeps, what a file of it is, and what is said of a file that is none."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from daftnb.errors import RecordingError
from daftnb.recordings import Recording, open_recording
from daftnb.telemetry import events as e
from daftnb.telemetry import recorder, recordfile
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from tests.helpers import crowd, story
from tests.helpers.recorded import recorded, tiny

# -- what is kept -----------------------------------------------------------------------------------------------------


def test_what_says_nothing_new_is_not_kept() -> None:
    state = State()
    made = recorded(story.events(), state=state)
    reel = made.reel(1)
    before = len(reel.events)
    again = [
        e.StageCounts(story.T + 11, "calm-willow", 3, "Sort", e.TaskCounts(1, 0, 0, 1, 0, 0)),
        e.WorkerCounts(story.T + 11, "a", 0, 12, story.T + 8.5),
        e.OperatorStats(story.T + 11, "calm-willow", 2, 200, 150, 1600, 1200, 3000),
        e.WorkerCounts(story.T + 11, "not known", 0, 0, None),
        e.HoldCounted(story.T + 11, 9, 9),
    ]
    recorded(again, made, state)
    assert len(made.reel(1).events) == before
    recorded([e.WorkerCounts(story.T + 11, "a", 0, 13, story.T + 8.5)], made, state)
    assert len(made.reel(1).events) == before + 1


def test_a_recording_goes_on_a_few_seconds_after_the_end_and_then_is_encoded() -> None:
    state = State()
    made = recorded(story.events(), state=state)
    after = e.WorkerKept(story.T + 12, "a")
    assert made.settle(story.T + 14, False) == []
    recorded([after], made, state)
    assert (made.reel(1).events[-1], made.bytes) == (after, 0)
    events = list(made.reel(1).events)
    assert made.settle(story.T + 15, False) == []
    assert made.bytes > 0
    recorded([e.WorkerReused(story.T + 15.1, "a")], made, state)
    assert list(made.reel(1).events) == events, "it is over"


def test_nothing_is_encoded_while_a_query_runs_unless_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    made, state = Recorder(), State()
    recorded(tiny(1, 0.0), made, state)
    made.settle(100.0, active=True)
    assert made.bytes == 0
    monkeypatch.setattr(recorder, "WAITING", 0)
    made.settle(100.0, active=True)
    assert made.bytes > 0


def test_a_query_that_runs_long_is_encoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "CHUNK", 50)
    made, state = Recorder(), State()
    events = list(crowd.query(tasks=200, workers=2))
    for i in range(0, len(events), 40):
        recorded(events[i : i + 40], made, state)
        made.settle(crowd.T, active=True)
    assert made.bytes > 0
    assert made.reel(1) == recorded(events).reel(1)


def test_the_last_hundred_are_kept() -> None:
    made, state = Recorder(), State()
    for number in range(1, 131):
        recorded(tiny(number, 10.0 * number), made, state)
        made.settle(10.0 * number + 9, False)
    assert (made.numbers, made.dropped) == (list(range(31, 131)), 30)
    assert len(Recording([made.reel(130)], "a test").queries) == 1
    with pytest.raises(
        RecordingError, match="There is no recording of query '7' \\(there are recordings of queries 31 to 130\\)"
    ):
        made.number_of(7)


def test_within_so_many_bytes_and_what_is_dropped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "KEPT_BYTES", 100_000)
    made = Recorder()
    told: list[str] = []

    def settled(now: float, active: bool) -> list[str]:
        problems = Recorder.settle(made, now, active)
        told.extend(problems)
        return problems

    state = State()
    rng = random.Random(1)
    for number in range(1, 11):
        name = "".join(chr(rng.randrange(33, 1000)) for _ in range(5000))
        recorded(tiny(number, 10.0 * number, name), made, state)
        settled(10.0 * number + 9, False)
        assert made.bytes <= 100_000
    assert made.dropped == len(told) == 10 - len(made.numbers)
    assert 2 < len(made.numbers) < 9
    assert set(told) == {recorder.TOO_LARGE}


def test_a_query_with_too_much_detail_goes_on_with_counts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_BYTES", 20_000)
    monkeypatch.setattr(recorder, "CHUNK", 500)
    made, state = Recorder(), State()
    told: list[str] = []
    events = list(crowd.query(tasks=4000, workers=4))
    for i in range(0, len(events), 100):
        recorded(events[i : i + 100], made, state)
        told += made.settle(crowd.T, active=True)
    running = Recording([made.reel(1)], "a test")
    told += made.settle(events[-1].t + 10, active=False)
    assert told == [recorder.TOO_LONG]
    assert made.bytes < 40_000
    for recording in (running, Recording([made.reel(1)], "a test")):
        (query,) = recording.queries
        assert (query.tasks, query.state) == (4000, "finished")
        assert recording.snapshot()["query"]["tasks"]["finished"] == state.queries[query.id].tasks().finished  # type: ignore[union-attr]
        tasks = recording.tasks().num_rows
        assert 100 < tasks < 4000
        assert query.dropped > 4000 - tasks


def test_queries_that_never_end_are_closed() -> None:
    made, state = Recorder(), State()
    many = 2 * recorder.KEPT_QUERIES
    recorded([e.QueryStarted(float(n), f"q{n}", "native") for n in range(many + 1)], made, state)
    assert made.reel(1).events[-1] == e.QueryStarted(float(many), f"q{many}", "native"), "it heard of all that began"
    recorded([e.NodesSeen(many + 1.0, (e.Node("a", 1, 1, False),))], made, state)
    assert isinstance(made.reel(2).events[-1], e.NodesSeen)
    assert isinstance(made.reel(1).events[-1], e.QueryStarted), "it hears of nothing any more"
    assert made.settle(many + 2.0, False) == []
    assert made.numbers[0] == 2, "it is over, and there are more than are kept"


def test_what_cannot_be_encoded_is_said_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = recorded(tiny(1, 0.0))
    before = len(made.reel(1).events)

    def broken(events: Any, moments: Any) -> Any:
        raise OSError("no more memory")

    monkeypatch.setattr(recorder, "encode", broken)
    assert made.settle(100.0, False) == ["a part of a recording was lost: OSError('no more memory')"]
    assert (list(made.reel(1).events), made.reel(1).dropped) == ([], before)
    assert made.settle(101.0, False) == [], "once"
    with pytest.raises(RecordingError, match="There is no recording of query 999 any more"):
        made.reel(999)


def test_many_tiny_queries_hear_of_the_world_for_a_short_time_only() -> None:
    made, state = Recorder(), State()
    for number in range(1, 51):
        recorded(tiny(number, number / 100), made, state)
        recorded([e.BacklogSample(number / 100, 1, 1, 0, 1, 1)], made, state)
    told = [sum(isinstance(event, e.BacklogSample) for event in made.reel(n).events) for n in range(1, 51)]
    assert max(told) <= recorder.OVERLAPPING + 2
    late = e.OperatorStats(0.7, "q3", 0, None, 7, None, 40, 9)
    recorded([late], made, state)
    assert made.reel(3).events[-1] == late, "what is of the query itself is kept whenever it comes"


def test_a_recorder_that_fails_harms_nobody() -> None:
    class Broken(Recorder):
        def record(self, event: e.Event, state: State) -> None:
            raise OSError("no more")

    class BrokenLater(Recorder):
        def settle(self, now: float, active: bool) -> list[str]:
            raise OSError("no more")

    for broken in (Broken(), BrokenLater()):
        monitor = Monitor(lambda: [e.QueryStarted(0, "q", "ray")], lambda state, now: {}, lambda: 0.0, broken)
        monitor.tick()
        monitor.tick()
        assert monitor.state.problems == {"queries are no longer recorded: OSError('no more')": 1}
        assert list(monitor.state.queries) == ["q"]


def test_events_that_cannot_be_written_are_left_out_and_told() -> None:
    made, state = Recorder(), State()
    bad: list[Any] = [
        e.HoldBegun(0.01, 1, "below", 0, 1, float("inf")),
        e.ScaleRequested(0.01, 1, 0.5, 1, 1),  # type: ignore[arg-type]
        e.ScaleRequested(0.01, 1, 2**70, 1, 1),
        e.OperatorStarted(0.01, "q1", 2**70),
        e.ProblemFound(0.01, b"bytes"),  # type: ignore[arg-type]
        e.WorkerStarted(float("nan"), "w", 1, 1),
    ]
    good: list[e.Event] = [e.ScaleRequested(0.01, 1, 2.0, 1, 1), e.BacklogSample(0.02, 1, 1, 1, 1, 1)]  # type: ignore[arg-type]
    recorded([*tiny(1, 0.0), *bad, *good], made, state)
    running = made.reel(1)
    assert (running.events[-2:], running.dropped) == (good, len(bad))
    assert made.settle(10.0, False) == [recorder.LOST]
    assert made.reel(1) == running


# -- size -------------------------------------------------------------------------------------------------------------


def test_a_query_of_ten_thousand_tasks_is_small(tmp_path: Path) -> None:
    made = recorded(crowd.query(tasks=10_000, workers=8, slots=4))
    path = tmp_path / "run.arrow"
    size = recordfile.write(path, [made.reel(1)], "0.1.0", {})
    made.settle(crowd.T + 1e6, False)
    assert size == path.stat().st_size < 2_000_000
    assert made.bytes < 2_000_000
    recording = open_recording(path)
    assert recording.tasks().num_rows == recording.queries[0].tasks == 10_000
