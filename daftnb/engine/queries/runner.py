"""Runs queries on Ray with daftnb's runner, and reaches the tap in the runner actor.

Daft keeps its ``FlotillaRunner`` in ``RayRunner.flotilla_plan_runner`` and calls ``stream_plan`` for every query
(``daft/runners/flotilla.py``); an instance of a subclass put there before is used as it is. Ours sends the settings
with the plan and reads them back, and drops the query in the actor when the notebook lets go of it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from daft.runners import flotilla
from daft.runners.flotilla import DEFAULT_WORKER_STARTUP_TIMEOUT, FlotillaRunner

from daftnb.clock import steady
from daftnb.engine import internals
from daftnb.engine.actor import tap
from daftnb.engine.connection import link as ray_link
from daftnb.engine.queries import batches, lacking, steps
from daftnb.engine.queries.cautions import Cautions
from daftnb.engine.queries.gate import Gate
from daftnb.engine.queries.reading import PROBED, operator_stats
from daftnb.engine.queries.runnerdoor import CALL_SECONDS, DEATHS, RunnerDoor, is_death
from daftnb.engine.queries.subscriber import Emit
from daftnb.engine.queries.tap_events import UNWATCHED, begun_events
from daftnb.errors import ClusterError, QueryCancelled
from daftnb.telemetry import events as e

log = logging.getLogger("daftnb")

CANCEL_SECONDS = 8.0  # longer than workers take to start; the actor does what it was asked also later
UNAVAILABLE_SECONDS = 0.1
LEAVE_SECONDS = 10.0  # for the threads of queries to notice that their actor was ended; they take about 0.1 s
WITHOUT_CONNECTION = (
    "Try %daft start for a cluster of the kernel's own, or %daft connect ADDRESS; then make its dataframes again."
)
LAST = "the last of the functions could not be asked for"
TWICE = ("UDF", "Sink", "Write", "VLLM")  # in a plan's text, where running it twice may do something twice
STARTED_SECONDS = 2.0  # an actor that is found dead that soon had died before, and not of the query
NEW_WORKERS = "For new ones: %daft stop, then %daft start, or %daft connect."


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


@dataclass(frozen=True, slots=True)
class Query:
    """What the runner knows of a query that is about to run.

    ``parents``: each operator's in its plan. ``calls``: it calls functions of the user's; ``again``: running it twice
    does nothing twice. ``gpus`` and ``lacks``: as :meth:`daftnb.engine.actor.door.InActor.prepare` has them.
    """

    index: int
    id: str
    parents: dict[int, int] = field(default_factory=dict)
    calls: bool = True
    again: bool = False
    gpus: dict[int, float] | None = field(default_factory=dict)
    lacks: str = ""


class WatchedFlotillaRunner(FlotillaRunner):  # type: ignore[misc]  # Daft's base class is untyped
    """Daft's FlotillaRunner, watched: settings in before a query, a dropped query ended on the cluster.

    ``settings`` gives the environment for the next query; ``planned`` the query id and the operators' parents of the
    plan that the calling thread has just made; ``off``, the features that are off (:mod:`daftnb.engine.internals`);
    ``expressions`` is given each plan's text before it runs, and raises nothing; ``kinds`` gives the kinds of nodes
    that the cluster may start (None: not known), and whether it is the embedded one; ``most`` what it may have at most,
    as :class:`daftnb.engine.actor.trimming.Most` has it (None: not known); ``others`` is what else Daft's own would be
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
        expressions: Callable[[str], None] = lambda _text: None,
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
        self._cautions = Cautions(emit, lambda *asked: self._call_alive(*asked), lambda: self.door, kinds, off)
        self.buffer = batches.Buffer()

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
            query = self._announced(plan)
        index, query_id = query.index, query.id
        try:
            stream = self._ordered if self._in_batches else self._called
            end, count = yield from _counted(stream(query, plan, partition_sets), self._gate)
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
        stats = end["stats"]
        if query.calls and internals.METER not in self._off:
            self._last_figures(end["figures"])
        if internals.STATS not in self._off:
            self._last_stats(query_id, lambda: with_result_rows(tap.stats_rows(stats), query.parents, count))
        return stats

    @property
    def _in_batches(self) -> bool:
        return not {internals.BATCHES, internals.CANCEL} & self._off and batches.is_on()

    @property
    def direct(self) -> bool:
        """Return True if this process is a driver of the cluster itself, and not behind a Ray Client."""
        return self.door.link is not None and not self.door.link.client

    def _announced(self, plan: Any) -> Query:
        """Return what is to be known of a query that is about to run; where that fails, report it."""
        query = Query(int(plan.idx()), f"query-{plan.idx()}")
        try:
            query_id, parents = self.planned() or (query.id, {})
            query = replace(query, id=query_id, parents=parents)
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), UNWATCHED, error))
        self._running[query.id] = query.index
        try:
            text = plan.repr_ascii(False)
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "the plan was not understood", error))
            return query
        self._expressions(text)
        gpus, lacks = self._cautions.of(text, plan)
        again = not any(word in text for word in TWICE)
        return replace(query, calls="UDF" in text, again=again, gpus=gpus, lacks=lacks)

    def _preparation(self, query: Query) -> tuple[Any, ...]:
        """Return the arguments of :meth:`daftnb.engine.actor.door.InActor.prepare`."""
        return (query.index, query.id, query.parents, self.settings(), self.most(), query.gpus, query.lacks)

    def _called(self, query: Query, plan: Any, partition_sets: Any) -> Generator[Any, None, dict[str, Any]]:
        """Yield the results as Daft gets them, with a call for each; before and after it, calls of our own."""
        self._prepare(query)
        # Over a Ray Client a step would be one more way to the cluster and back; its calls end when it is hung up.
        streams: Any = steps.InSteps(self, lambda: self._gate.is_shut) if self.direct else self
        stats = yield from FlotillaRunner.stream_plan(streams, plan, partition_sets)
        figures: Any = []
        if query.calls and internals.METER not in self._off:
            try:
                figures = self.door.call("last_figures", query.index, seconds=CALL_SECONDS)
            except Exception as error:
                self.emit(e.ProblemFound.of(steady.time(), LAST, error))
        return {"stats": stats, "figures": figures}

    def _ordered(self, query: Query, plan: Any, partition_sets: Any) -> Generator[Any, None, dict[str, Any]]:
        """Yield the results in batches; the first brings what is in effect of the settings, the last the statistics."""
        arguments = batches.handed(FlotillaRunner.stream_plan, self, plan, partition_sets)
        handed_plan, sets, *others = arguments
        plan_id = str(handed_plan.idx())
        facts = (handed_plan, batches.rows_of(sets), *others)
        self._push_worker_variables()
        if not query.again:
            # So that an actor that has died meanwhile is known before the query goes out.
            try:
                self._call_alive("answers")
            except Exception as error:
                self.emit(e.ProblemFound.of(steady.time(), "whether the engine's process lives is not known", error))
        calls = query.calls and internals.METER not in self._off

        def begin(size: tuple[int, int, float]) -> batches.Received:
            preparation = None
            try:
                preparation = self._preparation(query)
            except Exception as error:
                self.emit(e.ProblemFound.of(steady.time(), UNWATCHED, error))
            received = self._begin(line, ["begin", plan_id, size, calls, preparation, *facts], query.again)
            if received[1] is not None:
                for event in begun_events(steady.time(), received[1]):
                    self.emit(event)
            return received

        line = batches.Line(self, lambda: self._gate.is_shut)
        bound = self.buffer.taken()
        delay = 0.0 if self.door.delay == float("inf") else self.door.delay
        return (yield from batches.streamed(line.send, line.receive, begin, plan_id, bound, delay))

    def _begin(self, line: batches.Line, order: list[Any], again: bool) -> batches.Received:
        """Send the order that begins a query, and once more to another actor where this one had died before."""
        began, door = time.monotonic(), self.door
        try:
            if door.dead:
                self._call_alive("answers")
            line.send(order)
            return line.receive()
        except (*DEATHS, ray.exceptions.ActorUnavailableError) as error:
            found_dead = is_death(error) or isinstance(error, ray.exceptions.ActorUnavailableError)
            if not (again and found_dead) or self._gate.is_shut or time.monotonic() - began > STARTED_SECONDS:
                raise
            self._call_alive("answers")
            if self.door is door:
                raise
        line.send(order)
        return line.receive()

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

    def cancel(self, query_id: str) -> bool:
        """End a query from another thread than its own, which gets QueryCancelled; False if it does not run."""
        index = self._running.get(query_id)
        if index is None:
            return False
        self._cancelled.add(index)
        self._end(index, query_id)
        return True

    def _prepare(self, query: Query) -> None:
        """Prepare the cluster for a query: push its settings and read them back.

        Where that fails, report it: the query then runs unwatched.
        """
        try:
            preparation = self._preparation(query)
            asked = preparation[3]
            in_effect = self._call_alive("prepare", *preparation)
            for event in begun_events(steady.time(), (query.id, asked, in_effect, "")):
                self.emit(event)
            self._push_worker_variables()
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), UNWATCHED, error))

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
            others = self._call_alive("set_worker_variables", wanted)
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

    def _last_figures(self, rows: list[tuple[Any, ...]]) -> None:
        try:
            for event in self.door.figures(rows):
                self.emit(event)
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), LAST, error))

    def _last_stats(self, query_id: str, rows: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            for row in rows():
                self.emit(operator_stats(steady.time(), query_id, row["id"], row))
        except Exception as error:
            self.emit(e.ProblemFound.of(steady.time(), "the end of the query could not be followed", error))
