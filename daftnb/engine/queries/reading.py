"""Reads what Daft has told of a query into events of ours: plans from JSON, figures of operators.

All of it happens later than it was told, in the order in which it was told, on whatever thread folds: reading the plans
of a query of two milliseconds takes a tenth of that, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from daft.recordbatch import RecordBatch

from daftnb.engine.actor.node_usage import whole
from daftnb.engine.queries.plans import bounded, logical_nodes, plan_nodes, read_json, with_details_of
from daftnb.telemetry import events as e


class Reader:
    """What is known between two notices of one query. ``optimised``: plans until they run; ``joins``: figures so far.

    ``joins`` holds both sides of the joins of each query of the native runner, which reports them in turn.
    """

    def __init__(self) -> None:
        self.optimised: dict[str, tuple[e.PlanNode, ...]] = {}
        self.joins: dict[str, dict[int, dict[str, Any]]] = {}

    def written(self, now: float, query_id: str, plan: str) -> Iterator[e.Event]:
        """Yield the logical plan."""
        yield e.LogicalPlan(now, query_id, "logical", logical_nodes(read_json(plan)))

    def planned(self, now: float, query_id: str, plan: str, native: bool) -> Iterator[e.Event]:
        """Yield the optimised plan. ``native``: the physical one will need its expressions."""
        nodes = logical_nodes(read_json(plan))
        if native:
            self.optimised[query_id] = nodes
        yield e.LogicalPlan(now, query_id, "optimised", nodes)

    def executing(self, now: float, query_id: str, plan: str) -> Iterator[e.Event]:
        """Yield the physical plan of a query of the native runner.

        That makes one operator of each of the optimised plan's, mostly, and does not say its expressions again.
        """
        operators = bounded(plan_nodes(read_json(plan)))
        yield e.PlanReady(now, query_id, with_details_of(operators, self.optimised.pop(query_id, ())))

    def figures(self, now: float, query_id: str, stats: Mapping[int, Mapping[str, Any]]) -> Iterator[e.Event]:
        """Yield the figures of operators, by Daft's names, in pairs with their type."""
        for operator_id, told in stats.items():
            yield self._figures(now, query_id, operator_id, {name: value for name, (_, value) in told.items()})

    def over(self, now: float, query_id: str, began: float, stats: Any, physical: str = "") -> Iterator[e.Event]:
        """Yield what there is to know of a query that has ended and was not followed. ``stats``: None where it was.

        ``stats`` is a PyExecutionStats, which a query that fails has not; ``physical`` is that one's plan, where it is
        known. ``began`` is when the query began to execute.
        """
        if physical:
            yield from self.executing(began, query_id, physical)
        if stats is not None:
            if stats.query_plan:
                yield from self.executing(began, query_id, stats.query_plan)
            for row in RecordBatch._from_pyrecordbatch(stats.to_recordbatch()).to_pylist():
                values = {name: each["value"] for name, each in row["stats"]}
                yield e.OperatorStarted(began, query_id, row["id"])
                yield self._figures(now, query_id, row["id"], values)
                yield e.OperatorFinished(now, query_id, row["id"])
        self.optimised.pop(query_id, None)
        self.joins.pop(query_id, None)

    def _figures(self, now: float, query_id: str, operator_id: int, values: dict[str, Any]) -> e.OperatorStats:
        if PROBED in values:
            both = self.joins.setdefault(query_id, {}).setdefault(operator_id, values)
            for name, value in values.items():
                both[name] = max(value, both.get(name, value))
            values = both
        return operator_stats(now, query_id, operator_id, values)


def names_of(plan: str) -> dict[int, str]:
    """Return the names of the operators of a physical plan's JSON, by their ids; none where it cannot be read."""
    try:
        return {node.id: node.name for node in plan_nodes(read_json(plan))}
    except (ValueError, TypeError, KeyError, AttributeError):  # which is told where it is read (Reader.executing)
        return {}


def operator_stats(now: float, query_id: str, operator_id: int, values: dict[str, Any]) -> e.OperatorStats:
    """Return the engine's statistics of one operator, by its own names, as an event. ``duration``: timedelta or µs."""
    duration = values.get("duration")
    if isinstance(duration, timedelta):
        duration = duration // timedelta(microseconds=1)
    values = _as_others(values)
    return e.OperatorStats(
        now,
        query_id,
        operator_id,
        rows_in=whole(values.get("rows.in")),
        rows_out=whole(values.get("rows.out", values.get("rows.written"))),
        bytes_in=whole(values.get("bytes.in", values.get("bytes.read"))),
        bytes_out=whole(values.get("bytes.out", values.get("bytes.written"))),
        duration_us=whole(duration),
    )


_BUILT, PROBED = "build rows inserted", "probe rows in"


def _as_others(values: dict[str, Any]) -> dict[str, Any]:
    """Return a join's statistics by the names that other operators have; a side that is missing is not known, not 0."""
    if not values.get(PROBED):
        return values
    found = {"rows.out": values["probe rows out"], "bytes.out": values.get("bytes.join.probe_out"), **values}
    if values.get(_BUILT):
        found["rows.in"] = values[_BUILT] + values[PROBED]
        sides = (values.get("bytes.join.build_inserted"), values.get("bytes.join.probe_in"))
        found["bytes.in"] = None if None in sides else sum(sides)
    return found
