"""``python -m tests.benchmarks.tpch [native|ray] [rounds]``: real queries, watched and unwatched.

All 22 queries of TPC-H (native runner: scale factor 1; Ray: 0.1) and four workloads (:mod:`tests.benchmarks.workloads`)
in two kernels that take turns, query by query: one with daftnb loaded, the cockpit shown and its monitor running; one
with Daft alone, its progress bars off. What they give must be the same to the last digit, and every query must have
been seen: otherwise this raises. What is kept of a query is the ratio of the two medians, of all of them the geometric
mean.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from daftnb.engine.connection.link import DRIVER_ENVIRONMENT
from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.kernel import Kernel
from tests.tpch.answers import Answers, difference
from tests.tpch.tables import files

AREA = "tpch"
PEER = "Daft alone"
SCALES = {"native": 1.0, "ray": 0.1}
WORKLOADS = ("shuffles", "UDFs", "10,000 partitions")
ROUNDS = 3
QUICK = {"native": (3, 6, 9, 12, 18), "ray": (1, 6, 12)}  # queries, with QUICK_ROUNDS and the shuffles
QUICK_ROUNDS = 2
# daftnb turns Daft's bars off by itself; on Ray they are the runner actor's, where only the job's environment reaches.
QUIET = {"DAFT_PROGRESS_BAR": "0"}
ARTIFACTS = Path(__file__).resolve().parent.parent.parent / "artifacts"

CONNECT = """
import ray
import time
for patience in range(5, -1, -1):  # a machine that has much to do may bring the head up before its node
    try:
        ray.init({address!r}, logging_level="warning", runtime_env={{"env_vars": {variables!r}}})
        break
    except ConnectionError:
        if not patience:
            raise
        time.sleep(2)
import daft
daft.set_runner_ray()
"""
WATCHED = """
%load_ext daftnb
import daftnb
%daft cockpit
"""
WORK = """
import json
from tests.benchmarks import workloads
WORK = workloads.work({runner!r}, {patterns!r}, {scale!r})

def result(value):
    print("\\nRESULT " + json.dumps(value))
"""
SEEN = """
frame = daftnb.get_session().snapshot()
queries = [[query["number"], query["state"], query["error"]] for query in frame["queries"].values()]
result({"queries": queries, "problems": frame["session"]["problems"]})
"""
# What differs from run to run in the text of an error: the process that it comes from.
PROCESS = re.compile(r"\(pid=.*\)|(?<=_base.py\", line )\d+(?=, in result)")


@dataclass(slots=True)
class Measured:
    """Of one piece of work, each round's seconds and CPU seconds of the kernel's process, by who ran it."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"watched": [], "plain": []})
    cpu: dict[str, list[float]] = field(default_factory=lambda: {"watched": [], "plain": []})

    def ratio(self, of: dict[str, list[float]] | None = None) -> float:
        values = of or self.seconds
        return statistics.median(values["watched"]) / statistics.median(values["plain"])


def main() -> int:
    """Measure all, print it, and leave the figures in artifacts/tpch-*.json."""
    runners = [each for each in sys.argv[1:] if each in SCALES] or list(SCALES)
    rounds = next((int(each) for each in sys.argv[1:] if each.isdigit()), ROUNDS)
    report = Report()
    measure_long(report, runners, rounds)
    report.write(ARTIFACTS / f"tpch-{'-'.join(runners)}.json")
    return 0


def measure(report: Report) -> None:
    """A few of the queries, on both runners: too few rounds to tell one in a hundred, so there is no goal."""
    for runner, numbers in QUICK.items():
        measured(report, runner, numbers, ("shuffles",), QUICK_ROUNDS, None)


def measure_long(report: Report, runners: Sequence[str] = tuple(SCALES), rounds: int = ROUNDS) -> None:
    """All queries and workloads on these runners."""
    for runner in runners:
        measured(report, runner, range(1, 23), WORKLOADS, rounds, Goal("median", 1.01))


def measured(
    report: Report, runner: str, numbers: Sequence[int], others: Sequence[str], rounds: int, goal: Goal | None
) -> None:
    """These queries and workloads on one runner."""
    scale = SCALES[runner]
    patterns = files(ARTIFACTS / "tpch", scale)
    queries = [f"query {number}" for number in numbers]
    print(
        f"TPC-H at scale factor {scale:g}, {runner}, {rounds} rounds in turn, load {os.getloadavg()[0]:.1f}", flush=True
    )
    with kernels(runner, patterns, scale) as pair:
        first(pair, dict(zip(queries, numbers, strict=True)), Answers(patterns, scale))
        report.add(beside(f"failing, {runner}", fail(pair, rounds)))
        found = taken_in_turn(pair, queries, rounds)
        report.add(*figures_of(f"{len(queries)} queries at scale factor {scale:g}, {runner}", found, goal))
        for name, each in taken_in_turn(pair, others, rounds).items():
            report.add(beside(f"{name}, {runner}", each.seconds))
        attended(pair["watched"], (1 + rounds) * len(queries) + rounds * (len(others) + 1))
    print(f"  load {os.getloadavg()[0]:.1f}", flush=True)


def beside(name: str, seconds: dict[str, list[float]]) -> Figure:
    return Figure(AREA, name, "s", tuple(seconds["watched"]), PEER, tuple(seconds["plain"]))


@contextmanager
def kernels(runner: str, patterns: dict[str, str], scale: float) -> Iterator[dict[str, Kernel]]:
    """Two kernels on one runner, and the cluster where that is Ray."""
    source = WORK.format(runner=runner, patterns=patterns, scale=scale)
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=1, cpus=2, idle_timeout=600))
    pair: dict[str, Kernel] = {}
    try:
        environment = {"DO_NOT_TRACK": "true", **QUIET}
        if runner == "ray":
            cluster.start(print)
            # Downscaling is off in plain Daft unless it is asked for, and it would measure the starting of workers.
            environment |= {"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "0", **DRIVER_ENVIRONMENT}
            environment |= cluster.connection_environment()
        connect = CONNECT.format(address=cluster.address, variables=QUIET) if runner == "ray" else ""
        for name in ("watched", "plain"):
            pair[name] = kernel = Kernel()
            kernel.run(f"import os\nos.environ.update({environment!r})\n{connect}")
            kernel.run(WATCHED if name == "watched" else "")
            kernel.run(source)
        yield pair
    finally:
        for kernel in pair.values():
            kernel.end()
        cluster.stop()


def turns(names: Sequence[str], rounds: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each name in each round, and who runs it first and second; that changes, as caches and clocks do."""
    for turn in range(rounds):
        for place, name in enumerate(names):
            yield name, ("watched", "plain") if (turn + place) % 2 else ("plain", "watched")


def first(pair: dict[str, Kernel], numbers: dict[str, int], answers: Answers) -> None:
    """Each query once, not counted: files are read, workers are started. RuntimeError unless DuckDB says the same."""
    with tempfile.TemporaryDirectory() as folder:
        for name, number in numbers.items():
            for who, kernel in pair.items():
                path = str(Path(folder) / who)
                kernel.run(f"workloads.timed(WORK[{name!r}], {path!r})")
                wrong = difference(table_of(path), answers[number])
                if wrong:
                    raise RuntimeError(f"{name}, {who}: {wrong}")


def taken_in_turn(pair: dict[str, Kernel], names: Sequence[str], rounds: int) -> dict[str, Measured]:
    """Each piece of work in both kernels in each round. What they give is compared every time: RuntimeError."""
    found = {name: Measured() for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for name, order in turns(names, rounds):
            rows = {}
            for who in order:
                path = str(Path(folder) / who)
                seconds, cpu = pair[who].run(f"result(workloads.timed(WORK[{name!r}], {path!r}))")
                found[name].seconds[who].append(seconds)
                found[name].cpu[who].append(cpu)
                rows[who] = sorted_rows(path)
            if rows["watched"] != rows["plain"]:
                raise RuntimeError(f"{name}: watched, Daft gives other rows than alone")
    return found


def table_of(path: str) -> pa.Table:
    with pa.ipc.open_file(path) as file:
        return file.read_all()


def sorted_rows(path: str) -> list[tuple[str, ...]]:
    """The rows of an Arrow file, every value in full; in one order, as rows that are equal in a sort have none."""
    table = table_of(path)
    if not table.num_rows:
        raise RuntimeError("a query gave no rows, which proves nothing")
    names = (repr(table.column_names),)
    return [names, *sorted(tuple(map(repr, row)) for row in zip(*(each.to_pylist() for each in table), strict=True))]


def fail(pair: dict[str, Kernel], rounds: int) -> dict[str, list[float]]:
    """Seconds until a failure is seen; RuntimeError unless both kernels' users see the same one, and daftnb says so."""
    seconds: dict[str, list[float]] = {"watched": [], "plain": []}
    for _, order in turns(["failing"], rounds):
        said = {}
        for who in order:
            took, kind, text = pair[who].run("result(workloads.failed(WORK['failing']))")
            seconds[who].append(took)
            said[who] = kind, PROCESS.sub("", text)
        if said["watched"] != said["plain"] or "is not to be had" not in said["plain"][1]:
            raise RuntimeError(f"the user does not see the engine's own error: {said}")
        _, state, error = pair["watched"].run(SEEN)["queries"][-1]
        if state != "failed" or "is not to be had" not in str(error):
            raise RuntimeError(f"daftnb says of a query that failed: {state}, {error}")
    return seconds


def attended(kernel: Kernel, count: int) -> None:
    """RuntimeError unless the watching kernel has seen so many queries end, and has no problem to tell of."""
    seen = kernel.run(SEEN)
    states = {state for _, state, _ in seen["queries"]}
    last = seen["queries"][-1][0]
    if last != count or not states <= {"finished", "failed"} or seen["problems"]:
        raise RuntimeError(f"daftnb did not follow {count} queries: {last}, {states}, {seen['problems']}")


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def figures_of(name: str, queries: dict[str, Measured], goal: Goal | None) -> Iterator[Figure]:
    """The medians of each query, the geometric mean of their ratios, and that of the CPU time of the kernels."""
    found = list(queries.values())
    medians = {who: tuple(statistics.median(each.seconds[who]) for each in found) for who in ("watched", "plain")}
    yield Figure(AREA, name, "s", medians["watched"], PEER, medians["plain"], note="the median of each query")
    pairs = zip(*(zip(each.seconds["watched"], each.seconds["plain"], strict=True) for each in found), strict=True)
    by_round = [geometric_mean([watched / plain for watched, plain in turn]) for turn in pairs]
    ratio = geometric_mean([each.ratio() for each in found])
    note = "in each round " + ", ".join(f"{value:.3f}" for value in by_round)
    yield Figure(AREA, f"{name}, geometric mean of watched ÷ alone", "×", (ratio,), goal=goal, note=note)
    cpu = geometric_mean([each.ratio(each.cpu) for each in found])
    yield Figure(AREA, f"{name}, the same of the kernels' CPU time", "×", (cpu,))


if __name__ == "__main__":
    sys.exit(main())
