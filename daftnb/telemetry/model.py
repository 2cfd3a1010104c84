"""The state that :mod:`daftnb.telemetry.state` folds events into, as plain objects."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from daftnb.settings import SETTINGS
from daftnb.telemetry import events as e
from daftnb.telemetry.functions import Function
from daftnb.telemetry.wire import DecisionKind, PlanStage, QueryRunner, QueryState, Task, WorkerState

KEPT_SPANS = 40
SHORTEST = 1e-3  # seconds; what is shorter is in one bin
BIN = 1.05
KEPT_TASKS = 40  # per worker, the latest
KEPT_LONGEST = 3  # tasks per stage
KEPT_THRESHOLDS = 50  # changes of it while a query runs, the latest
Step = tuple[float, float | None]  # since when, and the threshold that is in effect then; None: not known
GONE_SECONDS = 60  # a node that is gone leaves the state after this, at the next list of nodes


class Durations:
    """How long the tasks of one stage took: a histogram whose bins are 5 % wide, and the longest tasks themselves."""

    __slots__ = ("bins", "count", "longest", "total")

    def __init__(self) -> None:
        self.bins: dict[int, int] = {}
        self.count = 0
        self.total = 0.0  # seconds
        self.longest: list[tuple[float, int, str]] = []  # seconds, task id, worker id; the longest first

    def add(self, seconds: float, task_id: int, worker_id: str) -> None:
        """Count one task that took ``seconds``."""
        bin_ = math.ceil(math.log(max(seconds, SHORTEST) / SHORTEST, BIN))
        self.bins[bin_] = self.bins.get(bin_, 0) + 1
        self.count += 1
        self.total += seconds
        self.longest.append((seconds, task_id, worker_id))
        self.longest.sort(reverse=True)
        del self.longest[KEPT_LONGEST:]

    def median(self) -> float | None:
        """Return the median in seconds, approximate: at most 5 % too high; None where no task is counted."""
        left = self.count / 2
        for bin_ in sorted(self.bins):
            left -= self.bins[bin_]
            if left <= 0:
                return SHORTEST * BIN**bin_
        return None


@dataclass(slots=True)
class Operator:
    node: e.PlanNode
    started: bool = False
    ended: bool = False
    stats: e.OperatorStats | None = None


@dataclass(slots=True)
class Query:
    id: str
    number: int
    runner: QueryRunner
    started: float
    name: str = ""
    state: QueryState = "planning"
    ended: float | None = None
    rows: int | None = None
    error: str | None = None
    raised_in: int | None = None  # the operator that raised, where it failed and that is known
    operators: dict[int, Operator] = field(default_factory=dict)
    root: int | None = None
    plans: dict[PlanStage, tuple[e.PlanNode, ...]] = field(default_factory=dict)
    stages: dict[int, e.StageCounts] = field(default_factory=dict)
    durations: dict[int, Durations] = field(default_factory=dict)  # by stage
    udfs: dict[str, e.UdfActors] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)  # by key
    deadly: dict[int, e.TaskEndedWorkers] = field(default_factory=dict)  # by stage
    node_seconds: float = 0.0  # of the workers that ran, by the samples
    sampled: float | None = None
    settings: dict[str, str] | None = None
    thresholds: list[Step] = field(default_factory=list)  # in effect while it ran, the first from before
    peak_ratio: float | None = None
    workers_from: int | None = None
    workers_to: int | None = None

    @property
    def active(self) -> bool:
        return self.state in ("planning", "running")

    @property
    def result_rows(self) -> int | None:
        """Return the rows of the result; until the engine tells them, those that have left the plan's root so far."""
        root = self.operators.get(self.root) if self.root is not None else None
        return root.stats.rows_out if self.rows is None and root and root.stats else self.rows

    def tasks(self) -> e.TaskCounts | None:
        """Return the counts of all tasks of the query; None where there are none (the native runner has no tasks)."""
        if not self.stages:
            return None
        return add(stage.counts for stage in self.stages.values())

    def parents(self) -> dict[int, int]:
        """Return each operator's consumer, by the operator's id."""
        return {child: id_ for id_, operator in self.operators.items() for child in operator.node.inputs}


@dataclass(slots=True)
class Worker:
    id: str
    label: str
    slots: int
    memory: int | None
    since: float
    state: WorkerState
    head: bool = False
    running: int = 0
    finished: int = 0
    idle_since: float | None = None
    retires_at: float | None = None
    rule: str = ""
    spans: deque[list[float | None]] = field(default_factory=lambda: deque(maxlen=KEPT_SPANS))
    started: float | None = None  # the RaySwordfishActor that is there
    now: tuple[tuple[int, int, float], ...] = ()  # the tasks that run: id, operator, start
    tasks: OrderedDict[int, Task] = field(default_factory=OrderedDict)
    task_count: int = 0
    drawn: tuple[int, dict[str, Task]] = field(
        default=(0, {}), compare=False
    )  # the task_count that snapshots drew last, and its tasks
    usage: e.NodeFigures | None = None
    gpus: float | None = None  # of its node, by Ray's list
    gpus_tasks: float | None = None  # that its running tasks ask for

    @property
    def is_actor(self) -> bool:
        return self.state in ("busy", "idle", "warm")


@dataclass(slots=True)
class Mark:
    t: float
    kind: DecisionKind
    label: str
    text: str
    count: int = 1
    labels: list[str] = field(default_factory=list)  # of the workers it is about, where several


@dataclass(slots=True)
class State:
    queries: OrderedDict[str, Query] = field(default_factory=OrderedDict)
    current: Query | None = None
    query_count: int = 0
    workers: dict[str, Worker] = field(default_factory=dict)
    worker_count: int = 0
    samples: OrderedDict[int, e.BacklogSample] = field(default_factory=OrderedDict)
    demand: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)  # by sample: CPUs wanted, granted
    sample_count: int = 0
    peak_ratio: float | None = None
    marks: OrderedDict[int, Mark] = field(default_factory=OrderedDict)
    mark_count: int = 0
    request: e.ScaleRequested | None = None
    granted: int | None = None  # CPUs of all nodes that Ray lists
    launches: e.LaunchesSeen | None = None  # while workers are wanted
    hold: tuple[int, Mark, int] | None = None  # the latest hold's number, its mark, and that one's count before it
    cluster: e.ClusterChanged | None = None
    dropped: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    in_effect: dict[str, str] | None = None
    in_effect_number: int | None = None
    threshold: Step | None = None  # the latest
    nodes_known: bool = False

    def actors(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.is_actor]

    def operator(self, query_id: str, operator_id: int) -> Operator | None:
        """Return an operator of a query; None where either is not known."""
        query = self.queries.get(query_id)
        return None if query is None else query.operators.get(operator_id)

    def is_news(self, life: e.Life) -> bool:
        """Return True if a worker that is said to live is not known; False where its node is known to be gone."""
        worker = self.workers.get(life.worker_id)
        if worker is None:
            return not self.nodes_known
        return not worker.is_actor and (worker.state != "gone" or life.started > worker.since)

    def active(self) -> bool:
        """Return True if a query runs."""
        return any(query.active for query in self.queries.values())

    def note_threshold(self, t: float, query: Query) -> None:
        """Note the threshold that ``query`` has put in effect at ``t``, where it differs from the one before."""
        value = threshold_in(self.in_effect)
        if value == (None if self.threshold is None else self.threshold[1]):
            return
        self.threshold = (t, value)
        for each in self.queries.values():
            if each.active or each is query:
                each.thresholds.append(self.threshold)
                del each.thresholds[:-KEPT_THRESHOLDS]


def threshold_in(settings: Mapping[str, str] | None) -> float | None:
    """Return the threshold among settings that are in effect; None where it is not known."""
    try:
        value = float((settings or {})[SETTINGS["threshold"].env])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def add(many: Iterable[e.TaskCounts]) -> e.TaskCounts:
    """Return the sum of several TaskCounts."""
    total = [0, 0, 0, 0, 0, 0]
    for c in many:
        for index, part in enumerate((c.submitted, c.pending, c.running, c.finished, c.failed, c.cancelled)):
            total[index] += part
    return e.TaskCounts(*total)
