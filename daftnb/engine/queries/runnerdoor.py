"""The kernel's door to the tap in the runner actor, which it puts there."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from operator import methodcaller
from types import MappingProxyType
from typing import Any

import ray
from ray import cloudpickle

from daftnb import clock, variables
from daftnb.clock import steady
from daftnb.engine import actor as actor_package
from daftnb.engine import daftnames
from daftnb.engine import meter as meter_package
from daftnb.engine.actor import door as in_actor
from daftnb.engine.actor import install
from daftnb.engine.byvalue import by_value
from daftnb.engine.connection import link as ray_link
from daftnb.engine.queries import relative, steps
from daftnb.engine.queries.tap_events import TapEvents
from daftnb.telemetry import events as e

CALL_SECONDS = 10.0  # the actor answers in about 1 ms; while it starts workers it answers nobody
BUSY_SECONDS = 60.0  # for a call before a query: the query itself has to wait for the actor as long
NODES_SECONDS = 1.0
# How Ray tells of an actor that is gone for good. One that its memory monitor has killed raises the second.
DEATHS = (ray.exceptions.ActorDiedError, ray.exceptions.OutOfMemoryError)
STEP_SECONDS = 2.0  # the other clock is that far off what is known of it
# Sent to the actor with all that is in them: the cluster need not have daftnb.
BY_VALUE = (actor_package, meter_package, clock, variables)


def is_death(error: BaseException) -> bool:
    """Return True if the actor that was asked is gone; the error of a task within it, which it passes on, is not."""
    return isinstance(error, DEATHS) and not isinstance(error, ray.exceptions.RayTaskError)


class RunnerDoor:
    """Calls into the tap in the runner actor; installs it.

    Every method may raise Ray's errors if the actor is gone, and ConnectionError where the connection that it was made
    on has ended.
    """

    link: ray_link.Link | None = None
    worker_variables: Mapping[str, str | None] = MappingProxyType({})  # what new workers are given

    def __init__(self, actor: Any, off: frozenset[str]) -> None:
        self.actor = actor
        self.link = ray_link.link()
        self.dead = False  # the actor was found dead: it takes its workers with it, and answers nobody again
        self.left = False  # the cluster was ended, or let go of: what is still held of a query there ends nothing
        self._told_dead = False
        self.whereabouts: relative.Whereabouts | None = None  # of the cluster's processes, once it was asked for
        self._lock = threading.Lock()
        self._clock_offset = 0.0
        self._least_delay = float("inf")
        self._nodes_at = 0.0
        self._with_gpus = False  # that a node lists some
        self._tap_events = TapEvents()

        def installed() -> tuple[int, int]:
            with by_value(cloudpickle, *BY_VALUE), ray_link.asking(self.link):
                called = actor.__ray_call__.remote(install.install, off, daftnames.has_reaper())
                seen: tuple[int, int] = ray.get(called, timeout=BUSY_SECONDS)
            return seen

        self._seen = ray_link.in_time(BUSY_SECONDS, installed)

    def call(self, method: str, *arguments: Any, seconds: float = BUSY_SECONDS) -> Any:
        """Call a method of :class:`daftnb.engine.actor.door.InActor` and wait for what it returns.

        Raises TimeoutError where that takes longer than ``seconds``.
        """
        if self.dead:
            raise ConnectionError("the engine's process is gone")
        caller = methodcaller(in_actor.DOOR, method, *arguments)

        def ask() -> Any:
            with ray_link.asking(self.link):
                if self.link is None or self.link.client:
                    return ray.get(self.actor.__ray_call__.remote(caller), timeout=seconds)
                deadline = time.monotonic() + seconds
                answer = steps.until_ready(lambda: self.actor.__ray_call__.remote(caller), lambda: self.left, seconds)
                return ray.get(answer, timeout=max(0.0, deadline - time.monotonic()))

        try:
            return ray_link.in_time(seconds, ask)
        except DEATHS as error:
            self.dead = is_death(error)
            raise
        except SystemExit:
            # What Ray raises in a thread that waits while the process leaves the cluster; it must not end the thread.
            # One more call would end the process.
            self.dead = True
            raise ConnectionError(ray_link.SHUT_DOWN) from None

    def close(self) -> None:
        """Take the tap out again, so that the actor is as Daft made it."""
        if not self.dead:
            self.call("uninstall", seconds=CALL_SECONDS)

    def figures(self, rows: list[tuple[Any, ...]]) -> list[e.Event]:
        """Return what the functions of a query did, as the actor has told it."""
        return list(self._tap_events.functions.events(rows, steady.time(), self._clock_offset))

    @property
    def delay(self) -> float:
        """Return the seconds that the actor takes to answer, at the least; infinite where none is known yet."""
        return self._least_delay

    def pull(self, looked_at: bool = False) -> list[e.Event]:
        """Return all that happened since the last pull, on this process's clock: details, then absolute counts.

        ``looked_at``: somebody looks, so that GPUs are worth reading, where nodes have some.
        """
        with self._lock:
            if self.dead:
                told, self._told_dead = self._told_dead, True
                return [] if told else [e.RunnerEnded(steady.time())]
            asked = steady.time()
            with_nodes = asked - self._nodes_at >= NODES_SECONDS
            if with_nodes:
                self._nodes_at = asked
            with_devices = (True,) if with_nodes and looked_at and self._with_gpus else ()
            drained = self.call("drain", *self._seen, with_nodes, *with_devices, seconds=CALL_SECONDS)
            if drained["nodes"] is not None:
                self._with_gpus = any(gpus for node in drained["nodes"] for gpus in node[4:])
            answered = steady.time()
            actors = drained["now"] + self._clock_offset
            if max(asked - actors, actors - answered) > STEP_SECONDS:
                self._least_delay = float("inf")  # one of the two machines was suspended: what is known is no more so
            if answered - asked < self._least_delay:
                # The best estimate of the two clocks' difference is the one with the least delay around it.
                self._least_delay = answered - asked
                offset = (asked + answered) / 2 - drained["now"]
                self._clock_offset = offset if abs(offset) > self._least_delay else 0.0
            self._seen = drained["seen"]
            return list(self._tap_events.events(drained, self._clock_offset))
