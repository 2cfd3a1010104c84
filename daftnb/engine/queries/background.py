"""Runs daftnb's own queries beside the user's: they do not show, and end when nobody wants them.

Each runs on a thread of its own. While it does, the queries of that thread are neither told to the monitor nor counted
(:mod:`daftnb.engine.queries.subscriber`); the work that they make on a cluster's workers is seen there, as it is real.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from daftnb.engine.connection.environment import without_progress_bars
from daftnb.engine.connection.standing import without_starting
from daftnb.errors import QueryCancelled

LOOK_AGAIN_SECONDS = 0.02
_own: dict[int, OwnQuery] = {}  # by thread


class OwnQuery:
    """One piece of work of ours, which may be several queries. ``cancel`` from any thread, and without waiting.

    ``end_on_ray`` ends a query of a given id on the cluster; it says whether there was one.
    """

    def __init__(self, end_on_ray: Callable[[str], bool] = lambda _id: False) -> None:
        self._end_on_ray = end_on_ray
        self._cancelled = threading.Event()
        self._done = threading.Event()
        self._thread = 0
        self._query_id = ""

    @property
    def cancelled(self) -> bool:
        """Return True if the work was cancelled."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise QueryCancelled if the work was cancelled."""
        if self.cancelled:
            raise QueryCancelled(self._query_id or "of the preview")

    @contextmanager
    def run(self) -> Iterator[None]:
        """Count the queries of this thread as this work's, within this context.

        What a cancelled one raises becomes a QueryCancelled.
        """
        self.check()
        _tap_event_loop()
        self._thread = threading.get_ident()
        _own[self._thread] = self
        put_back = without_progress_bars()
        try:
            with without_starting():  # where the user has shut Ray down, it fails
                yield
        except BaseException:
            self.check()
            raise
        finally:
            _own.pop(self._thread, None)
            self._done.set()
            put_back()
        self.check()

    def started(self, query_id: str) -> None:
        """Note the id of a query of this work that has started."""
        self._query_id = query_id

    def cancel(self) -> None:
        """End the query that runs, and let none come after it."""
        if not self._cancelled.is_set():
            self._cancelled.set()
            threading.Thread(target=self._end, name="daftnb-cancel", daemon=True).start()

    def _end(self) -> None:
        # A query may be about to start, or between two of its steps.
        while not self._done.is_set():
            if _end_native(self._thread) or (self._query_id and self._end_on_ray(self._query_id)):
                return
            self._done.wait(LOOK_AGAIN_SECONDS)


def current() -> OwnQuery | None:
    """Return the work of daftnb's own that this thread does, or None."""
    return _own.get(threading.get_ident())


# -- the native runner ------------------------------------------------------------------------------------------------


class _TappedLoop:
    """Stands in for Daft's BackgroundEventLoop, on the same loop; knows what each thread waits for.

    A query of the native runner is a coroutine there, which its thread waits for; cancelling that ends the query.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: dict[int, Any] = {}

    def run(self, future: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the loop as Daft's own does, and return what it returns."""
        thread = threading.get_ident()
        waiting = self.waiting[thread] = asyncio.run_coroutine_threadsafe(future, self.loop)
        try:
            return waiting.result()
        finally:
            self.waiting.pop(thread, None)


def _tap_event_loop() -> None:
    import daft.event_loop

    loop = daft.event_loop.get_or_init_event_loop()
    if not isinstance(loop, _TappedLoop):
        vars(daft.event_loop)["LOOP"] = _TappedLoop(loop.loop)


def untap_event_loop() -> None:
    """Give Daft its own event loop back."""
    import sys

    module: Any = sys.modules.get("daft.event_loop")
    if module is not None and isinstance(module.LOOP, _TappedLoop):
        module.LOOP = module.BackgroundEventLoop.from_existing_loop(module.LOOP.loop)


def _end_native(thread: int) -> bool:
    import daft.event_loop

    loop = vars(daft.event_loop)["LOOP"]
    waiting = loop.waiting.get(thread) if isinstance(loop, _TappedLoop) else None
    return waiting is not None and bool(waiting.cancel())
