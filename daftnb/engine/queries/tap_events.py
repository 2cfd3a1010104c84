"""Turns what the tap reports into events on this process's clock.

Details come first, then all that is absolute: it makes up for what was not fetched in time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from daftnb.engine.queries.functions import FunctionEvents
from daftnb.engine.queries.reading import operator_stats
from daftnb.telemetry import events as e

log = logging.getLogger("daftnb")

UNWATCHED = "this query runs unwatched, and without your settings"
_DETAILS: dict[str, Callable[..., e.Event]] = {
    "sample": e.BacklogSample,
    "worker": e.WorkerStarted,
    "ended": e.WorkerEnded,
    "request": e.ScaleRequested,
    "clear": e.DemandCleared,
    "hold": e.HoldBegun,
    "launch failed": e.LaunchFailed,
    "actors": e.ActorPool,
    "warm": e.WorkerKept,
    "reuse": e.WorkerReused,
}


class TapEvents:
    """The events of one actor's tap. ``shift`` is what its clock is behind this one, in seconds."""

    def __init__(self) -> None:
        self._faults: dict[str, int] = {}
        self.functions = FunctionEvents()
        self._dropped = 0

    def events(self, drained: dict[str, Any], shift: float) -> Iterator[e.Event]:
        """Yield the events of one look (:meth:`daftnb.engine.actor.door.InActor.drain`)."""
        now = drained["now"] + shift
        for kind, t, *facts in drained["events"]:
            yield _DETAILS[kind](t + shift, *facts)
        for t, query_id, last_id, worker_id, task_id, started, outcome in drained["tasks"]:
            yield e.TaskEnded(t + shift, query_id, last_id, worker_id, task_id, started + shift, outcome)
        yield from _counts(drained, now, shift)
        for query_id, rows in drained["stats"]:
            for row in rows:
                yield operator_stats(now, query_id, row["id"], row)
        for begun in drained.get("begun", ()):
            yield from begun_events(now, begun)
        yield from self.functions.events(drained.get("functions", ()), now, shift)
        if drained["nodes"] is not None:
            yield e.NodesSeen(now, tuple(e.Node(*node) for node in drained["nodes"]))
        if drained.get("launches") is not None:  # an older version's tap may be there
            coming, dropped, lacking = drained["launches"]
            yield e.LaunchesSeen(
                now, None if coming is None else tuple(e.Coming(*each) for each in coming), dropped, lacking
            )
        for row in drained["usage"]:
            devices = row[6] if len(row) > 6 else None
            read = None if devices is None else tuple(e.Device(*device) for device in devices)
            node_id, memory_used, memory_total, store_used, store_total, held = (*row, None)[:6]
            yield e.NodeFigures(now, node_id, memory_used, memory_total, store_used, store_total, held, read)
        if drained["dropped"]:
            self._dropped += drained["dropped"]
            yield e.DetailDropped(now, self._dropped)
        for text, count in drained["faults"].items():
            if text not in self._faults:
                yield e.ProblemFound(now, f"the counts may be off: in the runner actor, {text}")
            self._faults[text] = count


def begun_events(now: float, begun: tuple[Any, ...]) -> Iterator[e.Event]:
    """Yield what became of a query's settings: its id, what it asked for, what is in effect, or why nothing is."""
    query_id, asked, in_effect, why = begun
    if in_effect is None:
        yield e.ProblemFound(now, f"{UNWATCHED}: {why}")
        return
    log.debug("query %s: asked for %s; in effect %s", query_id, asked, in_effect)
    yield e.SettingsInEffect(now, query_id, tuple((name, text) for name, text in in_effect.items() if text is not None))
    if in_effect != asked:
        text = "another query was running, so its settings for downscaling hold for this one too"
        yield e.ProblemFound(now, f"{query_id}: {text}")


def _counts(drained: dict[str, Any], now: float, shift: float) -> Iterator[e.Event]:
    asked = None
    if drained["asked"] is not None:
        t, *facts = drained["asked"]
        asked = e.ScaleRequested(t + shift, *facts)
    lives = (e.Life(worker_id, started + shift, *facts) for worker_id, started, *facts in drained["lives"])
    yield e.PoolSeen(now, tuple(lives), asked)
    for query_id, last_id, name, *numbers in drained["stages"]:
        yield e.StageCounts(now, query_id, last_id, name, e.TaskCounts(*numbers))
    for worker_id, running, finished, idle_since, is_warm, retires_at, rule, runs, *gpus in drained["workers"]:
        idle, retires = (None if t is None else t + shift for t in (idle_since, retires_at))
        tasks = tuple((task_id, last_id, started + shift) for task_id, last_id, started in runs)
        yield e.WorkerCounts(now, worker_id, running, finished, idle, is_warm, retires, rule, tasks, *gpus)
    if drained["hold"] is not None:
        yield e.HoldCounted(now, *drained["hold"])
    for query_id, last_id, task_id, count in drained.get("deaths", ()):  # an older version's tap may be there
        yield e.TaskEndedWorkers(now, query_id, last_id, task_id, count)
    for query_id, name, count, *facts in drained["udfs"]:
        yield e.UdfActors(now, query_id, name, count, None, *facts)
