"""Keeps idle workers warm in the runner actor: idle seconds and survivors also hold between queries.

The engine retires idle workers only inside a query, and when a query ends it ends all of them at once, whatever the
idle seconds and the survivors say (``SchedulerLoop::run``, ``retire_idle_workers(false, true)``). Here a worker that
the engine lets go of stays *warm*: its process lives on, the next query takes it over at once, and it is ended when it
has really been idle for the idle seconds and more workers than the survivors live. The same rule ends a worker that
the engine still holds and no query uses: after a query that was cancelled or failed, which the engine does not sweep,
and where a query was given a warm worker that it never used (the engine's idle clock starts anew with each query).
Such a worker is *parked*: the engine goes on holding it, and a task that comes for it starts its process again.

Where Daft has a reaper of its own (:func:`daftnb.engine.daftnames.has_reaper`), that alone retires workers, also
between queries, and the engine lets go of none at a query's end. The pool then keeps, gives back and ends none: it
records whom the engine ends, by which rule, and notices who has died while no query runs.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from daftnb.clock import steady as time
from daftnb.engine.actor import rules
from daftnb.engine.actor.tap import Tap

WATCH_SECONDS = 0.25
LOOK_SECONDS = 1.0  # between looks whether warm workers still live
LOOKS_AT_ONCE = 100  # of them per look; more take turns
ANSWER_SECONDS = 1.0
VARIABLES_SECONDS = 10.0  # for new workers to take variables of the environment; about 2 ms


class Facts(NamedTuple):
    """What the engine was told of a worker when it was made."""

    worker_id: str
    cpus: int
    gpus: int
    memory: int
    address: str


class Pool:
    """All workers of this runner actor: those the engine holds, and the warm ones.

    ``end`` ends a worker's process (the engine's own way); ``make`` gives the engine's object for a worker;
    ``active`` says whether a query runs.
    """

    def __init__(
        self, tap: Tap, end: Callable[[Any], None], make: Callable[..., Any], active: Callable[[], bool]
    ) -> None:
        self.tap = tap
        self.end = end
        self.make = make
        self.active = active
        self.held: dict[str, Any] = {}
        self.warm: dict[str, Any] = {}
        self.excluded: dict[str, float] = {}  # nodes whose worker was ended, and when
        self.variables: dict[str, str | None] = {}  # of the environment, for workers that start; None unsets one
        self.given: dict[str, dict[str, str | None]] = {}  # those that each worker was given
        self.giving: list[Any] = []  # what Ray answers with once a new worker has them
        self.on_worker: Callable[[Any, str], None] = lambda _handle, _worker_id: None  # told of each new process
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None
        self.looked_at = 0.0

    # -- what the engine does ---------------------------------------------------------------------------------------

    def born(self, handle: Any, facts: Facts) -> None:
        """Add a new worker of the engine."""
        with self.tap.lock:
            handle._daftnb = facts
            self.held[facts.worker_id] = handle
            self.tap.worker_started(facts.worker_id, facts.cpus, facts.memory, facts.gpus)
        self.on_worker(handle, facts.worker_id)

    def facts_of(self, handle: Any) -> Facts:
        """Return a handle's facts; look those of one from before the tap up in Ray's tables, once."""
        facts: Facts | None = getattr(handle, "_daftnb", None)
        if facts is None:
            import ray

            actor_id = handle.actor_handle._actor_id.hex()
            worker_id = ray._private.state.actors(actor_id)["Address"]["NodeID"]
            resources = next(node["Resources"] for node in ray.nodes() if node["NodeID"] == worker_id)
            address = ray.get(handle.actor_handle.get_address.remote(), timeout=ANSWER_SECONDS)
            facts = Facts(
                worker_id,
                int(resources["CPU"]),
                int(resources.get("GPU", 0)),
                int(resources.get("memory", 0)),
                address,
            )
            self.born(handle, facts)
        elif facts.worker_id not in self.tap.workers:
            self.born(handle, facts)  # noted by a tap that was taken out again
        return facts

    def claim(self, handle: Any) -> str:
        """Claim a worker that is about to be sent a task: nobody ends it now, and if it is parked it is started again.

        Return the worker's id.
        """
        facts = self.facts_of(handle)
        with self.tap.lock:
            worker = self.tap.workers[facts.worker_id]
            if worker.held and not worker.alive:
                handle.actor_handle = revived(facts)
                self.give_variables(handle, facts.worker_id)
                self.on_worker(handle, facts.worker_id)
                self.tap.worker_started(facts.worker_id, facts.cpus, facts.memory, facts.gpus)
                worker = self.tap.workers[facts.worker_id]
            worker.idle_since = None
        return facts.worker_id

    def let_go(self, handle: Any) -> bool:
        """Keep a worker warm that the engine is done with. Return False if it must be ended, as downscaling is off."""
        facts = self.facts_of(handle)
        with self.tap.lock:
            worker = self.tap.workers[facts.worker_id]
            if not worker.alive:
                self.held.pop(facts.worker_id, None)
                self.tap.worker_let_go(facts.worker_id, warm=False)
                return True
            if not rules.read().downscale:
                return False
            self.warm[facts.worker_id] = self.held.pop(facts.worker_id, handle)
            self.tap.worker_let_go(facts.worker_id, warm=True)
        self.reap()
        self.watch()
        return True

    def lost(self, handle: Any) -> None:
        """Record that the engine is done with a worker, and that its process is about to be ended."""
        facts = self.facts_of(handle)
        with self.tap.lock:
            rule = self.reapers_rule(facts.worker_id)
            self.held.pop(facts.worker_id, None)
            self.tap.worker_let_go(facts.worker_id, warm=False)
            self.tap.worker_ended(facts.worker_id, "retired", rule)

    def reapers_rule(self, worker_id: str) -> str:
        """Return the rule by which Daft's reaper ends this worker; empty where it is none that the reaper goes by."""
        worker, force = self.tap.workers[worker_id], rules.read()
        if not (self.tap.reaper and force.downscale) or worker.idle_since is None:
            return ""
        return rules.idle_rule(force) if time.time() - worker.idle_since >= force.idle_seconds else ""

    def start_workers(self, existing: Iterable[str], start: Callable[[list[str]], list[Any]]) -> list[Any]:
        """Give the engine a worker on every node: the warm ones at once, and new ones (``start``) on the others.

        ``existing``: the nodes that the engine leaves out. Among them are those it retired within two minutes, warm
        or not; which of these have a worker is known better here.
        """
        given = self.take()
        with self.tap.lock:
            known = self.tap.workers
            left_out = {node for node in existing if node not in known or known[node].held}
            left_out.update(node for node, worker in known.items() if worker.held)
            if left_out:  # without any worker, a node that is about to be released is better than none
                left_out.update(self.recently_ended())
        return [*given, *start(sorted(left_out))]

    def give_variables(self, handle: Any, worker_id: str) -> None:
        """Put the variables that the kernel has set into a new worker's environment, ahead of its first task."""
        with self.tap.lock:
            self.given.pop(worker_id, None)
            if self.variables:
                self.given[worker_id] = dict(self.variables)
                self.giving.append(handle.actor_handle.__ray_call__.remote(put_variables, self.variables))

    def await_variables(self) -> None:
        """Wait until the new workers have their variables; raise what went wrong there."""
        import ray

        with self.tap.lock:
            given, self.giving = self.giving, []
        if given:
            ray.get(given, timeout=VARIABLES_SECONDS)

    def with_others(self) -> int:
        """Return how many workers live that were given other variables than a new one would be."""
        with self.tap.lock:
            alive = [worker_id for worker_id, worker in self.tap.workers.items() if worker.alive]
            return sum(self.given.get(worker_id, {}) != self.variables for worker_id in alive)

    def take(self) -> list[Any]:
        """Give the warm workers that live back to the engine; return them as the engine's objects."""
        given = []
        for worker_id, handle in self.living(list(self.warm.items())):
            with self.tap.lock:
                if self.warm.pop(worker_id, None) is None:
                    continue  # ended meanwhile
                self.held[worker_id] = handle
                self.tap.worker_adopted(worker_id)
            facts: Facts = handle._daftnb
            given.append(self.make(worker_id, handle, facts.cpus, facts.gpus, facts.memory, facts.address))
        return given

    def requested(self) -> None:
        """Admit nodes that were let go again, as the engine does, because workers were requested of Ray."""
        self.excluded.clear()

    def recently_ended(self) -> list[str]:
        """Return the nodes that Ray is about to release: a new worker there would keep them."""
        kept_out = rules.read().exclude_seconds
        now = time.monotonic()
        self.excluded = {node: ended for node, ended in self.excluded.items() if now - ended < kept_out}
        return list(self.excluded)

    # -- what time does ---------------------------------------------------------------------------------------------

    def reap(self) -> None:
        """End the workers whose time has come; none where Daft has a reaper of its own."""
        if self.tap.reaper:
            return
        with self.tap.lock:
            ahead = rules.outlook(self.tap.workers, rules.read(), self.tap.head)
            now = time.time()
            due = {
                worker_id: its.rule
                for worker_id, its in ahead.items()
                if its.retires_at is not None and its.retires_at <= now and self.may_end(worker_id)
            }
            handles = []
            for worker_id, rule in due.items():
                handles.append(self.warm.pop(worker_id, None) or self.held[worker_id])
                self.excluded[worker_id] = time.monotonic()
                self.tap.worker_ended(worker_id, "retired", rule)
        for handle in handles:
            self.end(handle)

    def may_end(self, worker_id: str) -> bool:
        """Return True if daftnb may end this worker: a warm one always, a held one only where the engine will not."""
        if worker_id in self.warm:
            return True
        if worker_id not in self.held:
            return False
        if self.active():
            return not self.tap.workers[worker_id].used and not self.tap.pending
        return True

    def living(self, handles: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Return the workers whose process is there, and record that the others died.

        A worker that does not answer within ANSWER_SECONDS counts as there.
        """
        import ray

        if not handles:
            return []
        asked = [(worker_id, handle, handle.actor_handle.get_address.remote()) for worker_id, handle in handles]
        ray.wait([ref for _, _, ref in asked], num_returns=len(asked), timeout=ANSWER_SECONDS)
        found = []
        for worker_id, handle, ref in asked:
            try:
                ray.get(ref, timeout=0)
            except (
                ray.exceptions.ActorDiedError,
                ray.exceptions.ActorUnschedulableError,
                ray.exceptions.OutOfMemoryError,  # Ray has ended it
            ):
                with self.tap.lock:
                    self.warm.pop(worker_id, None)
                    if self.tap.reaper:
                        self.held.pop(worker_id, None)  # it is not looked at again
                    self.tap.worker_ended(worker_id, "died")
                continue
            except (ray.exceptions.GetTimeoutError, ray.exceptions.ActorUnavailableError):
                pass  # alive as far as is known: the engine finds out with the first task, and repeats that
            found.append((worker_id, handle))
        return found

    def watch(self) -> None:
        """Look after the workers from a thread, which ends with the last of them."""
        with self.tap.lock:
            if self.thread is None and not self.stopping.is_set():
                self.thread = threading.Thread(target=self.run, name="daftnb-warm", daemon=True)
                self.thread.start()

    def run(self) -> None:
        while not self.stopping.wait(WATCH_SECONDS):
            try:
                self.reap()
                self.look()
            except Exception as error:
                self.tap.fault("warm workers", error)
            with self.tap.lock:
                if not self.warm and not any(worker.alive for worker in self.tap.workers.values()):
                    self.thread = None
                    return

    def look(self) -> None:
        """Notice warm workers that are gone, some at a time.

        Where Daft has a reaper, the idle workers that it holds between queries are looked at instead.
        """
        if time.monotonic() - self.looked_at < LOOK_SECONDS:
            return
        self.looked_at = time.monotonic()
        looked_at = self.held if self.tap.reaper else self.warm
        with self.tap.lock:
            turn = [] if self.tap.reaper and self.active() else list(looked_at.items())[:LOOKS_AT_ONCE]
        for worker_id, handle in self.living(turn):
            with self.tap.lock:
                if looked_at.pop(worker_id, None) is not None:
                    looked_at[worker_id] = handle  # behind those that wait for their turn

    def close(self) -> None:
        """End the warm workers, which live on only because of daftnb, and the thread."""
        self.stopping.set()
        with self.tap.lock:
            left, self.warm = list(self.warm.items()), {}
            for worker_id, _handle in left:
                self.tap.worker_ended(worker_id, "retired", "the session ended")
        for _worker_id, handle in left:
            self.end(handle)
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(ANSWER_SECONDS * 3)


def put_variables(_worker: Any, values: dict[str, str | None]) -> None:
    """Set variables of the environment in a worker's process (None unsets one).

    Ray sends it there by value: it uses nothing of this module, which workers do not have.
    """
    import os

    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def revived(facts: Facts) -> Any:
    """Start a new process for a worker whose node is still there, as the engine starts one (``start_ray_workers``).

    It is not waited for: its tasks are. Where the node is gone, they fail as those of a dead worker do, and the
    engine gives them to others.
    """
    import os

    from daft.runners import flotilla
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    options: dict[str, Any] = {"scheduling_strategy": NodeAffinitySchedulingStrategy(facts.worker_id, soft=False)}
    variables = {
        name: os.environ[name] for name in ("DAFT_DASHBOARD_URL", "DAFT_TASK_EVENTS_ENABLED") if os.environ.get(name)
    }
    variables.update(flotilla._extension_runtime_env().get("env_vars", {}))
    if variables:
        options["runtime_env"] = {"env_vars": variables}
    actor_class: Any = flotilla.RaySwordfishActor  # Ray's decorator makes it one
    return actor_class.options(**options).remote(
        num_cpus=facts.cpus,
        num_gpus=facts.gpus,
        is_head=False,
        event_log_dir=os.environ.get("DAFT_EVENT_LOG_DIR"),
        dashboard_url=os.environ.get("DAFT_DASHBOARD_URL"),
    )
