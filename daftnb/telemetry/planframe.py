"""The topic ``plan`` of a frame: every operator of a query with what it did, and what of that stands out.

Numbers that are not the engine's own are derived here: selectivity, the slowest path, skew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daftnb.telemetry import events as e
from daftnb.telemetry.model import Durations, Query

Frame = dict[str, Any]


def counts_of(counts: e.TaskCounts | None) -> Frame | None:
    if counts is None:
        return None
    return {
        name: getattr(counts, name) for name in ("submitted", "pending", "running", "finished", "failed", "cancelled")
    }


def stages_of(query: Query) -> dict[int, int]:
    """Each operator's stage: the nearest operator from it towards the root in which tasks end.

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


def plan_of(query: Query) -> Frame | None:
    """The topic ``plan``: None until the physical plan is known."""
    if not query.operators:
        return None
    stages = stages_of(query)
    slowest = _slowest_path(query)
    time = sum(o.stats.duration_us or 0 for o in query.operators.values() if o.stats)
    rows = {}
    for id_, operator in query.operators.items():
        stage = query.stages.get(stages.get(id_, -1))
        counts = stage.counts if stage else None
        stats = operator.stats
        duration = stats.duration_us if stats else None
        rows[str(id_)] = {
            "id": id_,
            "name": operator.node.name,
            "kind": operator.node.kind,
            "detail": operator.node.detail,
            "inputs": list(operator.node.inputs),
            "state": _operator_state(query, operator.started, operator.ended, counts),
            "rows_in": stats.rows_in if stats else None,
            "rows_out": stats.rows_out if stats else None,
            "bytes_in": stats.bytes_in if stats else None,
            "bytes_out": stats.bytes_out if stats else None,
            "duration_us": duration,
            "time_share": round(duration / time, 3) if duration is not None and time else None,
            "estimated_rows": operator.node.estimated_rows,
            "selectivity": _selectivity(stats),
            "slowest": id_ in slowest,
            "tasks": counts_of(counts),
            "stage": stages.get(id_),
            "skew": _skew(query.durations.get(id_)),
        }
    return {
        "query": query.id,
        "number": query.number,
        "root": query.root,
        "operators": rows,
        "plans": {stage: _tree(nodes) for stage, nodes in query.plans.items()},
        "udfs": {udf.name: _udf(query, udf) for udf in query.udfs.values()},
    }


def _udf(query: Query, udf: e.UdfActors) -> Frame:
    return {"count": udf.count, "idle": _idle_udfs(query, udf), "awaited": udf.awaited, "limit": udf.limit}


def _idle_udfs(query: Query, udf: e.UdfActors) -> int | None:
    """Derived, where the engine does not say: a task that runs the UDF keeps one actor busy. Of several UDFs' actors
    that cannot be told."""
    if udf.idle is not None or len(query.udfs) != 1:
        return udf.idle
    names = {id_: operator.node.name for id_, operator in query.operators.items()}
    stages = stages_of(query)
    with_udf = {stages[id_] for id_, name in names.items() if "ActorUDF" in name and id_ in stages}
    return max(0, udf.count - sum(query.stages[stage].counts.running for stage in with_udf))


def plan_not_run(frame: Frame, name: str, plans: Mapping[str, tuple[e.PlanNode, ...]]) -> Frame:
    """``frame`` with the plans of a dataframe called ``name`` instead of a query's: logical, optimised, physical."""
    trees = {stage: _tree(nodes) for stage, nodes in plans.items()}
    plan = {"query": None, "number": None, "of": name, "root": None, "operators": {}, "plans": trees, "udfs": {}}
    return {**frame, "query": None, "plan": plan}


def _tree(nodes: tuple[e.PlanNode, ...]) -> Frame:
    """A logical plan: as drawn, without anything that runs."""
    return {
        "root": nodes[-1].id if nodes else None,
        "operators": {
            str(node.id): {
                "id": node.id,
                "name": node.name,
                "kind": node.kind,
                "detail": node.detail,
                "inputs": list(node.inputs),
                "estimated_rows": node.estimated_rows,
            }
            for node in nodes
        },
    }


def _selectivity(stats: e.OperatorStats | None) -> float | None:
    """Rows out per row in; derived."""
    if stats is None or not stats.rows_in or stats.rows_out is None:
        return None
    return round(stats.rows_out / stats.rows_in, 6)


def _slowest_path(query: Query) -> set[int]:
    """From the root down, always the input under which the most time was spent; derived from the engine's times.

    One operator's path is its own: empty without times, and where the plan is not a choice of paths (no join).
    """
    below: dict[int, int] = {}
    heaviest: dict[int, int] = {}
    for id_, operator in query.operators.items():  # inputs before what they feed
        own = (operator.stats.duration_us or 0) if operator.stats else 0
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


def _skew(durations: Durations | None) -> Frame | None:
    """How unequal the tasks of a stage were: the median (approximate) and the longest, with who ran them."""
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


def _operator_state(query: Query, started: bool, ended: bool, counts: e.TaskCounts | None) -> str:
    """waiting, running, or how it ended. With the query over, whatever had started shares the query's outcome."""
    if counts is not None:
        started = started or counts.submitted > 0
        if counts.failed:
            return "failed"
    if not query.active:
        if query.state == "finished" or ended:
            return "finished"
        return query.state if started else "waiting"
    if ended and counts is None:
        return "finished"
    if counts is not None and counts.pending == counts.running == 0 and counts.submitted:
        # No task is open now; more may still come, so it is finished only when the engine or the query says so.
        return "finished" if ended else "running"
    return "running" if started else "waiting"
