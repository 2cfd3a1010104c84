"""A session of Daft's native runner without a monitor's thread, whose clock stands."""

from __future__ import annotations

from typing import Any

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import apply
from tests.helpers import story

T = story.T


def native(number: int, began: float, took: float | None, rows: int = 10, state: str = "finished") -> list[e.Event]:
    """A query on the native runner; ``took`` None: it still runs."""
    id_ = f"q{number}"
    plan = (e.PlanNode(1, "Scan", "", ()), e.PlanNode(2, "Filter", "", (1,)), e.PlanNode(3, "Sort", "", (2,)))
    events: list[e.Event] = [
        e.QueryStarted(began, id_, "native"),
        e.PlanReady(began, id_, plan),
        e.OperatorFinished(began + 0.1, id_, 1),
        e.OperatorStats(began + 0.1, id_, 3, rows, rows, 8 * rows, 8 * rows, 1000 * number),
    ]
    if took is not None:
        events.append(e.QueryFinished(began + took, id_, state, "boom" if state == "failed" else None))  # type: ignore[arg-type]
    return events


class FakeSession:
    """A host (telemetry/host.py) whose events are given, with the real monitor."""

    lines: Any = None

    def cancel_on_ray(self, query_id: str) -> bool:
        return False

    def __init__(self, *events: e.Event, now: float = T) -> None:
        self.now = now
        self.monitor = Monitor(
            list, lambda state, now: snapshot_of(state, now, "native", AutoscalingSettings.read()), lambda: self.now
        )
        self.tell(*events)
        self.nudges = 0
        self.monitor.nudge = self.nudge  # type: ignore[method-assign]  # the test ticks

    def tell(self, *events: e.Event) -> None:
        for event in events:
            apply(event, self.monitor.state)

    def nudge(self) -> None:
        self.nudges += 1

    def snapshot(self) -> Snapshot:
        return self.monitor.refresh()

    def cancel(self, query_id: str) -> str | None:
        return None

    def set(self, **values: str) -> None:
        from daftnb.settings import assign

        for name, value in values.items():
            assign(name, value)


def ask(view: Any, **content: Any) -> None:
    view._on_message(view, content, [])
