"""One clock for all that is told: what becomes of the system's own changes no duration."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pytest
import ray

from daftnb import clock
from daftnb.clock import Steady, steady
from daftnb.engine.connection import link as ray_link
from daftnb.engine.queries.runnerdoor import BY_VALUE, STEP_SECONDS, RunnerDoor
from daftnb.recordings import Recording
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry import monitor as monitor_module
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.state import apply


def test_it_is_the_systems_clock_as_it_was_and_never_steps() -> None:
    wall, counted = [1_000.0], [50.0]
    made = Steady(lambda: wall[0], lambda: counted[0])
    assert made.time() == 1_000.0
    for step in (-3_600.0, 7_200.0, -86_400.0 * 400):
        wall[0] += step
        counted[0] += 1.5
    assert made.time() == 1_004.5
    assert made.monotonic() == 54.5


def test_in_another_process_it_is_that_ones_own() -> None:
    assert clock in BY_VALUE
    odd = Steady(lambda: 0.0)
    again: Steady = pickle.loads(pickle.dumps(odd))
    assert abs(again.time() - time.time()) < 3_600 < abs(odd.time() - time.time())


def test_a_counter_that_the_system_names_and_does_not_have_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(number: int) -> float:
        raise OSError

    monkeypatch.setattr("daftnb.clock.time.clock_gettime", refused)
    assert clock.counter() is time.monotonic


def test_a_query_over_a_step_of_the_systems_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    daft = pytest.importorskip("daft")
    import daftnb
    from daftnb.session import close_session

    session = daftnb.get_session()
    try:
        real, shift = time.time, [0.0]
        monkeypatch.setattr(time, "time", lambda: real() + shift[0])

        @daft.func
        def step(x: int) -> int:
            shift[0] = -3_600.0 * x
            return x

        frame = daft.from_pydict({"a": [1]}).select(step(daft.col("a")))
        began = steady.monotonic()
        frame.to_pydict()
        row = session.snapshot()["queries"]["1"]
        assert row["state"] == "finished"
        assert 0 <= row["elapsed"] <= steady.monotonic() - began
        assert shift == [-3_600.0]
        assert abs(session.snapshot()["now"] - real()) < 60
        start, end = daftnb.recording().span()
        assert 0 <= end - start < 60
    finally:
        close_session()


def told(*times: float) -> list[e.Event]:
    """A query of one task on Ray, by clocks that went as they liked."""
    a, b, c, d = times
    return [
        e.QueryStarted(a, "q", "ray"),
        e.PlanReady(a, "q", (e.PlanNode(1, "scan", "", ()),)),
        e.WorkerStarted(b, "w", 1, 1),
        e.ScaleRequested(c, 1, 1, 1, 0),
        e.TaskEnded(c, "q", 1, "w", 1, b, "finished"),
        e.WorkerCounts(c, "w", 0, 1, b),
        e.WorkerEnded(d, "w", "retired", "after 60 s idle"),
        e.NodesSeen(d, (e.Node("n", 1, 1, False),)),
        e.QueryFinished(d, "q", "finished"),
    ]


@pytest.mark.parametrize("times", [(5e3, 4e3, 3e3, 1e3), (1e3, 9e3, 2e3, 5e2), (1e3, 5e2, 9e6, 1e3)])
def test_events_of_a_clock_that_was_set_back_make_no_negative_time(times: tuple[float, float, float, float]) -> None:
    state, recorder = State(), Recorder()
    for event in told(*times):
        recorder.record(event, state)
        apply(event, state)
    snapshot = snapshot_of(state, 0.0, "ray", AutoscalingSettings())
    assert snapshot["queries"]["1"]["state"] == "finished"
    assert snapshot["queries"]["1"]["elapsed"] == max(0.0, times[3] - times[0])
    assert not any("-" in text for text in (mark["text"] for mark in snapshot["decisions"].values()))
    made = Recording([recorder.reel(1)], "test")
    start, end = made.span()
    assert end >= start
    assert made.snapshot()["query"]["elapsed"] >= 0
    assert all(seconds >= 0 for seconds in made.tasks()["seconds"].to_pylist())


class Actor:
    """A runner actor that only has a clock, which may be wrong, and may be suspended."""

    def __init__(self) -> None:
        self.now = 0.0
        self.__ray_call__ = self  # as a handle has it

    def remote(self, call: Any, *arguments: Any) -> Any:
        if arguments:
            return (0, 0)
        return {
            "now": self.now, "seen": (0, 0), "events": [], "tasks": [], "lives": [], "asked": None, "stages": [],
            "workers": [], "hold": None, "udfs": [], "stats": [], "usage": [], "dropped": 0, "faults": {},
            "nodes": [("n", 1, 1, False)],
        }  # fmt: skip


def test_an_actors_clock_that_steps_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "get", lambda found, timeout: found)
    monkeypatch.setattr(ray, "wait", lambda found, timeout: (found, []))
    monkeypatch.setattr(ray_link, "link", lambda: ray_link.Link("127.0.0.1:1", (), False))
    actor = Actor()
    door = RunnerDoor(actor, frozenset())
    for wrong in (500.0, -9_000.0, 0.0, 1e6):
        actor.now = steady.time() + wrong
        (seen,) = [event for event in door.pull() if isinstance(event, e.NodesSeen)]
        assert abs(seen.t - steady.time()) < STEP_SECONDS


def test_no_thread_is_left_when_all_is_over_while_the_engine_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "JOIN_SECONDS", 0.0)
    asked, answer = threading.Event(), threading.Event()
    pulls: list[int] = []

    def pull() -> list[e.Event]:
        pulls.append(1)
        asked.set()
        assert answer.wait(30)
        return []

    class Page:
        looking = True
        snapshots: list[Any] = []

        def publish(self, snapshot: Any) -> None:
            self.snapshots.append(snapshot)

    monitor = Monitor(pull, lambda state, now: {}, lambda: 0.0)
    page = Page()
    monitor.listeners.append(page)
    monitor.emit(e.QueryStarted(0, "q", "ray"))
    (thread,) = [each for each in threading.enumerate() if each is monitor._thread]
    assert asked.wait(30)
    monitor.close()  # which does not wait for the engine, here
    monitor.emit(e.QueryFinished(1, "q", "finished"))  # a query that still ran
    monitor.nudge()  # a page that still asks
    monitor.start()
    assert not monitor.running
    answer.set()
    thread.join(30)
    assert not thread.is_alive()
    assert (pulls, page.snapshots) == ([1], [])


def test_a_monitor_that_begins_again_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "JOIN_SECONDS", 0.0)
    asked, answer = threading.Event(), threading.Event()

    def pull() -> list[e.Event]:
        asked.set()
        assert answer.wait(30)
        return []

    monitor = Monitor(pull, lambda state, now: {}, lambda: 0.0)
    monitor.start()
    first = monitor._thread
    assert asked.wait(30) and first is not None
    monitor.stop()
    monitor.start()
    answer.set()
    first.join(30)
    assert not first.is_alive()
    assert monitor.running
    monkeypatch.undo()
    monitor.close()
    assert not monitor.running
