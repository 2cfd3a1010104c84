"""How costs grow with tasks, workers and operators.

No Ray: generated streams (:mod:`tests.benchmarks.stream`) of about half a minute, of which one size grows while the
others stay. Measured: what the state keeps in memory, traced; time to fold an event; time to make a snapshot; messages
and bytes that a cockpit sends. Times are the process's own (CPU time).
"""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from collections.abc import Iterator

from daftnb.telemetry.model import State
from daftnb.telemetry.state import apply
from daftnb.widgets.views import Cockpit
from tests.benchmarks.figures import Figure, Report
from tests.benchmarks.scale import fold, sent, snapshots
from tests.benchmarks.stream import stream

AREA = "growth"
SECONDS = 30.0
WORKERS, OPERATORS = 25, 20  # of the curves in which they do not grow
EACH = 40  # tasks for each worker, in the curves that are not of tasks
CURVES: dict[str, tuple[int, ...]] = {
    "tasks": (1_000, 10_000, 100_000),
    "workers": (1, 10, 100, 1_000),
    "operators": (10, 100, 200),
}
NOTES = {
    "tasks": f"generated events: {WORKERS} workers, {OPERATORS} operators",
    "workers": f"generated events: {EACH} tasks for each worker, {OPERATORS} operators",
    "operators": f"generated events: {WORKERS} workers, {EACH * WORKERS:,} tasks",
}


def measure(report: Report) -> None:
    """A curve for each cost and each size."""
    for grows, sizes in CURVES.items():
        found: dict[tuple[str, str], list[float]] = {}
        for size in sizes:
            for what, value in costs(*shape(grows, size)):
                found.setdefault(what, []).append(value)
        for (name, unit), values in found.items():
            at = tuple(map(float, sizes))
            report.add(Figure(AREA, f"{name}, by {grows}", unit, tuple(values), at=at, note=NOTES[grows]))


def shape(grows: str, size: int) -> tuple[int, int, int]:
    """Workers, operators and tasks, where one of them grows."""
    workers = size if grows == "workers" else WORKERS
    return workers, size if grows == "operators" else OPERATORS, size if grows == "tasks" else EACH * workers


def costs(workers: int, operators: int, tasks: int) -> Iterator[tuple[tuple[str, str], float]]:
    """What, in which unit, and how much, of one size."""
    pulls = list(stream(workers, operators, tasks, SECONDS))
    yield ("memory of the state", "kB"), traced(workers, operators, tasks) / 1e3
    yield ("folding an event", "µs"), 1e6 / statistics.median(fold(pulls) for _ in range(3))
    yield ("a snapshot in the kernel", "ms"), 1e3 * statistics.median(seconds for _, seconds in snapshots(pulls))
    to_page = sent(Cockpit, pulls)
    yield ("messages to the page", "1/s"), statistics.median(to_page.messages)
    yield ("bytes to the page", "kB/s"), statistics.median(to_page.bytes) / 1e3


def traced(workers: int, operators: int, tasks: int) -> int:
    """Bytes that a state keeps of all this, once it is over; the events go as they do in a kernel."""
    tracemalloc.start()
    try:
        state = State()
        for pull in stream(workers, operators, tasks, SECONDS):
            for event in pull:
                apply(event, state)
        del pull, event
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
