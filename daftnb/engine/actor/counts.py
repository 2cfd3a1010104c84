"""The tap's counters: plain objects that live in the runner actor, beside :mod:`daftnb.engine.actor.tap`.

Everything here is arithmetic on small integers; memory grows with operators and workers, never with tasks.
"""

from __future__ import annotations

KEPT_DEATHS = 64  # tasks of a query whose workers ended


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

    __slots__ = ("stage", "started", "task_id", "worker_id")

    def __init__(self, stage: Stage, worker_id: str, task_id: int, started: float) -> None:
        self.stage, self.worker_id, self.task_id, self.started = stage, worker_id, task_id, started


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
        "held",
        "idle_since",
        "memory",
        "runs",
        "started",
        "used",
    )

    def __init__(self, cpus: int, memory: int, now: float) -> None:
        self.cpus, self.memory, self.started = cpus, memory, now
        self.finished = 0
        self.runs: set[Run] = set()
        self.idle_since: float | None = now
        self.alive = self.held = True
        self.used = False  # since the engine took it over

    @property
    def running(self) -> int:
        return len(self.runs)


class Query:
    """A query's stages by their last operator's id, and the plan's parents, which tell whose task it is.

    ``deaths``: by last operator and task, how many workers ended while they ran it.
    ``cancelled``: nobody waits for it any more; ``failed``: one of its tasks was made to fail, so the engine knows;
    ``lacks``: why its tasks wait though not for workers, if no node has what they ask for.
    """

    __slots__ = ("cancelled", "deaths", "failed", "id", "lacks", "parents", "stages", "stages_by_name")

    def __init__(self, query_id: str, parents: dict[int, int]) -> None:
        self.id = query_id
        self.parents = parents
        self.stages: dict[int, Stage] = {}
        self.stages_by_name: dict[str, list[int]] = {}
        self.deaths: dict[tuple[int, int], int] = {}
        self.cancelled = self.failed = False
        self.lacks = ""

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
