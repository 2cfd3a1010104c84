"""Recorders that were told events."""

from __future__ import annotations

from collections.abc import Iterable

from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.state import apply


def recorded(events: Iterable[e.Event], into: Recorder | None = None, state: State | None = None) -> Recorder:
    """A recorder that was told these events."""
    into, state = into or Recorder(), state or State()
    for event in events:
        into.record(event, state)
        apply(event, state)
    return into


def tiny(number: int, t: float, name: str = "scan") -> list[e.Event]:
    """A query of a few events."""
    id_ = f"q{number}"
    return [
        e.QueryStarted(t, id_, "native"),
        e.PlanReady(t, id_, (e.PlanNode(0, name, "Source", ()),)),
        e.OperatorStats(t + 0.01, id_, 0, None, 5, None, 40, 9),
        e.QueryFinished(t + 0.01, id_, "finished"),
    ]
