"""Pools of actors: how many there is room for, what is missing, and what is said of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daftnb.engine.actor.udfpools import UdfPool, UdfPools, resources_of, room
from daftnb.engine.meter.queues import Given, Queues
from daftnb.snapshots.actors import words
from daftnb.telemetry import events as e
from daftnb.telemetry.decisions import actors_asked, actors_came
from daftnb.telemetry.plantopic import plan_of
from tests.conftest import run_async
from tests.helpers.folding import folded

CPUS = (("CPU", 1.0),)
QUERY = e.QueryStarted(1.0, "q", "ray")


@pytest.mark.parametrize(
    ("nodes", "actors", "each", "fits", "lack"),
    [
        ([{"CPU": 4}, {"CPU": 4}], 8, {"CPU": 1}, 8, {}),
        ([{"CPU": 2}], 8, {"CPU": 1}, 2, {"CPU": 6}),
        ([{"CPU": 3}, {"CPU": 3}], 2, {"CPU": 4}, 0, {"CPU": 2}),
        ([{"CPU": 3}, {"CPU": 3}], 3, {"CPU": 2}, 2, {}),  # enough in all, but not on one node
        ([{"CPU": 8, "GPU": 1}], 10, {"GPU": 0.1}, 10, {}),
        ([{"CPU": 8, "GPU": 1}], 4, {"CPU": 1, "GPU": 0.5}, 2, {"GPU": 1}),
        ([{"CPU": 8}], 1, {"GPU": 1}, 0, {"GPU": 1}),
        ([{"CPU": 1, "memory": 8e9}], 3, {"memory": 4e9}, 2, {"memory": 4e9}),
        ([], 2, {}, 2, {}),
    ],
)
def test_room(nodes: Any, actors: int, each: Any, fits: int, lack: Any) -> None:
    assert room(nodes, actors, each) == (fits, lack)


def test_rays_options_come_before_what_daft_gives() -> None:
    given = {"num_cpus_per_actor": 1.0, "num_gpus_per_actor": 0, "memory_per_actor": 0}
    assert resources_of({**given, "ray_options": None}) == {"CPU": 1.0}
    options = {"num_cpus": 0, "num_gpus": 0.5, "resources": {"fast": 1}}
    assert resources_of({**given, "ray_options": options}) == {"GPU": 0.5, "fast": 1.0}


def pool(**facts: Any) -> e.ActorPool:
    given = {"t": 2.0, "count": 0, "awaited": 0, "asked": 8, "function": "__main__.Model.score", "each": CPUS, **facts}
    return e.ActorPool(name="f", limit=120.0, **given)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            {"awaited": 8, "fits": 8},
            "Model.score: asked Ray for 8 actors, each 1 CPU; the query waits 120 s for them at most",
        ),
        (
            {"awaited": 8, "fits": 2, "lack": (("CPU", 6.0),)},
            "Model.score: asked Ray for 8 actors, each 1 CPU. The cluster has room for 2 of them, 6 CPUs are missing; "
            "the query waits 120 s for them at most",
        ),
        (
            {"awaited": 8, "fits": 0, "each": (("CPU", 1.0), ("GPU", 0.5), ("memory", 4e9)), "lack": (("GPU", 4.0),)},
            "Model.score: asked Ray for 8 actors, each 1 CPU, 0.5 GPUs and 4.00 GB of memory. The cluster has room for "
            "none of them, 4 GPUs are missing; the query waits 120 s for them at most",
        ),
    ],
)
def test_what_is_said_when_actors_are_asked_for(facts: dict[str, Any], text: str) -> None:
    assert actors_asked(pool(**facts)) == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"count": 8, "waited": 1.44, "fits": 8}, "Model.score has its 8 actors, after 1.4 s"),
        (
            {"count": 2, "waited": 120.0, "fits": 2, "lack": (("CPU", 6.0),)},
            "Model.score goes on with 2 of 8 actors after 120.0 s: the cluster has room for 2 of them, "
            "6 CPUs are missing",
        ),
        (
            {"count": 7, "waited": 120.1, "fits": 8},
            "Model.score goes on with 7 of 8 actors after 120.1 s: the cluster has room for all, but other work has "
            "it, or they were still being initialised",
        ),
        (
            {"count": 0, "waited": 0.0, "fits": 0, "lack": (("GPU", 1.0),)},
            "Model.score has none of its 8 actors after 0.0 s: the cluster has room for none of them, 1 GPU is missing",
        ),
        ({"count": 0, "waited": 0.5, "fits": 8}, "Model.score has none of its 8 actors after 0.5 s"),
    ],
)
def test_what_is_said_when_they_came(facts: dict[str, Any], text: str) -> None:
    assert actors_came(pool(**facts)) == text


def test_each_decision_is_in_the_log_whichever_query_it_is_of() -> None:
    few = {"fits": 2, "lack": (("CPU", 6.0),)}
    state = folded(pool(awaited=8, **few), pool(count=2, waited=2.0, **few), pool(t=4.0, count=8, waited=2.0))
    assert [mark.kind for mark in state.marks.values()] == ["actors asked", "actors missing", "actors ready"]
    assert not folded(pool(asked=0, waited=1.0)).marks, "of what it was nobody told"


def test_the_plan_says_why_there_are_fewer() -> None:
    few = e.UdfActors(2.0, "q", "f", 2, None, 0, 120.0, 8, fits=2, lack=(("CPU", 6.0),), waited=2.0)
    state = folded(QUERY, e.PlanReady(1.5, "q", (e.PlanNode(1, "ActorUDF", "", ()),)), few)
    assert state.current is not None
    plan = plan_of(state.current)
    assert plan is not None
    why = "the cluster has room for 2 of them, 6 CPUs are missing"
    assert (plan["udfs"]["f"]["asked"], plan["udfs"]["f"]["why"]) == (8, why)
    assert words(plan["udfs"]["f"]).startswith("2 actors of 8 asked") and words(plan["udfs"]["f"]).endswith(why)
    old = folded(QUERY, e.UdfActors(2.0, "q", "f", 0, None, 4, 120.0))
    assert not old.marks, "an older tap tells no more"


def test_batches_before_an_actor_are_counted_until_they_are_over() -> None:
    queues = Queues()

    async def batches() -> list[Any]:
        gate = asyncio.Event()

        async def batch(fails: bool) -> int:
            await gate.wait()
            if fails:
                raise ValueError("no")
            return 1

        given = [asyncio.ensure_future(Given(queues, "a", batch(fails))) for fails in (False, True, False)]
        await asyncio.sleep(0)
        assert queues.counts == {"a": 3}
        given[2].cancel()
        gate.set()
        return await asyncio.gather(*given, return_exceptions=True)

    one, failed, cancelled = run_async(batches())
    assert one == 1 and isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(failed, ValueError)
    frames = []
    trace = failed.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    assert not [name for name in frames if "queues.py" in name], "the user is shown none of ours"
    assert queues.counts == {"a": 0}


def test_nothing_is_missing_any_more_once_all_actors_came() -> None:
    pools, actors = UdfPools(), [object(), object()]
    pools.awaited("q", "f", UdfPool(awaited=2, limit=120.0, asked=2, fits=1, lack=CPUS))
    now = pools.started("q", "f", actors, 9.0, None, {})
    assert (now.there, now.fits, now.lack, now.waited) == (2, 2, (), 9.0)
    pools.awaited("q", "g", UdfPool(awaited=2, limit=120.0, asked=2, fits=0, lack=(("CPU", 2.0),)))
    short = pools.started("q", "g", [object()], 120.0, 1, {"CPU": 1.0})
    assert (short.there, short.fits, short.lack) == (1, 1, CPUS)


def test_a_pool_is_told_as_plain_values() -> None:
    assert tuple(UdfPool(awaited=2, limit=120.0))[:3] == (0, 2, 120.0)
