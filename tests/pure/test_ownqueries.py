"""Queries that daftnb runs for itself: none of the user's, and ended in the middle where nobody wants them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from daftnb.engine.queries import background
from daftnb.engine.queries.background import OwnQuery, untap_event_loop
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.errors import QueryCancelled
from daftnb.telemetry import events as e
from tests.conftest import await_that
from tests.helpers.slowly import OVER, slowly


@pytest.fixture
def told() -> Any:
    """What is told of the queries of this process."""
    found: list[e.Event] = []
    events = QueryEvents(found.append, lambda: None)
    events.attach()
    yield found
    events.detach()
    assert not events.unseen and not events.threads


def query(number: int) -> dict[str, list[int]]:
    import daft

    return dict(daft.from_pydict({"a": [1, number]}).where(daft.col("a") > 1).to_pydict())


def test_a_query_of_ours_is_not_told_and_the_users_beside_it_is(told: list[e.Event]) -> None:
    with OwnQuery().run():
        assert query(5) == {"a": [5]}
        users = threading.Thread(target=query, args=(6,))
        users.start()
        users.join()
    assert query(7) == {"a": [7]}
    await_that(lambda: sum(isinstance(event, e.QueryFinished) for event in told) == 2, "two ends")
    assert sum(isinstance(event, e.QueryStarted) for event in told) == 2
    assert not [event for event in told if isinstance(event, e.ProblemFound)]


def test_it_is_ended_in_the_middle(told: list[e.Event]) -> None:
    import daft

    OVER.clear()
    frame = daft.range(10_000).with_column("y", daft.func(slowly)(daft.col("id")))
    own, outcome = OwnQuery(), []

    def work() -> None:
        try:
            with own.run():
                frame.collect()
        except QueryCancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    await_that(lambda: own._query_id, "it has begun")
    own.cancel()
    own.cancel()
    thread.join(20)
    assert outcome and not thread.is_alive()
    OVER.set()
    assert query(3) == {"a": [3]} and not background._own
    await_that(lambda: [each for each in told if isinstance(each, e.QueryFinished)], "the user's end")


def test_what_is_cancelled_before_it_begins_does_not_begin() -> None:
    own = OwnQuery()
    own.cancel()
    with pytest.raises(QueryCancelled), own.run():
        pytest.fail("it has begun")
    with pytest.raises(QueryCancelled):
        own.check()


def test_an_error_of_its_own_goes_through() -> None:
    with pytest.raises(ZeroDivisionError), OwnQuery().run():
        1 / 0  # noqa: B018
    assert background.current() is None


def test_daft_gets_its_event_loop_back() -> None:
    import daft.event_loop

    with OwnQuery().run():
        assert query(2) == {"a": [2]}
    assert type(vars(daft.event_loop)["LOOP"]).__name__ == "_TappedLoop"
    untap_event_loop()
    untap_event_loop()
    assert type(vars(daft.event_loop)["LOOP"]).__name__ == "BackgroundEventLoop"
    assert query(4) == {"a": [4]}
