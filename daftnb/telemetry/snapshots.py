"""Turns the state into a snapshot (one JSON object for the page), and computes the patch between two.

What is in a snapshot stands in :mod:`daftnb.telemetry.wire`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, cast

from daftnb.settings import SETTINGS, AutoscalingSettings
from daftnb.telemetry import decisions
from daftnb.telemetry import events as e
from daftnb.telemetry.decisions import ratio_of
from daftnb.telemetry.model import Query, State, Worker, threshold_in
from daftnb.telemetry.plantopic import counts_of, plan_of
from daftnb.telemetry.state import most_cpus, most_gpus
from daftnb.telemetry.wire import (
    Backlog,
    Cluster,
    Device,
    GpuUse,
    NodeUsage,
    Past,
    Plan,
    Runner,
    Settings,
    Step,
    Task,
    ViewName,
    Workers,
)
from daftnb.telemetry.wire import Query as QueryTopic
from daftnb.telemetry.wire import Snapshot as Snapshot
from daftnb.telemetry.wire import Worker as WorkerRow
from daftnb.text.numbers import clock

TOPICS: dict[ViewName, tuple[str, ...]] = {
    "plan": ("query", "plan"),
    "workers": ("query", "plan", "workers"),
    "backlog": ("query", "backlog", "decisions"),
    "decisions": ("query", "decisions"),
    "history": ("query", "queries", "plan", "settings", "look", "compare"),
    "line": ("query", "queries", "workers", "backlog", "cell"),
    "cockpit": (
        *("query", "queries", "plan", "workers", "backlog", "decisions", "settings"),
        *("look", "compare", "cell", "replay"),
    ),
}
ALWAYS = ("session",)
LANES = 100  # workers in a view at once
LIVE_LANES = 40  # of a page that scrolls, and asks for those it shows


def snapshot_of(state: State, now: float, runner: Runner, settings: AutoscalingSettings) -> Snapshot:
    """Return all there is to see at time ``now`` (seconds since the epoch).

    ``runner``: none, native or ray; ``settings``: what is set (not yet in effect).
    """
    query = state.current
    return {
        "now": now,
        "session": {
            "runner": runner,
            "cluster": _cluster(state.cluster),
            "problems": {str(i): text for i, text in enumerate(_problems(state, settings))},
        },
        "query": query_of(query, now) if query else None,
        "queries": {str(q.number): history_of(q, now) for q in state.queries.values()},
        "plan": plan_of(query, state.workers, now) if query else None,
        "workers": _workers(state),
        "backlog": _backlog(state, settings),
        "decisions": {
            str(number): {"t": m.t, "kind": m.kind, "text": m.text, "count": m.count}
            for number, m in state.marks.items()
        },
        "settings": _settings(state, settings),
        # What a view adds for itself; one that stays with its cell's queries adds ``kept`` to them.
        "look": None,
        "compare": None,
        "cell": None,
        "replay": None,
    }


def select(snapshot: Snapshot, view: ViewName, first: int = 0, lanes: int = LANES) -> Snapshot:
    """Return the part of a snapshot that a view shows: of the workers, at most ``lanes``, from number ``first`` on."""
    topics: dict[str, Any] = dict(snapshot)
    part = cast("Snapshot", {"now": snapshot["now"], **{topic: topics[topic] for topic in (*ALWAYS, *TOPICS[view])}})
    pool = part.get("workers")
    if pool is not None:
        first = max(0, min(first, pool["listed"] - lanes))
        rows = dict(islice(pool["rows"].items(), first, first + lanes))
        part["workers"] = {**pool, "first": first, "rows": rows}
        if view == "line":  # one line of text: the pool and the backlog in numbers
            part["workers"]["rows"] = {}
            part["backlog"] = {**part["backlog"], "points": {}, "marks": {}, "thresholds": {}}
    if view == "history" and part["look"] is None:  # the plan is of the query that is looked at
        part["plan"] = None
    plan = part.get("plan")
    if view == "workers" and plan is not None:
        part["plan"] = _with_actors_alone(plan)
    return part


def _with_actors_alone(plan: Plan) -> Plan:
    """Return what a plan says of actors: the functions without their sources, and the operators that call them."""
    functions = {key: {**called, "source": ""} for key, called in plan["functions"].items()}
    callers = {str(id_) for called in plan["functions"].values() for id_ in called["operators"]}
    operators = {id_: operator for id_, operator in plan["operators"].items() if id_ in callers}
    parts = {"operators": operators, "plans": {}, "functions": functions, "models": {}, "models_left_out": 0}
    return cast("Plan", {**plan, **parts})


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Merge Patch that makes ``new`` of ``old``: changed members, and None for those that are gone.

    A member that is None in ``new`` cannot be told from one that is gone (RFC 7386); the page reads both as "not
    known". Equal inputs give an empty patch.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new and old[key] is not None}
    for key, value in new.items():
        before = old.get(key)
        if before is value and value is not None:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = merge_patch(before, value)
            if inner:
                patch[key] = inner
        elif value != before:
            patch[key] = value
    return patch


def _problems(state: State, settings: AutoscalingSettings) -> list[str]:
    found = [text if count == 1 else f"{text} (×{count})" for text, count in state.problems.items()]
    if state.cluster is not None and state.cluster.silent_since is not None:
        where, since = state.cluster.address, clock(state.cluster.silent_since)
        found.insert(0, f"the Ray at {where} has not answered since {since}: what is shown is from then")
    found.extend(settings.problems)
    for query in state.queries.values():
        for deadly in query.deadly.values() if query.active else ():
            what = decisions.ends_workers(query, deadly)
            again = "Daft tries it again each time. To end the query, interrupt its cell or type %daft cancel"
            found.append(f"{what}: its code crashes, or has too little memory. {again}")
    if state.launches is not None and state.launches.dropped_cpus:
        found.append(decisions.dropped(state.launches.dropped_cpus))
    if state.dropped:
        found.append(f"{state.dropped} details were not fetched in time; all counts are exact.")
    return found


def _cluster(cluster: e.ClusterChanged | None) -> Cluster | None:
    if cluster is None:
        return None
    return {
        "kind": cluster.kind,
        "address": cluster.address,
        "state": cluster.state,
        "min_workers": cluster.min_workers,
        "max_workers": cluster.max_workers,
        "cpus": cluster.cpus,
        "gpus": cluster.gpus,
        "idle_timeout": cluster.idle_timeout,
        "silent_since": cluster.silent_since,
    }


def elapsed(query: Query, now: float) -> float:
    """Return the seconds that a query took, or has taken so far; never negative, even where a clock was set back."""
    return round(max(0.0, (now if query.ended is None else query.ended) - query.started), 3)


def query_of(query: Query, now: float) -> QueryTopic:
    """Return the topic ``query``.

    The native runner has no tasks: its progress is in operators that have ended.
    """
    tasks = query.tasks()
    ended = sum(operator.ended or query.state == "finished" for operator in query.operators.values())
    return {
        "id": query.id,
        "number": query.number,
        "name": query.name or None,
        "runner": query.runner,
        "state": query.state,
        "started": query.started,
        "ended": query.ended,
        "elapsed": elapsed(query, now),
        "rows": query.result_rows,
        "error": query.error,
        "tasks": counts_of(tasks),
        "operators": {"finished": ended, "total": len(query.operators)} if query.runner == "native" else None,
        "progress": tasks.finished / tasks.submitted if tasks and tasks.submitted else None,
    }


def history_of(query: Query, now: float) -> Past:
    """Return one row of the topic ``queries``."""
    tasks = query.tasks()
    return {
        "number": query.number,
        "id": query.id,
        "name": query.name or None,
        "runner": query.runner,
        "state": query.state,
        "started": query.started,
        "elapsed": elapsed(query, now),
        "rows": query.result_rows,
        "tasks": tasks.submitted if tasks else None,
        "peak_ratio": query.peak_ratio,
        "workers_from": query.workers_from,
        "workers_to": query.workers_to,
        "node_seconds": round(query.node_seconds, 3) if query.runner == "ray" else None,
        "settings": query.settings,
        "error": query.error,
    }


def _workers(state: State) -> Workers:
    actors = state.actors()
    gpus, gpus_used = _gpus(state)
    listed = sorted(state.workers.values(), key=lambda worker: not worker.head)
    return {
        "total": len(actors),
        "busy": sum(1 for worker in actors if worker.state == "busy"),
        "idle": sum(1 for worker in actors if worker.state != "busy"),
        "warm": sum(1 for worker in actors if worker.state == "warm"),
        "slots": sum(worker.slots for worker in actors),
        "gpus": gpus,
        "gpus_used": gpus_used,
        "logical": state.cluster is not None and state.cluster.kind == "embedded",
        "coming": _coming(state.launches),
        "listed": len(state.workers),
        "first": 0,
        "stages": _stage_names(state.current),
        "rows": {worker.id: _worker(worker, place) for place, worker in enumerate(listed)},
    }


def _gpus(state: State) -> tuple[float | None, float | None]:
    """Return the GPUs of all nodes that are there, and how many of them are used; None where that is not known."""
    there = [worker for worker in state.workers.values() if worker.gpus is not None and worker.state != "gone"]
    if not there:
        return None, None
    used = [use["used"] for worker in there if (use := _gpu_use(worker)) is not None]
    return sum(worker.gpus or 0 for worker in there), sum_of(used)


def sum_of(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of amounts; None where one of them is not known."""
    known = list(amounts)
    return None if None in known else round(sum(each or 0 for each in known), 4)


def _gpu_use(worker: Worker) -> GpuUse | None:
    """Return who has GPUs of a node; None where it has none, or that is not known."""
    if not worker.gpus:
        return None
    usage = worker.usage
    tasks, held = worker.gpus_tasks if worker.is_actor else 0.0, usage.gpus_held if usage else None
    devices = usage.devices if usage else None
    return {
        "used": sum_of((tasks, held)),
        "tasks": tasks,
        "held": held,
        "devices": None if devices is None else [_device(device) for device in devices],
    }


def _device(device: e.Device) -> Device:
    return {
        "index": device.index,
        "name": device.name,
        "busy": device.busy,
        "memory_used": device.memory_used,
        "memory_total": device.memory_total,
    }


def _coming(launches: e.LaunchesSeen | None) -> int | None:
    """Return how many nodes are on their way; None where nothing is wanted, or Ray does not tell."""
    if launches is None or launches.coming is None:
        return None
    return sum(each.count for each in launches.coming)


def _stage_names(query: Query | None) -> dict[str, str]:
    """Return the names of the operators in which the query's tasks end, by their ids."""
    if query is None:
        return {}
    found = {last_id: query.operators.get(last_id) for last_id in query.stages}
    return {str(id_): (found_.node.name if found_ else query.stages[id_].name)[:80] for id_, found_ in found.items()}


def _worker(worker: Worker, place: int) -> WorkerRow:
    return {
        "place": place,
        "id": worker.id,
        "label": worker.label,
        "head": worker.head,
        "state": worker.state,
        "slots": worker.slots,
        "running": worker.running,
        "finished": worker.finished,
        "memory": worker.memory,
        "since": worker.since,
        "idle_since": worker.idle_since if worker.state in ("idle", "warm") else None,
        "retires_at": worker.retires_at if worker.state in ("idle", "warm") else None,
        "rule": worker.rule if worker.state in ("idle", "warm") else "",
        "note": "no CPU for Daft" if worker.state == "no worker" else "",
        "busy_spans": [_span(start, end) for start, end in worker.spans],
        "started": worker.started if worker.is_actor else None,
        "now": [(task_id, last_id, round(start, 3)) for task_id, last_id, start in worker.now],
        "tasks": _tasks(worker),
        "usage": _usage(worker.usage),
        "gpus": worker.gpus,
        "gpu_use": _gpu_use(worker),
    }


def _span(start: float | None, end: float | None) -> tuple[float, float | None]:
    assert start is not None  # only the end of an interval may be open
    return round(start, 3), None if end is None else round(end, 3)


def _tasks(worker: Worker) -> dict[str, Task]:
    """Return the worker's latest tasks, by number; snapshots share what they have drawn, so it never changes.

    Tuples, since there may be very many, and the garbage collector does not look at tuples of numbers again.
    """
    count, before = worker.drawn
    if count != worker.task_count:
        here = len(worker.tasks)  # the latest, their numbers follow one another
        numbers = range(max(count, worker.task_count - here), worker.task_count)
        new = {str(number): _task(worker.tasks[number]) for number in numbers}
        old = islice(before.items(), max(0, len(before) + len(new) - here), None)
        worker.drawn = (worker.task_count, {**dict(old), **new})
    return worker.drawn[1]


def _task(task: Task) -> Task:
    """Return a task that has ended: its id, its operator, the query's number, its start and end, its outcome."""
    task_id, last_id, number, started, ended, outcome = task
    return (task_id, last_id, number, round(started, 3), round(ended, 3), outcome)


def _usage(usage: e.NodeFigures | None) -> NodeUsage | None:
    if usage is None:
        return None
    return {
        "memory_used": usage.memory_used,
        "memory_total": usage.memory_total,
        "store_used": usage.store_used,
        "store_total": usage.store_total,
    }


def _backlog(state: State, settings: AutoscalingSettings) -> Backlog:
    last = next(reversed(state.samples.values())) if state.samples else None
    threshold = threshold_in(state.in_effect)
    return {
        "active": any(query.active and query.runner == "ray" for query in state.queries.values()),
        "threshold": settings.threshold if threshold is None else threshold,
        "ratio": ratio_of(last.pending_now, last.capacity) if last else None,
        "pending": last.pending_now if last else 0,
        "running": last.running if last else 0,
        "capacity": last.capacity if last else 0,
        "peak": state.current.peak_ratio if state.current else None,
        "wanted": state.request.cpus if state.request else None,
        "granted": state.granted,
        "observed": sum(worker.slots for worker in state.actors()),
        "least": _least_cpus(state.cluster),
        "most": most_cpus(state.cluster),
        "pending_gpus": last.pending_gpus if last else None,
        "wanted_gpus": state.request.gpus if state.request else None,
        "gpus": last.gpus if last else None,
        "most_gpus": most_gpus(state.cluster),
        "thresholds": steps_of(state.current) if state.current else {},
        "points": {
            str(number): [
                round(s.t, 3),
                _rounded(ratio_of(s.pending, s.capacity)),
                s.pending,
                s.running,
                s.capacity,
                s.workers,
                *state.demand[number],
                s.observed,
            ]
            for number, s in state.samples.items()
        },
        "marks": {
            str(number): {
                "t": m.t,
                "kind": m.kind,
                "label": m.label,
                "text": m.text,
            }
            for number, m in state.marks.items()
        },
    }


def steps_of(query: Query) -> dict[str, Step]:
    """Return the thresholds that were in effect while a query ran, each with the time since when."""
    return {str(number): [round(t, 3), value] for number, (t, value) in enumerate(query.thresholds)}


def _least_cpus(cluster: e.ClusterChanged | None) -> int | None:
    if cluster is None:
        return None
    if cluster.least_cpus is not None:
        return cluster.least_cpus
    if cluster.min_workers is None or cluster.cpus is None:
        return None
    return cluster.min_workers * cluster.cpus


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 4)


def _settings(state: State, settings: AutoscalingSettings) -> Settings:
    return {
        "number": state.in_effect_number,
        "rows": {
            name: {
                "label": setting.label,
                "env": setting.env,
                "help": setting.help,
                "kind": setting.kind,
                "choices": list(setting.choices),
                "default": AutoscalingSettings().text(name),
                "set": settings.text(name),
                "in_effect": setting.among(state.in_effect),
                "pending": setting.among(state.in_effect) != settings.text(name),
            }
            for name, setting in SETTINGS.items()
        },
    }
