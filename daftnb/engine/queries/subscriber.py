"""Turns Daft's own query events into daftnb's; on the native runner also the progress.

Daft calls a subscriber on the thread that runs the query (start, plan, end) and on threads of its own (operators).
Nothing here may fail a query, so each call goes through :meth:`QueryEvents.on_event`, which tells what goes wrong.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import daft
from daft.daft import QueryEndState
from daft.subscribers import Subscriber

from daftnb.clock import steady as time
from daftnb.engine.actor.node_usage import whole
from daftnb.engine.queries import background
from daftnb.engine.queries.endless import WORDS as ENDLESS
from daftnb.engine.queries.endless import is_endless
from daftnb.engine.queries.failing import FailedNodes, encodable, tell_any_error
from daftnb.engine.queries.functions import NativeFunctions
from daftnb.engine.queries.plans import bounded, logical_nodes, plan_nodes, read_json, text_nodes, with_details_of
from daftnb.errors import QueryCancelled
from daftnb.telemetry import events as e
from daftnb.text.reasons import reason_of, reason_of_text
from daftnb.text.shorten import without_middle

ALIAS = "daftnb"
MOST_ERROR = 1_000_000  # characters of an error that are kept
Emit = Callable[[e.Event], None]

_OUTCOMES: dict[str, e.Outcome] = {"Finished": "finished", "Canceled": "cancelled", "Failed": "failed"}


class QueryEvents(Subscriber):  # type: ignore[misc]  # Daft's base class is untyped
    """Tells ``emit`` of every query; ``ray_query`` is called before a query goes to Ray, on the query's thread.

    ``planned`` holds, per thread, the id and the operators' parents of the query that thread has just planned: the
    runner asks for it when it is handed the plan, which does not name the query; ``operators`` are that query's.
    ``optimised`` holds the optimised plan of each query of the native runner until it runs. ``began`` is told the
    id of a query that starts, on its thread, and gives its name. ``metered``: whether this Daft's functions can be.
    """

    def __init__(
        self,
        emit: Emit,
        ray_query: Callable[[], None],
        began: Callable[[str], str] = lambda _query_id: "",
        metered: bool = True,
    ) -> None:
        self.emit = emit
        self.metered = metered
        self.began = began
        self.ray_query = ray_query
        self.planned: dict[int, tuple[str, dict[int, int]]] = {}
        self.operators: dict[int, tuple[e.PlanNode, ...]] = {}
        self.optimised: dict[str, tuple[e.PlanNode, ...]] = {}
        self.joins: dict[str, dict[int, dict[str, Any]]] = {}  # statistics of the joins of each query that runs
        self.threads: dict[str, int] = {}  # of each query that runs
        self.unseen: set[str] = set()  # the queries that are ours, not the user's
        self.failed = FailedNodes()
        self.functions = NativeFunctions()
        self._put_back: Callable[[], None] = lambda: None

    def attach(self) -> None:
        """Watch every query of this process from now on."""
        daft.attach_subscriber(ALIAS, self)
        self.failed.listen()
        if self.metered:
            self.functions.attach()
        self._put_back = tell_any_error()

    def detach(self) -> None:
        """Undo :meth:`attach`."""
        daft.detach_subscriber(ALIAS)
        self.failed.leave()
        self.functions.detach()
        self._put_back()

    def on_event(self, event: Any) -> None:
        """Handle an event of Daft's: its one entry for all of them. A failure in here is reported, not raised."""
        try:
            self._handle(type(event).__name__, event, time.time())
        except Exception as error:
            self.emit(e.ProblemFound.of(time.time(), "an event of Daft was not understood", error))

    def _handle(self, kind: str, event: Any, now: float) -> None:
        if self._is_unseen(kind, event):
            return
        match kind:
            case "QueryStarted":
                on_ray = str(event.metadata.runner).startswith("Ray")
                self.threads[event.query_id] = threading.get_ident()
                name = self.began(event.query_id)
                self.emit(e.QueryStarted(now, event.query_id, "ray" if on_ray else "native", name))
                if on_ray:
                    self.ray_query()
                else:
                    self.optimised[event.query_id] = ()
                    self.functions.began(event.query_id)
                    self.failed.begin(event.query_id, threading.get_ident())
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
                self.failed.planned(event.query_id, planned)
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
                if not self.failed.of(event.query_id):  # an error ends all of them, which is no end of their work
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
                for figures in self.functions.ended(event.query_id):
                    self.emit(figures)
                state = event.result.end_state
                outcome = next(ours for name, ours in _OUTCOMES.items() if state == getattr(QueryEndState, name))
                raised = sys.exc_info()[1]
                if isinstance(raised, QueryCancelled):  # which is an error like any other for Daft
                    outcome = "cancelled"
                raiser = self.failed.end(event.query_id)
                if outcome != "failed":
                    self.emit(e.QueryFinished(now, event.query_id, outcome))
                    return
                error = without_middle(failure(event.result.error_message or "", raised), MOST_ERROR)
                self.emit(e.QueryFinished(now, event.query_id, outcome, error, raised_in=raiser))

    def _is_unseen(self, kind: str, event: Any) -> bool:
        """Return True if an event is about a query of ours; note what the runner on Ray has to know of it."""
        own = background.current() if kind == "QueryStarted" else None
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
            if background.current() is not None:  # on Ray, where the plan is handed over on the query's own thread
                self.planned[thread] = (event.query_id, {})
        elif kind == "QueryFinished":
            self.unseen.discard(event.query_id)
            for thread in [thread for thread, (id_, _) in self.planned.items() if id_ == event.query_id]:
                del self.planned[thread]
                self.operators.pop(thread, None)
        return True

    def _both_sides(self, query_id: str, operator_id: int, values: dict[str, Any]) -> dict[str, Any]:
        """Return both sides of a join's statistics: the native runner reports them in turn, zeros for the other."""
        both = self.joins.setdefault(query_id, {}).setdefault(operator_id, values)
        for name, value in values.items():
            both[name] = max(value, both.get(name, value))
        return both

    def expressions(self, text: str) -> None:
        """Report the expressions of a DistributedPhysicalPlan's operators, before it runs, on the query's thread.

        Its JSON does not have them, its ``text`` does. Where the two differ in shape, nothing is reported; a failure in
        here is reported, not raised.
        """
        thread = threading.get_ident()
        if thread not in self.operators:
            return
        try:
            before = self.operators[thread]
            operators = with_details_of(before, text_nodes(text))
            if operators is not before:
                self.emit(e.PlanReady(time.time(), self.planned[thread][0], operators))
        except Exception as error:
            self.emit(e.ProblemFound.of(time.time(), "the plan's expressions were not understood", error))


def failure(message: str, raised: BaseException | None) -> str:
    """Return why a query failed: the reason first. ``message`` is Daft's.

    ``raised``: the exception that Daft handles when it tells of the end (``native_runner.py``, ``ray_runner.py``);
    Daft's message leaves its type out.
    """
    if isinstance(raised, Exception) and _tells(message, raised):
        return reason_of(raised).text
    return reason_of_text(message).text


def _tells(message: str, raised: Exception) -> bool:
    if message.startswith("UDF failed with exception: "):
        return type(raised).__name__.startswith(("UDFException", "RayTaskError(UDFException"))
    try:
        return message == encodable(f"General Exception raised: {raised}")
    except Exception:  # whatever an exception's own text may raise: it is another
        return False


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
