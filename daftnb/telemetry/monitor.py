"""The one thread of a session: pulls events, folds them, and publishes snapshots at a fixed rate.

The clock and the sources are given to it, so that it can be tested without an engine. Work per tick depends on
operators, workers and kept history, never on tasks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from daftnb.aside import aside
from daftnb.telemetry import events as e
from daftnb.telemetry.host import Listener
from daftnb.telemetry.inbox import Inbox, Unread
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.snapshots import Snapshot
from daftnb.telemetry.state import apply
from daftnb.telemetry.tidy import tidy
from daftnb.text.reasons import describe_error
from daftnb.text.shorten import shortened

ACTIVE_SECONDS = 0.2  # between snapshots while a query runs: five a second
QUIET_SECONDS = 1.0
JOIN_SECONDS = 5.0
PULL_SECONDS = 2.0
SILENT_SECONDS = 30.0  # an engine that starts workers answers nobody meanwhile; one that is silent for so long is told
NUDGED_SECONDS = 0.02  # after a request of a page, before the snapshot that answers it
Found = TypeVar("Found")
_WAKING = (e.QueryStarted, e.QueryFinished, e.ClusterChanged, e.SettingsInEffect)


class Monitor:
    """Owns the state. ``emit`` may be called from any thread; everything else happens under one lock.

    ``pull`` fetches what the engine has to tell (it may fail: the problem is shown, the next tick tries again);
    ``snapshot`` makes one of the state at a time; ``clock`` gives seconds since the epoch. ``recorder`` is told every
    event before it is folded; if it fails, that is told, and nothing more is recorded. ``numbered`` is told
    the id and the number of each query that begins.
    """

    def __init__(
        self,
        pull: Callable[[], list[e.Event]],
        snapshot: Callable[[State, float], Snapshot],
        clock: Callable[[], float],
        recorder: Recorder | None = None,
        numbered: Callable[[str, int], None] = lambda _query_id, _number: None,
    ) -> None:
        self.state = State()
        self.listeners: list[Listener] = []
        self._pull = pull
        self._snapshot = snapshot
        self._clock = clock
        self._recorder = recorder
        self._numbered = numbered
        self._inbox = Inbox()
        self._lock = threading.RLock()  # the state
        self._silent_since: float | None = None  # the first of the calls that the engine has not answered
        self._pulling = threading.Lock()  # one pull at a time, and never while the state is locked: it may hang
        self._wake = threading.Event()
        self._nudged = threading.Event()
        self._stopping = threading.Event()  # of the thread that is there: one that hangs in the engine keeps its own
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Return True if the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def looked_at(self) -> bool:
        """Return True if a listener shows snapshots now."""
        return any(listener.looking for listener in list(self.listeners))

    def emit(self, event: e.Event) -> None:
        """Take an event, from any thread; the first one starts the monitor's own."""
        self._inbox.put(event)
        if isinstance(event, _WAKING):
            self._wake.set()
        if not self.running:
            self.start()

    def later(self, query_id: str, read: Callable[[], Iterable[e.Event]], size: int = 0) -> None:
        """Take what reads events of a query, from any thread; they come after what was told before.

        It is called once, when they are folded, and raises nothing; the query's start, or its end, has started the
        thread by then. ``size``: the characters that it holds.
        """
        self._inbox.put_unread(query_id, read, size)

    def nudge(self) -> None:
        """Publish soon, as a browser waits for an answer; from any thread, and without waiting."""
        self._nudged.set()
        self._wake.set()
        if not self.running:
            self.start()

    def read(self, function: Callable[[State], Found], /) -> Found:
        """Return what ``function`` finds in the state, which does not change meanwhile."""
        with self._lock:
            return function(self.state)

    def catch_up(self) -> None:
        """Fold what was told so far, without asking the engine."""
        self._apply([])

    def start(self) -> None:
        """Start the thread, unless it runs or the monitor is closed.

        It is a daemon: an interpreter that ends does not wait for it.
        """
        with self._lock:
            if self._closed or self.running:
                return
            self._stopping = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._stopping,), name="daftnb-monitor", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait until it has ended; one that hangs in the engine ends as soon as that answers."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopping.set()
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_SECONDS)

    def close(self) -> None:
        """End the thread for good: no event of a query that still runs and no request of a browser restarts it."""
        with self._lock:
            self._closed = True
        self.stop()

    def refresh(self) -> Snapshot:
        """Fold all there is now, and return the snapshot of it.

        An engine that does not answer costs two seconds at most: it is asked in a thread, which folds what comes later.
        """
        deadline = time.monotonic() + PULL_SECONDS
        if self._pulling.acquire(timeout=PULL_SECONDS):
            aside(self._ask_and_fold, "daftnb-refresh", max(0.0, deadline - time.monotonic()))
        self._apply([])
        with self._lock:
            return self._snapshot(self.state, self._clock())

    @property
    def _keeps_each(self) -> bool:
        """Return True if somebody takes the recording of each query."""
        return self._recorder is not None and bool(self._recorder.listeners)

    def tick(self) -> None:
        """Fold what has come, and publish a snapshot to the listeners that are looking.

        While quick queries come one after the other, and nobody looks or keeps the recording of each, folding waits.
        """
        if not self.looked_at and not self._keeps_each and not self._inbox.is_due(self._clock()):
            self._inbox.forget_superseded()
            return
        self._fold()
        if self._closed:
            return
        self._settle()
        looking = [listener for listener in self.listeners if listener.looking]
        if not looking:
            return
        with self._lock:
            snapshot = self._snapshot(self.state, self._clock())
        for listener in looking:
            try:
                listener.publish(snapshot)
            except Exception as error:
                self._problem(f"a view could not be updated: {error!r}")

    @contextmanager
    def asking_nobody(self) -> Iterator[None]:
        """Ask the engine nothing within the context: Ray ends a process of which a thread asks once Ray is shut down.

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
        self._ask_and_fold()

    def _ask_and_fold(self) -> None:
        """Pull and fold, for whoever holds the lock on pulling, and release that."""
        try:
            self._apply(self._pulled())
        finally:
            self._pulling.release()

    def _pulled(self) -> list[e.Event]:
        """Return what the engine has to tell; where it cannot be asked, tell that, and return nothing."""
        asked = self._clock()
        try:
            pulled = self._pull()
        except Exception as error:
            self._silent_since = asked if self._silent_since is None else self._silent_since
            if not isinstance(error, TimeoutError) or self._clock() - self._silent_since >= SILENT_SECONDS:
                self._problem(f"the engine could not be asked: {describe_error(error)}")
            return []
        self._silent_since = None
        return pulled

    def _apply(self, pulled: list[e.Event]) -> None:
        with self._lock:
            # What the driver said comes first: it announces the queries that the pulled counts are about.
            waiting, superseded = self._inbox.take(self._keeps_each)
            for each in waiting:
                for event in each.read() if isinstance(each, Unread) else (each,):
                    self._take(event, getattr(event, "query_id", None) not in superseded)
            for event in pulled:
                self._take(event)

    def _take(self, event: e.Event, recorded: bool = True) -> None:
        event = tidy(event)
        if self._recorder is not None and not recorded:
            self._recorder.dropped += isinstance(event, e.QueryStarted)
        elif self._recorder is not None:
            try:
                self._recorder.record(event, self.state)
            except Exception as error:
                self._recorder = None
                self._problem(f"queries are no longer recorded: {error!r}")
        apply(event, self.state)
        if isinstance(event, e.QueryStarted):
            query = self.state.queries.get(event.query_id)
            if query is not None:
                self._numbered(query.id, query.number)

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
            self._take(e.ProblemFound(self._clock(), shortened(text, e.LONGEST_PROBLEM)))

    def _active(self) -> bool:
        with self._lock:
            return self.state.active()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self.tick()
            if not self._active():
                self._wake.wait(QUIET_SECONDS)
            self._wake.clear()
            nudged = self._nudged.is_set()
            self._nudged.clear()
            stopping.wait(NUDGED_SECONDS if nudged else ACTIVE_SECONDS)
