"""Turns Daft's own query events into daftnb's; on the native runner also the progress.

Daft tells them on the thread that runs the query (start, plan, end) and on threads of its own (operators). What must be
known there and then is noted; what takes time to read is read later (:mod:`daftnb.engine.queries.reading`). Nothing
here may fail a query, so each call goes through :meth:`QueryEvents.hear`, which tells what goes wrong.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import daft
from daft.daft import QueryEndState
from daft.subscribers import Subscriber

from daftnb.clock import steady as time
from daftnb.engine.queries import background, following, notices
from daftnb.engine.queries.brief import NEVER, Brevity
from daftnb.engine.queries.endless import WORDS as ENDLESS
from daftnb.engine.queries.endless import is_endless
from daftnb.engine.queries.failing import FailedNodes, encodable, tell_any_error
from daftnb.engine.queries.following import ALIAS
from daftnb.engine.queries.functions import NativeFunctions
from daftnb.engine.queries.plans import bounded, plan_nodes, read_json, text_nodes, with_details_of
from daftnb.engine.queries.reading import Reader, names_of
from daftnb.errors import QueryCancelled
from daftnb.telemetry import events as e
from daftnb.text.reasons import reason_of, reason_of_text
from daftnb.text.shorten import without_middle

MOST_ERROR = 1_000_000  # characters of an error that are kept
Emit = Callable[[e.Event], None]
Read = Callable[[], Iterable[e.Event]]
Later = Callable[[str, Read, int], None]  # of a query's id, what reads events, and how many characters that holds

_OUTCOMES: tuple[tuple[Any, e.Outcome], ...] = (
    (QueryEndState.Finished, "finished"),
    (QueryEndState.Canceled, "cancelled"),
    (QueryEndState.Failed, "failed"),
)


@dataclass(slots=True)
class _Native:
    """A query of the native runner. ``rows``: of its inputs; None until it executes, or where they are not in memory.

    ``stats``: of a query that was not followed, once it has been executed. ``physical``: its physical plan's JSON; of
    one that is not followed, as it was the last time.
    """

    began: float
    plan: str = ""
    physical: str = ""
    rows: int | None = None
    executing: float = 0.0
    is_brief: bool = False
    stats: Any = None


class QueryEvents(Subscriber):  # type: ignore[misc]  # Daft's base class is untyped
    """Tells ``emit`` of every query; ``ray_query`` is called before a query goes to Ray, on the query's thread.

    ``planned`` holds, per thread, the id and the operators' parents of the query that thread has just planned: the
    runner asks for it when it is handed the plan, which does not name the query; ``operators`` are that query's.
    ``began`` is told the id of a query that starts, on its thread, and gives its name. ``metered``: whether this Daft's
    functions can be. ``brief``: whether queries that are over at once need not be followed. ``later`` is given what is
    to be read, in order with what is emitted; without it that is read at once.
    """

    def __init__(
        self,
        emit: Emit,
        ray_query: Callable[[], None],
        began: Callable[[str], str] = lambda _query_id: "",
        metered: bool = True,
        brief: bool = True,
        later: Later | None = None,
    ) -> None:
        self.emit = emit
        self.metered = metered
        self.brief = brief
        self.began = began
        self.ray_query = ray_query
        self.later: Later = later or self._at_once
        self.planned: dict[int, tuple[str, dict[int, int]]] = {}
        self.operators: dict[int, tuple[e.PlanNode, ...]] = {}
        self.threads: dict[str, int] = {}  # of each query that runs
        self.native: dict[str, _Native] = {}  # the queries that run on the native runner
        self.unseen: set[str] = set()  # the queries that are ours, not the user's
        self.reader = Reader()
        self.brevity = Brevity()
        self.failed = FailedNodes()
        self.functions = NativeFunctions()
        self._put_back = ExitStack()

    def attach(self) -> None:
        """Watch every query of this process from now on."""
        if self.brief:
            self._put_back.callback(notices.listen(self.hear))
            self._put_back.callback(following.attach(self, self))
        else:
            daft.attach_subscriber(ALIAS, self)
            self._put_back.callback(daft.detach_subscriber, ALIAS)
        self.failed.listen()
        self._put_back.callback(self.failed.leave)
        if self.metered:
            self.functions.attach()
            self._put_back.callback(self.functions.detach)
        self._put_back.callback(tell_any_error())

    def detach(self) -> None:
        """Undo :meth:`attach`."""
        self._put_back.close()

    def on_event(self, event: Any) -> None:
        """Hear an event of Daft's: its one entry for all of them."""
        kind = type(event).__name__
        if not (self.brief and kind in _NOTICED):  # which the runner has told already
            self.hear(kind, event)

    def hear(self, kind: str, event: Any) -> None:
        """Handle an event, or a runner's notice, of Daft's. A failure in here is reported, not raised."""
        try:
            self._handle(kind, event, time.time())
        except Exception as error:
            self._not_understood(error)

    def _not_understood(self, error: Exception) -> None:
        self.emit(e.ProblemFound.of(time.time(), "an event of Daft was not understood", error))

    def _at_once(self, _query_id: str, read: Read, _size: int) -> None:
        for event in read():
            self.emit(event)

    def _read_later(self, query_id: str, size: int, read: Read) -> None:
        self.later(query_id, partial(self._understood, read), size)

    def _understood(self, read: Read) -> Iterator[e.Event]:
        try:
            yield from read()
        except Exception as error:
            yield e.ProblemFound.of(time.time(), "an event of Daft was not understood", error)

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
                    self.native[event.query_id] = _Native(now)
                    self.functions.began(event.query_id)
                    self.failed.begin(event.query_id, threading.get_ident())
                plan = event.metadata.unoptimized_plan
                self._read_later(event.query_id, len(plan), partial(self.reader.written, now, event.query_id, plan))
            case "OptimizationCompleted":
                plan, native = event.optimized_plan, self.native.get(event.query_id)
                if native is not None:
                    native.plan = plan
                read = partial(self.reader.planned, now, event.query_id, plan, native is not None)
                self._read_later(event.query_id, len(plan), read)
            case "ExecutionStarted" if event.query_id in self.native:
                plan = self.native[event.query_id].physical = event.physical_plan
                self.failed.planned(event.query_id, partial(names_of, plan))
                self._read_later(event.query_id, len(plan), partial(self.reader.executing, now, event.query_id, plan))
            case "ExecutionStarted":
                self._planned_on_ray(event, now)
            case "OperatorStarted":
                self.emit(e.OperatorStarted(now, event.query_id, event.node_id))
            case "OperatorFinished":
                if not self.failed.of(event.query_id):  # an error ends all of them, which is no end of their work
                    self.emit(e.OperatorFinished(now, event.query_id, event.node_id))
            case "Stats":
                self._read_later(event.query_id, 0, partial(self.reader.figures, now, event.query_id, event.stats))
            case "QueryFinished":
                self._finished(event, now)

    def _planned_on_ray(self, event: Any, now: float) -> None:
        planned = tuple(plan_nodes(read_json(event.physical_plan)))
        if is_endless(planned):
            self.emit(e.ProblemFound(now, ENDLESS))
        operators = bounded(planned)
        parents = {child: node.id for node in operators for child in node.inputs}
        thread = threading.get_ident()
        self.planned[thread], self.operators[thread] = (event.query_id, parents), operators
        self.emit(e.PlanReady(now, event.query_id, operators))

    def _finished(self, event: Any, now: float) -> None:
        query_id = event.query_id
        self.threads.pop(query_id, None)
        self._forget_plans(query_id)
        state = event.result.end_state
        outcome = next(ours for theirs, ours in _OUTCOMES if state == theirs)
        raised = sys.exc_info()[1]
        if isinstance(raised, QueryCancelled):  # which is an error like any other for Daft
            outcome = "cancelled"
        native = self.native.pop(query_id, None)
        if native is not None:
            self._read_later(query_id, 0, self.functions.ended(query_id))
            executing, physical = native.executing or now, ""
            if native.is_brief and native.stats is None:  # it failed, or was stopped
                physical = native.physical
            self._read_later(query_id, 0, partial(self.reader.over, now, query_id, executing, native.stats, physical))
            self.brevity.note(
                native.plan,
                native.rows,
                now - native.began if outcome == "finished" else NEVER,
                native.physical or getattr(native.stats, "query_plan", None) or "",
            )
        raiser = self.failed.end(query_id)
        if outcome != "failed":
            self.emit(e.QueryFinished(now, query_id, outcome))
            return
        error = without_middle(failure(event.result.error_message or "", raised), MOST_ERROR)
        self.emit(e.QueryFinished(now, query_id, outcome, error, raised_in=raiser))

    def _forget_plans(self, query_id: str) -> None:
        # A runner may plan, and end, on threads of its own; each may be at its next query already.
        for thread in [thread for thread, (id_, _) in self.planned.items() if id_ == query_id]:
            del self.planned[thread]
            self.operators.pop(thread, None)

    # -- which queries are followed while they execute on the native runner, on Daft's event loop ---------------------

    def is_followed(self, query_id: str, inputs: Mapping[int, Any]) -> bool:
        """Return True if a query's operators are to be told of while it executes."""
        try:
            native = self.native.get(query_id)
            if native is None:
                return query_id not in self.unseen
            native.executing, native.rows = time.time(), _rows_of(inputs)
            native.is_brief, native.physical = self.brevity.expected(native.plan, native.rows)
            if native.physical:
                self.failed.planned(query_id, partial(names_of, native.physical))
            return not native.is_brief
        except Exception as error:
            self._not_understood(error)
            return True

    def executed(self, query_id: str, stats: Any) -> None:
        """Take Daft's statistics of a query that was not followed."""
        native = self.native.get(query_id)
        if native is not None:
            native.stats = stats

    def not_followed(self, error: Exception) -> None:
        """Report why a query could not be followed, or not be let go of."""
        self.emit(e.ProblemFound.of(time.time(), "a query's operators could not be followed", error))

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
            self._forget_plans(event.query_id)
        return True

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


# What each runner tells by itself. That a query executes, only the one on Ray does.
_NOTICED = frozenset(kind for kind, _ in notices.METHODS.values()) - {"ExecutionStarted"}


def _rows_of(inputs: Mapping[int, Any]) -> int | None:
    """Return the rows that a query reads, where all of them are in memory; else None."""
    if not all(isinstance(each, list) for each in inputs.values()):
        return None
    return sum(len(partition) for partitions in inputs.values() for partition in partitions)


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
