"""Columns of types that Daft neither sorts nor filters as they come: shown, sorted, filtered, found, saved."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daftnb.previews.source import source_of_value
from tests.helpers.previewservice import Asked


def categories(values: list[Any]) -> Any:
    return pa.array(values).dictionary_encode()


# Values whose order is b, a, null; how the first is shown, what a filter and a search of it say.
KINDS: dict[str, tuple[Any, str, str]] = {
    "dictionary": (categories(["b", "a", None]), "b", "b"),
    "dictionary of whole numbers": (categories([2, 1, None]), "2", "2"),
    "dictionary of floats": (categories([2.5, 1.5, None]), "2.5", "2.5"),
    "dictionary of dates": (pa.array([19_000, 18_000, None], pa.date32()).dictionary_encode(), "2022-01-08", "2022-01"),
    "string view": (pa.array(["b", "a", None], pa.string_view()), "b", "b"),
    "run ends": (pa.RunEndEncodedArray.from_arrays([1, 2, 3], pa.array(["b", "a", None])), "b", "b"),
    "decimal of 256 bits": (pa.array([Decimal("2.50"), Decimal("1.50"), None], pa.decimal256(60, 2)), "2.50", "2.5"),
    "time of seconds": (pa.array([7200, 3600, None], pa.time32("s")), "02:00:00.000000", "02:00"),
    "time of milliseconds": (pa.array([7_200_000, 1, None], pa.time32("ms")), "02:00:00.000000", "02:00"),
    "date of 64 bits": (pa.array([86_400_000 * 2, 0, None], pa.date64()), "1970-01-03", "1970-01-03"),
    "large text": (pa.array(["b", "a", None], pa.large_string()), "b", "b"),
    "half": (pa.array([np.float16(2.5), np.float16(1.5), None], pa.float16()), "2.5", "2.5"),
    "duration": (pa.array([7200, 3600, None], pa.duration("s")), "02:00:00", "02:00"),
    "bool of 8 bits": (
        pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())), "True", "✓ true",
    ),
    "uuid": (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"\1" * 16, b"\0" * 16, None], pa.binary(16))),
        "01010101-0101-0101-0101-010101010101", "0101",
    ),
    "union": (
        pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([5, 0, None]), pa.array(["", "1", ""])]),
        "5", "5",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(KINDS))
def column(request: pytest.FixtureRequest) -> Any:
    array, shown, typed = KINDS[request.param]
    table = pa.table({"c": array, "n": [0, 1, 2]})
    return Asked(None, source=source_of_value(table)), shown, typed


def test_it_is_shown_sorted_filtered_and_found(column: Any) -> None:
    asked, shown, typed = column
    rows = asked.rows(0, 3, [0])["v0"]
    assert str(rows[0]) == shown and rows[2] is None
    up = asked.view(sort=[{"column": 0, "descending": False}])
    assert up["state"] == "ready" and asked.rows(0, 3, [1], up["view"])["v1"] == [1, 0, 2]
    equal = asked.view(filters=[{"column": 0, "op": "eq", "value": shown}])
    assert equal["rows"] == 1 and asked.rows(0, 3, [1], equal["view"])["v1"] == [0]
    assert asked.view(filters=[{"column": 0, "op": "null"}])["rows"] == 1
    found = asked.view(search=typed)
    assert 0 in asked.rows(0, 3, [1], found["view"])["v1"]
    assert asked.view()["view"] == 0


def test_it_is_summed_up_and_saved(column: Any) -> None:
    asked, shown, _ = column
    asked.view()
    summary = asked.summary([0])[0]
    assert summary["nulls"]["value"] == 1 and summary["distinct"]["value"] == 2
    _, [csv] = asked.answer(asked.ask("download", format="csv"))
    assert csv.decode().splitlines()[1].lower().startswith(shown.lower())
    _, [parquet] = asked.answer(asked.ask("download", format="parquet"))
    read = pq.read_table(io.BytesIO(parquet))
    assert read.num_rows == 3 and read["c"][2].as_py() is None


NO_YES = pa.array([False, True])
NESTED: dict[str, tuple[Any, str, str]] = {
    "list of categories": (
        pa.array([["a"], None], pa.list_(pa.dictionary(pa.int32(), pa.string()))), '["a"]', '"a"',
    ),
    "struct of categories": (
        pa.StructArray.from_arrays([categories(["a", None])], ["x"], mask=NO_YES), '{"x": "a"}', '"x": "a"',
    ),
    "list view": (pa.array([[1, 2], None], pa.list_view(pa.int64())), "[1, 2]", "1, 2"),
    "large list": (pa.array([[1, 2], None], pa.large_list(pa.int64())), "[1, 2]", "[1, 2"),
    "fixed list": (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), "[1, 2]", "2]"),
    "map": (pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())), '{"k": 1}', '"k": 1'),
    "interval": (pa.array([(14, 3, 10**9), None], pa.month_day_nano_interval()), "14 months 3 days 00:00:01", "14 m"),
    "binary view": (pa.array([b"ab", None], pa.binary_view()), "6162", "616"),
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_what_has_parts_is_shown_found_and_saved(name: str) -> None:
    array, shown, typed = NESTED[name]
    asked = Asked(None, source=source_of_value(pa.table({"c": array})))
    assert asked.rows(0, 2, [0])["v0"] == [shown, None]
    assert asked.view(search=typed)["rows"] == 1 and asked.view(search="nowhere")["rows"] == 0
    asked.view()
    assert asked.summary([0])[0]["nulls"]["value"] == 1
    for format_ in ("csv", "parquet"):
        content, _ = asked.answer(asked.ask("download", format=format_))
        assert content["type"] == "download"
