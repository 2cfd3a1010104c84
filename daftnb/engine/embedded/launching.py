"""Starts things side by side, each in a thread of its own, and ends what was given up meanwhile.

What is started is a raylet (:mod:`daftnb.engine.embedded.provider`); nothing here knows Ray. The threads are daemons,
as the process may be told to end at any moment, and are given up at its end: what one of them has started by then, the
cluster's supervisor ends (:mod:`daftnb.engine.embedded.supervisor`).
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Started = TypeVar("Started")

END_SECONDS = 3.0  # at the process's end, for threads that are starting something; the supervisor waits 4 s


class Launch:
    """One that is under way, until it is told to have come, failed or been given up."""

    def __init__(self) -> None:
        self.given_up = threading.Event()


class Launcher(Generic[Started]):
    """Owns the threads.

    Parameters
    ----------
    seconds
        How long each waits before it starts anything, as a cloud does.
    at_once
        How many start at the same time; the others wait for room.
    came
        Called with a launch and what was started; returns False where nobody wants it any more.
    failed
        Called with a launch and why nothing was started.
    end
        Ends what was started, and nobody wants.
    """

    def __init__(
        self,
        seconds: float,
        at_once: int,
        came: Callable[[Launch, Started], bool],
        failed: Callable[[Launch, Exception], None],
        end: Callable[[Started], None],
    ) -> None:
        self._came, self._failed, self._end = came, failed, end
        self.seconds = seconds
        self._room = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._running: dict[Launch, threading.Thread] = {}
        self._closed = False
        atexit.register(self.close)

    @property
    def count(self) -> int:
        """Return how many are under way."""
        with self._lock:
            return len(self._running)

    def launch(self, name: str, start: Callable[[], Started]) -> Launch:
        """Have ``start`` called in a thread of that name, and return at once. RuntimeError once it is closed."""
        launch = Launch()
        thread = threading.Thread(target=self._run, args=(launch, start), name=name, daemon=True)
        with self._lock:
            if self._closed:
                raise RuntimeError("nothing is started any more: the process is about to end")
            self._running[launch] = thread
        try:
            thread.start()
        except BaseException:
            with self._lock:
                del self._running[launch]
            raise
        return launch

    def give_up(self, launch: Launch) -> None:
        """Start nothing more for a launch, and end what is just being started once it is there. Returns at once."""
        launch.given_up.set()

    def close(self, seconds: float = END_SECONDS) -> bool:
        """Give all up, and wait for their threads that long; return True if all have ended. Nothing is started then."""
        with self._lock:
            self._closed = True
            threads = dict(self._running)
        for launch in threads:
            self.give_up(launch)
        for thread in threads.values():
            thread.join(seconds / len(threads))
        atexit.unregister(self.close)
        return not any(thread.is_alive() for thread in threads.values())

    def _run(self, launch: Launch, start: Callable[[], Started]) -> None:
        try:
            if launch.given_up.wait(self.seconds):
                return
            with self._room:
                if launch.given_up.is_set():
                    return
                try:
                    started = start()
                except Exception as error:
                    if not launch.given_up.is_set():  # else nobody waits for it
                        self._failed(launch, error)
                    return
            if launch.given_up.is_set() or not self._came(launch, started):
                self._end(started)
        finally:
            with self._lock:
                del self._running[launch]
