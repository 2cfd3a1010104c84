"""What was told and is not folded yet. It is put in on the threads of queries, which must not wait.

Folding a query of two milliseconds takes a tenth of that, of the one thread that Python runs at a time. Where such
queries come one after the other it can wait until they pause; and of all but the last hundred, which is how many the
session keeps, nothing but their number has to be known by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daftnb.telemetry import events as e
from daftnb.telemetry.state import KEPT_QUERIES

BETWEEN_SECONDS = 0.25  # since a query began: a little more than the time between two snapshots
MOST_QUERIES = 2_000  # that wait
MOST_CHARACTERS = 8_000_000  # in what is not read yet


@dataclass(frozen=True, slots=True)
class Unread:
    """What reads the events of a query; ``size``: the characters that it holds."""

    query_id: str
    read: Callable[[], Iterable[e.Event]]
    size: int


Item = e.Event | Unread


class Inbox:
    """Takes from any thread; the rest is for the thread that folds, one at a time."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()  # whose appends and pops need no lock
        self._latest = float("-inf")  # when the latest query of the native runner began
        self._began = self._characters = 0  # of what waits, about: threads that put in at once may lose a count

    def put(self, event: e.Event) -> None:
        """Take an event."""
        self._items.append(event)
        if isinstance(event, e.QueryStarted):
            self._began += 1
            # An engine elsewhere has things to tell, and drops them where nobody asks.
            self._latest = event.t if event.runner == "native" else float("-inf")

    def put_unread(self, query_id: str, read: Callable[[], Iterable[e.Event]], size: int) -> None:
        """Take what reads events."""
        self._items.append(Unread(query_id, read, size))
        self._characters += size

    def is_due(self, now: float) -> bool:
        """Return False while it can wait: a query began just now, and it is not too much yet."""
        if now - self._latest >= BETWEEN_SECONDS:
            return True
        return self._began >= MOST_QUERIES or self._characters >= MOST_CHARACTERS

    def take(self, keeps_each: bool = False) -> tuple[list[Item], frozenset[str]]:
        """Return all there is, in order, and the ids of the queries of which only their number is of use.

        ``keeps_each``: somebody takes the recording of each, so that there are none of the latter.
        """
        items = self._pop()
        self._began = self._characters = 0
        superseded = frozenset() if keeps_each else _superseded(items)
        return _without_details(items, superseded), superseded

    def forget_superseded(self) -> None:
        """Let go of what nobody will ever see."""
        items = self._pop()
        items = _without_details(items, _superseded(items))
        self._characters = sum(each.size for each in items if isinstance(each, Unread))
        self._items.extendleft(reversed(items))

    def _pop(self) -> list[Item]:
        return [self._items.popleft() for _ in range(len(self._items))]


def _superseded(items: list[Item]) -> frozenset[str]:
    """Return the queries that have ended, and after which more have begun than the session keeps."""
    began = [each.query_id for each in items if isinstance(each, e.QueryStarted)]
    old = frozenset(began[:-KEPT_QUERIES])
    return old and old.intersection(each.query_id for each in items if isinstance(each, e.QueryFinished))


def _without_details(items: list[Item], superseded: frozenset[str]) -> list[Item]:
    """Return the items but for those of these queries that say more than that one began, or ended."""
    if not superseded:
        return items
    return [
        each
        for each in items
        if isinstance(each, e.QueryStarted | e.QueryFinished) or getattr(each, "query_id", None) not in superseded
    ]
