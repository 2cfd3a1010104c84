"""Streams a query's results from the runner actor in batches (the actor's side: :mod:`daftnb.engine.actor.batches`).

Daft makes two calls of the actor to start a query and to learn that it has ended, and one for each partition, and
waits for each (``FlotillaRunner.stream_plan``). Over a Ray Client each wait is a way to the cluster and back. Here one
call starts a query and brings its first partitions, each later one brings all that are ready, and is under way while
the batch before is used; the last brings the statistics too.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

import ray

from daftnb.engine.connection import link as ray_link
from daftnb.engine.queries import steps
from daftnb.text.parsing import parse_bool

SWITCH = "DAFTNB_RESULTS_IN_BATCHES"
MOST = 1_024  # partitions in a batch
FIRST = 8  # in the first
# A batch waits for more for as long as a call takes anyway, and, after the first two, a little longer each time.
LINGER_SECONDS, LINGER_STEP = 0.02, 0.002

Received = tuple[list[tuple[Any, int, int]], Any, dict[str, Any] | None]


class Handed(Exception):
    """Daft's own method has come to where it hands a plan over, with the arguments that it gives."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments


class _HandsOver:
    """Stands in for Daft's ``FlotillaRunner``, up to where its ``stream_plan`` hands the plan over."""

    def __init__(self, flotilla: Any) -> None:
        self._flotilla = flotilla
        self.runner = self.run_plan = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._flotilla, name)

    def remote(self, *arguments: Any) -> Any:
        raise Handed(arguments)


def handed(stream_plan: Callable[..., Generator[Any, None, Any]], flotilla: Any, *given: Any) -> tuple[Any, ...]:
    """Return what Daft's own ``stream_plan`` hands over; all that it does before, it has done."""
    try:
        next(stream_plan(_HandsOver(flotilla), *given))
    except Handed as found:
        return found.arguments
    raise AssertionError("stream_plan hands its plan over before it has a result")


def rows_of(partition_sets: dict[str, Any]) -> dict[str, list[tuple[Any, int, int]]]:
    """Return sets of partitions as the actor takes them: reference, rows and bytes of each."""
    return {
        key: [(each.partition(), each.metadata().num_rows, each.metadata().size_bytes or 0) for each in parts.values()]
        for key, parts in partition_sets.items()
    }


def is_on() -> bool:
    """Return False where the user wants Daft's own way."""
    try:
        return parse_bool(os.environ.get(SWITCH, "1"))
    except ValueError:
        return True


class Line:
    """The orders of one query, each with its answer; ``is_over`` says that the connection is to end."""

    def __init__(self, flotilla: Any, is_over: Callable[[], bool]) -> None:
        self._flotilla = flotilla
        self._is_over = is_over
        self._coming: list[Any] = []

    def send(self, order: list[Any]) -> None:
        """Send an order; ConnectionError where the connection that the query began on does not stand any more."""
        with ray_link.asking(self._flotilla.door.link):
            self._coming.append(self._flotilla.runner.get_next_partition.remote(order))

    def receive(self) -> Received:
        """Wait for the answer to the order that was sent."""
        with ray_link.asking(self._flotilla.door.link):
            # Over a Ray Client a step would be one more way to the cluster and back; its calls end when it is hung up.
            take = self._coming.pop
            answer = steps.until_ready(take, self._is_over) if self._flotilla.direct else take()
            received: Received = ray.get(answer).partition()
        return received


class Buffer:
    """How many partitions each thread's iteration allows ahead of it: ``results_buffer_size``.

    Daft on Ray takes it and does not heed it (``RayRunner.run_iter``).
    """

    def __init__(self) -> None:
        self._noted: dict[int, int | None] = {}

    def noting(self, run_iter: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``run_iter`` that notes it; what comes before its first result runs on the same thread."""

        @functools.wraps(run_iter)
        def noted(builder: Any, results_buffer_size: int | None = None) -> Any:
            self._noted[threading.get_ident()] = results_buffer_size
            return run_iter(builder, results_buffer_size=results_buffer_size)

        return noted

    def taken(self) -> int | None:
        """Return what this thread's query allows, once; None: as many as there are."""
        return self._noted.pop(threading.get_ident(), None)


def size(bound: int | None, used: int, answers: int, delay: float) -> tuple[int, int, float]:
    """Return how much the next answer may bring, how much more may be read ahead, and how long it waits for more.

    ``bound``: at most so many partitions are ahead of their user: what is left of a batch, the batch that is under way
    and what the actor has read. Without one they grow with those that were ``used``, so that who leaves after a few has
    had few made for nothing. ``delay``: the seconds that a call takes.
    """
    most = min(MOST, max(FIRST, used))
    ahead = most
    if bound is not None and bound + 1 < 3 * most:
        most = (bound + 2) // 3
        ahead = bound + 1 - 2 * most
    linger = max(delay, LINGER_STEP * (answers - 2))
    return most, ahead, max(0.0, min(LINGER_SECONDS, linger))


def results(parts: list[tuple[Any, int, int]]) -> Iterator[Any]:
    """Yield partitions as Daft has them; each is let go of here as it is given away."""
    from daft.runners.partitioning import PartitionMetadata
    from daft.runners.ray_runner import PartitionMetadataAccessor, RayMaterializedResult

    # Daft would fetch what stands there; none needs to, as it came with the partitions.
    accessor: Any = PartitionMetadataAccessor(None)  # type: ignore[arg-type]
    accessor._metadatas = [PartitionMetadata(rows, bytes_) for _, rows, bytes_ in parts]
    left = deque(reference for reference, *_ in parts)
    parts.clear()
    for place in range(len(left)):
        yield RayMaterializedResult(partition=left.popleft(), metadatas=accessor, metadata_idx=place)


def streamed(
    send: Callable[[list[Any]], None],
    receive: Callable[[], Received],
    begin: Callable[[tuple[int, int, float]], Received],
    plan_id: str,
    bound: int | None,
    delay: float,
) -> Generator[Any, None, dict[str, Any]]:
    """Yield the results of a query that ``begin`` begins; return what its last answer tells.

    ``send`` sends an order, whose answer ``receive`` waits for.
    """
    parts, _, end = begin(size(bound, 0, 0, delay))
    used, answers = 0, 1
    while True:
        used += len(parts)
        if end is None:
            send(["next", plan_id, size(bound, used, answers, delay)])
        yield from results(parts)
        if end is not None:
            return end
        parts, _, end = receive()
        answers += 1
