"""Cuts rows out of a partition, in the process that holds it. It is sent by value and needs no daftnb there."""

from __future__ import annotations

from typing import Any


def cut(partition: Any, start: int, end: int, columns: list[int], most_bytes: int) -> tuple[int, list[Any]]:
    """Return rows ``start`` to ``end`` of some columns, by number: how many rows, and the columns as Daft's Series.

    Fewer rows come, but one, where they take more than ``most_bytes``. They are copied: a slice is a view of the whole
    partition, and the lists and texts in it would travel whole.
    """
    from daft import DataType, Series

    end = min(end, len(partition))
    while True:
        part = partition.slice(start, end)
        places = Series.from_pylist(list(range(end - start))).cast(DataType.uint64())
        found = [part.get_column(column).take(places) for column in columns]
        if end - start <= 1 or sum(series.size_bytes() for series in found) <= most_bytes:
            return end - start, found
        end = start + max(1, (end - start) // 2)
