"""The result stream of a cancelled query: at its end to who waits, and read on to the end for the engine's sake."""

from __future__ import annotations

import asyncio
import traceback
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor.install import tap_tasks
from daftnb.engine.actor.streams import Streams
from daftnb.engine.actor.tap import Tap
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


class Tasks:
    """The engine's handle of a task, which fails."""

    async def get_result(self) -> Any:
        raise ValueError("row 7 is not to be had")

    def cancel(self) -> None:
        """Nothing runs."""


class Worker:
    """The engine's handle of a worker."""

    def submit_task(self, _task: Any) -> Tasks:
        return Tasks()


class Failing(Engine):
    """A stream in which the error of a task comes up."""

    async def __anext__(self) -> Any:
        return await Tasks().get_result()


def test_no_frame_of_ours_is_in_the_traceback_of_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams({})
    mine = SimpleNamespace(tap=Tap(), pool=None, streams=streams, tasks={}, patch=monkeypatch.setattr)
    tap_tasks(mine, SimpleNamespace(RaySwordfishActorHandle=Worker, RaySwordfishTaskHandle=Tasks))  # type: ignore[arg-type]

    async def functions(stream: Any) -> list[str]:
        with pytest.raises(ValueError, match="row 7 is not to be had") as caught:
            await stream.__anext__()
        return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]

    streams["0"] = Failing(0)
    assert run_async(functions(Failing(0))) == ["functions", "__anext__", "tapped_get_result", "get_result"]
    assert run_async(functions(streams["0"])) == ["functions", "__anext__", "get_result"]


def test_who_is_cancelled_while_it_waits_lets_go_of_the_engines_stream() -> None:
    async def dropped() -> None:
        streams, engine = put_in(0)
        reader = asyncio.ensure_future(streams["0"].inner.__anext__())
        streams["0"].inner.__anext__ = lambda: reader  # as the engine gives a future
        waiting = asyncio.ensure_future(streams["0"].__anext__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert not engine.told

    run_async(dropped())
