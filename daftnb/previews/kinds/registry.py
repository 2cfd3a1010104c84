"""Lists all kinds of cells, and finds the kind of a dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daftnb.previews import tree, writing
from daftnb.previews.kinds import (
    binary,
    booleans,
    files,
    nested,
    numbers,
    objects,
    others,
    pictures,
    strings,
    temporal,
    tensors,
)
from daftnb.previews.kinds.kind import CellKind
from daftnb.previews.kinds.others import OTHER
from daftnb.previews.wire import Kind

if TYPE_CHECKING:
    from daft import DataType

# The first kind of which a test says yes has a column.
MODULES = (others, booleans, numbers, strings, binary, temporal, pictures, tensors, nested, files, objects)
ALL = tuple(kind for module in MODULES for kind in module.KINDS)
RECORDS: dict[Kind, CellKind] = {kind.name: kind for kind in ALL}
_TESTS: tuple[tuple[str, Kind], ...] = tuple((test, kind.name) for kind in ALL for test in kind.tests)
_OTHER = OTHER.name

writing.WRITERS.update({test: kind.write for kind in ALL if kind.write is not None for test in kind.tests})
tree.NODES.update({test: kind.node for kind in ALL if kind.write is not None for test in kind.tests})


def kind_of(dtype: DataType) -> Kind:
    """Return the name of the kind of a column of this dtype; OTHER's where no kind is made for it."""
    for test, kind in _TESTS:
        if getattr(dtype, test)():
            return kind
    return _OTHER


def record_of(dtype: DataType) -> CellKind:
    """Return the kind of a column of this dtype."""
    return RECORDS[kind_of(dtype)]
