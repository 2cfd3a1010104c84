"""Runs queries on Ray with daftnb's runner, and reaches the tap in the runner actor.

Daft keeps its ``FlotillaRunner`` in ``RayRunner.flotilla_plan_runner`` and calls ``stream_plan`` for every query
(``daft/runners/flotilla.py``); an instance of a subclass put there before is used as it is. Ours pushes the settings
and reads them back before the plan goes out, and drops the query in the actor when the notebook lets go of it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from operator import methodcaller
from types import MappingProxyType
from typing import Any

import ray
from daft.runners import flotilla
from daft.runners.flotilla import DEFAULT_WORKER_STARTUP_TIMEOUT, FlotillaRunner
from ray import cloudpickle

from daftnb import clock, variables
from daftnb.clock import steady
from daftnb.engine import actor as actor_package
from daftnb.engine import daftnames, internals
from daftnb.engine import meter as meter_package
from daftnb.engine.actor import door as in_actor
from daftnb.engine.actor import install, tap
from daftnb.engine.byvalue import by_value
from daftnb.engine.connection import link as ray_link
from daftnb.engine.queries import lacking, relative, steps
from daftnb.engine.queries.gate import Gate
from daftnb.engine.queries.plans import plan_nodes, read_json
from daftnb.engine.queries.reading import PROBED, operator_stats
from daftnb.engine.queries.subscriber import Emit
from daftnb.engine.queries.tap_events import TapEvents
from daftnb.errors import ClusterError, QueryCancelled
from daftnb.telemetry import events as e

log = logging.getLogger("daftnb")

CALL_SECONDS = 10.0  # the actor answers in about 1 ms; while it starts workers it answers nobody
CANCEL_SECONDS = 8.0  # longer than workers take to start; the actor does what it was asked also later
BUSY_SECONDS = 60.0  # for a call before a query: the query itself has to wait for the actor as long
NODES_SECONDS = 1.0
UNAVAILABLE_SECONDS = 0.1
LEAVE_SECONDS = 10.0  # for the threads of queries to notice that their actor was ended; they take about 0.1 s
# How Ray tells of an actor that is gone for good. One that its memory monitor has killed raises the second.
DEATHS = (ray.exceptions.ActorDiedError, ray.exceptions.OutOfMemoryError)
STEP_SECONDS = 2.0  # the other clock is that far off what is known of it
WITHOUT_CONNECTION = (
    "Try %daft start for a cluster of the kernel's own, or %daft connect ADDRESS; then make its dataframes again."
)
NEW_WORKERS = "For new ones: %daft stop, then %daft start, or %daft connect."
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

    def last_figures(self, index: int) -> list[e.Event]:
        """Return the last of what the functions of a query did, which has just ended."""
        rows = self.call("last_figures", index, seconds=CALL_SECONDS)
        return list(self._tap_events.functions.events(rows, steady.time(), self._clock_offset))

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


def _counted(stream: Generator[Any, None, Any], gate: Gate) -> Generator[Any, None, tuple[Any, int]]:
    """Yield a query's partitions as they come; return the stream's value, and how many rows they had in all.

    The thread is inside the gate while it waits for one, but not while its caller has it.
    """
    count = 0
    while True:
        try:
            with gate.inside():
                result = next(stream)
        except StopIteration as end:
            return end.value, count
        count += result.metadata().num_rows  # which comes with the partition
        yield result


def with_result_rows(rows: list[dict[str, Any]], parents: dict[int, int], count: int) -> list[dict[str, Any]]:
    """Return the operators' last statistics, with the rows that the result really has at the plan's root.

    The root's own count may be another: a task that ran twice counts twice, and of some of a join's tasks the workers
    report its build side alone. Such a join is one that probed with other rows than its inputs gave; what it counts is
    left out.
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
    ``expressions`` is given each plan before it runs, and raises nothing; ``kinds`` gives the kinds of nodes that the
    cluster may start (None: not known), and whether it is the embedded one; ``most`` what it may have at most, as
    :class:`daftnb.engine.actor.trimming.Most` has it (None: not known); ``others`` is what else Daft's own would be
    made with; ``workers`` the variables of the environment for workers that start (None unsets one).
    """

    is_watched = True  # tells it from Daft's own (engine/connection/runner_slot.py)

    def __init__(
        self,
        emit: Emit,
        settings: Callable[[], dict[str, str]],
        planned: Callable[[], tuple[str, dict[int, int]] | None],
        worker_startup_timeout: int | None = None,
        off: frozenset[str] = frozenset(),
        expressions: Callable[[Any], None] = lambda _plan: None,
        kinds: Callable[[], tuple[Sequence[lacking.Resources] | None, bool]] = lambda: (None, False),
        most: Callable[[], tuple[Any, ...] | None] = lambda: None,
        others: Mapping[str, Any] | None = None,
        workers: Callable[[], Mapping[str, str | None]] = dict,
    ) -> None:
        self._others = {**(others or {})}
        self._startup_timeout = worker_startup_timeout or DEFAULT_WORKER_STARTUP_TIMEOUT
        super().__init__(worker_startup_timeout=self._startup_timeout, **self._others)
        self.emit = emit
        self.settings = settings
        self.planned = planned
        self._off = off
        self._expressions = expressions
        self.kinds = kinds
        self.most = most
        self.workers = workers
        self.door = RunnerDoor(self.runner, off)
        self._running: dict[str, int] = {}  # by id, the index of each query that runs
        self._cancelled: set[int] = set()
        self._gate = Gate()

    def stream_plan(self, plan: Any, partition_sets: Any) -> Generator[Any, None, Any]:
        """Run Daft's own method between what we do before and after; where our part fails, the query goes on.

        ClusterError where the connection has ended, or ends meanwhile; QueryCancelled where :meth:`cancel` ended the
        query.
        """
        try:
            return (yield from self._stream(plan, partition_sets))
        except (Exception, SystemExit) as error:
            # Ray raises SystemExit in a thread that waits while the process leaves the cluster.
            if self._gate.is_shut and (is_death(error) or isinstance(error, ConnectionError | SystemExit)):
                raise self._ended() from None
            raise

    def _stream(self, plan: Any, partition_sets: Any) -> Generator[Any, None, Any]:
        with self._gate.inside():
            self._check_connection()
            index = int(plan.idx())
            query_id, parents = self._prepare(index)
            self._expressions(plan)
            calls = self._warn_of(plan, index)
        try:
            # Over a Ray Client a step would be one more way to the cluster and back; its calls end when it is hung up.
            direct = self.door.link is not None and not self.door.link.client
            streams: Any = steps.InSteps(self, lambda: self._gate.is_shut) if direct else self
            stream = FlotillaRunner.stream_plan(streams, plan, partition_sets)
            stats, count = yield from _counted(stream, self._gate)
        except BaseException as error:
            # An interrupt, a view of the first rows that has enough, or an error: nobody waits for the rest.
            if is_death(error):
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
        if calls and internals.METER not in self._off:
            self._last_figures(index)
        if internals.STATS not in self._off:
            self._last_stats(query_id, lambda: with_result_rows(tap.stats_rows(stats), parents, count))
        return stats

    def _check_connection(self) -> None:
        """Raise ClusterError where the connection has ended: Daft's own calls would have Ray start a cluster now."""
        made_on, standing = self.door.link, ray_link.link()
        if made_on is not None and standing != made_on:
            raise ClusterError(
                f"This kernel's connection to Ray at {made_on.address} has ended (ray.shutdown() does that), "
                "so this query cannot run.",
                WITHOUT_CONNECTION,
            )

    def shut(self) -> None:
        """Let no thread of a query into Ray any more: what those inside raise from now on tells that we left."""
        self.door.left = True
        self._gate.shut()

    def leave(self, answers: bool) -> None:
        """Get the threads of queries out of Ray, whose connection the caller is about to end, and let none in again.

        Their queries fail with ClusterError: the runner actor, which ends with the connection in any case, is ended
        now. ``answers``: whether the cluster does; where it does not, nothing is asked of it, the threads come out at
        their next step, and those of a Ray Client that still stands come out once it is hung up.
        """
        self.door.left = True
        if not self._gate.shut():
            return
        made_on = self.door.link
        if not answers and made_on is not None and made_on.client and ray_link.link() == made_on:
            return
        if answers:
            with suppress(ConnectionError), ray_link.asking(self.door.link):
                ray.kill(self.runner)
        if not self._gate.wait_until_empty(LEAVE_SECONDS):
            log.warning("a query still waits for Ray, which is shut down now")

    def _ended(self) -> ClusterError:
        where = "" if self.door.link is None else f" at {self.door.link.address}"
        return ClusterError(f"This kernel left Ray{where} while this query ran.", WITHOUT_CONNECTION)

    def _warn_of(self, plan: Any, index: int) -> bool:
        """Warn of what nobody expects of this plan: where its paths are, and that no node has what it asks for.

        Return whether the plan calls functions of the user's.
        """
        try:
            text = plan.repr_ascii(False)
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "the plan was not understood", error))
            return True
        self._warn_of_paths(text)
        self._warn_of_resources(text, plan, index)
        return "UDF" in text

    def _warn_of_paths(self, plan: str) -> None:
        """Warn where a relative path of the plan names another place for the tasks than here."""
        try:
            paths = relative.relative_paths(plan)
            if not paths:
                return
            if self.door.whereabouts is None:
                folder, machines = self.door.call("whereabouts")
                self.door.whereabouts = relative.Whereabouts(folder, tuple(machines))
            text = relative.warning(paths, os.getcwd(), socket.gethostname(), self.door.whereabouts)
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "the plan's paths were not understood", error))
            return
        if text is not None:
            self._warn(text)

    def _warn(self, text: str) -> None:
        """Show a warning in the views, and at once under the cell."""
        self.emit(e.ProblemFound(steady.time(), text))
        with suppress(UserWarning):  # where warnings are made errors, a query must not fail for it
            warnings.warn(text, stacklevel=3)

    def _gpus_of_tasks(self, text: str, plan: Any, wanted: Sequence[lacking.Asked]) -> dict[int, float] | None:
        """Return the GPUs that operators ask for which run UDFs in tasks; empty if none does, None: not known."""
        if not any("GPU" in one.resources for one in wanted):
            return {}
        if internals.TASK_GPUS in self._off:
            return None
        return lacking.gpus_of_tasks(text, tuple(plan_nodes(read_json(plan.repr_json()))))

    def _warn_of_resources(self, text: str, plan: Any, index: int) -> None:
        """Warn where no node has what a UDF of the plan asks for, and note the GPUs that its tasks ask for."""
        try:
            wanted = lacking.asked(text)
            if not wanted:
                return
            nodes = self.door.call("resources", index, self._gpus_of_tasks(text, plan, wanted))
            kinds, embedded = self.kinds()
            for one in wanted:
                warning = lacking.warning(one, nodes, kinds, embedded)
                if warning is not None:
                    self._warn(warning)
                    if not any(lacking.runs_on(node, one) for node in nodes):
                        self.door.call("lacks", index, lacking.reason(one))
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "what a UDF asks for was not understood", error))

    def cancel(self, query_id: str) -> bool:
        """End a query from another thread than its own, which gets QueryCancelled; False if it does not run."""
        index = self._running.get(query_id)
        if index is None:
            return False
        self._cancelled.add(index)
        self._end(index, query_id)
        return True

    def _prepare(self, index: int) -> tuple[str, dict[int, int]]:
        """Prepare the cluster for a query: push its settings; return its id, and each operator's parent in its plan.

        Where that fails, report it: the query then runs unwatched.
        """
        query_id, parents = f"query-{index}", dict[int, int]()
        try:
            query_id, parents = self.planned() or (query_id, parents)
            self._running[query_id] = index
            asked = self.settings()
            in_effect = self._call_alive("prepare", index, query_id, parents, asked, self.most())
            log.debug("query %s: pushed %s; in effect %s", query_id, asked, in_effect)
            known = tuple((name, text) for name, text in in_effect.items() if text is not None)
            self.emit(e.SettingsInEffect(steady.time(), query_id, known))
            if in_effect != asked:
                text = "another query was running, so its settings for downscaling hold for this one too"
                self.emit(e.ProblemFound(steady.time(), f"{query_id}: {text}"))
            self._push_worker_variables()
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "this query runs unwatched, and without your settings", error))
        return query_id, parents

    def _push_worker_variables(self) -> None:
        """Push the variables for new workers, where they changed since the last query, and tell who has others."""
        before, names = self.door.worker_variables, ""
        try:
            wanted = self.workers()
            if wanted == before:
                return
            names = ", ".join(name for name in sorted({*before, *wanted}) if before.get(name) != wanted.get(name))
            if {internals.TASKS, internals.VARIABLES} & self._off:
                self.emit(e.ProblemFound(steady.time(), f"{names}: this Daft's workers cannot be given variables"))
                return
            others = self.door.call("set_worker_variables", wanted)
            self.door.worker_variables = wanted
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), f"{names or 'variables'} did not reach the workers", error))
            return
        if others:
            who = "1 worker that runs keeps" if others == 1 else f"{others} workers that run keep"
            text = f"{who} the {names} of {'its' if others == 1 else 'their'} start. {NEW_WORKERS}"
            self.emit(e.ProblemFound(steady.time(), text))

    def _call_alive(self, method: str, *arguments: Any) -> Any:
        """Call through the door; where the actor has died, through a new one's, as Daft would ask the dead for ever."""
        if self._gate.is_shut:
            raise ConnectionError(ray_link.SHUT_DOWN)
        deadline = time.monotonic() + CALL_SECONDS
        while not self.door.dead:  # which the end of the query before may have shown
            try:
                return self.door.call(method, *arguments)
            except ray.exceptions.ActorUnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(UNAVAILABLE_SECONDS)  # Ray tells neither that it lives nor that it died yet
            except DEATHS as error:
                if not is_death(error) or self._gate.is_shut:
                    raise
                break
        for event in self.door.pull():
            self.emit(event)
        # A name of its own: the dead one's may still be taken.
        flotilla._FLOTILLA_RUNNER_NAME_SUFFIX = uuid.uuid4().hex
        super().__init__(worker_startup_timeout=self._startup_timeout, **self._others)
        self.door = RunnerDoor(self.runner, self._off)
        return self.door.call(method, *arguments)

    def _end(self, index: int, query_id: str) -> None:
        def cancelled() -> list[dict[str, Any]]:
            with self._gate.inside():
                return list(self.door.call("cancel", index, seconds=CANCEL_SECONDS))

        if not self.door.left:
            self._last_stats(query_id, cancelled)

    def _last_figures(self, index: int) -> None:
        try:
            for event in self.door.last_figures(index):
                self.emit(event)
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "the last of the functions could not be asked for", error))

    def _last_stats(self, query_id: str, rows: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            for row in rows():
                self.emit(operator_stats(steady.time(), query_id, row["id"], row))
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "the end of the query could not be followed", error))
