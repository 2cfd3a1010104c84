"""What was told and is not folded yet: nothing is lost that anybody could see, and it does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daftnb.telemetry import events as e
from daftnb.telemetry.inbox import BETWEEN_SECONDS, MOST_CHARACTERS, MOST_QUERIES, Inbox, Unread
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.state import KEPT_QUERIES


def plan(query_id: str, read: list[str]) -> Iterator[e.Event]:
    read.append(query_id)
    yield e.PlanReady(1.0, query_id, (e.PlanNode(0, "scan", "", ()),))


def tell(inbox: Any, count: int, read: list[str], put: str = "put", later: str = "put_unread") -> None:
    for number in range(count):
        query_id = f"q{number}"
        getattr(inbox, put)(e.QueryStarted(1.0, query_id, "native"))
        getattr(inbox, later)(query_id, lambda query_id=query_id: plan(query_id, read), 10)
        getattr(inbox, put)(e.QueryFinished(1.0, query_id, "finished"))


def test_it_waits_while_queries_come_one_after_the_other_but_not_for_ever() -> None:
    inbox = Inbox()
    assert inbox.is_due(0.0)
    inbox.put(e.QueryStarted(1.0, "q", "native"))
    assert not inbox.is_due(1.1) and inbox.is_due(1.0 + BETWEEN_SECONDS)
    inbox.put(e.QueryStarted(1.0, "r", "ray"))
    assert inbox.is_due(1.0), "an engine elsewhere drops what nobody asks for"
    inbox.put(e.QueryStarted(1.0, "s", "native"))
    inbox.put_unread("s", list, MOST_CHARACTERS)
    assert inbox.is_due(1.0)
    inbox.take()
    tell(inbox, MOST_QUERIES, [])
    assert inbox.is_due(1.0)


def test_of_what_the_session_does_not_keep_the_number_is_known_and_no_more() -> None:
    inbox = Inbox()
    tell(inbox, KEPT_QUERIES + 3, [])
    inbox.put(e.OperatorStarted(1.0, "q0", 1))
    inbox.forget_superseded()
    inbox.put(e.ProblemFound(1.0, "the last"))
    items, superseded = inbox.take()
    assert superseded == {"q0", "q1", "q2"}
    assert sum(isinstance(each, e.QueryStarted) for each in items) == KEPT_QUERIES + 3
    assert [each.query_id for each in items if isinstance(each, Unread)] == [f"q{n + 3}" for n in range(KEPT_QUERIES)]
    assert items[-1] == e.ProblemFound(1.0, "the last") and inbox.take() == ([], frozenset())


def test_a_query_that_still_runs_is_not_forgotten() -> None:
    inbox = Inbox()
    inbox.put(e.QueryStarted(1.0, "long", "native"))
    inbox.put(e.OperatorStarted(1.0, "long", 1))
    tell(inbox, KEPT_QUERIES + 1, [])
    items, superseded = inbox.take()
    assert "long" not in superseded and e.OperatorStarted(1.0, "long", 1) in items


def test_a_monitor_reads_only_the_queries_that_it_keeps() -> None:
    read: list[str] = []
    recorder = Recorder()
    monitor = Monitor(list, lambda state, now: {}, lambda: 1.1, recorder)  # type: ignore[arg-type,return-value]
    monitor.start = lambda: None  # type: ignore[method-assign]
    tell(monitor, KEPT_QUERIES + 5, read, "emit", "later")
    monitor.tick()
    assert read == [] and not monitor.state.queries, "nobody looks, and the next query may begin at any moment"
    monitor.catch_up()
    assert read == [f"q{number + 5}" for number in range(KEPT_QUERIES)]
    assert monitor.state.query_count == KEPT_QUERIES + 5 and recorder.dropped == 5
    assert recorder.numbers[0] == 6 and all(query.operators for query in monitor.state.queries.values())
