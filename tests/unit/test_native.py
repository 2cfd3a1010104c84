"""Daft's plans and statistics as events."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import daft
import pytest
from daft.exceptions import DaftCoreException

from daftnb.engine.native import ALIAS, QueryEvents, operator_stats
from daftnb.engine.plans import plan_nodes
from daftnb.session import Session
from daftnb.telemetry import events as e
from tests.conftest import await_that


def test_a_plans_operators_come_inputs_first_and_once() -> None:
    shared = {"id": 0, "name": "scan", "category": "Source", "children": []}
    left = {"id": 1, "name": "filter", "children": [shared]}
    right = {"id": 2, "name": "project", "children": [shared]}
    nodes = list(plan_nodes({"id": 3, "name": "join", "children": [left, right]}))
    assert [(node.id, node.inputs) for node in nodes] == [(0, ()), (1, (0,)), (2, (0,)), (3, (1, 2))]


def test_a_plan_may_be_deeper_than_the_stack() -> None:
    plan: dict[str, object] = {"id": 0, "name": "scan", "children": []}
    for i in range(1, 5000):
        plan = {"id": i, "name": "op", "children": [plan]}
    assert len(list(plan_nodes(plan))) == 5000


def test_durations_are_microseconds_from_either_runner() -> None:
    for duration in (timedelta(milliseconds=2), 2000):
        stats = operator_stats(0.0, "q", 1, {"rows.out": 5, "duration": duration})
        assert (stats.rows_out, stats.duration_us, stats.rows_in) == (5, 2000, None)


def test_a_joins_rows_are_those_of_both_sides() -> None:
    built = {"build rows inserted": 40, "probe rows in": 0, "probe rows out": 0, "bytes.join.build_inserted": 320}
    built |= {"bytes.join.probe_in": 0, "bytes.join.probe_out": 0, "duration": timedelta(0)}
    probed = {"build rows inserted": 0, "probe rows in": 100, "probe rows out": 70, "bytes.join.build_inserted": 0}
    probed |= {"bytes.join.probe_in": 800, "bytes.join.probe_out": 560, "duration": timedelta(microseconds=7)}

    def told(values: dict[str, Any]) -> tuple[int | None, ...]:
        stats = operator_stats(0.0, "q", 1, values)
        return stats.rows_in, stats.rows_out, stats.bytes_in, stats.bytes_out

    assert told(built) == (None, None, None, None)
    assert told(probed) == (None, 70, None, 560)
    assert told({name: max(built[name], probed[name]) for name in built}) == (140, 70, 1120, 560)
    assert told({**probed, "rows.out": 72}) == (None, 72, None, 560), "as the result has them"
    assert told({"rows.in": 9, "rows.written": 9, "bytes.written": 72}) == (9, 9, None, 72)


def test_the_native_runner_tells_of_the_two_sides_in_turn() -> None:
    left = daft.from_pydict({"k": list(range(20_000)), "v": [i % 7 for i in range(20_000)]})
    right = daft.from_pydict({"k": list(range(0, 20_000, 3))})
    events: list[Any] = []
    subscriber = QueryEvents(events.append, lambda: None)
    subscriber.attach()
    try:
        left.join(right, on="k").collect()
        await_that(lambda: any(isinstance(event, e.QueryFinished) for event in events), "the query's end")
    finally:
        subscriber.detach()
    plan = next(event for event in events if isinstance(event, e.PlanReady))
    join = next(node.id for node in plan.operators if "Join" in node.name)
    stats = [event for event in events if isinstance(event, e.OperatorStats) and event.operator_id == join]
    assert stats
    # Not all that it counts is told before the query is over; what is told of a side is not forgotten again.
    for before, after in pairwise(stats):
        for name in ("rows_in", "rows_out", "bytes_in", "bytes_out"):
            assert (getattr(before, name) or 0) <= (getattr(after, name) or 0)
    assert {event.rows_out for event in stats} <= {None, *range(6_668)}
    assert subscriber.joins == {}


def test_what_was_changed_is_put_back_where_a_part_of_it_fails() -> None:
    from daft.dataframe.preview import PreviewFormatter

    before = vars(PreviewFormatter).copy()
    session = Session()
    session.monitor.start()
    assert vars(PreviewFormatter) != before
    daft.detach_subscriber(ALIAS)
    with pytest.raises(DaftCoreException, match=f"`{ALIAS}` not found"):
        session.close()
    assert vars(PreviewFormatter) == before and not session.monitor.running
