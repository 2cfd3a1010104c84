"""The line under a cell: shows its queries live, and opens into the cockpit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import traitlets

from daftnb.clock import steady as time
from daftnb.telemetry.focus import focus
from daftnb.telemetry.host import Host
from daftnb.telemetry.limits import BRIEF_SECONDS
from daftnb.telemetry.snapshots import LIVE_LANES, select
from daftnb.telemetry.span import CellTime, Span
from daftnb.telemetry.wire import CellQueries, Kept, Past, Snapshot
from daftnb.widgets.base import View, set_now

MOST_LISTED = 20  # the latest
PATIENCE_SECONDS = 1.0  # a page that can be heard while its cell runs says something when it has drawn the line


@dataclass(slots=True)
class CellRows:
    """The queries of a cell: the rows of those that are listed, and how many were too short to be."""

    rows: dict[str, Past] = field(default_factory=dict)
    brief: int = 0

    @property
    def active(self) -> bool:
        return any(row["state"] in ("planning", "running") for row in self.rows.values())

    @property
    def cell(self) -> CellQueries:
        return {"numbers": [row["number"] for row in self.rows.values()], "brief": self.brief}

    @property
    def headline(self) -> int | None:
        """Return the number of the query that the line is about: the latest that runs, else the latest."""
        running = [row["number"] for row in self.rows.values() if row["state"] in ("planning", "running")]
        return max(running or [row["number"] for row in self.rows.values()], default=None)


def queries_of(snapshot: Snapshot, span: Span) -> CellRows:
    """Return the queries of a snapshot that are a cell's: the latest that are listed, and how many were too short."""
    told = CellRows()
    for key, row in snapshot["queries"].items():
        if not span.has(row):
            continue
        if row["elapsed"] >= BRIEF_SECONDS:
            told.rows[key] = row
        elif row["state"] not in ("planning", "running"):
            told.brief += 1
    told.rows = dict(list(told.rows.items())[-MOST_LISTED:])
    return told


class Line(View):
    """The queries of one cell. Closed it is sent their numbers only; ``opened`` it is sent what the cockpit is.

    A kernel without subshells (ipykernel 6) hears the browser only when its cells are over. So that the line opens
    while they run, it is sent all until the browser has been heard. ``paged``: a browser ran the cell, and there is one
    to hear.
    """

    view = "line"

    opened = traitlets.Bool(False).tag(sync=True)

    def __init__(self, session: Host, span: Span, snapshot: Snapshot | None = None, paged: bool = False) -> None:
        self._span = span
        self._time = CellTime(span)
        self._heard = not paged
        self._part_now: Snapshot | None = None
        self._settled = False
        super().__init__(session, snapshot)
        self._stays = False  # it is the cell's by itself

    @property
    def looking(self) -> bool:
        """Return True if a browser may be showing this line; False once it is final, until it is opened."""
        return not self._settled and super().looking

    @property
    def over(self) -> bool:
        """Return True once its cell has ended, and all its queries, and it is not open."""
        return self._settled

    @property
    def _unheard(self) -> bool:
        return not self._heard and self.shown_at > 0 and time.time() - self.shown_at >= PATIENCE_SECONDS

    def _part(self, snapshot: Snapshot) -> Snapshot:
        told = queries_of(snapshot, self._span)
        if not told.rows and self._part_now is not None:
            return self._part_now  # the history has dropped them
        self._part_now = self._make(snapshot, told, self.opened or self._unheard)
        self._settled = self._span.ended is not None and not told.active and not self.opened
        return self._part_now

    def _make(self, snapshot: Snapshot, told: CellRows, whole: bool) -> Snapshot:
        number, pair = self._looked_at, self._compared
        kept: Kept | None = None
        if number is None or number not in (row["number"] for row in snapshot["queries"].values()):
            number = told.headline
            then = self._time.then(snapshot, [row for row in snapshot["queries"].values() if self._span.has(row)])
            if self._time.still:
                kept = {"number": None, "still": True, "follows": False}
            settings = set_now(then["settings"], snapshot["settings"])
            snapshot = {**then, "session": snapshot["session"], "queries": snapshot["queries"], "settings": settings}
        snapshot = self._session.monitor.read(
            lambda state: focus(state, snapshot, number, pair if whole else None, whole)
        )
        snapshot["look"] = self._looked_at
        snapshot["cell"] = told.cell
        part = select(snapshot, "cockpit", self._first, LIVE_LANES) if whole else select(snapshot, "line")
        if not whole:
            part["queries"] = told.rows
        return part if kept is None else {**part, "kept": kept}

    def _static_part(self, snapshot: Snapshot) -> Snapshot:
        told = queries_of(snapshot, self._span)
        number = told.headline
        if number is None and self._static_of is not None:
            return self._static_of
        whole = self._session.monitor.read(lambda state: focus(state, snapshot, number, None))
        return {**select({**whole, "cell": told.cell}, "line"), "queries": told.rows, "plan": whole["plan"]}

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        self._heard = True
        match content:
            case {"type": "open", "open": bool(opened), **rest} if not rest:
                self._open(opened)
            case _:
                super()._on_message(widget, content, buffers)

    def _open(self, opened: bool) -> None:
        self.opened = opened
        if not opened:
            self._looked_at = None
        self._settled = False
        self._resync = True
        if self not in self._session.monitor.listeners:
            self._session.monitor.listeners.append(self)
        self._answer()

    def rest(self) -> None:
        """Complete the static view, and leave the monitor until the line is opened. On the shell's thread."""
        if self in self._session.monitor.listeners:  # else it rests: to look again would cost each cell that follows
            self.keep_static()
            self._session.monitor.listeners.remove(self)

    def retire(self, though_shown: bool = True) -> bool:
        """Leave the browser only what needs no kernel, and let go of everything, whoever looks at it."""
        bundle = self._bundle(to="none")
        for handle in self._displays:
            handle.update(bundle, raw=True)
        self.close()
        return True
