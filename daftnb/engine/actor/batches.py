"""Hands a query's results to the kernel in batches, each with one call of the runner actor.

Sent to the actor by value, with :mod:`daftnb.engine.actor.tap`. Daft's ``get_next_partition`` awaits the next of
``curr_result_gens[plan_id]`` and sends what it has as one partition (``daft/runners/flotilla.py``): a call for each.
The kernel calls it with an *order*, a list, in the place of the plan's id, and what is awaited then is an answer: all
partitions that are ready. The order that begins a query carries its plan and its settings; the last answer carries the
statistics.

The engine is read ahead no further than the kernel says: it holds back where nobody reads (its channel of results has
room for one), and for an iteration that may be left that is worth keeping.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from daftnb.engine.actor.streams import without_our_frames

Part = tuple[Any, int, int]  # a reference, its rows and its bytes


class Answer:
    """What an order is answered with, in the shape of a partition: Daft passes on ``object_ref`` as it is.

    ``parts``; what became of the settings, with the first answer; and the end, with the last.
    """

    def __init__(self, parts: list[Part], begun: Any, end: dict[str, Any] | None) -> None:
        self.object_ref = (parts, begun, end)
        self.num_rows = self.size_bytes = 0


class Size(NamedTuple):
    """How much an answer may carry: at most so many partitions, and how many more may be read ahead of the next order.

    ``linger``: seconds to wait for more once there is one.
    """

    most: int
    ahead: int
    linger: float


class _Row:
    """A partition of a set that is sent with a plan, as ``RemoteFlotillaRunner.run_plan`` reads it."""

    def __init__(self, part: Part) -> None:
        self.reference, self.num_rows, self.size_bytes = part

    def partition(self) -> Any:
        return self.reference

    def metadata(self) -> _Row:
        return self


class PartitionSet:
    """A set of partitions that a plan reads, as ``RemoteFlotillaRunner.run_plan`` reads it."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = parts

    def values(self) -> Iterator[_Row]:
        """Yield each partition."""
        return map(_Row, self._parts)


class Batches:
    """The results of one query: read ahead as they come, and given away in batches.

    ``ended`` is called once the stream is at its end, and gives what goes with the last answer; ``alone``: that it
    takes long, so that no result waits for it.
    """

    def __init__(self, stream: Any, ended: Callable[[], dict[str, Any]], alone: bool) -> None:
        self.stream = stream
        self.ready: deque[Part] = deque()
        self.error: BaseException | None = None
        self.over = False
        self.room = 0
        self._ended = ended
        self._alone = alone
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._giver: asyncio.Task[None] | None = None

    def next(self, size: Size, begun: Callable[[], Any] = lambda: None) -> asyncio.Future[Answer]:
        """Return a future of the next batch; like the stream's own, it puts no frame into an error's traceback.

        ``begun`` gives what the answer is to say of the settings, as it goes.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        if self._reader is None:
            self._reader = loop.create_task(self._read())
        self._giver = loop.create_task(self._give(answer, size, begun))
        return answer

    def drop(self) -> None:
        """Keep nothing of the results any more: nobody wants them."""
        self.over = True
        self.ready.clear()
        self._changed.set()

    async def _read(self) -> None:
        """Read the stream as far as there is room."""
        try:
            while not self.over:
                if len(self.ready) >= self.room:
                    await self._change()
                    continue
                part = await self.stream.__anext__()
                if part is None or self.over:
                    break
                self.ready.append((part.object_ref, part.num_rows, part.size_bytes))
                self._changed.set()
        except (Exception, asyncio.CancelledError) as error:
            self.error = error
        self.over = True
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._change()

    async def _give(self, answer: asyncio.Future[Answer], size: Size, begun: Callable[[], Any]) -> None:
        try:
            batch = await self._batch(size, begun)
        except asyncio.CancelledError:
            answer.cancel()
            return
        except Exception as error:
            if not answer.done():
                answer.set_exception(without_our_frames(error))
            return
        if not answer.done():
            answer.set_result(batch)

    async def _batch(self, size: Size, begun: Callable[[], Any]) -> Answer:
        self.room = max(size.most, size.ahead)
        self._changed.set()
        await self._until(lambda: bool(self.ready) or self.over)
        if size.linger and size.most > 1 and not self.over:
            with contextlib.suppress(asyncio.TimeoutError):  # what there is goes
                await asyncio.wait_for(self._until(lambda: len(self.ready) >= size.most or self.over), size.linger)
        self.room = size.ahead
        parts = [self.ready.popleft() for _ in range(min(size.most, len(self.ready)))]
        self._changed.set()
        if not parts and self.error is not None:
            raise self.error
        at_end = self.over and not self.ready and self.error is None
        if not at_end or (parts and self._alone):
            return Answer(parts, begun(), None)
        return Answer(parts, begun(), self._ended())


class Orders:
    """Takes the kernel's orders. ``begin`` prepares and starts a query, ``ended`` gives what its end is to tell.

    ``begin(stream's id, preparation, arguments of run_plan)`` returns the stream, and what gives what became of the
    settings, unless a look at the actor has told it before.
    """

    def __init__(
        self,
        begin: Callable[[str, Any, list[Any]], tuple[Any, Callable[[], Any]]],
        ended: Callable[[str, bool], dict[str, Any]],
    ) -> None:
        self.open: dict[str, Batches] = {}
        self._begin = begin
        self._ended = ended
        self._words: Mapping[str, Callable[..., Any]] = {"begin": self.begin, "next": self.next}

    def take(self, order: list[Any]) -> _Taken:
        """Return what ``get_next_partition`` awaits for an order."""
        word, *facts = order
        return _Taken(lambda: self._words[word](*facts))

    def begin(
        self, plan_id: str, size: tuple[int, int, float], calls: bool, preparation: Any, *arguments: Any
    ) -> asyncio.Future[Answer]:
        """Begin a query; its first answer says what became of its settings. ``calls``: it calls functions."""
        stream, begun = self._begin(plan_id, preparation, list(arguments))
        batches = self.open[plan_id] = Batches(stream, lambda: self._end(plan_id, calls), calls)
        return batches.next(Size(*size), begun)

    def next(self, plan_id: str, size: tuple[int, int, float]) -> asyncio.Future[Answer]:
        """Answer with the next batch of a query."""
        return self.open[plan_id].next(Size(*size))

    def _end(self, plan_id: str, calls: bool) -> dict[str, Any]:
        del self.open[plan_id]
        return self._ended(plan_id, calls)

    def drop(self, plan_id: str) -> None:
        """Let go of a query's results: it was cancelled."""
        batches = self.open.get(plan_id)
        if batches is not None:
            batches.drop()


class _Taken:
    """Stands in for a query's stream while Daft awaits its next."""

    def __init__(self, answer: Callable[[], asyncio.Future[Answer]]) -> None:
        self._answer = answer

    def __anext__(self) -> asyncio.Future[Answer]:
        try:
            return self._answer()
        except Exception as error:  # which the future raises as well, but without a frame of ours
            failed: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            failed.set_exception(without_our_frames(error))
            return failed
