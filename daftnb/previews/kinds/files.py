"""References to files in a preview: cells show their paths or URLs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from daftnb.previews.forms import Detail, link_cell
from daftnb.previews.kinds.kind import CellKind, Search
from daftnb.previews.tree import Tree
from daftnb.previews.wire import Node
from daftnb.previews.writing import Text, is_string, storage

if TYPE_CHECKING:
    from daft import DataType


def _address(array: Any, index: int) -> str | None:
    """Return the path or URL of a file's reference, which is the first text that it is made of; None if it has none."""
    for number in range(array.type.num_fields):
        if is_string(array.type.field(number).type):
            found: str | None = array.field(number)[index].as_py()
            return found
    return None


def _addresses(array: Any, dtype: DataType, room: int = 0) -> Any:
    plain = storage(array)
    found = [_address(plain, row) if plain[row].is_valid else None for row in range(len(plain))]
    return pa.array(found, pa.string())


def _shown(array: Any, dtype: DataType) -> list[Any]:
    return [_addresses(array, dtype)]


def _write(text: Text, array: Any, index: int, dtype: DataType) -> None:
    text.add(json.dumps(_address(storage(array), index) or "", ensure_ascii=False))


def _node(tree: Tree, array: Any, index: int, dtype: DataType, depth: int) -> Node:
    return tree.leaf("text", _address(storage(array), index) or "")


def _detail(array: Any, dtype: DataType) -> Detail:
    return link_cell(_address(storage(array), 0) or ""), []


FILE = CellKind(
    "file",
    ("is_file",),
    texts=_addresses,
    write=_write,
    node=_node,
    detail=_detail,
    search=Search(texts=_shown),
)

KINDS = (FILE,)
