"""What functions do that the meter must bear: each is run without it and with it, and the outcome is the same.

Where Daft's own engine would turn an exception into text, or hang, Daft's functions are called as its engine does.
"""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import functools
import gc
import importlib
import inspect
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import daft
import numpy
import pytest
from daft import DataType, Series, col

from daftnb.engine.meter import meter as metering
from daftnb.engine.meter.children import Children, Writer
from daftnb.engine.meter.meter import Meter, install, installed
from daftnb.engine.meter.tally import LONGEST_NAME, MOST_COUNTERS, Function, Row, Rows, Tally
from daftnb.engine.queries.functions import NativeFunctions, key_of
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.telemetry import events as e
from tests.conftest import await_that

INT = DataType.int64()
execution: Any = importlib.import_module("daft.udf.execution")
legacy: Any = importlib.import_module("daft.udf.legacy")
increment_counter = importlib.import_module("daft.udf.metrics").increment_counter
METER = f"{os.sep}engine{os.sep}meter{os.sep}"
# A frame of Daft's that the meter calls functions of rows without; and how a future is waited for, a matter of time.
PASSED_OVER = ("bound_method", "result", "__get_result")


@pytest.fixture(autouse=True)
def _unmetered() -> Iterator[None]:
    if installed() is not None:
        pytest.skip("a session has put the meter in")
    yield
    assert installed() is None


class Outcome(NamedTuple):
    result: Any
    error: str
    trace: list[str]


def outcome(ask: Callable[[], Any]) -> Outcome:
    """Return what comes of it: a result, or an exception with the frames of it and of its causes."""
    try:
        return Outcome(ask(), "", [])
    except BaseException as error:
        return Outcome(None, " <- ".join(map(text_of, chain_of(error))), frames_of(error))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def text_of(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException as another:  # what the text of a hostile exception raises
        return f"{type(error).__name__} ({type(another).__name__})"


def frames_of(error: BaseException) -> list[str]:
    """Return the frames of an exception's traceback, and of its causes', but for those before Daft's call."""
    found = []
    for each in chain_of(error):
        for frame in traceback.extract_tb(each.__traceback__):
            if frame.name not in PASSED_OVER:
                found.append(f"{frame.filename}:{frame.lineno} {frame.name}: {frame.line}")
    return found


def compare(ask: Callable[[], Any], with_traces: bool = True) -> tuple[Outcome, Meter]:
    """Do it without a meter and with one; return the outcome, which is the same, and the meter."""
    without = outcome(ask)
    meter = install()
    try:
        metered = outcome(ask)
    finally:
        meter.uninstall()
    assert metered[:2] == without[:2]
    if with_traces:
        assert metered.trace == without.trace
        assert [frame for frame in metered.trace if METER in frame] == []
    return metered, meter


def only(rows: Rows) -> tuple[Function, Row]:
    [found] = rows.items()
    return found


def rows(n: int) -> daft.DataFrame:
    return daft.from_pydict({"x": list(range(n))})


def result_of(function: Any, n: int = 3) -> Callable[[], Any]:
    """Return what asks Daft for the column that a function makes of ``n`` rows."""
    return lambda: rows(n).select(function(col("x")).alias("y")).to_pydict()["y"]


def call(function: Any, values: list[int]) -> Any:
    """Call a function as Daft's engine does; ``values``: its rows, or its batch."""
    arguments: Any = ((col("x"),), {})
    head = (function._cls, function._method)
    if function.is_batch:
        batch = [Series.from_pylist(values)._series]
        if function.is_async:
            return Series._from_pyseries(in_a_loop(execution.call_batch_async(*head, arguments, batch))[0]).to_pylist()
        return Series._from_pyseries(execution.call_batch_func(*head, arguments, batch)[0]).to_pylist()
    if function.is_async:
        called = execution.call_async_func_batched(*head, INT._dtype, arguments, [[value] for value in values])
        return Series._from_pyseries(in_a_loop(called)[0]).to_pylist()
    return [execution.call_func(*head, arguments, [value])[0] for value in values]


def in_a_loop(coroutine: Any) -> Any:
    """Run a coroutine in a loop, and a thread, of its own: what is no Exception breaks the loop."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()


# -- exceptions -------------------------------------------------------------------------------------------------------


class Ended(BaseException):
    """An exception that is no Exception."""


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Deadly(Exception):
    def __str__(self) -> str:
        raise SystemExit("no text, and no process")

    __repr__ = __str__


class Unsent(Exception):
    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot be pickled")


class Named(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]  # a property of it, which raises
        raise LookupError("no name")


class Nameless(Exception, metaclass=Named):
    pass


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


RAISED: dict[str, Callable[[], BaseException]] = {
    "an Exception": lambda: LookupError("not there"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "StopIteration": lambda: StopIteration(4),
    "no Exception": lambda: Ended("it is over"),
    "without a text": Silent,
    "a text that ends the process": Deadly,
    "a huge text": lambda: ValueError("x" * 5_000_000),
    "not to be pickled": lambda: Unsent("here"),
}


def raising(kind: str, make: Callable[[], BaseException]) -> Any:
    """Return a function of a kind that raises for the rows from 1 on."""

    def row(x: int) -> int:
        if x:
            raise make()
        return x

    def batch(_x: Series) -> Series:
        raise make()

    async def later(x: int) -> int:
        return row(x)

    async def later_batch(x: Series) -> Series:
        return batch(x)

    made = {
        "row": lambda: daft.func(row),
        "batch": lambda: daft.func.batch(return_dtype=INT)(batch),
        "async": lambda: daft.func(later),
        "async batch": lambda: daft.func.batch(return_dtype=INT)(later_batch),
    }
    return made[kind]()


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("kind", ["row", "batch", "async", "async batch"])
def test_what_a_function_raises_comes_out_as_without_a_meter(kind: str, name: str) -> None:
    if kind.startswith("async") and name in ("StopIteration", "a text that ends the process"):
        pytest.skip("no coroutine can raise it, or asyncio is ended by it")
    function = raising(kind, RAISED[name])
    ends_the_loop = kind.startswith("async") and name in ("KeyboardInterrupt", "SystemExit")  # at once, by asyncio
    found, meter = compare(lambda: call(function, [0, 1]), with_traces=not ends_the_loop)
    assert found.error and meter.faults == {}
    _, row = only(meter.rows())
    assert (row.errors, row.running) == (0 if kind == "async" and name == "GeneratorExit" else 1, 0)
    assert row.rows_out == (1 if kind in ("row", "async") else 0)
    assert len(row.error) <= 400


@pytest.mark.parametrize("kind", ["row", "batch", "async", "async batch"])
def test_an_exception_that_nothing_can_be_set_of_is_counted_too(kind: str) -> None:
    """Python's ``contextlib``, with which Daft calls functions, makes another error of it; the meter does, too."""
    function = raising(kind, lambda: Frozen(5))
    _, meter = compare(lambda: call(function, [0, 1]), with_traces=False)
    assert (only(meter.rows())[1].errors, meter.faults) == (1, {})


@pytest.mark.parametrize("name", ["an Exception", "KeyboardInterrupt", "SystemExit", "StopIteration"])
def test_a_query_fails_with_what_its_function_raises(name: str) -> None:
    function = raising("row", RAISED[name])
    found, meter = compare(result_of(function, 2))
    assert found.error and only(meter.rows())[1].errors == 1


@pytest.mark.parametrize("name", ["an Exception", "KeyboardInterrupt", "no Exception"])
@pytest.mark.parametrize("kind", ["row", "batch", "async", "async batch"])
def test_an_object_that_cannot_be_made_fails_where_daft_makes_it(kind: str, name: str) -> None:
    class Model:
        def __init__(self) -> None:
            raise RAISED[name]()

        def row(self, x: int) -> int:
            return x

        async def later(self, x: int) -> int:
            return x

        @daft.method.batch(return_dtype=INT)
        def batch(self, x: Series) -> Series:
            return x

        @daft.method.batch(return_dtype=INT)
        async def later_batch(self, x: Series) -> Series:
            return x

    method = {"row": "row", "batch": "batch", "async": "later", "async batch": "later_batch"}[kind]
    made = daft.cls(Model)
    ends_the_loop = kind.startswith("async") and name == "KeyboardInterrupt"
    found, meter = compare(lambda: call(getattr(made(), method), [1, 2]), with_traces=not ends_the_loop)
    assert found.error and meter.faults == {}
    _, row = only(meter.rows())
    assert (row.inits, row.errors, row.calls, row.running, row.initialising) == (1, 1, 0, 0, None)


def test_each_try_to_make_an_object_counts() -> None:
    tries: list[int] = []

    @daft.cls(on_error="ignore")
    class Late:
        def __init__(self) -> None:
            tries.append(len(tries))
            if len(tries) % 4:
                raise OSError("not yet")

        def __call__(self, x: int) -> int:
            return x

    found, meter = compare(lambda: result_of(Late(), 6)())
    assert found.result == [None, None, None, 3, 4, 5]
    _, row = only(meter.rows())
    assert (row.inits, row.errors, row.calls, row.rows_out) == (4, 3, 3, 3)


def old_udf(function: Any) -> Any:
    with pytest.warns(DeprecationWarning):
        return daft.udf(return_dtype=INT)(function)


def call_old(function: Any) -> Any:
    given = legacy.BoundUDFArgs(inspect.signature(function).bind(col("x")))
    series = Series.from_pylist([1, 2], name="x")
    return Series._from_pyseries(legacy.run_udf(function, given, [series], INT._dtype, 1)).to_pylist()


@pytest.mark.parametrize("name", ["an Exception", "not to be pickled", "a huge text"])
def test_what_a_function_under_the_old_decorator_raises_comes_out_as_without_a_meter(name: str) -> None:
    def old(_x: Series) -> NoReturn:
        raise RAISED[name]()

    function = old_udf(old)
    found, meter = compare(result_of(function))
    assert found.error.startswith("UDFException: User-defined function `<function ")
    assert only(meter.rows())[1].errors == 1


class Called:
    """An object that is called; its text, which Daft has in its message, is not what represents it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __str__(self) -> str:
        return "the text of it"

    def __call__(self, x: Series) -> NoReturn:
        raise self.error


@pytest.mark.parametrize("error", [LookupError("none"), KeyboardInterrupt("stop"), SystemExit(2), Ended()])
def test_an_object_under_the_old_decorator_is_called_by_its_own_text(error: BaseException) -> None:
    def ask() -> Any:
        try:
            return call_old(Called(error.with_traceback(None)))
        except BaseException as raised:
            trace = raised.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_name != "run_udf":
                trace = trace.tb_next  # the engine calls the meter's, whose frame is the outermost, and shows nobody
            raise raised.with_traceback(trace) from raised.__cause__

    found, meter = compare(ask)
    if isinstance(error, Exception):
        assert "`the text of it` failed when executing" in found.error
    assert only(meter.rows())[1].errors == 1


# -- what batches return ----------------------------------------------------------------------------------------------


class Endless(list[int]):
    """A list that has no length to tell."""

    def __len__(self) -> int:
        raise SystemExit("counted")


class Unmeasured:
    def __len__(self) -> int:
        raise KeyboardInterrupt("counted")


RETURNED: dict[str, tuple[Callable[[Series], Any], int]] = {  # and how many rows that is
    "fewer rows": (lambda x: x.slice(0, 1), 1),
    "more rows": (lambda x: [*x.to_pylist(), 7], 4),
    "no rows": (lambda _: [], 0),
    "other types": (lambda _: ["a", "b", "c"], 3),
    "nothing": (lambda _: None, 0),
    "a text": (lambda _: "abc", 0),
    "a generator": (lambda x: iter(x.to_pylist()), 0),
    "an array": (lambda _: numpy.arange(3), 3),
    "an array without dimensions": (lambda _: numpy.array(3), 0),
    "arrow": (lambda x: x.to_arrow(), 3),
    "a list that raises when measured": (lambda _: Endless([1, 2, 3]), 3),
    "an object that raises when measured": (lambda _: Unmeasured(), 0),
}


@pytest.mark.parametrize("name", RETURNED)
@pytest.mark.parametrize("kind", ["batch", "async batch", "legacy"])
@pytest.mark.filterwarnings("ignore:.*daft.udf.*:DeprecationWarning")
def test_whatever_a_batch_returns_is_left_to_daft(kind: str, name: str) -> None:
    make, length = RETURNED[name]

    async def later(x: Series) -> Any:
        return make(x)

    def now(x: Series) -> Any:
        return make(x)

    if kind == "legacy":
        with pytest.warns(DeprecationWarning):
            function: Any = daft.udf(return_dtype=INT)(now)
        _, meter = compare(result_of(function))
    else:
        function = daft.func.batch(return_dtype=INT)(later if kind == "async batch" else now)
        _, meter = compare(lambda: call(function, [1, 2, 3]))
    _, row = only(meter.rows())
    assert (row.calls, row.rows_in, row.rows_out, row.errors, meter.faults) == (1, 3, length, 0, {})


@pytest.mark.parametrize("name", ["fewer rows", "more rows", "other types", "an object that raises when measured"])
def test_a_query_whose_batch_returns_something_else_ends_as_without_a_meter(name: str) -> None:
    make, length = RETURNED[name]
    _, meter = compare(result_of(daft.func.batch(return_dtype=INT)(make)))
    assert only(meter.rows())[1].rows_out == length


# -- forks and threads ------------------------------------------------------------------------------------------------


def test_what_a_function_forks_counts_nothing_twice() -> None:
    @daft.func
    def forking(x: int) -> int:
        increment_counter("calls")
        child = os.fork()
        if not child:
            try:
                increment_counter("calls", 1_000)
            finally:
                os._exit(x)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    found, meter = compare(result_of(forking, 4))
    assert found.result == [0, 1, 2, 3]
    _, row = only(meter.rows())
    assert (row.calls, row.rows_out, row.running, row.counters) == (4, 4, 0, ((("calls", ()), 4),))


def test_a_function_may_have_processes_of_multiprocessing() -> None:
    fork = multiprocessing.get_context("fork")

    @daft.func.batch(return_dtype=INT)
    def squares(x: Series) -> list[int]:
        def work(value: int, put: Any) -> None:
            put.send(value * value)

        found = []
        for value in x.to_pylist():
            take, put = fork.Pipe(duplex=False)
            process = fork.Process(target=work, args=(value, put))
            process.start()
            found.append(take.recv())
            process.join()
        return found

    found, meter = compare(lambda: call(squares, [2, 3]))
    assert found.result == [4, 9]
    _, row = only(meter.rows())
    assert (row.calls, row.rows_in, row.rows_out, row.running) == (1, 2, 2, 0)


def test_a_fork_of_the_process_leaves_files_and_their_contents_alone(tmp_path: Path) -> None:
    meter = install()
    try:
        children = Children(meter, pickle.dumps, "")
        path = children.new_file()
        assert path is not None
        own = tmp_path / "counts"
        own.write_text("what the process itself has told")
        writer = Writer(meter, str(own))
        writer.lock.acquire()  # as a thread may have it while another forks
        child = os.fork()
        if not child:
            try:
                children.close()
                writer.stop()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert own.read_text() == "what the process itself has told"
        assert os.path.exists(path)
        children.close()
        assert not os.path.exists(path)
    finally:
        meter.uninstall()


EACH, THREADS = 2_000, 8


def test_threads_of_a_function_count_all_together() -> None:
    """In a copy of the function's context each; in an empty one Daft counts nothing, and neither does the meter."""

    def work() -> None:
        for _ in range(EACH):
            increment_counter("steps")

    @daft.func
    def threaded(x: int) -> int:
        with ThreadPoolExecutor(THREADS) as executor:
            for _ in range(THREADS):
                executor.submit(contextvars.copy_context().run, work)
            executor.submit(increment_counter, "elsewhere")
        return x

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with pytest.warns(RuntimeWarning, match="only be recorded during execution"):
            found, meter = compare(lambda: call(threaded, [1, 2]))
    finally:
        sys.setswitchinterval(before)
    assert found.result == [1, 2]
    assert only(meter.rows())[1].counters == ((("steps", ()), 2 * THREADS * EACH),)


class Slowly(dict[Any, int]):
    """Counters that are slow to be read, so that threads come in between."""

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key, default)
        time.sleep(0.001)
        return found


def test_no_increment_is_lost_between_threads() -> None:
    tally = Tally(Function("f", "row", False, "", 0))
    tally.counters = Slowly()
    with ThreadPoolExecutor(4) as executor:
        for _ in range(40):
            executor.submit(tally.count, "steps", 1, None)
    assert tally.counters == {("steps", ()): 40}


# -- which function it is ---------------------------------------------------------------------------------------------


def defined(file: str, body: str) -> Any:
    """Return the function ``f`` of a cell's code."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(f"def f(x: int) -> int:\n    return {body}\n", file, "exec"), names)
    return daft.func(names["f"])


def test_functions_of_one_name_in_two_cells_are_two_in_one_query() -> None:
    files = ("<ipython-input-1-0123456789ab>", f"{tempfile.gettempdir()}/ipykernel_7/1234.py")
    first, second = (defined(file, body) for file, body in zip(files, ("x + 1", "x * 10"), strict=True))

    def ask() -> Any:
        return rows(4).select(first(col("x")).alias("y"), second(col("x")).alias("z")).to_pydict()

    found, meter = compare(ask)
    assert found.result == {"y": [1, 2, 3, 4], "z": [0, 10, 20, 30]}
    counted = meter.rows()
    assert {(function.name, function.file, row.calls) for function, row in counted.items()} == {
        ("__main__.f", file, 4) for file in files
    }
    assert len({key_of(function) for function in counted}) == 2, "and so they are in events"


def test_functions_that_are_defined_again_between_queries_count_on() -> None:
    def ask() -> Any:
        found = []
        for number in range(5):
            again = defined("<ipython-input-2-0123456789ab>", f"x + {number}")
            found.append(result_of(again, 2)())
        return found

    found, meter = compare(ask)
    assert found.result == [[n, n + 1] for n in range(5)]
    assert [row.calls for row in meter.rows().values()] == [10]
    assert all(not mine.known for mine in meter.threads.values()), "of functions that are gone nothing is kept"


def added(x: int, more: int) -> int:
    return x + more


class Adder:
    def __init__(self, more: int) -> None:
        self.more = more

    def __call__(self, x: int) -> int:
        return x + self.more

    def method(self, x: int) -> int:
        return x + self.more


def closure(more: int) -> Callable[[int], int]:
    return lambda x: x + more


def wrapped(function: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(function)
    def wrapper(x: int) -> int:
        return function(x)

    return wrapper


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: lambda x: x + 3, "<lambda>"),
        (lambda: closure(3), "closure.<locals>.<lambda>"),
        (lambda: functools.partial(added, more=3), "functools.partial"),
        (lambda: Adder(3), "Adder"),
        (lambda: Adder(3).method, "Adder.method"),
        (lambda: wrapped(wrapped(closure(3))), "closure.<locals>.<lambda>"),
        (lambda: (3).__add__, "int.__add__"),
    ],
)
def test_a_function_may_be_anything_that_is_called(made: Callable[[], Any], name: str) -> None:
    function = daft.func(made(), return_dtype=INT)
    found, meter = compare(result_of(function))
    assert found.result == [3, 4, 5]
    counted, row = only(meter.rows())
    assert counted.name.endswith(name)
    assert (row.calls, row.rows_in, row.rows_out, meter.faults) == (3, 3, 3, {})


def first_of(generator: Callable[[int], Iterator[int]]) -> Callable[[int], int]:
    @functools.wraps(generator)
    def first(x: int) -> int:
        return next(generator(x))

    return first


def test_a_function_that_is_made_of_a_generator_returns_no_rows() -> None:
    @first_of
    def counting(x: int) -> Iterator[int]:
        yield from range(x, 10)

    function = daft.func(counting, return_dtype=INT)
    found, meter = compare(result_of(function))
    assert found.result == [0, 1, 2]
    counted, row = only(meter.rows())
    assert (counted.kind, row.rows_out) == ("row", 3)


def test_a_function_that_wraps_itself_runs_uncounted() -> None:
    def round_and_round(x: int) -> int:
        return x

    round_and_round.__wrapped__ = round_and_round  # type: ignore[attr-defined]  # for inspect.unwrap
    function = daft.func(round_and_round, return_dtype=INT)
    found, meter = compare(lambda: call(function, [1]))
    assert found.result == [1] and meter.rows() == {}
    assert "wrapper loop" in next(iter(meter.faults))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SystemExit("no module"), "SystemExit: no module"),
        (Silent(), "Silent: (it has no text)"),
        (Deadly(), "Deadly: (it has no text)"),
        (Nameless("here"), "Nameless: here"),
    ],
    ids=["plain", "without a text", "ends the process", "without a name"],
)
def test_a_fault_of_the_meter_is_noted_whatever_its_text_does(error: BaseException, text: str) -> None:
    meter = Meter()
    meter.fault("here", error)
    assert meter.faults == {f"here: {text}": 1}


@daft.func.batch(return_dtype=INT)
def doubled(x: Series) -> Series:
    return x + x


@daft.func
async def waited(x: int) -> int:
    return x


@daft.func
def calling(x: int) -> int:
    doubled(Series.from_pylist([x, x]))  # by its value, at once: no part of a query
    asyncio.run(waited(x))  # type: ignore[arg-type]  # a coroutine, of a value
    return x


def test_what_a_function_calls_by_itself_is_no_part_of_the_query() -> None:
    def ask() -> Any:
        return [call(calling, [1]), call(doubled, [2]), call(waited, [5]), call(calling, [3])]

    found, meter = compare(ask)
    assert found.result == [[1], [4], [5], [3]]
    counted = {function.name.rpartition(".")[2]: (function.kind, row) for function, row in meter.rows().items()}
    assert {name: (kind, row.calls, row.rows_in, row.rows_out) for name, (kind, row) in counted.items()} == {
        "calling": ("row", 2, 2, 2),
        "doubled": ("batch", 1, 1, 1),
        "waited": ("async", 1, 1, 1),
    }


def test_more_functions_than_are_kept_run_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MOST_FUNCTIONS", 2)

    def ask() -> Any:
        return [call(defined(f"<cell {n}>", "x"), [n])[0] for n in range(4)]

    found, meter = compare(ask)
    assert found.result == [0, 1, 2, 3]
    assert [row.calls for row in meter.rows().values()] == [1, 1]
    assert [count for text, count in meter.faults.items() if "no others are counted" in text] == [2]


def test_a_function_is_one_however_many_threads_call_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MOST_FUNCTIONS", 1)
    meter = install()
    try:
        function = defined("<cell>", "x")
        call(function, [1])
        with ThreadPoolExecutor(1) as executor:
            executor.submit(call, function, [2]).result()
    finally:
        meter.uninstall()
    assert (only(meter.rows())[1].calls, len(meter.tallies), meter.faults) == (2, 2, {})


# -- counters ---------------------------------------------------------------------------------------------------------


class Claimed(str):
    """A text that says of itself that it is another."""

    def __getitem__(self, _part: Any) -> str:
        raise SystemExit("cut")

    def __hash__(self) -> int:
        raise SystemExit("hashed")

    __eq__ = object.__eq__


HOSTILE = ["<script>alert(1)</script>", "a\nb\r\n\x1b[31m", "naïve 漢字 🦆 \u202e", "nul\0nul", "x" * 1_000_000, " "]


def test_counters_may_have_any_name() -> None:
    @daft.func
    def counting(x: int) -> int:
        for name in [*HOSTILE, Claimed("claimed")]:
            increment_counter(name, 2, attributes={name[:50] if type(name) is str else "k": "v" * x, "k\0": "<b>"})
        return x

    found, meter = compare(lambda: call(counting, [1, 1]))
    assert found.error == "" and meter.faults == {}
    counters = only(meter.rows())[1].counters
    assert {name: value for (name, _), value in counters} == {n[:LONGEST_NAME]: 4 for n in [*HOSTILE, "claimed"]}
    texts = [text for (name, pairs), _ in counters for text in (name, *(text for pair in pairs for text in pair))]
    assert set(map(type, texts)) == {str}


@pytest.mark.parametrize("given", [("", 1, None), (7, 1, None), ("n", -1, None), ("n", "1", None), ("n", 1, {"k": 1})])
def test_an_increment_that_daft_refuses_is_not_counted(given: tuple[Any, Any, Any]) -> None:
    @daft.func
    def counting(x: int) -> int:
        name, amount, attributes = given
        increment_counter(name, amount, attributes=attributes)
        return x

    found, meter = compare(lambda: call(counting, [1]))
    assert found.error and only(meter.rows())[1].counters == ()


def test_of_a_million_counters_the_first_are_exact_and_the_others_left_out() -> None:
    tally, total = Tally(Function("f", "row", False, "", 0)), 1_000_000
    for number in range(total):
        tally.count(f"counter {number % (total // 2)}", 1, None)
    assert len(tally.counters) == MOST_COUNTERS
    assert set(tally.counters.values()) == {2}
    assert tally.left_out == total - 2 * MOST_COUNTERS


# -- functions that hang, are cancelled, or ask Daft ------------------------------------------------------------------


@pytest.fixture
def watched() -> Iterator[tuple[QueryEvents, list[Any]]]:
    told: list[Any] = []
    subscriber = QueryEvents(told.append, lambda: None)
    subscriber.attach()
    try:
        yield subscriber, told
    finally:
        subscriber.detach()


class Signals:
    """Of a class, which is pickled by its name, where events cannot be."""

    within, go_on = threading.Event(), threading.Event()

    @classmethod
    def clear(cls) -> None:
        cls.within.clear()
        cls.go_on.clear()


@daft.func
def hanging(x: int) -> int:
    Signals.within.set()
    Signals.go_on.wait(30)
    return x


def of(events: list[Any]) -> list[e.UdfFigures]:
    return [event for event in events if isinstance(event, e.UdfFigures)]


def test_a_call_that_hangs_is_shown_and_its_seconds_grow(watched: tuple[QueryEvents, list[Any]]) -> None:
    subscriber, told = watched
    Signals.clear()
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(result_of(hanging, 1))
        try:
            seconds: list[float] = []
            while len(seconds) < 3:
                assert not running.done(), running.result()
                figures = of(subscriber.functions.pull())
                if figures and figures[-1].running:
                    assert (figures[-1].calls, figures[-1].rows_out) == (1, 0)
                    seconds.append(figures[-1].seconds)
        finally:
            Signals.go_on.set()
        assert running.result() == [0]
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    await_that(lambda: any(isinstance(event, e.QueryFinished) for event in told), "the query's end")
    assert (of(told)[-1].running, of(told)[-1].rows_out) == (0, 1)


def ours() -> set[int | None]:
    return {thread.ident for thread in threading.enumerate() if "daftnb" in thread.name}


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="only the main thread is told")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Daft's own generator of results
def test_a_query_that_is_interrupted_leaves_no_thread_of_ours(watched: tuple[QueryEvents, list[Any]]) -> None:
    before = ours()
    Signals.clear()

    def interrupt() -> None:
        Signals.within.wait(30)
        os.kill(os.getpid(), signal.SIGINT)
        Signals.go_on.set()  # Daft waits for the call to end

    with ThreadPoolExecutor(1) as executor:
        told = executor.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            result_of(hanging, 1)()
        told.result()
    gc.collect()
    assert ours() == before
    assert not watched[0].functions.running, "it is over for us, too"


def test_a_function_may_ask_daft_itself(watched: tuple[QueryEvents, list[Any]]) -> None:
    @daft.func
    def inner(x: int) -> int:
        return x + 1

    @daft.func
    def outer(x: int) -> int:
        return sum(daft.from_pydict({"x": [x, x]}).select(inner(col("x")).alias("y")).to_pydict()["y"])

    _, told = watched
    assert result_of(outer, 2)() == [2, 4]
    ended = [event for event in told if isinstance(event, e.QueryFinished)]
    assert [event.outcome for event in ended] == ["finished"] * 3
    names = {event.udf: event.name.rpartition(".")[2] for event in told if isinstance(event, e.UdfKnown)}
    last = {(event.query_id, names[event.udf]): event for event in of(told)}
    whole = ended[-1].query_id
    assert last[whole, "outer"].calls == 2
    own = [event for (query_id, name), event in last.items() if name == "inner" and query_id != whole]
    assert sum(event.calls for event in own) == 4
    assert all(event.shared for event in own), "it is said that several queries ran"


@daft.func
def recursive(x: int) -> int:
    return x and x + call(recursive, [x - 1])[0]


def test_a_function_within_itself_in_one_thread_is_timed_once_for_each_call() -> None:
    began = time.perf_counter_ns()
    found, meter = compare(lambda: call(recursive, [3]))
    passed = time.perf_counter_ns() - began
    assert found.result == [6]
    _, row = only(meter.rows())
    assert (row.calls, row.running) == (4, 0)
    assert 0 < row.ns <= 4 * passed


# -- processes that Daft starts ---------------------------------------------------------------------------------------


def raise_unsent() -> NoReturn:
    raise Unsent("here")


ENDINGS: dict[str, Callable[[], Any]] = {
    "an exception that cannot be pickled": raise_unsent,
    "os._exit": lambda: os._exit(1),
    "sys.exit": lambda: sys.exit(3),
    "a signal": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


def files_of_ours() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("daftnb-meter-*"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_that_ends_itself_has_told_what_it_counted(ending: str) -> None:
    end = ENDINGS[ending]

    @daft.func.batch(return_dtype=INT, use_process=True, batch_size=5)
    def ending_itself(x: Series) -> Series:
        if 5 in x.to_pylist():
            time.sleep(0.5)  # longer than until the process tells by itself
            end()
        return x

    ask = result_of(ending_itself, 10)
    without = outcome(ask)
    before = files_of_ours()
    functions = NativeFunctions()
    functions.attach()
    try:
        functions.began("q")
        metered = outcome(ask)
        told = functions.ended("q")()
    finally:
        functions.detach()
    assert metered[:2] == without[:2] and without.error
    [figures] = of(told)[-1:]
    assert (figures.calls, figures.rows_in) == (2, 10)
    await_that(lambda: files_of_ours() == before, "its file is gone")


def test_a_process_that_cannot_be_started_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    udf: Any = importlib.import_module("daft.execution.udf")
    before = files_of_ours()

    def refused(*_arguments: Any, **_options: Any) -> NoReturn:
        raise OSError("no more processes")

    monkeypatch.setattr(udf, "subprocess", SimpleNamespace(Popen=refused, PIPE=None, STDOUT=None))
    functions = NativeFunctions()
    functions.attach()
    try:
        with pytest.raises(OSError, match="no more processes"):
            udf.UdfHandle(None)
        assert files_of_ours() == before
    finally:
        functions.detach()
