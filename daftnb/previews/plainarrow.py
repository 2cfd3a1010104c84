"""Casts Arrow columns of any type, once, to types that Daft works with.

Daft takes what it does not know (dictionaries, views, run ends, wide decimals, times of 32 bits) as Python objects,
which it neither sorts nor compares, or refuses it inside of lists and structs. What is made here has the same values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

DIGITS = 38  # of Daft's decimals


class TooWide(ValueError):
    """A decimal has more digits than Daft's have."""


def plain_column(column: Any) -> Any:
    """Return a chunked array with the same values, of a type that Daft sorts and compares where it has one that does.

    Decimals of more than 38 digits become text, as does what has no type of Daft's at all (a union, an interval).
    """
    try:
        return _column(column, False)
    except TooWide:
        return _column(column, True)


def _column(column: Any, wide: bool) -> Any:
    if _is_plain(column.type):
        return column
    chunks = [_Plain(wide).array(chunk) for chunk in column.chunks]
    if not chunks:
        chunks = [_Plain(wide).array(pa.array([], column.type) if _can_be_made(column.type) else pa.nulls(0))]
    return pa.chunked_array(chunks)


def _can_be_made(kind: Any) -> bool:
    """Return True if an empty array of this type can be made from a list."""
    return not (pa.types.is_union(kind) or pa.types.is_run_end_encoded(kind) or isinstance(kind, pa.BaseExtensionType))


def _is_plain(kind: Any) -> bool:
    """Return True where Daft has the type as it is, and all types inside it."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return isinstance(kind, pa.FixedShapeTensorType) or kind.extension_name.startswith("daft.")
    if any(test(kind) for test in _TO_CHANGE):
        return False
    if types.is_nested(kind):
        return all(_is_plain(kind.field(number).type) for number in range(kind.num_fields))
    return True


_TO_CHANGE: tuple[Callable[[Any], bool], ...] = (
    pa.types.is_dictionary, pa.types.is_string_view, pa.types.is_binary_view, pa.types.is_list_view,
    pa.types.is_large_list_view, pa.types.is_run_end_encoded, pa.types.is_decimal256, pa.types.is_decimal32,
    pa.types.is_decimal64, pa.types.is_time32, pa.types.is_date64, pa.types.is_union,
)  # fmt: skip


class _Plain:
    """Makes arrays plain. ``wide``: decimals of 256 bits become text, as some do not fit into Daft's."""

    def __init__(self, wide: bool) -> None:
        self.wide = wide

    def array(self, array: Any) -> Any:
        """Return the same values in types that Daft has."""
        kind, types = array.type, pa.types
        if _is_plain(kind):
            return array
        if isinstance(kind, pa.BaseExtensionType):
            return self._extension(array)
        if types.is_dictionary(kind):
            return self.array(array.dictionary).take(array.indices)
        if types.is_run_end_encoded(kind):
            return self._run_ends(array)
        if types.is_string_view(kind):
            return array.cast(pa.large_string())
        if types.is_binary_view(kind):
            return array.cast(pa.large_binary())
        if types.is_time32(kind):
            return array.cast(pa.time64("us"))
        if types.is_date64(kind):
            return array.cast(pa.date32())
        if types.is_decimal(kind):
            return self._decimal(array)
        if types.is_list_view(kind) or types.is_large_list_view(kind):
            return self._views(array)
        if types.is_union(kind):
            return _texts(array)
        return self._nested(array)

    def _decimal(self, array: Any) -> Any:
        kind = array.type
        if not pa.types.is_decimal256(kind):
            return array.cast(pa.decimal128(kind.precision, kind.scale))
        if self.wide or not 0 <= kind.scale <= DIGITS:
            return pa.array([None if each is None else format(each, "f") for each in array.to_pylist()], pa.string())
        try:
            return array.cast(pa.decimal128(DIGITS, kind.scale))
        except pa.ArrowInvalid:
            raise TooWide(f"{kind} does not fit into {DIGITS} digits") from None

    def _run_ends(self, array: Any) -> Any:
        import numpy as np

        ends = array.run_ends.to_numpy()
        places = np.searchsorted(ends, np.arange(array.offset, array.offset + len(array)), side="right")
        return self.array(array.values).take(pa.array(places))

    def _views(self, array: Any) -> Any:
        """Return lists that may lie in any order as lists one after another."""
        import numpy as np

        lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        return pa.LargeListArray.from_arrays(offsets, self.array(array.flatten()), mask=array.is_null())

    def _extension(self, array: Any) -> Any:
        name = array.type.extension_name
        if name == "arrow.uuid":
            return _texts(array)
        if name == "arrow.bool8":
            return array.storage.cast(pa.bool_())
        if name in ("pandas.period", "pandas.interval"):
            return _as_pandas_writes(array)
        return self.array(array.storage)

    def _nested(self, array: Any) -> Any:
        kind, types = array.type, pa.types
        missing = array.is_null()
        if types.is_struct(kind):
            if not kind.num_fields:
                return array
            parts = [self.array(array.field(number)) for number in range(kind.num_fields)]
            fields = [pa.field(kind.field(number).name, part.type) for number, part in enumerate(parts)]
            return pa.StructArray.from_arrays(parts, fields=fields, mask=missing)
        if types.is_fixed_size_list(kind):
            size = kind.list_size
            values = self.array(array.values.slice(array.offset * size, len(array) * size))
            return pa.FixedSizeListArray.from_arrays(values, size, mask=missing)
        # A slice's own offsets cannot be given together with what is missing: they are copied.
        offsets = pa.array(array.offsets.to_numpy(zero_copy_only=False), array.offsets.type)
        if types.is_map(kind):
            keys, items = self.array(array.keys), self.array(array.items)
            return pa.MapArray.from_arrays(offsets, keys, items, pa.map_(keys.type, items.type), mask=missing)
        made = pa.LargeListArray if types.is_large_list(kind) else pa.ListArray
        return made.from_arrays(offsets, self.array(array.values), mask=missing)


def _texts(array: Any) -> Any:
    """Return the values as Python writes them."""
    return pa.array([None if each is None else str(each) for each in array.to_pylist()], pa.string())


def _as_pandas_writes(array: Any) -> Any:
    """Return periods (2024-01) and intervals ((0, 5]) in pandas' own words; as they are stored, without pandas."""
    try:
        values = array.to_pandas()
    except (ImportError, pa.ArrowException, TypeError, ValueError):  # no pandas here, or none that knows them
        return array.storage
    return pa.array(
        [None if gone else str(each) for each, gone in zip(values, values.isna(), strict=True)], pa.string()
    )


def names_apart(names: list[Any]) -> list[str]:
    """Return the names as texts, all of them different: Daft reads no others."""
    texts = [str(name) for name in names]
    if len(set(texts)) == len(texts):
        return texts
    taken = set(texts)
    found: list[str] = []
    used: set[str] = set()
    for name in texts:
        free, count = name, 1
        while free in used or (count > 1 and free in taken):
            count += 1
            free = f"{name} ({count})"
        found.append(free)
        used.add(free)
    return found
