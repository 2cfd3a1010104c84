"""Tasks by themselves: which worker ran which, how unequal those of one stage were, what an operator lets through."""

from __future__ import annotations

import random
import statistics

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import KEPT_TASKS, Durations
from daftnb.telemetry.snapshots import LANES, Snapshot, select, snapshot_of
from daftnb.telemetry.state import apply
from tests.helpers import story


def snapshot(*more: e.Event) -> Snapshot:
    state = story.told()
    for event in more:
        apply(event, state)
    return snapshot_of(state, story.T + 12, "ray", AutoscalingSettings())


def task(number: int, seconds: float, worker: str = "a", outcome: str = "finished") -> e.TaskEnded:
    end = story.T + 2
    return e.TaskEnded(end, "calm-willow", 2, worker, number, end - seconds, outcome)  # type: ignore[arg-type]


def test_a_worker_has_its_latest_tasks_and_those_that_run() -> None:
    ended = [task(number, 0.5) for number in range(KEPT_TASKS + 5)]
    runs = ((77, 3, story.T + 11.5),)
    row = snapshot(*ended, e.WorkerCounts(story.T + 11.6, "a", 1, 50, None, tasks=runs))["workers"]["rows"]["a"]
    assert list(row["tasks"]) == [str(number) for number in range(5, KEPT_TASKS + 5)]
    assert list(row["tasks"]["5"]) == [5, 2, 1, story.T + 1.5, story.T + 2, "finished"]
    assert [list(task) for task in row["now"]] == [[77, 3, story.T + 11.5]]


def test_the_longest_tasks_are_named_and_the_median_is_close() -> None:
    chance = random.Random(7)
    seconds = [chance.lognormvariate(0, 1) for _ in range(999)]
    durations = Durations()
    for number, each in enumerate(seconds):
        durations.add(each, number, "w")
    median = statistics.median(seconds)
    assert median <= (durations.median() or 0) <= median * 1.05 + 1e-9
    assert [each for each, _, _ in durations.longest] == sorted(seconds, reverse=True)[:3]
    assert seconds[durations.longest[0][1]] == max(seconds)


def test_skew_is_that_of_finished_tasks_of_one_stage() -> None:
    told = [task(number, 1.0) for number in range(9)]
    operators = snapshot(*told, task(9, 8.0, "b"), task(10, 30.0, "b", "cancelled"))["plan"]["operators"]
    skew = operators["2"]["skew"]
    assert (skew["tasks"], skew["longest"][0]) == (10, {"seconds": 8.0, "task": 9, "worker": "b"})
    assert 1.0 <= skew["median"] <= 1.05
    assert operators["3"]["skew"] is None
    assert snapshot(told[0])["plan"]["operators"]["2"]["skew"] is None, "one task is not unequal"


def test_rows_out_per_row_in_and_where_the_time_went() -> None:
    operators = snapshot()["plan"]["operators"]
    assert (operators["1"]["selectivity"], operators["2"]["selectivity"]) == (None, 0.75)
    assert [id_ for id_, operator in operators.items() if operator["slowest"]] == ["1", "2", "3"]


def test_the_slowest_path_takes_the_heavier_side_of_a_join() -> None:
    plan = (
        e.PlanNode(1, "Scan", "", ()),
        e.PlanNode(2, "Scan", "", ()),
        e.PlanNode(3, "Filter", "", (2,)),
        e.PlanNode(4, "Join", "", (1, 3)),
    )
    started = [e.QueryStarted(story.T + 20, "q", "native"), e.PlanReady(story.T + 20, "q", plan)]
    times = {1: 500, 2: 300, 3: 400, 4: 10}
    stats = [e.OperatorStats(story.T + 21, "q", id_, duration_us=time) for id_, time in times.items()]
    slowest = [id_ for id_, operator in snapshot(*started, *stats)["plan"]["operators"].items() if operator["slowest"]]
    assert slowest == ["2", "3", "4"]
    assert not any(operator["slowest"] for operator in snapshot(*started)["plan"]["operators"].values())


def test_a_view_has_a_hundred_workers_at_most_and_asks_for_others() -> None:
    many = snapshot(*[e.WorkerStarted(story.T + 11, f"w{number}", 1, 1) for number in range(3 * LANES)])
    assert many["workers"]["listed"] == 3 * LANES + 3 == len(many["workers"]["rows"])
    shown = select(many, "workers", first=150)["workers"]
    assert (shown["first"], len(shown["rows"]), next(iter(shown["rows"]))) == (150, LANES, "w147")
    last = select(many, "workers", first=10**9)["workers"]
    assert (last["first"], list(last["rows"])[-1]) == (2 * LANES + 3, f"w{3 * LANES - 1}")
    assert select(many, "workers")["workers"]["total"] == 3 * LANES + 1


def test_a_recording_begins_with_the_world_as_it_was() -> None:
    state = story.told(-1)
    apply(e.WorldKnown(story.T, queries=6, workers=9, granted=4), state)
    apply(e.WorkerKnown(story.T, "x", "worker 7", 2, 100, story.T - 60, "warm", False), state)
    apply(e.WorkerStarted(story.T + 1, "y", 1, 1), state)
    apply(e.QueryStarted(story.T, "q", "ray"), state)
    made = snapshot_of(state, story.T + 2, "ray", AutoscalingSettings())
    assert made["query"]["number"] == 7
    labels = {row["label"]: row["state"] for row in made["workers"]["rows"].values()}
    assert (labels["worker 7"], labels["worker 10"]) == ("warm", "idle")
