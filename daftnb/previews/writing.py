"""Writes values of any Arrow array as text, no longer than asked. What is not written is not read.

A list of a million numbers costs as much as its first twenty. Structs, maps and lists are compact JSON-like text.
"""

from __future__ import annotations

import contextlib
import json
import reprlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from daft import DataType, Series

Maker = TypeVar("Maker")

_SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Full(Exception):
    """There is no room for more."""


class Text:
    """Text of at most ``room`` characters; the one more that it takes says that there is more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        """Add a text. Raises Full where it does not fit."""
        if len(text) > self.room:
            self.parts.append(text[: self.room + 1])
            self.room = -1
            raise Full
        self.parts.append(text)
        self.room -= len(text)

    def __str__(self) -> str:
        return "".join(self.parts)


def storage(array: Any) -> Any:
    """Return an array of an extension type as what it is made of."""
    while isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return array


def written(array: Any, index: int, room: int, dtype: DataType | None = None) -> str:
    """Return one value in words; where they are more than ``room`` characters, the first ``room`` and one more."""
    text = Text(room)
    with contextlib.suppress(Full):
        write(text, array, index, dtype)
    return str(text)


def write(text: Text, array: Any, index: int, dtype: DataType | None = None) -> None:
    """Write one value of an array. Raises Full where there is no more room. ``dtype`` is Daft's, where it is known."""
    if dtype is not None:
        writer = own(dtype, WRITERS)
        if writer is not None and array[index].is_valid:
            return writer(text, array, index, dtype)
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
            write(text, array.field(number), index, field_type(dtype, kind.field(number).name))
        text.add("}")
    elif is_string(kind):
        text.add(quoted(string(array, index, text.room + 1), text.room))
    else:
        text.add(scalar_words(array, index, text.room))


Writer: TypeAlias = Callable[[Text, Any, int, "DataType"], None]

# How values of types that only Daft has are written, by the test of the dtype; previews/kinds/registry.py fills it.
WRITERS: dict[str, Writer] = {}


def own(dtype: DataType, makers: Mapping[str, Maker]) -> Maker | None:
    """Return what is made for values of this dtype, of makers by the tests of dtypes; None if it is nothing."""
    for test, maker in makers.items():
        if getattr(dtype, test)():
            return maker
    return None


def field_type(dtype: DataType | None, name: str) -> DataType | None:
    """Return the dtype of a struct's field, where it is known."""
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


def is_list(kind: Any) -> bool:
    """Return True for a type of lists; a map is none here."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_string(kind: Any) -> bool:
    """Return True for a type of text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_binary(kind: Any) -> bool:
    """Return True for a type of bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def span(array: Any, index: int) -> tuple[int, int]:
    """Return where in ``array.values`` (a map's ``keys``) the items of one list begin and end."""
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return (array.offset + index) * size, (array.offset + index + 1) * size
    return array.offsets[index].as_py(), array.offsets[index + 1].as_py()


def string(array: Any, index: int, most: int) -> str:
    """Return at most the first ``most`` characters of a text; the rest is not copied."""
    start: str = bytes(array[index].as_buffer()[: most * 4]).decode(errors="ignore")[:most]
    return start


def quoted(value: str, room: int) -> str:
    """Return a text as JSON writes it; of a long one no more than is needed."""
    return json.dumps(value[: room + 1] if room >= 0 else "", ensure_ascii=False)


def scalar_words(array: Any, index: int, room: int) -> str:
    """Return a value that has no parts in words: exact, whatever its size."""
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
    """Return dates, times and timestamps as ISO texts; with a zone, local times and their distance from UTC."""
    try:
        return pc.cast(array, pa.string())
    except pa.ArrowInvalid:  # a zone that this machine does not know
        return pc.binary_join_element_wise(
            pc.cast(array.cast(pa.timestamp(array.type.unit)), pa.string()), pa.scalar("+0000"), pa.scalar("")
        )


def duration_words(ticks: int, unit: str) -> str:
    """Return a duration in words: ``1 d 02:03:04.5``."""
    per_second = _SECONDS[unit]
    seconds, rest = divmod(abs(ticks), per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest:0{len(str(per_second)) - 1}d}".rstrip("0") if rest else ""
    day = f"{days} d " if days else ""
    return f"{'-' if ticks < 0 else ''}{day}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def interval_words(months: int, days: int, nanoseconds: int) -> str:
    """Return an interval in words: ``14 months 3 days 00:00:01``."""
    parts = [f"{count} {name}{'' if abs(count) == 1 else 's'}" for count, name in ((months, "month"), (days, "day"))]
    words = [part for part, count in zip(parts, (months, days), strict=True) if count]
    if nanoseconds or not words:
        words.append(duration_words(nanoseconds, "ns"))
    return " ".join(words)


# -- Python objects ---------------------------------------------------------------------------------------------------


def object_words(value: object, room: int) -> str:
    """Return the repr of a Python object, no more of a large one than fits; its type's name where repr fails."""
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


def arrow_named(series: Series) -> Series:
    """Return the series under a name that Arrow can have: one with a null character ends in a panic of Daft's."""
    return series.rename(series.name().replace("\0", "�")) if "\0" in series.name() else series
