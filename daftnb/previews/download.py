"""Writes a view as a CSV or Parquet file for the browser, in pieces from its partitions."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from daftnb.errors import DaftnbError
from daftnb.previews import writing as w
from daftnb.previews.copying import values_in_full
from daftnb.previews.kinds.registry import record_of
from daftnb.previews.table import Column
from daftnb.previews.wire import Format
from daftnb.previews.writing import arrow_named

if TYPE_CHECKING:
    from daft import Series

    from daftnb.engine.rows.partitions import Partitions

PART_BYTES = 2_000_000
MOST_BYTES = 200_000_000
ROWS_AT_A_TIME = 20_000
MIMES: dict[Format, str] = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def write_file(
    file: IO[bytes], rows: Partitions, columns: Sequence[Column], format_: Format, check: Callable[[], None]
) -> None:
    """Write these columns of all rows to an empty file.

    ``check`` is called between pieces, and may raise. Raises DaftnbError where the file would be larger than
    MOST_BYTES.
    """
    write = _write_csv if format_ == "csv" else _write_parquet
    for _ in write(rows, columns, file):
        check()
        if file.tell() > MOST_BYTES:
            raise DaftnbError(
                f"That is more than {MOST_BYTES // 10**6} MB, which is too much for a browser.",
                f"Write it to a file: df.write_{format_}(path).",
            )


def _pieces(rows: Partitions, columns: Sequence[Column]) -> Iterator[list[Series]]:
    start, numbers = 0, [column.number for column in columns]
    while start < rows.rows:
        count, series = rows.slice(start, ROWS_AT_A_TIME, numbers)
        yield series
        start += count


def _write_csv(rows: Partitions, columns: Sequence[Column], file: IO[bytes]) -> Iterator[None]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text)
        writer.writerow([column.name for column in columns])
        for series in _pieces(rows, columns):
            cells = [values_in_full(each) for each in series]
            writer.writerows(zip(*cells, strict=True))
            yield
    finally:
        text.detach()


def _write_parquet(rows: Partitions, columns: Sequence[Column], file: IO[bytes]) -> Iterator[None]:
    import pyarrow as pa
    from pyarrow import parquet

    names = [column.name for column in columns]
    writer: Any = None
    try:
        for series in _pieces(rows, columns):
            arrays = [_arrow(each) for each in series]
            if writer is None:
                schema = pa.schema([pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)])
                writer = parquet.ParquetWriter(file, schema)
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield
        if writer is None:
            empty = pa.schema([pa.field(column.name, _type_of(column)) for column in columns])
            writer = parquet.ParquetWriter(file, empty)
    finally:
        if writer is not None:
            writer.close()


def _arrow(series: Series) -> Any:
    """Return a column as Parquet can hold it: a type that only Daft has becomes what it is made of, or text."""
    import pyarrow as pa

    if record_of(series.datatype()).is_text_in_files:
        return pa.array(values_in_full(series), pa.string())
    return _without_fixed_lists(w.storage(arrow_named(series).to_arrow()))


def _without_fixed_lists(array: Any) -> Any:
    """Return lists of one size as plain lists, and any other array as it is.

    Parquet keeps no values where a list of fixed size is null, and readers then miss them. A list that is null has no
    values here: Arrow's own cast keeps them, and pyarrow before 25 does not write such a list.
    """
    import numpy as np
    import pyarrow as pa

    kind = array.type
    if not pa.types.is_fixed_size_list(kind):
        return array
    lengths = array.is_valid().to_numpy(zero_copy_only=False).astype(np.int64) * kind.list_size
    offsets = pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, array.flatten(), mask=array.is_null())


def _type_of(column: Column) -> Any:
    import pyarrow as pa

    if column.dtype is None or column.record.is_text_in_files:
        return pa.string()
    kind = column.dtype.to_arrow_dtype()
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def parts(file: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Yield a file's parts: the number (from 0), how many there are, the bytes. An empty file has one, empty."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    of = max(1, -(-size // PART_BYTES))
    for part in range(of):
        yield part, of, file.read(PART_BYTES)


def file_name(name: str | None, format_: Format) -> str:
    """Return the name that the file has in the browser."""
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in (name or "dataframe")[:60])
    return f"{kept or 'dataframe'}.{format_}"
