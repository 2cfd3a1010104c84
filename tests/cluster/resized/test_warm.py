"""Warm workers: the next query takes them over at once, and what happens to one between queries is noticed."""

from __future__ import annotations

import os
import statistics
import time

import psutil
import pytest

from daftnb.session import Session
from tests.cluster.scaling import decisions, kinds, nodes, processes, query_row, sleepy, tiny, workers
from tests.conftest import await_that

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def actors(session: Session) -> list[psutil.Process]:
    """The processes of the workers."""
    return processes(session, "RaySwordfishActor")


def test_the_next_query_takes_warm_workers_over_and_ray_lets_them_their_nodes(session: Session) -> None:
    sleepy(30, 0.4).collect()
    most = query_row(session)["workers_to"]
    assert most >= 2
    processes = {process.pid for process in actors(session)}
    ended = time.monotonic()
    await_that(lambda: time.monotonic() - ended > 9, "three times Ray's idle timeout", 15)
    assert nodes() >= most, "a node whose worker is warm is not released"
    since = time.time()
    tiny()
    assert kinds(session, since) <= {"reuse", "hold", "sweep", "kept"}
    assert {process.pid for process in actors(session)} == processes
    states = [row["state"] for row in workers(session).values()]
    assert states == ["warm"] * most


def test_tiny_queries_cost_with_downscaling_what_they_cost_without(session: Session) -> None:
    tiny()
    seconds: dict[str, list[float]] = {"1": [], "0": []}
    for _ in range(3):
        for switch, found in seconds.items():
            os.environ["DAFT_AUTOSCALING_DOWNSCALE_ENABLED"] = switch
            tiny()
            found.extend(tiny() for _ in range(5))
    on, off = statistics.median(seconds["1"]), statistics.median(seconds["0"])
    # The ratio is measured by tests/benchmarks; here only what it is about: no process is started for each query.
    assert on < off + 0.5, (on, off)


def test_a_worker_killed_while_warm_is_noticed_and_replaced(session: Session) -> None:
    tiny()
    before = workers(session)
    victim = actors(session)[0]
    since = time.time()
    victim.kill()
    await_that(lambda: "died" in kinds(session, since), "the death is noticed", 4)
    assert len(workers(session)) == len(before) - 1
    tiny()
    # Ray takes a node without a worker after two seconds; on a slow machine that is before the query.
    assert len(workers(session)) == nodes(), "its node has a worker again"
    assert session.snapshot()["session"]["problems"] == {}


@pytest.mark.slow
def test_a_node_that_is_gone_is_noticed(session: Session) -> None:
    sleepy(30, 0.4).collect()
    before = workers(session)
    assert len(before) >= 2
    raylets = {process.ppid() for process in actors(session)}
    since = time.time()
    psutil.Process(max(raylets)).kill()
    await_that(lambda: len(workers(session)) == len(before) - 1, "its worker is gone", 15)
    assert {"died", "gone"} & kinds(session, since)
    assert tiny() < 30
    assert session.snapshot()["query"]["state"] == "finished"


@pytest.mark.slow
def test_an_idle_worker_that_a_long_query_does_not_use_is_ended_in_time(session: Session) -> None:
    sleepy(30, 0.4).collect()
    count = len(workers(session))
    assert count >= 2
    os.environ["DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS"] = "4"
    idle_from = max(row["idle_since"] for row in workers(session).values())
    since = time.time()
    # The engine's own clock starts anew with this query, and its end would be seconds late.
    sleepy(1, 6.0).collect()
    retired = [entry for entry in decisions(session, since) if entry["kind"] == "retire"]
    assert len(retired) == count - 1
    assert all(entry["t"] <= idle_from + 6 for entry in retired), "within two seconds of the idle seconds"
    # Those the engine still held are started again where a query needs them.
    assert sorted(sleepy(6, 0.2).to_pydict()["b"]) == list(range(6))


def test_without_the_extension_the_actor_is_as_daft_made_it(session: Session) -> None:
    import ray

    from daftnb.engine.queries.runner import RunnerDoor

    tiny()
    flotilla = session.connection.flotilla
    assert flotilla is not None
    actor = flotilla.runner

    def look(actor: object) -> dict[str, object]:
        import os
        import threading

        from daft.runners import flotilla, progress_bar

        return {
            "attributes": [name for name in vars(actor) if name.startswith("_daftnb")],
            "modules": [
                value.__module__
                for value in (
                    flotilla.try_autoscale,
                    flotilla.start_ray_workers,
                    flotilla.get_head_node_id,
                    flotilla.RaySwordfishActorHandle.submit_task,
                    flotilla.RaySwordfishActorHandle.shutdown,
                    flotilla.RaySwordfishTaskHandle.get_result,
                    progress_bar.ProgressBar,
                )
            ],
            "threads": [thread.name for thread in threading.enumerate() if thread.name.startswith("daftnb")],
            "environment": [name for name in os.environ if name.startswith("DAFT_AUTOSCALING")],
            "streams": type(actor.curr_result_gens).__name__,  # type: ignore[attr-defined]
        }

    with_us = ray.get(actor.__ray_call__.remote(look))
    assert with_us["threads"] == ["daftnb-warm"]
    flotilla.door.close()
    try:
        without = ray.get(actor.__ray_call__.remote(look))
        await_that(lambda: not actors(session), "the warm workers have ended")
    finally:
        flotilla.door = RunnerDoor(actor, frozenset(session.connection.off))  # as the next test on this cluster expects
    assert without["attributes"] == without["threads"] == without["environment"] == []
    assert without["streams"] == "dict"
    assert set(without["modules"]) == {"daft.runners.flotilla", "daft.runners.progress_bar"}
