"""Records the events of every query, from what was there before it to a few seconds after its end.

It is told each event before the monitor folds it, and does no more then than to note it; encoding comes later, on the
monitor's thread, when the query is over and nothing runs. It is told the time, too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

from daftnb.errors import RecordingError
from daftnb.telemetry import events as e
from daftnb.telemetry import world
from daftnb.telemetry.codec import checked
from daftnb.telemetry.model import State
from daftnb.telemetry.recordfile import Reel, decode, encode
from daftnb.telemetry.thinning import same_usage, says_nothing
from daftnb.text.spelling import shown

TAIL_SECONDS = 5.0  # after a query's end: what the engine then lets go of and withdraws belongs to it
OVERLAPPING = 4  # queries that are over and still hear of the world: of many short ones, the last few
KEPT_QUERIES = 100
KEPT_BYTES = 64_000_000
MOST_BYTES = 16_000_000  # of one query; above it only counts go on
CHUNK = 16_384  # events of a query that runs, after which they are encoded
BATCH = 8  # recordings encoded at a time
WAITING = KEPT_QUERIES  # recordings that wait for a quiet moment; more are encoded at once
TOO_LARGE = "older recordings were dropped: those of this session had more than 64 MB"
TOO_LONG = "a recording leaves out details: its query had more than 16 MB of them"
LOST = "malformed events were left out of a recording"

# What concerns one query alone. All else concerns every query that hears of the world at that time.
_OWN: frozenset[type] = frozenset(
    (
        *(e.PlanReady, e.LogicalPlan, e.OperatorStarted, e.OperatorFinished, e.OperatorStats, e.StageCounts),
        *(e.UdfActors, e.UdfKnown, e.UdfFigures, e.UdfActorFigures, e.TaskEndedWorkers),
    )
)
# What a query must be told of itself, whether it still hears of the world or not.
_ABOUT: frozenset[type] = frozenset((e.TaskEnded, e.QueryFinished, e.SettingsInEffect))
# What a recording that is too large keeps the latest of, by its ids; _DETAIL it goes on without.
_COUNTS: dict[type, Callable[[Any], tuple[object, ...]]] = {
    e.OperatorStats: lambda event: (event.query_id, event.operator_id),
    e.StageCounts: lambda event: (event.query_id, event.last_id),
    e.UdfFigures: lambda event: (event.query_id, event.udf),
    e.UdfActorFigures: lambda event: (event.query_id, event.udf, event.actor),
    e.WorkerCounts: lambda event: (event.worker_id,),
    e.HoldCounted: lambda event: (),
    e.NodesSeen: lambda event: (),
    e.PoolSeen: lambda event: (),
    e.LaunchesSeen: lambda event: (),
}
_DETAIL = (e.TaskEnded, e.BacklogSample, e.NodeFigures)


@dataclass(slots=True)
class _Take:
    """A query's recording in the making."""

    number: int
    id: str
    started: float
    ended: float | None = None
    over: bool = False  # nothing is added any more
    events: list[e.Event] = field(default_factory=list)  # those not encoded yet
    moments: list[float] = field(default_factory=list)  # when they came
    chunks: list[bytes] = field(default_factory=list)
    latest: dict[tuple[object, ...], e.Event] | None = None  # of counts, by their ids, once it is too large
    dropped: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.chunks))

    def add(self, event: e.Event, moment: float) -> None:
        if self.latest is not None:
            ids = _COUNTS.get(type(event))
            if ids is not None:
                self.latest[(type(event), *ids(event))] = event
            if ids is not None or isinstance(event, _DETAIL):
                self.dropped += 1
                return
        self.events.append(event)
        self.moments.append(moment)

    def finish(self, moment: float) -> None:
        self.over = True
        if self.latest:
            self.events += self.latest.values()
            self.moments += [moment] * len(self.latest)
            self.dropped -= len(self.latest)
            self.latest.clear()


class Recorder:
    """Records what a Monitor folds. ``settings`` gives what is set, as environment variables.

    ``record`` is called on the thread that folds, ``settle`` on the monitor's own, the rest from any. ``listeners`` are
    told the number of each recording that is over, on the thread of ``settle``.
    """

    def __init__(self, settings: Callable[[], Mapping[str, str]] = dict) -> None:
        self.dropped = 0  # recordings of queries that are no longer kept
        self.listeners: list[Callable[[int], None]] = []
        self._closed: list[_Take] = []  # that the listeners were not told of yet
        self._settings = settings
        self._takes: OrderedDict[int, _Take] = OrderedDict()
        self._open: dict[str, _Take] = {}  # to which events are added
        self._world: list[_Take] = []  # of those, the ones that hear of the world, the oldest first
        self._usage: dict[str, e.NodeFigures] = {}  # as last recorded
        self._now = 0.0  # the latest time of an event: what comes now cannot have come earlier
        self._lock = threading.RLock()

    def record(self, event: e.Event, state: State) -> None:
        """Note an event that is about to be folded into ``state``."""
        if self._open:
            self._now = max(self._now, event.t)
        if isinstance(event, e.QueryStarted):
            self._begin(event, state)
            return
        if not self._open or says_nothing(event, state):
            return
        kind = type(event)
        with self._lock:
            if kind in _OWN:
                take = self._open.get(event.query_id)  # type: ignore[union-attr]  # each of them has one
                if take is not None:
                    take.add(event, self._now)
                return
            if isinstance(event, e.NodeFigures):
                if same_usage(self._usage.get(event.worker_id), event):
                    return
                self._usage[event.worker_id] = event
            for take in self._world:
                take.add(event, self._now)
            if kind in _ABOUT:
                take = self._open.get(event.query_id)  # type: ignore[union-attr]  # each of them has one
                if take is None:
                    return
                if take not in self._world:
                    take.add(event, self._now)
                if isinstance(event, e.QueryFinished):
                    self._ended(take, event.t)

    def _begin(self, event: e.QueryStarted, state: State) -> None:
        if event.query_id in state.queries:
            return
        with self._lock:
            if not self._open:
                self._now = event.t
            for other in self._world:
                other.add(event, self._now)
            take = _Take(state.query_count + 1, event.query_id, event.t)
            for fact in world.known(state, event.t, self._settings()):
                take.add(fact, self._now)
            take.add(event, self._now)
            self._usage = {w.id: w.usage for w in state.workers.values() if w.usage is not None}
            self._takes[take.number] = self._open[take.id] = take
            self._world.append(take)
            if len(self._open) > 2 * KEPT_QUERIES:  # queries that never ended
                self._close(next(iter(self._open.values())))

    def _ended(self, take: _Take, t: float) -> None:
        if take.ended is not None:
            return
        take.ended = t
        over = [each for each in self._world if each.ended is not None]
        for each in over[: max(0, len(over) - OVERLAPPING)]:
            self._world.remove(each)

    def _close(self, take: _Take) -> None:
        take.finish(self._now)
        del self._open[take.id]
        self._closed.append(take)
        if take in self._world:
            self._world.remove(take)

    # -- on the monitor's thread --------------------------------------------------------------------------------------

    def settle(self, now: float, active: bool) -> list[str]:
        """Close and encode the recordings that are over, and return the problems to be told, one line each.

        ``active``: a query runs.
        """
        problems: list[str] = []
        with self._lock:
            for take in list(self._open.values()):
                if take.ended is not None and now - take.ended >= TAIL_SECONDS:
                    self._close(take)
            over = self._closed[:]
            if not self.listeners:
                self._make_room(problems)  # what is not kept is not worth encoding
            waiting = [take for take in self._takes.values() if take.over and take.events]
            if active and len(waiting) <= WAITING and sum(len(take.events) for take in waiting) <= 4 * CHUNK:
                waiting = []  # later, when nothing runs
            long = [take for take in self._open.values() if len(take.events) >= CHUNK]
        for take in (*long, *waiting[:BATCH]):
            self._encode(take, problems)
        for take in over:
            for listener in list(self.listeners):
                listener(take.number)
        with self._lock:
            del self._closed[: len(over)]
            self._make_room(problems)
        return problems

    def _encode(self, take: _Take, problems: list[str]) -> None:
        with self._lock:
            events, moments = take.events[:], take.moments[:]
        try:
            chunk, failed = encode(events, moments)
        except Exception as error:
            with self._lock:
                del take.events[: len(events)], take.moments[: len(events)]
                take.dropped += len(events)
            problems.append(f"a part of a recording was lost: {error!r}")
            return
        with self._lock:
            take.chunks.append(chunk)
            del take.events[: len(events)], take.moments[: len(events)]
            if failed:
                take.dropped += failed
                problems.append(LOST)
            if take.latest is None and not take.over and take.size > MOST_BYTES:
                take.latest = {}
                problems.append(TOO_LONG)

    def _make_room(self, problems: list[str]) -> None:
        untold = {take.number for take in self._closed} if self.listeners else set()
        over = [take for take in self._takes.values() if take.over and take.number not in untold]
        size = sum(take.size for take in self._takes.values())
        many = len(self._takes) - KEPT_QUERIES
        for take in over:
            if many <= 0 and size <= KEPT_BYTES:
                return
            if many <= 0:
                problems.append(TOO_LARGE)
            del self._takes[take.number]
            size -= take.size
            many -= 1
            self.dropped += 1

    # -- what is kept -------------------------------------------------------------------------------------------------

    @property
    def numbers(self) -> list[int]:
        """Return the numbers of the queries of which there is a recording."""
        with self._lock:
            return list(self._takes)

    @property
    def untold_numbers(self) -> dict[int, bool]:
        """Return the numbers of the queries that no listener was told of yet, and whether each has ended."""
        with self._lock:
            return {take.number: take.ended is not None for take in (*self._closed, *self._open.values())}

    @property
    def bytes(self) -> int:
        """Return the bytes that the encoded recordings take up."""
        with self._lock:
            return sum(take.size for take in self._takes.values())

    def number_of(self, query: int | str | None = None) -> int:
        """Return the number of a query that is given by number or id (None: the latest).

        Raises RecordingError if it has no recording.
        """
        with self._lock:
            if not self._takes:
                raise RecordingError("No query has run yet.", "Run one: every query is recorded")
            if query is None:
                return next(reversed(self._takes))
            for take in self._takes.values():
                if query in (take.number, take.id, str(take.number)):
                    return take.number
            kept = {take.id: take.number for take in self._takes.values()}
        numbers = list(kept.values())
        near = get_close_matches(str(query), kept, n=1)
        raise RecordingError(
            f"There is no recording of query {shown(str(query), 60)} "
            f"(there are recordings of queries {numbers[0]} to {numbers[-1]}).",
            f"Try {near[0]}" if near else "Try %daft history",
        )

    def reel(self, number: int) -> Reel:
        """Return the events of a query's recording so far; raise RecordingError if there is none any more."""
        return self.held(number)()

    def held(self, number: int) -> Callable[[], Reel]:
        """Return what gives a query's recording as it is now, also when it is not kept any more; it takes little room.

        Raises RecordingError if there is none.
        """
        with self._lock:
            take = self._takes.get(number)
            if take is None:
                raise RecordingError(f"There is no recording of query {number} any more.", "Try %daft history")
            chunks, dropped = list(take.chunks), take.dropped
            counts = (take.latest or {}).values()
            tail = [*take.events, *counts], [*take.moments, *[self._now] * len(counts)]
        return partial(_reel, number, chunks, dropped, tail)


def _reel(number: int, chunks: list[bytes], dropped: int, tail: tuple[list[e.Event], list[float]]) -> Reel:
    _, last, came, failed = checked(*tail)
    events: list[e.Event] = []
    moments: list[float] = []
    for more, when in (*map(decode, chunks), (last, came)):
        events += more
        moments += when
    return Reel(number, events, moments, dropped + failed)
