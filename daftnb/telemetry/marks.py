"""Adds lines to the decision log; a repeated line, or one about several workers, is one line."""

from __future__ import annotations

from collections.abc import Callable

from daftnb.telemetry.model import Mark, State, Worker
from daftnb.telemetry.wire import DecisionKind

KEPT_DECISIONS = 50
CHANGES_NOTHING = ("hold", "kept", "sweep", "reuse")
TOGETHER_SECONDS = 0.5  # between what is told of several workers and is one decision


def mark(state: State, t: float, kind: DecisionKind, label: str, text: str) -> Mark:
    """Note a decision, and return its mark.

    The same decision again, with none between them that changed anything, only raises its count.
    """
    for last in reversed(state.marks.values()):
        if last.kind == kind and last.text == text:
            last.count += 1
            return last
        if last.kind not in CHANGES_NOTHING:
            break
    new = state.marks[state.mark_count] = Mark(t, kind, label, text)
    state.mark_count += 1
    while len(state.marks) > KEPT_DECISIONS:
        state.marks.popitem(last=False)
    return new


def mark_together(
    state: State, t: float, kind: DecisionKind, worker: Worker, words: Callable[[list[str]], str]
) -> None:
    """Note a decision about several workers as one line, where they are told of one after the other at one moment."""
    last = next(reversed(state.marks.values())) if state.marks else None
    if last is None or last.kind != kind or t - last.t > TOGETHER_SECONDS or worker.label in last.labels:
        mark(state, t, kind, "", words([worker.label])).labels = [worker.label]
        return
    last.labels.append(worker.label)
    last.text = words(last.labels)
