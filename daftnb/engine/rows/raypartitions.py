"""Reads rows of partitions that are in a Ray cluster's object stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import ray
from ray import cloudpickle

from daftnb.engine.byvalue import by_value
from daftnb.engine.connection.link import Link, asking, in_time, link
from daftnb.engine.rows import slicing
from daftnb.engine.rows.partitions import PartitionLost, Spans, joined
from daftnb.errors import DaftnbError

SLICE_BYTES = 64 * 2**20  # of one partition's answer; a page is cut to far less, from values that may be large
SLICE_SECONDS = 30.0  # the first task may wait for a process to start
Found = TypeVar("Found")


class RayPartitions:
    """Partitions on the Ray that this process was connected to when they were made."""

    def __init__(self, result: Any) -> None:
        connected = link()
        if connected is None:
            raise PartitionLost("this kernel is not connected to Ray any more")
        self._link = connected
        values = result.values()
        # How many rows came with each result: this fetches numbers, no partition.
        self._spans = Spans(_guarded(connected, lambda: [value.metadata().num_rows for value in values]))
        self._parts = [value.partition() for value in values]
        self.rows = self._spans.rows

    def slice(self, start: int, count: int, columns: Sequence[int]) -> tuple[int, list[Any]]:
        """Return rows as :meth:`daftnb.engine.rows.partitions.Partitions.slice` does."""
        pieces = self._spans.pieces(start, count)
        found = self._cut([(piece.partition, piece.start, piece.end) for piece in pieces], columns)
        return joined([(piece, *rows) for piece, rows in zip(pieces, found, strict=True)])

    def check(self) -> None:
        """Raise PartitionLost as :meth:`daftnb.engine.rows.partitions.Partitions.check` does."""
        self._cut([(number, 0, 0) for number in range(len(self._parts))], [])

    def _cut(self, places: Sequence[tuple[int, int, int]], columns: Sequence[int]) -> list[tuple[int, list[Any]]]:
        """Return for each place (a partition's number, its rows from and to) how many rows came, and the columns."""
        if link() != self._link:
            raise PartitionLost("this kernel is not connected to their cluster any more")
        wanted = list(columns)

        def cut() -> list[tuple[int, list[Any]]]:
            task = _task(self._link)
            refs = [task.remote(self._parts[number], start, end, wanted, SLICE_BYTES) for number, start, end in places]
            found: list[tuple[int, list[Any]]] = ray.get(refs, timeout=SLICE_SECONDS)
            return found

        return _guarded(self._link, cut)


@cache
def _task(_link: Link) -> Any:
    """Return the task that cuts, made once for each connection: Ray sends its code with the first call."""
    with by_value(cloudpickle, slicing):
        return ray.remote(num_cpus=0, max_retries=2)(cloudpickle.loads(cloudpickle.dumps(slicing.cut)))


def _guarded(connected: Link, get: Callable[[], Found]) -> Found:
    """Return what ``get`` fetches over this connection; raise PartitionLost or DaftnbError in place of Ray's errors."""
    errors = ray.exceptions

    def asked() -> Found:
        with asking(connected):
            return get()

    try:
        return in_time(SLICE_SECONDS, asked)
    except ConnectionError:
        raise PartitionLost("this kernel is not connected to their cluster any more") from None
    except TimeoutError:
        raise DaftnbError(f"The cluster did not answer within {SLICE_SECONDS:.0f} s.", "Try again.") from None
    except (errors.ObjectLostError, errors.OwnerDiedError, errors.WorkerCrashedError, errors.NodeDiedError) as error:
        raise PartitionLost(_reason(error)) from None
    except errors.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, errors.ObjectLostError):
            raise PartitionLost(_reason(cause)) from None
        raise


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    return {
        "OwnerDiedError": "the process that made them has ended",
        "WorkerCrashedError": "the process that was to read them has ended",
        "NodeDiedError": "their node has ended",
    }.get(name, "no node has them any more")
