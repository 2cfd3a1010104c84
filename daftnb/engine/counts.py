"""The tap's counters: plain objects that live in the runner actor, sent there by value with :mod:`daftnb.engine.tap`.

Everything here is arithmetic on small integers; memory grows with operators and workers, never with tasks.
"""

from __future__ import annotations


class Stage:
    """Counters of the tasks that end in one operator (the engine's own attribution)."""

    __slots__ = (
        "cancelled_pending",
        "cancelled_running",
        "dispatched",
        "done",
        "failed",
        "name",
        "ok",
        "retried",
        "submitted",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.submitted = self.dispatched = self.done = 0
        self.ok = self.failed = self.retried = self.cancelled_running = self.cancelled_pending = 0

    @property
    def running(self) -> int:
        return self.dispatched - self.ok - self.failed - self.retried - self.cancelled_running

    @property
    def pending(self) -> int:
        return self.submitted - self.dispatched + self.retried - self.cancelled_pending


class Worker:
    """One RaySwordfishActor, by the id of its node."""

    __slots__ = ("alive", "cpus", "finished", "idle_since", "memory", "running", "started")

    def __init__(self, cpus: int, memory: int, now: float) -> None:
        self.cpus, self.memory, self.started = cpus, memory, now
        self.running = self.finished = 0
        self.idle_since: float | None = now
        self.alive = True


class Query:
    """A query's stages by their last operator's id, and the plan's parents, which tell whose task it is."""

    __slots__ = ("id", "parents", "stages", "stages_by_name")

    def __init__(self, query_id: str, parents: dict[int, int]) -> None:
        self.id = query_id
        self.parents = parents
        self.stages: dict[int, Stage] = {}
        self.stages_by_name: dict[str, list[int]] = {}

    def stage(self, last_id: int, name: str) -> Stage:
        stage = self.stages.get(last_id)
        if stage is None:
            stage = self.stages[last_id] = Stage(name)
        # An operator may have tasks of several names: a sort samples, then repartitions, then sorts.
        named = self.stages_by_name.setdefault(name, [])
        if last_id not in named:
            named.append(last_id)
        stage.name = name
        return stage

    def stage_of(self, name: str, first_id: int) -> Stage:
        """The stage of a dispatched task: it has the task's name and is the nearest above the task's first operator."""
        candidates = self.stages_by_name[name]
        if len(candidates) > 1:
            node: int | None = first_id
            while node is not None:
                if node in candidates:
                    return self.stages[node]
                node = self.parents.get(node)
        return self.stages[candidates[0]]
