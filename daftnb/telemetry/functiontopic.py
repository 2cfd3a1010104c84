"""Makes the functions of the topic ``plan``: what each of the user's functions (UDFs) has done, and its actors."""

from __future__ import annotations

from collections.abc import Mapping

from daftnb.telemetry import events as e
from daftnb.telemetry.functions import Actor, Function, first_actors
from daftnb.telemetry.model import Query, Worker
from daftnb.telemetry.wire import Counter, UdfActor
from daftnb.telemetry.wire import Function as FunctionTopic

MOST_ACTORS = 200  # of all functions of a plan, that go to a page
SOURCES = 64_000  # characters of the sources of all functions of a plan: they travel with every keyframe


def functions_of(
    query: Query, called: Mapping[str, list[int]], workers: Mapping[str, Worker], now: float
) -> dict[str, FunctionTopic]:
    """Return the functions of a query, by key.

    ``called``: the operators of each; ``workers`` by id, for what they are called; ``now``: seconds since the epoch.
    """
    left, room = SOURCES, MOST_ACTORS
    found = {}
    for key, function in query.functions.items():
        source = function.known.source if function.known is not None else ""
        source = source if len(source) <= left else ""
        left -= len(source)
        actors = first_actors(function, room)
        room -= len(actors)
        found[key] = _function(query, function, called.get(key, []), source, actors, workers, now)
    return found


def _function(
    query: Query,
    function: Function,
    operators: list[int],
    source: str,
    actors: Mapping[str, Actor],
    workers: Mapping[str, Worker],
    now: float,
) -> FunctionTopic:
    known, figures = function.known, function.figures
    return {
        "name": function.name,
        "kind": known.kind if known is not None else None,
        "is_class": known is not None and known.is_class,
        "operators": operators,
        "file": known.file if known is not None else "",
        "cell": known.cell if known is not None else None,
        "line": known.line if known is not None else None,
        "source": source,
        "rows_in": figures.rows_in if figures is not None else None,
        "rows_out": figures.rows_out if figures is not None else None,
        "calls": figures.calls if figures is not None else None,
        "running": (figures.running if query.active else 0) if figures is not None else None,
        "seconds": round(figures.seconds, 6) if figures is not None else None,
        "inits": figures.inits if figures is not None else None,
        "init_seconds": round(figures.init_seconds, 6) if figures is not None else None,
        "errors": figures.errors if figures is not None else None,
        "error": figures.error if figures is not None else "",
        "retries": figures.retries if figures is not None else None,
        "waited": round(figures.waited, 6) if figures is not None else None,
        "shared": figures is not None and figures.shared,
        "rate": _rounded(function.rate.at(now)) if query.active else None,
        "rate_overall": _rounded(function.rate_overall()),
        "counters": [_counter(counter) for counter in figures.counters] if figures is not None else [],
        "left_out": figures.left_out if figures is not None else 0,
        "lost": figures.lost if figures is not None else 0,
        "actors": {key: _actor(query, actor, workers, now) for key, actor in actors.items()},
        "actors_left_out": len(function.actors) - len(actors),
    }


def _counter(counter: e.Counter) -> Counter:
    return {"name": counter.name, "attributes": dict(counter.attributes), "value": counter.value}


def _actor(query: Query, actor: Actor, workers: Mapping[str, Worker], now: float) -> UdfActor:
    figures = actor.figures
    worker = workers.get(figures.worker_id)
    return {
        "worker": figures.worker_id,
        "label": worker.label if worker is not None else "",
        "state": figures.state,
        "since": round(figures.since, 3),
        "rows": figures.rows,
        "calls": figures.calls,
        "seconds": round(figures.seconds, 6),
        "init_seconds": figures.init_seconds,
        "rate": _rounded(actor.rate.at(now)) if query.active else None,
        "queue": figures.queue,
        "gpus": figures.gpus,
    }


def _rounded(rate: float | None) -> float | None:
    """Return a rate with three digits: more would change at every look, and say nothing."""
    return None if rate is None else float(f"{rate:.3g}")
