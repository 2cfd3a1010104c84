"""The result streams of a runner actor's queries, which can be cancelled.

Sent to the actor by value, with :mod:`daftnb.engine.actor.tap`. Its ``curr_result_gens`` is a :class:`Streams`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import Callable
from typing import Any


class Stream:
    """A query's result stream that can be cancelled while somebody waits for its next partition, or nobody does.

    To who waits, a cancelled query is at its end. To the engine, the stream is read on until it is: a query whose
    stream nobody reads never learns that a task of it has failed, and keeps its slots; and a stream that is dropped
    instead takes them with it for ever.
    """

    def __init__(self, streams: Streams, inner: Any) -> None:
        self.streams = streams
        self.inner = inner
        self.waiting: asyncio.Future[Any] | None = None
        self.cancelled: float | None = None  # since when
        self.reader: concurrent.futures.Future[None] | None = None  # since then

    def __anext__(self) -> asyncio.Future[Any]:
        """Return a future of the next partition, None at the end.

        A coroutine would put a frame into the traceback of what fails, which the user is shown; a future does not.
        """
        loop = self.streams.loop = asyncio.get_running_loop()
        answer = loop.create_future()
        if self.cancelled is not None:
            answer.set_result(None)  # the end, as far as anyone cares
            return answer
        waiting = self.waiting = asyncio.ensure_future(self.inner.__anext__())
        waiting.add_done_callback(lambda _: self._pass_on(waiting, answer))
        answer.add_done_callback(lambda _: waiting.cancel())  # when who waits was cancelled; else it is done
        return answer

    def _pass_on(self, waiting: asyncio.Future[Any], answer: asyncio.Future[Any]) -> None:
        self.waiting = None
        error = None if waiting.cancelled() else waiting.exception()
        if answer.done():
            return
        if self.cancelled is not None and (error is not None or waiting.cancelled()):
            answer.set_result(None)
        elif waiting.cancelled():
            answer.cancel()
        elif error is not None:
            answer.set_exception(without_our_frames(error))
        else:
            answer.set_result(waiting.result())

    def finish(self) -> Any:
        """Return the operators' statistics so far."""
        return self.inner.finish()

    def cancel(self) -> None:
        """Read on to the end, and keep nothing of it. May be called from any thread."""
        self.cancelled = time.monotonic()
        if self.streams.loop is not None:  # else no task of any query has run yet
            self.reader = asyncio.run_coroutine_threadsafe(self.read_on(self.inner), self.streams.loop)

    async def read_on(self, inner: Any) -> None:
        """Read the stream until the query fails, as it is about to."""
        if self.waiting is not None:
            await asyncio.wait([self.waiting])
        with contextlib.suppress(Exception):  # the failure that was asked for
            while await inner.__anext__() is not None:
                pass

    def drop(self) -> None:
        """Let go of the engine's stream, and of its reader. May be called from any thread.

        (``PythonPartitionRefStream::__anext__`` shares the stream with the future it returns.)
        """
        waiting, self.inner = self.waiting, None
        if waiting is not None:
            waiting.get_loop().call_soon_threadsafe(waiting.cancel)
        if self.reader is not None:
            self.reader.cancel()


def without_our_frames(error: BaseException) -> BaseException:
    """Return the error with the traceback it has in plain Daft, which Ray sends to the user in the error's text."""
    entries = []
    entry = error.__traceback__
    while entry is not None:
        if not str(entry.tb_frame.f_globals.get("__name__")).startswith("daftnb."):
            entries.append(entry)
        entry = entry.tb_next
    for outer, inner in zip(entries, [*entries[1:], None], strict=True):
        outer.tb_next = inner
    return error.with_traceback(entries[0] if entries else None)


class Streams(dict[str, Any]):
    """The actor's ``curr_result_gens``: each stream that is put in becomes a :class:`Stream`.

    The stream of a cancelled query is still found by who waits for it, but no longer among those that run. What is
    looked for with a list is an order of the kernel's (:mod:`daftnb.engine.actor.batches`), which ``orders`` takes.
    ``kept``: the streams that are put in stay as they are, as the tap has gone.
    """

    def __init__(self, running: dict[str, Any]) -> None:
        super().__init__({plan_id: Stream(self, stream) for plan_id, stream in running.items()})
        self.ending: dict[str, Stream] = {}
        self.orders: Callable[[list[Any]], Any] | None = None
        self.kept = False
        self.loop: asyncio.AbstractEventLoop | None = None  # the actor's, in which the engine's futures live

    def __setitem__(self, plan_id: str, stream: Any) -> None:
        super().__setitem__(plan_id, stream if self.kept else Stream(self, stream))

    def __getitem__(self, plan_id: Any) -> Any:
        if isinstance(plan_id, list) and self.orders is not None:
            return self.orders(plan_id)
        return super().__getitem__(plan_id)

    def __missing__(self, plan_id: str) -> Stream:
        return self.ending[plan_id]

    def cancel(self, plan_id: str) -> Stream | None:
        """Take a stream out of those that run and cancel it; return None if it was not among them."""
        stream: Stream | None = self.pop(plan_id, None)
        if stream is not None:
            stream.cancel()
            self.ending[plan_id] = stream
        return stream
