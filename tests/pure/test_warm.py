"""The warm pool's policy, with an engine and a clock that the test makes up: who is kept, given back, and ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from daftnb import settings
from daftnb.engine import daftnames
from daftnb.engine.actor import rules, warm
from daftnb.engine.actor import tap as tap_module
from daftnb.engine.actor.tap import Tap
from daftnb.engine.actor.warm import LOOKS_AT_ONCE, Facts, Pool
from daftnb.engine.daftnames import REAPER_INTERVAL
from tests.conftest import await_that


class Engine:
    """Workers' handles by node, and what became of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.ended: list[str] = []
        self.active = False
        self.dead: dict[str, Exception] = {}
        clock = SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now)
        monkeypatch.setattr(tap_module, "time", clock)
        monkeypatch.setattr(warm, "time", clock)
        monkeypatch.setattr(ray, "wait", lambda refs, num_returns, timeout: (refs, []))
        monkeypatch.setattr(ray, "get", self.get)
        self.tap = Tap()
        self.pool = Pool(
            self.tap,
            lambda handle: self.ended.append(handle.node),
            lambda worker_id, *facts: (worker_id, *facts[1:]),
            lambda: self.active,
        )
        self.pool.watch = lambda: None  # type: ignore[method-assign]  # no thread: the test reaps

    def get(self, ref: str, timeout: float) -> str:
        if ref in self.dead:
            raise self.dead[ref]
        return "an address"

    def worker(self, node: str, cpus: int = 1) -> Any:
        address = SimpleNamespace(remote=lambda: node)
        handle = SimpleNamespace(node=node, actor_handle=SimpleNamespace(get_address=address))
        self.pool.born(handle, Facts(node, cpus, 0, 100, f"{node}:1"))
        return handle

    def use(self, handle: Any) -> None:
        """A task of a moment."""
        self.tap.announce(0, "q", {})
        self.tap.submitted(1, "a")
        worker_id = self.pool.claim(handle)
        run = self.tap.dispatched(worker_id, "a", {"query_id": "q", "node_id": "1", "task_id": "1"})
        self.tap.ended(run, "ok")
        self.tap.done(1)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, clean_settings: None) -> Engine:
    tuned(monkeypatch)
    return Engine(monkeypatch)


def tuned(monkeypatch: pytest.MonkeyPatch, downscale: str = "1", idle: int = 10, survivors: int = 1) -> None:
    monkeypatch.setenv("DAFT_AUTOSCALING_DOWNSCALE_ENABLED", downscale)
    monkeypatch.setenv("DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS", str(idle))
    monkeypatch.setenv("DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS", str(survivors))


def test_what_the_engine_lets_go_of_stays_warm_until_its_idle_seconds_are_over(engine: Engine) -> None:
    a, b = engine.worker("a"), engine.worker("b")
    engine.now += 3
    assert engine.pool.let_go(a) and engine.pool.let_go(b)
    assert (list(engine.pool.warm), engine.pool.held, engine.ended) == (["a", "b"], {}, [])
    assert engine.tap.capacity == 0, "to the engine they are gone"
    engine.now += 6.9
    engine.pool.reap()
    assert engine.ended == [], "they have been idle for 9.9 s of 10"
    engine.now += 0.1
    engine.pool.reap()
    assert engine.ended == ["a"], "the other one survives"
    assert [event[0] for event in engine.tap.drain(0, 0)["events"] if event[0] == "ended"] == ["ended"]
    engine.now += 1_000
    engine.pool.reap()
    assert (engine.ended, list(engine.pool.warm)) == (["a"], ["b"])


def test_with_downscaling_off_it_is_the_engines_to_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned(monkeypatch, downscale="0")
    a = engine.worker("a")
    assert engine.pool.let_go(a) is False
    assert engine.pool.warm == {} and list(engine.pool.held) == ["a"]
    engine.pool.lost(a)
    assert engine.pool.held == {} and not engine.tap.workers["a"].alive
    engine.now += 1_000
    engine.pool.reap()
    assert engine.ended == []


def test_a_worker_that_is_dead_is_let_go_of_for_good(engine: Engine) -> None:
    a = engine.worker("a")
    engine.tap.worker_ended("a", "retired")
    assert engine.pool.let_go(a) is True
    assert (engine.pool.warm, engine.pool.held, engine.tap.workers["a"].held) == ({}, {}, False)


def test_the_next_query_gets_the_warm_ones_that_live_before_new_ones(engine: Engine) -> None:
    handles = {node: engine.worker(node, cpus=2) for node in ("a", "b", "c")}
    for handle in handles.values():
        engine.pool.let_go(handle)
    engine.dead = {
        "b": ray.exceptions.ActorDiedError(),
        "c": ray.exceptions.GetTimeoutError("it does not answer in time, and lives as far as is known"),
    }
    asked: list[list[str]] = []

    def start(left_out: list[str]) -> list[Any]:
        asked.append(left_out)
        return ["new"]

    given = engine.pool.start_workers(["a", "elsewhere"], start)
    assert given == [("a", 2, 0, 100, "a:1"), ("c", 2, 0, 100, "c:1"), "new"]
    assert asked == [["a", "c", "elsewhere"]], "on the node of the dead one a new one may start"
    assert (engine.pool.warm, sorted(engine.pool.held), engine.tap.capacity) == ({}, ["a", "c"], 4)
    assert not engine.tap.workers["b"].alive


def test_the_nodes_of_those_it_ended_are_left_out_for_a_while_unless_there_is_no_other(engine: Engine) -> None:
    a, b = engine.worker("a"), engine.worker("b")
    for handle in (a, b):
        engine.pool.let_go(handle)
    engine.now += 10
    engine.pool.reap()
    assert engine.ended == ["a"]
    assert engine.pool.start_workers([], lambda left_out: left_out) == [("b", 1, 0, 100, "b:1"), "a", "b"]
    engine.now += 119
    assert engine.pool.recently_ended() == ["a"]
    engine.now += 1
    assert engine.pool.recently_ended() == [], "120 s are over"
    engine.pool.excluded["a"] = engine.now
    engine.pool.requested()
    assert engine.pool.recently_ended() == [], "Ray was asked for workers: it is welcome again"
    engine.pool.lost(b)
    engine.pool.excluded["a"] = engine.now
    assert engine.pool.start_workers([], lambda left_out: left_out) == [], "no worker at all: that node too"


def test_one_that_a_running_query_was_given_and_never_used_is_ended_when_nothing_waits(engine: Engine) -> None:
    used, unused = engine.worker("used"), engine.worker("unused")
    engine.active = True
    engine.now += 1
    engine.use(used)
    engine.now += 11
    engine.tap.submitted(1, "a")
    engine.pool.reap()
    assert engine.ended == [], "a task waits, for either"
    engine.tap.done(1)
    assert engine.tap.pending == 0
    engine.pool.reap()
    assert engine.ended == ["unused"]
    assert list(engine.pool.held) == ["used", "unused"], "parked: the engine goes on holding it"
    engine.active = False
    engine.worker("third")
    engine.now += 1
    engine.pool.reap()
    assert engine.ended == ["unused", "used"], "no query runs: the engine will not do it"
    assert unused.node == "unused"


def test_one_that_is_not_the_pools_is_left_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned(monkeypatch, survivors=0)
    engine.tap.worker_started("from before", 1, 1)
    engine.now += 11
    engine.pool.reap()
    assert engine.ended == [] and engine.tap.workers["from before"].alive


def test_a_task_for_a_parked_worker_starts_it_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    a = engine.worker("a", cpus=3)
    engine.worker("b")
    engine.now += 11
    engine.pool.reap()
    assert engine.ended == ["a"] and engine.tap.capacity == 4
    monkeypatch.setattr(warm, "revived", lambda facts: f"a new process on {facts.worker_id}")
    assert engine.pool.claim(a) == "a"
    assert a.actor_handle == "a new process on a"
    worker = engine.tap.workers["a"]
    assert (worker.alive, worker.held, worker.idle_since, engine.tap.capacity) == (True, True, None, 4)


def test_a_handle_of_another_taps_is_noted_again(engine: Engine) -> None:
    a = engine.worker("a")
    engine.tap.workers.clear()
    assert engine.pool.facts_of(a) == Facts("a", 1, 0, 100, "a:1")
    assert engine.tap.workers["a"].alive


def test_looks_take_turns_and_notice_who_has_died(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned(monkeypatch, idle=10_000)
    nodes = [f"n{i}" for i in range(LOOKS_AT_ONCE + 2)]
    for node in nodes:
        engine.pool.let_go(engine.worker(node))
    engine.dead = {"n0": ray.exceptions.ActorDiedError(), "n101": ray.exceptions.ActorDiedError()}
    engine.pool.look()
    assert list(engine.pool.warm) == ["n100", "n101", *nodes[1:100]]
    engine.pool.look()
    assert "n101" in engine.pool.warm, "a second has not passed"
    engine.now += 1
    engine.pool.look()
    assert sorted(engine.pool.warm) == sorted(nodes[1:101])
    assert engine.pool.living([]) == []


def test_at_the_end_the_warm_ones_are_ended_and_nobody_elses(engine: Engine) -> None:
    engine.pool.let_go(engine.worker("a"))
    engine.worker("b")
    engine.pool.close()
    assert engine.ended == ["a"]
    assert engine.tap.workers["b"].alive
    Pool.watch(engine.pool)
    assert engine.pool.thread is None, "no thread after the end"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(warm, "WATCH_SECONDS", 0.001)
    yield


def test_the_thread_ends_with_the_last_worker_and_survives_what_fails(engine: Engine, quick: None) -> None:
    a = engine.worker("a")
    failing = threading.Event()

    def fails() -> None:
        failing.set()
        raise ValueError("broken")

    engine.pool.reap = fails  # type: ignore[method-assign]
    Pool.watch(engine.pool)
    thread = engine.pool.thread
    assert thread is not None
    Pool.watch(engine.pool)
    assert engine.pool.thread is thread
    assert failing.wait(30)
    await_that(lambda: engine.tap.faults["warm workers: ValueError: broken"], "it is told")
    engine.pool.lost(a)
    thread.join(30)
    assert not thread.is_alive() and engine.pool.thread is None
    assert os.environ["DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS"] == "1"


def test_a_worker_that_ray_ended_for_want_of_memory_is_not_warm_any_more_and_is_started_again_where_it_is_held(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, held = engine.worker("kept"), engine.worker("held")
    engine.pool.let_go(kept)
    engine.dead["kept"] = ray.exceptions.OutOfMemoryError("its node ran out of memory")
    assert engine.pool.take() == []
    assert not engine.tap.workers["kept"].alive and engine.tap.faults == {}
    monkeypatch.setattr(warm, "revived", lambda facts: f"another process on {facts.worker_id}")
    engine.tap.worker_ended("held", "died", tap_module.OUT_OF_MEMORY)
    assert engine.pool.claim(held) == "held"
    assert held.actor_handle == "another process on held"
    assert engine.tap.workers["held"].alive


class Reaper:
    """Daft's own reaper by its policy (``scheduling/downscale.rs``): two looks until a worker is released."""

    def __init__(self, engine: Engine, *handles: Any) -> None:
        self.engine = engine
        self.workers = {handle.node: handle for handle in handles}
        self.draining: set[str] = set()
        engine.tap.reaper = True

    def tick(self) -> None:
        """Look once: those that were idle at the last look and still are go; those that are idle now go next time."""
        force, now = rules.read(), self.engine.now
        known = {node: self.engine.tap.workers[node] for node in self.workers}
        idle = {node: now - its.idle_since for node, its in known.items() if its.idle_since is not None}
        over = sorted((node for node in idle if idle[node] >= force.idle_seconds), key=lambda node: -idle[node])
        may_go = max(0, len(self.workers) - force.survivors) if force.downscale else 0
        released = [node for node in over if node in self.draining][:may_go]
        self.draining = set([node for node in over if node not in released][: may_go - len(released)])
        for node in released:
            handle = self.workers.pop(node)
            self.engine.pool.lost(handle)
            self.engine.ended.append(node)


def told(engine: Engine, kind: str) -> list[tuple[Any, ...]]:
    return [event[2:] for event in engine.tap.drain(0, 0)["events"] if event[0] == kind]


def ends(engine: Engine) -> dict[str, tuple[float | None, str]]:
    """By worker, when it is said to be retired, and by which rule."""
    return {row[0]: (row[5], row[6]) for row in engine.tap.drain(0, 0)["workers"]}


def test_where_daft_has_a_reaper_it_alone_retires_and_each_end_is_told_once(engine: Engine) -> None:
    a = engine.worker("a")
    engine.now += 1e-3
    reaper = Reaper(engine, a, engine.worker("b"))
    engine.now = 1_000.0
    assert ends(engine) == {"a": (1_015.0, "after 10 s idle"), "b": (None, "survivor")}, "10 s, and one look later"
    for _ in range(3):
        engine.now += 5
        engine.pool.reap()
        assert engine.ended == [] and sorted(engine.pool.held) == ["a", "b"], "the pool ends nobody"
        if engine.now < 1_015:
            reaper.tick()
    assert engine.now == ends(engine)["a"][0], "it is due"
    reaper.tick()
    engine.pool.reap()
    assert engine.ended == ["a"]
    assert told(engine, "ended") == [("a", "retired", "after 10 s idle")]
    assert (list(engine.pool.held), engine.pool.warm, engine.tap.capacity) == (["b"], {}, 1)
    engine.now += 1_000
    reaper.tick()
    reaper.tick()
    engine.pool.reap()
    assert engine.ended == ["a"], "the other one survives"


def test_a_worker_that_daft_ends_for_another_reason_has_no_rule(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = (engine.worker(node) for node in "abc")
    Reaper(engine, a, b, c)
    engine.pool.lost(a)
    engine.now += 11
    engine.pool.claim(b)
    engine.pool.lost(b)
    tuned(monkeypatch, downscale="0")
    engine.pool.lost(c)
    assert told(engine, "ended") == [("a", "retired", ""), ("b", "retired", ""), ("c", "retired", "")]


def test_where_daft_has_a_reaper_its_idle_workers_are_looked_at_between_queries(engine: Engine) -> None:
    Reaper(engine, *(engine.worker(node) for node in ("a", "b")))
    engine.dead["b"] = ray.exceptions.ActorDiedError()
    engine.active = True
    engine.pool.look()
    assert told(engine, "ended") == [], "the query finds out by itself"
    engine.active = False
    engine.now += 1
    engine.pool.look()
    assert told(engine, "ended") == [("b", "died", "")]
    assert list(engine.pool.held) == ["a"]
    engine.now += 1
    engine.pool.look()
    assert told(engine, "ended") == [("b", "died", "")], "told once"


def test_the_reapers_interval_is_read_as_daft_reads_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    Reaper(engine, engine.worker("a"), engine.worker("b"))
    for text, seconds in (("2", 2.0), ("0", 1.0), ("soon", 5.0)):
        monkeypatch.setenv(REAPER_INTERVAL, text)
        assert ends(engine)["a"][0] == 1_010 + seconds
    monkeypatch.setenv("DAFT_AUTOSCALING_DOWNSCALE_ENABLED", "0")
    assert ends(engine)["a"] == (None, "downscale is off")


def test_a_daft_with_a_reaper_is_told_by_the_variable_that_it_reads(tmp_path: Path) -> None:
    program = tmp_path / "daft.abi3.so"
    bare = b"\x7fELF" + b"\0" * 70_000
    for code, there in ((bare, False), (bare + b"a" + REAPER_INTERVAL.encode() + b"b", True)):
        program.write_bytes(code)
        assert daftnames.is_named_in(REAPER_INTERVAL, program) is there
    import daft.daft

    assert daftnames.is_named_in("DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS", Path(str(daft.daft.__file__)))
    assert daftnames.has_reaper() is daftnames.is_named_in(REAPER_INTERVAL, Path(str(daft.daft.__file__)))
    assert settings.REAPER_ENV == REAPER_INTERVAL


def test_new_workers_are_given_the_variables_before_their_first_task(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    call = SimpleNamespace(remote=lambda function, values: given.append((function, dict(values))) or "given")
    waited: list[Any] = []
    monkeypatch.setattr(ray, "get", lambda refs, timeout: waited.append(refs))

    def new(node: str) -> Any:
        handle = engine.worker(node)
        handle.actor_handle.__ray_call__ = call
        engine.pool.give_variables(handle, node)
        engine.pool.await_variables()
        return handle

    new("a")
    assert (given, waited, engine.pool.with_others()) == ([], [], 0), "nothing is set, and nothing is done"
    engine.pool.variables = {"LIMIT": "5", "OLD": None}
    assert engine.pool.with_others() == 1
    second = new("b")
    assert given == [(warm.put_variables, {"LIMIT": "5", "OLD": None})] and waited == [["given"]]
    assert engine.pool.with_others() == 1, "the first has others"
    engine.pool.variables = {}
    assert engine.pool.with_others() == 1, "the second has others"
    monkeypatch.setattr(warm, "revived", lambda facts: second.actor_handle)
    engine.pool.variables = {"LIMIT": "6"}
    with engine.tap.lock:
        engine.tap.worker_ended("b", "retired")
    engine.pool.claim(second)
    assert given[-1] == (warm.put_variables, {"LIMIT": "6"}), "one that is started again is a new one"


def test_variables_are_put_and_taken_in_a_workers_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFTNB_OLD", "1")
    monkeypatch.delenv("DAFTNB_NEW", raising=False)
    warm.put_variables(None, {"DAFTNB_NEW": "2", "DAFTNB_OLD": None, "DAFTNB_NEVER": None})
    assert os.environ.pop("DAFTNB_NEW") == "2" and "DAFTNB_OLD" not in os.environ
    assert {*warm.put_variables.__code__.co_names} == {"os", "environ", "items", "pop"}, "nothing of its module"
