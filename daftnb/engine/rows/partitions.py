"""Tells how many rows each partition of a result has, and reads a few rows of it.

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
        """Return how many rows there are from ``start`` on, ``count`` at most, and their columns as Daft's Series.

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
        """Return where these rows are, in order; none of those that are beyond the end."""
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
        """Return rows as :meth:`Partitions.slice` does."""
        found = []
        for piece in self._spans.pieces(start, count):
            part = self.parts[piece.partition].slice(piece.start, piece.end)
            found.append((piece, len(part), [part.get_column(column) for column in columns]))
        return joined(found)

    def check(self) -> None:
        """Do nothing: what is in this process is there."""

    def arrays(self, column: int) -> Iterator[Any]:
        """Yield all values of a column, by number, as Arrow arrays; they are not copied."""
        for part in self.parts:
            for batch in part.get_record_batches():
                if len(batch):  # an empty map of dates cannot be made Arrow
                    yield batch.get_column(column).to_arrow()

    def dtype(self, column: int) -> Any:
        """Return a column's dtype, by number; None where there is no partition."""
        return self.parts[0].get_column(column).datatype() if self.parts else None


def joined(found: Sequence[tuple[Piece, int, list[Any]]]) -> tuple[int, list[Any]]:
    """Join the pieces' rows, up to the first piece of which not all rows came; return their number and columns."""
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
