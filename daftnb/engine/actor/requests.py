"""Passes the engine's requests for resources on to Ray: as the setting has them grow, and trimmed to the maximum.

A query's first request is made while its tasks still come in: the engine then sees a few of them, and asks again an
autoscaler interval later. With ``growth=needed`` daftnb looks again meanwhile, from a thread of its own that lives
while a query runs, and asks for more where only the interval keeps the engine from it.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daftnb.engine.actor import rules
from daftnb.engine.actor.growing import NEEDED, STEP, grow
from daftnb.engine.actor.tap import Tap, cpus_of
from daftnb.engine.actor.trimming import within

LOOK_SECONDS = 0.25
AGAIN_SECONDS = 1.0  # between two requests that daftnb makes; Ray's autoscaler looks no more often
END_SECONDS = 3.0

Bundles = list[dict[str, int]]


class Requests:
    """The requests of one runner actor.

    ``send`` is the engine's own way to ask Ray, with no bundles to withdraw; ``active`` says whether a query runs.
    """

    def __init__(
        self, tap: Tap, send: Callable[[Sequence[Mapping[str, int]]], None], active: Callable[[], bool]
    ) -> None:
        self.tap = tap
        self.send = send
        self.active = active
        self.lock = threading.Lock()  # over a decision and what is sent: a withdrawal is the last word
        self.bundles: Bundles = []  # what the engine asked for last
        self.closing = threading.Event()
        self.thread: threading.Thread | None = None

    def ask(self, bundles: Bundles) -> None:
        """Ask Ray, where the engine does; without bundles, withdraw. What Ray raises is the engine's."""
        with self.lock:
            self.bundles = list(bundles)
            asked, sent = self.guarded(self.grown) or (bundles, bundles)
            self.guarded(self.tap.requested, asked, sent, bundles)
            self.send(sent)
        if bundles:
            self.guarded(self.watch)

    def grown(self) -> tuple[Bundles, Sequence[Mapping[str, int]]]:
        """Return what to ask for by the setting and the backlog now, and what of it the cluster may have."""
        force, tap = rules.read(), self.tap
        with tap.lock:
            way = STEP if force.linear or tap.is_dropped else force.growth
            asked = grow(self.bundles, way, tap.pending, force.threshold, tap.demand or 0, tap.most)
            return asked, within(asked, tap.most)

    def again(self) -> bool:
        """Ask for more between two requests of the engine, where it would; return True if so."""
        with self.lock:
            if not self.bundles or not self.wants_more():
                return False
            asked, sent = self.grown()
            if cpus_of(asked) <= (self.tap.demand or 0):
                return False
            self.tap.requested(asked, sent, self.bundles, between=True)
            self.send(sent)
            return True

    def wants_more(self) -> bool:
        """Return True if it is the interval alone that keeps the engine from asking."""
        force, tap = rules.read(), self.tap
        with tap.lock:
            workers = sum(1 for worker in tap.workers.values() if worker.held)
            reason = rules.hold_reason(tap.pending, tap.capacity, workers, force, 0.0, 0)
        return force.growth == NEEDED and reason == "interval"

    def watch(self) -> None:
        """Look again from a thread, which ends with the queries, and where the setting is another."""
        with self.tap.lock:
            if self.thread is None and rules.read().growth == NEEDED and not self.closing.is_set():
                self.thread = threading.Thread(target=self.run, name="daftnb-growth", daemon=True)
                self.thread.start()

    def run(self) -> None:
        wait = LOOK_SECONDS
        while not self.closing.wait(wait):
            wait = AGAIN_SECONDS if self.guarded(self.again) else LOOK_SECONDS
            with self.tap.lock:
                if not self.active() or rules.read().growth != NEEDED:
                    self.thread = None
                    return

    def guarded(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Call one of daftnb's own methods; record what goes wrong in it, which is never the query's."""
        try:
            return method(*arguments)
        except Exception as error:
            self.tap.fault(method.__name__, error)
            return None

    def close(self) -> None:
        """End the thread."""
        self.closing.set()
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(END_SECONDS)
