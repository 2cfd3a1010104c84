"""What counting a user's functions costs, and how exact it is: functions that do nothing, on the native runner.

Plain and watched take turns in one process. Watched is once by the meter alone, and once by a whole session, with what
it shows. How exact: a function keeps its own stopwatch and counts its own calls.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import daft
from daft import DataType, Series, col

from daftnb.engine.meter.meter import install
from daftnb.engine.meter.tally import Row
from daftnb.session import Session
from tests.benchmarks.figures import Figure, Goal, Report, taken

AREA = "functions"
ROWS, COROUTINES = 1_000_000, 50_000  # Daft takes twenty times as long for a coroutine as for a row
ROUNDS = 9
PEER = "plain Daft"
BY_ROW, IN_BATCHES = Goal("ratio", 1.05), Goal("ratio", 1.01)
EXACT_CALLS, SLEEP = 200, 0.005
SECONDS: list[float] = []  # by the stopwatch in the function


@daft.func
def row(x: int) -> int:
    """Do nothing with a row."""
    return x


@daft.func.batch(return_dtype=DataType.int64())
def batch(x: Series) -> Series:
    """Do nothing with a batch."""
    return x


@daft.func.batch(return_dtype=DataType.int64(), batch_size=1_000)
def small_batch(x: Series) -> Series:
    """Do nothing with a batch of a thousand rows."""
    return x


@daft.func
async def coroutine(x: int) -> int:
    """Do nothing with a row, as a coroutine."""
    return x


@daft.func
def timed(x: int) -> int:
    """Take a moment, and say how long."""
    began = time.perf_counter()
    time.sleep(SLEEP)
    SECONDS.append(time.perf_counter() - began)
    return x


@daft.func
async def timed_coroutine(x: int) -> int:
    """Take a moment, and say how long, as a coroutine."""
    began = time.perf_counter()
    await asyncio.sleep(SLEEP)
    SECONDS.append(time.perf_counter() - began)
    return x


KINDS: tuple[tuple[str, Any, int, Goal | None], ...] = (
    ("row by row", row, ROWS, BY_ROW),
    ("in batches", batch, ROWS, IN_BATCHES),
    ("in batches of 1,000", small_batch, ROWS, None),
    ("coroutines", coroutine, COROUTINES, None),
)


def measure(report: Report) -> None:
    """Measure what it costs, by the meter and by a session, and how exact it is."""
    for by, watched in (("the meter", by_meter), ("a session", by_session)):
        for name, function, rows, goal in KINDS:
            frame = daft.from_pydict({"x": list(range(rows))}).select(function(col("x"))).count_rows
            frame()
            plain, ours = [], []
            for turn in range(ROUNDS):
                for first in (turn % 2 == 0, turn % 2 == 1):  # who goes first changes
                    if first:
                        plain.append(taken(frame))
                    else:
                        ours.append(watched(frame))
            told = f"{rows:,} rows {name}, watched by {by}"
            report.add(Figure(AREA, told, "s", tuple(ours), PEER, tuple(plain), goal))
    for name, function in (("row by row", timed), ("coroutines", timed_coroutine)):
        exact(report, name, function)


def by_meter(action: Callable[[], Any]) -> float:
    """Return the seconds of a query with the meter in this process, which has met the function before."""
    meter = install()
    try:
        action()
        return taken(action)
    finally:
        meter.uninstall()


def by_session(action: Callable[[], Any]) -> float:
    """Return the seconds of a query in a session, which is there before and after."""
    session = Session()
    session.monitor.start()
    try:
        action()
        return taken(action)
    finally:
        session.close()


def exact(report: Report, name: str, function: Any) -> None:
    """Compare what the meter has counted with what the function has."""
    SECONDS.clear()
    meter = install()
    try:
        daft.from_pydict({"x": list(range(EXACT_CALLS))}).select(function(col("x"))).collect()
        (counted,) = [each for which, each in meter.rows().items() if ".timed" in which.name]
    finally:
        meter.uninstall()
    report.add(*compared(name, counted))


def compared(name: str, counted: Row) -> tuple[Figure, Figure]:
    """Return how far the seconds and the calls are from the function's own."""
    off = abs(counted.ns / 1e9 / sum(SECONDS) - 1) * 100
    wrong = abs(counted.calls - len(SECONDS))
    return (
        Figure(AREA, f"seconds off the function's own, {name}", "%", (off,), goal=Goal("median", 1.0)),
        Figure(AREA, f"calls off the function's own, {name}", "calls", (float(wrong),), goal=Goal("median", 0.0)),
    )
