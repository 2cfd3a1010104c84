"""Queries on Ray as events, with a backlog, and the cluster that they run on."""

from __future__ import annotations

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from tests.helpers.story import PLAN, T

CLUSTER = (
    e.ClusterChanged(T - 100, "embedded", "running", "127.0.0.1:1", 1, 4, 1, 30.0),
    e.NodesSeen(T - 99, (e.Node("h", 0, 10**9, True), e.Node("a", 1, 10**9, False))),
    e.WorkerStarted(T - 98, "a", 1, 10**9),
)


def on_ray(number: int, began: float, took: float, threshold: float, pending: int) -> list[e.Event]:
    """A query on Ray, with a backlog in its first half and a request."""
    id_ = f"q{number}"
    settings = tuple(AutoscalingSettings(threshold=threshold).environment().items())
    return [
        e.QueryStarted(began, id_, "ray", f"name {number}"),
        e.PlanReady(began, id_, PLAN),
        e.SettingsInEffect(began + 0.1, id_, settings),
        e.WorkerCounts(began + 0.2, "a", 1, 10 * number, None),
        e.BacklogSample(began + 0.2, pending, pending, 1, 1, 1),
        e.ScaleRequested(began + 0.3, number + 1, number + 1, pending, 1),
        e.BacklogSample(began + took / 2, 0, 0, 1, 1, 1),
        e.WorkerCounts(began + took, "a", 0, 10 * number + 5, began + took),
        e.BacklogSample(began + took - 0.01, 1, 1, 1, 0, 1),  # the last one is of a moment before the end
        e.QueryFinished(began + took, id_, "finished"),
    ]
