"""A replay makes exactly the snapshots that were seen live."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daftnb.recordings import Recording
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.recordfile import Reel, decode, encode
from daftnb.telemetry.replay import EVERY, Replay
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import KEPT_QUERIES
from tests.helpers import arbitrary, crowd, story

PagedView = list[tuple[float, dict[str, Snapshot]]]  # the time, and the snapshot with each query as the current one


def watch(events: Iterable[e.Event], recorder: Recorder, every: int = 1) -> PagedView:
    """Feed a Monitor, and note its snapshots where some time passes before the next event comes."""
    stream = list(events)
    come, latest = [], 0.0
    for event in stream:
        latest = max(latest, event.t)
        come.append(latest)
    fed = 0
    now = 0.0
    waiting: list[e.Event] = []

    def pull() -> list[e.Event]:
        told, waiting[:] = list(waiting), []
        return told

    def snapshots(state: State, now: float) -> Snapshot:
        found = {}
        for query in state.queries.values():
            state.current, current = query, state.current
            found[query.id] = json.loads(json.dumps(snapshot_of(state, now, query.runner, AutoscalingSettings())))
            state.current = current
        return found

    monitor = Monitor(pull, snapshots, lambda: now, recorder)
    seen: PagedView = []
    while fed < len(stream):
        upto = min(fed + every, len(stream))
        while upto < len(stream) and come[upto] <= come[upto - 1]:
            upto += 1
        waiting += stream[fed:upto]
        fed, now = upto, come[upto - 1]
        seen.append((now, monitor.refresh()))
    assert not monitor.state.problems or any(isinstance(event, e.ProblemFound) for event in stream)
    return seen


def close(usage: Snapshot | None, replayed: Snapshot | None) -> bool:
    """Usage of nodes is recorded when it has changed by more than 1 %."""
    if usage is None or replayed is None:
        return usage is replayed
    return all(
        replayed[f"{what}_used"] == pytest.approx(usage[f"{what}_used"], abs=(usage[f"{what}_total"] or 0) / 100)
        for what in ("memory", "store")
    )


def of_query(snapshot: Snapshot, start: float) -> Snapshot:
    """The parts of a snapshot that are about its query: of workers and samples, what is of before it is left out."""
    snapshot = json.loads(json.dumps(snapshot))
    number = str(snapshot["query"]["number"])
    for worker in snapshot["workers"]["rows"].values():
        worker["busy_spans"] = [span for span in worker["busy_spans"] if span[1] is None or span[1] > start]
        worker["tasks"] = {key: task for key, task in worker["tasks"].items() if task[2] == int(number)}
    snapshot["backlog"]["points"] = {k: p for k, p in snapshot["backlog"]["points"].items() if p[0] > start}
    snapshot["queries"] = {number: snapshot["queries"][number]}
    del snapshot["session"]
    return snapshot


def same(recorder: Recorder, seen: PagedView, number: int, latest: float = 1e12) -> int:
    """Compare every snapshot with the replayed one, forwards and then backwards; how many there were."""
    recording = Recording([recorder.reel(number)], "a test")
    (query,) = recording.queries
    mine = [
        (t, snapshots[query.id]) for t, snapshots in seen if query.id in snapshots and recording.start <= t <= latest
    ]
    mine = [(t, snapshot) for t, snapshot in mine if t <= recording.end]
    for t, snapshot in [*mine, *reversed(mine)]:
        replayed = json.loads(json.dumps(recording.snapshot(t)))
        expected = of_query(snapshot, recording.start)
        got = of_query(replayed, recording.start)
        for id_, worker in expected["workers"]["rows"].items():
            assert close(worker.pop("usage"), got["workers"]["rows"][id_].pop("usage"))
        for topic in expected:
            assert got[topic] == expected[topic], (topic, t)
    return len(mine)


def arrival(events: Iterable[e.Event]) -> list[tuple[float, e.Event]]:
    latest = 0.0
    found = []
    for event in events:
        latest = max(latest, event.t)
        found.append((latest, event))
    return found


def several() -> list[e.Event]:
    """Three queries on one cluster: two that overlap, and one at once after them; one on the native runner."""
    T = crowd.T
    first = arrival(crowd.query(1, 300, 3, 2, 3, 0.05, T, 1))
    second = arrival(crowd.query(2, 200, 3, 2, 2, 0.05, T + 1.013, 2, cluster=False))
    third = arrival(crowd.query(3, 100, 3, 2, 2, 0.05, T + 4.517, 3, cluster=False))
    native = [
        e.QueryStarted(T + 6, "local", "native"),
        e.PlanReady(T + 6.1, "local", story.PLAN),
        e.OperatorStarted(T + 6.2, "local", 1),
        e.OperatorStats(T + 6.3, "local", 1, 5, 5, 8, 8, 70),
        e.OperatorFinished(T + 6.3, "local", 1),
        e.QueryFinished(T + 6.4, "local", "failed", "a reason"),
    ]
    marked = sorted([*first, *second, *third, *arrival(native)], key=lambda pair: pair[0])
    return [event for _, event in marked]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_what_was_seen_live_is_what_is_replayed(number: int) -> None:
    recorder = Recorder()
    seen = watch(several(), recorder, every=7)
    assert same(recorder, seen, number) >= {1: 40, 2: 30, 3: 10, 4: 2}[number]


def test_a_story_with_requests_and_a_retirement_too() -> None:
    recorder = Recorder()
    seen = watch(story.events(), recorder)
    assert same(recorder, seen, 1) >= 10
    table = Recording([recorder.reel(1)], "a test").decisions()
    assert table.column("kind").to_pylist() == ["arrival", "request", "over max", "arrival", "clear", "retire"]
    assert table.column("count").to_pylist() == [1, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("examples", [40, pytest.param(2_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_any_stream_is_replayed_as_it_was_seen(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(arbitrary.streams())
    def replayed(stream: list[e.Event]) -> None:
        recorder = Recorder()
        seen = watch(stream, recorder)
        for number in recorder.numbers:
            reel = recorder.reel(number)
            assert decode(encode(reel.events, reel.moments)[0]) == (reel.events, reel.moments)
            same(recorder, seen, number)

    replayed()


@given(st.lists(arbitrary.events, max_size=20), st.floats(0, 2e11))
def test_whatever_a_file_holds_is_replayed_or_refused(events: list[Any], t: float) -> None:
    begun = e.QueryStarted(5.0, "q", "ray")
    story = [begun, *(event for event in events if not isinstance(event, e.WorldKnown))]
    replay = Replay(Reel(1, story, [max(ev.t for ev in story[: i + 1]) for i in range(len(story))]))
    for moment in (t, 5.0, None):
        snapshot = replay.snapshot(moment)
        assert json.loads(json.dumps(snapshot))["query"]["id"] == "q"


def test_a_recording_ends_where_a_session_would_not_show_its_query_any_more() -> None:
    """A hundred other queries began while it ran."""
    events: list[e.Event] = [e.QueryStarted(1.0, "q", "native")]
    events += [e.QueryStarted(2.0 + i, f"other {i}", "native") for i in range(KEPT_QUERIES + 5)]
    replay = Replay(Reel(1, events, [event.t for event in events]))
    assert [event.query_id for event in replay.events] == ["q", *(f"other {i}" for i in range(KEPT_QUERIES - 1))]
    assert (replay.end, len(replay.moments)) == (KEPT_QUERIES + 0.0, KEPT_QUERIES)
    assert replay.snapshot(50.5)["query"]["id"] == "q" and replay.last["now"] == replay.end
    assert len(replay.snapshot()["queries"]) == KEPT_QUERIES


@pytest.mark.parametrize(
    ("number", "events", "reason"),
    [
        (2, [e.QueryStarted(1.0, "q", "ray")], "the recording of query 2 is that of another"),
        (1, [e.NodesSeen(1.0, ())], "the recording of query 1 does not say when it began"),
        (1, [], "the recording of query 1 does not say when it began"),
    ],
)
def test_events_that_make_no_recording(number: int, events: list[e.Event], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Replay(Reel(number, events, [event.t for event in events]))
    with pytest.raises(ValueError, match="are not in the order in which they came"):
        Replay(Reel(1, [e.QueryStarted(1.0, "q", "ray"), e.NodesSeen(1.0, ())], [2.0, 1.0]))


def test_a_moment_far_ahead_is_folded_from_the_nearest_state_that_is_kept() -> None:
    last = 4 * EVERY - 1
    events = [e.NodesSeen(float(i), (e.Node("a", i, 1, False),)) for i in range(1, last + 1)]
    replay = Replay(Reel(1, [e.QueryStarted(0.0, "q", "ray"), *events], [float(i) for i in range(last + 1)]))
    for t in (0.0, 3.9 * EVERY, 0.5 * EVERY, 3.2 * EVERY, 3.3 * EVERY, 1.0, 4.0 * EVERY):
        assert replay.state(t).granted == (min(int(t), last) or None)


def test_going_back_is_the_same_as_going_there_at_first() -> None:
    recorder = Recorder()
    for event in crowd.query(tasks=3 * EVERY, workers=4):
        recorder.record(event, STATE)
        apply_to(event)
    reel = recorder.reel(1)
    assert len(reel.events) > 3 * EVERY
    replay = Replay(reel)
    moments = [replay.start + (replay.end - replay.start) * part for part in (0.9, 0.1, 0.5, 0.49, 0.51, 0, 1)]
    there = [json.dumps(Replay(reel).snapshot(t)) for t in moments]
    assert [json.dumps(replay.snapshot(t)) for t in moments] == there


STATE = State()


def apply_to(event: e.Event) -> None:
    from daftnb.telemetry.state import apply

    apply(event, STATE)
