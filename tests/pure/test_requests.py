"""The engine's requests, as they go on to Ray: grown, trimmed, repeated while the backlog grows, and withdrawn."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor import launches
from daftnb.engine.actor import requests as requests_module
from daftnb.engine.actor.door import InActor
from daftnb.engine.actor.launches import Launches, Report
from daftnb.engine.actor.requests import Requests
from daftnb.engine.actor.tap import Tap
from daftnb.engine.actor.trimming import Most
from daftnb.engine.actor.warm import Pool
from tests.conftest import await_that

ONE = {"CPU": 1}


class Asked:
    """A tap with a query and a worker, and what was sent to Ray: the CPUs of each request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, growth: str, **environment: str) -> None:
        for name, text in {"DAFTNB_GROWTH": growth, "DAFT_AUTOSCALING_THRESHOLD": "1.25", **environment}.items():
            monkeypatch.setenv(name, text)
        self.tap = Tap()
        self.tap.announce(1, "q", {})
        self.tap.worker_started("a", 1, 7)
        self.sent: list[int] = []
        self.runs = True
        self.requests = Requests(self.tap, self.send, lambda: self.runs)
        monkeypatch.setattr(self.requests, "watch", lambda: None)  # the thread has a test of its own

    def send(self, bundles: Sequence[Mapping[str, int]]) -> None:
        self.sent.append(sum(bundle["CPU"] for bundle in bundles))

    def backlog(self, tasks: int) -> None:
        for _ in range(tasks):
            self.tap.submitted(1 << 32 | 7, "udf")

    def told(self) -> list[tuple[Any, ...]]:
        return [event[2:] for event in self.tap.drain(0, 0)["events"] if event[0] in ("request", "clear")]


def test_step_by_step_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "step")
    asked.backlog(20)
    for bundles in (2, 3, 4):
        asked.requests.ask([ONE] * bundles)
        assert not asked.requests.again()
    asked.requests.ask([])
    assert asked.sent == [2, 3, 4, 0]
    assert asked.told() == [(2, 2, 20, 1), (3, 3, 20, 1), (4, 4, 20, 1), ()]


def test_all_that_is_called_for_at_once_and_once_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    asked.backlog(20)
    for bundles in (2, 3, 4):
        asked.requests.ask([ONE] * bundles)
    assert asked.sent == [16, 16, 16]
    assert asked.told() == [(16, 16, 20, 1, None, None, None, None, "needed", 2)]
    assert (asked.tap.demand, asked.tap.engine_cpus) == (16, 4), "the engine counts what it asked for by itself"
    asked.requests.ask([])
    assert (asked.sent[-1], asked.told()[-1], asked.tap.demand) == (0, (), 0)
    assert not asked.requests.again(), "what is withdrawn is not asked for again"


def test_the_engine_is_held_by_what_it_asked_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed", AUTOSCALER_UPDATE_INTERVAL_S="0")
    asked.backlog(8)
    asked.requests.ask([ONE] * 2)
    assert asked.tap.demand == 7
    asked.tap.undecided = True
    asked.tap.decide()
    assert asked.tap.hold is None, "7 are asked for and 8 wait; the engine asked for 2, and goes on"
    asked.requests.ask([ONE] * 8)
    asked.tap.undecided = True
    asked.tap.decide()
    assert asked.tap.hold is not None and asked.tap.hold[0] == "not larger"


def test_while_the_tasks_come_in_more_is_asked_for_and_the_engines_interval_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(monkeypatch, "needed")
    asked.backlog(2)
    asked.requests.ask([ONE] * 2)
    at = asked.tap.requested_at
    assert not asked.requests.again(), "no more is called for"
    asked.backlog(18)
    assert asked.requests.again() and not asked.requests.again()
    assert asked.sent == [2, 16]
    assert asked.told() == [(2, 2, 2, 1), (16, 16, 20, 1, None, None, None, None, "needed", 2)]
    assert asked.tap.requested_at == at


@pytest.mark.parametrize("growth", ["step", "double"])
def test_the_others_ask_when_the_engine_does(monkeypatch: pytest.MonkeyPatch, growth: str) -> None:
    asked = Asked(monkeypatch, growth)
    asked.backlog(2)
    asked.requests.ask([ONE] * 2)
    asked.backlog(18)
    assert not asked.requests.again()
    asked.requests.ask([ONE] * 3)
    assert asked.sent == [2, 3 if growth == "step" else 4]


def test_below_the_threshold_nothing_more_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    asked.backlog(2)
    asked.requests.ask([ONE] * 2)
    asked.tap.worker_started("b", 8, 7)
    asked.backlog(9)
    assert not asked.requests.again(), "11 ÷ 9 CPUs"
    asked.backlog(1)
    assert asked.requests.again(), "12 ÷ 9 CPUs"


def test_the_linear_scheduler_asks_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed", DAFT_SCHEDULER_LINEAR="1")
    asked.backlog(20)
    asked.requests.ask([ONE])
    assert asked.sent == [1] and not asked.requests.again()


def test_it_grows_to_the_most_that_the_cluster_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    asked.tap.most = Most((({"CPU": 1}, 6),))
    asked.backlog(20)
    asked.requests.ask([ONE] * 2)
    asked.requests.ask([ONE] * 7)
    assert asked.sent == [6, 6]
    assert asked.told()[1] == (7, 7, 20, 1, 6, 6), "above the most is what the engine itself asked for"


def test_after_ray_has_dropped_it_whole_it_goes_on_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    asked.backlog(20)
    asked.requests.ask([ONE] * 2)
    report = Report({}, [], [{"CPU": 1.0}] * 16, [])
    monkeypatch.setattr(launches, "read", lambda: report)
    assert Launches(asked.tap).row(True) == ((), 16, ())
    asked.requests.ask([ONE] * 3)
    assert not asked.requests.again()
    assert asked.sent == [16, 3] and asked.told()[1] == (3, 3, 20, 1)
    asked.requests.ask([])
    asked.requests.ask([ONE] * 2)
    assert asked.sent[-1] == 16, "withdrawn, it is tried anew"


def test_a_failure_of_daftnbs_own_leaves_the_engine_what_it_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    asked.backlog(20)

    def fails(*_arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(requests_module, "grow", fails)
    asked.requests.ask([ONE] * 2)
    assert (asked.sent, dict(asked.tap.faults)) == ([2], {"grown: ZeroDivisionError: ": 1})


def test_what_ray_raises_is_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")

    def refuses(_bundles: Any) -> None:
        raise ConnectionError("no Ray")

    asked.requests.send = refuses  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        asked.requests.ask([ONE])
    assert not asked.requests.lock.locked()


def test_its_thread_asks_and_ends_with_the_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    monkeypatch.undo()
    monkeypatch.setenv("DAFTNB_GROWTH", "needed")
    monkeypatch.setattr(requests_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(requests_module, "AGAIN_SECONDS", 0.01)
    asked.backlog(2)
    asked.requests.ask([ONE] * 2)
    thread: threading.Thread | None = asked.requests.thread
    assert thread is not None
    asked.backlog(18)
    await_that(lambda: asked.sent == [2, 16], "it asks for more")
    asked.runs = False
    thread.join(30)
    assert asked.requests.thread is None and not thread.is_alive()
    asked.runs = True
    asked.requests.ask([ONE] * 3)
    again = asked.requests.thread
    assert again is not None
    asked.requests.close()
    assert not again.is_alive()
    asked.requests.ask([ONE] * 4)
    assert asked.requests.thread is again, "closed, it starts no other"


def test_where_requests_cannot_be_seen_the_setting_is_not_in_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, "needed")
    pool = Pool(asked.tap, lambda _: None, lambda *_: None, lambda: False)
    monkeypatch.setattr(pool, "watch", lambda: None)
    mine = InActor(SimpleNamespace(curr_result_gens={}, curr_plans={}), asked.tap, pool)
    assert mine.prepare(2, "r", {}, {"DAFTNB_GROWTH": "needed"}) == {"DAFTNB_GROWTH": "step"}
    mine.requests = asked.requests
    assert mine.prepare(3, "s", {}, {"DAFTNB_GROWTH": "needed"}) == {"DAFTNB_GROWTH": "needed"}
