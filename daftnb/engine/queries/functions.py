"""The user's functions, as events: what the meter has counted of them, on either runner, and where their code is."""

from __future__ import annotations

import inspect
import linecache
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any
from zlib import crc32

from daftnb.clock import steady
from daftnb.engine import meter as meter_package
from daftnb.engine.byvalue import by_value, dafts_cloudpickle
from daftnb.engine.meter.children import Child, Children
from daftnb.engine.meter.ledger import Ledger, part_row
from daftnb.engine.meter.meter import Meter, install
from daftnb.engine.meter.tally import Function, Row
from daftnb.engine.meter.travel import Call, Process
from daftnb.telemetry import events as e

MOST_SOURCE = 200  # lines of a function
KEPT_KNOWN = 4_096
KEPT_SOURCES = 256
NANO = 1e-9


def key_of(function: Function) -> str:
    """Return what a function is called by in events: two of one name, such as of two cells, have two."""
    return f"{function.name}:{function.line}:{crc32(repr(function).encode()):08x}"


class FunctionEvents:
    """Makes events of the ledger's rows; tells of a function itself once in each query."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], None] = {}
        self.before: dict[tuple[str, ...], tuple[Any, ...]] = {}

    def events(self, rows: Iterable[tuple[Any, ...]], now: float, shift: float = 0.0) -> Iterator[e.Event]:
        """Yield the events of rows (``engine/actor/metering.py`` · ``Metering.rows``)."""
        for kind, query_id, plain, *facts in rows:
            function = Function(*plain)
            key = key_of(function)
            which = (kind, query_id, key, str(facts[0]) if kind == "actor" else "")
            if self.before.get(which) == tuple(facts):
                continue
            keep(self.before, which, tuple(facts))
            if (query_id, key) not in self.known:
                keep(self.known, (query_id, key), None)
                yield known(now, query_id, key, function)
            if kind == "function":
                row, shared, lost = facts
                yield figures(now, query_id, key, Row(*row), shared, lost)
            else:
                name, worker_id, state, since, row, *more = facts
                yield actor_figures(now, query_id, key, (name, worker_id, state, since + shift), Row(*row), *more)


def keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Put a value in, and the oldest out where there are too many."""
    kept[key] = value
    while len(kept) > KEPT_KNOWN:
        del kept[next(iter(kept))]


def figures(now: float, query_id: str, key: str, row: Row, shared: bool, lost: int) -> e.UdfFigures:
    """Return what a function did in a query."""
    return e.UdfFigures(
        now,
        query_id,
        key,
        calls=row.calls,
        rows_in=row.rows_in,
        rows_out=row.rows_out,
        seconds=row.ns * NANO,
        running=row.running,
        inits=row.inits,
        init_seconds=row.init_ns * NANO,
        errors=row.errors,
        retries=row.retries,
        error=row.error,
        counters=tuple(e.Counter(name, value, attributes) for (name, attributes), value in row.counters),
        left_out=row.left_out,
        lost=lost,
        waited=row.waited * NANO,
        shared=shared,
    )


def actor_figures(
    now: float,
    query_id: str,
    key: str,
    process: tuple[Any, ...],
    row: Row,
    queue: int | None = None,
    gpus: float | None = None,
) -> e.UdfActorFigures:
    """Return what one actor, or process, did for a query."""
    name, worker_id, state, since = process
    return e.UdfActorFigures(
        now,
        query_id,
        key,
        name,
        worker_id,
        state,
        since,
        rows=row.rows_in,
        calls=row.calls,
        seconds=row.ns * NANO,
        init_seconds=row.init_ns * NANO if row.inits else None,
        queue=None if state in ("ended", "died") else queue,
        gpus=gpus,
    )


def known(now: float, query_id: str, key: str, function: Function) -> e.UdfKnown:
    """Return where a function's code is, and the code as it was, where this process can tell."""
    return e.UdfKnown(
        now,
        query_id,
        key,
        name=function.name,
        kind=function.kind,  # type: ignore[arg-type]  # one of its kinds: naming.py
        is_class=function.is_class,
        file=function.file,
        line=function.line or None,
        cell=cell_of(function.file),
        source=source_of(function),
    )


def cell_of(file: str) -> int | None:
    """Return the number of the cell whose code was compiled under this name; None where it is no cell's."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    format_code_name = getattr(getattr(shell, "compile", None), "format_code_name", None)
    told = format_code_name(file) if format_code_name else None
    if not told or told[0] != "Cell":
        return None
    number = str(told[1]).partition("[")[2].rstrip("]")
    return int(number) if number.isdigit() else None


@lru_cache(KEPT_SOURCES)
def source_of(function: Function) -> str:
    """Return a function's code as it was when it was defined; empty where it is not to be had here."""
    lines = linecache.getlines(function.file)[max(0, function.line - 1) :] if function.line else []
    try:
        return "".join(inspect.getblock(lines)[:MOST_SOURCE]) if lines else ""
    except (SyntaxError, IndentationError, StopIteration):
        return ""


class NativeFunctions:
    """The functions that this process calls, with the processes that Daft starts for them: the native runner's."""

    def __init__(self) -> None:
        self.meter: Meter | None = None
        self.children: Children | None = None
        self.ledger = Ledger()
        self.running: dict[str, None] = {}  # the queries on the native runner
        self.told = FunctionEvents()
        self.faults: dict[str, int] = {}
        self.counted = 0  # calls and the like, as of the last look
        self.noted: deque[Callable[[], None]] = deque()  # what the ledger is not told yet
        self.last: dict[str, list[e.Event]] = {}  # of queries that have ended
        self.lock = threading.Lock()  # what is made of it
        self.noting = threading.Lock()
        self.packing = threading.Lock()

    def attach(self) -> None:
        """Put the meter into this process."""
        self.meter = install()
        self.children = Children(self.meter, self.packed, "")
        self.children.listen()

    def detach(self) -> None:
        """Undo :meth:`attach`."""
        if self.meter is not None and self.children is not None:
            self.meter.uninstall()
            self.children.close()
            self.meter = self.children = None

    def packed(self, call: Call) -> bytes:
        """Pickle a call with our code in it; one thread at a time, as the pickler's list of modules is for all."""
        from daftnb import clock

        cloudpickle = dafts_cloudpickle()
        with self.packing, by_value(cloudpickle, meter_package, clock):
            return bytes(cloudpickle.dumps(call))

    def began(self, query_id: str) -> None:
        """Note a query that runs; what is counted from now on may be its. On its thread."""
        self._note_counts()
        self.running[query_id] = None

    def ended(self, query_id: str) -> Callable[[], list[e.Event]]:
        """Note that a query has ended; return what reads the last of its functions. On its thread."""
        if query_id not in self.running:
            return list
        self._note_counts()
        self.noted.append(partial(self._last_of, query_id, steady.time()))
        self.running.pop(query_id, None)
        return partial(self._told_of, query_id)

    def pull(self) -> list[e.Event]:
        """Return what the functions of the queries that run did so far; empty where none runs."""
        if not self.running:
            return []
        self._note_counts()
        with self.lock:
            self._catch_up()
            return self._events(list(self.running), steady.time())

    # -- what is noted at once, on the thread of a query --------------------------------------------------------------

    def _note_counts(self) -> None:
        """Note what was counted so far, and the queries that run, where anything was counted since the last time."""
        with self.noting:
            if self.meter is None or self.children is None or not self._has_moved(self.meter, self.children):
                return
            now, active = steady.time(), list(self.running)
            own = Process(self.meter.id, "kernel", str(self.meter.pid))
            self.noted.append(partial(self.ledger.take, own, self.meter.rows(), active, now))
            for process, rows, ended in self.children.told():
                self.noted.append(partial(self.ledger.take, process, rows, active, now, ended))

    def _has_moved(self, meter: Meter, children: Children) -> bool:
        count, runs = 0, False
        for tally in meter.tallies.copy():
            count += tally.entered + tally.left + tally.inits + tally.errors + tally.retries + tally.made_again
            runs = runs or tally.entered != tally.left or tally.initialising is not None
        moved = (
            runs or count != self.counted or any(not self._is_closed(child) for child in list(children.all.values()))
        )
        self.counted = count
        return moved

    def _is_closed(self, child: Child) -> bool:
        return child.ended and (child.process is None or child.process.id in self.ledger.ended)

    # -- what is made of it later, in that order ----------------------------------------------------------------------

    def _catch_up(self) -> None:
        while self.noted:
            self.noted.popleft()()

    def _last_of(self, query_id: str, now: float) -> None:
        keep(self.last, query_id, self._events([query_id], now))

    def _told_of(self, query_id: str) -> list[e.Event]:
        with self.lock:
            self._catch_up()
            return self.last.pop(query_id, [])

    def _events(self, query_ids: list[str], now: float) -> list[e.Event]:
        rows: list[tuple[Any, ...]] = []
        for query_id in query_ids:
            for function, row, shared, lost in self.ledger.figures(query_id):
                rows.append(("function", query_id, function, row, shared, lost))
            rows.extend(("actor", query_id, f, *part_row(part)) for f, part in self.ledger.parts(query_id))
        counted = {} if self.meter is None else self.meter.faults
        faults = {text: n for text, n in counted.items() if self.faults.get(text) != n}
        self.faults.update(faults)
        text = "a function's figures may be off: "
        return [*self.told.events(rows, now), *(e.ProblemFound(now, f"{text}{fault}") for fault in faults)]
