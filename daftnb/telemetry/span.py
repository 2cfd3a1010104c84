"""The time of a cell, and what a view shows of the cell's queries: live while they run, then as they ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daftnb.telemetry.focus import focus
from daftnb.telemetry.limits import TAIL_SECONDS

if TYPE_CHECKING:
    from daftnb.telemetry.model import State
    from daftnb.telemetry.wire import Kept, Past, Snapshot

    Read = Callable[[Callable[[State], Snapshot]], Snapshot]  # Monitor.read, of one snapshot

ACTIVE = ("planning", "running")
SETTLED_SECONDS = 5.0  # after a query's end: until then details of it may still come


@dataclass(slots=True)
class Span:
    """When a cell ran: seconds since the epoch; ``ended`` is None while it does.

    ``key``: the notebook's id of the cell, "" where it has none. ``owners``: by a query's id, the cell that it is known
    to belong to; ``begun``: how many queries are known to be this cell's.
    """

    began: float
    ended: float | None = None
    key: str = ""
    owners: Mapping[str, Span] = field(default_factory=dict, repr=False, compare=False)
    begun: int = field(default=0, compare=False)

    def has(self, row: Past) -> bool:
        """Return True if a query of the history belongs to the cell: it is known to, or it began while the cell ran."""
        owner = self.owners.get(row["id"])
        if owner is not None:
            return owner is self
        return self.began <= row["started"] and (self.ended is None or row["started"] <= self.ended)


class CellTime:
    """What there is to see of a cell's queries: as it is now while one of them runs, then as it was at their end.

    The snapshot of their end is kept, since workers and cluster go on changing. It is the last within three seconds,
    and before another cell's query began. Snapshots have to be told as they come (:meth:`of`).
    """

    def __init__(self, span: Span) -> None:
        self.span = span
        self.still = False  # nothing of it changes with time any more
        self._then: Snapshot | None = None
        self._last: Snapshot | None = None
        self._final = False
        self._begun = 0

    @property
    def is_final(self) -> bool:
        """Return True once nothing will change, unless a thread of the cell runs another query."""
        return self._last is not None and self._final and self._begun == self.span.begun

    def of(self, read: Read, snapshot: Snapshot) -> Snapshot | None:
        """Return the snapshot with the cell's latest query, as all was then; None where the cell has none (yet)."""
        if self.is_final:
            return self._last
        begun = self.span.begun
        rows = [row for row in snapshot["queries"].values() if self.span.has(row)]
        if not rows:
            return self._last  # the history has dropped them, or there are none
        running = [row["number"] for row in rows if row["state"] in ACTIVE]
        number = max(running or [row["number"] for row in rows])
        then = self.then(snapshot, rows)
        queries = {**then["queries"], **{str(row["number"]): row for row in rows}}
        found = read(lambda state: focus(state, {**then, "queries": queries}, number, None))
        settled = snapshot["now"] > _end_of(rows) + SETTLED_SECONDS
        over = not running and self.span.ended is not None
        kept: Kept = {"number": number, "still": self.still, "follows": False}
        self._last, self._begun = {**found, "look": None, "kept": kept}, begun
        self._final = over and settled and self.still
        return self._last

    def then(self, snapshot: Snapshot, rows: list[Past]) -> Snapshot:
        """Return the snapshot of the end of these queries, or ``snapshot`` where it is their time."""
        if not rows or any(row["state"] in ACTIVE for row in rows):
            self.still, self._then = False, snapshot
            return snapshot
        mine = {row["number"] for row in rows}
        end = _end_of(rows)
        others = (row for row in snapshot["queries"].values() if row["number"] not in mine)
        self.still = snapshot["now"] > end + TAIL_SECONDS or any(row["started"] > end for row in others)
        if self._then is None or not self.still:
            self._then = snapshot
        return self._then


def _end_of(rows: list[Past]) -> float:
    return max(row["started"] + row["elapsed"] for row in rows)
