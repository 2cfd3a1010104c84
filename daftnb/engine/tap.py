"""What runs inside the runner actor: counting, a bounded ring of events, and a decision log. Never I/O.

The module is sent to the actor by value (the cluster need not have daftnb), together with its counters
(:mod:`daftnb.engine.counts`) and what calls it there (:mod:`daftnb.engine.wraps`), so it imports nothing else of
daftnb's and nothing that Daft's actor has not loaded.

A failure in here is counted and reported by :meth:`Tap.drain`; it never reaches the engine.
"""

from __future__ import annotations

import collections
import os
import threading
import time
from typing import Any

from daftnb.engine.counts import Query, Stage, Worker

RING_EVENTS = 4096  # bounds the actor's memory; at 5 drains a second it holds what 20,000 events/s would leave
SAMPLE_SECONDS = 0.05
KEPT_QUERIES = 8  # finished queries whose counters stay until they have been fetched
ATTRIBUTE = "_daftnb_tap"
DOOR = "_daftnb_call"


class Tap:
    """Totals that are always exact, and a ring of details that may drop its oldest (and counts them)."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.lock = threading.Lock()
        self.events: collections.deque[tuple[Any, ...]] = collections.deque(maxlen=RING_EVENTS)
        self.recorded = 0
        self.queries: collections.OrderedDict[int, Query] = collections.OrderedDict()
        self.workers: dict[str, Worker] = {}
        self.capacity = 0
        self.pending = 0
        self.running = 0
        self.peak = 0
        self.last_sample = 0.0
        self.dirty = False
        self.faults: collections.Counter[str] = collections.Counter()
        self.undo: list[tuple[Any, str, Any]] = []

    # -- recording; every caller holds the lock ---------------------------------------------------------------------

    def record(self, kind: str, *facts: Any) -> None:
        self.recorded += 1
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
        alive = sum(1 for worker in self.workers.values() if worker.alive)
        self.record("sample", max(self.peak, self.pending), self.pending, self.running, self.capacity, alive)
        self.peak = self.pending

    def query(self, index: int) -> Query:
        query = self.queries.get(index)
        if query is None:  # a query this kernel did not announce (another driver's, or one from before the tap)
            query = self.queries[index] = Query(f"query-{index}", {})
        return query

    def query_named(self, query_id: str) -> Query:
        """The query of a task; the latest unannounced one if it was never announced."""
        latest = None
        for query in reversed(self.queries.values()):
            if query.id == query_id:
                return query
            if latest is None and query.id.startswith("query-"):
                latest = query
        if latest is None:
            raise KeyError(f"no query {query_id}")
        return latest

    # -- what the wrapped names call --------------------------------------------------------------------------------

    def submitted(self, bar_id: int, name: str) -> None:
        with self.lock:
            self.query(bar_id >> 32).stage(bar_id & 0xFFFFFFFF, name).submitted += 1
            self.changed(pending=1, running=0)

    def done(self, bar_id: int) -> None:
        with self.lock:
            stage = self.query(bar_id >> 32).stages[bar_id & 0xFFFFFFFF]
            stage.done += 1
            # The engine tells of a task only after its result was awaited; one that was not was still pending.
            if stage.done > stage.ok + stage.cancelled_running + stage.cancelled_pending:
                stage.cancelled_pending += 1
                self.changed(pending=-1, running=0)

    def closed(self, indexes: set[int]) -> None:
        """The scheduler of these queries is done: what it had not dispatched never will be."""
        with self.lock:
            for query in [self.queries[index] for index in indexes if index in self.queries]:
                for stage in query.stages.values():
                    left = stage.pending
                    stage.cancelled_pending += left
                    self.changed(pending=-left, running=0)
            self.sample(time.time())

    def dispatched(self, handle: Any, task: Any) -> tuple[Stage, str] | None:
        context = task.context()
        worker_id = self.worker_of(handle)
        with self.lock:
            query = self.query_named(context["query_id"])
            stage = query.stage_of(task.name(), int(context["node_id"]))
            stage.dispatched += 1
            worker = self.workers[worker_id]
            worker.running += 1
            worker.idle_since = None
            self.changed(pending=-1, running=1)
        return stage, worker_id

    def ended(self, stage: Stage, worker_id: str, outcome: str) -> None:
        with self.lock:
            setattr(stage, outcome, getattr(stage, outcome) + 1)
            worker = self.workers[worker_id]
            worker.running -= 1
            if outcome == "ok":
                worker.finished += 1
            if worker.running == 0:
                worker.idle_since = time.time()
            self.changed(pending=1 if outcome == "retried" else 0, running=-1)

    def worker_started(self, worker_id: str, cpus: int, memory: int) -> None:
        with self.lock:
            known = self.workers.get(worker_id)
            if known is not None and known.alive:
                return
            self.workers[worker_id] = Worker(cpus, memory, time.time())
            self.capacity += cpus
            self.record("worker", worker_id, cpus, memory)
            self.changed(pending=0, running=0)

    def worker_ended(self, worker_id: str, reason: str) -> None:
        with self.lock:
            worker = self.workers.get(worker_id)
            if worker is None or not worker.alive:
                return
            worker.alive = False
            self.capacity -= worker.cpus
            self.record("ended", worker_id, reason)
            self.changed(pending=0, running=0)

    def requested(self, bundles: list[dict[str, int]]) -> None:
        with self.lock:
            if bundles:
                cpus = sum(bundle.get("CPU", 0) for bundle in bundles)
                self.record("request", len(bundles), cpus, self.pending, self.capacity)
            else:
                self.record("clear")

    def worker_of(self, handle: Any) -> str:
        """The node of an actor handle; one from before the tap is looked up in Ray's actor table, once."""
        worker_id: str | None = getattr(handle, "_daftnb_worker", None)
        if worker_id is None:
            import ray

            actor_id = handle.actor_handle._actor_id.hex()
            worker_id = ray._private.state.actors(actor_id)["Address"]["NodeID"]
            handle._daftnb_worker = worker_id
            for node in ray.nodes():
                if node["NodeID"] == worker_id:
                    resources = node["Resources"]
                    self.worker_started(worker_id, int(resources["CPU"]), int(resources.get("memory", 0)))
        return worker_id

    # -- what the kernel calls ----------------------------------------------------------------------------------------

    def prepare(
        self, index: int, query_id: str, parents: dict[int, int], environment: dict[str, str]
    ) -> dict[str, str | None]:
        """A query is about to come: its id, each operator's parent in the plan, and the settings it is to run with.

        They are put where the scheduler reads them, this process's environment; returned is what then stands there.
        """
        with self.lock:
            self.queries[index] = Query(query_id, parents)
            while len(self.queries) > KEPT_QUERIES:
                self.queries.popitem(last=False)
        os.environ.update(environment)
        return {name: os.environ.get(name) for name in environment}

    def nodes(self) -> list[tuple[str, int, int, bool]]:
        """Ray's list of the nodes that are alive: id, CPUs, memory in bytes, whether it is the head.

        Asked for about once a second (1 ms), and here rather than in the kernel: where the head has died, Ray's call
        does not return, and Ray ends the process that made it.
        """
        import ray

        return [
            (
                node["NodeID"],
                int(node["Resources"].get("CPU", 0)),
                int(node["Resources"].get("memory", 0)),
                "node:__internal_head__" in node["Resources"],
            )
            for node in ray.nodes()
            if node["Alive"]
        ]

    def drain(self, seen: int, with_nodes: bool = False) -> dict[str, Any]:
        """All that is new since event number ``seen``: details (with how many were dropped), and absolute counts."""
        now = time.time()
        nodes = self.nodes() if with_nodes else None
        stats = self.operator_stats()
        with self.lock:
            if self.dirty:
                self.sample(now)
            fresh = min(self.recorded - seen, len(self.events))
            events = list(self.events)[len(self.events) - fresh :] if fresh else []
            return {
                "now": now,
                "recorded": self.recorded,
                "dropped": max(0, self.recorded - seen - len(self.events)),
                "events": events,
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
                "workers": [
                    (worker_id, w.cpus, w.memory, w.started, w.running, w.finished, w.idle_since)
                    for worker_id, w in self.workers.items()
                    if w.alive
                ],
                "stats": stats,
                "nodes": nodes,
                "faults": dict(self.faults),
            }

    def operator_stats(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Rows, bytes and time of each operator of the queries that run, from the engine's own accumulators.

        ``finish()`` of a result stream exports them at any time (about 0.3 ms). It also tells Daft's own dashboard
        and event log that the operators ended, so it is left alone where one of those is in use.
        """
        if own_dashboard():
            return []
        found = []
        for plan_id, stream in list(self.actor.curr_result_gens.items()):
            query = self.queries.get(int(plan_id))
            if query is not None:
                found.append((query.id, stats_rows(stream.finish())))
        return found

    def cancel(self, index: int) -> list[dict[str, Any]]:
        """Stop a query: dropping its result stream ends its scheduler. Its operators' last statistics."""
        stream = self.actor.curr_result_gens.pop(str(index), None)
        self.actor.curr_plans.pop(str(index), None)
        self.closed({index})
        return [] if stream is None or own_dashboard() else stats_rows(stream.finish())

    def call(self, method: str, *arguments: Any) -> Any:
        """Any of the methods above by name: the actor's one door for the kernel (``methodcaller(DOOR, ...)``)."""
        return getattr(self, method)(*arguments)

    def fault(self, where: str, error: BaseException) -> None:
        with self.lock:
            self.faults[f"{where}: {type(error).__name__}: {error}"[:300]] += 1

    def patch(self, owner: Any, name: str, replacement: Any) -> None:
        self.undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, replacement)

    def uninstall(self) -> None:
        """Put every wrapped name back; a query that runs goes on untapped, and the actor is as Daft made it."""
        while self.undo:
            owner, name, original = self.undo.pop()
            setattr(owner, name, original)
        for name in (ATTRIBUTE, DOOR):
            delattr(self.actor, name)


def own_dashboard() -> bool:
    """Whether Daft's dashboard or event log is in use, which would be told that the operators have ended."""
    return bool(os.environ.get("DAFT_DASHBOARD_URL") or os.environ.get("DAFT_EVENT_LOG_DIR"))


def stats_rows(stats: Any) -> list[dict[str, Any]]:
    """A PyExecutionStats as a list of {id, name of each statistic: value}."""
    from daft.recordbatch.recordbatch import RecordBatch

    rows = RecordBatch._from_pyrecordbatch(stats.to_recordbatch()).to_pylist()
    return [{"id": row["id"], **{name: entry["value"] for name, entry in row["stats"] or ()}} for row in rows]
