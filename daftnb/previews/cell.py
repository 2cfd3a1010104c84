"""One cell in full: what a page shows when a cell is opened. All of it is bounded, whatever the value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from daftnb.previews import writing as w
from daftnb.previews.images import pictures
from daftnb.previews.kinds import kind_of
from daftnb.previews.sniff import LONGEST, sniffed

if TYPE_CHECKING:
    from daft import DataType, Series

TEXT_BYTES = 200_000
DUMP_CHARACTERS = 4_000
IMAGE_PIXELS = 1_600
MOST_NODES, DEEPEST = 1_000, 20
TREE_CHARACTERS, NODE_CHARACTERS = 100_000, 10_000
_WEB = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,2000}", re.ASCII)

Node: TypeAlias = dict[str, Any]


def detail(series: Series, row: int = 0) -> tuple[dict[str, Any], list[bytes]]:
    """The answer's content for one value of a column, and its buffers (a PNG, for an image)."""
    series = series.slice(row, row + 1)
    dtype = series.datatype()
    kind = kind_of(dtype)
    if kind == "python":
        value = next(iter(series))
        return (_tree({"t": "null"}) if value is None else _text(w.object_words(value, TEXT_BYTES))), []
    array = series.to_arrow()
    if not array[0].is_valid:
        return _tree({"t": "null"}), []
    if kind == "image":
        [image] = pictures(w.storage(array), dtype)
        assert image is not None
        return {"kind": "image", "text": image.words}, [image.png(IMAGE_PIXELS)]
    if kind == "binary":
        return _bytes(w.storage(array)), []
    if kind == "file":
        return _link(w.file_address(w.storage(array), 0) or ""), []
    if kind in ("list", "struct", "map", "tensor", "embedding", "other"):
        return _tree(Tree().node(array, 0, dtype)), []
    if w.is_string(array.type):
        return _string(array), []
    return _text(w.scalar_words(w.storage(array), 0, TEXT_BYTES)), []


def _tree(node: Node) -> dict[str, Any]:
    return {"kind": "tree", "tree": node}


def _text(text: str, length: int | None = None) -> dict[str, Any]:
    shown = text.encode(errors="replace")[:TEXT_BYTES].decode(errors="ignore")
    return {"kind": "text", "text": shown, "length": len(text) if length is None else length}


def web_address(text: str) -> str | None:
    """A text that is the address of a page, whole; None for any other, above all for other schemes."""
    return text if _WEB.fullmatch(text) else None


def _link(text: str) -> dict[str, Any]:
    return {"kind": "link", "text": text[:NODE_CHARACTERS], "href": web_address(text)}


def _string(array: Any) -> dict[str, Any]:
    import pyarrow.compute as pc

    start = w.string(array, 0, TEXT_BYTES)
    length = pc.utf8_length(array)[0].as_py()
    if len(start) == length and web_address(start) is not None:
        return _link(start)
    return _text(start, length)


def _bytes(array: Any) -> dict[str, Any]:
    buffer = array[0].as_buffer()
    shown = bytes(buffer[: DUMP_CHARACTERS // 79 * 16])
    lines = []
    for begin in range(0, len(shown), 16):
        part = shown[begin : begin + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{begin:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  |{letters}|")
    return {
        "kind": "bytes",
        "text": "\n".join(lines),
        "length": buffer.size,
        "sniffed": sniffed(shown[:LONGEST]),
    }


@dataclass(slots=True)
class Tree:
    """Makes a nested value's nodes while there is room: ``n`` of each tells how many items there are in truth."""

    nodes: int = MOST_NODES
    characters: int = TREE_CHARACTERS

    def node(self, array: Any, index: int, dtype: DataType | None, depth: int = 1) -> Node:
        self.nodes -= 1
        if dtype is not None and array[index].is_valid:
            if dtype.is_image() or dtype.is_fixed_shape_image():
                return self._leaf("other", w.image_words(w.storage(array), index, dtype))
            if dtype.is_tensor() or dtype.is_fixed_shape_tensor():
                values, begin, shape = w.tensor(w.storage(array), index, dtype)
                return self._tensor(values, begin, shape, depth)
            if dtype.is_file():
                return self._leaf("text", w.file_address(w.storage(array), index) or "")
            if dtype.is_python():
                return self._leaf("other", "<Python object>")
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
                if self._room
            ]
            return {"t": "list", "n": end - begin, "items": items}
        if pa.types.is_struct(kind):
            fields: list[list[Any]] = []
            for number in range(kind.num_fields if depth < DEEPEST else 0):
                if not self._room:
                    break
                name = kind.field(number).name
                child = w._field(dtype, name)
                fields.append([self._cut(name), self.node(array.field(number), index, child, depth + 1)])
            return {"t": "struct", "n": kind.num_fields, "items": fields}
        if w.is_string(kind):
            return self._leaf("text", w.string(array, index, NODE_CHARACTERS))
        words = w.scalar_words(array, index, NODE_CHARACTERS)
        if pa.types.is_boolean(kind):
            return self._leaf("bool", words)
        number_ = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        return self._leaf("number" if number_ else "other", words)

    @property
    def _room(self) -> bool:
        return self.nodes > 0 and self.characters > 0

    def _cut(self, text: str) -> str:
        shown = text[: max(0, min(self.characters, NODE_CHARACTERS))]
        self.characters -= len(shown)
        return shown if len(shown) == len(text) else shown + "…"

    def _leaf(self, kind: str, text: str) -> Node:
        return {"t": kind, "v": self._cut(text)}

    def _map(self, array: Any, index: int, dtype: DataType | None, depth: int) -> Node:
        begin, end = w.span(array, index)
        key, value = (dtype.key_type, dtype.value_type) if dtype is not None and dtype.is_map() else (None, None)
        items: list[list[Any]] = []
        for place in range(begin, end if depth < DEEPEST else begin):
            if not self._room:
                break
            name = self._key(array.keys, place, key)
            items.append([name, self.node(array.items, place, value, depth + 1)])
        return {"t": "map", "n": end - begin, "items": items}

    def _key(self, keys: Any, place: int, dtype: DataType | None) -> str:
        plain = w.storage(keys)
        if plain[place].is_valid and w.is_string(plain.type):
            return self._cut(w.string(plain, place, NODE_CHARACTERS))
        return self._cut(w.written(keys, place, NODE_CHARACTERS, dtype))

    def _tensor(self, values: Any, begin: int, shape: tuple[int, ...], depth: int) -> Node:
        if not shape:
            return self.node(values, begin, None, depth)
        size = 1
        for length in shape[1:]:
            size *= length
        items = []
        for i in range(shape[0] if depth < DEEPEST else 0):
            if not self._room:
                break
            if len(shape) == 1:
                items.append(self.node(values, begin + i, None, depth + 1))
            else:
                self.nodes -= 1
                items.append(self._tensor(values, begin + i * size, shape[1:], depth + 1))
        return {"t": "list", "n": shape[0], "items": items}
