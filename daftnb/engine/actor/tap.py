"""Counts tasks inside the runner actor, and keeps a bounded ring of events and decisions. Never does I/O.

The package that it is in is sent to the actor by value, as the cluster need not have daftnb: of daftnb it imports only
:mod:`daftnb.clock`, which goes with it, and nothing that Daft's actor has not loaded.

A failure in here is counted and reported by :meth:`Tap.drain`; it never reaches the engine.
"""

from __future__ import annotations

import collections
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from daftnb.clock import steady as time
from daftnb.engine.actor import rules
from daftnb.engine.actor.counts import Query, Run, Worker, total
from daftnb.engine.actor.trimming import Most
from daftnb.engine.actor.udfpools import Amounts, UdfPool, UdfPools

RING_EVENTS = 4096  # bounds the actor's memory; at 5 drains a second it holds what 20,000 events/s would leave
SAMPLE_SECONDS = 0.05
TOLD = {"ok": "finished", "failed": "failed", "retried": "lost", "cancelled_running": "cancelled"}
OUT_OF_MEMORY = "out of memory"
KEPT_QUERIES = 16  # whose counters stay until they have been fetched, beside those that have tasks


class Ring:
    """The latest of what was put in, and how many that were in all: who has seen so many is given the rest."""

    def __init__(self) -> None:
        self.kept: collections.deque[tuple[Any, ...]] = collections.deque(maxlen=RING_EVENTS)
        self.count = 0

    def append(self, entry: tuple[Any, ...]) -> None:
        self.count += 1
        self.kept.append(entry)

    def since(self, seen: int) -> tuple[list[tuple[Any, ...]], int]:
        """Return what came after the first ``seen`` entries, and how many of those are not there any more."""
        fresh = min(self.count - seen, len(self.kept))
        return list(islice(self.kept, len(self.kept) - fresh, None)), max(0, self.count - seen - len(self.kept))


class Tap:
    """Totals that are always exact, and a ring of details that may drop its oldest (and counts them)."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.events = Ring()
        self.tasks = Ring()  # apart, so that many short tasks do not push a decision out
        self.queries: collections.OrderedDict[int, Query] = collections.OrderedDict()
        self.workers: dict[str, Worker] = {}
        self.head: str | None = None
        self.reaper = False  # Daft has its own, which alone retires workers
        self.capacity = 0
        self.pending = 0
        self.running = 0
        self.peak = 0
        self.last_sample = 0.0
        self.dirty = False
        self.faults: collections.Counter[str] = collections.Counter()
        # The CPUs that are asked of Ray now (None: not known, the tap came later), and when they last were.
        self.demand: int | None = None
        self.demand_gpus = 0
        self.engine_cpus: int | None = None  # those of them that the engine itself asked for
        self.is_dropped = False  # Ray drops what was asked for at once, as a whole: no more than the engine asks for
        self.requested_at: float | None = None
        self.wanted_since: float | None = None  # the first request since nothing was asked
        # The request that stands: when, bundles, CPUs, the backlog then, and, if trimmed, bundles and CPUs sent; with
        # GPUs, how many of them were asked for and, if trimmed, sent; where it is more than the engine asked for, by
        # which setting, and the CPUs that the engine asked for.
        self.asked: tuple[Any, ...] | None = None
        self.most: Most | None = None  # that the cluster may have; None: not known
        # The kind of reason for which Ray is not asked, as last recorded, and how often the scheduler came to it since.
        self.hold: tuple[str, int] | None = None
        self.holds = 0
        self.udf_pools = UdfPools()
        self.undecided = False

    # -- recording; every caller holds the lock ---------------------------------------------------------------------

    def record(self, kind: str, *facts: Any) -> None:
        self.events.append((kind, time.time(), *facts))

    def changed(self, pending: int, running: int) -> None:
        """Move the totals and sample them, at most every SAMPLE_SECONDS; the peak between samples is kept."""
        self.pending += pending
        self.running += running
        if self.pending > self.peak:
            self.peak = self.pending
        self.dirty = True
        now = time.time()
        if now - self.last_sample >= SAMPLE_SECONDS:
            self.sample(now)

    def sample(self, now: float) -> None:
        self.last_sample, self.dirty = now, False
        held = sum(1 for worker in self.workers.values() if worker.held)
        alive = sum(worker.cpus for worker in self.workers.values() if worker.alive)
        peak = max(self.peak, self.pending)
        self.record(
            "sample", peak, self.pending, self.running, self.capacity, held, alive, self.pending_gpus(), self.gpus()
        )
        self.peak = self.pending

    def pending_gpus(self) -> float | None:
        """Return the GPUs that the backlog asks for; None where that is not known."""
        return total(query.pending_gpus for query in self.queries.values())

    def gpus(self) -> int:
        """Return the GPUs of the workers that the scheduler has."""
        return sum(worker.gpus for worker in self.workers.values() if worker.held)

    def query(self, index: int) -> Query:
        query = self.queries.get(index)
        if query is None:  # a query this kernel did not announce (another driver's, or one from before the tap)
            query = self.queries[index] = Query(f"query-{index}", {})
        return query

    def query_named(self, query_id: str) -> Query:
        """Return the query of a task, the latest unannounced one if it was never announced. KeyError if none."""
        latest = None
        for query in reversed(self.queries.values()):
            if query.id == query_id:
                return query
            if latest is None and query.id.startswith("query-"):
                latest = query
        if latest is None:
            raise KeyError(f"no query {query_id}")
        return latest

    # -- tasks --------------------------------------------------------------------------------------------------------

    def submitted(self, bar_id: int, name: str) -> None:
        with self.lock:
            query = self.query(bar_id >> 32)
            stage = query.stage(bar_id & 0xFFFFFFFF, name)
            stage.submitted += 1
            if query.cancelled:
                stage.cancelled_pending += 1
                return
            self.undecided = True
            self.changed(pending=1, running=0)

    def done(self, bar_id: int) -> None:
        with self.lock:
            stage = self.query(bar_id >> 32).stages[bar_id & 0xFFFFFFFF]
            stage.done += 1
            # The engine tells of a task only after its result was awaited; one that was not was still pending. Of a
            # query that failed it also tells of tasks that run, before they are cancelled.
            if stage.pending > 0 and stage.done > stage.ok + stage.cancelled_running + stage.cancelled_pending:
                stage.cancelled_pending += 1
                self.changed(pending=-1, running=0)

    def closed(self, indexes: set[int]) -> None:
        """Record that the scheduler of these queries is done: what it had not dispatched never will be."""
        with self.lock:
            for query in [self.queries[index] for index in indexes if index in self.queries]:
                for stage in query.stages.values():
                    left = stage.pending
                    stage.cancelled_pending += left
                    self.changed(pending=-left, running=0)
            self.hold = None
            self.sample(time.time())

    def cancelled(self, query_id: str) -> Query | None:
        """Return the query if it was cancelled: its tasks are not to be sent to workers any more."""
        with self.lock:
            return next((query for query in self.queries.values() if query.cancelled and query.id == query_id), None)

    def dispatched(self, worker_id: str, name: str, context: dict[str, str]) -> Run:
        with self.lock:
            self.decide()
            query = self.query_named(context["query_id"])
            stage = query.stage_of(name, int(context["node_id"]))
            # Cancelled just when it was sent, it was counted as one that never will be.
            late = stage.pending <= 0 < stage.cancelled_pending
            if late:
                stage.cancelled_pending -= 1
            stage.dispatched += 1
            run = Run(stage, worker_id, int(context["task_id"]), time.time(), query.gpus_of(name, stage.last_id))
            worker = self.workers[worker_id]
            worker.runs.add(run)
            worker.idle_since = None
            worker.used = True
            self.changed(pending=0 if late else -1, running=1)
        return run

    def ended(self, run: Run, outcome: str) -> None:
        """Record the end of a task.

        ``outcome``: ok, failed, retried (its worker died, it is pending again) or cancelled_running.
        """
        with self.lock:
            stage = run.stage
            if stage.query.cancelled and outcome in ("failed", "retried"):
                outcome = "cancelled_running"  # how Ray tells of a task that was cancelled
            setattr(stage, outcome, getattr(stage, outcome) + 1)
            if outcome == "retried":
                stage.query.ended_a_worker(stage.last_id, run.task_id)
            worker = self.workers[run.worker_id]
            worker.runs.discard(run)
            if outcome == "ok":
                worker.finished += 1
            now = time.time()
            self.tasks.append(
                (now, stage.query.id, stage.last_id, run.worker_id, run.task_id, run.started, TOLD[outcome])
            )
            if not worker.runs:
                worker.idle_since = now
            self.undecided = True
            self.changed(pending=1 if outcome == "retried" else 0, running=-1)

    # -- workers ------------------------------------------------------------------------------------------------------

    def worker_started(self, worker_id: str, cpus: int, memory: int, gpus: int = 0) -> None:
        with self.lock:
            known = self.workers.get(worker_id)
            if known is not None and known.alive:
                return
            if known is not None and known.held:  # its process was ended meanwhile, and comes again
                self.capacity -= known.cpus
            gone = [id_ for id_, w in self.workers.items() if not (w.alive or w.held or w.running)]
            for id_ in gone:
                del self.workers[id_]
            self.workers[worker_id] = Worker(cpus, memory, time.time(), gpus)
            self.capacity += cpus
            self.record("worker", worker_id, cpus, memory, gpus)
            self.undecided = True
            self.changed(pending=0, running=0)

    def worker_ended(self, worker_id: str, reason: str, rule: str = "") -> None:
        """Record that a worker's process is gone or about to go; the engine may still hold it (:meth:`worker_let_go`).

        It does so where it is retired, and where Ray has ended it for want of memory (:data:`OUT_OF_MEMORY`).
        """
        with self.lock:
            worker = self.workers.get(worker_id)
            if worker is None or not worker.alive:
                return
            worker.alive = False
            self.record("ended", worker_id, reason, rule)
            if reason == "died" and rule != OUT_OF_MEMORY:
                self.let_go(worker)

    def worker_let_go(self, worker_id: str, warm: bool) -> None:
        """Record that the engine has no more use for a worker; ``warm``: it lives on."""
        with self.lock:
            worker = self.workers.get(worker_id)
            if worker is None or not worker.held:
                return
            self.let_go(worker)
            if warm:
                self.record("warm", worker_id)

    def let_go(self, worker: Worker) -> None:
        if worker.held:
            worker.held = False
            self.capacity -= worker.cpus
            self.undecided = True
            self.changed(pending=0, running=0)

    def worker_adopted(self, worker_id: str) -> None:
        """Record that the engine holds a worker (again)."""
        with self.lock:
            worker = self.workers[worker_id]
            worker.used = False
            if not worker.held:
                worker.held = True
                self.capacity += worker.cpus
                self.record("reuse", worker_id)
                self.undecided = True
                self.changed(pending=0, running=0)

    # -- actors of UDFs -----------------------------------------------------------------------------------------------

    def udfs_awaited(self, name: str, pool: UdfPool) -> None:
        """Record that a query waits for actors for a UDF: the latest query, as the engine does not say which."""
        with self.lock:
            if self.queries:
                self.udf_pools.awaited(next(reversed(self.queries.values())).id, name, pool)
                self.record("actors", name, *pool)

    def udfs_started(
        self, name: str, actors: list[Any], waited: float, fits: int | None = None, lack: Amounts | None = None
    ) -> None:
        """Record the actors that have started for a UDF; an empty list means that their start failed."""
        with self.lock:
            if self.queries:
                query = next(reversed(self.queries.values()))
                self.record("actors", name, *self.udf_pools.started(query.id, name, actors, waited, fits, lack or {}))

    def udf_ended(self, actor: Any) -> None:
        with self.lock:
            self.udf_pools.ended(actor)

    # -- decisions ----------------------------------------------------------------------------------------------------

    def requested(
        self,
        bundles: Sequence[Mapping[str, int]],
        sent: Sequence[Mapping[str, int]] | None = None,
        by_engine: Sequence[Mapping[str, int]] | None = None,
        between: bool = False,
    ) -> None:
        """Record that ``bundles`` were requested of Ray, or (none) that the request was withdrawn.

        ``sent``: what of them went out, where not all did. ``by_engine``: what the engine itself asked for, where that
        is less. Where more stands than the engine had asked for, the same once more is no new request. ``between``: it
        is daftnb's, so that the engine's interval goes on.
        """
        with self.lock:
            if bundles:
                stood = (self.demand, self.demand_gpus)
                had_grown = (self.demand or 0) > (self.engine_cpus or 0)
                self.demand, self.demand_gpus = cpus_of(bundles), gpus_of(bundles)
                self.engine_cpus = self.demand if by_engine is None else cpus_of(by_engine)
                now = time.time()
                if not between or self.requested_at is None:
                    self.requested_at = now
                self.wanted_since = self.wanted_since or now
                self.hold = None
                self.undecided = False
                if had_grown and stood == (self.demand, self.demand_gpus):
                    return
                went = None if sent is None or len(sent) == len(bundles) else sent
                more: tuple[int | str | None, ...] = () if went is None else (len(went), cpus_of(went))
                if self.demand_gpus:
                    more = (*(more or (None, None)), self.demand_gpus, None if went is None else gpus_of(went))
                if self.demand > self.engine_cpus:
                    more = (*more, *(None,) * (4 - len(more)), rules.read().growth, self.engine_cpus)
                self.asked = (now, len(bundles), self.demand, self.pending, self.capacity, *more)
                self.events.append(("request", *self.asked))
            else:
                if self.demand:
                    self.record("clear")
                self.demand, self.demand_gpus, self.asked, self.wanted_since = 0, 0, None, None
                self.engine_cpus, self.is_dropped = 0, False

    def decide(self) -> None:
        """Record why the scheduler requests no workers, after it has looked at the backlog and requested none.

        It looks whenever something has changed, before it dispatches; so what stands at the first dispatch after a
        change, or when nothing is dispatched, is what it saw.
        """
        if not self.undecided:
            return
        self.undecided = False
        force = rules.read()
        held = sum(1 for worker in self.workers.values() if worker.held)
        since = None if self.requested_at is None else time.time() - self.requested_at
        wants, gpus = self.pending_gpus(), self.gpus()
        lacks_gpus = (wants or 0) > max(gpus, self.demand_gpus)
        reason = rules.hold_reason(self.pending, self.capacity, held, force, since, self.engine_cpus or 0, lacks_gpus)
        if reason is None:
            return
        if any(query.lacks for query in self.queries.values()):
            waiting = [query for query in self.queries.values() if any(s.pending for s in query.stages.values())]
            if waiting and all(query.lacks for query in waiting):
                reason = waiting[-1].lacks
        kind = f"{reason}, with GPUs" if wants else reason  # that it waits for GPUs, too, is told anew
        if self.hold is None or self.hold[0] != kind:
            self.holds += 1
            self.hold = (kind, 0)
            more = (wants, gpus) if wants else ()
            self.record("hold", self.holds, reason, self.pending, self.capacity, force.threshold, *more)
        self.hold = (kind, self.hold[1] + 1)

    # -- what the kernel calls, through install.py ---------------------------------------------------------------

    def announce(self, index: int, query_id: str, parents: dict[int, int]) -> None:
        """Record that a query is about to come: its id, and each operator's parent in the plan."""
        with self.lock:
            self.queries.pop(index, None)
            # Many may run at the same time, the previews' own too; one that has tasks still counts them.
            spare = [old for old, query in self.queries.items() if not query.has_tasks]
            self.queries[index] = Query(query_id, parents)
            for old in spare[: max(0, len(self.queries) - KEPT_QUERIES)]:
                gone = self.queries.pop(old)
                self.udf_pools.forget(gone.id)

    def seen(self) -> tuple[int, int]:
        """Return how many events and tasks there were so far, for :meth:`drain`."""
        with self.lock:
            return self.events.count, self.tasks.count

    def drain(self, seen: int, seen_tasks: int) -> dict[str, Any]:
        """Return all that is new since so many events and tasks: details (how many were dropped), absolute counts."""
        now = time.time()
        with self.lock:
            self.decide()
            if self.dirty:
                self.sample(now)
            events, dropped = self.events.since(seen)
            tasks, dropped_tasks = self.tasks.since(seen_tasks)
            return {
                "now": now,
                "seen": self.seen(),
                "dropped": dropped + dropped_tasks,
                "events": events,
                "tasks": tasks,
                "stages": [
                    (
                        query.id,
                        last_id,
                        s.name,
                        s.submitted,
                        s.pending,
                        s.running,
                        s.ok,
                        s.failed,
                        s.cancelled_running + s.cancelled_pending,
                    )
                    for query in self.queries.values()
                    for last_id, s in query.stages.items()
                ],
                "lives": [(id_, w.started, w.cpus, w.memory, w.gpus) for id_, w in self.workers.items() if w.alive],
                "workers": self.worker_rows(),
                "hold": None if self.hold is None else (self.holds, self.hold[1]),
                "asked": self.asked,
                "deaths": [(query.id, *worst) for query in self.queries.values() for worst in query.deadliest()],
                "udfs": self.udf_pools.rows(),
                "faults": dict(self.faults),
            }

    def worker_rows(self) -> list[tuple[Any, ...]]:
        """Return a row for each worker that lives.

        A row: id, running, finished, idle since, warm, when it is ended, by which rule, the tasks that it runs (id,
        operator, start), and the GPUs that these ask for.
        """
        ahead = rules.outlook(self.workers, rules.read(), self.head, self.reaper)
        return [
            (
                *(worker_id, w.running, w.finished, w.idle_since, not w.held, *ahead[worker_id]),
                *(running_tasks(w), w.gpus_used),
            )
            for worker_id, w in self.workers.items()
            if w.alive
        ]

    def fault(self, where: str, error: BaseException) -> None:
        with self.lock:
            self.faults[f"{where}: {type(error).__name__}: {error}"[:300]] += 1


def cpus_of(bundles: Iterable[Mapping[str, int]]) -> int:
    """Return the CPUs of all bundles together."""
    return sum(bundle.get("CPU", 0) for bundle in bundles)


def gpus_of(bundles: Iterable[Mapping[str, int]]) -> int:
    """Return the GPUs of all bundles together."""
    return sum(bundle.get("GPU", 0) for bundle in bundles)


def running_tasks(worker: Worker) -> list[tuple[int, int, float]]:
    """Return id, operator and start of each task that a worker runs, the longest-running first."""
    return sorted(((run.task_id, run.stage.last_id, run.started) for run in worker.runs), key=lambda task: task[2])


def own_dashboard() -> bool:
    """Return True if Daft's dashboard or event log is in use, which would be told that the operators have ended."""
    return bool(os.environ.get("DAFT_DASHBOARD_URL") or os.environ.get("DAFT_EVENT_LOG_DIR"))


def stats_rows(stats: Any) -> list[dict[str, Any]]:
    """Convert a PyExecutionStats to a list of {id, name of each statistic: value}."""
    from daft.recordbatch.recordbatch import RecordBatch

    rows = RecordBatch._from_pyrecordbatch(stats.to_recordbatch()).to_pylist()
    return [{"id": row["id"], **{name: entry["value"] for name, entry in row["stats"] or ()}} for row in rows]
