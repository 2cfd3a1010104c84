"""Workers that start while others work: who gets them, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from daftnb.engine.actor import starting as starting_module
from daftnb.engine.actor.starting import Starting
from daftnb.engine.actor.tap import Tap


class Engine:
    """Nodes, the engine's own start of workers on them, and its looks."""

    def __init__(self) -> None:
        self.nodes = ["a"]
        self.busy = False
        self.active = True
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()
        self.started: list[tuple[str, bool]] = []  # each node, and whether ahead
        self.ended: list[str] = []
        self.tap = Tap()
        self.starting = Starting(
            self.tap, self.start, self.make, lambda: self.busy, lambda: self.active, self.ended.append
        )
        self.held: list[str] = []

    def start(self, existing: list[str], timeout: int) -> list[Any]:
        assert timeout == 120
        fresh = [node for node in self.nodes if node not in existing]
        self.started += [(node, self.starting.is_ahead) for node in fresh]
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return [self.make(node, node) for node in fresh]

    def make(self, node: str, handle: str) -> Any:
        if self.starting.is_ahead:
            return (node, handle)
        self.tap.worker_started(node, 1, 1, 0)
        return f"worker on {node}"

    def look(self) -> list[str]:
        found: list[str] = self.starting.look(list(self.held), 120)
        self.held += [worker.removeprefix("worker on ") for worker in found]
        return found


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(starting_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(starting_module, "SHARE", 1.0)
    made = Engine()
    yield made
    made.go.set()
    made.starting.close()
    assert made.starting.thread is None or not made.starting.thread.is_alive()


def await_that(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_where_no_task_runs_the_engine_starts_workers_and_waits_for_them(engine: Engine) -> None:
    assert engine.look() == ["worker on a"]
    engine.nodes.append("b")
    assert engine.look() == ["worker on b"]
    assert engine.started == [("a", False), ("b", False)]


def test_while_tasks_run_no_look_waits_and_a_worker_is_handed_over_once_it_is_there(engine: Engine) -> None:
    engine.look()
    engine.busy = True
    engine.go.clear()
    engine.nodes.append("b")
    await_that(lambda: engine.started[1:] == [("b", True)])
    assert engine.look() == [], "it is starting, and nobody waits"
    assert "b" not in engine.tap.workers, "it is not the engine's yet"
    engine.go.set()
    await_that(lambda: engine.starting.ready)
    assert engine.look() == ["worker on b"] and "b" in engine.tap.workers
    assert engine.look() == []
    assert engine.started == [("a", False), ("b", True)], "each node once"


def test_a_look_while_nothing_runs_takes_what_is_starting_and_starts_the_rest(engine: Engine) -> None:
    engine.look()
    engine.busy = True
    engine.go.clear()
    engine.nodes.append("b")
    await_that(lambda: ("b", True) in engine.started)
    engine.busy = False
    engine.nodes.append("c")
    threading.Timer(0.05, engine.go.set).start()
    assert engine.look() == ["worker on b", "worker on c"]
    assert engine.started == [("a", False), ("b", True), ("c", False)]


def test_what_goes_wrong_ahead_is_raised_at_the_engines_next_look_and_tried_again(engine: Engine) -> None:
    engine.look()
    engine.busy = True
    engine.error = RuntimeError("the node is gone")
    engine.nodes.append("b")
    await_that(lambda: engine.starting.error)
    with pytest.raises(RuntimeError, match="the node is gone"):
        engine.look()
    engine.error = None
    await_that(lambda: engine.starting.ready)
    assert engine.look() == ["worker on b"]


def test_a_worker_that_no_query_takes_over_is_ended(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting_module, "UNUSED_SECONDS", 0.05)
    engine.look()
    engine.busy = True
    engine.nodes.append("b")
    await_that(lambda: engine.starting.ready)
    engine.busy = engine.active = False
    await_that(lambda: engine.starting.thread is None)
    assert engine.ended == ["b"]


def test_one_whose_node_the_engine_leaves_out_is_ended(engine: Engine) -> None:
    engine.look()
    engine.busy = True
    engine.nodes.append("b")
    await_that(lambda: engine.starting.ready)
    engine.held.append("b")
    assert engine.look() == [] and engine.ended == ["b"]


def test_at_the_end_those_that_nobody_took_over_are_ended(engine: Engine) -> None:
    engine.look()
    engine.busy = True
    engine.nodes.append("b")
    await_that(lambda: engine.starting.ready)
    engine.starting.close()
    assert engine.ended == ["b"]
