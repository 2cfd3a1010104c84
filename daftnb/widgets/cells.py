"""Puts one line under each cell in which a Daft query runs for longer than 300 ms, while it is on.

IPython says when a cell begins and ends; the monitor, on its own thread, when a query has run for long enough. What
is displayed from there has to name the cell's execution as its parent: ipykernel keeps that in context variables
(``ZMQDisplayPublisher.parent_header``), so it is done in a copy of the cell's context.

Nothing in here may fail a cell: what goes wrong is told as a problem.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from daftnb.engine.environment import without_progress_bars
from daftnb.telemetry import events as e

if TYPE_CHECKING:
    from daftnb.session import Session
    from daftnb.telemetry.frames import Frame
    from daftnb.widgets.line import Line, Span

KEPT_LINES = 50  # that are live; older ones stay as what needs no kernel


class Closable(Protocol):
    """A widget, or several."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Cell:
    """The cell that runs. ``key`` tells it apart from others, also when it runs again; ``paged``: a page runs it."""

    key: str
    span: Span
    paged: bool
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    done: bool = False  # its line is there, or it needs none


class CellLines:
    """A listener of the monitor that makes the lines. ``on`` and ``off`` from the shell's thread."""

    def __init__(self, session: Session) -> None:
        self.on = False
        self._session = session
        self._cell: Cell | None = None
        self._depth = 0  # a cell may run another
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._owned: dict[str, list[Closable]] = {}  # by cell, what it shows and nobody else has
        self._showing = threading.Lock()  # the monitor's thread shows, the shell's begins and ends cells
        self._quiet: Callable[[], None] | None = None

    def switch(self, on: bool) -> None:
        """From the next query on, show lines or do not; Daft's own progress bars are off while they are shown."""
        if on == self.on:
            return
        self.on = on
        if on:
            self._quiet = without_progress_bars()
            self._session.monitor.listeners.append(self)
            return
        if self._quiet is not None:
            self._quiet()
            self._quiet = None
        self._session.monitor.listeners.remove(self)

    def close(self) -> None:
        """Off, and no line is live any more."""
        self.switch(False)
        while self._lines:
            self._lines.popitem()[1].retire()

    def own(self, widget: Closable) -> None:
        """The cell that runs shows this, and nobody else has it: it is closed when the cell runs again, as pages let go
        of an output, but not of a widget."""
        cell = self._cell
        if cell is not None and cell.paged:
            self._owned.setdefault(cell.key, []).append(widget)

    # -- the shell's thread -------------------------------------------------------------------------------------------

    def begin(self, key: str | None) -> None:
        """A cell begins. ``key``: the notebook's id of it, where it has one."""
        self._depth += 1
        if self._depth > 1:
            return
        self._guarded(self._begin, key)

    def end(self) -> None:
        """A cell has ended: its line is complete, and rests when the next one ends."""
        self._depth = max(0, self._depth - 1)
        if self._depth == 0:
            self._guarded(self._end)

    def _begin(self, key: str | None) -> None:
        from daftnb.widgets.line import Span

        if key is not None:  # its output was cleared
            before = self._lines.pop(key, None)
            for each in (*self._owned.pop(key, ()), *([before] if before is not None else ())):
                each.close()
        now = time.time()
        with self._showing:
            self._cell = Cell(key or f"{now}", Span(now), paged=key is not None)

    def _end(self) -> None:
        cell = self._cell
        if cell is not None:
            self._show_late()
            with self._showing:
                cell.span.ended, self._cell = time.time(), None
        for key, line in self._lines.items():
            if line.over and (cell is None or key != cell.key):
                line.rest()
        while len(self._lines) > KEPT_LINES:
            self._lines.popitem(last=False)[1].retire()

    def _show_late(self) -> None:
        """Show the line of a cell that ends before the monitor came to it."""
        from daftnb.widgets.line import LEAST_SECONDS

        cell = self._cell
        if cell is not None and self.on and not cell.done and time.time() - cell.span.began >= LEAST_SECONDS:
            self.publish(self._session.frame())

    def _guarded(self, action: Callable[..., None], *values: Any) -> None:
        try:
            action(*values)
        except Exception as error:
            text = f"the line under a cell could not be shown: {error!r}"[:300]
            self._session.monitor.emit(e.ProblemFound(time.time(), text))

    @contextmanager
    def one_cell(self, shown: bool) -> Iterator[None]:
        """Within the cell that runs: a line though they are off (``shown``), or none though they are on."""
        before = self.on
        if not shown and self._cell is not None:
            self._cell.done = True
        self.switch(shown or before)
        quiet = None if shown else without_progress_bars()
        try:
            yield
        finally:
            if shown and not before:
                self._guarded(self._show_late)
                self.switch(False)
            if quiet is not None:
                quiet()

    # -- the monitor's thread -----------------------------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """While a cell runs that has no line yet."""
        cell = self._cell
        return cell is not None and not cell.done

    def publish(self, frame: Frame) -> None:
        """Show the line, if it is time and the cell has no view of its own."""
        from daftnb.widgets.line import queries_of

        with self._showing:
            cell = self._cell
            if not self.on or cell is None or cell.done or not queries_of(frame, cell.span).rows:
                return
            cell.done = True
            shown = (getattr(listener, "shown_at", 0.0) for listener in self._session.monitor.listeners)
            if any(at > cell.span.began for at in shown):
                return
            self._lines[cell.key] = cell.context.run(self._show, cell, frame)

    def _show(self, cell: Cell, frame: Frame) -> Line:
        from daftnb.widgets.line import Line

        line = Line(self._session, cell.span, frame, cell.paged)  # the frame is given: nobody waits for the engine here
        line.show(frame)
        return line
