"""What a session costs the smallest of queries, on the native runner, in notebooks.

Three kernels take turns: Daft as it comes, which draws its progress bar; Daft with the bar off; and daftnb, loaded,
with nothing shown but what shows by itself. A turn is a cell with many queries, one after the other, and each counts. A
figure's samples are the turns' medians: of queries of two milliseconds, one in a hundred meets something else.
"""

from __future__ import annotations

from typing import Any

from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.kernel import Kernel

AREA = "native"
TURNS, QUERIES, WARM = 15, 60, 200
BAR, NO_BAR, OURS = "Daft with its bar", "Daft without a bar", "daftnb"
TINY, IN_BATCHES = Goal("ratio", 1.03), Goal("ratio", 1.01)

LOADED = "%load_ext daftnb"
QUERY = """
import json, os, statistics, time
os.environ.update({environment})
import daft
from daft import col

@daft.func.batch(return_dtype=daft.DataType.int64())
def same(x: daft.Series) -> daft.Series:
    return x

million = daft.from_pydict({{"x": list(range(1_000_000))}}).select(same(col("x")))

def where(n):
    daft.from_pydict({{"a": [1, 2, 3]}}).where(col("a") > 1).collect()

def another(n):
    daft.from_pydict({{"a": [1, 2, 3]}}).where(col("a") > n).collect()

def batch(n):
    million.count_rows()

def show(n):
    daft.from_pydict({{"a": [1, 2, 3]}}).where(col("a") > 1).show()

def turn(query, count):
    from io import StringIO
    from contextlib import redirect_stdout
    taken = []
    with redirect_stdout(StringIO()):
        began = time.perf_counter()
        for n in range(count):
            start = time.perf_counter()
            query(n)
            taken.append(time.perf_counter() - start)
        whole = (time.perf_counter() - began) / count
    return [statistics.median(taken), whole]
"""
# By name: the function in the kernels, and the goal against Daft without a bar.
KINDS: tuple[tuple[str, str, Goal | None], ...] = (
    ("from_pydict, where, collect", "where", TINY),
    ("the same with another value each time", "another", TINY),
    ("a million rows through a batch UDF", "batch", IN_BATCHES),
    ("show, which displays daftnb's preview", "show", None),
)
SEEN = """
snapshot = __import__("daftnb").get_session().snapshot()
print("\\nRESULT " + json.dumps([snapshot["session"]["problems"], list(snapshot["queries"].values())[-1]["rows"]]))
"""


def measure(report: Report) -> None:
    """Measure seconds of one query, by kind."""
    kernels: dict[str, Kernel] = {}
    try:
        for name in (BAR, NO_BAR, OURS):
            kernels[name] = kernel = Kernel()
            environment = {"DO_NOT_TRACK": "true", **({"DAFT_PROGRESS_BAR": "0"} if name == NO_BAR else {})}
            kernel.run(QUERY.format(environment=environment))
            if name == OURS:
                kernel.run(LOADED)
        for what, function, goal in KINDS:
            medians, means = rounds(kernels, function)
            for peer, to_reach in ((NO_BAR, goal), (BAR, Goal("ratio", 1.0))):
                report.add(Figure(AREA, what, "s", tuple(medians[OURS]), peer, tuple(medians[peer]), to_reach))
            told = f"{what}, with all that is between queries"
            report.add(Figure(AREA, told, "s", tuple(means[OURS]), NO_BAR, tuple(means[NO_BAR])))
        problems, rows = kernels[OURS].run(SEEN)
        if problems or rows is None:
            raise RuntimeError(f"daftnb has seen {rows} rows, and {problems}")
    finally:
        for kernel in kernels.values():
            kernel.end()


def rounds(kernels: dict[str, Kernel], function: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the median, and the mean, of each kernel's turns."""
    medians: dict[str, list[float]] = {name: [] for name in kernels}
    means: dict[str, list[float]] = {name: [] for name in kernels}
    for kernel in kernels.values():
        kernel.run(f"turn({function}, {WARM})")
    names = list(kernels)
    for number in range(TURNS):
        for name in (*names[number % len(names) :], *names[: number % len(names)]):  # who goes first changes
            found: Any = kernels[name].run(f"print('\\nRESULT ' + json.dumps(turn({function}, {QUERIES})))")
            medians[name].append(found[0])
            means[name].append(found[1])
    return medians, means
