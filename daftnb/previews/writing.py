"""Values of any Arrow array in words, no longer than asked: what is not written is not looked at.

A list of a million numbers costs as much as its first twenty. Structs, maps and lists are compact JSON-like text.
"""

from __future__ import annotations

import contextlib
import json
import reprlib
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.images import MODES

if TYPE_CHECKING:
    from daft import DataType

_SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Full(Exception):
    """There is no room for more."""


class Text:
    """Text of at most ``room`` characters; the one more that it takes says that there is more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        """Write it; raises Full where it does not fit."""
        if len(text) > self.room:
            self.parts.append(text[: self.room + 1])
            self.room = -1
            raise Full
        self.parts.append(text)
        self.room -= len(text)

    def __str__(self) -> str:
        return "".join(self.parts)


def storage(array: Any) -> Any:
    """An array of an extension type as what it is made of."""
    while isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return array


def written(array: Any, index: int, room: int, dtype: DataType | None = None) -> str:
    """One value in words. More than ``room`` characters (by one) where there are more."""
    text = Text(room)
    with contextlib.suppress(Full):
        write(text, array, index, dtype)
    return str(text)


def write(text: Text, array: Any, index: int, dtype: DataType | None = None) -> None:
    """Write one value of an array; Full where there is no more room. ``dtype`` is Daft's, where it is known."""
    if dtype is not None and array[index].is_valid:
        if dtype.is_image() or dtype.is_fixed_shape_image():
            return text.add(image_words(storage(array), index, dtype))
        if dtype.is_tensor() or dtype.is_fixed_shape_tensor():
            return _tensor(text, storage(array), index, dtype)
        if dtype.is_file():
            return text.add(json.dumps(file_address(storage(array), index) or "", ensure_ascii=False))
        if dtype.is_python():
            return text.add("<Python object>")
    array = storage(array)
    kind = array.type
    if not array[index].is_valid:
        text.add("null")
    elif pa.types.is_map(kind):
        _map(text, array, index, dtype)
    elif is_list(kind):
        begin, end = span(array, index)
        _items(text, array.values, range(begin, end), dtype.dtype if dtype is not None else None)
    elif pa.types.is_struct(kind):
        text.add("{")
        for number in range(kind.num_fields):
            text.add((", " if number else "") + quoted(kind.field(number).name, text.room) + ": ")
            write(text, array.field(number), index, _field(dtype, kind.field(number).name))
        text.add("}")
    elif is_string(kind):
        text.add(quoted(string(array, index, text.room + 1), text.room))
    else:
        text.add(scalar_words(array, index, text.room))


def _field(dtype: DataType | None, name: str) -> DataType | None:
    return dtype.fields.get(name) if dtype is not None and dtype.is_struct() else None


def _items(text: Text, values: Any, places: range, dtype: DataType | None) -> None:
    text.add("[")
    for place in places:
        if place != places.start:
            text.add(", ")
        write(text, values, place, dtype)
    text.add("]")


def _map(text: Text, array: Any, index: int, dtype: DataType | None) -> None:
    begin, end = span(array, index)
    key, value = (dtype.key_type, dtype.value_type) if dtype is not None and dtype.is_map() else (None, None)
    text.add("{")
    for place in range(begin, end):
        if place != begin:
            text.add(", ")
        write(text, array.keys, place, key)
        text.add(": ")
        write(text, array.items, place, value)
    text.add("}")


def _tensor(text: Text, array: Any, index: int, dtype: DataType) -> None:
    values, begin, shape = tensor(array, index, dtype)

    def part(dimension: int, at: int, size: int) -> None:
        if dimension == len(shape):
            write(text, values, at)
            return
        step = size // shape[dimension] if shape[dimension] else 0
        text.add("[")
        for i in range(shape[dimension]):
            if i:
                text.add(", ")
            part(dimension + 1, at + i * step, step)
        text.add("]")

    size = 1
    for length in shape:
        size *= length
    part(0, begin, size)


def tensor(array: Any, index: int, dtype: DataType) -> tuple[Any, int, tuple[int, ...]]:
    """Of one tensor: the values of the whole column, where this one's begin, and its shape."""
    if dtype.is_fixed_shape_tensor():
        begin, _ = span(array, index)
        return array.values, begin, tuple(dtype.shape)
    data = array.field("data")
    return data.values, span(data, index)[0], tuple(array.field("shape")[index].as_py())


def image_words(array: Any, index: int, dtype: DataType) -> str:
    """``640×480 RGB``."""
    if dtype.is_fixed_shape_image():
        height, width = dtype.shape[:2]
        return f"{width}×{height} {str(dtype.image_mode).removeprefix('ImageMode.')}"
    height, width, mode = (array.field(name)[index].as_py() for name in ("height", "width", "mode"))
    return f"{width}×{height} {MODES.get(mode, ('?', 0))[0]}"


def file_address(array: Any, index: int) -> str | None:
    """The path or URL of a file's reference, which is the first text that it is made of."""
    for number in range(array.type.num_fields):
        if is_string(array.type.field(number).type):
            found: str | None = array.field(number)[index].as_py()
            return found
    return None


def is_list(kind: Any) -> bool:
    """Whether values are lists; a map is none here."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_string(kind: Any) -> bool:
    """Whether values are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_binary(kind: Any) -> bool:
    """Whether values are bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def span(array: Any, index: int) -> tuple[int, int]:
    """Where in ``array.values`` (a map's ``keys``) the items of one list begin and end."""
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return (array.offset + index) * size, (array.offset + index + 1) * size
    return array.offsets[index].as_py(), array.offsets[index + 1].as_py()


def string(array: Any, index: int, most: int) -> str:
    """The first characters of a text, of which the rest is not copied."""
    start: str = bytes(array[index].as_buffer()[: most * 4]).decode(errors="ignore")[:most]
    return start


def quoted(value: str, room: int) -> str:
    """A text as JSON has it; of a long one no more than is needed."""
    return json.dumps(value[: room + 1] if room >= 0 else "", ensure_ascii=False)


def scalar_words(array: Any, index: int, room: int) -> str:
    """A value that has no parts, in words: exact, whatever its size."""
    kind = array.type
    if is_binary(kind):
        buffer = array[index].as_buffer()
        return "0x" + bytes(buffer[: room + 1]).hex()
    if pa.types.is_decimal(kind):
        return format(array[index].as_py(), "f")
    if pa.types.is_floating(kind):
        return repr(float(array[index].as_py()))
    if pa.types.is_duration(kind):
        return duration_words(array[index].value, kind.unit)
    if pa.types.is_interval(kind):
        return interval_words(*array[index].as_py())
    if pa.types.is_temporal(kind):
        return str(temporal_texts(array.slice(index, 1))[0].as_py())
    if pa.types.is_boolean(kind):
        return "true" if array[index].as_py() else "false"
    return str(array[index].as_py())


def temporal_texts(array: Any) -> Any:
    """Dates, times and timestamps as ISO texts; with a zone, local times and their distance from UTC."""
    try:
        return pc.cast(array, pa.string())
    except pa.ArrowInvalid:  # a zone that this machine does not know
        return pc.binary_join_element_wise(
            pc.cast(array.cast(pa.timestamp(array.type.unit)), pa.string()), pa.scalar("+0000"), pa.scalar("")
        )


def duration_words(ticks: int, unit: str) -> str:
    """``1 d 02:03:04.5``."""
    per_second = _SECONDS[unit]
    seconds, rest = divmod(abs(ticks), per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest:0{len(str(per_second)) - 1}d}".rstrip("0") if rest else ""
    day = f"{days} d " if days else ""
    return f"{'-' if ticks < 0 else ''}{day}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def interval_words(months: int, days: int, nanoseconds: int) -> str:
    """``14 months 3 days 00:00:01``."""
    parts = [f"{count} {name}{'' if abs(count) == 1 else 's'}" for count, name in ((months, "month"), (days, "day"))]
    words = [part for part, count in zip(parts, (months, days), strict=True) if count]
    if nanoseconds or not words:
        words.append(duration_words(nanoseconds, "ns"))
    return " ".join(words)


# -- Python objects ---------------------------------------------------------------------------------------------------


def object_words(value: object, room: int) -> str:
    """A Python object by its repr, but no more of a large one than fits; one whose repr fails is named by its type."""
    try:
        text = _bounded(room).repr(value)
    except Exception:  # whatever a value's own repr may raise; the cell says so
        text = f"<unprintable {type(value).__name__}>"
    return text[: room + 1].encode(errors="backslashreplace").decode()


def _bounded(room: int) -> reprlib.Repr:
    short = _Short()
    short.maxlevel = 6
    short.maxstring = short.maxlong = short.maxother = max(8, room)
    short.maxlist = short.maxtuple = short.maxdict = short.maxset = short.maxfrozenset = short.maxdeque = 100
    short.maxarray = 100
    return short


class _Short(reprlib.Repr):
    def repr_instance(self, x: Any, level: int) -> str:
        # Of its own it would hide that a repr fails, and cut one in the middle.
        return repr(x)[: self.maxother + 1]

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x[: self.maxstring])

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{…}" if x else "{}"
        pairs: Iterator[str] = (
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        )
        return "{" + ", ".join(pairs) + (", …" if len(x) > self.maxdict else "") + "}"
