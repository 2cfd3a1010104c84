"""What processes have counted is given to the queries whose calls they were."""

from __future__ import annotations

import json

import pytest

from daftnb.engine.meter.ledger import Ledger
from daftnb.engine.meter.tally import Function, Row
from daftnb.engine.meter.travel import Process, plain, rows_of

SCORE = Function("__main__.score", "row", False, "cell", 3)
OTHER = Function("__main__.other", "batch", False, "cell", 9)
WORKER = Process("a", "worker", "1", "node 1")
ACTOR = Process("b", "actor", "2", "node 2")


def total(ledger: Ledger, query: str) -> dict[str, tuple[int, int, bool, int]]:
    """By function: calls, those that run, whether they are shared, and the processes lost."""
    return {f.name: (row.calls, row.running, shared, lost) for f, row, shared, lost in ledger.figures(query)}


def test_what_came_since_a_process_last_told_is_the_query_that_runs() -> None:
    ledger = Ledger()
    ledger.take(WORKER, {SCORE: Row(calls=10, ns=100)}, ["q1"], 1.0)
    ledger.take(WORKER, {SCORE: Row(calls=15, ns=150)}, ["q2"], 2.0)
    ledger.take(ACTOR, {SCORE: Row(calls=4)}, ["q2"], 2.0)
    assert total(ledger, "q1") == {SCORE.name: (10, 0, False, 0)}
    assert total(ledger, "q2") == {SCORE.name: (9, 0, False, 0)}
    assert total(ledger, "q3") == {}


def test_a_function_that_does_nothing_in_a_query_is_not_in_it() -> None:
    ledger = Ledger()
    ledger.take(WORKER, {SCORE: Row(calls=10)}, ["q1"], 1.0)
    ledger.take(WORKER, {SCORE: Row(calls=10), OTHER: Row(calls=1)}, ["q2"], 2.0)
    assert total(ledger, "q2") == {OTHER.name: (1, 0, False, 0)}


def test_what_comes_after_a_query_has_ended_is_still_its() -> None:
    ledger = Ledger()
    ledger.take(WORKER, {SCORE: Row(calls=10)}, ["q1"], 1.0)
    ledger.take(WORKER, {SCORE: Row(calls=12)}, [], 2.0)
    assert total(ledger, "q1") == {SCORE.name: (12, 0, False, 0)}


def test_of_two_queries_at_once_it_is_said_that_they_cannot_be_told_apart() -> None:
    ledger = Ledger()
    ledger.take(WORKER, {SCORE: Row(calls=10)}, ["q1", "q2"], 1.0)
    assert total(ledger, "q1") == total(ledger, "q2") == {SCORE.name: (10, 0, True, 0)}


def test_a_process_that_has_told_its_last_is_counted_once() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.take(ACTOR, {SCORE: Row(calls=5)}, ["q1"], 1.0, ended=True)
    assert total(ledger, "q1") == {SCORE.name: (5, 0, False, 0)}
    assert [part.state for _, part in ledger.parts("q1")] == ["ended"]


def test_a_process_that_died_at_its_work_is_lost_and_runs_no_more() -> None:
    ledger = Ledger()
    ledger.take(ACTOR, {SCORE: Row(calls=5, running=1)}, ["q1"], 1.0)
    ledger.take(WORKER, {SCORE: Row(calls=5)}, ["q1"], 1.0)
    ledger.died([ACTOR.id, WORKER.id], 2.0)
    assert total(ledger, "q1") == {SCORE.name: (10, 0, False, 1)}
    assert [(part.process.id, part.state) for _, part in ledger.parts("q1")] == [(ACTOR.id, "died")]
    ledger.take(ACTOR, {SCORE: Row(calls=6)}, ["q1"], 3.0)
    assert total(ledger, "q1") == {SCORE.name: (10, 0, False, 1)}, "what is late of it is not counted"


def test_an_actor_that_was_started_again_is_one_with_the_sum_of_its_processes() -> None:
    ledger = Ledger()
    again = Process("c", "actor", ACTOR.name, ACTOR.worker_id)
    ledger.take(ACTOR, {SCORE: Row(calls=5, rows_in=5, running=1)}, ["q1"], 1.0)
    ledger.died([ACTOR.id], 2.0)
    ledger.take(again, {SCORE: Row(calls=3, rows_in=3, running=1)}, ["q1"], 3.0)
    ((_, part),) = ledger.parts("q1")
    assert (part.state, part.row.calls) == ("busy", 8)
    assert total(ledger, "q1") == {SCORE.name: (8, 1, False, 1)}


def test_states_follow_what_a_process_does() -> None:
    ledger = Ledger()
    states = []
    for t, row in enumerate(
        [
            Row(initialising=0.5),
            Row(calls=1, running=1, inits=1, init_ns=10**9),
            Row(calls=2, running=1, inits=1, init_ns=10**9),
            Row(calls=2, inits=1, init_ns=10**9, idle_since=2.5),
            Row(calls=2, inits=1, init_ns=10**9, idle_since=2.5),
        ]
    ):
        ledger.take(ACTOR, {SCORE: row}, ["q1"], float(t))
        ((_, part),) = ledger.parts("q1")
        states.append((part.state, part.since))
    assert states == [("initialising", 0.5), ("busy", 1.0), ("busy", 1.0), ("idle", 2.5), ("idle", 2.5)]


def test_old_queries_are_forgotten() -> None:
    ledger = Ledger()
    for n in range(1, 101):
        ledger.take(WORKER, {SCORE: Row(calls=n)}, [f"q{n}"], float(n))
    assert len(ledger.queries) == 16
    assert total(ledger, "q100") == {SCORE.name: (1, 0, False, 0)}


def test_rows_travel_as_plain_values_also_through_json() -> None:
    rows = {SCORE: Row(calls=2, error="ValueError: x", counters=((("tokens", (("model", "m"),)), 7),), idle_since=1.5)}
    assert rows_of(plain(rows)) == rows
    assert rows_of(json.loads(json.dumps(plain(rows)))) == rows
    with pytest.raises(TypeError):
        rows_of([["too", "short"]])
