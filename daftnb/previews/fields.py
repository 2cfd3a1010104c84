"""Encodes the values of one column for a page: as Arrow arrays, cut to fit.

Column number c has a field ``v<c>``, where there is more to say ``n<c>``, and for bytes ``s<c>``; what a kind has in
them is told in :mod:`daftnb.previews.kinds`. A null is an Arrow null in ``v<c>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.writing import is_string

if TYPE_CHECKING:
    from daft import DataType


@dataclass(frozen=True, slots=True)
class Level:
    """How much of each value is sent: characters of a text, pixels of a picture's side, points of an embedding."""

    characters: int
    pixels: int
    points: int


LEVELS = (
    Level(200, 64, 32), Level(100, 48, 32), Level(50, 32, 16), Level(25, 24, 16), Level(12, 16, 8), Level(8, 16, 8),
)  # fmt: skip

Field = tuple[str, Any]
Fields = Callable[[Level], Iterator[Field]]  # a column at a level


@dataclass(frozen=True, slots=True)
class Prepared:
    """A column made ready. ``at`` gives its fields at a level; ``pictures``: bytes of its PNGs at the first level."""

    at: Fields
    pictures: float = 0.0


def as_it_is(number: int, array: Any, dtype: DataType) -> Prepared:
    """Make ready what the browser can hold. ``v``: the values."""
    return Prepared(lambda _level: iter([(f"v{number}", array)]))


def strings(number: int, array: Any) -> Prepared:
    """Make texts ready. ``v``: the text; ``n``: where it was cut, its length, or that written at least."""
    if not is_string(array.type):
        array = array.cast(pa.string())
    lengths = pc.utf8_length(array).cast(pa.int64())
    longest = pc.max(lengths).as_py() or 0
    first = pc.utf8_slice_codeunits(array, 0, LEVELS[0].characters).cast(pa.string())

    def at(level: Level) -> Iterator[Field]:
        if longest <= level.characters:
            yield f"v{number}", first
            return
        yield f"v{number}", pc.utf8_slice_codeunits(first, 0, level.characters)
        cut = pc.greater(lengths, level.characters)
        yield f"n{number}", pc.if_else(cut, lengths, pa.scalar(None, pa.int64()))

    return Prepared(at)
