"""The result stream of a cancelled query: at its end to who waits, and read on to the end for the engine's sake."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daftnb.engine.actor import Streams
from tests.conftest import run_async


class Engine:
    """A result stream as the engine's: it fails once ``failed`` is set, and only who reads it makes it get there."""

    def __init__(self, ready: int) -> None:
        self.ready = ready
        self.failed = asyncio.Event()
        self.told = False

    async def __anext__(self) -> Any:
        if self.ready:
            self.ready -= 1
            return "partition"
        await self.failed.wait()
        self.told = True
        raise RuntimeError("a task has failed")

    def finish(self) -> str:
        return "statistics"


async def cancelled(streams: Streams, engine: Engine) -> None:
    """Cancel from another thread, as a call from the kernel comes; then the task that was made to fail has failed."""
    assert await asyncio.to_thread(streams.cancel, "0") is not None
    await asyncio.sleep(0)
    engine.failed.set()
    for _ in range(500):
        if engine.told:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody read on")


def put_in(ready: int) -> tuple[Streams, Engine]:
    streams, engine = Streams({}), Engine(ready)
    streams["0"] = engine
    return streams, engine


def test_a_stream_that_nobody_waits_for_is_read_on() -> None:
    async def view_of_the_first_rows() -> None:
        streams, engine = put_in(3)
        assert await streams["0"].__anext__() == "partition"
        await cancelled(streams, engine)
        assert "0" not in streams

    run_async(view_of_the_first_rows())


def test_who_waits_is_at_the_end_and_the_rest_is_read() -> None:
    async def interrupted() -> None:
        streams, engine = put_in(0)
        waiting = asyncio.ensure_future(streams["0"].__anext__())
        await asyncio.sleep(0)
        await cancelled(streams, engine)
        assert await waiting is None
        assert await streams["0"].__anext__() is None
        assert streams["0"].finish() == "statistics"

    run_async(interrupted())


def test_an_error_of_a_query_that_was_not_cancelled_is_its_own() -> None:
    async def fails() -> None:
        streams, engine = put_in(0)
        engine.failed.set()
        with pytest.raises(RuntimeError, match="a task has failed"):
            await streams["0"].__anext__()

    run_async(fails())
