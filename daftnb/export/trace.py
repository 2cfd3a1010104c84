"""A recording as a trace of Chrome's: Perfetto (ui.perfetto.dev) and chrome://tracing open it.

In it are a process for each query (the query, its stages and its operators, a thread each, with the scaling decisions
as marks), one for the workers (a thread for each slot, with the tasks), and one for the counters: tasks, CPUs, workers,
the backlog ratio, and rows a second of each operator. Times are µs since the first query began. What had not ended ends
where the recording does, and has the argument ``open``.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (Trace Event Format).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Protocol

from daftnb._version import __version__
from daftnb.telemetry.savedfiles import put, target_of
from daftnb.telemetry.timeline import Stretch, Timeline

EXAMPLE = "run.trace.json"
PROCESSES = 10  # numbers of processes for each query
QUERY, WORKERS, COUNTERS = 1, 2, 3
Event = dict[str, Any]


class Timed(Protocol):
    """A recording that gives its queries as timelines."""

    def timelines(self) -> list[Timeline]:
        """Return the timelines of its queries, in the order of recording."""


def write(path: str | os.PathLike[str], recording: Timed) -> int:
    """Write the file, whole or not at all, over one that is there; return its size in bytes.

    Raises RecordingError, in one line, where that cannot be done.
    """
    target = target_of(path, EXAMPLE)
    data = json.dumps(trace_of(recording.timelines()), separators=(",", ":"), allow_nan=False).encode()
    put(target, data, EXAMPLE)
    return len(data)


def trace_of(timelines: Iterable[Timeline]) -> dict[str, Any]:
    """Return the trace as the JSON object that the file holds."""
    timelines = list(timelines)
    zero = min(timeline.query.started for timeline in timelines)
    events = [event for timeline in timelines for event in _events(timeline, zero)]
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "started": datetime.fromtimestamp(zero, timezone.utc).isoformat(timespec="microseconds"),
            "writer": f"daftnb {__version__}",
        },
    }


def _events(timeline: Timeline, zero: float) -> Iterator[Event]:
    query = timeline.query
    base = query.number * PROCESSES
    process, workers, counters = base + QUERY, base + WORKERS, base + COUNTERS
    title = f"Query {query.number} ({query.name or query.id})"
    yield from _names(process, title, ["query", "decisions"])
    about = {"id": query.id, "state": query.state, "rows": query.result_rows, "error": query.error}
    yield _complete(timeline, zero, process, 0, title, "query", query.started, query.ended, about)
    for mark in timeline.decisions:
        yield {
            "ph": "i", "s": "g", "cat": "decision", "pid": process, "tid": 1, "ts": _us(mark.t, zero),
            "name": mark.kind, "args": {"text": mark.text, "times": mark.count},
        }  # fmt: skip
    lanes = [("stage", stage) for stage in timeline.stages] + [("operator", each) for each in timeline.operators]
    for thread, (category, stretch) in enumerate(lanes, 2):
        yield _named("thread_name", process, thread, f"{category} {stretch.id}: {stretch.name}")
        if stretch.started is not None:
            name = stretch.name or category
            yield _complete(
                timeline, zero, process, thread, name, category, stretch.started, stretch.ended, _args(stretch)
            )
    yield from _tasks(timeline, zero, workers)
    yield from _counters(timeline, zero, counters)


def _tasks(timeline: Timeline, zero: float, process: int) -> Iterator[Event]:
    """Yield the tasks on a thread for each slot of a worker: no two of one thread are there at the same time."""
    if not timeline.tasks:
        return
    yield _named("process_name", process, 0, f"Workers of query {timeline.query.number}")
    names = {stage.id: stage.name for stage in timeline.stages}
    slots: dict[str, list[tuple[int, int]]] = {}  # by worker: until when it is taken, in µs, and its thread
    threads = 0
    for task in sorted(timeline.tasks, key=lambda task: (task.started, task.task_id)):
        start, end = _us(task.started, zero), max(_us(task.started, zero), _us(task.t, zero))
        mine = slots.setdefault(task.worker_id, [])
        place = next((place for place, (until, _) in enumerate(mine) if until <= start), None)
        if place is None:
            place, threads = len(mine), threads + 1
            mine.append((0, threads))
            label = timeline.workers.get(task.worker_id, task.worker_id)
            yield _named("thread_name", process, threads, f"{label}, slot {place + 1}")
        thread = mine[place][1]
        mine[place] = (end, thread)
        yield {
            "ph": "X", "cat": "task", "pid": process, "tid": thread, "ts": start, "dur": end - start,
            "name": names.get(task.last_id) or f"operator {task.last_id}",
            "args": {"task": task.task_id, "operator": task.last_id, "outcome": task.outcome},
        }  # fmt: skip


def _counters(timeline: Timeline, zero: float, process: int) -> Iterator[Event]:
    if not timeline.samples and not timeline.rates:
        return
    yield _named("process_name", process, 0, f"Counters of query {timeline.query.number}")

    def counter(t: float, name: str, values: Mapping[str, float | None]) -> Event:
        known = {key: value for key, value in values.items() if value is not None}
        return {"ph": "C", "pid": process, "tid": 0, "ts": _us(t, zero), "name": name, "args": known}

    for sample in timeline.samples:
        yield counter(sample.t, "tasks", {"pending": sample.pending, "running": sample.running})
        cpus = {"capacity": sample.capacity, "wanted": sample.wanted, "granted": sample.granted}
        yield counter(sample.t, "CPUs", cpus)
        yield counter(sample.t, "workers", {"workers": sample.workers})
        if sample.capacity:
            yield counter(sample.t, "backlog ratio", {"ratio": sample.pending / sample.capacity})
    names = {operator.id: operator.name for operator in timeline.operators}
    for rate in timeline.rates:
        name = f"rows/s of {rate.operator}: {names.get(rate.operator, '')}"
        yield counter(rate.t, name, {"rows/s": round(rate.rows_per_second, 3)})


def _names(process: int, title: str, threads: list[str]) -> Iterator[Event]:
    yield _named("process_name", process, 0, title)
    for thread, name in enumerate(threads):
        yield _named("thread_name", process, thread, name)


def _named(kind: str, process: int, thread: int, name: str) -> Event:
    return {"ph": "M", "pid": process, "tid": thread, "name": kind, "args": {"name": name}}


def _complete(
    timeline: Timeline,
    zero: float,
    process: int,
    thread: int,
    name: str,
    category: str,
    started: float,
    ended: float | None,
    args: dict[str, Any],
) -> Event:
    """Return an event with a beginning and an end; what is None of its arguments is not known, and left out."""
    known = {key: value for key, value in args.items() if value is not None}
    if ended is None:
        known["open"] = True
    start = _us(started, zero)
    end = max(start, _us(timeline.end if ended is None else ended, zero))
    return {
        "ph": "X", "cat": category, "pid": process, "tid": thread, "ts": start, "dur": end - start,
        "name": name, "args": known,
    }  # fmt: skip


def _args(stretch: Stretch) -> dict[str, Any]:
    return {
        "id": stretch.id, "state": stretch.state, "stage": stretch.stage, "rows_in": stretch.rows_in,
        "rows_out": stretch.rows_out, "seconds": stretch.seconds, "tasks": stretch.tasks, "failed": stretch.failed,
        "derived": stretch.derived or None,
    }  # fmt: skip


def _us(t: float, zero: float) -> int:
    return round((t - zero) * 1e6)
