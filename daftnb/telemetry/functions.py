"""What is known of a query's functions (UDFs) and of the actors that they run in, and how it is folded from events.

Bounded, whatever a query calls: see the limits here. An event that is older than what is known changes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from daftnb.telemetry import events as e

if TYPE_CHECKING:
    from daftnb.telemetry.model import Query, State

KEPT_FUNCTIONS = 200  # of a query
KEPT_ACTORS = 2_000  # of a query, all its functions together
RATE_SECONDS = 5.0  # over which "rows a second now" is taken
STEP_SECONDS = 0.1  # points of a rate that are closer than this are one
SILENT_SECONDS = 1.5  # after this without anything new, no rows have come since
OVER = ("ended", "died")


@dataclass(slots=True)
class Rate:
    """Rows over the last few seconds, as points in time at which they were told: (seconds since the epoch, rows)."""

    points: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=round(RATE_SECONDS / STEP_SECONDS)))

    def add(self, t: float, rows: int) -> None:
        """Note how many rows there had been at ``t``."""
        points = self.points
        if len(points) > 1 and t - points[-2][0] < STEP_SECONDS:
            points[-1] = (t, rows)
        else:
            points.append((t, rows))
        while len(points) > 2 and points[1][0] <= t - RATE_SECONDS:
            points.popleft()

    def at(self, now: float) -> float | None:
        """Return the rows a second up to ``now``; None until they have been told twice."""
        if len(self.points) < 2:
            return None
        latest, rows = self.points[-1]
        end = latest if now - latest <= SILENT_SECONDS else now
        start, before = next(
            (point for point in reversed(self.points) if point[0] <= end - RATE_SECONDS), self.points[0]
        )
        return max(0, rows - before) / (end - start) if end > start else None


@dataclass(slots=True)
class Actor:
    """An actor, or a process, of a function: the latest of its figures."""

    figures: e.UdfActorFigures
    rate: Rate = field(default_factory=Rate)


@dataclass(slots=True)
class Function:
    """A function: what it is, what it has done so far, and its actors, by key. None: not told."""

    key: str
    known: e.UdfKnown | None = None
    figures: e.UdfFigures | None = None
    rate: Rate = field(default_factory=Rate)
    began: float | None = None  # its first call; derived where that is not told
    changed: float | None = None  # when rows were told last that were not told before
    actors: dict[str, Actor] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return its dotted name; its key where that is not known."""
        return self.known.name if self.known is not None else self.key

    @property
    def called(self) -> bool:
        """Return True if it is known that it has been called."""
        return self.figures is not None and (self.figures.calls > 0 or self.figures.running > 0)

    def rate_overall(self) -> float | None:
        """Return the rows a second over all the time in which it ran; None where that is not known."""
        if self.figures is None or self.began is None or self.changed is None or self.changed <= self.began:
            return None
        return self.figures.rows_in / (self.changed - self.began)


def know(event: e.UdfKnown, state: State) -> None:
    """Fold what a function is."""
    function = _function(event, state)
    if function is not None and (function.known is None or function.known.t <= event.t):
        function.known = event


def count(event: e.UdfFigures, state: State) -> None:
    """Fold what a function has done so far."""
    function = _function(event, state)
    if function is None or not news(function.figures, event):
        return
    if function.figures is None or function.figures.rows_in != event.rows_in:
        function.changed = event.t
    function.rate.add(event.t, event.rows_in)
    function.figures = event
    if event.began is not None:
        function.began = event.began
    elif function.began is None and function.called:
        # Its calls so far took that long, if they came one after the other.
        function.began = max(state.queries[event.query_id].started, event.t - event.seconds)


def count_actor(event: e.UdfActorFigures, state: State) -> None:
    """Fold what an actor does. None of them outlives its query."""
    function = _function(event, state)
    if function is None:
        return
    query = state.queries[event.query_id]
    actor = function.actors.get(event.actor)
    if actor is None:
        if actors_of(query) >= KEPT_ACTORS:
            return
        actor = function.actors[event.actor] = Actor(event)
    elif not news(actor.figures, event):
        return
    actor.rate.add(event.t, event.rows)
    actor.figures = event if query.active else over(event, query.ended)


def news(old: e.UdfFigures | e.UdfActorFigures | None, new: e.UdfFigures | e.UdfActorFigures) -> bool:
    """Return True if figures say more than those that are known: they are newer, and not the same."""
    return old is None or (old.t <= new.t and _ALL_BUT_T[type(old)](old) != _ALL_BUT_T[type(new)](new))


_ALL_BUT_T = {
    kind: attrgetter(*(each.name for each in fields(kind) if each.name != "t"))
    for kind in (e.UdfFigures, e.UdfActorFigures)
}


def over(figures: e.UdfActorFigures, ended: float | None) -> e.UdfActorFigures:
    """Return an actor's figures once its query is over, which ends it where nothing else has."""
    if figures.state in OVER:
        return figures
    return replace(figures, state="ended", since=figures.t if ended is None else ended, queue=None)


def end_all(query: Query) -> None:
    """End the actors of a query that has ended."""
    for function in query.functions.values():
        for actor in function.actors.values():
            actor.figures = over(actor.figures, query.ended)


def actors_of(query: Query) -> int:
    """Return how many actors of a query are known."""
    return sum(len(function.actors) for function in query.functions.values())


def _function(event: e.UdfKnown | e.UdfFigures | e.UdfActorFigures, state: State) -> Function | None:
    """Return the function that an event is of; None where its query is not known, or has too many of them."""
    query = state.queries.get(event.query_id)
    if query is None:
        return None
    function = query.functions.get(event.udf)
    if function is None and len(query.functions) < KEPT_FUNCTIONS:
        function = query.functions[event.udf] = Function(event.udf)
    return function


def first_actors(function: Function, most: int) -> dict[str, Actor]:
    """Return the first actors of a function, those that are not over before the others."""
    if len(function.actors) <= most:
        return function.actors
    listed = sorted(function.actors.items(), key=lambda item: item[1].figures.state in OVER)
    return dict(islice(listed, most))
