"""A recorded query as spans of time and samples: what other tools than daftnb show of it.

Times are seconds since the epoch. Daft on Ray tells of tasks and of stages (the operators that run in one task, by the
operator in which it ends), not when an operator begins and ends: there an operator's span is that of its stage, and
``derived`` says so. What had not ended at the recording's end has the end None.
"""

from __future__ import annotations

from dataclasses import dataclass

from daftnb.telemetry import events as e
from daftnb.telemetry.model import Mark, Query, State
from daftnb.telemetry.replay import Replay
from daftnb.telemetry.state import apply
from daftnb.telemetry.tables import ended_tasks


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that took time: an operator or a stage, by its id. ``started`` None: it never began, or nobody said."""

    id: int
    name: str
    started: float | None
    ended: float | None
    state: str
    stage: int | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    seconds: float | None = None  # spent in it, all threads together
    tasks: int | None = None
    failed: int | None = None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """The backlog at a moment. ``wanted``: CPUs that are asked of Ray; ``granted``: of all nodes. None: not known."""

    t: float
    pending: int
    running: int
    capacity: int
    workers: int
    wanted: int | None
    granted: int | None


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows a second that left an operator since the rate before it: derived from the engine's counts."""

    t: float
    operator: int
    rows_per_second: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of one query. ``workers`` are the labels of its tasks' workers; ``end`` is the end of the recording."""

    query: Query
    end: float
    stages: tuple[Stretch, ...]
    operators: tuple[Stretch, ...]
    tasks: tuple[e.TaskEnded, ...]
    workers: dict[str, str]
    samples: tuple[Sample, ...]
    rates: tuple[Rate, ...]
    decisions: tuple[Mark, ...]


def timeline_of(replay: Replay) -> Timeline:
    """Return the timeline of a recorded query. It folds the recording once more: no limit of a view holds for it."""
    state = State()
    samples: list[Sample] = []
    rates: list[Rate] = []
    marks: dict[int, Mark] = {}
    labels: dict[str, str] = {}
    began: dict[int, float] = {}
    ended: dict[int, float] = {}
    rows: dict[int, tuple[float, int]] = {}
    for event in replay.events:
        apply(event, state)
        if isinstance(event, e.BacklogSample):
            samples.append(_sample(event, state))
        elif isinstance(event, e.OperatorStarted) and event.query_id == replay.id:
            began[event.operator_id] = event.t
        elif isinstance(event, e.OperatorFinished) and event.query_id == replay.id:
            ended[event.operator_id] = event.t
        elif isinstance(event, e.OperatorStats) and event.query_id == replay.id and event.rows_out is not None:
            before, count = rows.get(event.operator_id, (replay.start, 0))
            if event.t > before:
                rates.append(Rate(event.t, event.operator_id, max(0, event.rows_out - count) / (event.t - before)))
                rows[event.operator_id] = (event.t, event.rows_out)
        marks.update(state.marks)
        labels.update({worker.id: worker.label for worker in state.workers.values()})
    tasks = tuple(ended_tasks(replay))
    replay.state()
    query = replay.query
    stages = _stages(query, tasks)
    return Timeline(
        query,
        replay.end,
        stages,
        _operators(query, {stage.id: stage for stage in stages}, began, ended, replay),
        tasks,
        labels,
        tuple(samples),
        tuple(rates),
        tuple(mark for mark in marks.values() if mark.t >= replay.start),
    )


def _sample(event: e.BacklogSample, state: State) -> Sample:
    wanted = state.request.cpus if state.request else None
    return Sample(event.t, event.pending, event.running, event.capacity, event.workers, wanted, state.granted)


def _stages(query: Query, tasks: tuple[e.TaskEnded, ...]) -> tuple[Stretch, ...]:
    """Return the stages in the order in which their first tasks began."""
    times: dict[int, tuple[float, float]] = {}
    for task in tasks:
        first, last = times.get(task.last_id, (task.started, task.t))
        times[task.last_id] = (min(first, task.started), max(last, task.t))
    found = []
    for id_, stage in query.stages.items():
        counts = stage.counts
        span = times.get(id_)  # none where no task was told of
        over = counts.pending + counts.running == 0 or not query.active
        state = "failed" if counts.failed else "finished" if over else "running"
        found.append(
            Stretch(
                id_, stage.name, span and span[0], span[1] if span and over else None, state,
                stage=id_, tasks=counts.submitted, failed=counts.failed,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda stage: (stage.started is None, stage.started or 0.0, stage.id)))


def _operators(
    query: Query, stages: dict[int, Stretch], began: dict[int, float], ended: dict[int, float], replay: Replay
) -> tuple[Stretch, ...]:
    plan = replay.last["plan"]
    found = []
    for row in plan["operators"].values() if plan else ():
        id_ = row["id"]
        stage = None if row["stage"] is None else stages.get(row["stage"])
        derived = id_ not in began
        started = began.get(id_) if not derived else None if stage is None else stage.started
        over = ended.get(id_, query.ended) if not derived else None if stage is None else stage.ended
        duration = row["duration_us"]
        found.append(
            Stretch(
                id_,
                row["name"],
                started,
                over if started is None or over is None else max(started, over),
                row["state"],
                None if stage is None else stage.id,
                row["rows_in"],
                row["rows_out"],
                None if duration is None else duration / 1e6,
                derived=derived,
            )
        )
    return tuple(found)
