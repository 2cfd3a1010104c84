"""The decision log against the engine's own trace, decision by decision, and against the rules of the engine."""

from __future__ import annotations

import itertools
import os
import re
import time
from typing import Any

import pytest

from daftnb.session import Session
from daftnb.telemetry import events as e
from tests.cluster.scaling import decisions, sleepy, tiny, whole_trace, workers
from tests.conftest import await_that

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
INTERVAL = 1.0  # AUTOSCALER_UPDATE_INTERVAL_S of the embedded cluster
CLOCK = 0.005  # between the trace's wall clock and the actor's, which was set by it once


class Iteration:
    """One round of the scheduler, as it traced it."""

    def __init__(self, t: float, pending: int, workers: int) -> None:
        self.t, self.pending, self.workers = t, pending, workers
        self.wants = False  # it found that workers are needed
        self.bundles = 0
        self.dispatched = False
        self.end = float("inf")  # when the next round began

    def holds(self, t: float) -> bool:
        """Whether what happened then was this round's doing: rounds come one after the other, however late."""
        return self.t - CLOCK <= t < self.end + CLOCK


def iterations(trace: list[tuple[float, dict[str, Any]]]) -> list[Iteration]:
    found: list[Iteration] = []
    for t, fields in trace:
        match fields.get("message"):
            case "Received worker snapshots":
                if found:
                    found[-1].end = t
                found.append(Iteration(t, int(fields["pending_tasks"]), int(fields["num_workers"])))
            case "Sending autoscaling request":
                found[-1].wants = True
                found[-1].bundles = len(re.findall("num_cpus", fields["autoscaling_request"]))
            case "Scheduling tasks for dispatch":
                found[-1].dispatched = True
    return found


def record(session: Session, query: Any) -> tuple[list[e.Event], list[float]]:
    """Run a query; the tap's events about it, as they came through the door, and when the kernel looked."""
    assert session.connection.flotilla is not None
    told, seen, looks = session.connection.flotilla.door._tap_events, [], []
    events = told.events

    def noted(drained: dict[str, Any], shift: float) -> Any:
        looks.append(drained["now"] + shift)
        for event in events(drained, shift):
            seen.append(event)
            yield event

    told.events = noted  # type: ignore[method-assign]
    try:
        query.collect()
        session.snapshot()
    finally:
        del told.events  # type: ignore[attr-defined]
    return seen, looks


def test_every_decision_is_the_engines(session: Session) -> None:
    os.environ["DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS"] = "2"
    tiny()
    await_that(lambda: len(workers(session)) == 1, "one worker", 30)
    began = time.time()
    events, looks = record(session, sleepy(40, 0.35))
    rounds = [r for r in iterations(whole_trace(session, began)) if r.pending]
    assert len(rounds) > 20
    threshold = 1.25
    # The trace itself follows the rule that the log states.
    for r in rounds:
        assert r.wants == (not r.workers or r.pending / r.workers > threshold), vars(r)

    requests = [event for event in events if isinstance(event, e.ScaleRequested)]
    log = sorted([event for event in events if isinstance(event, (e.HoldBegun, e.ScaleRequested))], key=lambda x: x.t)

    def standing(t: float) -> e.Event | None:
        return next((event for event in reversed(log) if event.t <= t), None)

    unlike = []
    for r in rounds:
        # A round that dispatches is seen as it does; one that does not, by the kernel's next look, which ends before
        # the one after it.
        ahead = [look for look in looks if look >= r.t]
        until = r.end + CLOCK if r.dispatched else max(ahead[:2], default=r.end)
        candidates = [standing(r.t), *(event for event in log if r.t <= event.t <= until)]
        asking = [
            isinstance(c, e.ScaleRequested) or (isinstance(c, e.HoldBegun) and c.reason != "below") for c in candidates
        ]
        if r.wants not in asking:
            unlike.append((vars(r), candidates))
    assert not unlike, unlike[:3]

    # Each request was made in a round that wanted it, with the backlog the trace has.
    askers = []
    for event in requests:
        asker = [r for r in rounds if r.wants and r.t <= event.t][-1]  # one is made after its round's line
        assert asker.holds(event.t), (event, vars(asker))
        assert (event.pending, event.capacity) == (asker.pending, asker.workers)
        askers.append(asker)
    # At least an interval apart: by as much as the first was written down late, the gap may look shorter.
    for (before, asker), after in zip(zip(requests, askers, strict=True), requests[1:], strict=False):
        assert after.t - before.t >= INTERVAL - (before.t - asker.t) - CLOCK, (before, asker, after)
    # One bundle more than was asked before or is there, as the engine ramps up.
    for before, after in itertools.pairwise(requests):
        assert after.bundles == max(before.bundles, after.capacity) + 1, (before, after)
    # And none is missing: a round that wants, an interval after the last, with more pending than ever asked, asks.
    for r in rounds:
        last = next((event for event in reversed(requests) if event.t < r.t), None)
        due = last is None or (r.t - last.t > INTERVAL + CLOCK and r.pending > max(last.cpus, r.workers))
        if r.wants and due:
            assert any(r.holds(event.t) for event in requests), vars(r)


def test_the_log_says_what_was_swept_kept_granted_refused_and_retired(session: Session) -> None:
    os.environ["DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS"] = "1"
    tiny()
    await_that(lambda: len(workers(session)) == 1, "one worker", 30)
    since = time.time()
    sleepy(40, 0.35).collect()
    await_that(lambda: len(workers(session)) == 1 or session.monitor.state.problems, "the others are retired", 10)
    assert session.monitor.state.problems == {}
    log = decisions(session, since)
    by_kind = {entry["kind"]: entry["text"] for entry in log}
    assert re.fullmatch(r"ratio [\d.]+ \(\d+ pending ÷ \d CPUs\): asked Ray for \d × 1 CPU", by_kind["request"])
    assert re.fullmatch(r"asked \d+ CPUs, sent 3: the most that this cluster may have", by_kind["over max"])
    assert re.fullmatch(r"the query has ended: .* kept warm for the next one", by_kind["sweep"])
    assert re.fullmatch(r"worker \d+ is kept though idle: survivor", by_kind["kept"])
    assert re.fullmatch(r"worker \d+ was retired, [\d.]+ s idle \(after 1 s idle\)", by_kind["retire"])
    assert by_kind["clear"] == "what was asked of Ray is withdrawn"
    assert any("at most once per autoscaler interval" in entry["text"] for entry in log)
    assert any("is not above the threshold" in entry["text"] for entry in log)
    granted = [entry["text"] for entry in log if entry["kind"] == "granted"]
    assert all(
        re.fullmatch(r"Ray gave the node of worker \d+, [\d.]+ s after the last request", text) for text in granted
    )


def test_many_tiny_queries_are_a_few_lines_with_a_count(session: Session) -> None:
    for _ in range(3):
        tiny()
    since = time.time()
    before = len(decisions(session))
    for _ in range(20):
        tiny()
    assert len(decisions(session)) - before <= 4
    assert not [entry for entry in decisions(session, since) if entry["kind"] in ("request", "retire", "died")]
    holds = [entry for entry in decisions(session) if entry["kind"] == "hold"]
    assert holds[-1]["count"] >= 20
