"""Variables that Daft reads in its workers, set in the notebook, reach new workers, and the engine acts on them."""

from __future__ import annotations

import os
import warnings
from typing import Any

import pytest

from daftnb import options, settings
from daftnb.session import Session
from tests.cluster.scaling import await_workers, workers

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(240)]
LIMIT, INFLIGHT = "DAFT_MEMORY_LIMIT", "DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS"


def in_worker() -> tuple[str, str]:
    """What a task sees of the two variables."""
    import daft

    @daft.func
    def seen(x: int) -> str:
        return f"{os.environ.get('DAFT_MEMORY_LIMIT')} {os.environ.get('DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS')}"

    rows = daft.from_pydict({"a": [1]}).select(seen(daft.col("a"))).to_pydict()
    limit, inflight = next(iter(rows.values()))[0].split()
    return limit, inflight


def hungry(memory: int) -> Any:
    """A query of a function that asks for memory."""
    import daft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer decorator takes no memory

        @daft.udf(return_dtype=daft.DataType.int64(), memory_bytes=memory)
        def same(x: Any) -> Any:
            return x

    return daft.from_pydict({"a": [1]}).select(same(daft.col("a")))


def retire_all(session: Session) -> None:
    """Have every worker retired after one more query."""
    settings.set(downscale=True, survivors=0, idle_seconds=0)
    in_worker()
    await_workers(session, 0, 20)
    settings.reset("idle_seconds")


def test_a_new_worker_has_what_was_set_and_one_that_runs_keeps_its_own(session: Session) -> None:
    assert in_worker() == ("None", "None")
    running = len(workers(session))
    try:
        options.set(DAFT_MEMORY_LIMIT=1000, DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS=3)
        retire_all(session)
        keep = "1 worker that runs keeps" if running == 1 else f"{running} workers that run keep"
        assert [text for text in session.monitor.state.problems if f"{keep} the {INFLIGHT}, {LIMIT} of" in text]
        assert in_worker() == ("1000", "3")
        assert next(iter(hungry(1000).to_pydict().values())) == [1]
        with pytest.raises(Exception, match="Cannot request 1001 bytes, only 1000 available"):
            hungry(1001).collect()
    finally:
        options.reset(LIMIT, INFLIGHT)
        retire_all(session)
    assert in_worker() == ("None", "None")


def test_a_field_of_the_execution_config_acts_on_the_next_query(session: Session) -> None:
    import daft

    numbers = daft.from_pydict({"a": list(range(40))}).into_partitions(4)

    def partitions(most: int) -> int:
        options.set(shuffle_aggregation_default_partitions=most)
        return sum(1 for _ in numbers.groupby("a").agg(daft.col("a").count().alias("n")).iter_partitions())

    try:
        assert [partitions(2), partitions(3)] == [2, 3]
    finally:
        options.reset("shuffle_aggregation_default_partitions")
