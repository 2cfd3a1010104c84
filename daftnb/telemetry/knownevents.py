"""Events for what was there when a recording began. Part of :mod:`daftnb.telemetry.events`."""

from __future__ import annotations

from dataclasses import dataclass

from daftnb.telemetry.scalingevents import BacklogSample, LaunchesSeen, ScaleRequested, Threshold


@dataclass(frozen=True, slots=True)
class QueryKnown:
    """A query that ran, or had just ended, when another one's recording begins."""

    id: str
    number: int
    runner: str
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class DecisionKnown:
    """A decision that was in the log when a recording begins; what comes may still add to it."""

    t: float
    kind: str
    label: str
    text: str
    count: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorldKnown:
    """How things stood when a recording begins, so that it goes on with the numbers and labels that were shown.

    ``queries``, ``workers``, ``samples`` and ``decisions``: how many there had been. ``settings``: what was set (not
    what was in effect), as (environment variable, text). ``demand``: CPUs wanted and granted at the ``sample``.
    ``threshold``: since when it is in effect, and which.
    ``hold``: the latest hold's number, which of ``log`` it is, and that one's count before it.
    """

    t: float
    queries: int
    workers: int
    granted: int | None = None
    nodes_known: bool = False
    recent: tuple[QueryKnown, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    in_effect: tuple[tuple[str, str], ...] | None = None
    in_effect_number: int | None = None
    peak_ratio: float | None = None
    request: ScaleRequested | None = None
    samples: int = 0
    sample: BacklogSample | None = None
    demand: tuple[int | None, int | None] = (None, None)
    decisions: int = 0
    log: tuple[DecisionKnown, ...] = ()
    hold: tuple[int, int, int] | None = None
    threshold: tuple[float, Threshold | None] | None = None
    launches: LaunchesSeen | None = None


@dataclass(frozen=True, slots=True)
class WorkerKnown:
    """A worker or node as it was when a recording begins, under the label it has.

    ``started``: its RaySwordfishActor; ``busy_since``: the start of the busy interval that is open; ``ended_tasks``:
    how many tasks had ended on it; ``gpus`` as in Node, ``gpus_tasks`` and the rest as in WorkerCounts.
    """

    t: float
    worker_id: str
    label: str
    slots: int
    memory: int | None
    since: float
    state: str
    head: bool
    running: int = 0
    finished: int = 0
    idle_since: float | None = None
    retires_at: float | None = None
    rule: str = ""
    started: float | None = None
    busy_since: float | None = None
    ended_tasks: int = 0
    tasks: tuple[tuple[int, int, float], ...] = ()
    gpus: float | None = None
    gpus_tasks: float | None = None
