"""Replays one query's recording: its state and snapshot at any time.

An event takes effect when it came, not when it happened, as details are told late: what is seen at a time is always
what was seen live at some moment. When it came is the latest time of any event up to then, as a recorder has no clock.
"""

from __future__ import annotations

import pickle
from bisect import bisect_right
from functools import cached_property

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import Query, State
from daftnb.telemetry.recordfile import Reel
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import apply

EVERY = 2048  # events between two kept states, at least: going back costs one of those, and folding that many at most
MOST_KEPT = 24


class Replay:
    """One query's recording. ValueError if its events do not make one."""

    def __init__(self, reel: Reel) -> None:
        starts = ((i, event) for i, event in enumerate(reel.events) if isinstance(event, e.QueryStarted))
        self._first, begun = next(starts, (0, None))
        if begun is None:
            raise ValueError(f"the recording of query {reel.number} does not say when it began")
        self.number = reel.number
        self.id = begun.query_id
        self.start = begun.t
        self.dropped = reel.dropped
        self.events = reel.events
        self._moments = list(reel.moments)
        if self._moments != sorted(self._moments):
            raise ValueError(f"the events of query {reel.number} are not in the order in which they came")
        self._state = State()
        self._folded = 0
        self._kept: dict[int, bytes] = {0: pickle.dumps(self._state)}
        known = next((event for event in reel.events if isinstance(event, e.WorldKnown)), None)
        self.settings = AutoscalingSettings.read(dict(known.settings) if known is not None else {})
        self._every = max(EVERY, len(self.events) // MOST_KEPT)
        self._fold(len(self.events), keep=False)  # states to go back to are kept once somebody goes back
        if self.query.number != self.number:
            raise ValueError(f"the recording of query {self.number} is that of another")

    @property
    def moments(self) -> list[float]:
        """Return when each of the events came, in seconds since the epoch."""
        return self._moments

    @property
    def end(self) -> float:
        """Return when the last event came, in seconds since the epoch."""
        return max(self.start, self._moments[-1])

    @property
    def query(self) -> Query:
        """Return the query, as of the state that was looked at last."""
        return self._state.queries[self.id]

    def state(self, t: float | None = None) -> State:
        """Return the state at ``t`` (None: the end); it holds until the next call, and must not be changed."""
        upto = len(self.events) if t is None else max(self._first + 1, bisect_right(self._moments, t))
        if upto < self._folded or upto - self._folded > self._every:
            place = upto // self._every * self._every
            while place not in self._kept:
                place -= self._every
            if not place <= self._folded <= upto:
                self._state, self._folded = pickle.loads(self._kept[place]), place
        self._fold(upto)
        self._state.current = self.query
        return self._state

    def snapshot(self, t: float | None = None) -> Snapshot:
        """Return the snapshot at ``t`` (None: the end), as it was seen then."""
        now = self.end if t is None else min(max(t, self.start), self.end)
        state = self.state(now)
        return snapshot_of(state, now, self.query.runner, self.settings)

    @cached_property
    def last(self) -> Snapshot:
        """Return the snapshot at the end."""
        return self.snapshot()

    def _fold(self, upto: int, keep: bool = True) -> None:
        while self._folded < upto:
            event = self.events[self._folded]
            apply(event, self._state)
            self._folded += 1
            if keep and self._folded % self._every == 0 and self._folded not in self._kept:
                self._kept[self._folded] = pickle.dumps(self._state)
            if isinstance(event, e.QueryStarted) and self.id not in self._state.queries:
                # A hundred others began while it ran: from here on a session no longer shows it.
                self._cut(self._folded - 1)
                return

    def _cut(self, upto: int) -> None:
        self.events, self._moments = self.events[:upto], self._moments[:upto]
        self._kept = {place: kept for place, kept in self._kept.items() if place <= upto}
        self._state, self._folded = pickle.loads(self._kept[max(self._kept)]), max(self._kept)
        self._fold(upto)
