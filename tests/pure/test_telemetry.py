"""Events → state → snapshots → patches, as pure functions."""

from __future__ import annotations

import copy
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry import monitor as monitor_module
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.samples import KEPT_SAMPLES
from daftnb.telemetry.snapshots import TOPICS, merge_patch, select, snapshot_of
from daftnb.telemetry.state import KEPT_PROBLEMS, KEPT_QUERIES, apply
from tests.conftest import await_that
from tests.helpers import story
from tests.helpers.mergepatch import rfc7386, without_none


def test_while_it_runs() -> None:
    snapshot = story.snapshot(upto=5.5)
    assert snapshot["query"]["state"] == "running"
    assert snapshot["query"]["tasks"] == {
        "submitted": 20,
        "pending": 19,
        "running": 1,
        "finished": 0,
        "failed": 0,
        "cancelled": 0,
    }
    operators = snapshot["plan"]["operators"]
    assert [(o["name"], o["state"], o["stage"]) for o in operators.values()] == [
        ("ScanTaskSource", "running", 2),
        ("UDF score", "running", 2),
        ("Sort", "waiting", None),
    ]
    assert {k: snapshot["workers"][k] for k in ("total", "busy", "idle", "slots")} == {
        "total": 2,
        "busy": 2,
        "idle": 0,
        "slots": 2,
    }
    assert snapshot["backlog"]["ratio"] == 6.0
    assert snapshot["backlog"]["peak"] == 20.0
    assert snapshot["backlog"]["threshold"] == 1.5, "the one in effect, not the one that is set"


def test_statistics_that_come_late_do_not_take_the_place_of_the_last() -> None:
    """The monitor asks the engine while the query ends, and takes what it was told then after what the end told."""
    state = State()
    apply(e.QueryStarted(1.0, "q", "ray"), state)
    apply(e.PlanReady(1.0, "q", (e.PlanNode(1, "Join", "", ()),)), state)
    for t, rows in ((2.0, 10), (4.0, 72), (3.9, 37)):
        apply(e.OperatorStats(t, "q", 1, None, rows), state)
    apply(e.QueryFinished(4.1, "q", "finished"), state)
    assert state.queries["q"].result_rows == 72


def test_problems_are_bounded_and_the_latest_stay() -> None:
    state = State()
    apply(e.ProblemFound(0.0, "again and again"), state)
    for number in range(KEPT_PROBLEMS + 5):
        apply(e.ProblemFound(1.0, f"query {number} ran unwatched"), state)
        apply(e.ProblemFound(1.0, "again and again"), state)
    assert len(state.problems) == KEPT_PROBLEMS
    assert list(state.problems.items())[-1] == ("again and again", KEPT_PROBLEMS + 6)
    assert (
        f"query {KEPT_PROBLEMS + 4} ran unwatched" in state.problems and "query 0 ran unwatched" not in state.problems
    )


def test_when_it_has_finished() -> None:
    snapshot = story.snapshot()
    assert snapshot["queries"]["1"] == {
        "number": 1,
        "id": "calm-willow",
        "name": None,
        "runner": "ray",
        "state": "finished",
        "started": story.T,
        "elapsed": 10.0,
        "rows": None,
        "tasks": 21,
        "peak_ratio": 20.0,
        "workers_from": 1,
        "workers_to": 2,
        "node_seconds": 11.9,
        "settings": AutoscalingSettings(threshold=1.5).environment(),
        "error": None,
    }
    assert {o["state"] for o in snapshot["plan"]["operators"].values()} == {"finished"}
    assert snapshot["plan"]["operators"]["2"]["time_share"] == 0.75
    assert {w["label"]: w["state"] for w in snapshot["workers"]["rows"].values()} == {
        "head": "no worker",
        "worker 1": "idle",
        "worker 2": "retired",
    }
    assert snapshot["workers"]["idle"] == 1
    assert [(d["kind"], d["count"]) for d in snapshot["decisions"].values()] == [
        ("arrival", 1),
        ("request", 1),
        ("over max", 2),
        ("arrival", 1),
        ("clear", 1),
        ("retire", 1),
    ]
    row = snapshot["settings"]["rows"]["threshold"]
    assert (row["set"], row["in_effect"], row["pending"]) == ("1.25", "1.5", True)


def test_details_that_come_after_the_end_belong_to_their_query() -> None:
    state = State()
    for event in (
        e.QueryStarted(1.0, "a", "ray"),
        e.QueryFinished(2.0, "a", "finished"),
        e.QueryStarted(3.0, "b", "ray"),
        e.BacklogSample(1.5, 9, 9, 0, 3, 3),
    ):
        apply(event, state)
    assert state.queries["a"].peak_ratio == 3.0
    assert state.queries["b"].peak_ratio is None


def test_memory_is_bounded_whatever_comes() -> None:
    state = State()
    for i in range(3 * KEPT_SAMPLES):
        apply(e.QueryStarted(i, f"q{i}", "ray"), state)
        apply(e.BacklogSample(i + 0.5, i, i, 0, 1, 1), state)
        apply(e.ScaleRequested(i + 0.6, i, i, i, 1), state)
    assert len(state.queries) == KEPT_QUERIES
    assert len(state.samples) == len(state.demand) == KEPT_SAMPLES
    assert len(state.marks) <= 50


def test_a_long_querys_backlog_is_known_from_its_beginning_and_its_peaks_are_kept() -> None:
    state = State()
    apply(e.QueryStarted(0.0, "a", "ray"), state)
    for i in range(20 * KEPT_SAMPLES):
        apply(e.BacklogSample(i / 5, 10_000 if i in (7, 5_000, 11_000) else i % 90, 0, 0, 1, 1), state)
    times = [sample.t for sample in state.samples.values()]
    assert times == sorted(times)
    assert KEPT_SAMPLES // 3 <= len(times) <= KEPT_SAMPLES
    assert state.samples.keys() == state.demand.keys()
    assert times[0] < 20
    assert max(b - a for a, b in pairwise(times)) < 20, "of 40 minutes"
    assert [sample.t for sample in state.samples.values() if sample.pending == 10_000] == [1.4, 1000.0, 2200.0]


def test_the_last_sample_of_a_query_says_what_is_so_at_its_end_however_close_the_one_before() -> None:
    state = State()
    for event in (
        e.QueryStarted(0.0, "a", "ray"),
        e.BacklogSample(0.50, 31, 31, 4, 4, 4),
        e.BacklogSample(0.55, 31, 0, 0, 4, 4),
        e.QueryFinished(0.56, "a", "finished"),
    ):
        apply(event, state)
    backlog = snapshot_of(state, 1.0, "ray", AutoscalingSettings())["backlog"]
    assert (backlog["ratio"], backlog["pending"], backlog["running"]) == (0.0, 0, 0)
    assert [point[:3] for point in backlog["points"].values()] == [[0.5, 7.75, 31]], "and the peak stays in the chart"


def test_the_latest_sample_outlasts_the_thinning() -> None:
    state = State()
    apply(e.QueryStarted(0.0, "a", "ray"), state)
    for i in range(KEPT_SAMPLES + 1):
        apply(e.BacklogSample(i / 5, 100 - i % 2, 7, 0, 1, 1), state)
    assert len(state.samples) < KEPT_SAMPLES
    assert next(reversed(state.samples.values())).t == KEPT_SAMPLES / 5


def test_events_of_unknown_queries_and_workers_change_nothing() -> None:
    state = State()
    for event in (
        e.StageCounts(1, "?", 1, "x", e.TaskCounts(1)),
        e.OperatorStarted(1, "?", 1),
        e.WorkerCounts(1, "?", 1, 1, None),
        e.WorkerEnded(1, "?", "died"),
        e.QueryFinished(1, "?", "finished"),
    ):
        apply(event, state)
    assert state == State()


json_objects = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=6,
    ),
)


@given(json_objects, json_objects)
def test_a_patch_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    patch = merge_patch(old, new)
    assert old == before
    assert without_none(rfc7386(old, patch)) == without_none(new)
    assert merge_patch(new, new) == {}


def test_every_view_gets_its_topics_and_patches_between_moments_are_small() -> None:
    first, second = story.snapshot(upto=5.05), story.snapshot(upto=5.5)
    for view, topics in TOPICS.items():
        assert set(select(first, view)) == {"now", "session", *topics}
    patch = merge_patch(first, second)
    assert set(patch) == {"now", "query", "queries", "workers", "backlog"}
    assert patch["query"] == {"elapsed": 5.5}


def test_the_latest_tasks_of_a_worker_are_in_its_frames_whatever_came_between_two() -> None:
    state = State()
    for event in (e.QueryStarted(0.0, "q", "ray"), e.WorkerStarted(0.0, "a", 1, 1)):
        apply(event, state)
    kept: list[tuple[Any, Any]] = []
    for number, frames_after in enumerate([1, 3, 0, 39, 40, 41, 200, 1, 1, 0]):
        for task in range(frames_after):
            apply(e.TaskEnded(task + 0.12345, "q", 4, "a", 1000 * number + task, task, "finished"), state)
        tasks = snapshot_of(state, 9.0, "ray", AutoscalingSettings())["workers"]["rows"]["a"]["tasks"]
        worker = state.workers["a"]
        assert tasks == {
            str(key): (task_id, 4, 1, started, round(ended, 3), "finished")
            for key, (task_id, _, _, started, ended, _) in worker.tasks.items()
        }
        assert list(tasks) == [str(key) for key in worker.tasks]
        kept.append((tasks, copy.deepcopy(tasks)))
    assert len(tasks) == 40
    assert all(tasks == before for tasks, before in kept), "what one snapshot has, a later one does not change"


class Page:
    looking = True

    def __init__(self) -> None:
        self.snapshots: list[Any] = []

    def publish(self, snapshot: Any) -> None:
        self.snapshots.append(snapshot)


class BrokenPage(Page):
    def publish(self, snapshot: Any) -> None:
        raise OSError("the comm is closed")


def test_a_broken_view_and_a_failing_engine_are_told_and_harm_nobody() -> None:
    def pull() -> list[e.Event]:
        raise ConnectionError("no answer")

    monitor = Monitor(pull, lambda state, now: {"problems": dict(state.problems)}, lambda: 0.0)
    page, broken = Page(), BrokenPage()
    monitor.listeners += [broken, page]
    monitor.tick()
    monitor.tick()
    assert page.snapshots[1]["problems"] == {
        "the engine could not be asked: ConnectionError: no answer": 2,
        "a view could not be updated: OSError('the comm is closed')": 1,
    }


def test_an_engine_that_answers_late_is_no_problem_until_it_is_silent_for_long() -> None:
    now = 0.0
    answers = iter([False, False, True, False, False, False, True])

    def pull() -> list[e.Event]:
        nonlocal now
        now += 10.0
        if not next(answers):
            raise TimeoutError("no answer")
        return []

    monitor = Monitor(pull, lambda state, now: dict(state.problems), lambda: now)
    told = "the engine could not be asked: TimeoutError: no answer"
    assert [monitor.refresh() for _ in range(7)] == [{}, {}, {}, {}, {}, {told: 1}, {told: 1}]


def test_who_does_not_get_to_ask_the_engine_folds_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is waiting for it already, and it does not answer."""
    asked: list[int] = []

    def pull() -> list[e.Event]:
        asked.append(1)
        return []

    monitor = Monitor(pull, lambda state, now: {"queries": len(state.queries)}, lambda: 0.0)
    monkeypatch.setattr(monitor, "start", lambda: None)  # no thread: the test folds
    monitor.emit(e.QueryStarted(0, "q", "native"))
    with monitor._pulling, monkeypatch.context() as patch:
        patch.setattr(monitor_module, "PULL_SECONDS", 0.01)
        assert (monitor.refresh(), asked) == ({"queries": 1}, [])
    assert (monitor.refresh(), asked) == ({"queries": 1}, [1])


def test_an_engine_that_hangs_keeps_nobody_waiting_and_what_it_says_later_is_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def pull() -> list[e.Event]:
        asked.set()
        answer.wait(10)
        return [e.ProblemFound(1.0, "late")]

    monitor = Monitor(pull, lambda state, now: [len(state.queries), *state.problems], lambda: 0.0)
    monkeypatch.setattr(monitor, "start", lambda: None)  # no thread: the test folds
    monkeypatch.setattr(monitor_module, "PULL_SECONDS", 0.05)
    monitor.emit(e.QueryStarted(0, "q", "native"))
    assert monitor.refresh() == [1], "what the driver said is shown"
    assert asked.wait(10)
    answer.set()
    await_that(lambda: monitor.read(lambda state: [*state.problems]) == ["late"], "it is folded")


def test_a_cluster_that_does_not_answer_is_told_for_as_long_as_it_does_not() -> None:
    state = State()
    running = e.ClusterChanged(1.0, "external", "running", "ray://head:10001")
    apply(running, state)

    def problems() -> list[str]:
        return list(snapshot_of(state, 9.0, "ray", AutoscalingSettings())["session"]["problems"].values())

    assert problems() == []
    apply(e.ClusterChanged(5.0, "external", "not answering", "ray://head:10001", silent_since=2.0), state)
    [told] = problems()
    assert told == "the Ray at ray://head:10001 has not answered since 00:00:02 UTC: what is shown is from then"
    apply(running, state)
    assert problems() == []


def test_the_monitors_thread_is_one_and_is_started_by_a_page_too() -> None:
    monitor = Monitor(list, lambda state, now: {}, lambda: 0.0)
    assert not monitor.running
    monitor.nudge()
    thread = monitor._thread
    monitor.nudge()
    monitor.start()
    monitor.emit(e.ProblemFound(0.0, "x"))
    assert monitor.running and monitor._thread is thread
    await_that(lambda: monitor.read(lambda state: dict(state.problems)) == {"x": 1}, "it is folded")
    monitor.stop()
    monitor.stop()
    assert not monitor.running and thread is not None and not thread.is_alive()


def test_the_monitors_thread_begins_with_the_first_event_and_ends_when_told() -> None:
    before = threading.active_count()
    monitor = Monitor(list, lambda state, now: {"queries": len(state.queries)}, lambda: 0.0)
    page = Page()
    monitor.listeners.append(page)
    assert threading.active_count() == before
    monitor.emit(e.QueryStarted(0, "q", "native"))
    await_that(lambda: {"queries": 1} in page.snapshots, "a snapshot")
    monitor.stop()
    assert threading.active_count() == before


def test_while_nobody_is_to_be_asked_no_pull_is_under_way_and_none_begins() -> None:
    asking, answer = threading.Event(), threading.Event()
    asked: list[float] = []

    def pull() -> list[e.Event]:
        asked.append(time.monotonic())
        asking.set()
        answer.wait(10)
        return []

    monitor = Monitor(pull, lambda state, now: {}, time.time)
    first = threading.Thread(target=monitor.refresh)
    first.start()
    assert asking.wait(10)
    threading.Timer(0.3, answer.set).start()
    with monitor.asking_nobody():
        assert answer.is_set(), "it was waited for"
        later = threading.Thread(target=monitor.refresh)
        later.start()
        time.sleep(0.2)
        assert len(asked) == 1
    first.join()
    later.join()
    assert len(asked) == 2
