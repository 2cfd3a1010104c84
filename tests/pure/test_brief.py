"""Queries that are over before anybody could look: which they are, and that nothing of them is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import daft
import pytest
from daft.event_loop import BackgroundEventLoop

from daftnb.engine import internals
from daftnb.engine.queries.brief import BRIEF_SECONDS, MOST_ROWS, NEVER, Brevity, is_cheap
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.session import Session
from daftnb.telemetry import events as e
from daftnb.telemetry.model import Query, State
from daftnb.telemetry.state import apply

FILTER = '{"children":[{"children":[],"type":"Source"}],"predicate":["col(a) > lit(1)"],"type":"Filter"}'


@pytest.mark.parametrize(
    ("plan", "rows", "cheap"),
    [
        (FILTER, 3, True),
        (FILTER, MOST_ROWS + 1, False),
        (FILTER.replace("col(a)", "__main__.f-7-0(col(a))"), 3, False),
        (FILTER.replace("col(a)", "url_download(col(a))"), 3, False),
        (FILTER.replace("Filter", "Explode"), 3, False),
        (FILTER.replace("col(a)", "col(" + "a" * 10_000 + ")"), 3, False),
    ],
)
def test_a_plan_is_cheap_where_it_computes_with_few_values(plan: str, rows: int, cheap: bool) -> None:
    assert is_cheap(plan, rows) is cheap


def test_a_plan_that_was_quick_is_expected_to_be_quick_on_as_many_rows() -> None:
    brevity, plan = Brevity(), FILTER.replace("Filter", "UDFProject")
    assert not brevity.expected(plan, 1_000_000)[0]
    brevity.note(plan, 1_000_000, BRIEF_SECONDS / 2)
    assert brevity.expected(plan, 1_000_000)[0] and not brevity.expected(plan, 3_000_000)[0]
    brevity.note(plan, 1_000_000, BRIEF_SECONDS)
    assert not brevity.expected(plan, 1_000_000)[0]
    brevity.note(FILTER, 3, NEVER)
    assert not brevity.expected(FILTER, 3)[0], "what failed is followed when it is tried again"
    brevity.note(plan, None, 0.0)
    assert not brevity.expected(plan, None)[0], "how much a file holds is not known"


def test_the_physical_plan_of_the_last_time_is_given_where_it_will_be_over_soon() -> None:
    brevity, plan = Brevity(), FILTER.replace("Filter", "UDFProject")
    brevity.note(plan, 8, BRIEF_SECONDS / 2, "its plan")
    assert brevity.expected(plan, 8) == (True, "its plan")
    brevity.note(plan, 8, BRIEF_SECONDS * 2, "its plan")
    assert brevity.expected(plan, 8) == (False, "")
    brevity.note(plan, 8, BRIEF_SECONDS / 2, "x" * 100_000)
    assert brevity.expected(plan, 8) == (True, "")


def watched(work: Callable[[], object], follows: bool) -> tuple[Query, list[Any], QueryEvents]:
    """The query that ``work`` runs, the events, and who told them."""
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None)
    if follows:
        events.brevity.expected = lambda plan, rows: (False, "")  # type: ignore[method-assign]
    events.attach()
    try:
        work()
    finally:
        events.detach()
    state = State()
    for event in told:
        apply(event, state)
    assert state.current is not None
    return state.current, told, events


def test_what_is_not_followed_is_known_as_well_at_its_end() -> None:
    def work() -> None:
        daft.from_pydict({"a": [1, 2, 3], "s": ["x", "y", "x"]}).where(daft.col("a") > 1).groupby("s").agg(
            daft.col("a").sum()
        ).collect()

    brief, told, events = watched(work, follows=False)
    full, _, _ = watched(work, follows=True)
    assert (brief.state, full.state) == ("finished", "finished")
    assert [type(event) for event in told].count(e.PlanReady) == 1
    assert {id_: operator.node for id_, operator in brief.operators.items()} == {
        id_: operator.node for id_, operator in full.operators.items()
    }

    def figures(query: Query) -> dict[int, tuple[Any, ...]]:
        found = {}
        for id_, each in query.operators.items():
            assert each.stats is not None
            numbers = (each.stats.rows_in, each.stats.rows_out, each.stats.bytes_in, each.stats.bytes_out)
            found[id_] = (each.started, each.ended, *numbers)
        return found

    assert figures(brief) == figures(full)
    assert set(brief.plans) == {"logical", "optimised"}
    assert (events.native, events.threads, events.reader.optimised) == ({}, {}, {})


def test_what_is_not_followed_and_fails_says_why_and_is_followed_when_it_is_tried_again() -> None:
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None)
    events.brevity.expected = lambda plan, rows: (not events.brevity._took, "")  # type: ignore[method-assign]
    events.attach()
    try:

        @daft.func
        def refuses(x: str) -> int:
            raise ValueError(f"{x} is not to be had")

        frame = daft.from_pydict({"s": ["it"]}).select(refuses(daft.col("s")))
        for _ in range(2):
            with pytest.raises(Exception, match="it is not to be had"):
                frame.collect()
    finally:
        events.detach()
    first, second = (event for event in told if isinstance(event, e.QueryFinished))
    assert first.outcome == second.outcome == "failed"
    assert first.error is not None and first.error.startswith("ValueError: it is not to be had")
    assert first.raised_in is None and second.raised_in is not None
    assert [event.query_id for event in told if isinstance(event, e.PlanReady)] == [second.query_id]


def test_what_was_quick_the_last_time_and_fails_says_which_operator_raised() -> None:
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None)
    tired: list[int] = []
    events.attach()
    try:

        @daft.func
        def tires(x: int) -> int:
            if tired:
                raise ValueError("no more")
            return x

        frame = daft.from_pydict({"a": [1]}).select(tires(daft.col("a"))).where(daft.col("a") > 0)
        frame.limit(1).to_pydict()
        tired.append(1)
        with pytest.raises(Exception, match="no more"):
            frame.limit(1).to_pydict()
    finally:
        events.detach()
    last = [event for event in told if isinstance(event, e.QueryFinished)][-1]
    planned = [event for event in told if isinstance(event, e.PlanReady)][-1]
    followed = {event.query_id for event in told if isinstance(event, e.OperatorStats)}
    assert last.outcome == "failed" and last.query_id not in followed, "it was not followed"
    assert planned.query_id == last.query_id
    [raiser] = [node for node in planned.operators if node.id == last.raised_in]
    assert "tires" in raiser.name


def test_several_threads_run_quick_queries_and_followed_ones() -> None:
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None)

    @daft.func
    def same(x: int) -> int:
        return x

    def one(number: int) -> None:
        frame = daft.from_pydict({"a": [number]})
        (frame.select(same(daft.col("a"))) if number % 2 else frame.where(daft.col("a") >= 0)).collect()

    events.attach()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(40)))
    finally:
        events.detach()
    state = State()
    for event in told:
        apply(event, state)
    assert not state.problems
    assert [query.state for query in state.queries.values()] == ["finished"] * 40
    for query in state.queries.values():
        assert query.operators and all(each.stats is not None and each.ended for each in query.operators.values())


def test_queries_that_begin_side_by_side_are_each_followed_and_none_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    # As where two threads run their first queries at once: Daft then makes an event loop for each.
    loops = threading.local()

    def loop_of_this_thread() -> BackgroundEventLoop:
        if not hasattr(loops, "loop"):
            loops.loop = BackgroundEventLoop()
        return loops.loop  # type: ignore[no-any-return]

    monkeypatch.setattr("daft.execution.native_executor.get_or_init_event_loop", loop_of_this_thread)
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None)
    events.brevity.expected = lambda plan, rows: (False, "")  # type: ignore[method-assign]
    events.attach()
    try:
        with ThreadPoolExecutor(8) as pool:
            frames = [daft.from_pydict({"a": [n]}).where(daft.col("a") >= 0) for n in range(200)]
            assert [each["a"] for each in pool.map(daft.DataFrame.to_pydict, frames)] == [[n] for n in range(200)]
    finally:
        events.detach()
    assert not [event for event in told if isinstance(event, e.ProblemFound)]
    followed = {event.query_id for event in told if isinstance(event, e.OperatorStarted)}
    assert len(followed) == 200


def test_a_query_runs_though_it_cannot_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None)
    events.brevity.expected = lambda plan, rows: (False, "")  # type: ignore[method-assign]

    def refuses(*_arguments: Any) -> None:
        raise RuntimeError("no more subscribers")

    events.attach()
    try:
        monkeypatch.setattr(daft, "attach_subscriber", refuses)
        assert daft.from_pydict({"a": [1]}).where(daft.col("a") > 0).to_pydict() == {"a": [1]}
    finally:
        events.detach()
    [problem] = [event.text for event in told if isinstance(event, e.ProblemFound)]
    assert problem == "a query's operators could not be followed: RuntimeError: no more subscribers"


def test_what_a_session_is_asked_for_right_after_a_query_has_all_of_it() -> None:
    session = Session()
    try:
        daft.from_pydict({"a": [1, 2, 3]}).where(daft.col("a") > 1).collect()
        query = session.snapshot()["query"]
        assert query is not None and (query["state"], query["rows"]) == ("finished", 2)
        operators = session.recorder.reel(query["number"]).events
        assert {type(event) for event in operators} >= {e.PlanReady, e.OperatorStats, e.QueryFinished}
    finally:
        session.close()


def test_every_name_is_found_while_a_session_listens() -> None:
    session = Session()
    try:
        assert internals.missing("daft") == {}
    finally:
        session.close()


def test_daft_is_as_it_was_when_a_session_has_ended() -> None:
    from daft.context import DaftContext
    from daft.execution.native_executor import NativeExecutor

    before = {**vars(DaftContext)}, {**vars(NativeExecutor)}
    Session().close()
    assert ({**vars(DaftContext)}, {**vars(NativeExecutor)}) == before


def test_a_daft_that_cannot_be_heard_elsewhere_has_a_subscriber_for_all_queries() -> None:
    told: list[Any] = []
    events = QueryEvents(told.append, lambda: None, brief=False)
    events.attach()
    try:
        daft.from_pydict({"a": [1, 2, 3]}).where(daft.col("a") > 1).collect()
    finally:
        events.detach()
    state = State()
    for event in told:
        apply(event, state)
    assert state.current is not None and state.current.state == "finished" and not state.problems
    assert state.current.operators and all(each.ended for each in state.current.operators.values())
    assert set(state.current.plans) == {"logical", "optimised"}
