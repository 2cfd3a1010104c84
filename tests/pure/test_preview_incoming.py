"""Values of other packages and of every Arrow type as Daft dataframes, with the same values and types that sort."""

from __future__ import annotations

import datetime as dt
from collections import namedtuple
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.errors import DaftnbError
from daftnb.previews.incoming import frame_of, read
from daftnb.previews.plainarrow import plain_column

D = dt.date
WORDS = pa.array(["b", "a", None, "b"]).dictionary_encode()


def of_lists(values: Any, kind: Any = None) -> Any:
    return pa.ListArray.from_arrays(pa.array([0, 1, None, 3, 4], pa.int32()), values)


ARROW: dict[str, tuple[Any, str, list[Any]]] = {
    "dictionary": (WORDS, "String", ["b", "a", None, "b"]),
    "dictionary of numbers": (pa.array([3, None, 1]).dictionary_encode(), "Int64", [3, None, 1]),
    "dictionary of dates": (pa.array([D(2020, 1, 2), None]).dictionary_encode(), "Date", [D(2020, 1, 2), None]),
    "dictionary with a null in it": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["x", None])), "String", ["x", None, None],
    ),
    "dictionary of views": (
        pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(["x", "y"], pa.string_view())), "String", ["y", "x"],
    ),
    "dictionary, none": (pa.array([], pa.dictionary(pa.int32(), pa.string())), "String", []),
    "string view": (pa.array(["a", None, "long enough to be outside"], pa.string_view()), "String",
                    ["a", None, "long enough to be outside"]),
    "binary view": (pa.array([b"a", None], pa.binary_view()), "Binary", [b"a", None]),
    "list view": (pa.array([[1], [2, 3], None], pa.list_view(pa.int64())), "List[Int64]", [[1], [2, 3], None]),
    "large list view": (pa.array([["a"], None], pa.large_list_view(pa.string_view())), "List[String]", [["a"], None]),
    "list view, in another order": (
        pa.ListViewArray.from_arrays(pa.array([2, 0], pa.int32()), pa.array([1, 2], pa.int32()), pa.array([1, 2, 3])),
        "List[Int64]", [[3], [1, 2]],
    ),
    "run ends": (pa.RunEndEncodedArray.from_arrays([1, 3], pa.array(["a", "b"])), "String", ["a", "b", "b"]),
    "run ends, a slice": (
        pa.RunEndEncodedArray.from_arrays([2, 3, 5], pa.array(["a", None, "c"], pa.string_view())).slice(1, 3),
        "String", ["a", None, "c"],
    ),
    "decimal of 256 bits": (
        pa.array([Decimal("1.50"), None], pa.decimal256(70, 2)), "Decimal[precision: 38, scale: 2]",
        [Decimal("1.50"), None],
    ),
    "decimal of too many digits": (
        pa.array([Decimal("1" * 50), Decimal(2)], pa.decimal256(60, 1)), "String", ["1" * 50 + ".0", "2.0"],
    ),
    "decimal of 32 bits": (
        pa.array([Decimal("1.5")], pa.decimal32(5, 1)), "Decimal[precision: 5, scale: 1]", [Decimal("1.5")],
    ),
    "decimal of 64 bits": (
        pa.array([Decimal("1.5")], pa.decimal64(15, 1)), "Decimal[precision: 15, scale: 1]", [Decimal("1.5")],
    ),
    "time of seconds": (pa.array([61, None], pa.time32("s")), "Time[us]", [dt.time(0, 1, 1), None]),
    "time of milliseconds": (pa.array([1500], pa.time32("ms")), "Time[us]", [dt.time(0, 0, 1, 500_000)]),
    "date of 64 bits": (pa.array([D(1970, 1, 2), None], pa.date64()), "Date", [D(1970, 1, 2), None]),
    "large text": (pa.array(["a", None], pa.large_string()), "String", ["a", None]),
    "large list": (pa.array([[1], None], pa.large_list(pa.int32())), "List[Int32]", [[1], None]),
    "fixed list of views": (
        pa.array([["a", "b"], None], pa.list_(pa.string_view(), 2)), "List[String; 2]", [["a", "b"], None],
    ),
    "half": (pa.array(np.array([1.5, 2.5], np.float16)), "Float16", [1.5, 2.5]),
    "duration": (pa.array([1, None], pa.duration("s")), "Duration[s]", [dt.timedelta(seconds=1), None]),
    "map of categories": (
        pa.MapArray.from_arrays([0, 1, 2], ["k", "l"], pa.array(["x", "y"]).dictionary_encode()),
        "Map[String: String]", [[("k", "x")], [("l", "y")]],
    ),
    "null": (pa.nulls(2), "Null", [None, None]),
    "union": (
        pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()),
                                 [pa.array([1]), pa.array(["y"])]),
        "String", ["1", "y"],
    ),
    "uuid": (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16))), "String",
        ["00000000-0000-0000-0000-000000000000", None],
    ),
    "json": (pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None])), "String", ['{"a":1}', None]),
    "bool of 8 bits": (
        pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8())), "Bool", [True, None, False],
    ),
    "opaque": (
        pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "t", "v"), pa.array([1, None])), "Int64", [1, None],
    ),
    "list of categories": (of_lists(WORDS), "List[String]", [["b"], ["a", None], None, ["b"]]),
    "list of categories, a slice": (of_lists(WORDS).slice(1, 2), "List[String]", [["a", None], None]),
    "struct of categories": (
        pa.StructArray.from_arrays([WORDS, pa.array([1, 2, 3, 4])], ["c", "n"],
                                   mask=pa.array([False, True, False, False])).slice(1),
        "Struct[c: String, n: Int64]", [None, {"c": None, "n": 3}, {"c": "b", "n": 4}],
    ),
    "list of times": (pa.array([[1], None], pa.list_(pa.time32("s"))), "List[Time[us]]", [[dt.time(0, 0, 1)], None]),
}  # fmt: skip


@pytest.mark.parametrize("name", ARROW)
def test_arrow_types_that_daft_does_not_work_with_become_ones_that_it_does(name: str) -> None:
    array, type_, values = ARROW[name]
    for value in (pa.table({"c": array}), pa.table({"c": pa.chunked_array([array, array])}).slice(0, len(array))):
        frame = frame_of(value)
        assert str(frame.schema()["c"].dtype) == type_ and frame.to_pydict() == {"c": values}


def test_an_interval_and_a_tensor_stay_as_daft_has_them() -> None:
    table = pa.table({"i": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    assert str(frame_of(table).schema()["i"].dtype) == "Interval"
    tensor = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.int64(), [2]), pa.array([[1, 2]], pa.list_(pa.int64(), 2))
    )
    assert str(frame_of(pa.table({"t": tensor})).schema()["t"].dtype) == "Tensor[Int64; [2]]"


def test_what_is_plain_is_not_copied() -> None:
    column = pa.chunked_array([pa.array([[{"a": "x"}]])])
    assert plain_column(column) is column


@given(st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "é"]))))), st.data())
def test_nested_categories_have_the_same_values_wherever_they_are_cut(values: list[Any], data: st.DataObject) -> None:
    plain = pa.array(values, pa.list_(pa.string()))
    coded = pa.array(values, pa.list_(pa.dictionary(pa.int32(), pa.string())))
    begin = data.draw(st.integers(0, len(values)))
    count = data.draw(st.integers(0, len(values)))
    found = plain_column(pa.chunked_array([coded.slice(begin, count)]))
    assert found.to_pylist() == plain.slice(begin, count).to_pylist() and found.type.value_type == pa.string()


def test_values_of_pandas() -> None:
    import pandas as pd

    cut = pd.cut([1, 7, 99], [0, 5, 10])
    for frame, expected in (
        (pd.DataFrame({"c": pd.Categorical([3, None, 1])}), {"c": [3, None, 1]}),
        (pd.DataFrame({"c": pd.Categorical(pd.to_datetime(["2024-01-02"]))}), {"c": [dt.datetime(2024, 1, 2)]}),
        (pd.DataFrame({"c": cut}), {"c": ["(0, 5]", "(5, 10]", None]}),
        (pd.DataFrame({"p": pd.period_range("2024-01", periods=2, freq="M")}), {"p": ["2024-01", "2024-02"]}),
        (pd.DataFrame({"o": [1, "a", None, 2.5]}), {"o": ["1", "a", None, "2.5"]}),
        (pd.DataFrame({"o": [[1], "a", None]}), {"o": [[1], "a", None]}),
        (pd.DataFrame({"o": [2**70, None]}), {"o": [2**70, None]}),
        (pd.DataFrame({"z": [1j]}), {"z": [1j]}),
        (pd.DataFrame({"s": pd.arrays.SparseArray([0, 1])}), {"s": [0, 1]}),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [1], "a (2)": [2]}),
        (pd.DataFrame([[1, 2]], columns=[7, "b"]), {"7": [1], "b": [2]}),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "x")])), {"('a', 'x')": [1]}),
        (pd.DataFrame({"a": [1, "b"]}, index=["r", "s"]), {"a": ["1", "b"], "__index_level_0__": ["r", "s"]}),
        (pd.Series([1, 2], name="q"), {"q": [1, 2]}),
        (pd.Series(["x", 1]), {"value": ["x", 1]}),
        (pd.Index([1, 2], name="i"), {"i": [1, 2]}),
    ):  # fmt: skip
        assert frame_of(frame).to_pydict() == expected


def test_a_mixed_column_is_as_daft_reads_it() -> None:
    import daft
    import pandas as pd

    mixed = pd.DataFrame({"o": [1, "a", None, 2.5], "n": [1, 2, 3, 4], "c": pd.Categorical(list("abab"))})
    plain = daft.from_pandas(mixed[["o", "n"]]).to_pydict()
    assert frame_of(mixed).to_pydict() == {**plain, "c": ["a", "b", "a", "b"]}


def test_values_of_polars() -> None:
    import polars as pl

    for frame, expected in (
        (pl.DataFrame({"c": pl.Series(["b", None], dtype=pl.Categorical)}), {"c": ["b", None]}),
        (pl.DataFrame({"c": pl.Series(["b"], dtype=pl.Enum(["a", "b"]))}), {"c": ["b"]}),
        (pl.DataFrame({"c": pl.Series([["a"]], dtype=pl.List(pl.Categorical))}), {"c": [["a"]]}),
        (pl.DataFrame({"c": pl.Series([{"x": "a"}], dtype=pl.Struct({"x": pl.Categorical}))}), {"c": [{"x": "a"}]}),
        (pl.DataFrame({"c": pl.Series([1], dtype=pl.Int128)}), {"c": [1]}),
        (pl.DataFrame({"c": pl.Series([{1}], dtype=pl.Object), "n": [1]}), {"c": [{1}], "n": [1]}),
        (pl.Series("n", [1, 2]), {"n": [1, 2]}),
        (pl.Series([1.5]), {"value": [1.5]}),
    ):  # fmt: skip
        assert frame_of(frame).to_pydict() == expected


def test_values_of_arrow_numpy_duckdb_daft_and_python() -> None:
    import daft
    import duckdb

    point = namedtuple("point", "x y")
    for value, expected in (
        (pa.array([1, None]), {"value": [1, None]}),
        (pa.chunked_array([["a"], ["b"]]), {"value": ["a", "b"]}),
        (pa.record_batch({"a": [1]}), {"a": [1]}),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), {"a": [1], "a (2)": [2]}),
        (daft.Series.from_pylist([1], name="z"), {"z": [1]}),
        (np.array([1, 2]), {"value": [1, 2]}),
        (np.array([[1, 2], [3, 4]]), {"0": [1, 3], "1": [2, 4]}),
        (np.array([(1, "a")], dtype=[("x", int), ("y", "U2")]), {"x": [1], "y": ["a"]}),
        (np.array(["2024-01-02"], "datetime64[D]"), {"value": [D(2024, 1, 2)]}),
        (np.array([1, "a", None], dtype=object), {"value": [1, "a", None]}),
        (np.ma.masked_array([1, 2], [False, True]), {"value": [1, None]}),
        ([{"a": 1}, {"b": "x"}], {"a": [1, None], "b": [None, "x"]}),
        ([{"a": 1}, {"a": "x"}], {"a": [1, "x"]}),
        ([point(1, 2)], {"x": [1], "y": [2]}),
        ([(1, 2), (3, 4)], {"value": [[1, 2], [3, 4]]}),
        ({"a": [1, 2], "b": np.array([1.5, 2.5])}, {"a": [1, 2], "b": [1.5, 2.5]}),
        (
            duckdb.sql("SELECT 'x'::ENUM('x','y') AS e, time '01:02:03' AS t, 5::hugeint AS h"),
            {"e": ["x"], "t": [dt.time(1, 2, 3)], "h": [5.0]},
        ),
    ):
        assert frame_of(value).to_pydict() == expected


def test_what_has_no_rows_says_in_one_line_what_to_type() -> None:
    import daft
    import polars as pl
    import pyarrow.dataset as ds

    for value, what, remedy in (
        (pl.LazyFrame({"a": [1]}), "A polars LazyFrame has no rows before it runs.", "lazy.collect()"),
        (ds.dataset(pa.table({"a": [1]})), "A pyarrow Dataset has not read its rows.", "dataset.head(1000)"),
        (daft.col("a"), "An expression has no rows of its own.", "df.select("),
        (daft.from_pydict({"a": [1]}).groupby("a"), "Groups have no rows", ".count()"),
        (np.zeros((2, 2, 2)), "This array has the shape (2, 2, 2), which is not a table.", "array.reshape("),
        ({"a": 1}, "Some values of this dict are not columns.", "[{…}]"),
        ({"a": [1], "b": []}, "differ in length: a has 1, b has 0.", "the same number of values"),
        ("x.parquet", "A text has no rows.", 'daft.read_parquet("path")'),
        (dict, "A function or a class has no rows.", "Call it"),
        ([], "A value of type list has no rows to preview.", "Preview a Daft dataframe"),
        (7, "A value of type int has no rows to preview.", "Preview a Daft dataframe"),
    ):  # fmt: skip
        with pytest.raises(DaftnbError) as slip:
            frame_of(value)
        assert what in slip.value.what and remedy in slip.value.remedy and "\n" not in str(slip.value)


def test_code_by_arrow_alone_is_told_from_what_was_cast() -> None:
    import pandas as pd

    assert read(pd.DataFrame({"a": [1]}))[1] and read(pa.table({"a": [1]}))[1]
    assert not read(pd.DataFrame({"a": pd.Categorical(["x"])}))[1] and not read(pa.array([1]))[1]
    assert not read(pd.DataFrame({"a": [1, "x"]}))[1] and not read(pd.DataFrame([[1, 2]], columns=["a", "a"]))[1]
