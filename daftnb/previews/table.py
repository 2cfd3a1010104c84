"""The columns of a previewed frame, and what its page is told of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daftnb.engine.schemas import dtype
from daftnb.previews.kinds import Kind, kind_of, type_words

if TYPE_CHECKING:
    from daft import DataType
    from daft.schema import Schema

LONGEST_NAME = 1_000  # characters of a column's name that a page is told


@dataclass(frozen=True, slots=True)
class Column:
    """``number``: its place in the frame. ``alone``: no other has its name, so that Daft can tell which is meant."""

    number: int
    name: str
    dtype: DataType | None  # None where it cannot be known: another column has its name, and no row is there
    alone: bool = True

    @property
    def kind(self) -> Kind:
        """How a page draws it."""
        return "other" if self.dtype is None else kind_of(self.dtype)

    @property
    def told(self) -> dict[str, str]:
        """It as the page has it."""
        name = self.name if len(self.name) <= LONGEST_NAME else self.name[: LONGEST_NAME - 1] + "…"
        return {"name": name, "type": "?" if self.dtype is None else type_words(self.dtype), "kind": self.kind}


def columns_of(schema: Schema, dtype_of: Callable[[int], DataType | None]) -> tuple[Column, ...]:
    """The columns of a schema, in order. ``dtype_of`` a number is asked where the schema cannot say, for twins."""
    names = schema.column_names()
    count = Counter(names)
    return tuple(
        Column(number, name, dtype(schema, name) if count[name] == 1 else dtype_of(number), count[name] == 1)
        for number, name in enumerate(names)
    )
