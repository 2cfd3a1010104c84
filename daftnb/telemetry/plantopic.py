"""Makes the topic ``plan`` of a snapshot: what each operator of a query did, and what stands out.

Numbers that are not the engine's own are derived: here selectivity, the slowest path and skew, in
:mod:`daftnb.telemetry.uncounted` the time and the rows that the engine has not told yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from daftnb.telemetry import decisions
from daftnb.telemetry import events as e
from daftnb.telemetry.callers import has_name, is_pool
from daftnb.telemetry.functiontopic import functions_of
from daftnb.telemetry.model import Durations, Query, Worker
from daftnb.telemetry.models import models_of
from daftnb.telemetry.uncounted import uncounted
from daftnb.telemetry.wire import (
    Counts,
    Drawn,
    Operator,
    OperatorState,
    Plan,
    PlanStage,
    Skew,
    Snapshot,
    Tree,
    Trees,
    Udf,
)


def counts_of(counts: e.TaskCounts | None) -> Counts | None:
    if counts is None:
        return None
    return {
        "submitted": counts.submitted,
        "pending": counts.pending,
        "running": counts.running,
        "finished": counts.finished,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
    }


def stages_of(query: Query) -> dict[int, int]:
    """Return each operator's stage: the nearest operator from it towards the root in which tasks end.

    Operators with one stage run fused, in the same tasks: the engine attributes a task to its last operator.
    """
    parents = query.parents()
    found = {}
    for start in query.operators:
        node: int | None = start
        while node is not None and node not in query.stages:
            node = parents.get(node)
        if node is not None:
            found[start] = node
    return found


def plan_of(query: Query, workers: Mapping[str, Worker] | None = None, now: float | None = None) -> Plan | None:
    """Return the topic ``plan``; None until the physical plan is known.

    ``workers``: those that may run its tasks, by id. ``now``: seconds since the epoch up to when it has run; None: the
    query's end, or the latest time that its operators were told of.
    """
    if not query.operators:
        return None
    if now is None:
        now = _latest(query)
    stages = stages_of(query)
    beside = uncounted(query, stages, (workers or {}).values(), now)
    times = {id_: _time(query, id_, beside.time) for id_ in query.operators}
    slowest = _slowest_path(query, times)
    whole = sum(time or 0 for time in times.values())
    rows: dict[str, Operator] = {}
    for id_, operator in query.operators.items():
        stage = query.stages.get(stages.get(id_, -1))
        counts = stage.counts if stage else None
        stats = None if _is_untold(query, id_) else operator.stats
        time = times[id_]
        state = _operator_state(query, id_, stages, counts)
        functions_rows = beside.rows.get(id_)
        rows_in, rows_out = functions_rows or ((stats.rows_in, stats.rows_out) if stats else (None, None))
        derived_us = round(beside.time.get(id_, 0.0))
        rows[str(id_)] = {
            "id": id_,
            "name": operator.node.name,
            "kind": operator.node.kind,
            "detail": operator.node.detail,
            "inputs": list(operator.node.inputs),
            "state": state,
            "rows_in": rows_in,
            "rows_out": rows_out,
            "bytes_in": stats.bytes_in if stats else None,
            "bytes_out": stats.bytes_out if stats else None,
            "duration_us": stats.duration_us if stats else None,
            "derived_us": derived_us or None,
            "time_share": round(time / whole, 3) if time is not None and whole else None,
            "derived_rows": functions_rows is not None,
            "estimated_rows": operator.node.estimated_rows,
            "selectivity": _selectivity(rows_in, rows_out) if state not in ("failed", "stopped") else None,
            "slowest": id_ in slowest,
            "tasks": counts_of(counts),
            "stage": stages.get(id_),
            "skew": _skew(query.durations.get(id_)),
        }
    functions = functions_of(query, beside.called, workers or {}, now)
    models, models_left_out = models_of(functions)
    return {
        "query": query.id,
        "number": query.number,
        "root": query.root,
        "operators": rows,
        "plans": _trees(query.plans),
        "udfs": {udf.name: _udf(query, udf) for udf in query.udfs.values()},
        "functions": functions,
        "models": models,
        "models_left_out": models_left_out,
    }


def _latest(query: Query) -> float:
    """Return a query's end, or the latest time that its operators or functions were told of."""
    if query.ended is not None:
        return query.ended
    told = [operator.stats.t for operator in query.operators.values() if operator.stats is not None]
    told += [stage.t for stage in query.stages.values()]
    told += [function.figures.t for function in query.functions.values() if function.figures is not None]
    return max(told, default=query.started)


def _is_untold(query: Query, id_: int) -> bool:
    """Return True if an operator's statistics are zeros that say nothing: on Ray, those of a pool of actors."""
    operator = query.operators[id_]
    stats = operator.stats
    return (
        query.runner == "ray"
        and stats is not None
        and is_pool(operator.node)
        and not (stats.rows_in or stats.rows_out or stats.duration_us)
    )


def _time(query: Query, id_: int, beside: Mapping[int, float]) -> float | None:
    """Return the time of an operator in µs, with what is derived; None where nothing is known of it."""
    stats = query.operators[id_].stats
    own = stats.duration_us if stats is not None and not _is_untold(query, id_) else None
    more = beside.get(id_)
    return own if more is None else (own or 0) + more


def _udf(query: Query, udf: e.UdfActors) -> Udf:
    return {
        "count": udf.count,
        "idle": _idle_udfs(query, udf),
        "awaited": udf.awaited,
        "limit": udf.limit,
        "asked": udf.asked,
        "why": decisions.why_fewer(udf),
    }


def _idle_udfs(query: Query, udf: e.UdfActors) -> int | None:
    """Return how many of a UDF's actors are idle; None where that is not known.

    The actors tell it, where the function is known that is called. Else it is derived, where the engine does not say: a
    task that runs the UDF keeps one actor busy. Of several UDFs' actors that cannot be told.
    """
    if udf.idle is not None:
        return udf.idle
    called = [
        function for function in query.functions.values() if function.actors and has_name(udf.name, function.name)
    ]
    if len(called) == 1 and udf.count:
        return min(udf.count, sum(actor.figures.state == "idle" for actor in called[0].actors.values()))
    if len(query.udfs) != 1:
        return None
    names = {id_: operator.node.name for id_, operator in query.operators.items()}
    stages = stages_of(query)
    with_udf = {stages[id_] for id_, name in names.items() if "ActorUDF" in name and id_ in stages}
    return max(0, udf.count - sum(query.stages[stage].counts.running for stage in with_udf))


def plan_not_run(snapshot: Snapshot, name: str, plans: Mapping[PlanStage, tuple[e.PlanNode, ...]]) -> Snapshot:
    """Return ``snapshot`` with the plans of a dataframe called ``name`` instead of a query's.

    The plans are logical, optimised and physical.
    """
    plan: Plan = {
        "query": None,
        "number": None,
        "of": name,
        "root": None,
        "operators": {},
        "plans": _trees(plans),
        "udfs": {},
        "functions": {},
        "models": {},
        "models_left_out": 0,
    }
    return {**snapshot, "query": None, "plan": plan}


def _trees(plans: Mapping[PlanStage, tuple[e.PlanNode, ...]]) -> Trees:
    trees: Trees = {}
    for stage, nodes in plans.items():
        trees[stage] = _tree(nodes)
    return trees


def trees_of(plan: Plan) -> Iterator[tuple[PlanStage, Tree]]:
    """Yield the trees of a plan, each with its stage."""
    stages: tuple[PlanStage, ...] = get_args(PlanStage)
    for stage in stages:
        if stage in plan["plans"]:
            yield stage, plan["plans"][stage]


def _tree(nodes: tuple[e.PlanNode, ...]) -> Tree:
    """Return a logical plan as it is drawn, without anything that runs."""
    root = nodes[-1].id if nodes else None
    return {"root": root, "operators": {str(node.id): _drawn(node) for node in nodes}}


def _drawn(node: e.PlanNode) -> Drawn:
    return {
        "id": node.id,
        "name": node.name,
        "kind": node.kind,
        "detail": node.detail,
        "inputs": list(node.inputs),
        "estimated_rows": node.estimated_rows,
    }


def _selectivity(rows_in: int | None, rows_out: int | None) -> float | None:
    """Return the rows out per row in, which is derived; None where it is not known."""
    if not rows_in or rows_out is None:
        return None
    return round(rows_out / rows_in, 6)


def _slowest_path(query: Query, times: Mapping[int, float | None]) -> set[int]:
    """Return the slowest path: from the root down, always the input under which the most time was spent.

    It is derived from the operators' times in µs: empty without them; in a plan without a join it is all the operators.
    """
    below: dict[int, float] = {}
    heaviest: dict[int, int] = {}
    for id_, operator in query.operators.items():  # inputs before what they feed
        own = times[id_] or 0
        inputs = [child for child in operator.node.inputs if child in below]
        if inputs:
            heaviest[id_] = max(inputs, key=lambda child: below[child])
            own += below[heaviest[id_]]
        below[id_] = own
    path: set[int] = set()
    node = query.root
    if node is None or not below.get(node):
        return path
    while node is not None:
        path.add(node)
        node = heaviest.get(node)
    return path


def _skew(durations: Durations | None) -> Skew | None:
    """Return how unequal the tasks of a stage were: the median (approximate) and the longest, with who ran them."""
    if durations is None or durations.count < 2:
        return None
    median = durations.median()
    return {
        "tasks": durations.count,
        "median": median,
        "longest": [
            {"seconds": round(seconds, 3), "task": task_id, "worker": worker_id}
            for seconds, task_id, worker_id in durations.longest
        ],
    }


def _operator_state(query: Query, id_: int, stages: Mapping[int, int], counts: e.TaskCounts | None) -> OperatorState:
    """Return an operator's state: waiting, running, or how it ended.

    With the query over, whatever had started shares the query's outcome. Where the query failed, only the operator that
    raised has failed; what it stopped is "stopped", never "finished".
    """
    operator = query.operators[id_]
    started, ended = operator.started, operator.ended
    if counts is not None:
        started = started or counts.submitted > 0
        if counts.failed:
            return "failed" if _may_have_raised(query, id_, stages) else "stopped"
    if query.state == "failed":
        if id_ == query.raised_in:
            return "failed"
        if counts is not None and counts.submitted and counts.finished == counts.submitted:
            return "finished"
        # Without tasks: told as ended before the failure, where it is known which one failed. Else all are told alike.
        if ended and (query.raised_in is not None or query.error is None):
            return "finished"
        return "stopped" if started else "waiting"
    if not query.active:
        if query.state == "finished" or ended:
            return "finished"
        return "cancelled" if started else "waiting"
    if ended and counts is None:
        return "finished"
    if counts is not None and counts.pending == counts.running == 0 and counts.submitted:
        # No task is open now; more may still come, so it is finished only when the engine or the query says so.
        return "finished" if ended else "running"
    return "running" if started else "waiting"


# Exceptions that Daft raises by itself; what else fails a task comes from Python code, which is a UDF's.
_DAFTS_OWN = ("DaftCoreException", "FileNotFoundError", "MiscTransientError", "ConnectTimeoutError",
              "ReadTimeoutError", "ByteStreamError", "SocketError", "ThrottleError")  # fmt: skip


def _may_have_raised(query: Query, id_: int, stages: Mapping[int, int]) -> bool:
    """Return True if an operator may be the one for which its stage's tasks failed.

    The operators of a stage run in the same tasks. Where there is one UDF among them, and the exception is Python's,
    it is that one; what only hands on rows that are in memory has not failed, where there are others.
    """
    fused = {other: query.operators[other].node.name for other, stage in stages.items() if stage == stages.get(id_)}
    if query.raised_in in fused:
        return id_ == query.raised_in
    udfs = [other for other, name in fused.items() if "UDF" in name]
    if len(udfs) == 1 and query.error and ": " in query.error and not query.error.startswith(_DAFTS_OWN):
        return id_ in udfs
    others = [other for other, name in fused.items() if not name.startswith(("InMemory", "In Memory"))]
    return id_ in others or not others
