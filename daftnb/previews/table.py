"""Describes the columns of a previewed frame, for the kernel and for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daftnb.engine.rows.schemas import dtype
from daftnb.previews.kinds.kind import CellKind
from daftnb.previews.kinds.others import OTHER
from daftnb.previews.kinds.registry import record_of
from daftnb.previews.wire import Column as ColumnRow
from daftnb.previews.wire import Kind
from daftnb.text.shorten import shortened

if TYPE_CHECKING:
    from daft import DataType
    from daft.schema import Schema

LONGEST_NAME = 1_000  # characters of a column's name that a page is told
LONGEST_TYPE = 200  # characters of a dtype


@dataclass(frozen=True, slots=True)
class Column:
    """``number``: its place in the frame. ``alone``: no other has its name, so that Daft can tell which is meant."""

    number: int
    name: str
    dtype: DataType | None  # None where it cannot be known: another column has its name, and no row is there
    alone: bool = True

    @property
    def record(self) -> CellKind:
        """Return the kind of its cells."""
        return OTHER if self.dtype is None else record_of(self.dtype)

    @property
    def kind(self) -> Kind:
        """Return the kind by which the browser draws it."""
        return self.record.name

    @property
    def told(self) -> ColumnRow:
        """Return this column as it is sent to the browser."""
        name = shortened(self.name, LONGEST_NAME)
        return {"name": name, "type": "?" if self.dtype is None else type_words(self.dtype), "kind": self.kind}


def type_words(dtype: DataType) -> str:
    """Return the dtype as Daft writes it, at most LONGEST_TYPE characters: a struct may have thousands of fields."""
    return shortened(str(dtype), LONGEST_TYPE)


def columns_of(schema: Schema, dtype_of: Callable[[int], DataType | None]) -> tuple[Column, ...]:
    """Return the columns of a schema, in order.

    ``dtype_of`` gives the dtype of a column by its number. It is asked for columns that share a name, as the schema
    cannot say theirs.
    """
    names = schema.column_names()
    count = Counter(names)
    return tuple(
        Column(number, name, dtype(schema, name) if count[name] == 1 else dtype_of(number), count[name] == 1)
        for number, name in enumerate(names)
    )
