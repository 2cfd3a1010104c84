"""Daft's own query events as ours: both runners announce a query and its plan, the native one also its progress.

Daft calls a subscriber on the thread that runs the query (start, plan, end) and on threads of its own (operators).
Nothing here may fail a query, so each call ends in :meth:`QueryEvents._guarded`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import daft
from daft.daft import QueryEndState
from daft.subscribers import Subscriber

from daftnb.engine import ownqueries
from daftnb.engine.endless import WORDS as ENDLESS
from daftnb.engine.endless import is_endless
from daftnb.engine.plans import bounded, logical_nodes, plan_nodes, read_json, text_nodes, with_details_of
from daftnb.telemetry import events as e

ALIAS = "daftnb"
Emit = Callable[[e.Event], None]

_OUTCOMES: dict[str, e.Outcome] = {"Finished": "finished", "Canceled": "cancelled", "Failed": "failed"}


class QueryEvents(Subscriber):  # type: ignore[misc]  # Daft's base class is untyped
    """Tells ``emit`` of every query; ``ray_query`` is called before a query goes to Ray, on the query's thread.

    ``planned`` holds, per thread, the id and the operators' parents of the query that thread has just planned: the
    runner asks for it when it is handed the plan, which does not name the query; ``operators`` are that query's.
    ``optimised`` holds the optimised plan of each query of the native runner until it runs. A query that starts is
    called by the last of ``names``.
    """

    def __init__(self, emit: Emit, ray_query: Callable[[], None], names: Sequence[str] = ()) -> None:
        self.emit = emit
        self.names = names
        self.ray_query = ray_query
        self.planned: dict[int, tuple[str, dict[int, int]]] = {}
        self.operators: dict[int, tuple[e.PlanNode, ...]] = {}
        self.optimised: dict[str, tuple[e.PlanNode, ...]] = {}
        self.joins: dict[str, dict[int, dict[str, Any]]] = {}  # statistics of the joins of each query that runs
        self.threads: dict[str, int] = {}  # of each query that runs
        self.unseen: set[str] = set()  # the queries that are ours, not the user's

    def attach(self) -> None:
        """From now on, every query of this process is seen."""
        daft.attach_subscriber(ALIAS, self)

    def detach(self) -> None:
        """Undo :meth:`attach`."""
        daft.detach_subscriber(ALIAS)

    def on_event(self, event: Any) -> None:
        """Daft's one entry for all events; a failure in here is told, not raised."""
        try:
            self._handle(type(event).__name__, event, time.time())
        except Exception as error:
            self.emit(e.ProblemFound(time.time(), f"an event of Daft was not understood: {error!r}"[:300]))

    def _handle(self, kind: str, event: Any, now: float) -> None:
        if self._is_unseen(kind, event):
            return
        match kind:
            case "QueryStarted":
                on_ray = str(event.metadata.runner).startswith("Ray")
                self.threads[event.query_id] = threading.get_ident()
                name = self.names[-1] if self.names else ""
                self.emit(e.QueryStarted(now, event.query_id, "ray" if on_ray else "native", name))
                if on_ray:
                    self.ray_query()
                else:
                    self.optimised[event.query_id] = ()
                written = logical_nodes(read_json(event.metadata.unoptimized_plan))
                self.emit(e.LogicalPlan(now, event.query_id, "logical", written))
            case "OptimizationCompleted":
                nodes = logical_nodes(read_json(event.optimized_plan))
                if event.query_id in self.optimised:
                    self.optimised[event.query_id] = nodes
                self.emit(e.LogicalPlan(now, event.query_id, "optimised", nodes))
            case "ExecutionStarted":
                planned = tuple(plan_nodes(read_json(event.physical_plan)))
                if event.query_id not in self.optimised and is_endless(planned):
                    self.emit(e.ProblemFound(now, ENDLESS))
                operators = bounded(planned)
                parents = {child: node.id for node in operators for child in node.inputs}
                # The native runner makes one operator of each, mostly, and does not say its expressions again.
                operators = with_details_of(operators, self.optimised.pop(event.query_id, ()))
                thread = threading.get_ident()
                self.planned[thread], self.operators[thread] = (event.query_id, parents), operators
                self.emit(e.PlanReady(now, event.query_id, operators))
            case "OperatorStarted":
                self.emit(e.OperatorStarted(now, event.query_id, event.node_id))
            case "OperatorFinished":
                self.emit(e.OperatorFinished(now, event.query_id, event.node_id))
            case "Stats":
                for operator_id, stats in event.stats.items():
                    values = {name: value for name, (_, value) in stats.items()}
                    if PROBED in values and event.query_id in self.threads:
                        values = self._both_sides(event.query_id, operator_id, values)
                    self.emit(operator_stats(now, event.query_id, operator_id, values))
            case "QueryFinished":
                self.threads.pop(event.query_id, None)
                self.optimised.pop(event.query_id, None)
                self.joins.pop(event.query_id, None)
                # The native runner plans, and ends, on threads of its own; each may be at its next query already.
                for thread in [thread for thread, (id_, _) in self.planned.items() if id_ == event.query_id]:
                    del self.planned[thread], self.operators[thread]
                state = event.result.end_state
                outcome = next(ours for name, ours in _OUTCOMES.items() if state == getattr(QueryEndState, name))
                error = event.result.error_message if outcome == "failed" else None
                self.emit(e.QueryFinished(now, event.query_id, outcome, error))

    def _is_unseen(self, kind: str, event: Any) -> bool:
        """Whether it is about a query of ours; what the runner on Ray has to know of it is noted."""
        own = ownqueries.current() if kind == "QueryStarted" else None
        if own is not None:
            self.unseen.add(event.query_id)
            own.started(event.query_id)
            if str(event.metadata.runner).startswith("Ray"):
                self.ray_query()
        query_id = getattr(event, "query_id", None)
        if query_id not in self.unseen:
            return False
        thread = threading.get_ident()
        if kind == "ExecutionStarted":
            if ownqueries.current() is not None:  # on Ray, where the plan is handed over on the query's own thread
                self.planned[thread] = (event.query_id, {})
        elif kind == "QueryFinished":
            self.unseen.discard(event.query_id)
            for thread in [thread for thread, (id_, _) in self.planned.items() if id_ == event.query_id]:
                del self.planned[thread]
                self.operators.pop(thread, None)
        return True

    def _both_sides(self, query_id: str, operator_id: int, values: dict[str, Any]) -> dict[str, Any]:
        """The native runner tells of a join's two sides in turn, each with zeros for the other: both together."""
        both = self.joins.setdefault(query_id, {}).setdefault(operator_id, values)
        for name, value in values.items():
            both[name] = max(value, both.get(name, value))
        return both

    def expressions(self, plan: Any) -> None:
        """Tell the expressions of a DistributedPhysicalPlan's operators, before it runs, on the query's thread.

        Its JSON does not have them, its text does. Where the two differ in shape, nothing is told; a failure in here
        is told, not raised.
        """
        thread = threading.get_ident()
        if thread not in self.operators:
            return
        try:
            before = self.operators[thread]
            operators = with_details_of(before, text_nodes(plan.repr_ascii(False)))
            if operators is not before:
                self.emit(e.PlanReady(time.time(), self.planned[thread][0], operators))
        except Exception as error:
            self.emit(e.ProblemFound(time.time(), f"the plan's expressions were not understood: {error!r}"[:300]))


def operator_stats(now: float, query_id: str, operator_id: int, values: dict[str, Any]) -> e.OperatorStats:
    """The engine's statistics of one operator, by its own names, as an event. ``duration``: a timedelta or µs."""
    duration = values.get("duration")
    if isinstance(duration, timedelta):
        duration = duration // timedelta(microseconds=1)
    values = _as_others(values)
    return e.OperatorStats(
        now,
        query_id,
        operator_id,
        rows_in=_whole(values.get("rows.in")),
        rows_out=_whole(values.get("rows.out", values.get("rows.written"))),
        bytes_in=_whole(values.get("bytes.in", values.get("bytes.read"))),
        bytes_out=_whole(values.get("bytes.out", values.get("bytes.written"))),
        duration_us=_whole(duration),
    )


_BUILT, PROBED = "build rows inserted", "probe rows in"


def _as_others(values: dict[str, Any]) -> dict[str, Any]:
    """A join's statistics by the names that other operators have; a side that has not come is not known, not 0."""
    if not values.get(PROBED):
        return values
    found = {"rows.out": values["probe rows out"], "bytes.out": values.get("bytes.join.probe_out"), **values}
    if values.get(_BUILT):
        found["rows.in"] = values[_BUILT] + values[PROBED]
        sides = (values.get("bytes.join.build_inserted"), values.get("bytes.join.probe_in"))
        found["bytes.in"] = None if None in sides else sum(sides)
    return found


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
