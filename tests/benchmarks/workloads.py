"""What the kernels of :mod:`tests.benchmarks.tpch` run: TPC-H's queries, and four workloads that strain one thing each.

Imported in the kernels, and by the workers of a cluster, which have no daftnb loaded: it takes Daft alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import daft
import pyarrow as pa
from daft import col

from tests.tpch.queries import queries
from tests.tpch.tables import tables

if TYPE_CHECKING:
    from daft import DataFrame

    Build = Callable[[], DataFrame]

# By runner: a task on Ray costs milliseconds, so less data keeps it as busy.
ROWS = {"native": 2_000_000, "ray": 500_000}  # of the shuffles
CALLED = {"native": 400_000, "ray": 200_000}  # rows for each of the two UDFs
BAD_ROW = 7_777


def work(runner: str, patterns: dict[str, str], scale: float) -> dict[str, Build]:
    """All that is measured, by name; each gives a dataframe that has not run."""
    data = tables(patterns)
    return {
        **{f"query {number}": partial(query, data) for number, query in queries(scale).items()},
        "shuffles": partial(shuffles, ROWS[runner], runner == "ray"),
        "UDFs": partial(udfs, CALLED[runner]),
        "10,000 partitions": partial(partitions, 10_000, runner == "ray"),
        "failing": failing,
    }


def shuffles(rows: int, hashed: bool) -> DataFrame:
    """Two tables joined and grouped by a key of half as many values as there are rows.

    ``hashed``: into partitions before that, which the native runner does not do.
    """
    keys = rows // 2
    left = daft.range(rows, partitions=8).with_columns({"k": col("id") * 7919 % keys, "v": col("id") % 1000})
    right = daft.range(keys, partitions=8).select(col("id").alias("k"), (col("id") * 31 % 997).alias("w"))
    if hashed:
        left, right = left.repartition(16, "k"), right.repartition(16, "k")
    groups = left.join(right, on="k").groupby("k").agg(col("v").sum(), col("w").max(), col("id").count().alias("rows"))
    return groups.groupby("w").agg(col("v").sum(), col("k").sum(), col("rows").sum()).sort("w")


@daft.func
def scrambled(x: int) -> int:
    return (x * 2_654_435_761 + 12_345) % 2**32


@daft.cls(max_concurrency=1)
class Scored:
    """Has a state that takes a while to make, as a model would, and is kept by an actor."""

    def __init__(self, size: int) -> None:
        self.weights = [i * i % 251 for i in range(size)]

    @daft.method(return_dtype=daft.DataType.int64())
    def score(self, x: int) -> int:
        return x + self.weights[x % len(self.weights)]


def udfs(rows: int) -> DataFrame:
    """Each row through a function, and through a method of an instance of a class."""
    frame = daft.range(rows, partitions=8).with_column("a", scrambled(col("id")))
    frame = frame.with_column("b", Scored(100_000).score(col("a")))
    return frame.groupby((col("id") % 100).alias("group")).agg(col("a").sum(), col("b").max()).sort("group")


def partitions(count: int, split: bool) -> DataFrame:
    """So many small partitions: ``split`` into them, a task to each on Ray; or scanned, natively."""
    frame = (
        daft.range(10 * count, partitions=4).into_partitions(count)
        if split
        else daft.range(10 * count, partitions=count)
    )
    return frame.where(col("id") % 10 != 3)


@daft.func
def refuses(x: int) -> int:
    if x == BAD_ROW:
        raise ValueError(f"row {x} is not to be had")
    return x


def failing() -> DataFrame:
    """Fails in a UDF, in the middle of other tasks."""
    return daft.range(20_000, partitions=20).with_column("b", refuses(col("id"))).sort("b")


def timed(build: Build, path: str) -> tuple[float, float]:
    """Run it: seconds until it is there, and this process's CPU seconds. What it gives is left at ``path``."""
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    frame = build().collect()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    table = frame.to_arrow()
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)
    return seconds, cpu


def failed(build: Build) -> tuple[float, str, str]:
    """Run what fails: seconds until the user's code sees it, the type of what it sees, and its text."""
    began = time.perf_counter()
    try:
        build().collect()
    except Exception as error:
        return time.perf_counter() - began, f"{type(error).__module__}.{type(error).__qualname__}", str(error)
    raise AssertionError("it did not fail")
