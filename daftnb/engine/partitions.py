"""The partitions of a collected dataframe: how many rows each has, and a few rows out of them, wherever they are.

On the native runner they are in this process. On Ray a small task cuts the rows where the partition is, and only these
come here; it takes no CPU slot, so that it never waits behind a backlog.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from daftnb.errors import DaftnbError


class PartitionLost(DaftnbError):
    """A partition is not there any more: its node, or the whole cluster, is gone."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Rows of this dataframe are lost: {why}.", "Run it again.")


class Partitions(Protocol):
    """``rows``: how many there are in all. ``columns`` are numbers."""

    rows: int

    def slice(self, start: int, count: int, columns: Sequence[int]) -> tuple[int, list[Any]]:
        """Rows from ``start`` on, ``count`` at most: how many they are, and the columns as Daft's Series.

        Fewer come where the values are large. Raises PartitionLost.
        """

    def check(self) -> None:
        """Raise PartitionLost if a partition is not there any more. On a cluster each is looked at where it is."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one partition."""

    partition: int
    start: int
    end: int


class Spans:
    """Which rows are in which partition."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self._begins = [0, *accumulate(lengths)]
        self.rows = self._begins[-1]

    def pieces(self, start: int, count: int) -> list[Piece]:
        """Where these rows are, in order; none of those that are beyond the end."""
        end = min(start + count, self.rows)
        found: list[Piece] = []
        number = bisect_right(self._begins, start) - 1
        while start < end:
            begin, after = self._begins[number], self._begins[number + 1]
            if after > start:
                found.append(Piece(number, start - begin, min(end, after) - begin))
                start = after
            number += 1
        return found


class LocalPartitions:
    """Partitions in this process."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = list(parts)
        self._spans = Spans([len(part) for part in self.parts])
        self.rows = self._spans.rows

    def slice(self, start: int, count: int, columns: Sequence[int]) -> tuple[int, list[Any]]:
        """As :meth:`Partitions.slice`."""
        found = []
        for piece in self._spans.pieces(start, count):
            part = self.parts[piece.partition].slice(piece.start, piece.end)
            found.append((piece, len(part), [part.get_column(column) for column in columns]))
        return joined(found)

    def check(self) -> None:
        """As :meth:`Partitions.check`; what is in this process is there."""

    def arrays(self, column: int) -> Iterator[Any]:
        """All values of a column, by number, as Arrow arrays; they are not copied."""
        for part in self.parts:
            for batch in part.get_record_batches():
                if len(batch):  # an empty map of dates cannot be made Arrow
                    yield batch.get_column(column).to_arrow()

    def dtype(self, column: int) -> Any:
        """A column's dtype, by number; None where there is no partition."""
        return self.parts[0].get_column(column).datatype() if self.parts else None


def joined(found: Sequence[tuple[Piece, int, list[Any]]]) -> tuple[int, list[Any]]:
    """The pieces' rows as one; up to the first piece of which not all rows came."""
    from daft import Series

    count = 0
    parts: list[list[Any]] = []
    for piece, rows, columns in found:
        count += rows
        parts.append(columns)
        if rows < piece.end - piece.start:
            break
    if len(parts) <= 1:
        return count, parts[0] if parts else []
    return count, [Series.concat(list(column)) for column in zip(*parts, strict=True)]


def is_collected(dataframe: Any) -> bool:
    """Whether a dataframe has its result; asking runs nothing."""
    return dataframe._result is not None


def partitions_of(dataframe: Any) -> Partitions:
    """The partitions of a collected dataframe. No rows are fetched. Raises PartitionLost."""
    from daft.runners.partitioning import LocalPartitionSet

    result = dataframe._result
    assert result is not None, "it is collected"
    if isinstance(result, LocalPartitionSet):
        return LocalPartitions([value.partition() for value in result.values()])
    from daftnb.engine.raypartitions import RayPartitions

    return RayPartitions(result)


def shown_rows(formatter: Any) -> tuple[Any, LocalPartitions, int | None]:
    """Of the rows that ``df.show()`` displays: a dataframe, their place, and how many there are in all, if known."""
    import daft

    part = formatter._preview.partition
    frame = daft.DataFrame._from_micropartitions(part)
    return frame, LocalPartitions([part]), formatter._preview.total_rows
