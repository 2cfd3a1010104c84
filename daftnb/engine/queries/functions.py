"""The user's functions, as events: what the meter has counted of them, on either runner, and where their code is."""

from __future__ import annotations

import inspect
import linecache
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

from daftnb.clock import steady
from daftnb.engine import meter as meter_package
from daftnb.engine.byvalue import by_value, dafts_cloudpickle
from daftnb.engine.meter.children import Children
from daftnb.engine.meter.ledger import Ledger, part_row
from daftnb.engine.meter.meter import Meter, install
from daftnb.engine.meter.tally import Function, Row
from daftnb.engine.meter.travel import Call, Process
from daftnb.telemetry import events as e

MOST_SOURCE = 200  # lines of a function
KEPT_KNOWN = 4_096
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
        self.lock = threading.Lock()
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
        """Note a query that runs; what is counted from now on may be its."""
        self._take()
        self.running[query_id] = None

    def ended(self, query_id: str) -> list[e.Event]:
        """Return the last of a query's functions."""
        if query_id not in self.running:
            return []
        found = self.pull()
        self.running.pop(query_id, None)
        return found

    def pull(self) -> list[e.Event]:
        """Return what the functions of the queries that run did so far; empty where none runs."""
        if self.meter is None or not self.running:
            return []
        self._take()
        now = steady.time()
        rows: list[tuple[Any, ...]] = []
        with self.lock:
            for query_id in list(self.running):
                for function, row, shared, lost in self.ledger.figures(query_id):
                    rows.append(("function", query_id, function, row, shared, lost))
                rows.extend(("actor", query_id, f, *part_row(part)) for f, part in self.ledger.parts(query_id))
            faults = {text: n for text, n in self.meter.faults.items() if self.faults.get(text) != n}
            self.faults.update(faults)
            found = list(self.told.events(rows, now))
        text = "a function's figures may be off: "
        return [*found, *(e.ProblemFound(now, f"{text}{fault}") for fault in faults)]

    def _take(self) -> None:
        if self.meter is None or self.children is None:
            return
        with self.lock:
            now, active = steady.time(), list(self.running)
            own = Process(self.meter.id, "kernel", str(self.meter.pid))
            self.ledger.take(own, self.meter.rows(), active, now)
            for process, rows, ended in self.children.told():
                self.ledger.take(process, rows, active, now, ended)
