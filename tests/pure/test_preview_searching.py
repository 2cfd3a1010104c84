"""The search finds what cells show, in every type that Daft has."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import daftnb
from daftnb.previews import grammar as g
from daftnb.previews.columnwords import words
from daftnb.previews.encode import encode_page
from daftnb.previews.kinds.numbers import short_float
from daftnb.previews.kinds.registry import RECORDS, kind_of
from daftnb.previews.operations import plan_of, python_code
from daftnb.previews.searching import cell_texts
from daftnb.previews.source import source_of
from daftnb.previews.writing import duration_words, storage, written
from tests.helpers.frames import every_type
from tests.helpers.previewkernel import rows_of


def found(frame: Any, text: str) -> list[int]:
    """The numbers, from column ``row``, of the rows that a search finds; and the copied code finds the same."""
    request = g.parse({"type": "view", "id": 1, "sort": [], "filters": [], "search": text, "columns": []})
    assert isinstance(request, g.ViewRequest)
    columns = [column for column in source_of(frame).columns if column.name != "row"]
    plan = plan_of(request, columns)
    rows: list[int] = plan.of(frame).select("row").to_pydict()["row"]
    names: dict[str, Any] = {"df": frame}
    exec(python_code(plan, None, "df"), names)
    assert names["view"].select("row").to_pydict()["row"] == rows
    return rows


def of(name: str, series: Any) -> Any:
    import daft

    return daft.from_pydict({name: series, "row": list(range(len(series)))}).collect()


@pytest.mark.parametrize("parts", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_what_cells_of_every_type_show_is_found(parts: int) -> None:
    """A part of each cell's text, another one in each row; or all four parts."""
    for name, series in every_type().items():
        kind = kind_of(series.datatype())
        if RECORDS[kind].search is not None:
            what_its_cells_show_is_found(name, series, kind, parts)


def what_its_cells_show_is_found(name: str, series: Any, kind: str, parts: int) -> None:
    frame = of("c", series)
    cells = rows_of(encode_page([(0, series)]).data)["v0"]
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        text = {True: "✓ true", False: "✗ false"}[cell] if kind == "boolean" else str(cell)
        if kind == "float":
            text = short_float(cell)
        all_parts = (text[:200], text[:3], text[-4:], text[2:9].upper())
        for part in {all_parts[(row + k) % 4] for k in range(parts)} - {""}:
            if kind == "binary" and len(part) != 200 and part.upper() == part and not part.isdigit():
                continue  # hexadecimal digits are small
            assert row in found(frame, part), (name, part, text)


CASES: list[tuple[Any, str, list[int]]] = [
    (["Ab", None, "c"], "aB", [0]),
    (["a\nb", "a\tb"], "a⏎b", [0]),
    ([1234567, 12], "1,234,567", [0]),
    ([1234567, 12], "234", [0]),
    ([Decimal("1234.50"), Decimal("2.00")], "1,234.5", [0]),
    ([1.5, 21.53, None], "1.5", [0, 1]),
    ([2 / 3, 1.0], "0.666667", [0]),
    ([2 / 3, 1.0], "0.66666666", [0]),
    ([float("nan"), 1.0, float("inf"), float("-inf")], "nan", [0]),
    ([float("nan"), 1.0, float("inf"), float("-inf")], "∞", [2, 3]),
    ([1e20, 1.0], "1e20", [0]),
    ([250000.25, 1.0], "250000.3", [0]),
    ([dt.date(2024, 3, 1), dt.date(2024, 12, 1)], "2024-03", [0]),
    ([dt.datetime(2023, 1, 2, 3, 4), dt.datetime(2023, 11, 2)], "2023-01-02 03:04", [0]),
    ([dt.time(1, 2, 3)], "01:02", [0]),
    ([dt.timedelta(days=1, seconds=3), dt.timedelta(seconds=-1)], "1 d 00:00:03", [0]),
    ([True, False, None], "true", [0]),
    ([True, False, None], "✗", [1]),
    ([["apple", "pear"], [], None], "apple", [0]),
    ([["apple", "pear"], ["pear"]], '"apple", "p', [0]),
    ([[1, None], [3]], "[1, null]", [0]),
    ([{"city": "Rome", "n": 1}, {"city": None, "n": 2}], "rome", [0]),
    ([{"city": "Rome", "n": 1}, {"city": None, "n": 2}], '"city": null', [1]),
    ([b"hello", b""], "68656c", [0]),
    ([None, None], "null", []),
]


@pytest.mark.parametrize(("values", "text", "rows"), CASES)
def test_a_text_that_is_on_the_screen_is_found(values: list[Any], text: str, rows: list[int]) -> None:
    import daft

    frame = of("c", daft.Series.from_pylist(values))
    if kind_of(frame.schema()["c"].dtype) == "null":
        frame = frame.with_column("other", frame["row"])
    assert found(frame, text) == rows


def test_one_search_over_columns_of_many_kinds() -> None:
    import daft

    frame = of("f", daft.Series.from_pylist([1.5, 2.5, None])).with_columns(
        {"s": daft.lit("x1.5"), "l": daft.col("f").cast(daft.DataType.string())}
    )
    assert found(frame.collect(), "1.5") == [0, 1, 2]
    objects = of("o", daft.Series.from_pylist([{"p"}, None, 3], dtype=daft.DataType.python()))
    assert found(objects, "{'p'}") == [0] and found(objects, "3") == [2]


def test_what_no_cell_can_show_is_found_nowhere_without_looking() -> None:
    import daft

    frame = of("d", daft.Series.from_pylist([dt.date(2024, 1, 1)]))
    request = g.parse({"type": "view", "id": 1, "sort": [], "filters": [], "search": "x", "columns": []})
    assert isinstance(request, g.ViewRequest)
    plan = plan_of(request, source_of(frame).columns[:1])
    assert plan.where is not None and plan.where.python == "lit(False)" and found(frame, "x") == []


# From the page's own function (frontend/src/preview/cell.ts, short), run in node.
SHORT = [
    (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (1.5, "1.5"), (0.1 + 0.2, "0.3"), (2 / 3, "0.666667"),
    (99999.96, "100000.0"), (123456.789, "123456.8"), (250000.25, "250000.3"), (-250000.25, "-250000.3"),
    (1e9, "1e9"), (1234567890.5, "1.2346e9"), (0.0001, "0.0001"), (0.000123456789, "0.000123457"),
    (0.00001234, "1.234e-5"), (1e-7, "1e-7"), (1e20, "1e20"), (1.23456e-10, "1.2346e-10"), (999999999.5, "999999999.5"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), SHORT)
def test_floats_are_as_the_page_shows_them(value: float, text: str) -> None:
    full = cell_texts(float_series(value))[0].to_pylist()[0]
    assert short_float(value) == text or (len(full) <= 7 and full == text)


def float_series(*values: float) -> Any:
    import daft

    return daft.Series.from_arrow(pa.array(values, pa.float64()))


NESTED: dict[str, Any] = {
    "lists": pa.array([[[1], None, []], None, []]),
    "large": pa.array([["a", 'q"\n'], [None]], pa.large_list(pa.string())),
    "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
    "structs": pa.array([{"a": 1, "b": {"c": [True]}}, None, {"a": None, "b": None}]),
    "maps": pa.array([[("k", 1.5), ("l", None)], None, []], pa.map_(pa.string(), pa.float64())),
    "times": pa.array([[dt.date(2020, 1, 2)], [None]]),
    "decimals": pa.array([[Decimal("0.00000001")]]),
    "bytes": pa.array([[b"\x00\xff", None]]),
    "durations": pa.array([[dt.timedelta(days=1), dt.timedelta(microseconds=-1)]]),
    "nulls": pa.array([[None]], pa.list_(pa.null())),
}


@pytest.mark.parametrize("name", NESTED)
def test_columns_as_texts_are_what_is_written_value_by_value(name: str) -> None:
    for array in (NESTED[name], pa.concat_arrays([NESTED[name]] * 3).slice(1)):
        wanted = [written(array, row, 1000) if array[row].is_valid else None for row in range(len(array))]
        assert words(array).to_pylist() == wanted


@given(st.lists(st.integers(-(2**62), 2**62)), st.sampled_from(["s", "ms", "us", "ns"]))
def test_durations_as_a_column(ticks: list[int], unit: str) -> None:
    array = pa.array(ticks, pa.int64()).cast(pa.duration(unit))
    assert words(array).to_pylist() == [duration_words(each, unit) for each in ticks]


def test_long_lists_are_searched_as_far_as_cells_show_them() -> None:
    [text] = words(pa.array([list(range(10_000))])).to_pylist()
    assert json.loads(text) == list(range(100))


def test_the_function_names_no_module_of_ours_where_it_is_sent() -> None:
    import pickle
    import subprocess
    import sys

    from daft.pickle import dumps

    from daftnb.previews.searching import sent

    packed = dumps(sent("1.5"))
    code = (
        "import pickle, sys\nsys.modules['daftnb'] = None\nfind = pickle.loads(sys.stdin.buffer.read())\n"
        "import daft, pyarrow as pa\nseries = daft.Series.from_pylist([1.5, 2.0, None])\n"
        "nested = daft.Series.from_arrow(pa.array([[{'a': 1.5}], [], None]))\n"
        "objects = daft.Series.from_pylist([{1.5}, 1, None], dtype=daft.DataType.python())\n"
        "print(find(series).to_pylist(), find(nested).to_pylist(), find(objects).to_pylist())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True)
    assert not done.returncode, done.stderr.decode()
    assert done.stdout.decode().strip() == "[True, False, False] [True, False, False] [True, False, False]"
    assert pickle.loads(packed) is not None


def test_the_public_function_takes_columns() -> None:
    import daft

    frame = daft.from_pydict({"a": [1.5, 2.5], "t": [["x"], ["y"]]})
    assert frame.where(daftnb.shows("y", frame["a"], daft.col("t"))).to_pydict() == {"a": [2.5], "t": [["y"]]}
    with pytest.raises(ValueError, match="takes at least one column"):
        daftnb.shows("y")


def test_halves_and_singles() -> None:
    import daft

    single = daft.Series.from_arrow(pa.array(np.array([0.1, 16777216], np.float32)))
    assert cell_texts(single)[0].to_pylist() == ["0.1", "16777216.0"]
    half = daft.Series.from_arrow(pa.array(np.array([1.5], np.float16)))
    assert storage(cell_texts(half)[0]).to_pylist() == ["1.5"]
