"""Texts in a preview: how cells show, open, search and summarise them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from daftnb.previews.fields import Prepared, strings
from daftnb.previews.forms import TEXT_BYTES, Detail, link_cell, text_cell, web_address
from daftnb.previews.kinds.kind import CellKind, Search, as_it_stands
from daftnb.previews.typed import Value, plain_value
from daftnb.previews.writing import string

if TYPE_CHECKING:
    from daft import DataType


def _page(number: int, array: Any, dtype: DataType) -> Prepared:
    return strings(number, array)


def _first(array: Any, dtype: DataType, room: int) -> Any:
    return pc.utf8_slice_codeunits(array, 0, room + 1)


def _detail(array: Any, dtype: DataType) -> Detail:
    start = string(array, 0, TEXT_BYTES)
    length = pc.utf8_length(array)[0].as_py()
    if len(start) == length and web_address(start) is not None:
        return link_cell(start), []
    return text_cell(start, length), []


def _read(text: str, dtype: DataType) -> Value:
    return plain_value(text)


STRING = CellKind(
    "string",
    ("is_string",),
    texts=_first,
    is_text=True,
    page=_page,
    detail=_detail,
    is_ordered=True,
    read=_read,
    search=Search(is_cast=True, texts=as_it_stands),
    is_counted=True,
    aggregates=("distinct", "min", "max"),
)

KINDS = (STRING,)
