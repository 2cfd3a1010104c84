"""The runner actor's side of the meter: puts it into workers and actors of pools, and takes what they tell.

Sent to the actor by value, with :mod:`daftnb.engine.actor.tap`, and with :mod:`daftnb.engine.meter`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daftnb.clock import steady as time
from daftnb.engine.actor.asking import deaths
from daftnb.engine.actor.tap import Tap
from daftnb.engine.meter.ledger import Ledger, part_row
from daftnb.engine.meter.reports import REPORT_SECONDS, Told, begin_in_actor, begin_in_worker, packed, told_now
from daftnb.engine.meter.travel import Parcel, Process, rows_of

REPORTS_A_SECOND = 200  # of all processes together
LARGEST_ARGUMENT = 90_000  # bytes, that Ray sends with the actor's start
KEPT_ACTORS = 4_096  # that something is known of
LAST_SECONDS = 1.0  # to ask all for their last
UDF_STAGES = ("UDF", "ActorPool")  # in the names of the operators that call functions


class Metering:
    """The ledger of this runner actor's queries, and the processes that report to it."""

    def __init__(self, actor: Any, tap: Tap) -> None:
        self.actor = actor
        self.tap = tap
        self.ledger = Ledger()
        self.processes: dict[str, Process] = {}  # that have reported, and live
        self.handles: dict[str, Any] = {}  # of workers, by id
        self.parcel: tuple[Any, Any] | None = (
            None  # what the actors of the latest pool are sent, and where it is stored
        )
        self.held: dict[str, Any] = {}  # by the id of an actor, what it was sent
        self.late: dict[str, None] = {}  # actors that were ended as they came too late, the latest last
        self.starting: list[Any] = []  # the actors of the latest pool, in the order in which they were asked for
        self.gpus: dict[str, float] = {}  # by the id of an actor, those that it asks for
        self.queues: dict[str, dict[str, int]] = {}  # by worker, the batches that it has given to each actor
        self.beginning: list[Any] = []  # what Ray answers with once a worker has its meter
        self.latest: list[str] = []
        self.deadline = 0.0  # for the actors of a pool to tell their last
        self.name: tuple[str, str] | None = None

    def address(self) -> tuple[str, str]:
        """Return this actor's name and namespace, by which others find it."""
        if self.name is None:
            import ray
            from daft.runners.flotilla import FLOTILLA_RUNNER_NAMESPACE

            self.name = (ray.get_runtime_context().get_actor_name() or "", FLOTILLA_RUNNER_NAMESPACE)
        return self.name

    def begin_worker(self, handle: Any, worker_id: str) -> None:
        """Have a worker metered; it does that before its first task."""
        self.handles[worker_id] = handle
        self.beginning.append(handle.actor_handle.__ray_call__.remote(begin_in_worker, self.address()))

    def begun(self) -> None:
        """Note which workers could not be metered."""
        import ray

        if not self.beginning:
            return
        answered, self.beginning = ray.wait(self.beginning, num_returns=len(self.beginning), timeout=0)
        for answer in answered:
            try:
                ray.get(answer)
            except deaths():
                continue  # it has ended meanwhile
            except ray.exceptions.RayError as error:
                self.tap.fault("the meter of a worker", error)

    def worker_ended(self, worker_id: str) -> None:
        """Note that a worker's process is gone, and those that it had started."""
        self.handles.pop(worker_id, None)
        self.queues.pop(worker_id, None)
        gone = [id_ for id_, p in self.processes.items() if p.worker_id == worker_id and p.kind != "actor"]
        self.gone(gone)

    def lives(self, worker_id: str) -> bool:
        """Return True if the tap has not seen a worker end."""
        worker = self.tap.workers.get(worker_id)
        return worker is not None and worker.alive

    def gone(self, process_ids: Iterable[str]) -> None:
        ids = list(process_ids)
        for id_ in ids:
            del self.processes[id_]
        with self.tap.lock:
            self.ledger.died(ids, time.time())

    def sent_to(self, projection: Any) -> Any:
        """Return what an actor of a pool is sent for its function: the meter is there before it is initialised.

        It is one for all actors of the pool. What is larger than 100 kB Ray puts into its store in any case, warns of
        it in the user's output, and lets go of it once the actor has it, so that one that dies could not be started
        again: so it is put there by us, and held.
        """
        import ray

        if self.parcel is None or self.parcel[0] is not projection:
            parcel = Parcel(packed, begin_in_actor, projection, self.address())
            self.parcel = (projection, parcel if parcel.size < LARGEST_ARGUMENT else ray.put(parcel))
        return self.parcel[1]

    def hold(self, actor: Any, sent: Any, gpus: float) -> None:
        """Hold what an actor was sent for as long as it may be started again, and note the GPUs that it asks for."""
        actor_id = actor._actor_id.hex()
        self.starting.append(actor)
        self.held[actor_id], self.gpus[actor_id] = sent, gpus
        keep_latest(self.gpus)

    def begin_pool(self) -> list[Any]:
        """Return a list, to which the actors come that are asked for from now on: Daft does that without a pause."""
        self.starting = []
        return self.starting

    def end_late(self, started: list[Any], handles: Iterable[Any]) -> None:
        """End the actors of a pool that were not ready in time: Daft has let go of them, and never uses them.

        Ray would start them all the same, and ask for nodes for them, as a call waits for each (``__ray_ready__``).
        """
        import ray

        ready = {handle.actor_id() for handle in handles}
        late = {actor._actor_id.hex(): actor for actor in started if actor._actor_id.hex() not in ready}
        if late and not self.late:
            self.silence()
        self.late |= dict.fromkeys(late)
        keep_latest(self.late)
        for actor_id, actor in late.items():
            ray.kill(actor)
            self.let_go(actor_id)

    def silence(self) -> None:
        """Have nothing printed of the calls that wait for late actors: Daft looks at none of them any more."""
        import asyncio

        from ray.exceptions import RayActorError

        loop = asyncio.get_running_loop()
        tell = loop.get_exception_handler() or (lambda loop, context: loop.default_exception_handler(context))

        def handler(loop: Any, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if not (isinstance(error, RayActorError) and error.actor_id in self.late):
                tell(loop, context)

        loop.set_exception_handler(handler)

    def let_go(self, actor_id: str) -> None:
        """Let go of what an actor was sent; of the pool's, with its last actor."""
        self.held.pop(actor_id, None)
        if not self.held:
            self.parcel = None

    def queue(self, actor_id: str, is_busy: bool) -> int | None:
        """Return how many batches wait before an actor; None where no worker has told of any."""
        told = [counts[actor_id] for counts in self.queues.values() if actor_id in counts]
        return max(0, sum(told) - is_busy) if told else None

    def report(self, told: list[Told], faults: dict[str, int], queues: dict[str, int]) -> float:
        """Take what a process tells; return after how many seconds it may tell more."""
        now = time.time()
        with self.tap.lock:
            active = self.active()
            for process, rows, ended in told:
                self.take(Process(*process), rows, ended, active, now)
            if queues and told:
                self.queues[Process(*told[0][0]).worker_id] = queues
            for text, count in faults.items():
                self.tap.faults[f"the meter: {text}"] = count
        return max(REPORT_SECONDS, len(self.processes) / REPORTS_A_SECOND)

    def take(self, process: Process, rows: Any, ended: bool, active: list[str], now: float) -> None:
        """Take what one process has counted."""
        if process.kind == "actor" and process.id not in self.processes:
            # Ray has started the actor again: its process before is gone.
            before = [id_ for id_, p in self.processes.items() if p.kind == "actor" and p.name == process.name]
            self.gone(before)
        if ended:
            self.processes.pop(process.id, None)
        elif process.id not in self.ledger.ended:
            self.processes[process.id] = process
        self.ledger.take(process, rows_of(rows), active, now, ended)

    def active(self) -> list[str]:
        """Return the queries that run: of several, those that call functions, where that can be told."""
        queries = [self.tap.query(int(plan_id)) for plan_id in self.actor.curr_result_gens]
        calling = [
            query
            for query in queries
            if any(part in stage.name for stage in query.stages.values() for part in UDF_STAGES)
        ]
        found = [query.id for query in calling or queries]
        if found:
            self.latest = found
        return found or self.latest  # what comes late belongs to the query that ended last

    def last(self, index: int) -> list[tuple[Any, ...]]:
        """Ask the processes of a query for the last of it, and return its rows; of one that is silent, what it told."""
        import ray

        with self.tap.lock:
            query = self.tap.query(index)
            if not any(part in stage.name for stage in query.stages.values() for part in UDF_STAGES):
                return []
            handles = list(self.handles.values())
        asked = [handle.actor_handle.__ray_call__.remote(told_now) for handle in handles]
        answered, _ = ray.wait(asked, num_returns=len(asked), timeout=LAST_SECONDS) if asked else ([], [])
        now = time.time()
        for answer in answered:
            try:
                told, _faults, _queues = ray.get(answer)
            except deaths():
                continue  # it has died: what it told before that stays, and the tap tells of its end
            except ray.exceptions.RayError as error:
                self.tap.fault("the last of a worker", error)
                continue
            with self.tap.lock:
                for process, rows, ended in told:
                    self.take(Process(*process), rows, ended, [query.id], now)
        return self.rows([query.id])

    def actor_ends(self, handle: Any) -> None:
        """Take the last that an actor of a pool has counted, before Daft ends it."""
        import ray

        self.let_go(handle.actor_id())

        now = time.monotonic()
        if now > self.deadline + LAST_SECONDS:
            self.deadline = now + LAST_SECONDS  # of all those that Daft ends now
        left = max(0.0, self.deadline - now)
        answered, _ = ray.wait([handle.actor.__ray_call__.remote(told_now)], timeout=left)
        if not answered:
            return
        try:
            told, faults, queues = ray.get(answered[0])
        except deaths():  # it died before that
            name = handle.actor_id()
            self.gone([id_ for id_, process in self.processes.items() if process.name == name])
            return
        self.deadline = 0.0  # only those that are silent use up the time
        self.report([(process, rows, True) for process, rows, _ in told], faults, queues)

    def rows(self, query_ids: Iterable[str]) -> list[tuple[Any, ...]]:
        """Return what is known of the functions of queries, as plain values: a row for each function and process."""
        found: list[tuple[Any, ...]] = []
        with self.tap.lock:
            for query_id in query_ids:
                for function, row, shared, lost in self.ledger.figures(query_id):
                    found.append(("function", query_id, tuple(function), tuple(row), shared, lost))
                for function, part in self.ledger.parts(query_id):
                    name = part.process.name
                    more = (self.queue(name, part.state == "busy"), self.gpus.get(name))
                    found.append(("actor", query_id, tuple(function), *part_row(part), *more))
        return found

    def drain(self) -> list[tuple[Any, ...]]:
        """Return the rows of the queries that run, and of the one that ended last."""
        self.begun()
        if not self.actor.curr_result_gens and self.held:  # of pools that did not come to be
            self.held.clear()
            self.parcel = None
        for worker_id in [id_ for id_ in self.handles if not self.lives(id_)]:
            self.worker_ended(worker_id)
        with self.tap.lock:
            known = list(self.ledger.queries)
            wanted = {*self.active(), *known[-1:]}
        return self.rows(query_id for query_id in known if query_id in wanted)


def keep_latest(known: dict[str, Any]) -> None:
    """Forget what came first, above KEPT_ACTORS."""
    while len(known) > KEPT_ACTORS:
        del known[next(iter(known))]
