"""Rows as tab-separated text, for the clipboard: values in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daftnb.errors import DaftnbError
from daftnb.preview import writing as w
from daftnb.preview.encode import texts
from daftnb.preview.kinds import kind_of

if TYPE_CHECKING:
    from daft import Series

MOST_CHARACTERS = 8_000_000
_SPECIAL = frozenset('\t\n\r"')


def tsv(columns: Sequence[Series]) -> str:
    """Columns of equal length as lines; a null is empty. A value with tabs, breaks or quotes is quoted, as sheets do.

    Raises DaftnbError where it would be longer than MOST_CHARACTERS.
    """
    left = MOST_CHARACTERS
    written: list[list[str]] = []
    for series in columns:
        values = [_cell(value) for value in _values(series, left)]
        left -= sum(map(len, values)) + len(values)
        if left < 0:
            raise DaftnbError(f"That is more than {MOST_CHARACTERS:,} characters.", "Copy fewer rows or columns.")
        written.append(values)
    return "\n".join("\t".join(row) for row in zip(*written, strict=True))


def _values(series: Series, room: int) -> list[str | None]:
    dtype = series.datatype()
    kind = kind_of(dtype)
    if kind == "python":
        return [None if value is None else w.object_words(value, room) for value in series]
    array = series.to_arrow()
    if w.is_string(array.type) or kind == "file":
        if array.nbytes > 4 * room:
            raise DaftnbError(f"That is more than {MOST_CHARACTERS:,} characters.", "Copy fewer rows or columns.")
        found: list[str | None] = texts(array, dtype, room).to_pylist() if kind == "file" else array.to_pylist()
        return found
    texts_: list[str | None] = []
    for i in range(len(array)):
        texts_.append(w.written(array, i, room, dtype) if array[i].is_valid else None)
        room -= len(texts_[-1] or "")
        if room < 0:
            raise DaftnbError(f"That is more than {MOST_CHARACTERS:,} characters.", "Copy fewer rows or columns.")
    return texts_


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if not _SPECIAL.isdisjoint(value) else value
