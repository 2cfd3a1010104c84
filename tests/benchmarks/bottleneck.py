"""In how many moments the operator that takes the most time in the end is shown as the one that does.

``python -m tests.benchmarks.bottleneck FILE …`` judges recordings that are there; ``measure`` makes one: the demo's
query, a function's in a pool of actors, and TPC-H's, on a cluster of up to three workers. Of each query of at least
``SHORTEST`` seconds, ``MOMENTS`` are looked at as a page would have seen them, once the operator has taken a second.
Two things are counted: whether the operator that leads is the one that leads in the end, and whether it is the one that
had taken the most time by then: while an early stage has taken more than a later one that goes on, the two differ.

What an operator had taken by then is known afterwards: as its function had told, or else its time, as if it were spread
evenly over the time of the tasks that it runs in. An operator whose time nobody tells (on Ray a pool of actors, without
the meter) counts as one that never leads where it should.
"""

from __future__ import annotations

import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from daftnb.recordings import Recording, open_recording
from daftnb.telemetry import events as e
from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.kernel import Kernel
from tests.tpch.tables import files

AREA = "bottleneck"
MOMENTS = 200  # of each query
FIRST = 1.0  # seconds of time in an operator that are not judged
UNKNOWN = "not known"
SHORTEST = 3.0  # seconds; of a shorter query there are hardly any moments that are judged
SCALE = 1.0
TPCH = (1, 3, 9, 18)
ARTIFACTS = Path(__file__).resolve().parent.parent.parent / "artifacts"

START = """
%load_ext daftnb
%daft start --min 1 --max 3 --idle-timeout 60
import time
import daft
from daft import col
from tests.tpch.queries import queries
from tests.tpch.tables import tables

DATA = tables({patterns!r})

@daft.func
def score(order_key: int) -> int:
    time.sleep(0.05)
    return order_key % 7

@daft.cls(max_concurrency=2)
class Model:
    def __init__(self):
        time.sleep(1.0)

    @daft.method(return_dtype=daft.DataType.int64())
    def score(self, order_key: int):
        time.sleep(0.02)
        return order_key % 7

def some(partitions):
    return DATA["orders"].where(col("o_orderkey") <= 2400).select("o_orderkey").into_partitions(partitions)

def counted(frame):
    frame.groupby("score").agg(col("o_orderkey").count().alias("orders")).sort("score").collect()
"""
WORK = {
    "the demo's function": 'counted(some(60).with_column("score", score(col("o_orderkey"))))',
    "a function in a pool of actors": 'counted(some(20).with_column("score", Model().score(col("o_orderkey"))))',
    **{f"TPC-H {number}": f"queries({SCALE})[{number}](DATA).collect()" for number in TPCH},
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A query: the operator that takes the most time in the end, of how many moments, and in how many it led.

    ``then``: in how many the one led that had taken the most time by then.
    """

    number: int
    operator: str
    moments: int
    leads: int
    then: int


def judge(recording: Recording) -> Iterator[Judged]:
    """Judge each query that is long enough."""
    for query in recording.queries:
        end = recording.snapshot(query=query.number)["plan"]
        if query.ended is None or query.seconds < SHORTEST or end is None:
            continue
        final = {operator["id"]: time_of(operator) for operator in end["operators"].values()}
        top = max(final, key=lambda id_: final[id_])
        work = {id_: Work(recording, query.number, operator["stage"]) for id_, operator in by_id(end).items()}
        told = functions(recording, query.number, end)
        length = query.ended - query.started
        moments = leads = then = 0
        for i in range(MOMENTS):
            t = query.started + length * i / MOMENTS
            so_far = {id_: final[id_] * (told.get(id_) or work[id_]).share(t) for id_ in final}
            if so_far[top] < FIRST * 1e6:
                continue
            moments += 1
            plan = recording.snapshot(t, query.number)["plan"]
            shown = {o["id"]: time_of(o) for o in plan["operators"].values()} if plan is not None else {}
            leading = max(shown, key=lambda id_: shown[id_]) if any(shown.values()) else None
            leads += leading == top
            then += leading == max(so_far, key=lambda id_: so_far[id_])
        if any(is_untold(operator) for operator in end["operators"].values()):
            yield Judged(query.number, UNKNOWN, MOMENTS, 0, 0)
            continue
        yield Judged(query.number, by_id(end)[top]["name"], moments, leads, then)


def by_id(plan: Any) -> dict[int, Any]:
    """A plan's operators by their ids."""
    return {operator["id"]: operator for operator in plan["operators"].values()}


def is_untold(operator: Any) -> bool:
    """Whether it has run, and nobody has told how long."""
    return operator["duration_us"] is None and operator["derived_us"] is None and "ActorUDF" in operator["name"]


def time_of(operator: Any) -> float:
    """The time of an operator as it is shown, in µs."""
    return (operator["duration_us"] or 0) + (operator["derived_us"] or 0)


def functions(recording: Recording, query: int, plan: Any) -> dict[int, Told]:
    """What functions told over time, by the operator; of those alone that are an operator's only one."""
    found: dict[int, Told] = {}
    for key, function in plan["functions"].items():
        told = Told([event for event in recording._replay(query).events if isinstance(event, e.UdfFigures)], key)
        others = [each for each in plan["functions"].values() if each["operators"] == function["operators"]]
        if len(function["operators"]) == len(others) == 1 and told.seconds and told.seconds[-1]:
            found[function["operators"][0]] = told
    return found


class Told:
    """The seconds of a function over time, as it told them."""

    def __init__(self, figures: list[e.UdfFigures], key: str) -> None:
        mine = sorted((each.t, each.seconds) for each in figures if each.udf == key)
        self.moments, self.seconds = [t for t, _ in mine], [seconds for _, seconds in mine]

    def share(self, t: float) -> float:
        """How much of all had been taken by ``t``, evenly between two moments at which it was told."""
        place = bisect_right(self.moments, t)
        if place == len(self.moments):
            return 1.0
        later, more = self.moments[place], self.seconds[place]
        before, fewer = (self.moments[place - 1], self.seconds[place - 1]) if place else (later - 1.0, 0.0)
        passed = min(1.0, max(0.0, (t - before) / (later - before)))
        return (fewer + (more - fewer) * passed) / self.seconds[-1]


class Work:
    """The tasks of a stage over time: how much of all their time has passed by a moment."""

    def __init__(self, recording: Recording, query: int, stage: int | None) -> None:
        rows = [row for row in recording.tasks(query).to_pylist() if row["operator"] == stage]
        times = [(row["started"].timestamp(), row["ended"].timestamp()) for row in rows]
        # The time taken grows by as many seconds a second as tasks run: from one of these moments to the next evenly.
        changes = sorted([(start, 1) for start, _ in times] + [(end, -1) for _, end in times])
        self.moments = [t for t, _ in changes]
        running = list(accumulate(step for _, step in changes))
        lengths = [
            count * (later - t) for count, t, later in zip(running, self.moments, self.moments[1:], strict=False)
        ]
        self.taken = [0.0, *accumulate(lengths)]
        self.running = running

    def share(self, t: float) -> float:
        """How much of all has been taken by ``t``; 1 where no tasks are known."""
        if not self.moments or not self.taken[-1]:
            return 1.0
        place = bisect_right(self.moments, t) - 1
        if place < 0:
            return 0.0
        return (self.taken[place] + self.running[place] * (t - self.moments[place])) / self.taken[-1]


def measure(report: Report) -> None:
    """Record all of the work, and judge it."""
    kernel = Kernel()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bottleneck.arrow"
        try:
            record(kernel, path)
        finally:
            kernel.run("%daft stop")
            kernel.end()
        tell(report, open_recording(path))


def record(kernel: Kernel, path: Path) -> None:
    """Run the work in a kernel, and write its recordings to a file."""
    kernel.run(START.format(patterns=files(ARTIFACTS / "tpch", SCALE)))
    for source in WORK.values():
        kernel.run(source)
    kernel.run(f"%daft save {str(path)!r} --all")


def tell(report: Report, recording: Recording) -> None:
    """Report the shares of all moments together, and of each query."""
    judged = list(judge(recording))
    moments = sum(each.moments for each in judged)
    note = f"{len(judged)} queries, {moments:,} moments"
    for name, counts, goal in (
        ("the operator leads that does in the end", [each.leads for each in judged], Goal("median", 99.0, "least")),
        ("the operator leads that had taken the most by then", [each.then for each in judged], None),
    ):
        if moments:
            report.add(Figure(AREA, name, "%", (100 * sum(counts) / moments,), goal=goal, note=note))
        for each, count in zip(judged, counts, strict=True):
            if each.moments:
                share = 100 * count / each.moments
                report.add(Figure(AREA, f"{name}, query {each.number} ({each.operator})", "%", (share,)))


if __name__ == "__main__":
    for file in sys.argv[1:]:
        print(file)
        tell(Report(), open_recording(file))
