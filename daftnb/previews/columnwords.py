"""Writes whole columns as text with Arrow, as :func:`daftnb.previews.writing.written` writes each value.

Only what Arrow cannot write is written value by value. What is here is sent to a cluster by value, with the search.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.writing import WRITERS, is_binary, is_list, is_string, own, storage, temporal_texts, written

ITEMS = 100  # of a list: a cell shows fewer
TEXT_ITEMS = 1_000  # of a list of texts
CHARACTERS = 1_000  # of what is written value by value
_SPECIAL = '[\\x00-\\x1f"\\\\]'  # what JSON escapes


def column_words(array: Any, dtype: Any) -> Any:
    """Return the values of a column of any dtype in words."""
    return words_singly(array, dtype) if _is_written_singly(dtype) else words(array)


def _is_written_singly(dtype: Any) -> bool:
    """Return True for types not written as the Arrow array that they are made of: pictures, tensors, files, objects."""
    if own(dtype, WRITERS) is not None:
        return True
    if dtype.is_list() or dtype.is_fixed_size_list():
        return _is_written_singly(dtype.dtype)
    if dtype.is_map():
        return _is_written_singly(dtype.key_type) or _is_written_singly(dtype.value_type)
    return dtype.is_struct() and any(_is_written_singly(each) for each in dtype.fields.values())


def words_singly(array: Any, dtype: Any) -> Any:
    """Return the values in words, written one by one."""
    found = [written(array, row, CHARACTERS, dtype) if array[row].is_valid else None for row in range(len(array))]
    return pa.array(found, pa.large_string())


def words(array: Any, inside: bool = False) -> Any:
    """Return an array's values as :func:`written` writes each; ``inside`` a list or a struct, a null is "null"."""
    found = _words(storage(array), inside).cast(pa.large_string())
    return pc.fill_null(found, "null") if inside else found


def _words(array: Any, inside: bool) -> Any:
    kind, types = array.type, pa.types
    if types.is_null(kind):
        return pa.nulls(len(array), pa.large_string())
    if types.is_boolean(kind):
        return pc.if_else(array, "true", "false")
    if is_string(kind):
        return _quoted(array) if inside else array
    if is_binary(kind):
        return pa.array([None if each is None else "0x" + each.hex() for each in array.to_pylist()], pa.large_string())
    if types.is_decimal(kind):
        return pa.array([None if each is None else format(each, "f") for each in array.to_pylist()], pa.large_string())
    if types.is_floating(kind):
        found = [None if each is None else repr(float(each)) for each in array.to_pylist()]
        return pa.array(found, pa.large_string())
    if types.is_duration(kind):
        return _durations(array)
    if types.is_interval(kind):
        return pa.array(
            [written(array, row, CHARACTERS) if array[row].is_valid else None for row in range(len(array))],
            pa.large_string(),
        )
    if types.is_temporal(kind):
        return temporal_texts(array)
    if types.is_map(kind):
        pairs = joined([words(array.keys, True), ": ", words(array.items, True)])
        return _enclosed(_lists(array, pairs), "{", "}", array)
    if is_list(kind):
        return _list(array)
    if types.is_struct(kind):
        return _struct(array)
    return array.cast(pa.large_string())


def _durations(array: Any) -> Any:
    """Return durations as they are written one by one: ``1 d 02:03:04.5``."""
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    small = array.type.unit in ("s", "ms")
    ticks = array.cast(pa.int64())
    size = pc.abs(ticks)
    days = pc.divide(size, 86_400 * per_second)
    rest = pc.subtract(size, pc.multiply(days, 86_400 * per_second))
    clock = (rest.cast(pa.int32()) if small else rest).cast((pa.time32 if small else pa.time64)(array.type.unit))
    text = clock.cast(pa.large_string())
    text = pc.if_else(pc.match_substring(text, "."), pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), "."), text)
    sign = pc.if_else(pc.less(ticks, 0), "-", "").cast(pa.large_string())
    day = pc.if_else(pc.greater(days, 0), joined([days.cast(pa.large_string()), " d "]), "")
    return joined([sign, day, text])


def _list(array: Any) -> Any:
    value = array.type.value_type
    array = pc.list_slice(array, 0, TEXT_ITEMS if is_string(value) else ITEMS, return_fixed_size_list=False)
    return _enclosed(_lists(array, words(array.values, True)), "[", "]", array)


def _lists(array: Any, values: Any) -> Any:
    """Return lists of the same lengths and nulls as an array's, but of other values."""
    offsets = pa.array(array.offsets.to_numpy(zero_copy_only=False), pa.int32())  # Arrow joins no larger lists
    return pa.ListArray.from_arrays(offsets, values, mask=array.is_null())


def _enclosed(lists: Any, before: str, after: str, array: Any) -> Any:
    return joined([before, pc.binary_join(lists, pa.scalar(", ", pa.large_string())), after])


def _struct(array: Any) -> Any:
    kind = array.type
    parts: list[Any] = ["{"]
    for number in range(kind.num_fields):
        name = json.dumps(kind.field(number).name, ensure_ascii=False)
        parts += [f"{', ' if number else ''}{name}: ", words(array.field(number), True)]
    text = joined([*parts, "}"]) if kind.num_fields else pa.array(["{}"] * len(array), pa.large_string())
    return pc.if_else(array.is_valid(), text, None)


def joined(parts: list[Any]) -> Any:
    """Return arrays of texts, and texts between them, as one array."""
    large = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*large, pa.scalar("", pa.large_string()))


def _quoted(array: Any) -> Any:
    """Return texts as JSON writes them."""
    array = array.cast(pa.large_string())
    if pc.any(pc.match_substring_regex(array, _SPECIAL)).as_py():
        found = [None if each is None else json.dumps(each, ensure_ascii=False) for each in array.to_pylist()]
        return pa.array(found, pa.large_string())
    return joined(['"', array, '"'])
