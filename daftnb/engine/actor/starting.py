"""Has workers started while others work: the engine would dispatch nothing until they are there.

The engine looks for nodes without a worker every 5 s, and after each request for resources; it starts workers on them
and waits until they answer, with its scheduler standing still (``RayWorkerManagerState::refresh_workers``,
``python/ray/worker_manager.rs``, which is called from ``SchedulerLoop::run``). Here the same function of the engine's
is called from a thread of daftnb's, ahead of the engine's look, and the look is given the workers that are there by
then. While no task runs nobody is kept waiting, and the engine starts workers and waits for them as it always did.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from daftnb.clock import steady as time
from daftnb.engine.actor.tap import Tap

LOOK_SECONDS = 0.5  # between two looks for nodes; reading the table of nodes takes 1 ms, or 50 ms with a thousand
SHARE = 0.05  # of the time, at most
UNUSED_SECONDS = 10.0  # that a worker, which no query took over, is left for the next one
END_SECONDS = 3.0

Made = tuple[Any, ...]  # what the engine's object for a worker is made of: the node's id first, then the handle


class Starting:
    """The workers of one runner actor that are starting, or have started and were not handed over yet.

    ``start`` is the engine's own function, which starts and awaits workers; ``make`` makes its object for a worker, in
    the engine's call; ``busy`` says whether tasks run, ``active`` whether a query does; ``end`` ends the process of a
    worker.
    """

    def __init__(
        self,
        tap: Tap,
        start: Callable[..., list[Any]],
        make: Callable[..., Any],
        busy: Callable[[], bool],
        active: Callable[[], bool],
        end: Callable[[Any], None],
    ) -> None:
        self.tap = tap
        self.start = start
        self.make = make
        self.busy = busy
        self.active = active
        self.end = end
        self.one_at_a_time = threading.Lock()  # over the engine's function: else a node might get two workers
        self.existing: set[str] = set()  # the nodes that the engine left out when it looked last
        self.arguments: tuple[Any, ...] = ()
        self.ready: list[Made] = []  # changed under the tap's lock, as all of these
        self.error: BaseException | None = None  # of a start; it is the engine's, which is told at its next look
        self.of_thread = threading.local()
        self.closing = threading.Event()
        self.thread: threading.Thread | None = None

    def look(self, existing: Iterable[str], *arguments: Any) -> list[Any]:
        """Return the engine's objects for new workers, where the engine looks for some: it starts all, and awaits them.

        While tasks run, those that are there already. Raises what the engine's own start raises.
        """
        with self.tap.lock:
            self.existing, self.arguments = set(existing), arguments
            error, self.error = self.error, None
        if error is not None:
            raise error
        if self.busy():
            found: list[Any] = self.hand_over()
        else:
            with self.one_at_a_time:
                with self.tap.lock:
                    there = self.existing | {made[0] for made in self.ready}
                found = self.hand_over()
                found += self.start(sorted(there), *arguments)
        self.watch()
        return found

    def hand_over(self) -> list[Any]:
        """Make the engine's objects for the workers that are there."""
        with self.tap.lock:
            ready, self.ready = self.ready, []
        wanted = [made for made in ready if made[0] not in self.existing]
        for made in ready:
            if made not in wanted:
                self.end(made[1])
        return [self.make(*made) for made in wanted]

    def left_out(self) -> set[str]:
        """Return the nodes on which none is to be started ahead."""
        with self.tap.lock:
            there = {worker_id for worker_id, worker in self.tap.workers.items() if worker.alive}
            return self.existing | there | {made[0] for made in self.ready}

    @property
    def is_ahead(self) -> bool:
        """Return True in the thread that starts workers ahead: what it starts is not the engine's yet."""
        return getattr(self.of_thread, "is_ahead", False)

    def start_ahead(self) -> None:
        """Start workers on the nodes that have none, and await them."""
        with self.one_at_a_time:
            left_out = self.left_out()
            if not left_out:
                return
            self.of_thread.is_ahead = True
            try:
                found = self.start(sorted(left_out), *self.arguments)
            except Exception as error:
                with self.tap.lock:
                    self.error = error
                return
            finally:
                self.of_thread.is_ahead = False
            with self.tap.lock:
                self.ready += found
            if self.closing.is_set():
                self.give_up()

    def watch(self) -> None:
        """Look for nodes from a thread, which ends with the queries."""
        with self.tap.lock:
            if self.thread is None and not self.closing.is_set():
                self.thread = threading.Thread(target=self.run, name="daftnb-starting", daemon=True)
                self.thread.start()

    def run(self) -> None:
        wait, unused_since = LOOK_SECONDS, None
        while not self.closing.wait(wait):
            began = time.monotonic()
            if self.active():
                unused_since = None
                if self.busy() and self.error is None:
                    self.start_ahead()
            elif self.ready:
                unused_since = began if unused_since is None else unused_since
                if began - unused_since >= UNUSED_SECONDS:
                    self.give_up()
            with self.tap.lock:
                if not self.active() and not self.ready:
                    self.thread = None
                    return
            wait = max(LOOK_SECONDS, (time.monotonic() - began) / SHARE)

    def give_up(self) -> None:
        """End the workers that nobody took over."""
        with self.tap.lock:
            ready, self.ready = self.ready, []
        for made in ready:
            self.end(made[1])

    def close(self) -> None:
        """End the thread, and the workers that nobody took over; one that is starting then, as soon as it has."""
        self.closing.set()
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(END_SECONDS)
        self.give_up()
