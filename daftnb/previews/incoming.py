"""Turns data of pandas, polars, pyarrow, numpy and duckdb, lists and dicts into a Daft dataframe.

Nothing is imported for it: a value is of a package only if that package is there. What cannot be shown is answered with
one line that says what to type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daftnb.errors import DaftnbError
from daftnb.previews.plainarrow import names_apart, plain_column
from daftnb.text.reasons import first_line

if TYPE_CHECKING:
    from daft import DataFrame, Series

VALUE = "value"  # what the one column is called that has no name
MOST_COLUMNS = 10_000  # of an array: it is more probably a matrix on its side

Columns = list[tuple[Any, Any]]  # each with its name: an Arrow column, or a list of Python objects


def frame_of(value: Any) -> DataFrame:
    """Return a Daft dataframe as it is, and one with the same values for any other value that has rows.

    Raises DaftnbError, which says what to type, for anything else.
    """
    return read(value)[0]


def read(value: Any) -> tuple[DataFrame, bool]:
    """Return what :func:`frame_of` does, and whether ``daft.from_arrow(pyarrow.table(value))`` makes the same."""
    import daft

    if isinstance(value, daft.DataFrame):
        return value, False
    _refuse(value)
    if isinstance(value, daft.Series):
        return daft.from_pydict({value.name() or VALUE: value}), False
    try:
        columns = _columns(value)
    except _unreadable() as error:
        raise DaftnbError(
            f"This {type(value).__name__} cannot be read as Arrow: {first_line(error)}.",
            "Change the column that it names.",
        ) from None
    if columns is None:
        raise DaftnbError(f"A value of type {type(value).__name__} has no rows to preview.", _instead(value))
    return _frame(columns), _reads_alike(value, columns)


def _unreadable() -> tuple[type[Exception], ...]:
    """Return the exceptions that Arrow and Daft raise for values that they cannot read."""
    import daft
    import pyarrow as pa

    return pa.ArrowException, daft.exceptions.DaftCoreException, TypeError, ValueError, ArithmeticError


def _is(value: Any, package: str, *names: str) -> bool:
    """Return True for an instance of one of a package's classes; never import the package for it."""
    module = sys.modules.get(package)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(module, name, None), type))
    return isinstance(value, kinds)


def is_used_up(value: Any) -> bool:
    """Return True for a value that gives its rows only once, and has given them once it is previewed."""
    return _is(value, "pyarrow", "RecordBatchReader")


def _reads_alike(value: Any, columns: Columns) -> bool:
    import pyarrow as pa

    if not (_is(value, "pandas", "DataFrame") or _is(value, "polars", "DataFrame") or isinstance(value, pa.Table)):
        return False
    names = [name for name, _ in columns]
    if _is(value, "pandas", "DataFrame") and not value.columns.is_unique:
        return False
    return names == names_apart(names) and all(
        isinstance(each, pa.ChunkedArray) and plain_column(each) is each for _, each in columns
    )


# -- what is refused, with what to type -------------------------------------------------------------------------------


def _refuse(value: Any) -> None:
    for test, what, remedy in _REFUSED:
        if test(value):
            raise DaftnbError(what, remedy)


_REFUSED: tuple[tuple[Callable[[Any], bool], str, str], ...] = (
    (
        lambda value: _is(value, "polars", "LazyFrame"),
        "A polars LazyFrame has no rows before it runs.",
        "Run it, and preview that: %daft preview lazy.collect(), or lazy.head(1000).collect()",
    ),
    (
        lambda value: _is(value, "pyarrow.dataset", "Dataset", "Scanner"),
        "A pyarrow Dataset has not read its rows.",
        "Read them: %daft preview dataset.head(1000), or dataset.to_table()",
    ),
    (
        lambda value: _is(value, "daft", "Expression"),
        "An expression has no rows of its own.",
        'Choose it from a dataframe: %daft preview df.select(col("a") + 1)',
    ),
    (
        lambda value: type(value).__name__ in ("GroupedDataFrame", "DataFrameGroupBy", "SeriesGroupBy", "GroupBy"),
        "Groups have no rows before they are aggregated.",
        "Aggregate them: %daft preview grouped.count()",
    ),
    (
        lambda value: isinstance(value, type) or (callable(value) and not hasattr(value, "__arrow_c_stream__")),
        "A function or a class has no rows.",
        "Call it: %daft preview make()",
    ),
    (
        lambda value: isinstance(value, str | bytes),
        "A text has no rows.",
        'Read a file with Daft: %daft preview daft.read_parquet("path")',
    ),
)  # fmt: skip


def _instead(value: Any) -> str:
    for method in ("to_arrow", "to_pandas", "toPandas", "to_df", "compute", "read", "fetchall"):
        if callable(getattr(value, method, None)):
            return f"Preview what its {method}() gives."
    return "Preview a Daft dataframe, or one of pandas, polars, pyarrow or duckdb."


# -- what is read -----------------------------------------------------------------------------------------------------


def _columns(value: Any) -> Columns | None:
    """Return the columns of a value; None for a value that has none."""
    import pyarrow as pa

    if _is(value, "pandas", "DataFrame", "Series", "Index"):
        return _of_pandas(value)
    if _is(value, "polars", "DataFrame"):
        return [(series.name, _of_polars(series)) for series in value.get_columns()]
    if _is(value, "polars", "Series"):
        return [(value.name or VALUE, _of_polars(value))]
    if isinstance(value, pa.Array):
        return [(VALUE, pa.chunked_array([value]))]
    if isinstance(value, pa.ChunkedArray):
        return [(VALUE, value)]
    if isinstance(value, pa.RecordBatch):
        return _of_table(pa.Table.from_batches([value]))
    if hasattr(value, "__arrow_c_stream__"):
        return _of_table(pa.table(value))
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if isinstance(value, list | tuple):
        return _of_list(value)
    if hasattr(value, "__arrow_c_array__"):
        return [(VALUE, pa.chunked_array([pa.array(value)]))]
    if hasattr(value, "__array__"):
        return _of_array(value)
    return None


def _of_table(table: Any) -> Columns:
    return list(zip(table.column_names, table.columns, strict=True))


def _of_pandas(value: Any) -> Columns:
    """Return the columns of a pandas value. Where Arrow has no type for one, read each by itself, as Daft does."""
    import pandas as pd
    import pyarrow as pa

    if not isinstance(value, pd.DataFrame):
        named = VALUE if value.name is None else value.name
        value = value.to_frame(name=named) if isinstance(value, pd.Series) else value.to_frame(index=False, name=named)
    if value.columns.nlevels > 1 or not value.columns.is_unique or not all(isinstance(n, str) for n in value.columns):
        value = value.set_axis(names_apart(list(value.columns)), axis=1)
    try:
        return _of_table(pa.Table.from_pandas(value))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        index = pa.Table.from_pandas(value[[]])  # the index, where it is more than row numbers
        return [*((name, _of_pandas_series(value[name])) for name in value.columns), *_of_table(index)]


def _of_pandas_series(series: Any) -> Any:
    import daft
    import pandas as pd
    import pyarrow as pa

    if isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    try:
        return pa.chunked_array([pa.array(series, from_pandas=True)])
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass  # a mixed column: Daft has a way with it, or it stays Python's objects
    try:
        return daft.Series.from_pandas(series, name=VALUE)
    except _unreadable():
        gone = series.isna()
        return [None if missing else each for each, missing in zip(series.tolist(), gone, strict=True)]


def _of_polars(series: Any) -> Any:
    import pyarrow as pa

    if str(series.dtype) == "Object":  # of which Arrow would get the addresses
        return series.to_list()
    try:
        return pa.chunked_array(series)
    except (pa.ArrowException, TypeError, ValueError):  # whole numbers of 128 bits, and what is yet to come
        return _of_values(series.to_list())


def _of_values(values: Sequence[Any]) -> Any:
    """Return a column of Python values: as Arrow where they are of one type, else as the objects."""
    import pyarrow as pa

    try:
        return pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return list(values)


def _of_mapping(value: Mapping[Any, Any]) -> Columns | None:
    if not value:
        return None
    if not all(_is_column(each) for each in value.values()):
        raise DaftnbError(
            "Some values of this dict are not columns.",
            'Give lists of one length, {"a": [1, 2]}, or a list of dicts, [{…}]',
        )
    lengths = {str(name): len(each) for name, each in value.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in list(lengths.items())[:4])
        raise DaftnbError(f"The columns of this dict differ in length: {told}.", "Give each the same number of values.")
    found: Columns = []
    for name, each in value.items():
        columns = None if isinstance(each, list | tuple) else _columns(each)
        found.append((name, columns[0][1] if columns else _of_values(list(each))))
    return found


def _is_column(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str | bytes | Mapping)


def _of_list(value: Sequence[Any]) -> Columns | None:
    if not value:
        return None
    if all(isinstance(each, Mapping) for each in value):
        names = dict.fromkeys(name for each in value for name in each)
        return [(name, _of_values([each.get(name) for each in value])) for name in names] or None
    if all(hasattr(each, "_fields") and isinstance(each, tuple) for each in value):  # named tuples
        names = dict.fromkeys(name for each in value for name in each._fields)
        return [(name, _of_values([getattr(each, name, None) for each in value])) for name in names] or None
    return [(VALUE, _of_values(value))]


def _of_array(value: Any) -> Columns | None:
    import numpy as np

    array = np.asanyarray(value)  # with its mask, if it has one
    if array.dtype.names:
        return [(name, _of_values(array[name].tolist())) for name in array.dtype.names]
    if array.ndim == 0:
        return None
    if array.ndim == 1:
        return [(VALUE, _of_vector(array))]
    if array.ndim > 2 or array.shape[1] > MOST_COLUMNS:
        what = f"This array has the shape {array.shape}, which is not a table."
        raise DaftnbError(what, "Give it two dimensions: %daft preview array.reshape(len(array), -1)")
    return [(number, _of_vector(array[:, number])) for number in range(array.shape[1])]


def _of_vector(array: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(array, np.ma.MaskedArray):
        return _of_values(array.tolist())
    try:
        return pa.chunked_array([pa.array(np.ascontiguousarray(array))])
    except (pa.ArrowException, TypeError, ValueError):
        return _of_values(array.tolist())


# -- the dataframe ----------------------------------------------------------------------------------------------------


def _frame(columns: Columns) -> DataFrame:
    import daft
    import pyarrow as pa

    names = names_apart([name for name, _ in columns])
    ready = [plain_column(each) if isinstance(each, pa.ChunkedArray) else each for _, each in columns]
    if all(isinstance(each, pa.ChunkedArray) for each in ready):
        return daft.from_arrow(pa.table(ready, names=names))
    series: dict[str, Any] = {name: _series(name, each) for name, each in zip(names, ready, strict=True)}
    return daft.from_pydict(series)


def _series(name: str, column: Any) -> Series:
    import daft
    import pyarrow as pa

    if isinstance(column, daft.Series):
        return column.rename(name)
    if isinstance(column, pa.ChunkedArray):
        return daft.Series.from_arrow(column.combine_chunks(), name=name)
    return daft.Series.from_pylist(column, name=name, dtype=daft.DataType.python())
