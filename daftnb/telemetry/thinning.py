"""Finds events that say nothing new: counts are absolute, so most events of five pulls a second do not.

Judged by the state before the event: what would leave it as it is need not be recorded, and a replay without it makes
the same snapshots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daftnb.telemetry import events as e
from daftnb.telemetry.functions import KEPT_ACTORS, KEPT_FUNCTIONS, actors_of, news
from daftnb.telemetry.model import GONE_SECONDS, State

BUSY_PART = 500  # a GPU's percentage, likewise: by more than 5
USAGE_PART = 100  # a node's usage are told again when one has changed by more than total ÷ this


def says_nothing(event: e.Event, state: State) -> bool:
    """Return True if the fold of this event would change nothing that is shown."""
    way = _WAYS.get(type(event))
    return way is not None and way(event, state)


def same_usage(old: e.NodeFigures | None, new: e.NodeFigures) -> bool:
    """Return True if a node uses about what it did (within 1 %)."""
    if old is None or (old.memory_total, old.store_total) != (new.memory_total, new.store_total):
        return False
    return (
        _near(old.memory_used, new.memory_used, new.memory_total)
        and _near(old.store_used, new.store_used, new.store_total)
        and old.gpus_held == new.gpus_held
        and _same_devices(old.devices, new.devices)
    )


def _same_devices(old: tuple[e.Device, ...] | None, new: tuple[e.Device, ...] | None) -> bool:
    if old is None or new is None or len(old) != len(new):
        return old == new
    return all(
        (was.index, was.name, was.memory_total) == (now.index, now.name, now.memory_total)
        and _near(was.memory_used, now.memory_used, now.memory_total)
        and _near(was.busy, now.busy, BUSY_PART)
        for was, now in zip(old, new, strict=True)
    )


def _near(old: int | None, new: int | None, total: int | None) -> bool:
    if old is None or new is None or total is None:
        return old == new
    return abs(new - old) * USAGE_PART <= total


def _stage_counts(event: e.StageCounts, state: State) -> bool:
    query = state.queries.get(event.query_id)
    if query is None:
        return True
    old = query.stages.get(event.last_id)
    return old is not None and old.counts == event.counts and old.name == event.name


def _operator_stats(event: e.OperatorStats, state: State) -> bool:
    operator = state.operator(event.query_id, event.operator_id)
    if operator is None:
        return True
    old = operator.stats
    return (
        old is not None
        and old.rows_out == event.rows_out
        and old.duration_us == event.duration_us
        and old.rows_in == event.rows_in
        and old.bytes_out == event.bytes_out
        and old.bytes_in == event.bytes_in
    )


def _worker_counts(event: e.WorkerCounts, state: State) -> bool:
    worker = state.workers.get(event.worker_id)
    if worker is None or not worker.is_actor:
        return True
    return (
        worker.running == event.running
        and worker.finished == event.finished
        and worker.now == event.tasks
        and worker.gpus_tasks == event.gpus
        and worker.idle_since == event.idle_since
        and worker.state == ("busy" if event.running else "warm" if event.warm else "idle")
        and worker.retires_at == event.retires_at
        and worker.rule == event.rule
        and bool(event.running) == bool(worker.spans and worker.spans[-1][1] is None)
    )


def _hold_counted(event: e.HoldCounted, state: State) -> bool:
    if state.hold is None or state.hold[0] != event.number:
        return True
    _, mark, before = state.hold
    return mark.count == before + event.count


def _nodes_seen(event: e.NodesSeen, state: State) -> bool:
    if not state.nodes_known or state.granted != sum(node.slots for node in event.nodes):
        return False
    for node in event.nodes:
        worker = state.workers.get(node.id)
        if worker is None or worker.state == "gone" or worker.head != node.head:
            return False
        if not node.slots and not worker.is_actor and worker.state != "no worker":
            return False
        if node.gpus is not None and worker.gpus != node.gpus:
            return False
    if len(event.nodes) == len(state.workers):
        return True
    alive = {node.id for node in event.nodes}
    return all(
        worker.id in alive or (worker.state == "gone" and event.t - worker.since <= GONE_SECONDS)
        for worker in state.workers.values()
    )


def _pool_seen(event: e.PoolSeen, state: State) -> bool:
    asked, known = event.request, state.request
    if asked is None and state.launches is not None:  # which end with the request
        return False
    if (asked is None) != (known is None) or (asked is not None and known is not None and asked.size != known.size):
        return False
    there = {life.worker_id for life in event.workers}
    actors = {worker.id: worker.started for worker in state.actors()}
    return not any(map(state.is_news, event.workers)) and not any(
        id_ not in there and (started or 0.0) <= event.t for id_, started in actors.items()
    )


def _launches_seen(event: e.LaunchesSeen, state: State) -> bool:
    return state.launches is not None and replace(state.launches, t=event.t) == event


def _node_usage(event: e.NodeFigures, state: State) -> bool:
    return event.worker_id not in state.workers


def _udf_actors(event: e.UdfActors, state: State) -> bool:
    query = state.queries.get(event.query_id)
    if query is None:
        return True
    old = query.udfs.get(event.name)
    return old is not None and replace(old, t=event.t) == event


def _udf_known(event: e.UdfKnown, state: State) -> bool:
    query = state.queries.get(event.query_id)
    if query is None:
        return True
    function = query.functions.get(event.udf)
    if function is None:
        return len(query.functions) >= KEPT_FUNCTIONS
    old = function.known
    return old is not None and (old.t > event.t or replace(old, t=event.t) == event)


def _udf_figures(event: e.UdfFigures, state: State) -> bool:
    query = state.queries.get(event.query_id)
    if query is None:
        return True
    function = query.functions.get(event.udf)
    if function is None:
        return len(query.functions) >= KEPT_FUNCTIONS
    return not news(function.figures, event)


def _udf_actor_figures(event: e.UdfActorFigures, state: State) -> bool:
    query = state.queries.get(event.query_id)
    if query is None:
        return True
    function = query.functions.get(event.udf)
    if function is None:
        return len(query.functions) >= KEPT_FUNCTIONS
    actor = function.actors.get(event.actor)
    if actor is None:
        return actors_of(query) >= KEPT_ACTORS
    return not news(actor.figures, event)


def _task_ended_workers(event: e.TaskEndedWorkers, state: State) -> bool:
    query = state.queries.get(event.query_id)
    if query is None:
        return True
    old = query.deadly.get(event.last_id)
    return old is not None and (old.task_id, old.workers) == (event.task_id, event.workers)


def _detail_dropped(event: e.DetailDropped, state: State) -> bool:
    return state.dropped >= event.events


_WAYS: dict[type, Callable[[Any, State], bool]] = {
    e.StageCounts: _stage_counts,
    e.OperatorStats: _operator_stats,
    e.WorkerCounts: _worker_counts,
    e.HoldCounted: _hold_counted,
    e.NodesSeen: _nodes_seen,
    e.PoolSeen: _pool_seen,
    e.LaunchesSeen: _launches_seen,
    e.NodeFigures: _node_usage,
    e.UdfActors: _udf_actors,
    e.UdfKnown: _udf_known,
    e.UdfFigures: _udf_figures,
    e.UdfActorFigures: _udf_actor_figures,
    e.TaskEndedWorkers: _task_ended_workers,
    e.DetailDropped: _detail_dropped,
}
