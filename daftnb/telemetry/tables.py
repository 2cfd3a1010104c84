"""Operators, functions, tasks, workers, actors and decisions of recorded queries as Arrow tables.

Times are UTC timestamps (µs), durations are seconds, sizes are bytes; null is not known. Every table has the number of
the ``query`` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daftnb.telemetry import events as e
from daftnb.telemetry.functions import Function
from daftnb.telemetry.replay import Replay

OPERATORS = (
    ("query", "int64"),
    ("operator", "int64"),  # id
    ("name", "string"),
    ("kind", "string"),
    ("detail", "string"),
    ("inputs", "list"),  # ids of the operators that feed it
    ("state", "string"),
    ("rows_in", "int64"),
    ("rows_out", "int64"),
    ("bytes_in", "int64"),
    ("bytes_out", "int64"),
    ("seconds", "double"),  # spent in it, all threads together
    ("derived_seconds", "double"),  # beside those, what the engine does not tell: of tasks that run, of functions
    ("derived_rows", "bool"),  # whether the rows are a function's, as the engine does not tell them
    ("estimated_rows", "int64"),
    ("selectivity", "double"),  # rows out per row in; derived
    ("stage", "int64"),  # the operator in which the tasks end that it runs in
    ("tasks", "int64"),  # of that stage, submitted
    ("tasks_finished", "int64"),
    ("tasks_failed", "int64"),
    ("task_median", "double"),  # of the tasks that end in it; approximate, at most 5 % too high
    ("task_longest", "double"),
)
UDFS = (
    ("query", "int64"),
    ("udf", "string"),  # key within the query
    ("name", "string"),  # dotted: __main__.score
    ("operator", "string"),  # the operator that calls it, by name; several with commas between them
    ("operators", "list"),  # their ids
    ("kind", "string"),  # row, batch, async, async batch, generator, legacy
    ("is_class", "bool"),
    ("file", "string"),
    ("cell", "int64"),  # number of the notebook's cell
    ("line", "int64"),  # its first line, from 1
    ("rows_in", "int64"),
    ("rows_out", "int64"),
    ("calls", "int64"),
    ("seconds", "double"),  # in the user's code, all calls together
    ("init_seconds", "double"),  # to initialise, all of them together
    ("inits", "int64"),
    ("errors", "int64"),  # exceptions, those that on_error ignores too
    ("error", "string"),  # the latest
    ("retries", "int64"),
    ("waited", "double"),  # between calls that failed and their retries
    ("lost", "int64"),  # processes that ended before they had told all that they did: counts may be too low
    ("shared", "bool"),  # whether another query called functions then: some of these calls may be its
    ("counters", "counters"),
    ("left_out", "int64"),  # counters that are not listed
    ("rows_per_second", "double"),  # over all the time in which it ran
    ("source", "string"),  # as it was; secrets are masked
)
ACTORS = (
    ("query", "int64"),
    ("udf", "string"),  # key of its function, as in UDFS
    ("name", "string"),  # of its function
    ("actor", "string"),  # key within the query
    ("worker", "string"),  # id of its node; empty on the native runner
    ("label", "string"),  # of that worker; null where it is not there any more
    ("state", "string"),  # at the recording's end: ended, died, and the like
    ("since", "timestamp"),  # in this state
    ("rows", "int64"),
    ("calls", "int64"),
    ("seconds", "double"),  # in the user's code
    ("init_seconds", "double"),  # to initialise
    ("queue", "int64"),  # calls that wait before it
    ("gpus", "double"),  # that it holds
)
TASKS = (
    ("query", "int64"),
    ("task", "int64"),  # id
    ("operator", "int64"),  # in which it ends
    ("worker", "string"),  # id
    ("started", "timestamp"),
    ("ended", "timestamp"),
    ("seconds", "double"),
    ("outcome", "string"),  # finished, failed, cancelled, lost
)
WORKERS = (
    ("query", "int64"),
    ("worker", "string"),  # id of its node
    ("label", "string"),
    ("head", "bool"),
    ("state", "string"),  # at the recording's end
    ("since", "timestamp"),  # in this state; of an actor, its start
    ("slots", "int64"),  # CPUs
    ("memory", "int64"),
    ("gpus", "double"),  # of its node, by Ray's bookkeeping
    ("gpus_tasks", "double"),  # of them, those that running tasks asked for at the recording's end
    ("gpus_held", "double"),  # those that actors held then, by Ray's count
    ("tasks", "int64"),  # of this query, ended on it
    ("busy", "double"),  # seconds of tasks of this query on it, all slots together
)
DECISIONS = (
    ("query", "int64"),
    ("t", "timestamp"),
    ("kind", "string"),
    ("text", "string"),
    ("count", "int64"),  # how often it was taken, one after the other
)


def operators(replays: Iterable[Replay]) -> Any:
    """Return one row per operator of the physical plan, inputs first, at the recording's end."""
    rows = []
    for replay in replays:
        plan = replay.last["plan"]
        for operator in plan["operators"].values() if plan else ():
            duration, tasks, skew = operator["duration_us"], operator["tasks"], operator["skew"]
            derived = operator["derived_us"]
            rows.append(
                {
                    **operator,
                    "query": replay.number,
                    "operator": operator["id"],
                    "seconds": None if duration is None else duration / 1e6,
                    "derived_seconds": None if derived is None else derived / 1e6,
                    "tasks": tasks["submitted"] if tasks else None,
                    "tasks_finished": tasks["finished"] if tasks else None,
                    "tasks_failed": tasks["failed"] if tasks else None,
                    "task_median": skew["median"] if skew else None,
                    "task_longest": skew["longest"][0]["seconds"] if skew else None,
                }
            )
    return _table(OPERATORS, rows)


def udfs(replays: Iterable[Replay]) -> Any:
    """Return one row per function that a query called, at the recording's end."""
    rows = []
    for replay in replays:
        plan = replay.last["plan"]
        for key, function in functions_at_end(replay):
            topic = plan["functions"].get(key) if plan is not None else None
            ids = topic["operators"] if topic is not None else []
            names = [plan["operators"][str(id_)]["name"] for id_ in ids] if plan is not None else []
            known, figures = function.known, function.figures
            rows.append(
                {
                    "query": replay.number,
                    "udf": key,
                    "name": function.name,
                    "operator": ", ".join(names) or None,
                    "operators": ids,
                    **{name: getattr(known, name, None) for name in _KNOWN},
                    **{name: getattr(figures, name, None) for name in _COUNTED},
                    "error": (figures.error or None) if figures is not None else None,
                    "counters": None if figures is None else [_counter(counter) for counter in figures.counters],
                    "rows_per_second": function.rate_overall(),
                }
            )
    return _table(UDFS, rows)


_KNOWN = ("kind", "is_class", "file", "cell", "line", "source")
_COUNTED = ("rows_in", "rows_out", "calls", "seconds", "init_seconds", "inits", "errors", "retries", "waited", "lost",
            "shared", "left_out")  # fmt: skip


def _counter(counter: e.Counter) -> dict[str, Any]:
    return {"name": counter.name, "value": counter.value, "attributes": list(counter.attributes)}


def actors(replays: Iterable[Replay]) -> Any:
    """Return one row per actor, or process, that a function ran in, at the recording's end."""
    rows = []
    for replay in replays:
        workers = replay.last["workers"]["rows"]
        for key, function in functions_at_end(replay):
            for name, actor in function.actors.items():
                figures = actor.figures
                worker = workers.get(figures.worker_id)
                rows.append(
                    {
                        "query": replay.number,
                        "udf": key,
                        "name": function.name,
                        "actor": name,
                        "worker": figures.worker_id,
                        "label": worker["label"] if worker is not None else None,
                        **{field: getattr(figures, field) for field in _OF_ACTOR},
                    }
                )
    return _table(ACTORS, rows)


_OF_ACTOR = ("state", "since", "rows", "calls", "seconds", "init_seconds", "queue", "gpus")


def functions_at_end(replay: Replay) -> Iterable[tuple[str, Function]]:
    """Return the functions of the recorded query at the recording's end, each with its key."""
    replay.state()
    return replay.query.functions.items()


def tasks(replays: Iterable[Replay]) -> Any:
    """Return one row per task that has ended, in the order in which they were told of."""
    return _table(
        TASKS,
        [
            {
                "query": replay.number,
                "task": event.task_id,
                "operator": event.last_id,
                "worker": event.worker_id,
                "started": event.started,
                "ended": event.t,
                "seconds": max(0.0, event.t - event.started),
                "outcome": event.outcome,
            }
            for replay in replays
            for event in ended_tasks(replay)
        ],
    )


def ended_tasks(replay: Replay) -> Iterable[e.TaskEnded]:
    """Return the tasks of the recorded query; of others, too, there are events in a recording."""
    return (event for event in replay.events if isinstance(event, e.TaskEnded) and event.query_id == replay.id)


def workers(replays: Iterable[Replay]) -> Any:
    """Return one row per node that was there at the recording's end."""
    rows = []
    for replay in replays:
        counts: dict[str, list[float]] = {}
        for task in ended_tasks(replay):
            each = counts.setdefault(task.worker_id, [0, 0.0])
            each[0] += 1
            each[1] += max(0.0, task.t - task.started)
        for worker in replay.last["workers"]["rows"].values():
            number, busy = counts.get(worker["id"], (0, 0.0))
            use = worker["gpu_use"]
            rows.append(
                {
                    **worker,
                    "query": replay.number,
                    "worker": worker["id"],
                    "gpus_tasks": use["tasks"] if use else worker["gpus"],  # 0 where there are none, null: not known
                    "gpus_held": use["held"] if use else worker["gpus"],
                    "tasks": int(number),
                    "busy": busy,
                }
            )
    return _table(WORKERS, rows)


def decisions(replays: Iterable[Replay]) -> Any:
    """Return one row per scaling decision since the query's start; also those of before that were taken again."""
    rows = []
    for replay in replays:
        before = replay.snapshot(replay.start)["decisions"]
        rows += [
            {"query": replay.number, **decision, "count": decision["count"] - before.get(number, {"count": 0})["count"]}
            for number, decision in replay.last["decisions"].items()
            if decision["count"] > before.get(number, {"count": 0})["count"]
        ]
    return _table(DECISIONS, rows)


def _table(columns: tuple[tuple[str, str], ...], rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    attributes = pa.map_(pa.string(), pa.string())
    counter = pa.struct([("name", pa.string()), ("value", pa.int64()), ("attributes", attributes)])
    made = {
        "list": pa.list_(pa.int64()),
        "timestamp": pa.timestamp("us", "UTC"),
        "counters": pa.list_(counter),  # of the user's code, each for one set of attributes
    }
    arrays = {}
    for name, kind in columns:
        values = [row[name] for row in rows]
        if kind == "timestamp":
            values = [None if value is None else round(value * 1e6) for value in values]
        arrays[name] = pa.array(values, made.get(kind) or pa.type_for_alias(kind))
    return pa.table(arrays)
