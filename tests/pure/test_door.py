"""The door to the runner actor, where Ray answers with something that is no exception; and the rows that come."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection.link import Link
from daftnb.engine.queries import runner as flotilla
from daftnb.engine.queries import runnerdoor
from daftnb.engine.queries.gate import Gate
from daftnb.engine.queries.reading import operator_stats
from daftnb.engine.queries.runner import Query, _counted, with_result_rows
from daftnb.engine.queries.runnerdoor import RunnerDoor
from tests.helpers.queryrunner import plan, unmade


class Actor:
    class __ray_call__:  # Ray's name
        @staticmethod
        def remote(caller: Any) -> str:
            return "a reference"


def test_a_thread_that_asks_while_ray_is_shut_down_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaving(ref: Any, timeout: float) -> Any:
        raise SystemExit(0)  # as the core worker does in every thread that waits when the process leaves the cluster

    monkeypatch.setattr(ray, "get", leaving)
    monkeypatch.setattr(ray_link, "link", lambda: Link("127.0.0.1:1", (), False))
    door = RunnerDoor.__new__(RunnerDoor)
    door.actor, door.dead = Actor(), False
    said: list[str] = []

    def ask() -> None:
        try:
            door.call("drain", 0, 0, False)
        except Exception as error:
            said.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert said == ["Ray was shut down while the engine was asked"]
    monkeypatch.setattr(ray, "get", lambda ref, timeout: "an answer")
    with pytest.raises(ConnectionError):  # a call after Ray was shut down ends the process
        door.call("drain", 0, 0, False)


def test_the_result_has_the_rows_that_came_whatever_its_operator_has_counted() -> None:
    def stream() -> Any:
        for rows in (3, 0, 4):
            yield SimpleNamespace(metadata=lambda rows=rows: SimpleNamespace(num_rows=rows))
        return "statistics"

    def read() -> Any:
        value.append((yield from _counted(stream(), Gate())))

    value: list[Any] = []
    assert len(list(read())) == 3 and value == [("statistics", 7)]
    rows: list[dict[str, Any]] = [{"id": 0, "rows.out": 9}, {"id": 1, "probe rows out": 5, "probe rows in": 9}]
    partly = [rows[0], {**rows[1], "probe rows in": 4, "duration": 8}, {"id": 2, "rows.out": 5}]
    told = with_result_rows(partly, {0: 1, 1: 2}, 7)
    assert told == [rows[0], {"id": 1, "duration": 8}, {"id": 2, "rows.out": 7}], "not all of it was told"
    assert with_result_rows(rows, {0: 1}, 7) == [rows[0], {**rows[1], "rows.out": 7}]
    assert operator_stats(0.0, "q", 1, with_result_rows(rows, {0: 1}, 7)[1]).rows_out == 7
    assert with_result_rows(rows[:1], {}, 7) == [{"id": 0, "rows.out": 7}], "a plan of one operator"
    assert with_result_rows(rows[:1] * 2, {}, 7) == [{"id": 0, "rows.out": 7}] * 2
    unplanned = [rows[0], {"id": 2, "rows.out": 5}]
    assert with_result_rows(unplanned, {}, 7) == unplanned, "which is the root is not known"


DEATHS = [ray.exceptions.ActorDiedError(), ray.exceptions.OutOfMemoryError("its node ran out of memory")]


@pytest.mark.parametrize("death", DEATHS, ids=["died", "out of memory"])
@pytest.mark.parametrize("known", [True, False])
def test_after_the_actors_death_a_query_has_another_one(
    known: bool, death: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the end of the query before has shown it already, or this query's first call does."""

    def made(self: Any, worker_startup_timeout: int, strategy: str) -> None:
        self.runner = f"another actor, {strategy}"

    def died(*_arguments: Any) -> Any:
        if old.dead:
            raise ConnectionError("as RunnerDoor.call does")
        old.dead = True
        raise death

    def door(actor: str, off: frozenset[str]) -> Any:
        return SimpleNamespace(dead=False, call=lambda *arguments: (actor, *arguments))

    monkeypatch.setattr(flotilla, "RunnerDoor", door)
    monkeypatch.setattr(flotilla.FlotillaRunner, "__init__", made)
    monkeypatch.setattr("daft.runners.flotilla._FLOTILLA_RUNNER_NAME_SUFFIX", None)
    told: list[Any] = []
    old = SimpleNamespace(dead=known, call=died, pull=lambda: ["the runner ended"])
    runner = unmade(old, told.append, _startup_timeout=1, _others={"strategy": "made as the first was"})
    assert runner._call_alive("prepare", 7) == ("another actor, made as the first was", "prepare", 7)
    assert told == ["the runner ended"] and runner.door is not old


@pytest.mark.parametrize("death", DEATHS, ids=["died", "out of memory"])
def test_an_actor_that_ray_ended_is_dead_and_one_that_passes_on_a_tasks_end_is_not(
    death: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = death

    def get(_ref: Any, timeout: float) -> Any:
        raise error

    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(ray_link, "link", lambda: Link("127.0.0.1:1", (), False))
    door = RunnerDoor.__new__(RunnerDoor)
    door.actor, door.dead = Actor(), False
    error = ray.exceptions.RayTaskError("f", "a traceback", death).as_instanceof_cause()
    with pytest.raises(type(death)):
        door.call("drain")
    assert not door.dead, "a worker's end, which the actor tells of"
    error = death
    with pytest.raises(type(death)):
        door.call("drain")
    assert door.dead


def test_a_query_waits_for_an_actor_that_starts_workers_and_whoever_ends_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    def get(_ref: Any, timeout: float) -> Any:
        waits.append(timeout)
        raise ray.exceptions.GetTimeoutError("some object(s) not ready")

    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(ray_link, "link", lambda: Link("127.0.0.1:1", (), False))
    told: list[Any] = []
    door = RunnerDoor.__new__(RunnerDoor)
    door.actor, door.dead, door.left = Actor(), False, False
    runner = unmade(door, told.append, _running={"q": 1})
    runner._prepare(Query(1, "q"))
    assert runner.cancel("q")
    assert waits == [runnerdoor.BUSY_SECONDS, flotilla.CANCEL_SECONDS]
    assert [event.text.partition(":")[0] for event in told] == [
        "this query runs unwatched, and without your settings",
        "the end of the query could not be followed",
    ]


@pytest.mark.parametrize("death", DEATHS, ids=["died", "out of memory"])
def test_a_query_whose_actor_was_ended_does_not_ask_it_again(death: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_arguments: Any) -> Any:
        raise death
        yield

    monkeypatch.setattr(flotilla.FlotillaRunner, "stream_plan", dies)
    runner = unmade(SimpleNamespace(link=None, dead=False, left=False, call=lambda *_: {}))
    with pytest.raises(type(death)):
        list(runner.stream_plan(plan(), {}))
    assert runner.door.dead and runner._running == {}


def test_variables_for_workers_are_pushed_when_they_change_and_who_has_others_is_told() -> None:
    calls: list[Any] = []
    others = 0

    def call(method: str, values: dict[str, str]) -> int:
        calls.append((method, values))
        return others

    told: list[Any] = []
    wanted: dict[str, str] = {}
    door = SimpleNamespace(call=call, dead=False, worker_variables=RunnerDoor.worker_variables)
    runner = unmade(door, told.append, workers=lambda: dict(wanted))
    runner._push_worker_variables()
    assert calls == [], "nothing is set, and nothing is asked"
    wanted["LIMIT"] = "5"
    runner._push_worker_variables()
    runner._push_worker_variables()
    assert calls == [("set_worker_variables", {"LIMIT": "5"})] and told == []
    others = 1
    wanted["MOST"] = "2"
    runner._push_worker_variables()
    others = 3
    wanted.clear()
    runner._push_worker_variables()
    assert [event.text for event in told] == [
        f"1 worker that runs keeps the MOST of its start. {flotilla.NEW_WORKERS}",
        f"3 workers that run keep the LIMIT, MOST of their start. {flotilla.NEW_WORKERS}",
    ]
    wanted["LIMIT"], others = "6", 0
    runner._off = frozenset({"task counts"})
    runner._push_worker_variables()
    assert told.pop().text == "LIMIT: this Daft's workers cannot be given variables" and len(calls) == 3
    runner._off = frozenset()
    runner.door.call = lambda *_arguments: 1 / 0
    runner._push_worker_variables()
    assert told[-1].text.startswith("LIMIT did not reach the workers: ZeroDivisionError")
    assert runner.door.worker_variables == {}, "so it is tried again with the next query"


def test_a_query_runs_also_where_it_is_not_known_whether_its_actor_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The actor answers nobody while it starts workers, and that may take longer than anybody waits for an answer."""

    def hands_over(self: Any, *arguments: Any) -> Any:
        self.runner.run_plan.remote(*arguments)
        yield

    def busy(*_arguments: Any, **_options: Any) -> Any:
        raise TimeoutError("no answer within 60 s")

    there = Link("127.0.0.1:1", (), False)
    orders: list[Any] = []
    answer = SimpleNamespace(partition=lambda: ([], None, {"stats": "statistics", "figures": []}))
    monkeypatch.setattr(flotilla.FlotillaRunner, "stream_plan", hands_over)
    monkeypatch.setattr(ray_link, "link", lambda: there)
    monkeypatch.setattr(ray, "wait", lambda found, timeout: (found, []))
    monkeypatch.setattr(ray, "get", lambda ref: answer)
    door = SimpleNamespace(link=there, dead=False, left=False, delay=0.0, call=busy, worker_variables={})
    actor = SimpleNamespace(get_next_partition=SimpleNamespace(remote=orders.append))
    told: list[Any] = []
    runner = unmade(door, told.append, in_batches=True, runner=actor)
    assert list(runner.stream_plan(plan("* UDF: f"), {})) == []
    assert [order[:2] for order in orders] == [["begin", "1"]]
    assert told[0].text.startswith("whether the engine's process lives is not known: TimeoutError")
