"""Operators, tasks, workers and decisions of recorded queries as Arrow tables.

Times are UTC timestamps (µs), durations are seconds, sizes are bytes; null is not known. Every table has the number of
the ``query`` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daftnb.telemetry import events as e
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
    ("estimated_rows", "int64"),
    ("selectivity", "double"),  # rows out per row in; derived
    ("stage", "int64"),  # the operator in which the tasks end that it runs in
    ("tasks", "int64"),  # of that stage, submitted
    ("tasks_finished", "int64"),
    ("tasks_failed", "int64"),
    ("task_median", "double"),  # of the tasks that end in it; approximate, at most 5 % too high
    ("task_longest", "double"),
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
            rows.append(
                {
                    **operator,
                    "query": replay.number,
                    "operator": operator["id"],
                    "seconds": None if duration is None else duration / 1e6,
                    "tasks": tasks["submitted"] if tasks else None,
                    "tasks_finished": tasks["finished"] if tasks else None,
                    "tasks_failed": tasks["failed"] if tasks else None,
                    "task_median": skew["median"] if skew else None,
                    "task_longest": skew["longest"][0]["seconds"] if skew else None,
                }
            )
    return _table(OPERATORS, rows)


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

    made = {"list": pa.list_(pa.int64()), "timestamp": pa.timestamp("us", "UTC")}
    arrays = {}
    for name, kind in columns:
        values = [row[name] for row in rows]
        if kind == "timestamp":
            values = [None if value is None else round(value * 1e6) for value in values]
        arrays[name] = pa.array(values, made.get(kind) or pa.type_for_alias(kind))
    return pa.table(arrays)
