"""Puts a server far away: what goes there, and what comes back, arrives later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from daftnb.engine.embedded.launcher import LOOPBACK

PIECE = 65_536


class FarAway:
    """A port of loopback behind which the server at ``host:port`` is ``round_trip`` seconds away. End it with stop."""

    def __init__(self, host: str, port: int, round_trip: float) -> None:
        self._server_at = (host, port)
        self._delay = round_trip / 2
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="far-away", daemon=True)
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, LOOPBACK, 0), self._loop)
        self._listening = started.result(10)
        self.address = f"{LOOPBACK}:{self._listening.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """End it, and the connections through it."""

        async def end() -> None:
            self._listening.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._server_at)
        try:
            await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has hung up, or it is over
        finally:
            for each in (writer, there_writer):
                each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way. Those that are under way do not hold up those behind them."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.ensure_future(self._arrive(under_way.get, writer))
        try:
            while True:
                piece = await reader.read(PIECE)
                under_way.put_nowait((self._loop.time() + self._delay, piece))
                if not piece:
                    break
            await arriving
        finally:
            arriving.cancel()

    async def _arrive(self, get: Callable[[], Awaitable[tuple[float, bytes]]], writer: asyncio.StreamWriter) -> None:
        while True:
            due, piece = await get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()
