"""Writes rows as tab-separated text for the clipboard, with full values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daftnb.errors import DaftnbError
from daftnb.previews import writing as w
from daftnb.previews.kinds.registry import record_of
from daftnb.previews.writing import arrow_named

if TYPE_CHECKING:
    from daft import Series

MOST_CHARACTERS = 8_000_000
_SPECIAL = frozenset('\t\n\r"')


def tsv(columns: Sequence[Series]) -> str:
    """Return columns of equal length as lines of tab-separated text.

    A null is empty. A value with tabs, line breaks or quotes is quoted, as spreadsheets do. Raises DaftnbError where
    the text would be longer than MOST_CHARACTERS.
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
    """Return the values of a column as text, none of them cut; None for a null.

    Raises DaftnbError where texts, or values written one by one, are longer than ``room`` characters together.
    """
    dtype = series.datatype()
    kind = record_of(dtype)
    array = kind.arrow(arrow_named(series), room)
    found: list[str | None] = []
    if kind.is_text:
        if array.nbytes > 4 * room:
            raise too_much()
        found = array.to_pylist()
        return found
    if kind.texts is not None:
        found = kind.texts(array, dtype, room).to_pylist()
        return found
    for i in range(len(array)):
        found.append(w.written(array, i, room, dtype) if array[i].is_valid else None)
        room -= len(found[-1] or "")
        if room < 0:
            raise too_much()
    return found


def too_much() -> DaftnbError:
    """Return the error for more text than a browser is to be given at once."""
    return DaftnbError(f"That is more than {MOST_CHARACTERS:,} characters.", "Select fewer rows or columns.")


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if not _SPECIAL.isdisjoint(value) else value
