"""The frame behind a preview: one that has run, one that has not, or rows that a display holds.

Nothing here runs a query but :func:`limited`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from daftnb.engine.connection.runner_slot import runner_name
from daftnb.engine.queries.endless import never_ends
from daftnb.engine.rows.partitions import Partitions
from daftnb.engine.rows.rerun import first_rows
from daftnb.engine.rows.results import is_collected, partitions_of, shown_rows
from daftnb.errors import DaftnbError
from daftnb.previews.incoming import frame_of as frame_of
from daftnb.previews.incoming import is_used_up, read
from daftnb.previews.table import Column, columns_of

if TYPE_CHECKING:
    from daft import DataFrame, DataType

PLAN_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """What a preview shows. ``rows``: None for a frame that has not run. ``limit``: they are the first so many of more.

    ``spelling``: how code spells the frame, as a format of the name of what it was made of.
    """

    frame: Any  # a Daft dataframe
    columns: tuple[Column, ...]
    rows: Partitions | None
    limit: int | None = None
    spelling: str = "{}"

    @property
    def runner(self) -> Literal["native", "ray"]:
        """Return the runner of its queries."""
        return "ray" if runner_name() == "ray" else "native"


def source_of(frame: DataFrame, limit: int | None = None) -> Source:
    """Return the source of a Daft dataframe."""
    rows = partitions_of(frame) if is_collected(frame) else None

    def dtype_of(number: int) -> DataType | None:
        if rows is None or not rows.rows:
            return None
        dtype: DataType = rows.slice(0, 1, [number])[1][0].datatype()
        return dtype

    return Source(frame, columns_of(frame.schema(), dtype_of), rows, limit)


# How code spells what is no Daft dataframe: by Arrow, and by a preview where that casts values on their way in.
BY_ARROW, BY_PREVIEW = "daft.from_arrow(pyarrow.table({}))", "daftnb.preview({}).df"


def source_of_value(value: Any, limit: int | None = None) -> Source:
    """Return the source of any value that :func:`frame_of` takes. With a limit, run it for so many rows first.

    Raises DaftnbError as :func:`frame_of` and :func:`limited` do.
    """
    import daft

    frame, alike = read(value)
    source = source_of(frame) if limit is None else limited(frame, limit)
    if isinstance(value, daft.DataFrame):
        return source
    return replace(source, spelling=BY_ARROW if alike else "{}" if is_used_up(value) else BY_PREVIEW)


def limited(frame: DataFrame, limit: int) -> Source:
    """Run a dataframe for its first ``limit`` rows, and return their source.

    Raises DaftnbError for a limit below 1, and for one that Daft on Ray never ends.
    """
    if limit < 1:
        raise DaftnbError(f"A preview has at least 1 row (limit={limit}).", "Try %daft preview df --limit 100")
    first = first_rows(frame, limit)
    if runner_name() == "ray" and never_ends(first):
        raise DaftnbError("On Ray, Daft never ends a limit over into_partitions.", "Run it whole: df = df.collect()")
    first = first.collect()
    return source_of(first, limit if len(first) >= limit else None)


def source_of_shown(formatter: Any) -> Source:
    """Return the source of the rows that ``df.show()`` displays (Daft's PreviewFormatter)."""
    frame, rows, total = shown_rows(formatter)
    limit = rows.rows if total is None or total > rows.rows else None
    return Source(frame, columns_of(frame.schema(), lambda number: rows.dtype(number)), rows, limit)
