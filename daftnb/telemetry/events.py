"""The events: what the engine reports, as data. Nothing else passes from ``engine/`` to the rest.

Every event has ``t``, seconds since the epoch on the kernel's clock. Counts are absolute (so far), never increments:
an event that is lost or comes twice makes a view older, not wrong. Those about scaling, and those that a recording
begins with, are in modules of their own; all are names of this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Names that are passed on: a line for each, not a statement.
# isort: off
from daftnb.telemetry.knownevents import (
    DecisionKnown as DecisionKnown,
    QueryKnown as QueryKnown,
    WorkerKnown as WorkerKnown,
    WorldKnown as WorldKnown,
)
from daftnb.telemetry.scalingevents import (
    ActorPool as ActorPool,
    Amount as Amount,
    BacklogSample as BacklogSample,
    Coming as Coming,
    DemandCleared as DemandCleared,
    HoldBegun as HoldBegun,
    HoldCounted as HoldCounted,
    LaunchesSeen as LaunchesSeen,
    LaunchFailed as LaunchFailed,
    Life as Life,
    PoolSeen as PoolSeen,
    ScaleRequested as ScaleRequested,
)
from daftnb.telemetry.workevents import (
    Counter as Counter,
    UdfActorFigures as UdfActorFigures,
    UdfFigures as UdfFigures,
    UdfKnown as UdfKnown,
)

# isort: on
from daftnb.text.reasons import describe_error
from daftnb.text.shorten import shortened

LONGEST_PROBLEM = 300  # characters
Outcome = Literal["finished", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One operator of a physical plan. ``inputs`` are the ids of the operators that feed it."""

    id: int
    name: str
    kind: str
    inputs: tuple[int, ...]
    detail: str = ""
    estimated_rows: int | None = None


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Tasks by what became of them; ``submitted`` is the sum of the others. A task that is retried is pending again."""

    submitted: int = 0
    pending: int = 0
    running: int = 0
    finished: int = 0
    failed: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class QueryStarted:
    """``name``: what the user calls it (``daftnb.watch``), if anything."""

    t: float
    query_id: str
    runner: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class PlanReady:
    """The physical plan that is about to run; ``operators`` has every input before the operator it feeds."""

    t: float
    query_id: str
    operators: tuple[PlanNode, ...]


@dataclass(frozen=True, slots=True)
class LogicalPlan:
    """A query's plan before it is physical: as it was written (logical), and as Daft made it (optimised)."""

    t: float
    query_id: str
    stage: Literal["logical", "optimised"]
    operators: tuple[PlanNode, ...]


@dataclass(frozen=True, slots=True)
class SettingsInEffect:
    """The settings a query runs with, as read back from the process that decides: (environment variable, text)."""

    t: float
    query_id: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OperatorStarted:
    t: float
    query_id: str
    operator_id: int


@dataclass(frozen=True, slots=True)
class OperatorFinished:
    t: float
    query_id: str
    operator_id: int


@dataclass(frozen=True, slots=True)
class OperatorStats:
    """The engine's own counters of one operator so far: rows, bytes, and the time spent in it in µs (all threads)."""

    t: float
    query_id: str
    operator_id: int
    rows_in: int | None = None
    rows_out: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    duration_us: int | None = None


@dataclass(frozen=True, slots=True)
class StageCounts:
    """The tasks that end in operator ``last_id``; ``name`` is the chain of operators that runs in each of them."""

    t: float
    query_id: str
    last_id: int
    name: str
    counts: TaskCounts


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task of a query that ended at ``t`` on a worker, in operator ``last_id``. A detail: not all need come."""

    t: float
    query_id: str
    last_id: int
    worker_id: str
    task_id: int
    started: float
    outcome: Literal["finished", "failed", "cancelled", "lost"]


@dataclass(frozen=True, slots=True)
class QueryFinished:
    """A query has ended.

    ``error``: why it failed, the reason in the first line. ``raised_in``: the operator that raised, if it is known;
    the others of a query that failed have been stopped, unless they had ended before.
    """

    t: float
    query_id: str
    outcome: Outcome
    error: str | None = None
    rows: int | None = None
    raised_in: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """The engine has a RaySwordfishActor on a node; ``worker_id`` is the Ray node's id."""

    t: float
    worker_id: str
    slots: int
    memory: int
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """Tasks of one worker. ``idle_since``: end of its last task, or its start; None while it runs one.

    ``warm``: the engine has let go of it, and the next query takes it over. ``retires_at``: when it is ended if
    nothing uses it (None: it is not), and ``rule``, why. ``tasks``: those that run now, each as its id, its operator's
    (``last_id``) and its start; no more of them than the worker has slots. ``gpus``: what these ask for, as Daft's
    scheduler counts it; None: not known.
    """

    t: float
    worker_id: str
    running: int
    finished: int
    idle_since: float | None
    warm: bool = False
    retires_at: float | None = None
    rule: str = ""
    tasks: tuple[tuple[int, int, float], ...] = ()
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerEnded:
    """A worker's process has ended: it was retired, by ``rule``, or it died."""

    t: float
    worker_id: str
    reason: Literal["retired", "died"]
    rule: str = ""


@dataclass(frozen=True, slots=True)
class WorkerKept:
    """The engine has let go of a worker (at a query's end it lets go of all that are idle); it stays warm."""

    t: float
    worker_id: str


@dataclass(frozen=True, slots=True)
class WorkerReused:
    """A query has taken over a warm worker."""

    t: float
    worker_id: str


@dataclass(frozen=True, slots=True)
class RunnerEnded:
    """Daft's runner actor has died, and all its workers with it."""

    t: float


@dataclass(frozen=True, slots=True)
class Node:
    """One node as Ray lists it. ``gpus``: by Ray's bookkeeping, whether there are devices behind them or not."""

    id: str
    slots: int
    memory: int
    head: bool
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class NodesSeen:
    """All nodes that are alive now, by Ray's own list."""

    t: float
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU of the machine that a node is on, as NVML reads it: how busy it is, in percent, and its memory in bytes."""

    index: int
    name: str
    busy: int | None = None
    memory_used: int | None = None
    memory_total: int | None = None


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """What a node uses, in bytes.

    The resident memory of its worker's process against what Ray gives the node, and its part of the object store, by
    Ray's own count. ``gpus_held``: the GPUs that actors and Ray's own tasks hold, by Ray's count; tasks of Daft's are
    not among them. ``devices``: those of its machine, read while somebody looks; None: not known.
    """

    t: float
    worker_id: str
    memory_used: int | None
    memory_total: int | None
    store_used: int | None
    store_total: int | None
    gpus_held: float | None = None
    devices: tuple[Device, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaskEndedWorkers:
    """Several workers ended one after the other while they ran the same task, which the engine tries again each time.

    ``last_id``: the operator that the task ends in; ``workers``: how many so far.
    """

    t: float
    query_id: str
    last_id: int
    task_id: int
    workers: int


@dataclass(frozen=True, slots=True)
class UdfActors:
    """The actors that a UDF with ``.with_concurrency(n)`` runs in, of one operator: how many, and how many idle.

    ``count`` is 0 once the query has ended them. ``idle``: None where it is not known. ``awaited``: so many are asked
    of Ray, and the query waits for them, ``limit`` seconds at most; then it goes on with those it has. ``asked``: of
    Ray, in all (0: not known); ``function``: what Daft calls it; ``each``: the resources that one actor asks for, by
    Ray's names. ``fits``: how many of them the cluster's nodes have room for, if nothing else ran; ``lack``: the
    resources that are missing for the others. ``waited``: seconds until the query went on; None while it waits.
    """

    t: float
    query_id: str
    name: str
    count: int
    idle: int | None = None
    awaited: int = 0
    limit: float = 0.0
    asked: int = 0
    function: str = ""
    each: tuple[tuple[str, Amount], ...] = ()
    fits: int | None = None
    lack: tuple[tuple[str, Amount], ...] = ()
    waited: float | None = None


@dataclass(frozen=True, slots=True)
class DetailDropped:
    """Events the kernel did not fetch in time, so far. Counts are not affected."""

    t: float
    events: int


@dataclass(frozen=True, slots=True)
class ClusterChanged:
    """The cluster behind the Ray runner; None: not known from here.

    ``state``: disconnected where it runs on, and this process's connection to it has been ended by somebody else; not
    answering where its head takes no connections, since ``silent_since`` (seconds since the epoch).
    ``least_cpus``, ``most_cpus``: CPUs of all its nodes, the head's too, where they are not ``cpus`` of each worker.
    ``gpus``: logical ones of each worker of an embedded cluster; ``most_gpus``: of all nodes of another.
    """

    t: float
    kind: Literal["embedded", "external"]
    state: Literal["starting", "running", "not answering", "stopped", "disconnected"]
    address: str
    min_workers: int | None = None
    max_workers: int | None = None
    cpus: int | None = None
    idle_timeout: float | None = None
    least_cpus: int | None = None
    most_cpus: int | None = None
    silent_since: float | None = None
    gpus: int | None = None
    most_gpus: int | None = None


@dataclass(frozen=True, slots=True)
class ProblemFound:
    """A feature that is off, or an error inside daftnb that did not touch the query: one line."""

    t: float
    text: str

    @classmethod
    def of(cls, t: float, what: str, error: BaseException) -> ProblemFound:
        """Return that something went wrong, and why; ``what`` is the beginning of the sentence."""
        return cls(t, shortened(f"{what}: {describe_error(error)}", LONGEST_PROBLEM))


Event = (
    QueryStarted
    | LogicalPlan
    | PlanReady
    | SettingsInEffect
    | OperatorStarted
    | OperatorFinished
    | OperatorStats
    | StageCounts
    | TaskEnded
    | QueryFinished
    | WorkerStarted
    | WorkerCounts
    | WorkerEnded
    | WorkerKept
    | WorkerReused
    | RunnerEnded
    | NodesSeen
    | NodeFigures
    | UdfActors
    | UdfKnown
    | UdfFigures
    | UdfActorFigures
    | TaskEndedWorkers
    | BacklogSample
    | ScaleRequested
    | HoldBegun
    | HoldCounted
    | DemandCleared
    | LaunchesSeen
    | LaunchFailed
    | ActorPool
    | PoolSeen
    | DetailDropped
    | ClusterChanged
    | WorldKnown
    | WorkerKnown
    | ProblemFound
)
