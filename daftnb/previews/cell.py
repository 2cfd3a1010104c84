"""Returns one cell in full for the page that opens it. The size is bounded, whatever the value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daftnb.previews.forms import TEXT_BYTES, Detail, tree_cell
from daftnb.previews.kinds.registry import record_of
from daftnb.previews.writing import arrow_named

if TYPE_CHECKING:
    from daft import Series


def detail(series: Series, row: int = 0) -> Detail:
    """Return what the browser is sent for one value of a column, and its buffers (a PNG, for an image)."""
    series = arrow_named(series.slice(row, row + 1))
    dtype = series.datatype()
    kind = record_of(dtype)
    array = kind.arrow(series, TEXT_BYTES)
    return kind.detail(array, dtype) if array[0].is_valid else (tree_cell({"t": "null"}), [])
