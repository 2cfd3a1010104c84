"""The one thread of a session: pulls events, folds them, publishes frames at a fixed rate to whoever is looking.

The clock and the sources are given to it, so that it can be tested without an engine. Work per tick depends on
operators, workers and kept history, never on tasks.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from daftnb.telemetry import events as e
from daftnb.telemetry.frames import Frame
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.state import apply

ACTIVE_SECONDS = 0.2  # between frames while a query runs: five a second
QUIET_SECONDS = 1.0
JOIN_SECONDS = 5.0
PULL_SECONDS = 2.0
NUDGED_SECONDS = 0.02  # after a request of a page, before the frame that answers it
Found = TypeVar("Found")
_WAKING = (e.QueryStarted, e.QueryFinished, e.ClusterChanged, e.SettingsInEffect)


class Listener(Protocol):
    """Somebody who shows frames: ``looking`` says whether it is worth making one."""

    @property
    def looking(self) -> bool: ...

    def publish(self, frame: Frame) -> None: ...


class Monitor:
    """Owns the state. ``emit`` may be called from any thread; everything else happens under one lock.

    ``pull`` fetches what the engine has to tell (it may fail: the problem is shown, the next tick tries again);
    ``frame`` makes a frame of the state at a time; ``clock`` gives seconds since the epoch. ``recorder`` is told every
    event before it is folded; if it fails, that is told, and nothing more is recorded.
    """

    def __init__(
        self,
        pull: Callable[[], list[e.Event]],
        frame: Callable[[State, float], Frame],
        clock: Callable[[], float],
        recorder: Recorder | None = None,
    ) -> None:
        self.state = State()
        self.listeners: list[Listener] = []
        self._pull = pull
        self._frame = frame
        self._clock = clock
        self._recorder = recorder
        self._inbox: queue.SimpleQueue[e.Event] = queue.SimpleQueue()
        self._lock = threading.RLock()  # the state
        self._pulling = threading.Lock()  # one pull at a time, and never while the state is locked: it may hang
        self._wake = threading.Event()
        self._nudged = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def emit(self, event: e.Event) -> None:
        """Take an event, from any thread; the first one starts the monitor's own."""
        self._inbox.put(event)
        if isinstance(event, _WAKING):
            self._wake.set()
        if not self.running:
            self.start()

    def nudge(self) -> None:
        """A page waits for an answer: publish soon. From any thread, and without waiting."""
        self._nudged.set()
        self._wake.set()
        if not self.running:
            self.start()

    def read(self, function: Callable[[State], Found]) -> Found:
        """What ``function`` finds in the state, which does not change meanwhile."""
        with self._lock:
            return function(self.state)

    def start(self) -> None:
        """Start the thread, unless it runs. A daemon: an interpreter that ends does not wait for it."""
        with self._lock:
            if self.running:
                return
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="daftnb-monitor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait until it has ended."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_SECONDS)

    def refresh(self) -> Frame:
        """Fold all there is now, and the frame of it. An engine that does not answer costs two seconds at most."""
        self._fold()
        with self._lock:
            return self._frame(self.state, self._clock())

    def tick(self) -> None:
        """One round: fold, and publish to those who look."""
        self._fold()
        self._settle()
        looking = [listener for listener in self.listeners if listener.looking]
        if not looking:
            return
        with self._lock:
            frame = self._frame(self.state, self._clock())
        for listener in looking:
            try:
                listener.publish(frame)
            except Exception as error:
                self._problem(f"a view could not be updated: {error!r}")

    @contextmanager
    def asking_nobody(self) -> Iterator[None]:
        """Within, the engine is not asked: Ray ends the process of which a thread asks once it is shut down.

        What is being asked is waited for, some seconds at most.
        """
        held = self._pulling.acquire(timeout=JOIN_SECONDS)
        try:
            yield
        finally:
            if held:
                self._pulling.release()

    def _fold(self) -> None:
        if not self._pulling.acquire(timeout=PULL_SECONDS):
            self._apply([])  # somebody waits for the engine already
            return
        try:
            try:
                pulled = self._pull()
            except Exception as error:
                pulled = []
                self._problem(f"the engine could not be asked: {type(error).__name__}: {error}")
            self._apply(pulled)
        finally:
            self._pulling.release()

    def _apply(self, pulled: list[e.Event]) -> None:
        with self._lock:
            # What the driver said comes first: it announces the queries that the pulled counts are about.
            while True:
                try:
                    self._take(self._inbox.get_nowait())
                except queue.Empty:
                    break
            for event in pulled:
                self._take(event)

    def _take(self, event: e.Event) -> None:
        if self._recorder is not None:
            try:
                self._recorder.record(event, self.state)
            except Exception as error:
                self._recorder = None
                self._problem(f"queries are no longer recorded: {error!r}")
        apply(event, self.state)

    def _settle(self) -> None:
        if self._recorder is None:
            return
        try:
            problems = self._recorder.settle(self._clock(), self._active())
        except Exception as error:
            self._recorder = None
            problems = [f"queries are no longer recorded: {error!r}"]
        for text in problems:
            self._problem(text)

    def _problem(self, text: str) -> None:
        with self._lock:
            self._take(e.ProblemFound(self._clock(), text[:300]))

    def _active(self) -> bool:
        with self._lock:
            return self.state.active()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick()
            if not self._active():
                self._wake.wait(QUIET_SECONDS)
            self._wake.clear()
            nudged = self._nudged.is_set()
            self._nudged.clear()
            self._stopping.wait(NUDGED_SECONDS if nudged else ACTIVE_SECONDS)
