"""The time and the rows that the engine has not told yet: which operator leads while tasks run."""

from __future__ import annotations

from typing import Any

import pytest

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.uncounted import GOES_ON
from tests.helpers.called import PLAN, T, begun, ended, runs, scored
from tests.helpers.folding import folded

FUSED = (
    PLAN[0],
    PLAN[1],
    e.PlanNode(3, "Aggregate", "", (2,)),
    e.PlanNode(4, "Sort", "", (3,)),
)
PLAIN = (
    e.PlanNode(1, "ScanTaskSource", "", ()),
    e.PlanNode(2, "Project", "", (1,)),
    e.PlanNode(3, "Aggregate", "", (2,)),
    e.PlanNode(4, "Sort", "", (3,)),
)
POOL = (PLAN[0], e.PlanNode(2, "ActorUDF", "", (1,), "ActorUDF: __main__.score"), FUSED[2], FUSED[3])


def operators(t: float, *events: e.Event, plan: tuple[e.PlanNode, ...] = FUSED, runner: str = "ray") -> dict[int, Any]:
    """The operators of a snapshot at ``T + t``."""
    state = folded(*begun(runner, plan), *events)
    topic = snapshot_of(state, T + t, "ray", AutoscalingSettings())["plan"]
    assert topic is not None
    return {operator["id"]: operator for operator in topic["operators"].values()}


def derived(found: dict[int, Any]) -> dict[int, float]:
    """The seconds that are derived, by operator; of the others there are none."""
    return {id_: operator["derived_us"] / 1e6 for id_, operator in found.items() if operator["derived_us"] is not None}


def stats(t: float, id_: int, seconds: float, rows: int | None = None) -> e.OperatorStats:
    return e.OperatorStats(T + t, "q", id_, rows, rows, None, None, round(seconds * 1e6))


# -- without a function's figures -------------------------------------------------------------------------------------


def test_while_nothing_is_known_the_time_is_the_functions() -> None:
    found = operators(3, *runs(1, 3, 1.0, 2.0))
    assert derived(found) == {2: 3.0}
    assert (found[2]["time_share"], found[2]["duration_us"], found[1]["time_share"]) == (1.0, None, None)
    assert found[2]["slowest"]


@pytest.mark.parametrize(
    ("names", "takes"),
    [
        (("ScanTaskSource", "Project", "Aggregate"), 1),
        (("InMemorySource", "Project", "Aggregate"), 3),
        (("InMemorySource", "HashJoin", "Repartition"), 2),
        (("InMemorySource", "Project", "IntoPartitions"), 2),
        (("InMemorySource", "Limit 3", "IntoPartitions"), 3),
        (("ScanTaskSource", "embed", "UDF score"), 3),
    ],
)
def test_without_a_function_it_is_the_operators_that_does_the_work(names: tuple[str, ...], takes: int) -> None:
    plan = (*(e.PlanNode(i, name, "", (i - 1,) if i > 1 else ()) for i, name in enumerate(names, 1)), FUSED[3])
    assert derived(operators(2, *runs(1, 3, 1.0), plan=plan)) == {takes: 1.0}


def test_tasks_that_have_ended_show_whose_the_time_is() -> None:
    """They took 4 s, of which the engine counted 2: tasks also wait."""
    told = (ended(0, 4, 3), stats(4, 1, 1.2), stats(4, 2, 0.2), stats(4, 3, 0.6))
    found = operators(6, *runs(4, 3, 4.0, finished=1), *told, plan=PLAIN)
    assert derived(found) == pytest.approx({1: 0.6, 2: 0.1, 3: 0.3})
    assert [found[id_]["time_share"] for id_ in (1, 2, 3)] == [0.6, 0.1, 0.3]


def test_a_first_task_of_a_later_stage_waits_as_much_as_those_before_it() -> None:
    told = (ended(0, 4, 3), stats(4, 1, 1.2), stats(4, 2, 0.2), stats(4, 3, 0.6))
    assert derived(operators(6, *runs(4, 3, finished=1), *told, *runs(4, 4, 4.0), plan=PLAIN)) == {4: 1.0}


def test_tasks_that_run_longer_than_those_before_them_do_so_for_their_function() -> None:
    """The first tasks had no rows: what they show of the operators says nothing of a function's time."""
    told = (ended(0, 1, 3), ended(0, 1, 3, 1), stats(1, 2, 0.01), stats(1, 3, 0.03))
    assert derived(operators(11, *runs(1, 3, 1.0, finished=2), *told)) == pytest.approx({2: 9.85, 3: 0.15})


def test_tasks_of_a_pool_that_have_ended_show_nothing_of_its_function() -> None:
    told = (ended(0, 2, 3), stats(2, 2, 0.0, 0), stats(2, 3, 0.1), stats(2, 4, 0.0))
    assert derived(operators(6, *runs(2, 3, 2.0, finished=1), *told, plan=POOL)) == pytest.approx({2: 3.8, 3: 0.2})


def test_more_than_has_passed_is_credited_to_nobody() -> None:
    told = (ended(0, 1, 3), stats(1, 2, 0.5), stats(1, 3, 3.0))  # in several threads
    assert derived(operators(5, *runs(1, 3, 1.0, finished=1), *told)) == {3: 4.0}


def test_nothing_is_derived_once_no_task_runs_or_the_query_is_over() -> None:
    tasks = [ended(0, 4, 3), stats(4, 2, 3.0)]
    assert derived(operators(9, *runs(4, 3, finished=1), *tasks)) == {}
    over = operators(9, *runs(1, 3, 1.0), e.QueryFinished(T + 5, "q", "cancelled"))
    assert derived(over) == {}


def test_tasks_of_another_query_are_not_its_own() -> None:
    """Operators of two queries have the same ids: a worker's tasks count as far as so many run of this query."""
    running = runs(1, 3, 1.0, -5.0)  # the second began before the query
    assert derived(operators(3, *running)) == {2: 2.0}
    two = [*runs(1, 3, 1.0, 2.0)[1:], *runs(1, 3, 1.0)[:1]]
    assert derived(operators(3, *two)) == {2: 1.5}, "one of the two runs is its own: the mean of both"


def test_the_native_runner_tells_its_times_itself() -> None:
    assert derived(operators(3, stats(2, 2, 1.0), runner="native")) == {}


# -- with a function's figures ----------------------------------------------------------------------------------------


def test_a_functions_seconds_are_its_operators_to_the_microsecond() -> None:
    found = operators(3, *runs(1, 3, 1.0), scored(3, 40, 1.75, running=0))
    assert derived(found)[2] == 1.75
    assert (found[2]["rows_in"], found[2]["rows_out"], found[2]["derived_rows"]) == (40, 40, True)
    assert (found[3]["rows_in"], found[3]["derived_rows"]) == (None, False)


def test_what_the_engine_has_counted_is_not_counted_twice() -> None:
    told = (ended(0, 2, 3), stats(2, 2, 1.5, 30), stats(2, 3, 0.1, 30))
    found = operators(4, *runs(2, 3, 2.0, finished=1), *told, scored(4, 70, 3.25, running=0))
    assert derived(found) == pytest.approx({2: 1.75, 3: 0.1})
    assert found[2]["duration_us"] == 1_500_000 and found[2]["time_share"] == pytest.approx(3.25 / 3.45, abs=1e-3)
    assert (found[2]["rows_in"], found[2]["derived_rows"]) == (70, True)
    behind = operators(4, *runs(2, 3, 2.0, finished=1), *told, scored(1, 10, 0.75, running=0))
    assert (behind[2]["rows_in"], behind[2]["derived_rows"]) == (30, False), "the engine has told more"


def test_calls_that_run_go_on_until_more_is_told() -> None:
    told = (*runs(1, 3, 1.0), scored(2, 5, 1.0, running=2))
    assert [derived(operators(t, *told))[2] for t in (2, 3, 9)] == [1.0, 3.0, 1.0 + 2 * GOES_ON]


def test_the_rest_of_a_task_is_what_comes_before_the_function() -> None:
    plan = (e.PlanNode(1, "ScanTaskSource", "", ()), *FUSED[1:])
    assert derived(operators(10, *runs(0, 3, 0.0), scored(10, 1, 0.5, running=0), plan=plan)) == {2: 0.5, 1: 9.5}


def test_initialising_is_nobody_elses_time() -> None:
    plan = (e.PlanNode(1, "ScanTaskSource", "", ()), *FUSED[1:])
    figures = e.UdfFigures(T + 10, "q", "score-0", 1, 1, 1, 0, 0.5, 1, 9.0)
    assert derived(operators(10, *runs(0, 3, 0.0), figures, plan=plan)) == {2: 0.5, 1: 0.5}


def test_tasks_that_wait_for_a_pools_actors_are_not_the_other_operators() -> None:
    figures = scored(10, 5, 2.0, running=0)
    found = operators(10, *runs(0, 3, 0.0, 0.0), stats(10, 2, 0.0, 0), figures, plan=POOL)
    assert derived(found) == {2: 2.0}
    assert (found[2]["duration_us"], found[2]["rows_in"], found[2]["derived_rows"]) == (None, 5, True)


def test_zeros_of_a_pool_on_ray_are_not_known() -> None:
    done = (*runs(4, 3, finished=1), ended(0, 4, 3), stats(4, 2, 0.0, 0), stats(4, 3, 0.1, 9))
    found = operators(5, *done, plan=POOL)[2]
    assert [found[name] for name in ("duration_us", "derived_us", "rows_in", "rows_out", "time_share")] == [None] * 5
    assert operators(5, *done, stats(4, 1, 0.0, 0), plan=POOL)[1]["duration_us"] == 0, "of another operator it is true"
    native = operators(5, stats(4, 2, 0.0, 0), plan=POOL, runner="native")[2]
    assert (native["duration_us"], native["rows_in"]) == (0, 0)


def test_a_pools_figures_stay_when_the_query_is_over() -> None:
    over = e.QueryFinished(T + 5, "q", "finished")
    found = operators(9, *runs(4, 3, finished=1), stats(4, 2, 0.0, 0), scored(4, 50, 3.0, running=0), over, plan=POOL)
    assert derived(found) == {2: 3.0}
    assert (found[2]["rows_in"], found[2]["derived_rows"]) == (50, True)


def test_once_the_query_is_over_the_engines_time_stands_where_both_are_alike() -> None:
    over = (*runs(4, 3, finished=1), e.QueryFinished(T + 5, "q", "finished"))
    assert derived(operators(9, stats(4, 2, 3.0, 50), scored(4, 50, 3.2, running=0), *over)) == {}
    assert derived(operators(9, stats(4, 2, 1.0, 50), scored(4, 50, 3.0, running=0), *over)) == {2: 2.0}


def test_calls_of_an_async_function_that_run_side_by_side_take_the_time_that_has_passed() -> None:
    known = e.UdfKnown(T + 0.2, "q", "score-0", "__main__.score", "async")
    found = operators(4, known, *runs(1, 3, 1.0), scored(4, 50, 90.0, running=0))
    assert derived(found) == {2: 3.0}
    native = operators(4, known, scored(4, 50, 90.0, running=0), runner="native")
    assert derived(native) == {2: 4.0}


def test_a_function_of_two_operators_says_nothing_of_either() -> None:
    plan = (PLAN[0], PLAN[1], e.PlanNode(3, "UDF score", "", (2,), "UDF __main__.score:"), FUSED[3])
    found = operators(4, *runs(1, 3, 1.0), scored(4, 50, 90.0, running=0), plan=plan)
    assert derived(found) == {2: 3.0}, "the elapsed time alone"
    assert not found[2]["derived_rows"]
