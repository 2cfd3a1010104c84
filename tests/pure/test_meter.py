"""The meter counts what the function itself counts, on the native runner, and leaves its results and errors alone."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import daft
import pytest
from daft import DataType, Series, col

from daftnb import clock
from daftnb.engine import meter as meter_package
from daftnb.engine.byvalue import by_value, dafts_cloudpickle
from daftnb.engine.meter import children, naming, tally
from daftnb.engine.meter.meter import Meter, install, installed
from daftnb.engine.meter.tally import Row
from daftnb.engine.meter.travel import Call, Parcel

increment_counter = importlib.import_module("daft.udf.metrics").increment_counter
SECONDS: list[float] = []  # by the stopwatch inside a function
SEEN: list[Row] = []


@pytest.fixture
def meter() -> Iterator[Meter]:
    SECONDS.clear()
    already = installed()
    meter = install()
    yield meter
    if already is None:
        meter.uninstall()


def rows(n: int) -> daft.DataFrame:
    return daft.from_pydict({"x": list(range(n))})


def only(meter: Meter, name: str) -> tuple[tally.Function, Row]:
    """Return the one function of this name, and what was counted of it."""
    found = [(function, row) for function, row in meter.rows().items() if function.name.endswith(name)]
    assert len(found) == 1, [function for function, _ in found]
    return found[0]


@pytest.fixture(autouse=True)
def _native() -> None:
    assert daft.runners._get_runner() is None or daft.runners._get_runner().name == "native"


# -- each kind of function --------------------------------------------------------------------------------------------


@daft.func
def plain(x: int) -> int:
    start = time.perf_counter()
    time.sleep(0.002)
    SECONDS.append(time.perf_counter() - start)
    return x


def test_a_function_of_rows(meter: Meter) -> None:
    began = time.perf_counter()
    rows(50).with_column("y", plain(col("x"))).collect()
    passed = time.perf_counter() - began
    function, row = only(meter, ".plain")
    assert (function.kind, function.is_class, Path(function.file).name) == ("row", False, "test_meter.py")
    assert (row.calls, row.rows_in, row.rows_out, row.running, row.errors) == (50, 50, 50, 0, 0)
    assert sum(SECONDS) <= row.ns / 1e9 <= passed, "around the function's own stopwatch, and one at a time"
    rows(3).with_column("y", plain(col("x"))).collect()
    assert only(meter, ".plain")[1].calls == 53


@daft.func.batch(return_dtype=DataType.int64(), batch_size=10)
def batched(x: Series, _add: int) -> Series:
    start = time.perf_counter()
    time.sleep(0.01)
    SECONDS.append(time.perf_counter() - start)
    return x


def test_a_function_of_batches(meter: Meter) -> None:
    began = time.perf_counter()
    rows(45).with_column("y", batched(col("x"), 1)).collect()
    passed = time.perf_counter() - began
    function, row = only(meter, ".batched")
    assert function.kind == "batch"
    assert (row.calls, row.rows_in, row.rows_out) == (len(SECONDS), 45, 45)
    assert sum(SECONDS) <= row.ns / 1e9 <= passed * (os.cpu_count() or 1)


@daft.func
async def waiting(x: int) -> int:
    start = time.perf_counter()
    await asyncio.sleep(0.05)
    SECONDS.append(time.perf_counter() - start)
    return x


def test_a_coroutine_function_each_call_by_itself(meter: Meter) -> None:
    began = time.perf_counter()
    rows(40).with_column("y", waiting(col("x"))).collect()
    passed = time.perf_counter() - began
    function, row = only(meter, ".waiting")
    assert function.kind == "async"
    assert (row.calls, row.rows_in, row.rows_out, row.running) == (40, 40, 40, 0)
    assert passed * 40 >= row.ns / 1e9 >= sum(SECONDS) >= 40 * 0.05, "each by itself, though many wait at once"


@daft.func.batch(return_dtype=DataType.int64())
async def waiting_batch(x: Series) -> Series:
    await asyncio.sleep(0.01)
    return x


def test_a_coroutine_function_of_batches(meter: Meter) -> None:
    rows(20).with_column("y", waiting_batch(col("x"))).collect()
    function, row = only(meter, ".waiting_batch")
    assert function.kind == "async batch"
    assert (row.rows_in, row.rows_out) == (20, 20)


@daft.func
def several(x: int) -> Iterator[int]:
    yield from range(x)


def test_a_generator_gives_what_it_yields(meter: Meter) -> None:
    rows(5).select(several(col("x"))).collect()
    function, row = only(meter, ".several")
    assert function.kind == "generator"
    assert (row.calls, row.rows_in, row.rows_out) == (5, 5, 10)


@daft.cls
class Model:
    def __init__(self, seconds: float) -> None:
        time.sleep(seconds)

    def __call__(self, x: int) -> int:
        return x + 1

    @daft.method(return_dtype=DataType.int64())
    def other(self, x: int) -> int:
        return x


def test_a_class_and_how_long_it_initialised(meter: Meter) -> None:
    rows(10).with_column("y", Model(0.1)(col("x"))).collect()
    function, row = only(meter, "Model.__call__")
    assert function.is_class
    assert (row.calls, row.inits) == (10, 1)
    assert row.init_ns >= 100_000_000
    rows(4).with_column("y", Model(0.0).other(col("x"))).collect()
    assert only(meter, "Model.other")[1].calls == 4
    assert only(meter, "Model.other")[1].inits == 1


@pytest.mark.filterwarnings("ignore:.*daft.udf.*:DeprecationWarning")
def test_functions_and_classes_under_the_old_decorator(meter: Meter) -> None:
    @daft.udf(return_dtype=DataType.int64(), batch_size=4)
    def old(x: Series) -> Series:
        time.sleep(0.005)
        return x

    @daft.udf(return_dtype=DataType.int64())
    class Old:
        def __init__(self) -> None:
            time.sleep(0.05)

        def __call__(self, x: Series) -> list[int]:
            return [value + 1 for value in x.to_pylist()]

    rows(10).with_column("y", old(col("x"))).collect()
    function, row = only(meter, ".old")
    assert (function.kind, function.is_class) == ("legacy", False)
    assert (row.calls, row.rows_in, row.rows_out) == (3, 10, 10)
    assert rows(6).with_column("y", Old(col("x"))).to_pydict()["y"] == [1, 2, 3, 4, 5, 6]
    function, row = only(meter, ".Old")
    assert (function.kind, function.is_class, row.inits, row.rows_in) == ("legacy", True, 1, 6)
    assert row.init_ns >= 50_000_000


# -- exceptions and retries -------------------------------------------------------------------------------------------


def test_exceptions_that_are_ignored_and_the_calls_that_are_made_again(meter: Meter) -> None:
    @daft.func(on_error="ignore", max_retries=2)
    def flaky(x: int) -> int:
        if x in (3, 4):  # small integers: the same objects in each row
            raise ValueError(f"no {x}")
        return x

    found = rows(6).with_column("y", flaky(col("x"))).to_pydict()["y"]
    assert found == [0, 1, 2, None, None, 5]
    row = only(meter, ".flaky")[1]
    assert (row.calls, row.rows_in, row.rows_out, row.errors, row.retries) == (10, 6, 4, 6, 4)
    assert row.waited >= 4 * 75e6
    assert row.error == "ValueError: no 4"


def test_a_batch_that_is_tried_again(meter: Meter) -> None:
    tries: list[int] = []

    @daft.func.batch(return_dtype=DataType.int64(), max_retries=1)
    def once(x: Series) -> Series:
        tries.append(len(x))
        if len(tries) == 1:
            raise OSError("not yet")
        return x

    rows(8).with_column("y", once(col("x"))).collect()
    row = only(meter, ".once")[1]
    assert (row.calls, row.rows_in, row.rows_out, row.errors, row.retries) == (2, 8, 8, 1, 1)


def test_coroutines_that_are_tried_again(meter: Meter) -> None:
    tries: list[int] = []

    @daft.func(max_retries=1)
    async def later(x: int) -> int:
        tries.append(x)
        if len(tries) == 3:
            raise OSError("not yet")
        return x

    rows(5).with_column("y", later(col("x"))).collect()
    row = only(meter, ".later")[1]
    assert (row.calls, row.rows_in, row.errors, row.retries) == (10, 5, 1, 5)


@pytest.mark.parametrize("kind", ["row", "batch", "async", "class", "old"])
@pytest.mark.filterwarnings("ignore:.*daft.udf.*:DeprecationWarning")
def test_what_fails_fails_as_without_a_meter_and_shows_no_frame_of_ours(meter: Meter, kind: str) -> None:
    def failing(*_arguments: Any) -> Any:
        raise LookupError("not there")

    async def failing_later(_x: int) -> int:
        raise LookupError("not there")

    @daft.cls
    class Failing:
        def __init__(self) -> None:
            failing()

        def __call__(self, x: int) -> int:
            return x

    made: dict[str, Any] = {
        "row": lambda: daft.func(failing, return_dtype=DataType.int64()),
        "batch": lambda: daft.func.batch(return_dtype=DataType.int64())(failing),
        "async": lambda: daft.func(failing_later),
        "class": Failing,
        "old": lambda: daft.udf(return_dtype=DataType.int64())(failing),
    }
    with pytest.raises(Exception, match=r"not there|failed when executing") as caught:
        rows(3).with_column("y", made[kind]()(col("x"))).collect()
    chain, error = [], caught.value
    while error is not None:
        chain.extend(traceback.extract_tb(error.__traceback__))
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    ours = [frame for frame in chain if f"{os.sep}engine{os.sep}meter{os.sep}" in frame.filename]
    assert ours == [] or kind == "class", "a class is initialised by a frame of ours, once"
    assert sum(row.errors for function, row in meter.rows().items()) >= 1


# -- the user's own counters ------------------------------------------------------------------------------------------


def test_counters_with_their_attributes_as_the_engine_has_them_too(meter: Meter) -> None:
    @daft.func
    def tokens(x: int) -> int:
        increment_counter("input tokens", 7, attributes={"model": "m", "provider": "p"})
        increment_counter("input tokens", x, attributes={"model": "n"})
        increment_counter("requests", description="of any model")
        return x

    frame = rows(10).with_column("y", tokens(col("x"))).collect()
    counters = dict(only(meter, ".tokens")[1].counters)
    assert counters[("input tokens", (("model", "m"), ("provider", "p")))] == 70
    assert counters[("input tokens", (("model", "n"),))] == 45
    assert counters[("requests", ())] == 10
    stats = {name: entry["value"] for each in frame.metrics.to_pydict()["stats"] for name, entry in each}
    assert (stats["input tokens"], stats["requests"]) == (115, 10), "Daft still has them"


def test_a_million_counters_and_hostile_names_stay_bounded(meter: Meter) -> None:
    @daft.func
    def hostile(x: int) -> int:
        increment_counter(f"<script>{x}</script>" + "x" * 10_000, attributes={"a" * 5_000: "b" * 5_000})
        return x

    rows(1_000).with_column("y", hostile(col("x"))).collect()
    row = only(meter, ".hostile")[1]
    assert len(row.counters) == tally.MOST_COUNTERS
    assert row.left_out == 1_000 - tally.MOST_COUNTERS
    assert all(len(name) <= tally.LONGEST_NAME for (name, _), _ in row.counters)


# -- while it runs, and around it -------------------------------------------------------------------------------------


def test_a_call_that_runs_is_counted_while_it_runs(meter: Meter) -> None:
    SEEN.clear()

    @daft.func
    def looking(x: int) -> int:
        time.sleep(0.05)
        now = installed()
        assert now is not None
        SEEN.extend(row for function, row in now.rows().items() if function.name.endswith(".looking"))
        return x

    rows(1).with_column("y", looking(col("x"))).collect()
    assert (SEEN[0].running, SEEN[0].calls, SEEN[0].rows_out) == (1, 1, 0)
    assert SEEN[0].ns >= 50_000_000
    assert (only(meter, ".looking")[1].running, only(meter, ".looking")[1].rows_out) == (0, 1)


def test_taking_it_out_puts_back_what_was_there() -> None:
    if installed() is not None:
        pytest.skip("a session has put it in")
    execution = importlib.import_module("daft.udf.execution")
    before = execution._metrics_context
    meter = install()
    assert install() is meter, "once"
    assert execution._metrics_context is not before
    meter.uninstall()
    assert execution._metrics_context is before
    assert installed() is None


def test_an_error_of_our_own_is_counted_and_the_call_goes_on(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("daftnb.engine.meter.meter.function_of", broken)

    @daft.func
    def still_runs(x: int) -> int:
        return x

    assert rows(3).with_column("y", still_runs(col("x"))).to_pydict()["y"] == [0, 1, 2]
    assert [text for text in meter.faults if "a fault of ours" in text]
    meter.faults.clear()


def test_functions_are_named_as_in_plans() -> None:
    def inner() -> None: ...

    assert naming.named(inner, "row", False).name.endswith("test_functions_are_named_as_in_plans.<locals>.inner")
    assert naming.named(Path, "legacy", True).name == "pathlib.Path"
    assert naming.named(len, "row", False) == tally.Function("builtins.len", "row", False, "", 0)


# -- processes that Daft starts ---------------------------------------------------------------------------------------


def test_a_process_is_metered_and_needs_no_daftnb(meter: Meter) -> None:
    """The child unpickles our code by value: with it comes nothing that names this package's modules to import."""
    cloudpickle = dafts_cloudpickle()

    def pack(call: Call) -> bytes:
        with by_value(cloudpickle, meter_package, clock):
            return bytes(cloudpickle.dumps(call))

    parcel = cloudpickle.dumps(Parcel(pack, children.begin_in_child, "/nowhere/at/all", 7))
    script = "import sys, pickle; print(pickle.loads(sys.stdin.buffer.read())); print('daftnb' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], input=parcel, capture_output=True, cwd="/", timeout=60)
    assert ran.stdout.decode().split() == ["7", "False"], ran.stderr.decode()[-2_000:]
