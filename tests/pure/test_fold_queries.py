"""The fold, event by event: queries and samples; workers, requests and the log are in :mod:`tests.pure.test_fold`."""

from __future__ import annotations

import pytest

from daftnb.telemetry import events as e
from daftnb.telemetry.compare import compare_queries
from daftnb.telemetry.model import KEPT_TASKS, Durations, State
from daftnb.telemetry.samples import KEPT_SAMPLES
from daftnb.telemetry.state import KEPT_QUERIES, apply
from daftnb.telemetry.world import known
from tests.helpers.folding import NODES, folded

# -- queries ----------------------------------------------------------------------------------------------------------


def test_a_query_from_its_start_to_its_end() -> None:
    nodes = (e.PlanNode(1, "scan", "", ()), e.PlanNode(2, "sort", "", (1,)))
    state = folded(e.QueryStarted(1.0, "q", "native", "orders"))
    query = state.queries["q"]
    assert (query.number, query.name, query.state, query.active, query.result_rows) == (
        1,
        "orders",
        "planning",
        True,
        None,
    )
    folded(e.QueryStarted(1.5, "q", "ray"), state=state)
    assert state.queries["q"] is query and query.started == 1.0 and state.query_count == 1
    folded(e.LogicalPlan(1.5, "q", "logical", nodes), e.PlanReady(2.0, "q", nodes), state=state)
    assert (query.state, query.root, list(query.operators), query.plans) == ("running", 2, [1, 2], {"logical": nodes})
    folded(e.OperatorStarted(2.1, "q", 1), e.OperatorFinished(2.2, "q", 2), e.OperatorStarted(2.1, "q", 9), state=state)
    folded(e.OperatorFinished(2.1, "q", 9), e.OperatorStats(2.3, "q", 9), state=state)
    folded(e.OperatorStats(2.3, "q", 2, 8, 4), state=state)
    assert [(o.started, o.ended) for o in query.operators.values()] == [(True, False), (True, True)]
    assert query.result_rows == 4, "those that have left the root"
    folded(e.QueryFinished(3.0, "q", "failed", "boom", 5), e.QueryFinished(4.0, "q", "finished", None, 6), state=state)
    assert (query.state, query.ended, query.error, query.rows, query.result_rows) == ("failed", 3.0, "boom", 5, 5)
    folded(e.PlanReady(4.5, "q", (e.PlanNode(7, "a", "", ()), *nodes)), state=state)
    assert query.root == 2, "the last one"
    folded(e.PlanReady(5.0, "q", ()), state=state)
    assert (query.state, query.root, query.workers_from) == ("failed", None, None)


def test_the_oldest_queries_are_no_longer_kept() -> None:
    state = folded(*(e.QueryStarted(float(n), f"q{n}", "native") for n in range(KEPT_QUERIES + 2)))
    assert list(state.queries) == [f"q{n}" for n in range(2, KEPT_QUERIES + 2)]
    assert state.query_count == KEPT_QUERIES + 2 and state.current is state.queries[f"q{KEPT_QUERIES + 1}"]


def test_what_is_of_no_known_query_or_worker_changes_nothing() -> None:
    state = State()
    for event in (
        e.PlanReady(1.0, "?", ()),
        e.LogicalPlan(1.0, "?", "logical", ()),
        e.SettingsInEffect(1.0, "?", ()),
        e.OperatorFinished(1.0, "?", 1),
        e.StageCounts(1.0, "?", 1, "x", e.TaskCounts(1)),
        e.OperatorStats(1.0, "?", 1),
        e.UdfActors(1.0, "?", "f", 1),
        e.NodeFigures(1.0, "?", 1, 2, 3, 4),
        e.TaskEnded(1.0, "?", 1, "?", 1, 0.5, "finished"),
        e.WorkerKept(1.0, "?"),
        e.WorkerReused(1.0, "?"),
        e.HoldCounted(1.0, 1, 1),
        e.DemandCleared(1.0),
    ):
        apply(event, state)
    assert state == State()


def test_settings_in_effect_udfs_and_usage_are_the_latest() -> None:
    state = folded(e.QueryStarted(1.0, "p", "ray"), e.QueryStarted(1.0, "q", "ray"), e.WorkerStarted(1.0, "a", 1, 1))
    usage = e.NodeFigures(2.0, "a", 1, 2, 3, 4)
    folded(e.SettingsInEffect(2.0, "q", (("A", "1"),)), e.UdfActors(2.0, "q", "f", 2), usage, state=state)
    assert (state.in_effect, state.in_effect_number, state.queries["q"].settings) == ({"A": "1"}, 2, {"A": "1"})
    assert state.queries["q"].udfs["f"].count == 2 and state.workers["a"].usage == usage
    folded(e.ProblemFound(3.0, "x"), e.ProblemFound(3.0, "x"), e.ProblemFound(3.0, "y"), state=state)
    assert state.problems == {"x": 2, "y": 1}


def test_how_long_tasks_took_is_of_those_that_finished() -> None:
    state = folded(e.QueryStarted(1.0, "q", "ray"), e.WorkerStarted(1.0, "a", 1, 1))
    for number, outcome in enumerate(("".join(["fin", "ished"]), "failed", "cancelled", "lost")):
        apply(e.TaskEnded(5.0, "q", 2, "a", number, 3.0, outcome), state)  # type: ignore[arg-type]  # one of the four
    apply(e.TaskEnded(5.0, "q", 2, "a", 9, 6.0, "finished"), state)
    durations = state.queries["q"].durations[2]
    assert (durations.count, durations.longest) == (2, [(2.0, 0, "a"), (0.0, 9, "a")])
    assert [task[2] for task in state.workers["a"].tasks.values()] == [1] * 5
    apply(e.TaskEnded(5.0, "?", 2, "a", 10, 4.0, "finished"), state)
    assert state.workers["a"].tasks[5] == (10, 2, 0, 4.0, 5.0, "finished"), "of a query before our time"


def test_workers_of_a_query_are_counted_from_its_first_to_its_most() -> None:
    state = folded(e.QueryStarted(1.0, "q", "".join(["r", "ay"])), e.QueryStarted(1.0, "n", "native"))
    folded(
        e.WorkerStarted(2.0, "a", 1, 1), e.WorkerStarted(2.1, "b", 1, 1), e.WorkerEnded(2.2, "a", "died"), state=state
    )
    q, n = state.queries["q"], state.queries["n"]
    assert ((q.workers_from, q.workers_to), (n.workers_from, n.workers_to)) == ((1, 2), (None, None))
    folded(e.PlanReady(2.3, "n", ()), state=state)
    assert n.workers_from is None, "the native runner has none"
    folded(e.QueryFinished(3.0, "q", "finished"), state=state)
    folded(*(e.WorkerStarted(t, id_, 1, 1) for t, id_ in ((2.9, "c"), (float("3.0"), "d"), (3.1, "e"))), state=state)
    assert q.workers_to == 3, "at 3.1 s it had ended, at 3.0 s not"
    folded(e.QueryStarted(4.0, "r", "ray"), e.PlanReady(4.0, "r", ()), state=state)
    assert state.queries["r"].workers_from == 4, "those that are there when it begins"
    folded(e.QueryStarted(5.0, "s", "".join(["r", "ay"])), e.PlanReady(5.0, "s", ()), state=state)
    assert state.queries["s"].workers_from == 4


def test_the_latest_tasks_of_a_worker_are_kept() -> None:
    state = folded(e.WorkerStarted(1.0, "a", 1, 1))
    folded(*(e.TaskEnded(2.0, "q", 1, "a", n, 1.0, "failed") for n in range(KEPT_TASKS + 5)), state=state)
    worker = state.workers["a"]
    assert (list(worker.tasks), worker.task_count) == (list(range(5, KEPT_TASKS + 5)), KEPT_TASKS + 5)


# -- samples ----------------------------------------------------------------------------------------------------------


def sampled(*samples: tuple[float, int, int, int], then: tuple[e.Event, ...] = ()) -> State:
    """Of a query that runs from 0 s: time, highest backlog, capacity, workers."""
    state = folded(e.QueryStarted(0.0, "q", "ray"), e.PlanReady(0.0, "q", ()))
    return folded(*(e.BacklogSample(t, n, n - 1, 1, c, w, c) for t, n, c, w in samples), *then, state=state)


def test_close_samples_are_one_with_the_higher_backlog_and_what_is_so_now() -> None:
    state = sampled((1.0, 9, 2, 1), (1.05, 8, 2, 1), (1.0999, 9, 2, 1))
    assert list(state.samples.values()) == [e.BacklogSample(1.0, 9, 8, 1, 2, 1, 2)]
    for other in ((1.05, 9, 1, 1), (1.05, 10, 2, 1), (1.05, 9, 2, 2), (1.05, 9, 3, 1), (1.1, 9, 2, 1)):
        assert len(sampled((1.0, 9, 2, 1), other).samples) == 2, other
    assert (state.sample_count, list(state.demand.values())) == (1, [(None, None)])
    assert len(sampled((0.0, 9, 2, 1), (0.1, 9, 2, 1)).samples) == 2, "a tenth of a second apart is apart"
    state = sampled(
        (1.0, 9, 2, 1), then=(NODES, e.ScaleRequested(2.0, 3, 5, 9, 2), e.BacklogSample(2.1, 9, 9, 1, 2, 1))
    )
    assert list(state.demand.values()) == [(None, None), (5, 2)]


def test_peaks_are_those_of_the_query_that_ran_then() -> None:
    state = sampled((1.0, 9, 2, 1), (2.0, 4, 2, 1), (3.0, 99, 0, 0))
    assert (state.peak_ratio, state.queries["q"].peak_ratio) == (4.5, 4.5), "none without a worker"
    folded(e.QueryFinished(4.0, "q", "finished"), e.BacklogSample(5.0, 20, 20, 0, 2, 1), state=state)
    assert (state.peak_ratio, state.queries["q"].peak_ratio) == (10.0, 4.5)


def test_worker_seconds_stand_until_the_next_sample_and_until_the_querys_end() -> None:
    state = sampled((1.0, 1, 2, 2), (3.0, 1, 3, 3), (3.0, 1, 3, 3), (2.0, 1, 9, 9), (4.0, 1, 1, 1))
    query = state.queries["q"]
    assert query.node_seconds == pytest.approx(2 * 2 + 1 * 9), "told late: it is what the next interval began with"
    folded(e.QueryFinished(6.0, "q", "finished"), e.BacklogSample(9.0, 1, 1, 0, 5, 5), state=state)
    assert query.node_seconds == pytest.approx(13 + 2 * 1)
    folded(e.BacklogSample(12.0, 1, 1, 0, 5, 5), state=state)
    assert query.node_seconds == pytest.approx(15), "it has ended"
    both = folded(e.QueryStarted(0.0, "n", "native"), e.PlanReady(0.0, "n", ()), e.QueryStarted(0.0, "q", "ray"))
    folded(e.PlanReady(0.0, "q", ()), *(e.BacklogSample(float(t), 1, 1, 0, 5, 5) for t in (1, 2)), state=both)
    assert (both.queries["n"].sampled, both.queries["q"].node_seconds) == (None, 5.0)
    again = folded(e.QueryStarted(0.0, "q", "".join(["r", "ay"])), e.PlanReady(0.0, "q", ()))
    folded(*(e.BacklogSample(float(t), 1, 1, 0, 5, 5) for t in (1, 2)), state=again)
    assert again.queries["q"].node_seconds == 5.0
    planning = folded(e.QueryStarted(0.0, "q", "ray"), e.BacklogSample(1.0, 1, 1, 0, 5, 5))
    assert planning.queries["q"].sampled is None


def test_of_samples_that_are_close_together_the_highest_stays_and_the_last() -> None:
    """601 samples in 600 s: room is made for about 400, so that two of three are in one part of 1.5 s."""
    start, pending = 1_000.0, [(n * 7919) % 97 for n in range(KEPT_SAMPLES + 1)]
    times = [start + n for n in range(KEPT_SAMPLES + 1)]
    times[-2] = start + KEPT_SAMPLES - 1.6  # in one part with those before it, and the lowest of them
    pending[-2] = 0
    pending[4] = pending[3]  # of equals the first one stays
    state = folded(e.QueryStarted(start, "q", "ray"))
    folded(*(e.BacklogSample(t, p, 0, 0, 1, 1) for t, p in zip(times, pending, strict=True)), state=state)
    parts: dict[int, list[int]] = {}
    for number, t in enumerate(times[:-1]):
        parts.setdefault(int((t - start) / 1.5), []).append(number)
    highest = [max(part, key=lambda number: (pending[number], -number)) for part in parts.values()]
    assert sorted(state.samples) == [*highest, KEPT_SAMPLES]
    assert KEPT_SAMPLES - 1 not in state.samples and state.demand.keys() == state.samples.keys()


def test_samples_of_one_moment_leave_the_highest_and_the_last() -> None:
    state = folded(e.QueryStarted(1.0, "q", "ray"))
    folded(*(e.BacklogSample(2.0, n, 0, 0, 1, 1) for n in range(KEPT_SAMPLES + 1)), state=state)
    assert [s.pending for s in state.samples.values()] == [KEPT_SAMPLES - 1, KEPT_SAMPLES]


def test_samples_of_before_the_query_go_first() -> None:
    state = folded(*(e.BacklogSample(float(t), t % 7, 0, 0, 1, 1) for t in range(10)))
    folded(e.QueryStarted(9.5, "q", "ray"), state=state)
    folded(*(e.BacklogSample(float(t), t % 7, 0, 0, 1, 1) for t in range(10, KEPT_SAMPLES + 10)), state=state)
    assert len(state.samples) == KEPT_SAMPLES and next(iter(state.samples)) == 10
    folded(e.BacklogSample(KEPT_SAMPLES + 10.0, 0, 0, 0, 1, 1), state=state)
    kept = [s.t for s in state.samples.values()]
    assert len(kept) < KEPT_SAMPLES and (kept[0], kept[-1]) in ((10.0, 610.0), (11.0, 610.0))
    assert state.demand.keys() == state.samples.keys()


def test_of_no_tasks_there_is_no_median_and_a_shared_input_is_walked_once() -> None:
    assert Durations().median() is None
    nodes = (e.PlanNode(1, "scan", "", ()), e.PlanNode(2, "filter", "", (1,)), e.PlanNode(3, "join", "", (1, 2, 9)))
    state = folded(e.QueryStarted(1.0, "q", "native"), e.PlanReady(1.0, "q", nodes))
    query = state.queries["q"]
    rows = compare_queries(query, query)["operators"].values()
    assert [(row["depth"], row["a"]["name"]) for row in rows] == [(0, "join"), (1, "scan"), (1, "filter")]


def test_a_recording_begins_without_a_hold_that_is_no_longer_in_the_log() -> None:
    state = folded(e.HoldBegun(1.0, 1, "linear", 5, 2, 1.25))
    assert next(ev for ev in known(state, 2.0, {}) if isinstance(ev, e.WorldKnown)).hold == (1, 0, 0)
    state.marks.clear()
    assert next(ev for ev in known(state, 2.0, {}) if isinstance(ev, e.WorldKnown)).hold is None
