"""Bytes in a preview: how cells show, open, search and summarise them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from daftnb.previews.fields import Prepared
from daftnb.previews.forms import Detail
from daftnb.previews.kinds.kind import CellKind, Search
from daftnb.previews.sniff import LONGEST, sniffed
from daftnb.previews.writing import storage

if TYPE_CHECKING:
    from daft import DataType

HEX_BYTES = 16
DUMP_CHARACTERS = 4_000


def _page(number: int, array: Any, dtype: DataType) -> Prepared:
    """Make bytes ready. ``v``: the first in hexadecimal; ``n``: how many; ``s``: what they probably are."""
    starts = [bytes(value.as_buffer()[:LONGEST]) if value.is_valid else None for value in array]
    shown = pa.array([None if start is None else start[:HEX_BYTES].hex() for start in starts], pa.string())
    sizes = pa.array([value.as_buffer().size if value.is_valid else None for value in array], pa.int64())
    names = pa.array([None if start is None else sniffed(start) for start in starts], pa.string())
    fields = [(f"v{number}", shown), (f"n{number}", sizes), (f"s{number}", names)]
    return Prepared(lambda _level: iter(fields))


def _dump(array: Any, dtype: DataType) -> Detail:
    buffer = storage(array)[0].as_buffer()
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
    }, []


def _static(array: Any, dtype: DataType, room: int) -> list[str | None]:
    return [_begin(value.as_buffer()) if value.is_valid else None for value in array]


def _begin(buffer: Any) -> str:
    """Return what a value probably is, how long, and how it begins."""
    start = bytes(buffer[:LONGEST])
    if not start:
        return ""
    kind = sniffed(start)
    count = f"{buffer.size:,} byte{'' if buffer.size == 1 else 's'}"
    return f"{kind + ', ' if kind else ''}{count}: {start.hex()}{'…' if buffer.size > LONGEST else ''}"


def _hexadecimal(array: Any, dtype: DataType) -> list[Any]:
    return [pa.array([None if each is None else bytes(each).hex() for each in array.to_pylist()], pa.string())]


BINARY = CellKind(
    "binary",
    ("is_binary", "is_fixed_size_binary"),
    page=_page,
    detail=_dump,
    static=_static,
    search=Search(letters=frozenset("0123456789abcdef"), texts=_hexadecimal),
    aggregates=("distinct",),
)

KINDS = (BINARY,)
