"""Daft's plans and statistics as events."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daft
import pytest
from daft.daft import QueryEndState

from daftnb.engine.queries.failing import RESULT, RUNNER, FailedNodes
from daftnb.engine.queries.plans import plan_nodes
from daftnb.engine.queries.reading import operator_stats
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.errors import QueryCancelled
from daftnb.session import Session
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.plantopic import plan_of
from daftnb.telemetry.state import apply
from tests.conftest import await_that
from tests.helpers.releases import is_before


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
    assert subscriber.reader.joins == {} and subscriber.reader.optimised == {}


def test_the_functions_of_a_query_are_told_of_to_its_end_also_those_in_processes() -> None:
    @daft.cls(max_concurrency=1)
    class Scorer:
        def __init__(self) -> None:
            time.sleep(0.2)

        def __call__(self, x: int) -> int:
            return x + 1

    @daft.func
    def rounded(x: int) -> int:
        return x // 2

    def written() -> list[Path]:
        return list(Path(tempfile.gettempdir()).glob("daftnb-meter-*"))

    before = {*written()}  # of other processes
    events: list[Any] = []
    subscriber = QueryEvents(events.append, lambda: None)
    subscriber.attach()
    try:
        frame = daft.from_pydict({"x": list(range(30))}).with_column("y", Scorer()(daft.col("x")))
        frame.with_column("z", rounded(daft.col("y"))).collect()
        await_that(lambda: any(isinstance(event, e.QueryFinished) for event in events), "the query's end")
        assert subscriber.functions.pull() == [], "nothing runs, nothing is told"
    finally:
        subscriber.detach()
    over = next(n for n, event in enumerate(events) if isinstance(event, e.QueryFinished))
    known = {event.name.rpartition(".<locals>.")[2]: event for event in events if isinstance(event, e.UdfKnown)}
    assert known.keys() == {"Scorer.__call__", "rounded"}
    assert "return x // 2" in known["rounded"].source
    last = {event.udf: event for event in events[:over] if isinstance(event, e.UdfFigures)}
    scorer, other = last[known["Scorer.__call__"].udf], last[known["rounded"].udf]
    assert (scorer.calls, scorer.rows_in, scorer.rows_out, scorer.inits) == (30, 30, 30, 1)
    assert scorer.init_seconds >= 0.2
    assert (other.calls, other.running, other.shared) == (30, 0, False)
    processes = [event for event in events if isinstance(event, e.UdfActorFigures)]
    assert processes[-1].rows == 30 and processes[-1].worker_id == ""
    await_that(lambda: not ({*written()} - before), "its file is gone")


def test_what_was_changed_is_put_back_where_a_part_of_it_fails() -> None:
    from daft.dataframe.preview import PreviewFormatter

    before = vars(PreviewFormatter).copy()
    session = Session()
    session.monitor.start()
    assert vars(PreviewFormatter) != before

    def fails() -> None:
        raise RuntimeError("it cannot be put back")

    session._query_events._put_back.callback(fails)
    with pytest.raises(RuntimeError, match="it cannot be put back"):
        session.close()
    assert vars(PreviewFormatter) == before and not session.monitor.running


# -- why a query failed, and where ------------------------------------------------------------------------------------


@daft.func
def rowwise(x: int) -> int:
    raise ValueError("no such key: 17")


@daft.func
async def awaited(x: int) -> int:
    raise KeyError("missing")


@daft.func.batch(return_dtype=daft.DataType.int64())
def batch(x: Any) -> Any:
    raise RuntimeError("line one\nline two") from KeyError("inner")


@daft.cls
class Model:
    def __init__(self) -> None:
        raise OSError("model not found: bert")

    def __call__(self, x: int) -> int:
        return x


def legacy() -> Any:
    with pytest.warns(DeprecationWarning):

        @daft.udf(return_dtype=daft.DataType.int64())
        def old(x: Any) -> Any:
            raise ValueError("an old UDF")

    return old


def failing(frame: daft.DataFrame) -> tuple[State, list[Any]]:
    """Run what fails; the state and the events then."""
    events: list[Any] = []
    subscriber = QueryEvents(events.append, lambda: None)
    subscriber.attach()
    try:
        with pytest.raises(Exception):  # noqa: B017  # whatever it is
            frame.collect()
    finally:
        subscriber.detach()
    state = State()
    for event in events:
        apply(event, state)
    return state, events


def x() -> daft.DataFrame:
    return daft.from_pydict({"x": [1, 2, 3], "s": ["a", "b", "("]})


NOT_FOUND = (
    "FileNotFoundError: File: /nowhere/none.bin not found\nNo such file or directory (os error 2)"
    if is_before("daft", "0.7.17")
    else "FileNotFoundError: /nowhere/none.bin not found: No such file or directory (os error 2)"
)


@pytest.mark.parametrize(
    ("made", "error", "raised"),
    [
        (lambda: x().select(rowwise(daft.col("x"))), "ValueError: no such key: 17", "UDF rowwise"),
        (lambda: x().select(awaited(daft.col("x"))), "KeyError: 'missing'", "UDF awaited"),
        (
            lambda: x().select(batch(daft.col("x"))),
            "RuntimeError: line one\nline two\nfrom KeyError: 'inner'",
            "UDF batch",
        ),
        (lambda: x().select(Model()(daft.col("x"))), "OSError: model not found: bert", "UDF __call__"),
        (lambda: x().select(legacy()(daft.col("x"))), "ValueError: an old UDF\nUDFException: User-", "UDF old"),
        (
            lambda: x().where(daft.col("s").regexp("(")),
            "DaftCoreException: regex parse error: unclosed group\n    (\n    ^",
            "Filter",
        ),
        (
            lambda: x().select(daft.functions.download(daft.lit("file:///nowhere/none.bin"))),
            NOT_FOUND,
            "url_download",
        ),
        (
            lambda: x().groupby("s").agg(daft.col("x").sum()).select(rowwise(daft.col("x"))).sort("x"),
            "ValueError: no such key: 17",
            "UDF rowwise",
        ),
    ],
)
def test_why_a_query_failed_and_which_operator_raised(made: Any, error: str, raised: str) -> None:
    state, _ = failing(made())
    query = state.current
    assert query is not None and query.error is not None and query.error.startswith(error)
    plan = plan_of(query)
    assert plan is not None
    states = {operator["name"]: operator["state"] for operator in plan["operators"].values()}
    assert [name for name, state in states.items() if state == "failed"] == [
        name for name in states if name.startswith(raised)
    ]
    assert query.raised_in is not None and not query.operators[query.raised_in].ended
    assert all(each["selectivity"] is None for each in plan["operators"].values() if each["state"] == "failed")


def test_without_dafts_log_nothing_is_called_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailedNodes, "listen", lambda self: None)
    state, events = failing(x().select(rowwise(daft.col("x"))))
    assert state.current is not None and state.current.raised_in is None
    plan = plan_of(state.current)
    assert plan is not None and any(isinstance(event, e.OperatorFinished) for event in events)
    assert {each["state"] for each in plan["operators"].values()} == {"stopped"}


def test_of_two_operators_of_one_name_none_is_named() -> None:
    nodes = FailedNodes()
    for query in ("a", "b"):
        nodes.begin(query, 1 if query == "a" else 2)
        nodes.planned(query, partial(dict[int, str], {0: query, 1: "UDF f", 2: "UDF f"}))
    nodes._note("UDF f", 2)
    assert (nodes.of("a"), nodes.of("b"), nodes.end("b")) == (False, True, None)
    nodes._note("a", 7)  # on a thread that nobody knows: by its name
    assert nodes.end("a") == 0 and nodes.end("?") is None


@daft.func.batch(return_dtype=daft.DataType.int64())
def surrogates(x: Any) -> Any:
    raise ValueError("lone \ud800 here")


def test_an_error_that_daft_cannot_encode_ends_the_query_too() -> None:
    runner = import_module(RUNNER)
    before = getattr(runner, RESULT)
    state, _ = failing(x().select(surrogates(daft.col("x"))))
    assert getattr(runner, RESULT) is before
    query = state.current
    assert query is not None and (query.state, query.error) == ("failed", "ValueError: lone \ufffd here")


@pytest.mark.parametrize(
    ("raised", "outcome"), [(QueryCancelled("q"), "cancelled"), (ValueError("of the user"), "failed")]
)
def test_a_query_that_was_cancelled_has_not_failed_though_daft_says_so(raised: Exception, outcome: str) -> None:
    told: list[e.Event] = []
    finished = SimpleNamespace(query_id="q", result=SimpleNamespace(end_state=QueryEndState.Failed, error_message=""))
    try:
        raise raised
    except Exception:  # as Daft's runner has it when it tells of the end
        QueryEvents(told.append, lambda: None)._handle("QueryFinished", finished, 1.0)
    [end] = told[-1:]
    assert isinstance(end, e.QueryFinished) and end.outcome == outcome
