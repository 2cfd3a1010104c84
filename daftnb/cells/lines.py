"""Puts one line under each cell whose Daft query runs for longer than 300 ms.

IPython says when a cell begins and ends; the monitor, on its own thread, when a query has run for long enough. What
is displayed from there has to name the cell's execution as its parent: ipykernel keeps that in context variables
(``ZMQDisplayPublisher.parent_header``), so it is done in a copy of the cell's context.

Nothing in here may fail a cell: what goes wrong is told as a problem.
"""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import thread as thread_pools
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daftnb.cells.switch import Switched
from daftnb.clock import steady as time
from daftnb.engine.connection.environment import without_progress_bars
from daftnb.telemetry import events as e
from daftnb.telemetry.host import Closable, Host, Retiring
from daftnb.telemetry.limits import BRIEF_SECONDS

if TYPE_CHECKING:
    from daftnb.telemetry.snapshots import Snapshot
    from daftnb.telemetry.span import Span
    from daftnb.widgets.line import Line

KEPT_OWNERS = 200  # of queries, the latest
KEPT_LINES = 50  # that are live; older ones stay as what needs no kernel
KEPT_OWNED = 50  # widgets of cells that are live, likewise; of those that a page shows now, twice as many


@dataclass(slots=True)
class Cell:
    """The cell that runs. ``key`` tells it apart from others, also when it runs again; ``paged``: a browser runs it."""

    key: str
    span: Span
    paged: bool
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    done: bool = False  # its line is there, or it needs none
    long: bool = False  # while it ran, a query has run for long enough to have one


# In the context of a cell's code: the time of that cell.
_running: contextvars.ContextVar[Span | None] = contextvars.ContextVar("daftnb_cell", default=None)


def _is_of_a_pool(thread: threading.Thread) -> bool:
    """Return True for a thread that does what others give it: one of an executor, or of asyncio's own."""
    return thread in getattr(thread_pools, "_threads_queues", ())


class CellLines(Switched):
    """A listener of the monitor that makes the lines. Call :meth:`switch` and :meth:`close` from the shell's thread."""

    def __init__(self, session: Host) -> None:
        super().__init__(session)
        self._cell: Cell | None = None
        self._depth = 0  # a cell may run another
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._owned: dict[str, list[Closable]] = {}  # by cell, what it shows and nobody else has
        self._showing = threading.Lock()  # the monitor's thread shows, the shell's begins and ends cells
        self._begun: dict[str, float] = {}  # when the queries began that run
        self._owners: OrderedDict[str, Span] = OrderedDict()  # by a query's id, the cell that it belongs to
        self._born: weakref.WeakKeyDictionary[threading.Thread, Span | None] = weakref.WeakKeyDictionary()

    def close(self) -> None:
        """Stop showing lines, also for the blocks that are open, and let no line stay live."""
        super().close()
        while self._lines:
            self._lines.popitem()[1].retire()

    def own(self, widget: Closable) -> None:
        """Own a widget that only the cell that runs shows: it is closed when that cell runs again.

        Browsers then let go of an output, but not of a widget.
        """
        cell = self._cell
        if cell is not None and cell.paged:
            self._owned.setdefault(cell.key, []).append(widget)

    @property
    def span(self) -> Span | None:
        """Return the time of the cell that runs; None between cells."""
        cell = self._cell
        return None if cell is None else cell.span

    def query_began(self, query_id: str) -> None:
        """Note which cell a query belongs to: the one that began the thread that runs it. On that thread.

        Where that is not known, it is the cell that runs then. A thread of a pool does what it is given, so its queries
        belong to the cell that runs, or to the one whose context it was given.
        """
        self._guarded(self._query_began, query_id)

    def query_ended(self, query_id: str) -> None:
        """Note that a query has ended. On its thread."""
        began, cell = self._begun.pop(query_id, None), self._cell
        if began is not None and cell is not None and time.time() - began >= BRIEF_SECONDS:
            cell.long = True

    def _query_began(self, query_id: str) -> None:
        self._begun[query_id] = time.time()
        span = _running.get()
        thread = threading.current_thread()
        if span is None and not _is_of_a_pool(thread):
            span = self._born.get(thread)
        span = span or self.span
        if span is not None:
            span.begun += 1
            self._owners[query_id] = span
            while len(self._owners) > KEPT_OWNERS:
                self._owners.popitem(last=False)

    # -- the shell's thread -------------------------------------------------------------------------------------------

    def begin(self, key: str | None) -> None:
        """Note that a cell begins. ``key``: the notebook's id of it, where it has one."""
        self._depth += 1
        if self._depth > 1:
            return
        self._guarded(self._begin, key)

    def end(self) -> None:
        """Note that a cell has ended: its line is complete, and rests when the next one ends."""
        self._depth = max(0, self._depth - 1)
        if self._depth == 0:
            self._guarded(self._end)

    def _begin(self, key: str | None) -> None:
        from daftnb.telemetry.span import Span

        if key is not None:  # its output was cleared
            before = self._lines.pop(key, None)
            for each in (*self._owned.pop(key, ()), *([before] if before is not None else ())):
                each.close()
        now = time.time()
        span = Span(now, key=key or "", owners=self._owners)
        self._know_threads(None)
        _running.set(span)
        with self._showing:
            self._cell = Cell(key or f"{now}", span, paged=key is not None)

    def _end(self) -> None:
        cell = self._cell
        _running.set(None)
        if cell is not None:
            self._know_threads(cell.span)
            self._show_late()
            with self._showing:
                cell.span.ended, self._cell = time.time(), None
        for key, line in self._lines.items():
            if line.over and (cell is None or key != cell.key):
                line.rest()
        while len(self._lines) > KEPT_LINES:
            self._lines.popitem(last=False)[1].retire()
        self._retire_owned()

    def _retire_owned(self) -> None:
        """Retire the oldest widgets of cells, so that what a notebook keeps does not grow with its cells.

        Each has a model, a comm and a copy of what it shows, here and on the page. One that changes by itself stays,
        and so does the newer half: a page may not have drawn it yet.
        """
        owned = [(key, each) for key, widgets in self._owned.items() for each in widgets]
        surplus = len(owned) - KEPT_OWNED
        for key, each in owned[: -KEPT_OWNED // 2]:
            if surplus <= 0:
                return
            if isinstance(each, Retiring) and each.retire(though_shown=surplus > KEPT_OWNED):
                surplus -= 1
                self._owned[key].remove(each)
                if not self._owned[key]:
                    del self._owned[key]

    def _know_threads(self, span: Span | None) -> None:
        """Note the cell in which the threads were born that are new since the last look; None: between two cells."""
        me = threading.current_thread()
        for thread in threading.enumerate():
            if thread is not me:
                self._born.setdefault(thread, span)

    def _show_late(self) -> None:
        """Show the line of a cell that ends before the monitor came to it."""
        cell = self._cell
        if cell is not None and self.on and not cell.done and time.time() - cell.span.began >= BRIEF_SECONDS:
            self.publish(self._session.snapshot())

    def _guarded(self, action: Callable[..., None], *values: Any) -> None:
        try:
            action(*values)
        except Exception as error:
            what = "the line under a cell could not be shown"
            self._session.monitor.emit(e.ProblemFound.of(time.time(), what, error))

    @contextmanager
    def one_cell(self, shown: bool) -> Iterator[None]:
        """Show a line under the cell that runs though lines are off (``shown``), or none though they are on."""
        if not shown and self._cell is not None:
            self._cell.done = True
        with ExitStack() as stack:
            if shown:
                stack.enter_context(self._overridden(True))
                stack.callback(self._guarded, self._show_for_one)
            else:
                stack.callback(without_progress_bars())
            yield

    def _show_for_one(self) -> None:
        if not self._wanted.base:
            self._show_late()

    # -- the monitor's thread -----------------------------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """Return True while a cell runs that has no line yet, and may need one: a query has run for long enough."""
        cell = self._cell
        if cell is None or cell.done:
            return False
        until = time.time() - BRIEF_SECONDS
        cell.long = cell.long or any(began <= until for began in list(self._begun.values()))
        return cell.long

    def publish(self, snapshot: Snapshot) -> None:
        """Show the line, if it is time and the cell has no view of its own."""
        from daftnb.widgets.line import queries_of

        with self._showing:
            cell = self._cell
            if not self.on or cell is None or cell.done or not queries_of(snapshot, cell.span).rows:
                return
            cell.done = True
            shown = (getattr(listener, "shown_at", 0.0) for listener in self._session.monitor.listeners)
            if any(at > cell.span.began for at in shown):
                return
            self._lines[cell.key] = cell.context.run(self._show, cell, snapshot)

    def _show(self, cell: Cell, snapshot: Snapshot) -> Line:
        from daftnb.widgets.line import Line

        line = Line(
            self._session, cell.span, snapshot, cell.paged
        )  # the snapshot is given: nobody waits for the engine here
        line.show(snapshot)
        return line
