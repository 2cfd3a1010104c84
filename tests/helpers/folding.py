"""A state that events were folded into, and events that several tests begin with."""

from __future__ import annotations

from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.state import apply

NODES = e.NodesSeen(10.0, (e.Node("h", 0, 9, True), e.Node("a", 2, 7, False)))
CLUSTER = e.ClusterChanged(1.0, "embedded", "running", "here", 1, 3, 2, 30.0)


def folded(*events: e.Event, state: State | None = None) -> State:
    state = state or State()
    for event in events:
        apply(event, state)
    return state


def log(state: State) -> list[tuple[str, str, str, int]]:
    return [(m.kind, m.label, m.text, m.count) for m in state.marks.values()]
