"""A view as a chain of expressions: the right rows, and the code that is shown for it makes the same ones."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.errors import DaftnbError
from daftnb.previews import grammar as g
from daftnb.previews.operations import plan_of, python_code, selection, sql_code, variable
from daftnb.previews.source import source_of
from daftnb.previews.values import read
from tests.helpers.frames import every_type

COLUMNS: dict[str, tuple[Any, list[Any]]] = {
    "whole": (pa.int64(), [2**62 + 1, None, -3, 0, 5]),
    "unsigned": (pa.uint64(), [2**64 - 1, 2**63, None, 0, 5]),
    "float": (pa.float64(), [float("nan"), None, float("inf"), -0.5, 2.0]),
    "decimal": (
        pa.decimal128(20, 2),
        [Decimal("12345678901234567.89"), None, Decimal("-0.01"), Decimal("5"), Decimal(0)],
    ),
    "yes": (pa.bool_(), [True, None, False, True, False]),
    "text": (pa.string(), ["Äpfel 'x'", None, "äPFEL", '"5"\\', ""]),
    "day": (pa.date32(), [dt.date(2020, 1, 2), None, dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1970, 1, 1)]),
    "clock": (pa.time64("us"), [1, None, 86_399_999_999, 43_200_000_000, 0]),
    "moment": (pa.timestamp("ns"), [1_577_934_245_123_456_789, None, 0, -1, 10**18]),
    "zoned": (pa.timestamp("us", "Europe/Berlin"), [1_577_934_245_123_456, None, 0, -1, 10**15]),
    "lasting": (pa.duration("us"), [93_784_500_000, None, -1, 0, 10**6]),
    'odd "name"\n': (pa.int32(), [1, None, 3, 4, 5]),
}
NAMES = list(COLUMNS)


@pytest.fixture(scope="module")
def frame() -> Any:
    import daft

    return daft.from_arrow(pa.table({name: pa.array(values, kind) for name, (kind, values) in COLUMNS.items()}))


def rows(frame: Any) -> list[str]:
    table = frame.to_arrow()
    columns = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    return [repr([column[i].as_py() for column in columns]) for i in range(len(table))]


def view(
    frame: Any, *filters: g.Filter, sort: tuple[g.Sort, ...] = (), search: str = "", columns: Any = ()
) -> list[str]:
    """The rows of a view; what its Python and its SQL make are compared with them."""
    import daft

    known = source_of(frame).columns
    plan = plan_of(g.ViewRequest(1, sort, filters, search, tuple(columns)), known)
    shown = selection(columns, known)
    seen = plan.of(frame)
    if shown is not None:
        seen = seen.select(*(part.expression for part in shown))
    found = rows(seen)
    names: dict[str, Any] = {"orders": frame}
    exec(compile(python_code(plan, shown, "orders"), "copied", "exec"), names)
    assert rows(names["view"]) == found
    sql = sql_code(plan, shown, "orders")
    if sql is not None:
        assert rows(daft.sql(sql, orders=frame)) == found
    return found


def kept(frame: Any, name: str, op: Any, value: str | None = None) -> list[int]:
    """Which of the rows a filter keeps."""
    number = NAMES.index(name)
    asked: g.Filter = g.Check(number, op) if value is None else g.Comparison(number, op, value)
    every = rows(frame)
    return [every.index(row) for row in view(frame, asked)]


@pytest.mark.parametrize(
    ("name", "op", "value", "expected"),
    [
        ("whole", "eq", str(2**62 + 1), [0]),
        ("whole", "eq", str(2**62), []),
        ("whole", "lt", " 5 ", [2, 3]),
        ("whole", "ne", "0", [0, 2, 4]),
        ("whole", "contains", "3", [0, 2]),
        ("unsigned", "eq", str(2**64 - 1), [0]),
        ("unsigned", "ge", str(2**63), [0, 1]),
        ("unsigned", "lt", "5", [3]),
        ("float", "eq", "inf", [2]),
        ("float", "gt", "-0.5", [0, 2, 4]),
        ("decimal", "eq", "12345678901234567.89", [0]),
        ("decimal", "lt", "0.00", [2]),
        ("decimal", "ge", "5", [0, 3]),
        ("decimal", "ends", ".01", [2]),
        ("yes", "eq", "True", [0, 3]),
        ("text", "eq", '"5"\\', [3]),
        ("text", "eq", "", [4]),
        ("text", "contains", "'x'", [0]),
        ("text", "starts", "ä", [2]),
        ("text", "ends", "EL", [2]),
        ("day", "ge", "2020-01-02", [0, 3]),
        ("clock", "eq", "12:00", [3]),
        ("clock", "lt", "00:00:00.000001", [4]),
        ("moment", "eq", "2020-01-02 03:04:05.123456789", [0]),
        ("moment", "le", "1970-01-01", [2, 3]),
        ("zoned", "eq", "2020-01-02 04:04:05.123456+0100", [0]),
        ("zoned", "eq", "2020-01-02T04:04:05.123456", [0]),
        ("zoned", "lt", "1970-01-01 00:00:00Z", [3]),
        ("lasting", "eq", "1 d 02:03:04.5", [0]),
        ("lasting", "eq", "-00:00:00.000001", [2]),
        ("lasting", "ge", "1", [0, 4]),
        ('odd "name"\n', "gt", "3", [3, 4]),
        ("whole", "null", None, [1]),
        ("text", "not_null", None, [0, 2, 3, 4]),
        ("float", "nan", None, [0]),
        ("yes", "true", None, [0, 3]),
        ("yes", "false", None, [2, 4]),
    ],
)
def test_a_filter_keeps_the_right_rows(frame: Any, name: str, op: str, value: str | None, expected: list[int]) -> None:
    assert kept(frame, name, op, value) == expected


@pytest.mark.parametrize(
    ("name", "op", "value"),
    [
        ("whole", "eq", "1.5"), ("whole", "eq", str(2**63)), ("whole", "eq", ""), ("whole", "eq", "1_000"),
        ("whole", "eq", "1; drop table"), ("unsigned", "eq", "-1"), ("float", "lt", "x"), ("decimal", "eq", "0.001"),
        ("decimal", "eq", "nan"), ("decimal", "eq", "1e30"), ("yes", "eq", "1"), ("yes", "lt", "true"),
        ("day", "eq", "2020-13-01"), ("day", "contains", "2"), ("clock", "eq", "24:00"), 
        ("clock", "eq", "1:00:00.1234567"),
        ("moment", "eq", "2020-01-02 00:00:00Z"), ("moment", "eq", "0000-01-01"), ("moment", "eq", "9999-01-01"),
        ("zoned", "eq", "now"), ("lasting", "eq", "-"), ("lasting", "eq", ""), ("whole", "nan", None),
        ("text", "true", None),
    ],
)  # fmt: skip
def test_what_is_no_value_is_said(frame: Any, name: str, op: str, value: str | None) -> None:
    with pytest.raises(DaftnbError) as slip:
        kept(frame, name, op, value)
    if value and op in ("eq",):
        assert repr(value) in slip.value.what and "type" in slip.value.what


def test_order_search_and_columns(frame: Any) -> None:
    assert view(frame, sort=(g.Sort(0, True),), columns=[0]) == ["[None]", f"[{2**62 + 1}]", "[5]", "[0]", "[-3]"]
    assert view(frame, sort=(g.Sort(4, False), g.Sort(0, True)), columns=[4, 0]) == [
        "[False, 5]", "[False, -3]", f"[True, {2**62 + 1}]", "[True, 0]", "[None, None]",
    ]  # fmt: skip
    assert view(frame, search="äpf", columns=[0]) == [f"[{2**62 + 1}]", "[-3]"]
    assert view(frame, search="12345678901", columns=[0]) == [f"[{2**62 + 1}]"]
    assert view(frame, g.Comparison(0, "ge", "0"), search="5", sort=(g.Sort(0, False),), columns=[0, 5]) == [
        "[0, '\"5\"\\\\']", "[5, '']", f"[{2**62 + 1}, \"Äpfel 'x'\"]",
    ]  # fmt: skip
    assert view(frame) == rows(frame)
    assert view(frame, columns=[11, 0])[0] == f"[1, {2**62 + 1}]"


ordered = st.integers(0, len(NAMES) - 1)
TEXTS = ["0", "5", "-3", "inf", "true", "2020-01-02", "12:00", "1 d 02:03:04.5", "ä", "'", "\\"]
VALUES = st.one_of(st.sampled_from(TEXTS), st.text(max_size=5))


@given(
    st.lists(
        st.builds(g.Comparison, ordered, st.sampled_from(sorted(g.COMPARES)), VALUES)
        | st.builds(g.Check, ordered, st.sampled_from(sorted(g.TESTS))),
        max_size=3,
    ),
    st.lists(st.builds(g.Sort, ordered, st.booleans()), max_size=3, unique_by=lambda each: each.column),
    st.text(max_size=3),
    st.lists(ordered, max_size=4, unique=True),
)
def test_the_code_makes_the_view_whatever_was_asked(
    filters: list[g.Filter], sort: list[g.Sort], search: str, columns: list[int]
) -> None:
    import daft

    frame = daft.from_arrow(pa.table({name: pa.array(values, kind) for name, (kind, values) in COLUMNS.items()}))
    try:
        view(frame, *filters, sort=(*sort, g.Sort(11, False)) if all(s.column != 11 for s in sort) else tuple(sort),
             search=search, columns=columns)  # fmt: skip
    except DaftnbError as slip:
        assert slip.what


def test_columns_that_daft_cannot_tell_apart_or_sort_are_said() -> None:
    import daft

    twins = daft.from_pydict({"a": [1], "b": [2]}).select(daft.col("a"), daft.col("b").alias("a")).collect()
    with pytest.raises(DaftnbError, match="More than one column is called 'a'"):
        view(twins, sort=(g.Sort(0, False),))
    with pytest.raises(DaftnbError, match="all columns"):
        view(daft.from_pydict({"*": [1], "b": [2]}), g.Comparison(0, "eq", "1"))
    with pytest.raises(DaftnbError, match="no column 9"):
        view(twins, g.Check(9, "null"))
    frame = daft.from_pydict(every_type())
    names = frame.column_names
    for name in ("list", "struct", "map", "tensor", "embedding", "image", "file", "python", "null", "interval"):
        with pytest.raises(DaftnbError, match="cannot sort"):
            view(frame, sort=(g.Sort(names.index(name), False),))
        with pytest.raises(DaftnbError, match="cannot be compared"):
            view(frame, g.Comparison(names.index(name), "eq", "1"))


def test_a_search_in_five_thousand_columns_is_no_deep_expression() -> None:
    import daft

    wide = daft.from_pydict({f"c{i}": [str(i), "x"] for i in range(600)})
    plan = plan_of(g.ViewRequest(1, (), (), "499", ()), source_of(wide).columns)
    assert plan.of(wide).count_rows() == 1
    with pytest.raises(DaftnbError, match="No column has text"):
        plan_of(g.ViewRequest(1, (), (), "x", ()), source_of(daft.from_pydict({"f": [None]})).columns)


def test_names_in_code() -> None:
    assert [variable(name) for name in ("orders", None, "for", "a b", "x;y")] == ["orders", "df", "df", "df", "df"]


@given(st.integers(-(2**63), 2**63 - 1))
def test_durations_are_read_as_they_are_shown(ticks: int) -> None:
    from daft import DataType

    from daftnb.previews.table import Column
    from daftnb.previews.writing import duration_words

    column = Column(0, "d", DataType.duration("ns"))
    assert read(duration_words(ticks, "ns"), column).python == f'lit({ticks}).cast(DataType.duration("ns"))'
