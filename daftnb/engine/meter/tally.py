"""The meter's counters: what one thread has done in one function, and their sum as plain values that travel."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Lock
from typing import Any, NamedTuple, cast

from daftnb.clock import steady

MOST_COUNTERS = 100  # of one function; the increments of others are counted, and left out
LONGEST_NAME = 200  # characters of a counter's name, or of an attribute
LONGEST_ERROR = 400
MOST_ATTRIBUTES = 10
# A failed call is tried again after 75 ms at least (INITIAL_DELAY_MS less its jitter, daft-dsl, python_udf/retry.rs).
LEAST_WAIT = 70_000_000  # nanoseconds
READS = 100  # tries to read a tally between two calls

CounterKey = tuple[str, tuple[tuple[str, str], ...]]
ns = time.perf_counter_ns


class Function(NamedTuple):
    """Which function it is: what two tasks, which unpickle it each for itself, have in common."""

    name: str
    kind: str
    is_class: bool
    file: str
    line: int


class Tally:
    """Counters of one function in one thread: no two threads write to one, and any may read (:func:`row_of`).

    ``entered`` and ``left`` count calls, ``ns`` is the time of those that have left, ``void`` how many of these
    returned nothing: they raised, or were cancelled. ``started`` is when the one began that runs, 0 where none does; of
    a coroutine function several may run, whose starts are in ``open``. The function's own counters are an exception: it
    may start threads that count.
    """

    __slots__ = (
        "again",
        "counters",
        "counting",
        "entered",
        "error",
        "errors",
        "failures",
        "function",
        "init_ns",
        "initialising",
        "inits",
        "last",
        "left",
        "left_out",
        "made_again",
        "ns",
        "open",
        "retries",
        "rows_in",
        "rows_out",
        "started",
        "void",
        "waited",
    )

    def __init__(self, function: Function) -> None:
        self.function = function
        self.entered = self.left = self.void = self.started = self.ns = 0
        self.open: dict[int, int] = {}
        self.rows_in = self.rows_out = 0
        self.inits = self.init_ns = 0
        self.initialising: float | None = None  # since when, in seconds since the epoch
        self.errors = self.retries = self.waited = 0
        self.again = False  # the call that begins was made before, and failed
        self.made_again = 0  # requests, by the client of a model
        self.error = ""
        self.failures: list[tuple[int, Any]] = []  # when a call failed that may be tried again, and its arguments
        self.counters: dict[CounterKey, int] = {}
        self.left_out = 0
        self.counting = Lock()
        self.last = 0  # end of the last call

    def failed(self, error: BaseException) -> None:
        """Count an exception."""
        self.errors += 1
        self.error = described(error)

    def count(self, name: Any, amount: Any, attributes: Any) -> None:
        """Count an increment that Daft has taken: the name is text, the attributes are texts."""
        pairs = sorted(attributes.items())[:MOST_ATTRIBUTES] if attributes else ()
        key = (shortened(name), tuple((shortened(k), shortened(v)) for k, v in pairs))
        by = int(amount)
        with self.counting:
            if key in self.counters or len(self.counters) < MOST_COUNTERS:
                self.counters[key] = self.counters.get(key, 0) + by
            else:
                self.left_out += 1


def shortened(text: str) -> str:
    """Return the beginning of a text, as a plain string also of a user's class that makes itself out to be one."""
    return str.__getitem__(text, slice(LONGEST_NAME))


def described(error: BaseException) -> str:
    """Return an exception as one bounded text, whatever its own text does."""
    kind = type.__dict__["__name__"].__get__(type(error))  # whatever a metaclass has by this name
    try:
        text = str.__str__(str(error))
    except BaseException:  # whatever a user's exception raises when it is asked for its text, also SystemExit
        text = "(it has no text)"
    return f"{kind}: {text}"[:LONGEST_ERROR]


class Row(NamedTuple):
    """What a process has done in a function so far; ``running`` is how it stands now. Times are nanoseconds."""

    calls: int = 0
    rows_in: int = 0
    rows_out: int = 0
    ns: int = 0
    running: int = 0
    inits: int = 0
    init_ns: int = 0
    errors: int = 0
    retries: int = 0
    waited: int = 0
    left_out: int = 0
    error: str = ""
    counters: tuple[tuple[CounterKey, int], ...] = ()
    initialising: float | None = None  # since when
    idle_since: float | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return those of its values that are numbers."""
        return cast("tuple[int, ...]", self[: self._fields.index("error")])

    @property
    def counted(self) -> bool:
        """Return True if anything is counted; what runs now is no count."""
        return any(self._replace(running=0).numbers)

    def plus(self, other: Row) -> Row:
        """Return the sum; of what is no number, the other's where it has one."""
        counters = dict(self.counters)
        for key, value in other.counters:
            counters[key] = counters.get(key, 0) + value
        sums = (mine + its for mine, its in zip(self.numbers, other.numbers, strict=True))
        began = [since for since in (self.initialising, other.initialising) if since is not None]
        idle = [since for since in (self.idle_since, other.idle_since) if since is not None]
        error = other.error or self.error
        return Row._make([*sums, error, tuple(counters.items()), min(began, default=None), max(idle, default=None)])

    def since(self, before: Row) -> Row:
        """Return what came after ``before``, an earlier state of the same process; ``running`` is the change of it."""
        counters = dict(before.counters)
        more = tuple((key, value - counters.get(key, 0)) for key, value in self.counters)
        differences = (now - then for now, then in zip(self.numbers, before.numbers, strict=True))
        error = self.error if self.errors > before.errors else ""
        counted = tuple(pair for pair in more if pair[1] or pair[0] not in counters)
        rest = (error, counted, self.initialising, self.idle_since)
        return Row._make([*differences, *rest])


Rows = dict[Function, Row]


def row_of(tally: Tally) -> Row:
    """Return a tally as it stands, read from another thread."""
    for _ in range(READS):
        left, started, opened = tally.left, tally.started, list(tally.open.values())
        done, entered = tally.ns, tally.entered
        now = ns()
        running = [started] if started else opened
        if entered - left == len(running) and left == tally.left:
            break
        time.sleep(0)  # its thread is between two of its counters
    kind = tally.function.kind
    by_call = kind in ("row", "async", "generator")
    return Row(
        calls=entered,
        rows_in=max(0, entered - tally.retries) if by_call else tally.rows_in,
        rows_out=max(0, left - tally.void) if kind in ("row", "async") else tally.rows_out,
        ns=done + sum(max(0, now - start) for start in running),
        running=entered - left,
        inits=tally.inits,
        init_ns=tally.init_ns,
        errors=tally.errors,
        retries=tally.retries + tally.made_again,
        waited=tally.waited,
        left_out=tally.left_out,
        error=tally.error,
        counters=tuple(tally.counters.copy().items()),
        initialising=tally.initialising,
        idle_since=None if running or not tally.last else steady.time() - (now - tally.last) / 1e9,
    )


def summed(rows: Iterable[tuple[Function, Row]]) -> Rows:
    """Return the sum of the rows of each function."""
    found: Rows = {}
    for function, row in rows:
        found[function] = found[function].plus(row) if function in found else row
    return found
