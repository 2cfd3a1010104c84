"""True and false in a preview: how cells show, filter and summarise them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.fields import as_it_is
from daftnb.previews.kinds.kind import CellKind, Search, cast_to_text
from daftnb.previews.typed import Unreadable, Value, plain_value

if TYPE_CHECKING:
    from daft import DataType


def _read(text: str, dtype: DataType) -> Value:
    found = {"true": True, "false": False}.get(text.lower())
    if found is None:
        raise Unreadable("this type has true and false")
    return plain_value(found)


def _shown(array: Any, dtype: DataType) -> list[Any]:
    return [pc.if_else(array, "✓ true", "✗ false")]


BOOLEAN = CellKind(
    "boolean",
    ("is_boolean",),
    texts=cast_to_text,
    page=as_it_is,
    empty=pa.bool_(),
    is_ordered=True,
    read=_read,
    no_less="True and false have no order.",
    checks=frozenset({"true", "false"}),
    search=Search(letters=frozenset("✓ ✗truefalse"), texts=_shown),
    is_counted=True,
    aggregates=("distinct",),
)

KINDS = (BOOLEAN,)
