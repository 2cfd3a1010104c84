"""The tap's arithmetic, with the engine's calls made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from daftnb.engine.actor.counts import KEPT_DEATHS, Query, Stage, Worker
from daftnb.engine.actor.node_usage import NodeUsage
from daftnb.engine.actor.tap import KEPT_QUERIES, OUT_OF_MEMORY, RING_EVENTS, Tap
from daftnb.engine.actor.udfpools import UdfPool
from tests.helpers.releases import needs_ray


def task(name: str, first: int, query: str = "q") -> tuple[str, dict[str, str]]:
    return name, {"query_id": query, "node_id": str(first), "task_id": "0"}


def tap_with_worker() -> Tap:
    tap = Tap()
    tap.announce(0, "q", {1: 2, 2: 3})
    tap.worker_started("w", 2, 100)
    return tap


def counts(tap: Tap) -> dict[int, tuple[int, ...]]:
    return {row[1]: row[3:] for row in tap.drain(0, 0)["stages"]}


def test_a_task_goes_from_pending_over_running_to_done() -> None:
    tap = tap_with_worker()
    tap.submitted(2, "a")
    assert counts(tap) == {2: (1, 1, 0, 0, 0, 0)}
    started = tap.dispatched("w", *task("a", 1))
    assert started is not None
    assert counts(tap) == {2: (1, 0, 1, 0, 0, 0)}
    tap.ended(started, "ok")
    tap.done(2)
    assert counts(tap) == {2: (1, 0, 0, 1, 0, 0)}
    assert (tap.pending, tap.running) == (0, 0)


def test_a_task_of_a_dead_worker_is_pending_again() -> None:
    tap = tap_with_worker()
    tap.submitted(2, "a")
    started = tap.dispatched("w", *task("a", 1))
    tap.ended(started, "retried")
    tap.worker_ended("w", "died")
    assert counts(tap) == {2: (1, 1, 0, 0, 0, 0)}
    assert (tap.pending, tap.running, tap.capacity) == (1, 0, 0)


def test_tasks_of_one_name_are_told_apart_by_where_they_begin() -> None:
    tap = tap_with_worker()
    tap.submitted(1, "a")
    tap.submitted(3, "a")
    tap.dispatched("w", *task("a", 2))
    assert counts(tap) == {1: (1, 1, 0, 0, 0, 0), 3: (1, 0, 1, 0, 0, 0)}


def test_an_operator_may_have_tasks_of_several_names() -> None:
    tap = tap_with_worker()
    for name in ("sample", "sort"):
        tap.submitted(3, name)
        tap.dispatched("w", *task(name, 3))
    assert counts(tap) == {3: (2, 0, 2, 0, 0, 0)}


def test_what_was_never_dispatched_is_cancelled_at_the_end() -> None:
    tap = tap_with_worker()
    for _ in range(5):
        tap.submitted(2, "a")
    tap.done(2)  # cancelled before it was dispatched
    tap.closed({0})
    assert counts(tap) == {2: (5, 0, 0, 0, 0, 5)}
    assert tap.pending == 0


def test_a_failed_query_tells_of_tasks_that_run_before_they_are_cancelled_and_none_waits_less_than_nobody() -> None:
    tap = tap_with_worker()
    for _ in range(3):
        tap.submitted(2, "a")
    failed, cancelled = (tap.dispatched("w", *task("a", 1)) for _ in range(2))
    assert failed is not None and cancelled is not None
    tap.ended(failed, "failed")
    for _ in range(2):  # of all but the failed one: the one that runs, and the one that waits
        tap.done(2)
    tap.ended(cancelled, "cancelled_running")
    assert counts(tap) == {2: (3, 0, 0, 0, 1, 2)}
    assert (tap.pending, tap.running) == (0, 0)


def test_a_task_that_is_sent_as_its_query_is_cancelled_runs_and_none_waits_less_than_nobody() -> None:
    tap = tap_with_worker()
    for _ in range(2):
        tap.submitted(2, "a")
    tap.query(0).cancelled = True
    tap.closed({0})
    sent = tap.dispatched("w", *task("a", 1))
    assert sent is not None
    assert counts(tap) == {2: (2, 0, 1, 0, 0, 1)}
    assert (tap.pending, tap.running) == (0, 1)
    for _ in range(2):
        tap.done(2)
    tap.ended(sent, "cancelled_running")
    assert counts(tap) == {2: (2, 0, 0, 0, 0, 2)}
    assert (tap.pending, tap.running) == (0, 0)


def test_a_lagging_kernel_loses_detail_which_is_counted_and_no_total() -> None:
    tap = tap_with_worker()
    for i in range(RING_EVENTS + 500):
        tap.worker_started(f"w{i}", 1, 1)
        tap.worker_ended(f"w{i}", "died")
    drained = tap.drain(0, 0)
    assert len(drained["events"]) == RING_EVENTS
    assert drained["dropped"] == drained["seen"][0] - RING_EVENTS
    assert tap.drain(*drained["seen"])["dropped"] == 0


def test_each_task_is_told_once_and_many_tasks_push_no_decision_out() -> None:
    tap = tap_with_worker()
    for number in range(RING_EVENTS + 10):
        tap.submitted(2, "a")
        run = tap.dispatched("w", "a", {"query_id": "q", "node_id": "1", "task_id": str(number)})
        assert tap.worker_rows()[0][-2:] == ([(number, 2, run.started)], 0.0)
        tap.ended(run, "failed" if number % 2 else "ok")
    drained = tap.drain(0, 5)
    assert [event[0] for event in drained["events"][:1]] == ["worker"]
    assert (len(drained["tasks"]), drained["dropped"]) == (RING_EVENTS, 5)
    ended, *told, outcome = drained["tasks"][-1]
    assert told == ["q", 2, "w", RING_EVENTS + 9, run.started]
    assert (outcome, ended >= run.started) == ("failed", True)


def test_the_actors_memory_does_not_grow_with_queries() -> None:
    tap = tap_with_worker()
    for i in range(100):
        tap.announce(i, f"q{i}", {})
    assert len(tap.queries) == KEPT_QUERIES


def test_the_actors_memory_does_not_grow_with_workers_that_came_and_went() -> None:
    tap = tap_with_worker()
    for i in range(100):
        tap.worker_started(f"w{i}", 1, 1)
        tap.worker_ended(f"w{i}", "died")
    assert len(tap.workers) <= 2


def test_what_another_driver_runs_is_counted_too_under_a_name_of_its_own() -> None:
    tap = Tap()
    tap.worker_started("w", 1, 1)
    tap.submitted(7 << 32 | 2, "a")
    run = tap.dispatched("w", *task("a", 1, query="not announced"))
    assert (run.stage.query.id, run.stage.running) == ("query-7", 1)
    tap.announce(8, "q", {})
    with pytest.raises(KeyError, match="no query"):
        tap_with_worker().query_named("never heard of")


def test_a_cancelled_querys_tasks_are_cancelled_however_ray_tells_it() -> None:
    tap = tap_with_worker()
    tap.submitted(2, "a")
    run = tap.dispatched("w", *task("a", 1))
    assert tap.cancelled("q") is None
    tap.queries[0].cancelled = True
    assert tap.cancelled("q") is tap.queries[0] and tap.cancelled("other") is None
    tap.submitted(2, "a")
    assert counts(tap) == {2: (2, 0, 1, 0, 0, 1)}
    tap.ended(run, "failed")
    assert counts(tap) == {2: (2, 0, 0, 0, 0, 2)}
    assert tap.drain(0, 0)["tasks"][-1][-1] == "cancelled"


def test_what_is_told_again_or_of_nobody_changes_nothing() -> None:
    tap = tap_with_worker()
    before = tap.seen()
    tap.worker_started("w", 9, 9)
    tap.worker_ended("?", "died")
    tap.worker_let_go("?", warm=True)
    tap.worker_adopted("w")
    tap.udf_ended(object())
    tap.requested([])
    assert (tap.seen(), tap.capacity, tap.workers["w"].cpus) == (before, 2, 2)
    tap.worker_let_go("w", warm=True)
    tap.worker_let_go("w", warm=True)
    assert [event[0] for event in tap.drain(*before)["events"]].count("warm") == 1
    Tap().udfs_started("f", [object()], 1.0)


def test_udfs_and_the_request_that_stands_are_told_at_each_look() -> None:
    tap = tap_with_worker()
    actors = [object(), object()]
    waiting = UdfPool(awaited=3, limit=120.0, asked=3, function="F", each=(("CPU", 1.0),), fits=1)
    tap.udfs_awaited("f", waiting)
    assert tap.drain(*tap.seen())["udfs"] == [("q", "f", *waiting)]
    tap.udfs_started("f", actors, 2.5, 2, {"CPU": 1.0})
    there = waiting._replace(there=2, awaited=0, fits=2, lack=(("CPU", 1.0),), waited=2.5)
    tap.requested([{"CPU": 2}, {"CPU": 1}])
    for _ in range(2):
        drained = tap.drain(*tap.seen())
        assert (drained["udfs"], drained["asked"][1:]) == ([("q", "f", *there)], (2, 3, 0, 2))
        assert [life[0] for life in drained["lives"]] == ["w"]
    tap.udf_ended(actors[0])
    tap.requested([])
    drained = tap.drain(*tap.seen())
    assert (drained["udfs"], drained["asked"]) == ([("q", "f", *there._replace(there=1))], None)
    for number in range(1, KEPT_QUERIES + 1):
        tap.announce(number, f"q{number}", {})
    assert tap.drain(*tap.seen())["udfs"] == [], "its query is not kept any more"


def test_a_fault_of_ours_is_counted_and_told() -> None:
    tap = tap_with_worker()
    for _ in range(2):
        tap.fault("submitted", KeyError("x"))
    assert tap.drain(0, 0)["faults"] == {"submitted: KeyError: 'x'": 2}


def test_what_runs_and_what_is_pending_is_the_rest_of_what_became_of_the_tasks() -> None:
    stage = Stage(1, "a", Query("q", {}))
    assert (stage.submitted, stage.running, stage.pending, stage.done) == (0, 0, 0, 0)
    assert (stage.ok, stage.failed, stage.retried, stage.cancelled_running, stage.cancelled_pending) == (0, 0, 0, 0, 0)
    stage.submitted, stage.dispatched = 1000, 500
    stage.ok, stage.failed, stage.retried, stage.cancelled_running, stage.cancelled_pending = 100, 30, 7, 5, 52
    assert (stage.running, stage.pending) == (500 - 100 - 30 - 7 - 5, 1000 - 500 + 7 - 52)


def test_a_worker_begins_idle_unused_and_the_engines() -> None:
    worker = Worker(2, 100, 5.0)
    assert (worker.cpus, worker.memory, worker.started, worker.idle_since) == (2, 100, 5.0, 5.0)
    assert (worker.finished, worker.running, worker.alive, worker.held, worker.used) == (0, 0, True, True, False)


def test_a_task_whose_way_up_meets_none_of_its_stages_is_the_first_ones() -> None:
    query = Query("q", {1: 2, 2: 3})
    first, second = query.stage(1, "a"), query.stage(3, "a")
    assert query.stage_of("a", 9) is first
    assert (query.stage_of("a", 1), query.stage_of("a", 2), query.stage_of("a", 3)) == (first, second, second)
    assert query.stage(3, "a") is second and query.stages_by_name == {"a": [1, 3]}
    assert query.stage(3, "b") is second and second.name == "b"
    assert query.stage_of("b", 1) is second


def test_a_task_that_ends_one_worker_after_the_other_is_told_with_how_many() -> None:
    tap = tap_with_worker()
    for task_id, deaths in (("7", 3), ("8", 1), ("9", 2)):
        tap.submitted(2, "a")
        for _ in range(deaths):
            tap.worker_started("w", 2, 100)
            name, context = task("a", 1)
            tap.ended(tap.dispatched("w", name, {**context, "task_id": task_id}), "retried")
            tap.worker_ended("w", "died")
    assert tap.drain(0, 0)["deaths"] == [("q", 2, 7, 3)]
    assert tap_with_worker().drain(0, 0)["deaths"] == []


def test_the_tasks_whose_workers_ended_are_bounded_and_the_worst_is_kept() -> None:
    query = Query("q", {})
    for task_id in range(1000):
        query.ended_a_worker(2, task_id)
        query.ended_a_worker(2, 5000)
    assert len(query.deaths) <= KEPT_DEATHS
    assert query.deadliest() == [(2, 5000, 1000)]


def test_a_worker_that_ray_ended_for_want_of_memory_is_held_by_the_engine_and_not_alive() -> None:
    tap = tap_with_worker()
    tap.submitted(2, "a")
    tap.ended(tap.dispatched("w", *task("a", 1)), "failed")
    tap.worker_ended("w", "died", OUT_OF_MEMORY)
    assert (tap.workers["w"].alive, tap.workers["w"].held, tap.capacity) == (False, True, 2)
    tap.worker_started("w", 2, 100)
    assert (tap.workers["w"].alive, tap.workers["w"].held, tap.capacity) == (True, True, 2)


def test_a_query_that_has_tasks_keeps_its_counts_however_many_come_after_it() -> None:
    tap = Tap()
    tap.worker_started("w", 2, 100)
    for number in range(3 * KEPT_QUERIES):  # as many previews that summarise their columns
        tap.announce(number, f"q{number}", {})
        tap.submitted(number << 32 | 3, "Scan")
    assert len(tap.queries) == 3 * KEPT_QUERIES
    runs = []
    for number in range(3 * KEPT_QUERIES):
        context = {"query_id": f"q{number}", "node_id": "3", "task_id": "0"}
        runs.append(tap.dispatched("w", "Scan", context))
    assert (tap.pending, tap.running) == (0, 3 * KEPT_QUERIES)
    for number, run in enumerate(runs):
        tap.ended(run, "ok")
        tap.done(number << 32 | 3)
    assert (tap.pending, tap.running, tap.faults) == (0, 0, {})
    tap.announce(1000, "last", {})
    assert len(tap.queries) == KEPT_QUERIES
    assert list(tap.queries)[-1] == 1000


def test_an_index_that_comes_again_is_the_newest() -> None:
    tap = Tap()
    for number in range(KEPT_QUERIES):
        tap.announce(number, f"q{number}", {})
    tap.announce(0, "again", {})
    tap.announce(100, "next", {})
    assert (tap.queries[0].id, 1 in tap.queries) == ("again", False)


# -- GPUs -------------------------------------------------------------------------------------------------------------

# A scan (1), a UDF (2) and a filter (3); a scan (4) and two UDFs (5, 6); a join (7) and a UDF (8) behind it.
PARENTS = {1: 2, 2: 3, 3: 7, 4: 5, 5: 6, 6: 7, 7: 8}
ASKS = {2: 0.5, 5: 1.0, 6: 0.0, 8: 0.0}


@pytest.mark.parametrize(
    ("name", "last", "gpus", "expected"),
    [
        ("InMemoryScan->Filter", 3, ASKS, 0.0),
        ("InMemoryScan->UDFProject->Filter", 3, ASKS, 0.5),
        ("InMemoryScan->UDFProject", 6, ASKS, 0.0),
        ("InMemoryScan->UDFProject->UDFProject", 6, ASKS, 1.0),
        ("(InMemoryScan, InMemoryScan)->HashJoin->UDFProject", 8, ASKS, 0.0),
        ("(InMemoryScan->UDFProject, InMemoryScan)->HashJoin->UDFProject", 8, ASKS, None),
        ("(InMemoryScan->UDFProject, InMemoryScan)->HashJoin->UDFProject", 8, {2: 1.0, 8: 1.0}, 1.0),
        ("InMemoryScan->UDFProject", 99, ASKS, None),
        ("InMemoryScan->UDFProject", 2, None, None),
        ("InMemoryScan->Filter", 3, None, 0.0),
        ("InMemoryScan->UDFProject", 2, {}, 0.0),
    ],
)
def test_a_task_asks_for_the_most_that_a_udf_in_it_does(
    name: str, last: int, gpus: dict[int, float] | None, expected: float | None
) -> None:
    query = Query("q", PARENTS)
    query.gpus = gpus
    assert [query.gpus_of(name, last), query.gpus_of(name, last)] == [expected] * 2


def test_gpus_of_tasks_that_run_and_wait() -> None:
    tap = Tap()
    tap.announce(0, "q", {1: 2})
    tap.query(0).gpus = {2: 0.5}
    tap.worker_started("w", 4, 100, 2)
    for _ in range(3):
        tap.submitted(2, "Scan->UDFProject")
    assert (tap.pending_gpus(), tap.gpus()) == (1.5, 2)
    run = tap.dispatched("w", *task("Scan->UDFProject", 1))
    drained = tap.drain(0, 0)
    assert drained["events"][-1][-2:] == (1.0, 2)
    assert [facts for kind, _, *facts in drained["events"] if kind == "hold"] == [[1, "below", 3, 4, 1.25, 1.5, 2]]
    assert (drained["lives"][0][-1], drained["workers"][0][-1]) == (2, 0.5)
    tap.ended(run, "ok")
    assert tap.worker_rows()[0][-1] == 0.0
    tap.query(0).gpus, tap.query(0).gpus_by_stage = None, {}
    tap.dispatched("w", *task("Scan->UDFProject", 1))
    assert (tap.pending_gpus(), tap.worker_rows()[0][-1]) == (None, None), "not known, and not 0"


def test_a_hold_is_told_anew_where_the_backlog_asks_for_gpus() -> None:
    tap = tap_with_worker()
    tap.query(0).gpus = {2: 1.0}
    tap.submitted(1, "Scan")
    tap.decide()
    tap.submitted(2, "Scan->UDFProject")
    tap.decide()
    tap.undecided = True
    tap.decide()
    holds = [facts for kind, _, *facts in tap.drain(0, 0)["events"] if kind == "hold"]
    assert holds == [[1, "below", 1, 2, 1.25], [2, "below", 2, 2, 1.25, 1.0, 0]]
    assert tap.hold is not None and tap.hold[1] == 2


def test_gpus_of_a_request() -> None:
    tap = Tap()
    bundles = [{"CPU": 1, "GPU": 1}] * 3
    tap.requested([{"CPU": 1}])
    assert tap.asked is not None and tap.asked[1:] == (1, 1, 0, 0)
    tap.requested(bundles, bundles)
    assert tap.asked[1:] == (3, 3, 0, 0, None, None, 3, None)
    tap.requested(bundles, bundles[:2])
    assert (tap.asked[1:], tap.demand_gpus) == ((3, 3, 0, 0, 2, 2, 3, 2), 3)
    tap.requested([])
    assert (tap.asked, tap.demand_gpus) == (None, 0)


@needs_ray
def test_gpus_that_actors_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray._private import state

    names = ("none", "some", "all", "unknown")
    nodes = [
        {"NodeID": name, "Alive": True, "Resources": {"CPU": 1.0, **({} if name == "none" else {"GPU": 2.0})}}
        for name in names
    ]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    available = {"none": {"CPU": 1.0}, "some": {"GPU": 0.5}, "all": {"CPU": 1.0}}
    monkeypatch.setattr(state, "available_resources_per_node", lambda: available)
    pool = SimpleNamespace(tap=Tap(), held={}, warm={})
    devices = {"some": [(0, "A1", None, None, None)]}
    rows = {row[0]: row[5:] for row in NodeUsage(pool).rows(devices)}  # type: ignore[arg-type]
    assert rows == {"some": (1.5, devices["some"]), "all": (2.0, None), "unknown": (None, None)}, "no worker on any"
