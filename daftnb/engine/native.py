"""Daft's own query events as ours: both runners announce a query and its plan, the native one also its progress.

Daft calls a subscriber on the thread that runs the query (start, plan, end) and on threads of its own (operators).
Nothing here may fail a query, so each call ends in :meth:`QueryEvents._guarded`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import daft
from daft.daft import QueryEndState
from daft.subscribers import Subscriber

from daftnb.telemetry import events as e

ALIAS = "daftnb"
Emit = Callable[[e.Event], None]

_OUTCOMES: dict[str, e.Outcome] = {"Finished": "finished", "Canceled": "cancelled", "Failed": "failed"}


class QueryEvents(Subscriber):  # type: ignore[misc]  # Daft's base class is untyped
    """Tells ``emit`` of every query; ``ray_query`` is called before a query goes to Ray, on the query's thread.

    ``planned`` holds, per thread, the id and the operators' parents of the query that thread has just planned: the
    runner asks for it when it is handed the plan, which does not name the query.
    """

    def __init__(self, emit: Emit, ray_query: Callable[[], None]) -> None:
        self.emit = emit
        self.ray_query = ray_query
        self.planned: dict[int, tuple[str, dict[int, int]]] = {}
        self.threads: dict[str, int] = {}  # of each query that runs

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
        match kind:
            case "QueryStarted":
                on_ray = str(event.metadata.runner).startswith("Ray")
                self.threads[event.query_id] = threading.get_ident()
                self.emit(e.QueryStarted(now, event.query_id, "ray" if on_ray else "native"))
                if on_ray:
                    self.ray_query()
            case "ExecutionStarted":
                operators = tuple(plan_nodes(json.loads(event.physical_plan)))
                parents = {child: node.id for node in operators for child in node.inputs}
                self.planned[threading.get_ident()] = (event.query_id, parents)
                self.emit(e.PlanReady(now, event.query_id, operators))
            case "OperatorStarted":
                self.emit(e.OperatorStarted(now, event.query_id, event.node_id))
            case "OperatorFinished":
                self.emit(e.OperatorFinished(now, event.query_id, event.node_id))
            case "Stats":
                for operator_id, stats in event.stats.items():
                    values = {name: value for name, (_, value) in stats.items()}
                    self.emit(operator_stats(now, event.query_id, operator_id, values))
            case "QueryFinished":
                self.planned.pop(threading.get_ident(), None)
                self.threads.pop(event.query_id, None)
                state = event.result.end_state
                outcome = next(ours for name, ours in _OUTCOMES.items() if state == getattr(QueryEndState, name))
                error = event.result.error_message if outcome == "failed" else None
                self.emit(e.QueryFinished(now, event.query_id, outcome, error))


def operator_stats(now: float, query_id: str, operator_id: int, values: dict[str, Any]) -> e.OperatorStats:
    """The engine's statistics of one operator, by its own names, as an event. ``duration``: a timedelta or µs."""
    duration = values.get("duration")
    if isinstance(duration, timedelta):
        duration = duration // timedelta(microseconds=1)
    return e.OperatorStats(
        now,
        query_id,
        operator_id,
        rows_in=_whole(values.get("rows.in")),
        rows_out=_whole(values.get("rows.out")),
        bytes_in=_whole(values.get("bytes.in", values.get("bytes.read"))),
        bytes_out=_whole(values.get("bytes.out")),
        duration_us=_whole(duration),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def plan_nodes(plan: dict[str, Any]) -> Iterator[e.PlanNode]:
    """The operators of Daft's plan JSON (``id``, ``name``, ``type``, ``category``, ``children``), inputs first.

    Iterative: a plan may be deeper than Python's stack. An operator that feeds two others comes once.
    """
    seen: set[int] = set()
    stack: list[tuple[dict[str, Any], bool]] = [(plan, False)]
    while stack:
        node, children_done = stack.pop()
        if node["id"] in seen:
            continue
        children = node.get("children") or []
        if not children_done:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children))
            continue
        seen.add(node["id"])
        estimates = (node.get("approx_stats") or {}).get("approx_stats") or {}
        rows = estimates.get("num_rows")
        yield e.PlanNode(
            id=int(node["id"]),
            name=str(node.get("name", "?")),
            kind=str(node.get("category") or node.get("type") or ""),
            inputs=tuple(int(child["id"]) for child in children),
            estimated_rows=None if rows is None else int(rows),
        )
