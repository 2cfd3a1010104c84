"""Puts the meter into a process: stands in for the names that Daft looks up at each call of a UDF.

- ``daft.udf.execution._metrics_context``: entered just before the user's function is called, and left just after, by
  each of the four functions that Daft's engine calls (``daft/udf/execution.py``);
- ``ClsBase._daft_bind_method`` and ``._daft_bind_coroutine_method``: called right before, with the function;
- ``daft.udf.legacy.run_udf`` and ``UninitializedUdf.initialize``: those of ``@daft.udf``.

What goes wrong in here is counted (:attr:`Meter.faults`), and the call goes on without being counted.
"""

from __future__ import annotations

import contextvars
import os
import sys
import uuid
import weakref
from collections.abc import Callable
from functools import partial
from importlib import import_module
from threading import Event, Lock, get_ident
from types import TracebackType
from typing import Any, NoReturn

from daftnb.clock import steady
from daftnb.engine.meter.clients import listen
from daftnb.engine.meter.columns import begin_batch, end_batch
from daftnb.engine.meter.naming import CALLERS, function_of, named, override_of
from daftnb.engine.meter.retrying import arguments_of, is_retry, note_failure
from daftnb.engine.meter.tally import Function, Rows, Tally, described, ns, row_of, summed
from daftnb.engine.meter.tracebacks import as_raised_by, set_traceback, without_our_frames

ATTRIBUTE = "_daftnb_meter"  # of daft.udf.execution: the one of this process, by whichever copy of this code
MOST_FUNCTIONS = 1_000  # of a process
MOST_FAULTS = 20


class Entry:
    """One function object in one thread: whose tally it counts to, for as long as the object lives."""

    __slots__ = ("owner", "references", "tally", "wrap")

    def __init__(self, tally: Tally, owner: int, references: tuple[Any, ...], wrap: Callable[..., Any] | None) -> None:
        self.tally, self.owner, self.references, self.wrap = tally, owner, references, wrap


class Mine:
    """What a thread knows: the functions that it has called, and the one that it is about to call."""

    __slots__ = ("calls", "known", "tallies", "tally", "trace")

    def __init__(self) -> None:
        self.known: dict[int, Entry] = {}  # by the id of the function object
        self.tallies: dict[Function, Tally] = {}
        self.tally: Tally | None = None
        self.calls: list[Any] | None = None  # the arguments of the calls of a coroutine function that are made ready
        self.trace: TracebackType | None = None  # of an object that could not be initialised for the call


class Threads(dict[int, Mine]):
    """What each thread knows, by its id: Daft's threads lose what is in a ``threading.local`` after each batch."""

    def __missing__(self, thread: int) -> Mine:
        mine = self[thread] = Mine()
        return mine


class Meter:
    """The counters of this process, and what they were put in the place of."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self.pid = os.getpid()
        self.began = steady.time()
        self.threads = Threads()
        self.functions: set[Function] = set()
        self.tallies: list[Tally] = []  # of all threads
        self.faults: dict[str, int] = {}
        self.first_call = Event()
        self.undo: list[tuple[Any, str, Any]] = []
        self.hears_clients = False  # of models
        self.hearing = Lock()

    def rows(self) -> Rows:
        """Return what this process has done so far, by function."""
        return summed((tally.function, row_of(tally)) for tally in self.tallies.copy())

    def fault(self, where: str, error: BaseException) -> None:
        """Count a failure of our own."""
        text = f"{where}: {described(error)}"[:300]
        if text in self.faults or len(self.faults) < MOST_FAULTS:
            self.faults[text] = self.faults.get(text, 0) + 1

    def tally(self, function: Function) -> Tally:
        """Return this thread's tally of a function."""
        mine = self.threads[get_ident()].tallies
        tally = mine.get(function)
        if tally is None:
            if function not in self.functions and len(self.functions) >= MOST_FUNCTIONS:
                raise OverflowError(f"this process has called {MOST_FUNCTIONS} functions; no others are counted")
            self.functions.add(function)
            tally = mine[function] = Tally(function)
            self.tallies.append(tally)
            self.first_call.set()
        return tally

    def is_of_fork(self) -> bool:
        """Return True in a process that the user's code has forked off: this is then a copy, which nobody reads."""
        return os.getpid() != self.pid

    def patch(self, owner: Any, name: str, replacement: Any) -> None:
        """Replace an attribute, to be put back by :meth:`uninstall`."""
        self.undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, replacement)

    def hear_clients(self, current: contextvars.ContextVar[Any]) -> None:
        """Count what clients of models do by themselves, as soon as this process has one."""
        with self.hearing:
            self.hears_clients = self.hears_clients or listen(current, self.patch, self.fault)

    def uninstall(self) -> None:
        """Put everything back as Daft made it."""
        while self.undo:
            owner, name, original = self.undo.pop()
            setattr(owner, name, original)
        delattr(import_module("daft.udf.execution"), ATTRIBUTE)


def installed() -> Meter | None:
    """Return this process's meter; None where there is none."""
    execution = sys.modules.get("daft.udf.execution")
    meter: Meter | None = getattr(execution, ATTRIBUTE, None)
    return meter


def install() -> Meter:
    """Put a meter into this process, once, and return it."""
    meter = installed()
    if meter is not None and not meter.is_of_fork():
        return meter
    execution, udf_v2 = import_module("daft.udf.execution"), import_module("daft.udf.udf_v2")
    meter = Meter()
    meter_calls(meter, execution, udf_v2.ClsBase, import_module("daft.udf.metrics"))
    meter_legacy(meter, import_module("daft.udf.legacy"))
    setattr(execution, ATTRIBUTE, meter)
    return meter


# -- @daft.func and @daft.cls -----------------------------------------------------------------------------------------


def meter_calls(meter: Meter, execution: Any, base: Any, metrics: Any) -> None:
    """Wrap what comes just before a call, and what it is made within."""
    threads, bind, bind_coroutine = meter.threads, base._daft_bind_method, base._daft_bind_coroutine_method

    def first(mine: Mine, owner: Any, method: Any, caller: str) -> Entry | None:
        """Note which function is about to be called; None where its calls are not counted."""
        mine.tally = None
        if caller not in CALLERS:  # the user's code calls it with values
            return None
        try:
            entry = _first(meter, mine, owner, method, caller)
            meter.hear_clients(metrics._CURRENT_METRICS)
        except Exception as error:
            meter.fault("first call", error)
            return None
        return entry

    def refused(mine: Mine, owner: Any, entry: Entry, method: Any, bind: Callable[..., Any]) -> Any:
        """Initialise the object of a class, where it is not; return what raises where that fails, else None."""
        if vars(owner).get("_daft_local_instance", entry) is not None:
            return None
        try:
            _initialise(entry.tally, owner, method, bind)
        except BaseException as error:  # the user's, whatever it is; raised again where no frame of ours is in its way
            mine.known.pop(id(method), None)
            mine.trace = as_raised_by(error, sys._getframe(2))
            is_async = entry.tally.function.kind.startswith("async")
            return partial(_raise_later if is_async else _raise, error)
        return None

    def metered_bind(self: Any, method: Any) -> Any:
        mine = threads[get_ident()]
        entry = mine.known.get(id(method))
        if entry is None or entry.owner != id(self):
            entry = first(mine, self, method, sys._getframe(1).f_code.co_name)
            if entry is None:
                return bind(self, method)
            raising = refused(mine, self, entry, method, bind)
            if raising is not None:
                return raising
        if entry.wrap is None:
            mine.tally = entry.tally
            return partial(method, self._daft_get_instance())  # as Daft's does, and quicker
        if sys._getframe(1).f_code.co_name not in CALLERS:
            return bind(self, method)
        mine.tally = entry.tally
        return entry.wrap(mine, entry.tally, bind(self, method))

    def metered_bind_coroutine(self: Any, method: Any) -> Any:
        mine = threads[get_ident()]
        entry = mine.known.get(id(method))
        if entry is None or entry.owner != id(self):
            entry = first(mine, self, method, sys._getframe(1).f_code.co_name)
            if entry is None:
                return bind_coroutine(self, method)
            raising = refused(mine, self, entry, method, bind_coroutine)
            if raising is not None:
                return raising
        mine.tally = entry.tally
        return _counting_async_batch(entry.tally, bind_coroutine(self, method))

    meter.patch(base, "_daft_bind_method", metered_bind)
    meter.patch(base, "_daft_bind_coroutine_method", metered_bind_coroutine)
    meter.patch(execution, "_metrics_context", _context(meter, metrics))


def _first(meter: Meter, mine: Mine, owner: Any, method: Any, caller: str) -> Entry:
    is_class = "_daft_local_instance" in vars(owner)
    function = function_of(method, caller, is_class, override_of(owner) if is_class else "")
    key = id(method)

    def forget(_reference: Any) -> None:
        mine.known.pop(key, None)  # another object may get its id

    wrap = WRAPS.get(function.kind)
    references = (weakref.ref(owner, forget), weakref.ref(method, forget))
    entry = mine.known[key] = Entry(meter.tally(function), id(owner), references, wrap)
    return entry


def _initialise(tally: Tally, owner: Any, method: Any, bind: Callable[..., Any]) -> None:
    """Have Daft initialise the object of a class; what it raises is the user's."""
    tally.initialising, start = steady.time(), ns()
    try:
        bind(owner, method)
    except BaseException as error:
        tally.failed(error)
        raise
    finally:
        tally.inits += 1
        tally.init_ns += ns() - start
        tally.initialising = None


def _raise(error: BaseException, *_arguments: Any, **_options: Any) -> NoReturn:
    raise error


async def _raise_later(error: BaseException, *_arguments: Any, **_options: Any) -> NoReturn:
    raise error


def _counting_rows(_mine: Mine, tally: Tally, bound: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        rows = bound(*arguments, **options)
        tally.rows_out += len(rows)
        return rows

    return counted


def _counting_batch(_mine: Mine, tally: Tally, bound: Callable[..., Any]) -> Callable[..., Any]:
    """Count a batch's rows: as its arguments, which costs a tenth of a look at the frame of Daft's that calls."""

    def counted(*arguments: Any, **options: Any) -> Any:
        begin_batch(tally, arguments, options)
        output = bound(*arguments, **options)
        end_batch(tally, output)
        return output

    return counted


def _counting_async_batch(tally: Tally, bound: Callable[..., Any]) -> Callable[..., Any]:
    async def counted(*arguments: Any, **options: Any) -> Any:
        begin_batch(tally, arguments, options)
        output = await bound(*arguments, **options)
        end_batch(tally, output)
        return output

    return counted


def _timing_calls(mine: Mine, tally: Tally, bound: Callable[..., Any]) -> Callable[..., Any]:
    """Time each call of a coroutine function by itself: many run at once."""
    from asyncio import CancelledError

    calls = mine.calls = []
    running = tally.open

    async def timed(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments, options))
        key = tally.entered = tally.entered + 1
        running[key] = start = ns()
        try:
            return await bound(*arguments, **options)
        except BaseException as error:
            tally.void += 1
            if not isinstance(error, CancelledError | GeneratorExit):  # a call that is ended has not failed
                tally.failed(error)
            raise
        finally:
            del running[key]
            tally.last = end = ns()
            tally.ns += end - start
            tally.left += 1

    return timed


WRAPS = {"generator": _counting_rows, "async": _timing_calls, "batch": _counting_batch}


def _context(meter: Meter, metrics: Any) -> type:
    """Return what stands in for Daft's ``_metrics_context``: it gives the same object, and counts besides.

    Its ``inc_counter`` is what ``increment_counter`` finds in Daft's variable of the context.
    """
    threads, current, make = meter.threads, metrics._CURRENT_METRICS, metrics.OperatorMetrics
    original: Callable[[], Any] = metrics._metrics_context
    set_current: Callable[[Any], contextvars.Token[Any]] = current.set
    reset_current = current.reset

    class MetricsContext:
        __slots__ = ("calls", "kind", "metrics", "outer", "start", "tally", "token", "trace")

        def __enter__(self) -> Any:
            self.metrics = make()
            self.token = set_current(self)
            mine = threads[get_ident()]
            tally = self.tally = mine.tally
            if tally is None:
                self.trace, mine.trace = mine.trace, None
                return self.metrics
            mine.tally = None
            kind = self.kind = tally.function.kind
            if kind == "async":
                self.calls, mine.calls = mine.calls, None
                return self.metrics
            if tally.failures:
                self.before(tally, kind)
            tally.entered += 1
            self.outer = tally.started  # of a call of the same function in this thread, within which this one is made
            self.start = tally.started = ns()
            return self.metrics

        def __exit__(self, raised: Any, error: BaseException | None, trace: Any) -> Any:
            end = ns()
            tally = self.tally
            if tally is not None:
                kind = self.kind
                if kind != "async":
                    tally.started = self.outer
                    tally.ns += end - self.start
                    tally.last = end
                    tally.left += 1
                if error is not None or kind == "async":
                    self.after(tally, kind, error)
            elif error is not None and self.trace is not None:
                set_traceback(error, self.trace)
            reset_current(self.token)
            if error is None:
                return None
            as_daft = original()  # what it does with an exception, it does with this one
            as_daft.__enter__()
            return as_daft.__exit__(raised, error, error.__traceback__)

        def inc_counter(
            self, name: str, amount: int = 1, *, description: str | None = None, attributes: Any = None
        ) -> None:
            self.metrics.inc_counter(name, amount, description=description, attributes=attributes)
            tally = self.tally
            if tally is not None and not meter.is_of_fork():
                try:
                    tally.count(name, amount, attributes)
                except Exception as fault:
                    meter.fault("counter", fault)

        def before(self, tally: Tally, kind: str) -> None:
            """Tell whether this call is one that failed, and is made again."""
            try:
                tally.again = is_retry(tally, arguments_of(kind, sys._getframe(2).f_locals))
            except Exception as fault:
                meter.fault("before a call", fault)

        def after(self, tally: Tally, kind: str, error: BaseException | None) -> None:
            """Count an exception; of a coroutine function's calls, tell also which were made again."""
            try:
                if kind == "async" and tally.failures:
                    is_retry(tally, self.calls)
                if error is not None:
                    without_our_frames(error)
                    if kind == "async":
                        note_failure(tally, self.calls)
                    else:
                        tally.void += 1
                        tally.failed(error)
                        note_failure(tally, arguments_of(kind, sys._getframe(2).f_locals))
            except Exception as fault:
                meter.fault("after a call", fault)

    return MetricsContext


# -- @daft.udf --------------------------------------------------------------------------------------------------------


class Timed:
    """A function as ``run_udf`` calls it, timed; its text is the function's, which Daft puts into its messages."""

    def __init__(self, tally: Tally, function: Any) -> None:
        self.tally, self.function = tally, function

    def __repr__(self) -> str:
        return repr(self.function)

    def __format__(self, form: str) -> str:
        return format(self.function, form)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        tally = self.tally
        begin_batch(tally, arguments, options)
        tally.entered += 1
        outer = tally.started
        start = tally.started = ns()
        try:
            output = self.function(*arguments, **options)
        except BaseException as error:
            tally.failed(error)
            raise
        finally:
            tally.last = ns()
            tally.started = outer
            tally.ns += tally.last - start
            tally.left += 1
        end_batch(tally, output)
        return output


def meter_legacy(meter: Meter, legacy: Any) -> None:
    """Wrap the functions and classes of ``@daft.udf``."""
    run_udf, initialize = legacy.run_udf, legacy.UninitializedUdf.initialize

    def metered_run_udf(func: Any, *arguments: Any) -> Any:
        timed = func
        try:
            is_class = not hasattr(func, "__qualname__")
            timed = Timed(meter.tally(named(func, "legacy", is_class)), func)
        except Exception as error:
            meter.fault("run_udf", error)
        try:
            return run_udf(timed, *arguments)
        except BaseException as error:
            without_our_frames(error if error.__cause__ is None else error.__cause__)
            raise

    def metered_initialize(self: Any, init_args: Any) -> Any:
        if not isinstance(self.inner, type):
            return initialize(self, init_args)
        tally = None
        try:
            tally = meter.tally(named(self.inner, "legacy", True))
            tally.initialising = steady.time()
        except Exception as error:
            meter.fault("initialize", error)
        start = ns()
        try:
            return initialize(self, init_args)
        except BaseException as error:
            if tally is not None:
                tally.failed(error.__cause__ or error)
            raise
        finally:
            if tally is not None:
                tally.inits += 1
                tally.init_ns += ns() - start
                tally.initialising = None

    meter.patch(legacy, "run_udf", metered_run_udf)
    meter.patch(legacy.UninitializedUdf, "initialize", metered_initialize)
