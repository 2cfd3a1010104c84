"""The gate that keeps the threads of queries out of Ray once it is to be shut down."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection.link import Link
from daftnb.engine.queries import runner as flotilla
from daftnb.engine.queries.gate import Gate
from daftnb.errors import ClusterError
from tests.helpers.queryrunner import plan, unmade

THERE = Link("127.0.0.1:1", (), False)
DIED = ray.exceptions.ActorDiedError()


def test_a_shut_gate_waits_for_whoever_is_inside_and_lets_nobody_in() -> None:
    gate, entered, leave = Gate(), threading.Event(), threading.Event()

    def work() -> None:
        with gate.inside(), gate.inside():
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(30)
    assert gate.shut() and gate.is_shut
    with pytest.raises(ConnectionError, match="about to end"), gate.inside():
        pass
    assert not gate.wait_until_empty(0.01), "the other thread is inside"
    leave.set()
    assert gate.wait_until_empty(30)
    thread.join()


def test_a_thread_that_is_inside_itself_does_not_wait_for_itself() -> None:
    gate = Gate()
    with gate.inside():
        assert not gate.shut()
        assert gate.wait_until_empty(0)


class Queries:
    """A runner whose query waits in Ray until its actor is ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits, self.ended = threading.Event(), threading.Event()
        self.said: list[str] = []
        door = SimpleNamespace(link=THERE, dead=False, left=False, call=lambda *_, **__: {})
        self.made = unmade(door, runner="the actor")
        monkeypatch.setattr(flotilla.FlotillaRunner, "stream_plan", self._stream)
        monkeypatch.setattr(ray_link, "link", lambda: THERE)
        monkeypatch.setattr(ray, "kill", self._kill)

    def _stream(self, *_arguments: Any) -> Any:
        yield SimpleNamespace(metadata=lambda: SimpleNamespace(num_rows=1))
        self.waits.set()
        assert self.ended.wait(30)
        raise DIED

    def _kill(self, actor: Any) -> None:
        assert actor == "the actor"
        self.ended.set()

    def stream(self) -> Any:
        return self.made.stream_plan(plan(), {})

    def wait_in_thread(self, stream: Any) -> threading.Thread:
        """Read a result in a thread, which waits in Ray when this returns; its error goes into ``said``."""

        def read() -> None:
            try:
                list(stream)
            except ClusterError as error:
                self.said.append(str(error))

        thread = threading.Thread(target=read)
        thread.start()
        assert self.waits.wait(30)
        return thread


def test_a_query_that_waits_for_ray_ends_before_ray_is_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = Queries(monkeypatch)
    thread = queries.wait_in_thread(queries.stream())
    queries.made.leave(answers=True)
    assert queries.made._gate.wait_until_empty(0), "it is out of Ray as soon as leave returns"
    thread.join(30)
    (said,) = queries.said
    assert said.startswith("This kernel left Ray at 127.0.0.1:1 while this query ran."), said


def test_a_result_that_is_read_in_parts_ends_at_its_next_part(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = Queries(monkeypatch)
    stream = queries.stream()
    next(stream)
    queries.made.leave(answers=True)
    assert not queries.ended.is_set(), "nobody is inside, so nothing need be ended"
    with pytest.raises(ClusterError, match="while this query ran"):
        next(stream)
    with pytest.raises(ClusterError, match="while this query ran"):
        list(queries.stream())


def test_nothing_is_asked_of_a_ray_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = Queries(monkeypatch)
    monkeypatch.setattr(flotilla, "LEAVE_SECONDS", 0.05)
    thread = queries.wait_in_thread(queries.stream())
    queries.made.leave(answers=False)
    assert not queries.ended.is_set(), "no call"
    queries.ended.set()  # as Ray does once it gives up
    thread.join(30)
    (said,) = queries.said
    assert "while this query ran" in said
