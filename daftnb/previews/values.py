"""Reads the text of a filter as a value of the column's type, or says why it cannot."""

from __future__ import annotations

from decimal import InvalidOperation

from daftnb.errors import DaftnbError
from daftnb.previews.table import Column, type_words
from daftnb.previews.typed import Unreadable, Value
from daftnb.text.shorten import shortened


def read(text: str, column: Column) -> Value:
    """Return the value that ``text`` is for a column. Raises DaftnbError, which names the value and the type."""
    dtype = column.dtype
    assert dtype is not None
    kind = column.record
    shown = repr(shortened(text, 60))
    if kind.read is None:
        raise DaftnbError(f"A column of type {type_words(dtype)} cannot be compared with {shown}.", "Filter by null.")
    try:
        return kind.read(text if kind.is_text else text.strip(), dtype)
    except (Unreadable, ValueError, OverflowError, InvalidOperation) as error:
        why = f": {error}" if isinstance(error, Unreadable) else ""
        raise DaftnbError(
            f"{shown} is not a value of type {type_words(dtype)}{why}.", "Write it as the cells show it."
        ) from None
