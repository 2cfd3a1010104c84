"""Shows the progress of queries as one line of text on the terminal, and how each query ended.

Where there are no cells to show a line under: in a script (:func:`daftnb.watch`, :func:`daftnb.auto`) and in IPython's
terminal. It goes to stderr, and to a terminal only: what is kept in a file has no line that changes.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TextIO

from daftnb.cells.switch import Switched
from daftnb.engine.connection.environment import without_progress_bars
from daftnb.snapshots.static import headline
from daftnb.telemetry.focus import focus
from daftnb.telemetry.host import Host
from daftnb.telemetry.model import State
from daftnb.telemetry.wire import Query, Snapshot
from daftnb.text import numbers as f
from daftnb.text.plain import HANDLER
from daftnb.text.tables import clean
from daftnb.text.width import columns, cut

LEAST_SECONDS = 1.0  # shorter queries have no line
BETWEEN_SECONDS = 0.45  # between two lines: with the monitor's pace, about twice a second
LONGEST_NAME = 24  # columns
UNKNOWN_COLUMNS = 80
MOST_TOLD = 5  # queries, where what became of them is told
_ACTIVE = ("planning", "running")


class TerminalLine(Switched):
    """A listener of the monitor that keeps one line about the latest query that runs, while it is ``on``.

    The monitor's thread writes it. It is gone before the thread of a query that ends goes on (:meth:`ended`), so that
    what the program prints then has the place. In IPython it stands while a cell runs (:meth:`begin`, :meth:`end`), and
    what it was about is told when the cell has ended.
    """

    def __init__(self, session: Host, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(session)
        self._clock = clock
        self._depth = 0  # a cell may run another
        self._between_cells = False
        self._width = 0  # of what stands there
        self._written_at = -BETWEEN_SECONDS
        self._over: set[str] = set()  # queries that have ended, as snapshots may not know yet
        self._about: dict[int, None] = {}  # the numbers of the queries that had the line, in order
        self._lock = threading.RLock()  # the monitor's thread writes, those of queries take away

    def _replaces_bars(self) -> bool:
        return terminal() is not None

    def _switch(self) -> None:
        super()._switch()
        if not self.on:
            with self._lock:
                self._clear()
                self._over.clear()
                self._about.clear()

    @contextmanager
    def block(self, shown: bool) -> Iterator[None]:
        """Show the line in a block of code though it is off (``shown``), or neither it nor Daft's progress bars."""
        with ExitStack() as stack:
            stack.enter_context(self._overridden(shown))
            if not shown:
                stack.callback(without_progress_bars())
            yield

    def ended(self, query_id: str) -> None:
        """Note that a query has ended, and clear the line before this returns. On the query's thread."""
        if self.on:
            with self._lock:
                self._over.add(query_id)
                self._clear()

    # -- cells of IPython's terminal, on the shell's thread -----------------------------------------------------------

    def begin(self) -> None:
        """Note that a cell begins."""
        self._depth += 1
        self._between_cells = False

    def end(self) -> None:
        """Note that a cell has ended: clear the line, and tell what became of the queries that had it."""
        self._depth = max(0, self._depth - 1)  # the cell that loads us began before us
        if self._depth:
            return
        with self._lock:
            self._between_cells = True
            self._clear()
            about = list(self._about)
            self._about.clear()
        tell(self._session, about)

    def told(self, numbers: Sequence[int]) -> None:
        """Note that the user has been told what became of these queries."""
        with self._lock:
            for number in numbers:
                self._about.pop(number, None)

    # -- the monitor's thread -----------------------------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """Return True if it may be time to write."""
        if self._between_cells or self._clock() - self._written_at < BETWEEN_SECONDS or terminal() is None:
            return False
        return self._width > 0 or self._session.monitor.read(State.active)

    def publish(self, snapshot: Snapshot) -> None:
        """Write the line, or take it away where no query has run for long enough."""
        with self._lock:
            stream = terminal()
            if not self.on or self._between_cells or stream is None:
                return
            active = {row["id"]: row for row in snapshot["queries"].values() if row["state"] in _ACTIVE}
            self._over &= active.keys()
            rows = [row for id_, row in active.items() if id_ not in self._over and row["elapsed"] >= LEAST_SECONDS]
            if not rows:
                self._clear()
                return
            number = max(row["number"] for row in rows)
            looked = self._session.monitor.read(partial(focus, snapshot=snapshot, number=number, pair=None, plan=False))
            self._about[number] = None
            self._written_at = self._clock()
            # A space after it, as something else may be written there, and the last column free, or it would wrap.
            self._write(stream, progress_text(looked, _columns_of(stream) - 2) + " ")

    def _write(self, stream: TextIO, text: str) -> None:
        text = text.encode(stream.encoding or "ascii", HANDLER).decode(stream.encoding or "ascii")
        width = columns(text)
        # No control sequence but the return: every terminal knows it.
        stream.write(f"\r{text}{' ' * min(self._width - width, _columns_of(stream) - 1 - width)}")
        stream.flush()
        self._width = width

    def _clear(self) -> None:
        stream = terminal()
        if self._width and stream is not None:
            self._write(stream, "")
            stream.write("\r")
            stream.flush()
        self._width = 0


def terminal() -> TextIO | None:
    """Return standard error if it is a terminal now, else None."""
    stream = sys.stderr  # None in a program without a console
    return stream if stream is not None and not stream.closed and stream.isatty() else None


def _columns_of(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or UNKNOWN_COLUMNS
    except OSError:  # it says that it is a terminal, and the system does not know it
        return UNKNOWN_COLUMNS


def progress_text(snapshot: Snapshot, most: int) -> str:
    """Return a snapshot's current query in one line of at most ``most`` columns: its state, and what fits of the rest.

    ``Query 3 (orders) running: 12/40 tasks, 1.50 k rows, 3 workers, ratio 2.8/1.25, 12.0 s``. But for the name, only
    characters that every terminal has.
    """
    query = snapshot["query"]
    assert query is not None
    name = f" ({cut(clean(query['name']), LONGEST_NAME)})" if query["name"] else ""
    head = f"Query {query['number']}{name} {query['state']}"
    parts = _parts(snapshot, query)
    for part in ("", *_FIRST_TO_GO):
        parts.pop(part, None)
        line = f"{head}: {', '.join(parts.values())}" if parts else head
        if columns(line) <= most:
            return line
    return cut(head, most)


_FIRST_TO_GO = ("rows", "workers", "ratio", "done", "elapsed")


def _parts(snapshot: Snapshot, query: Query) -> dict[str, str]:
    parts = {}
    if query["tasks"] is not None:
        parts["done"] = f"{query['tasks']['finished']}/{query['tasks']['submitted']} tasks"
    elif query["operators"] is not None:
        parts["done"] = f"{query['operators']['finished']}/{query['operators']['total']} operators"
    if query["rows"] is not None:
        parts["rows"] = f.rows(query["rows"])
    if query["runner"] == "ray":
        total, ratio = snapshot["workers"]["total"], snapshot["backlog"]["ratio"]
        parts["workers"] = f"{f.plural(total, 'worker')}"
        if ratio is not None:
            parts["ratio"] = f"ratio {f.ratio(ratio)}/{f.ratio(snapshot['backlog']['threshold'])}"
    parts["elapsed"] = f.duration(query["elapsed"])
    return parts


def tell(session: Host, numbers: Sequence[int]) -> None:
    """Print what became of these queries on stderr, a line for each; of many, only the last MOST_TOLD."""
    if not numbers:
        return
    snapshot = session.snapshot()
    if len(numbers) > MOST_TOLD:
        print(f"{len(numbers)} queries, the last {MOST_TOLD} of which:", file=sys.stderr)
    for number in numbers[-MOST_TOLD:]:
        looked = session.monitor.read(partial(focus, snapshot=snapshot, number=number, pair=None, plan=False))
        print(headline(looked), file=sys.stderr)
