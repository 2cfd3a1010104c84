"""One calm line under a cell: its queries, live; opened, it is the cockpit."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import traitlets

from daftnb.telemetry.focus import focus
from daftnb.telemetry.frames import LIVE_LANES, Frame, select
from daftnb.widgets.base import View
from daftnb.widgets.loading import WIDGET_MIME

LEAST_SECONDS = 0.3  # shorter queries are counted, not listed
MOST_LISTED = 20  # the latest
PATIENCE_SECONDS = 1.0  # a page that can be heard while its cell runs says something when it has drawn the line


@dataclass(slots=True)
class Span:
    """When a cell ran: seconds since the epoch; ``ended`` is None while it does."""

    began: float
    ended: float | None = None


@dataclass(slots=True)
class Told:
    """The queries of a cell: the rows of those that are listed, and how many were too short to be."""

    rows: dict[str, Any] = field(default_factory=dict)
    brief: int = 0

    @property
    def active(self) -> bool:
        return any(row["state"] in ("planning", "running") for row in self.rows.values())

    @property
    def headline(self) -> int | None:
        """The number of the query that the line is about: the latest that runs, else the latest."""
        running = [row["number"] for row in self.rows.values() if row["state"] in ("planning", "running")]
        return max(running or [row["number"] for row in self.rows.values()], default=None)


def queries_of(frame: Frame, span: Span) -> Told:
    """The queries of a frame that began while a cell ran."""
    told = Told()
    for key, row in frame["queries"].items():
        if row["started"] < span.began or (span.ended is not None and row["started"] > span.ended):
            continue
        if row["elapsed"] >= LEAST_SECONDS:
            told.rows[key] = row
        elif row["state"] not in ("planning", "running"):
            told.brief += 1
    told.rows = dict(list(told.rows.items())[-MOST_LISTED:])
    return told


class Line(View):
    """The queries of one cell. Closed it is sent their numbers only; ``opened`` it is sent what the cockpit is.

    A kernel without subshells (ipykernel 6) hears the page only when its cells are over. So that the line opens while
    they run, it is sent all until the page has been heard. ``paged``: a page ran the cell, and there is one to hear.
    """

    view = "line"

    opened = traitlets.Bool(False).tag(sync=True)

    def __init__(self, session: Any, span: Span, frame: Frame | None = None, paged: bool = False) -> None:
        self._span = span
        self._heard = not paged
        self._part_now: Frame = {}
        self._settled = False
        super().__init__(session, frame)

    @property
    def looking(self) -> bool:
        """Not once all is said; it is told again when it is opened."""
        return not self._settled and super().looking

    @property
    def over(self) -> bool:
        """Whether its cell has ended, and all its queries."""
        return self._settled

    @property
    def _unheard(self) -> bool:
        return not self._heard and self.shown_at > 0 and time.time() - self.shown_at >= PATIENCE_SECONDS

    def _part(self, frame: Frame) -> Frame:
        told = queries_of(frame, self._span)
        if not told.rows and self._part_now:
            return self._part_now  # the history has dropped them
        self._part_now = self._make(frame, told, self.opened or self._unheard)
        self._settled = self._span.ended is not None and not told.active and not self.opened
        return self._part_now

    def _make(self, frame: Frame, told: Told, whole: bool) -> Frame:
        number, pair = self._looked_at, self._compared
        if number not in (row["number"] for row in frame["queries"].values()):
            number = told.headline
        frame = self._session.monitor.read(lambda state: focus(state, frame, number, pair if whole else None, whole))
        frame["look"] = self._looked_at
        frame["cell"] = {"numbers": [row["number"] for row in told.rows.values()], "brief": told.brief}
        if whole:
            return select(frame, "cockpit", self._first, LIVE_LANES)
        return {**select(frame, "line"), "queries": told.rows}

    def _static_part(self, frame: Frame) -> Frame:
        told = queries_of(frame, self._span)
        number = told.headline
        if number is None and self._static_of:
            return self._static_of
        whole = self._session.monitor.read(lambda state: focus(state, frame, number, None))
        cell = {"numbers": [row["number"] for row in told.rows.values()], "brief": told.brief}
        return {**select({**whole, "cell": cell}, "line"), "queries": told.rows, "plan": whole["plan"]}

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
        """Leave the monitor, with the static view complete; being opened brings it back. On the shell's thread."""
        if self in self._session.monitor.listeners:  # else it rests: to look again would cost each cell that follows
            self.keep_static()
            self._session.monitor.listeners.remove(self)

    def retire(self) -> None:
        """Leave the page only what needs no kernel, and let go of everything."""
        bundle = {mime: data for mime, data in self._bundle().items() if mime != WIDGET_MIME}
        for handle in self._displays:
            handle.update(bundle, raw=True)
        self.close()
