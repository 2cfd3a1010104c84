"""Searches what cells show, for types where Daft's cast to text shows something else.

It is sent to a cluster by value, as are the functions of :mod:`daftnb.previews.kinds` and of what is below them that it
calls: nothing of ours need be there. Columns are made text as a whole; only what Arrow cannot write is written value by
value.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.engine.byvalue import by_value, dafts_cloudpickle
from daftnb.previews import columnwords, kinds, writing
from daftnb.previews.columnwords import CHARACTERS, words_singly
from daftnb.previews.kinds.kind import SHOWN
from daftnb.previews.kinds.registry import ALL, kind_of

if TYPE_CHECKING:
    from daft import Expression, Series


def shows(text: str, *columns: Expression) -> Expression:
    """Return an expression that is true where a cell of one of these columns shows a text in a preview, in any case.

    As in the preview's search: floats are as they are shown and in full, dates and times in ISO form, lists and structs
    as JSON. Nulls show no text.
    """
    if not columns:
        raise ValueError("shows(text, column, …) takes at least one column. Try daftnb.shows('a', daft.col('x'))")
    from daft import DataType, func

    found: Expression = func.batch(return_dtype=DataType.bool())(sent(text))(*columns)
    return found


def finder(text: str) -> Callable[..., Any]:
    """Return a function of columns (Daft's Series) that says of each row whether a cell shows the text."""
    small = text.lower()

    def found(*columns: Series) -> Any:
        shown = pa.array([False] * len(columns[0]))
        for series in columns:
            for texts in cell_texts(series):
                there = pc.match_substring(pc.utf8_lower(texts), small)
                shown = pc.or_(shown, pc.fill_null(there, False))
        return shown

    return found


def sent(text: str) -> Callable[..., Any]:
    """Return :func:`finder` in a form whose pickles name no module of ours, wherever they are made."""
    pack, unpacked = _by_value()
    found: Callable[..., Any] = unpacked(pack(finder(text)))
    return found


def _unpacked(packed: bytes) -> Callable[..., Any]:
    """Return a function that is unpickled where it is called."""

    def found(*columns: Series) -> Any:
        import pickle

        return pickle.loads(packed)(*columns)

    return found


@cache
def _by_value() -> tuple[Callable[[Any], bytes], Callable[[bytes], Callable[..., Any]]]:
    """Return a function that pickles another with all that it calls of ours, and :func:`_unpacked` loaded from that."""
    import sys

    cloudpickle = dafts_cloudpickle()
    modules = [sys.modules[__name__], columnwords, kinds, writing]

    def pack(value: Any) -> bytes:
        with by_value(cloudpickle, *modules):
            found: bytes = cloudpickle.dumps(value)
        return found

    return pack, pickle.loads(pack(_unpacked))


# How the values of each kind come, and what their cells show: functions, for where no record of ours is.
_SHOWN = {kind.name: (kind.arrow, (kind.search or SHOWN).texts) for kind in ALL}


def cell_texts(series: Series) -> list[Any]:
    """Return what the cells of a column show, as arrays of texts: one in full, and for floats another in short form."""
    dtype = series.datatype()
    arrow, texts = _SHOWN[kind_of(dtype)]
    array = arrow(series, CHARACTERS)
    try:
        return texts(array, dtype)
    except (pa.ArrowException, TypeError):  # Arrow has no cast to text
        return [words_singly(array, dtype)]
