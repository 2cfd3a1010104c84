"""Daft's plans as operators, from real dataframes: their shapes, expressions and estimates; of any depth and size."""

from __future__ import annotations

import json
from typing import Any

import daft
import pytest
from daft import col
from daft.context import get_context
from daft.daft import DistributedPhysicalPlan
from hypothesis import given
from hypothesis import strategies as st

from daftnb.engine.queries import plans
from daftnb.engine.queries.plans import (
    bounded,
    logical_nodes,
    plan_nodes,
    plans_of,
    read_json,
    text_nodes,
    with_details_of,
)
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.errors import DaftnbError
from daftnb.telemetry import events as e
from tests.conftest import await_that


def joined() -> Any:
    """A plan with two joins, a concat and an aggregation."""
    left = daft.from_pydict({"k": list(range(100)), "v": [i % 7 for i in range(100)]})
    right = daft.from_pydict({"k": list(range(0, 100, 3)), "w": list(range(34))})
    third = daft.from_pydict({"k": list(range(0, 100, 3)), "u": list(range(34))})
    both = left.concat(left).join(right, on="k").join(third.where(col("u") > 3), on="k")
    return both.with_column("z", col("v") * 2).groupby("v").agg(col("z").sum())


def shape(nodes: Any) -> list[tuple[int, ...]]:
    number = {node.id: index for index, node in enumerate(nodes)}
    return [tuple(number[id_] for id_ in node.inputs) for node in nodes]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from([None, 1]),
)
def test_json_is_read_without_recursion_as_with(value: Any, indent: int | None) -> None:
    assert plans._read_deep(json.dumps(value, indent=indent)) == value


@pytest.mark.parametrize("text", ["", "{", "]", '{"a": }x', "[1] [2]", '["a]', "[1}"])
def test_what_is_not_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        plans._read_deep(text)


def test_a_logical_plan_is_numbered_inputs_first_with_its_expressions() -> None:
    nodes = logical_nodes(read_json(joined()._builder.repr_json()))
    assert [(node.id, node.name, node.inputs) for node in nodes] == [
        (0, "Source", ()),
        (1, "Source", ()),
        (2, "Concat", (0, 1)),
        (3, "Source", ()),
        (4, "Join", (2, 3)),
        (5, "Source", ()),
        (6, "Filter", (5,)),
        (7, "Join", (4, 6)),
        (8, "Project", (7,)),
        (9, "Aggregate", (8,)),
    ]
    assert [node.detail for node in nodes[6:]] == [
        "predicate: col(u) > lit(3)",
        "on: col(left.k#Int64) == col(right.k#Int64)",
        "projection: col(k), col(v), col(w), col(u), col(v) * lit(2) as z",
        "aggregations: sum(col(z))\ngroupby: col(v)",
    ]


def test_details_are_bounded_and_one_line_each() -> None:
    plan = {
        "type": "Project", "children": [], "projection": ["a\nb", "x" * 5_000], "n": 3, "flags": [True, None],
        "none": None, "empty": [], "name": "alias", "spec": {"by": ["é"]},
    }  # fmt: skip
    (node,) = logical_nodes(plan)
    assert len(node.detail) == plans.DETAIL
    assert node.detail.startswith("projection: a↵b, xxx")
    assert node.detail.endswith("…")
    plan["projection"] = ["a"]
    (node,) = logical_nodes(plan)
    assert node.detail == 'projection: a\nn: 3\nflags: true, null\nname: alias\nspec: {"by": ["é"]}'
    many = bounded(e.PlanNode(i, "x" * 10_000, "", (), "y" * 2_000) for i in range(200))
    assert sum(len(node.detail) for node in many) == plans.DETAILS
    assert {(len(node.name), len(node.detail)) for node in many} == {(150, 150)}


def test_plans_deeper_than_the_stack_and_larger_than_can_be_drawn() -> None:
    text = '{"type":"Source","children":[]}'
    for _ in range(plans.LARGEST - 1):
        text = '{"children":[' + text + '],"predicate":["col(a) > lit(\\"\\u00e9{[\\")"],"type":"Filter"}'
    nodes = logical_nodes(read_json(text))
    assert len(nodes) == plans.LARGEST
    assert nodes[-1].detail == 'predicate: col(a) > lit("é{[")'
    assert nodes[-1].inputs == (plans.LARGEST - 2,)
    assert logical_nodes(read_json('{"children":[' + text + '],"type":"Filter"}')) == ()


@pytest.mark.parametrize("runner", ["native", "ray"])
def test_a_dataframe_that_has_not_run(runner: str) -> None:
    dataframe = joined()
    found = plans_of(dataframe, "df", runner)
    assert list(found) == ["logical", "optimised", "physical"]
    optimised = dataframe._builder.optimize(get_context().daft_execution_config)
    for stage, builder in (("logical", dataframe._builder), ("optimised", optimised)):
        by_json = logical_nodes(read_json(builder.repr_json()))
        assert shape(found[stage]) == shape(by_json)
    assert [node.estimated_rows for node in found["logical"]] == [None] * 10
    assert all(node.estimated_rows for node in found["optimised"])
    assert found["optimised"][1].detail == "not(is_null(col(k))) & [col(u) > lit(3)]"
    assert found["optimised"][-1].detail == "sum(col(z))\nGroup by: col(v)\nOutput schema: v#Int64, z#Int64"
    names = [node.name for node in found["physical"]]
    assert ("Hash Join (Inner)" if runner == "native" else "BroadcastJoin") in names
    assert dataframe._result_cache is None
    # Once it has run, its plan is still how it came about.
    dataframe.collect()
    assert plans_of(dataframe, "df", runner)["logical"] == found["logical"]


def test_text_that_looks_like_a_plan_is_text() -> None:
    nasty = 'a\n* Fake: x\n| * Fake\n|\\\n<b>"'
    dataframe = daft.from_pydict({"s": ["a"]}).where(col("s") != nasty).with_column("long name " * 30, col("s"))
    nodes = plans_of(dataframe, "df", "native")["logical"]
    assert [(node.name, node.inputs) for node in nodes] == [("Source", ()), ("Filter", (0,)), ("Project", (1,))]
    assert "Fake" in nodes[1].detail
    assert "long name long name" in nodes[2].detail
    assert text_nodes("") == text_nodes("nothing\nof a plan") == ()


@pytest.mark.parametrize("value", [3, [1], daft.DataFrame])
def test_what_is_no_dataframe_has_no_plan(value: Any) -> None:
    with pytest.raises(DaftnbError) as caught:
        plans_of(value, "x", "native")
    assert caught.value.what == f"x is of type {type(value).__name__}, not a Daft dataframe: it has no plan."


def test_details_are_given_only_where_the_shapes_are_one() -> None:
    bare = (e.PlanNode(7, "a", "", ()), e.PlanNode(9, "b", "", (7,)))
    told = (e.PlanNode(0, "A", "", (), "x"), e.PlanNode(1, "B", "", (0,), "y"))
    assert [node.detail for node in with_details_of(bare, told)] == ["x", "y"]
    assert [(node.id, node.name) for node in with_details_of(bare, told)] == [(7, "a"), (9, "b")]
    for other in ((), told[:1], (told[0], e.PlanNode(1, "B", "", (), "y"))):
        assert with_details_of(bare, other) is bare
    assert with_details_of(told, told) is told
    odd = (told[0], e.PlanNode(1, "Filter", "", (0,), "y"))
    assert with_details_of(bare, odd) is bare


def test_a_native_query_tells_its_plans_and_the_operators_their_expressions() -> None:
    told: list[e.Event] = []
    events = QueryEvents(told.append, lambda: None)
    events.attach()
    try:
        joined().collect()
        await_that(lambda: any(isinstance(event, e.QueryFinished) for event in told), "the query's end")
    finally:
        events.detach()
    assert [event for event in told if isinstance(event, e.ProblemFound)] == []
    logical, optimised = (event for event in told if isinstance(event, e.LogicalPlan))
    assert (logical.stage, optimised.stage) == ("logical", "optimised")
    assert len(logical.operators) == 10
    ready = next(event for event in told if isinstance(event, e.PlanReady))
    filters = [node for node in ready.operators if node.name == "Filter"]
    assert "predicate: not(is_null(col(k))) & [col(u) > lit(3)]" in [node.detail for node in filters]
    assert shape(ready.operators) == shape(optimised.operators)
    assert (events.planned, events.operators, events.reader.optimised, events.threads) == ({}, {}, {}, {})


def on_ray(dataframe: Any, told: list[e.Event]) -> tuple[QueryEvents, Any]:
    """The events of a query on Ray up to where it would be sent there, and its plan."""
    config = get_context().daft_execution_config
    optimised = dataframe._builder.optimize(config)
    plan = DistributedPhysicalPlan.from_logical_plan_builder(optimised._builder, "q", config)

    class ExecutionStarted:
        query_id = "q"
        physical_plan = plan.repr_json(None)

    events = QueryEvents(told.append, lambda: None)
    events.on_event(ExecutionStarted())
    return events, plan


def test_a_plan_on_ray_tells_its_expressions_before_it_runs() -> None:
    told: list[e.Event] = []
    events, plan = on_ray(joined(), told)
    events.expressions(plan.repr_ascii(False))
    first, second = told
    assert isinstance(first, e.PlanReady)
    assert isinstance(second, e.PlanReady)
    assert [node.detail for node in first.operators] == [""] * len(first.operators)
    assert [(n.id, n.name, n.inputs) for n in first.operators] == [(n.id, n.name, n.inputs) for n in second.operators]
    details = {node.name: node.detail for node in second.operators}
    assert details["Repartition"].startswith("Hash\n")
    assert details["Filter"] == "not(is_null(col(0: k)))"


def test_a_plan_that_is_not_understood_is_told_and_the_query_goes_on() -> None:
    told: list[e.Event] = []
    events, _plan = on_ray(joined(), told)

    class OptimizationCompleted:
        query_id = "q"
        optimized_plan = '{"type": '

    events.hear("OptimizationCompleted", OptimizationCompleted())
    events.expressions(None)  # type: ignore[arg-type]
    assert [event.text.partition(":")[0] for event in told if isinstance(event, e.ProblemFound)] == [
        "an event of Daft was not understood",
        "the plan's expressions were not understood",
    ]


def test_the_physical_plans_details_are_its_members() -> None:
    (node,) = plan_nodes({"id": 4, "name": "Filter", "type": "Filter", "predicate": ["a > 1"], "children": []})
    assert node.detail == "predicate: a > 1"
