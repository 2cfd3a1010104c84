"""The tap's counters: plain objects that live in the runner actor, beside :mod:`daftnb.engine.actor.tap`.

Everything here is arithmetic on small integers; memory grows with operators and workers, never with tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

KEPT_DEATHS = 64  # tasks of a query whose workers ended
UDF = "UDFProject"  # an operator that runs a UDF in the task itself, in a task's name


class Stage:
    """Counters of the tasks that end in one operator (the engine's own attribution)."""

    __slots__ = (
        "cancelled_pending",
        "cancelled_running",
        "dispatched",
        "done",
        "failed",
        "last_id",
        "name",
        "ok",
        "query",
        "retried",
        "submitted",
    )

    def __init__(self, last_id: int, name: str, query: Query) -> None:
        self.last_id = last_id
        self.name = name
        self.query = query
        self.submitted = self.dispatched = self.done = 0
        self.ok = self.failed = self.retried = self.cancelled_running = self.cancelled_pending = 0

    @property
    def running(self) -> int:
        return self.dispatched - self.ok - self.failed - self.retried - self.cancelled_running

    @property
    def pending(self) -> int:
        return self.submitted - self.dispatched + self.retried - self.cancelled_pending


class Run:
    """One task on its way through one worker."""

    __slots__ = ("gpus", "stage", "started", "task_id", "worker_id")

    def __init__(self, stage: Stage, worker_id: str, task_id: int, started: float, gpus: float | None = 0.0) -> None:
        self.stage, self.worker_id, self.task_id, self.started = stage, worker_id, task_id, started
        self.gpus = gpus  # that it asks for; None: not known


class Worker:
    """One RaySwordfishActor, by the id of its node.

    ``alive``: its process is there. ``held``: the engine has it among its workers; one that is alive and not held is
    *warm*, one that is held and not alive is started again when a task comes for it. ``idle_since``: the end of its
    last task or its start, None while it runs one.
    """

    __slots__ = (
        "alive",
        "cpus",
        "finished",
        "gpus",
        "held",
        "idle_since",
        "memory",
        "runs",
        "started",
        "used",
    )

    def __init__(self, cpus: int, memory: int, now: float, gpus: int = 0) -> None:
        self.cpus, self.memory, self.started, self.gpus = cpus, memory, now, gpus
        self.finished = 0
        self.runs: set[Run] = set()
        self.idle_since: float | None = now
        self.alive = self.held = True
        self.used = False  # since the engine took it over

    @property
    def running(self) -> int:
        return len(self.runs)

    @property
    def gpus_used(self) -> float | None:
        """Return the GPUs that its running tasks ask for; None where that is not known of one."""
        return total(run.gpus for run in self.runs)


class Query:
    """A query's stages by their last operator's id, and the plan's parents, which tell whose task it is.

    ``deaths``: by last operator and task, how many workers ended while they ran it.
    ``cancelled``: nobody waits for it any more; ``failed``: one of its tasks was made to fail, so the engine knows;
    ``lacks``: why its tasks wait though not for workers, if no node has what they ask for. ``gpus``: what each operator
    that runs a UDF in its tasks asks for; empty where none of them asks for GPUs; None: not known.
    """

    __slots__ = (
        "cancelled",
        "deaths",
        "failed",
        "gpus",
        "gpus_by_stage",
        "id",
        "lacks",
        "parents",
        "stages",
        "stages_by_name",
    )

    def __init__(self, query_id: str, parents: dict[int, int]) -> None:
        self.id = query_id
        self.parents = parents
        self.stages: dict[int, Stage] = {}
        self.stages_by_name: dict[str, list[int]] = {}
        self.deaths: dict[tuple[int, int], int] = {}
        self.cancelled = self.failed = False
        self.lacks = ""
        self.gpus: Mapping[int, float] | None = {}
        self.gpus_by_stage: dict[tuple[str, int], float | None] = {}

    @property
    def has_tasks(self) -> bool:
        """Return True if a task of it waits or runs."""
        return any(stage.pending or stage.running for stage in self.stages.values())

    def ended_a_worker(self, last_id: int, task_id: int) -> None:
        """Count a worker that ended while it ran this task; of many tasks, keep those that ended most workers."""
        self.deaths[last_id, task_id] = self.deaths.get((last_id, task_id), 0) + 1
        if len(self.deaths) > KEPT_DEATHS:
            kept = sorted(self.deaths.items(), key=lambda item: item[1])[KEPT_DEATHS // 2 :]
            self.deaths = dict(kept)

    def deadliest(self) -> list[tuple[int, int, int]]:
        """Return for each stage the task that ended most workers, if more than one: last operator, task, how many."""
        found: dict[int, tuple[int, int, int]] = {}
        for (last_id, task_id), count in self.deaths.items():
            if count > max(1, found.get(last_id, (0, 0, 0))[2]):
                found[last_id] = (last_id, task_id, count)
        return list(found.values())

    @property
    def pending_gpus(self) -> float | None:
        """Return the GPUs that its pending tasks ask for; None where that is not known of some."""
        if self.gpus == {}:
            return 0.0
        asked = [(stage.pending, self.gpus_of(stage.name, stage.last_id)) for stage in self.stages.values()]
        return total(None if gpus is None else count * gpus for count, gpus in asked if count)

    def gpus_of(self, name: str, last_id: int) -> float | None:
        """Return the GPUs that a task asks for which ends in this operator; None where that cannot be told.

        Daft does not say it of a task. It is the most that any UDF asks for that runs in the task
        (``LocalPhysicalPlan::resource_request``, ``daft-local-plan``), and the task's name says how many these are:
        the nearest below its last operator.
        """
        count = name.count(UDF)
        if not count or self.gpus == {}:
            return 0.0
        if self.gpus is None:
            return None
        if (name, last_id) not in self.gpus_by_stage:
            self.gpus_by_stage[name, last_id] = most_of_nearest(self.gpus, self.parents, last_id, count)
        return self.gpus_by_stage[name, last_id]

    def stage(self, last_id: int, name: str) -> Stage:
        stage = self.stages.get(last_id)
        if stage is None:
            stage = self.stages[last_id] = Stage(last_id, name, self)
        # An operator may have tasks of several names: a sort samples, then repartitions, then sorts.
        named = self.stages_by_name.setdefault(name, [])
        if last_id not in named:
            named.append(last_id)
        stage.name = name
        return stage

    def stage_of(self, name: str, first_id: int) -> Stage:
        """Return the stage of a dispatched task: it has the task's name and is the nearest above its first operator."""
        candidates = self.stages_by_name[name]
        if len(candidates) > 1:
            node: int | None = first_id
            while node is not None:
                if node in candidates:
                    return self.stages[node]
                node = self.parents.get(node)
        return self.stages[candidates[0]]


def total(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of amounts; None where one of them is not known."""
    found = 0.0
    for amount in amounts:
        if amount is None:
            return None
        found += amount
    return round(found, 4)


def most_of_nearest(gpus: Mapping[int, float], parents: Mapping[int, int], last_id: int, count: int) -> float | None:
    """Return the most that the nearest ``count`` operators with an amount have, from ``last_id`` down the plan.

    Where the way goes on beyond an operator with several inputs, only if all amounts are the same; else None.
    """
    inputs: dict[int, list[int]] = {}
    for child, parent in parents.items():
        inputs.setdefault(parent, []).append(child)
    found: list[float] = []
    operator: int | None = last_id
    while operator is not None and len(found) < count:
        if operator in gpus:
            found.append(gpus[operator])
        below = inputs.get(operator, [])
        operator = below[0] if len(below) == 1 else None
    if len(found) == count:
        return max(found)
    amounts = set(gpus.values())
    return amounts.pop() if len(amounts) == 1 else None
