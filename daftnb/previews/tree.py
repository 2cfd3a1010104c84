"""Turns a value with parts into a tree of nodes, within a given size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa

from daftnb.previews import writing as w
from daftnb.previews.wire import LeafNode, Node, PairsNode

if TYPE_CHECKING:
    from daft import DataType

MOST_NODES, DEEPEST = 1_000, 20
TREE_CHARACTERS, NODE_CHARACTERS = 100_000, 10_000


@dataclass(slots=True)
class Tree:
    """Makes the nodes of a nested value while there is room; each node's ``n`` is the true number of its items."""

    nodes: int = MOST_NODES
    characters: int = TREE_CHARACTERS

    def node(self, array: Any, index: int, dtype: DataType | None, depth: int = 1) -> Node:
        """Return the node of one value of an array."""
        self.nodes -= 1
        if dtype is not None:
            make = w.own(dtype, NODES)
            if make is not None and array[index].is_valid:
                return make(self, array, index, dtype, depth)
        array = w.storage(array)
        kind = array.type
        if not array[index].is_valid:
            return {"t": "null"}
        if pa.types.is_map(kind):
            return self._map(array, index, dtype, depth)
        if w.is_list(kind):
            begin, end = w.span(array, index)
            inner = dtype.dtype if dtype is not None and not dtype.is_extension() else None
            items = [
                self.node(array.values, place, inner, depth + 1)
                for place in range(begin, end if depth < DEEPEST else begin)
                if self.has_room
            ]
            return {"t": "list", "n": end - begin, "items": items}
        if pa.types.is_struct(kind):
            return self._struct(array, index, dtype, depth)
        if w.is_string(kind):
            return self.leaf("text", w.string(array, index, NODE_CHARACTERS))
        words = w.scalar_words(array, index, NODE_CHARACTERS)
        if pa.types.is_boolean(kind):
            return self.leaf("bool", words)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        return self.leaf("number" if number else "other", words)

    @property
    def has_room(self) -> bool:
        """Return True if one more node may be made."""
        return self.nodes > 0 and self.characters > 0

    def _cut(self, text: str) -> str:
        shown = text[: max(0, min(self.characters, NODE_CHARACTERS))]
        self.characters -= len(shown)
        return shown if len(shown) == len(text) else shown + "…"

    def leaf(self, kind: Literal["text", "number", "bool", "other"], text: str) -> LeafNode:
        """Return a node without items, its text cut to the room that there is."""
        return {"t": kind, "v": self._cut(text)}

    def _struct(self, array: Any, index: int, dtype: DataType | None, depth: int) -> PairsNode:
        kind = array.type
        fields: list[list[Any]] = []
        for number in range(kind.num_fields if depth < DEEPEST else 0):
            if not self.has_room:
                break
            name = kind.field(number).name
            child = w.field_type(dtype, name)
            fields.append([self._cut(name), self.node(array.field(number), index, child, depth + 1)])
        return {"t": "struct", "n": kind.num_fields, "items": fields}

    def _map(self, array: Any, index: int, dtype: DataType | None, depth: int) -> PairsNode:
        begin, end = w.span(array, index)
        key, value = (dtype.key_type, dtype.value_type) if dtype is not None and dtype.is_map() else (None, None)
        items: list[list[Any]] = []
        for place in range(begin, end if depth < DEEPEST else begin):
            if not self.has_room:
                break
            name = self._key(array.keys, place, key)
            items.append([name, self.node(array.items, place, value, depth + 1)])
        return {"t": "map", "n": end - begin, "items": items}

    def _key(self, keys: Any, place: int, dtype: DataType | None) -> str:
        plain = w.storage(keys)
        if plain[place].is_valid and w.is_string(plain.type):
            return self._cut(w.string(plain, place, NODE_CHARACTERS))
        return self._cut(w.written(keys, place, NODE_CHARACTERS, dtype))


NodeMaker: TypeAlias = Callable[[Tree, Any, int, "DataType", int], Node]


def written_leaf(tree: Tree, array: Any, index: int, dtype: DataType, depth: int) -> Node:
    """Return a node with the words of a value."""
    return tree.leaf("other", w.written(array, index, NODE_CHARACTERS, dtype))


# How values of types that only Daft has become nodes, by the test of the dtype; previews/kinds/registry.py fills it.
NODES: dict[str, NodeMaker] = {}
