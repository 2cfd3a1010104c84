"""Describes a moment as events: what a recording begins with, and how the state is rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import cast

from daftnb.telemetry import events as e
from daftnb.telemetry.model import Mark, Query, State, Worker, threshold_in
from daftnb.telemetry.wire import DecisionKind, QueryRunner, WorkerState

RECENT_SECONDS = 5.0  # after its end, details of a query may still come
RECENT_QUERIES = 8


def known(state: State, t: float, settings: Mapping[str, str]) -> Iterator[e.Event]:
    """Yield the state at ``t`` as events; of earlier queries only what later events can build on."""
    if state.cluster is not None:
        yield replace(state.cluster, t=t)
    request = state.request
    number, sample = next(reversed(state.samples.items())) if state.samples else (-1, None)
    yield e.WorldKnown(
        t,
        queries=state.query_count,
        workers=state.worker_count,
        granted=state.granted,
        nodes_known=state.nodes_known,
        recent=tuple(
            e.QueryKnown(query.id, query.number, query.runner, query.started, query.ended)
            for query in _recent(state, t)
        ),
        settings=tuple(settings.items()),
        in_effect=None if state.in_effect is None else tuple(state.in_effect.items()),
        in_effect_number=state.in_effect_number,
        threshold=state.threshold,
        peak_ratio=state.peak_ratio,
        request=request,
        samples=state.sample_count,
        sample=sample,
        demand=state.demand.get(number, (None, None)),
        decisions=state.mark_count,
        log=tuple(
            e.DecisionKnown(m.t, m.kind, m.label, m.text, m.count, tuple(m.labels)) for m in state.marks.values()
        ),
        hold=_hold(state),
        launches=state.launches,
    )
    for worker in state.workers.values():
        open_span = worker.spans[-1] if worker.spans and worker.spans[-1][1] is None else None
        yield e.WorkerKnown(
            t,
            worker.id,
            worker.label,
            worker.slots,
            worker.memory,
            worker.since,
            worker.state,
            worker.head,
            worker.running,
            worker.finished,
            worker.idle_since,
            worker.retires_at,
            worker.rule,
            worker.started,
            None if open_span is None else open_span[0],
            worker.task_count,
            worker.now,
            worker.gpus,
            worker.gpus_tasks,
        )
        if worker.usage is not None:
            yield replace(worker.usage, t=t)


def _recent(state: State, t: float) -> list[Query]:
    latest = list(islice(reversed(state.queries.values()), RECENT_QUERIES))
    return [query for query in reversed(latest) if query.ended is None or t - query.ended < RECENT_SECONDS]


def _hold(state: State) -> tuple[int, int, int] | None:
    if state.hold is None:
        return None
    number, held, before = state.hold
    for place, mark in enumerate(state.marks.values()):
        if mark is held:
            return number, place, before
    return None  # its decision is no longer in the log


def restore(event: e.WorldKnown, state: State) -> None:
    """Make the state go on from where a recording begins.

    A recording of another release may have words for a runner, a state or a kind that are not known here: the casts
    let them pass, and views show them as they are.
    """
    state.query_count, state.worker_count, state.granted = event.queries, event.workers, event.granted
    state.nodes_known, state.peak_ratio, state.request = event.nodes_known, event.peak_ratio, event.request
    state.in_effect = None if event.in_effect is None else dict(event.in_effect)
    state.in_effect_number = event.in_effect_number
    known = threshold_in(state.in_effect)  # earlier versions did not say since when
    state.threshold = event.threshold or (None if known is None else (event.t, known))
    for past in event.recent:
        state.queries[past.id] = Query(
            past.id,
            past.number,
            cast("QueryRunner", past.runner),
            past.started,
            state="running" if past.ended is None else "finished",
            ended=past.ended,
        )
    state.sample_count = event.samples
    if event.sample is not None:
        state.samples[event.samples - 1] = event.sample
        state.demand[event.samples - 1] = event.demand
    state.launches = event.launches
    state.mark_count = event.decisions
    marks = [Mark(m.t, cast("DecisionKind", m.kind), m.label, m.text, m.count, list(m.labels)) for m in event.log]
    state.marks.update(enumerate(marks, start=event.decisions - len(marks)))
    if event.hold is not None:
        number, place, before = event.hold
        state.hold = (number, marks[place], before)


def restore_worker(event: e.WorkerKnown, state: State) -> None:
    """Restore a worker as it was, without the tasks and intervals of before."""
    worker = state.workers[event.worker_id] = Worker(
        event.worker_id,
        event.label,
        event.slots,
        event.memory,
        event.since,
        cast("WorkerState", event.state),
        event.head,
        running=event.running,
        finished=event.finished,
        idle_since=event.idle_since,
        retires_at=event.retires_at,
        rule=event.rule,
        started=event.started,
        now=event.tasks,
        task_count=event.ended_tasks,
        gpus=event.gpus,
        gpus_tasks=event.gpus_tasks,
    )
    if event.busy_since is not None:
        worker.spans.append([event.busy_since, None])
