"""A query on Ray as events: what the fold, the snapshots and the static views are tested with."""

from __future__ import annotations

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import apply

T = 1_800_000_000.0
PLAN = (
    e.PlanNode(1, "ScanTaskSource", "Physical", ()),
    e.PlanNode(2, "UDF score", "Physical", (1,)),
    e.PlanNode(3, "Sort", "Physical", (2,)),
)


def told(upto: float = 100.0) -> State:
    """The state after the events of the first ``upto`` seconds of a query that takes ten."""
    state = State()
    for event in events():
        if event.t - T <= upto:
            apply(event, state)
    return state


def events() -> list[e.Event]:
    """One worker, 20 tasks; a request, a second worker; one worker idle and retired at the end."""
    cluster = e.ClusterChanged(T - 10, "embedded", "running", "127.0.0.1:1", 1, 2, 1, 30.0)
    settings = tuple(AutoscalingSettings(threshold=1.5).environment().items())
    return [
        cluster,
        e.NodesSeen(T - 1, (e.Node("h", 0, 10**9, True), e.Node("a", 1, 2 * 10**9, False))),
        e.QueryStarted(T, "calm-willow", "ray"),
        e.PlanReady(T + 0.01, "calm-willow", PLAN),
        e.SettingsInEffect(T + 0.02, "calm-willow", settings),
        e.WorkerStarted(T + 0.5, "a", 1, 2 * 10**9),
        e.StageCounts(T + 1, "calm-willow", 2, "Scan->UDF", e.TaskCounts(20, 19, 1, 0, 0, 0)),
        e.WorkerCounts(T + 1, "a", 1, 0, None),
        e.BacklogSample(T + 1, 20, 19, 1, 1, 1, 1),
        e.ScaleRequested(T + 1.1, 2, 2, 19, 1),
        e.ScaleRequested(T + 2.1, 3, 3, 18, 1),
        e.ScaleRequested(T + 3.1, 4, 4, 17, 1),
        e.WorkerStarted(T + 5, "b", 1, 2 * 10**9),
        e.WorkerCounts(T + 5.1, "b", 1, 0, None),
        e.BacklogSample(T + 5.1, 12, 12, 2, 2, 2, 2),
        e.OperatorStats(T + 6, "calm-willow", 1, None, 200, None, 1600, 1000),
        e.OperatorStats(T + 6, "calm-willow", 2, 200, 150, 1600, 1200, 3000),
        e.StageCounts(T + 9, "calm-willow", 2, "Scan->UDF", e.TaskCounts(20, 0, 0, 20, 0, 0)),
        e.StageCounts(T + 9, "calm-willow", 3, "Sort", e.TaskCounts(1, 0, 1, 0, 0, 0)),
        e.WorkerCounts(T + 9, "a", 0, 12, T + 8.5),
        e.WorkerCounts(T + 9, "b", 1, 8, None),
        e.BacklogSample(T + 9, 0, 0, 1, 2, 2, 2),
        e.StageCounts(T + 9.9, "calm-willow", 3, "Sort", e.TaskCounts(1, 0, 0, 1, 0, 0)),
        e.WorkerCounts(T + 9.9, "b", 0, 9, T + 9.8),
        e.QueryFinished(T + 10, "calm-willow", "finished"),
        e.DemandCleared(T + 10),
        e.WorkerEnded(T + 10, "b", "retired"),
    ]


def snapshot(upto: float = 100.0, settings: AutoscalingSettings | None = None) -> Snapshot:
    """The snapshot of :func:`told`, at that moment (at most 12 s after the start)."""
    return snapshot_of(told(upto), T + min(upto, 12.0), "ray", settings or AutoscalingSettings())
