"""What a preview is of: a dataframe that has run, one that has not, or rows that a display holds; and its rows' places.

Nothing here runs a query.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from daftnb.engine.connect import runner_name
from daftnb.engine.endless import never_ends
from daftnb.engine.partitions import Partitions, is_collected, partitions_of, shown_rows
from daftnb.engine.rerun import first_rows
from daftnb.errors import DaftnbError
from daftnb.previews.table import Column, columns_of

if TYPE_CHECKING:
    from daft import DataFrame, DataType

PLAN_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """``rows``: None for a frame that has not run. ``limit``: they are the first so many of more.

    ``spelling``: how the frame is spelled in code, of the name of what it was made of.
    """

    frame: Any  # a Daft dataframe
    columns: tuple[Column, ...]
    rows: Partitions | None
    limit: int | None = None
    spelling: str = "{}"

    @property
    def runner(self) -> Literal["native", "ray"]:
        """Where its queries run."""
        return "ray" if runner_name() == "ray" else "native"


def source_of(frame: DataFrame, limit: int | None = None) -> Source:
    """The source that a Daft dataframe is."""
    rows = partitions_of(frame) if is_collected(frame) else None

    def dtype_of(number: int) -> DataType | None:
        if rows is None or not rows.rows:
            return None
        dtype: DataType = rows.slice(0, 1, [number])[1][0].datatype()
        return dtype

    return Source(frame, columns_of(frame.schema(), dtype_of), rows, limit)


FOREIGN = "daft.from_arrow(pyarrow.table({}))"


def source_of_value(value: Any, limit: int | None = None) -> Source:
    """The source that any value is which :func:`frame_of` takes; with a limit, its first rows, which are got now."""
    import daft

    frame = frame_of(value)
    source = source_of(frame) if limit is None else limited(frame, limit)
    return source if isinstance(value, daft.DataFrame) else replace(source, spelling=FOREIGN)


def limited(frame: DataFrame, limit: int) -> Source:
    """The first rows of a dataframe, which are got now. Raises DaftnbError for a limit below 1."""
    if limit < 1:
        raise DaftnbError(f"A preview has at least 1 row (limit={limit}).", "Try %daft preview df --limit 100")
    first = first_rows(frame, limit)
    if runner_name() == "ray" and never_ends(first):
        raise DaftnbError(
            "Daft on Ray never ends a limit of what into_partitions makes.", "Run it whole: df = df.collect()"
        )
    first = first.collect()
    return source_of(first, limit if len(first) >= limit else None)


def source_of_shown(formatter: Any) -> Source:
    """The source that the rows are which ``df.show()`` displays (Daft's PreviewFormatter)."""
    frame, rows, total = shown_rows(formatter)
    limit = rows.rows if total is None or total > rows.rows else None
    return Source(frame, columns_of(frame.schema(), lambda number: rows.dtype(number)), rows, limit)


def frame_of(value: Any) -> DataFrame:
    """A Daft dataframe as it is; of anything with ``__arrow_c_stream__`` (pandas, polars, pyarrow, duckdb), one of it.

    Raises DaftnbError for anything else.
    """
    import daft

    if isinstance(value, daft.DataFrame):
        return value
    if not hasattr(value, "__arrow_c_stream__"):
        raise DaftnbError(
            f"A value of type {type(value).__name__} has no rows to preview.",
            "Preview a Daft dataframe, or one of pandas, polars, pyarrow or duckdb.",
        )
    import pyarrow as pa

    try:
        return daft.from_arrow(_named_apart(pa.table(value)))
    except (pa.ArrowException, daft.exceptions.DaftCoreException, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DaftnbError(
            f"This {type(value).__name__} cannot be read as Arrow: {reason}.", "Change the column that it names."
        ) from None


def _named_apart(table: Any) -> Any:
    """A table whose columns all have names of their own: Daft reads no other."""
    names = [str(name) for name in table.column_names]
    if len(set(names)) == len(names):
        return table
    taken = set(names)
    found: list[str] = []
    for name in names:
        free, count = name, 1
        while free in found or (count > 1 and free in taken):
            count += 1
            free = f"{name} ({count})"
        found.append(free)
    return table.rename_columns(found)
