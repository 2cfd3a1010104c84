"""The driver's side of a query on Ray: our FlotillaRunner, and the door to the tap in the runner actor.

Daft keeps its ``FlotillaRunner`` in ``RayRunner.flotilla_plan_runner`` and calls ``stream_plan`` for every query
(``daft/runners/flotilla.py``); an instance of a subclass put there before is used as it is. Ours pushes the settings
and reads them back before the plan goes out, and drops the query in the actor when the notebook lets go of it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Generator
from operator import methodcaller
from typing import Any

import ray
from daft.runners import flotilla
from daft.runners.flotilla import DEFAULT_WORKER_STARTUP_TIMEOUT, FlotillaRunner
from ray import cloudpickle

from daftnb.engine import actor as in_actor
from daftnb.engine import counts, figures, rules, tap, warm, wraps
from daftnb.engine.native import PROBED, Emit, operator_stats
from daftnb.engine.told import Told
from daftnb.errors import QueryCancelled
from daftnb.telemetry import events as e

CALL_SECONDS = 10.0  # the actor answers in about 1 ms; while it starts workers it may take longer
NODES_SECONDS = 1.0
UNAVAILABLE_SECONDS = 0.1
# What is sent to the actor: the cluster need not have daftnb.
BY_VALUE = (counts, rules, tap, warm, figures, in_actor, wraps)


class RunnerDoor:
    """Calls into the tap in the runner actor; installs it. Every method may raise Ray's errors if the actor is gone."""

    def __init__(self, actor: Any, off: frozenset[str]) -> None:
        self.actor = actor
        self.dead = False  # the actor was found dead: it takes its workers with it, and answers nobody again
        self.left = False  # the cluster was ended, or let go of: what is still held of a query there ends nothing
        self._told_dead = False
        self._lock = threading.Lock()
        self._clock_offset = 0.0
        self._least_delay = float("inf")
        self._nodes_at = 0.0
        self._told = Told()
        for module in BY_VALUE:
            cloudpickle.register_pickle_by_value(module)
        try:
            installed = actor.__ray_call__.remote(wraps.install, off)
            self._seen: tuple[int, int] = ray.get(installed, timeout=CALL_SECONDS * 6)
        finally:
            for module in BY_VALUE:
                cloudpickle.unregister_pickle_by_value(module)

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of :class:`daftnb.engine.actor.InActor` and wait for what it returns."""
        if self.dead:
            raise ConnectionError("the engine's process is gone")
        caller = methodcaller(in_actor.DOOR, method, *arguments)
        try:
            return ray.get(self.actor.__ray_call__.remote(caller), timeout=CALL_SECONDS)
        except ray.exceptions.ActorDiedError:
            self.dead = True
            raise
        except SystemExit:
            # What Ray raises in a thread that waits while the process leaves the cluster; it must not end the thread.
            # One more call would end the process.
            self.dead = True
            raise ConnectionError("Ray was shut down while the engine was asked") from None

    def close(self) -> None:
        """Take the tap out again: the actor is as Daft made it."""
        ray.get(self.actor.__ray_call__.remote(methodcaller(in_actor.DOOR, "uninstall")), timeout=CALL_SECONDS)

    def pull(self) -> list[e.Event]:
        """All that happened since the last pull, on this process's clock: details first, then absolute counts."""
        with self._lock:
            if self.dead:
                told, self._told_dead = self._told_dead, True
                return [] if told else [e.RunnerEnded(time.time())]
            asked = time.time()
            with_nodes = asked - self._nodes_at >= NODES_SECONDS
            if with_nodes:
                self._nodes_at = asked
            drained = self.call("drain", *self._seen, with_nodes)
            answered = time.time()
            if answered - asked < self._least_delay:
                # The best estimate of the two clocks' difference is the one with the least delay around it.
                self._least_delay = answered - asked
                offset = (asked + answered) / 2 - drained["now"]
                self._clock_offset = offset if abs(offset) > self._least_delay else 0.0
            self._seen = drained["seen"]
            return list(self._told.events(drained, self._clock_offset))


def _counted(stream: Generator[Any, None, Any]) -> Generator[Any, None, tuple[Any, int]]:
    """A query's partitions as they come; its value is the stream's, and how many rows they had in all."""
    count = 0
    while True:
        try:
            result = next(stream)
        except StopIteration as end:
            return end.value, count
        count += result.metadata().num_rows  # which comes with the partition
        yield result


def with_result_rows(rows: list[dict[str, Any]], parents: dict[int, int], count: int) -> list[dict[str, Any]]:
    """The operators' last statistics, the plan's root with the rows that the result really has.

    Its own count may be another: a task that ran twice counts twice, and of some of a join's tasks the workers tell its
    build side alone. Such a join is one that probed with other rows than its inputs gave; what it counts is left out.
    """
    roots = set(parents.values()) - parents.keys() or {row["id"] for row in rows}
    given = {row["id"]: row.get("rows.out") for row in rows}
    found = []
    for row in rows:
        inputs = [given.get(child) for child, parent in parents.items() if parent == row["id"]]
        if PROBED in row and row[PROBED] not in inputs:
            row = {name: row[name] for name in ("id", "duration") if name in row}
        found.append({**row, "rows.out": count} if {row["id"]} == roots else row)
    return found


class WatchedFlotillaRunner(FlotillaRunner):  # type: ignore[misc]  # Daft's base class is untyped
    """Daft's FlotillaRunner, watched: settings in before a query, a dropped query ended on the cluster.

    ``settings`` gives the environment for the next query; ``planned`` the query id and the operators' parents of the
    plan that the calling thread has just made; ``off``, the features that are off (:mod:`daftnb.engine.internals`);
    ``expressions`` is given each plan before it runs, and raises nothing.
    """

    def __init__(
        self,
        emit: Emit,
        settings: Callable[[], dict[str, str]],
        planned: Callable[[], tuple[str, dict[int, int]] | None],
        worker_startup_timeout: int | None = None,
        off: frozenset[str] = frozenset(),
        expressions: Callable[[Any], None] = lambda _plan: None,
    ) -> None:
        super().__init__(worker_startup_timeout=worker_startup_timeout or DEFAULT_WORKER_STARTUP_TIMEOUT)
        self.emit = emit
        self.settings = settings
        self.planned = planned
        self._startup_timeout = worker_startup_timeout or DEFAULT_WORKER_STARTUP_TIMEOUT
        self._off = off
        self._expressions = expressions
        self.door = RunnerDoor(self.runner, off)
        self._running: dict[str, int] = {}  # by id, the index of each query that runs
        self._cancelled: set[int] = set()

    def stream_plan(self, plan: Any, partition_sets: Any) -> Generator[Any, None, Any]:
        """Daft's own, between what we do before and after; our part may fail, the query goes on."""
        index = int(plan.idx())
        query_id, parents = self._prepare(index)
        self._expressions(plan)
        try:
            stats, count = yield from _counted(super().stream_plan(plan, partition_sets))
        except BaseException as error:
            # An interrupt, a view of the first rows that has enough, or an error: nobody waits for the rest.
            if isinstance(error, ray.exceptions.ActorDiedError):
                self.door.dead = True
            else:
                self._end(index, query_id)
            if index in self._cancelled and isinstance(error, Exception):
                self._cancelled.discard(index)
                raise QueryCancelled(query_id) from None
            raise
        finally:
            self._running.pop(query_id, None)
        if index in self._cancelled:
            self._cancelled.discard(index)
            raise QueryCancelled(query_id)
        self._last_stats(query_id, lambda: with_result_rows(tap.stats_rows(stats), parents, count))
        return stats

    def cancel(self, query_id: str) -> bool:
        """End a query from another thread than its own, which gets QueryCancelled; False if it does not run."""
        index = self._running.get(query_id)
        if index is None:
            return False
        self._cancelled.add(index)
        self._end(index, query_id)
        return True

    def _prepare(self, index: int) -> tuple[str, dict[int, int]]:
        """The query's id, and each operator's parent in its plan."""
        query_id, parents = f"query-{index}", dict[int, int]()
        try:
            query_id, parents = self.planned() or (query_id, parents)
            self._running[query_id] = index
            asked = self.settings()
            in_effect = self._call_alive("prepare", index, query_id, parents, asked)
            known = tuple((name, text) for name, text in in_effect.items() if text is not None)
            self.emit(e.SettingsInEffect(time.time(), query_id, known))
            if in_effect != asked:
                text = "another query was running, so its settings for downscaling hold for this one too"
                self.emit(e.ProblemFound(time.time(), f"{query_id}: {text}"))
        except Exception as error:
            self.emit(e.ProblemFound(time.time(), f"this query runs unwatched, and without your settings: {error!r}"))
        return query_id, parents

    def _call_alive(self, method: str, *arguments: Any) -> Any:
        """Call through the door; where the actor has died, through a new one's, as Daft would ask the dead for ever."""
        deadline = time.monotonic() + CALL_SECONDS
        while not self.door.dead:  # which the end of the query before may have shown
            try:
                return self.door.call(method, *arguments)
            except ray.exceptions.ActorUnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(UNAVAILABLE_SECONDS)  # Ray tells neither that it lives nor that it died yet
            except ray.exceptions.ActorDiedError:
                break
        for event in self.door.pull():
            self.emit(event)
        # A name of its own: the dead one's may still be taken.
        flotilla._FLOTILLA_RUNNER_NAME_SUFFIX = uuid.uuid4().hex
        super().__init__(worker_startup_timeout=self._startup_timeout)
        self.door = RunnerDoor(self.runner, self._off)
        return self.door.call(method, *arguments)

    def _end(self, index: int, query_id: str) -> None:
        if self.door.left:
            return
        self._last_stats(query_id, lambda: self.door.call("cancel", index))

    def _last_stats(self, query_id: str, rows: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            for row in rows():
                self.emit(operator_stats(time.time(), query_id, row["id"], row))
        except Exception as error:
            self.emit(e.ProblemFound(time.time(), f"the end of the query could not be followed: {error!r}"[:300]))
