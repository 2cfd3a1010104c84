"""Python's own objects in a preview: cells show their repr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from daftnb.previews.forms import Detail, text_cell
from daftnb.previews.kinds.kind import CellKind, Search, as_it_stands
from daftnb.previews.writing import Text, object_words

if TYPE_CHECKING:
    from daft import DataType, Series


def _arrow(series: Series, room: int) -> Any:
    return pa.array([None if value is None else object_words(value, room) for value in series], pa.large_string())


def _texts(array: Any, dtype: DataType, room: int) -> Any:
    return array


def _write(text: Text, array: Any, index: int, dtype: DataType) -> None:
    text.add("<Python object>")


def _detail(array: Any, dtype: DataType) -> Detail:
    return text_cell(array[0].as_py()), []


PYTHON = CellKind(
    "python",
    ("is_python",),
    arrow=_arrow,
    texts=_texts,
    write=_write,
    detail=_detail,
    search=Search(texts=as_it_stands),
    is_text_in_files=True,
)

KINDS = (PYTHON,)
