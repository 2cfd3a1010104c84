"""Workers are asked in turn, and what they answer is known for as long as they live."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor import metering
from daftnb.engine.actor.asking import ASKED_AT_ONCE, Survey, in_turn
from daftnb.engine.actor.node_usage import NodeUsage, resident_bytes
from daftnb.engine.actor.tap import Tap
from tests.helpers import asking
from tests.helpers.releases import needs_ray


def question(_worker: Any) -> int:
    raise AssertionError("asked here, and not in the worker's process")


def test_each_worker_has_its_turn() -> None:
    assert in_turn([], 7, 2) == ([], 0)
    assert in_turn("abc", 0, 50) == (["a", "b", "c"], 3)
    assert in_turn("abc", 3, 50) == (["a", "b", "c"], 3), "all of a few, each time"
    turns, start = [], 0
    for _ in range(3):
        turn, start = in_turn("abcde", start, 2)
        turns.append("".join(turn))
    assert turns == ["ab", "cd", "ea"]


@needs_ray
def test_a_worker_is_asked_again_once_it_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = asking.pool_of(monkeypatch, a=0, b=0)
    survey = Survey(pool, question)
    assert (survey.look(), survey.latest, set(survey.asked)) == ([], {}, {"a", "b"})
    pool.held["a"].answers.append(7)
    assert survey.collect() == [7]
    assert (survey.latest, set(survey.asked)) == ({"a": 7}, {"b"}), "which has not answered"
    assert (survey.look(), survey.latest, set(survey.asked)) == ([], {"a": 7}, {"a", "b"})
    pool.held["a"].answers.append(None)
    assert (survey.look(), survey.latest) == ([None], {"a": None}), "an answer, too"


@needs_ray
def test_what_a_worker_answered_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    pool = asking.pool_of(monkeypatch, a=0, b=0, c=0)
    pool.warm["c"] = pool.held.pop("c")
    survey = Survey(pool, question)
    survey.look()
    for handle in (*pool.held.values(), *pool.warm.values()):
        handle.answers.append(1)
    assert survey.look() == [1, 1, 1]
    for told in (ray.exceptions.RayError(), AssertionError()):  # Ray's own, where it has no reason for a death
        pool.held["a"].answers.append(told)
        assert (survey.look(), survey.latest) == ([], {"b": 1, "c": 1}), "it has died, and did not say so"
    pool.tap.worker_ended("c", "died")
    del pool.held["b"]
    assert (survey.look(), survey.latest) == ([], {})


@needs_ray
def test_a_worker_that_dies_before_it_has_its_meter_is_no_fault_of_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    pool = asking.pool_of(monkeypatch, a=0, b=0, c=0)
    metered = metering.Metering(SimpleNamespace(curr_result_gens={}), pool.tap)
    metered.name = ("runner", "daft")
    for name, told in (
        ("a", AssertionError()),
        ("b", ray.exceptions.RayActorError()),
        ("c", ray.exceptions.RayError("odd")),
    ):
        metered.begin_worker(pool.held[name], name)
        pool.held[name].answers.append(told)
    metered.begun()
    assert list(pool.tap.faults) == ["the meter of a worker: RayError: odd"]
    assert metered.beginning == []


@needs_ray
@pytest.mark.parametrize(("answers", "expected"), [(True, [1.0, 1.0, 1.0]), (False, [1.0, 0.0, 1.0])])
def test_only_actors_that_are_silent_use_up_the_time_for_the_last_of_a_pool(
    monkeypatch: pytest.MonkeyPatch, answers: bool, expected: list[float]
) -> None:
    import ray

    now, given = [100.0], []

    def wait(references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        given.append(timeout)
        return (references, []) if answers else ([], references)

    monkeypatch.setattr(ray, "wait", wait)
    monkeypatch.setattr(ray, "get", lambda _: ([], {}, {}))
    monkeypatch.setattr(metering, "time", SimpleNamespace(monotonic=lambda: now[0], time=lambda: now[0]))
    metered = metering.Metering(SimpleNamespace(curr_result_gens={}), Tap())
    for seconds in (0.0, 1.5, 1.5):
        now[0] += seconds
        metered.actor_ends(SimpleNamespace(actor_id=lambda: "a", actor=asking.Handle().actor_handle))
    assert given == expected


@needs_ray
def test_so_many_are_asked_at_once_and_only_those_that_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = asking.pool_of(monkeypatch, **{f"w{number}": number % 2 for number in range(4 * ASKED_AT_ONCE)})
    survey = Survey(pool, question, lambda worker: worker.gpus > 0)
    for looks in (1, 2, 3):
        survey.look()
        assert len(survey.asked) == min(2, looks) * ASKED_AT_ONCE
    assert all(int(name[1:]) % 2 for name in survey.asked)


@needs_ray
def test_what_nodes_used_is_forgotten_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray._private import state

    alive: list[dict[str, object]] = []
    monkeypatch.setattr(ray, "nodes", lambda: alive)
    monkeypatch.setattr(state, "available_resources_per_node", dict)
    pool = asking.pool_of(monkeypatch)
    usage = NodeUsage(pool)
    for number in range(50):  # one node comes as another goes
        name = f"node {number}"
        pool.tap.worker_started(name, 1, 100)
        pool.held = {name: asking.Handle()}
        alive[:] = [{"NodeID": name, "Alive": True, "Resources": {"memory": 100.0}}]
        assert usage.rows() == [(name, None, 100, None, None, None, None)], "not known yet"
        assert pool.held[name].question is resident_bytes
        pool.held[name].answers.append(7)
        assert usage.rows() == [(name, 7, 100, None, None, None, None)]
        pool.held[name].answers.append(None)
        assert usage.rows() == [(name, None, 100, None, None, None, None)], "a system without /proc"
        pool.tap.worker_ended(name, "retired")
        pool.held[name].answers.append(7)
    assert len(usage.resident.latest) <= 1


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="a system without /proc")
def test_a_process_tells_its_resident_set() -> None:
    resident = resident_bytes(None)
    assert resident is not None and resident > 1_000_000
