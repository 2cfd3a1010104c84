"""Rows as tab-separated text, for the clipboard: values in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daftnb.errors import DaftnbError
from daftnb.previews import writing as w
from daftnb.previews.encode import texts
from daftnb.previews.kinds import kind_of

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
        values = [_cell(value) for value in values_in_full(series, left)]
        left -= sum(map(len, values)) + len(values)
        if left < 0:
            raise too_much()
        written.append(values)
    return "\n".join("\t".join(row) for row in zip(*written, strict=True))


def values_in_full(series: Series, room: int = MOST_CHARACTERS) -> list[str | None]:
    """The values of a column as text, none of them cut. DaftnbError where all are longer than ``room``."""
    dtype = series.datatype()
    kind = kind_of(dtype)
    if kind == "python":
        return [None if value is None else w.object_words(value, room) for value in series]
    array = series.to_arrow()
    if w.is_string(array.type):
        if array.nbytes > 4 * room:
            raise too_much()
        strings: list[str | None] = array.to_pylist()
        return strings
    if kind == "file":
        files: list[str | None] = texts(array, dtype, room).to_pylist()
        return files
    if kind in ("date", "time", "timestamp"):
        times: list[str | None] = w.temporal_texts(array).to_pylist()
        return times
    found: list[str | None] = []
    for i in range(len(array)):
        found.append(w.written(array, i, room, dtype) if array[i].is_valid else None)
        room -= len(found[-1] or "")
        if room < 0:
            raise too_much()
    return found


def too_much() -> DaftnbError:
    """The error for more text than a browser is to be given at once."""
    return DaftnbError(f"That is more than {MOST_CHARACTERS:,} characters.", "Take fewer rows or columns.")


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if not _SPECIAL.isdisjoint(value) else value
