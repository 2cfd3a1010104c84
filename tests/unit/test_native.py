"""Daft's plans and statistics as events."""

from __future__ import annotations

from datetime import timedelta

from daftnb.engine.native import operator_stats
from daftnb.engine.plans import plan_nodes


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
