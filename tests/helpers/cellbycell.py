"""A notebook whose cells a test begins and ends, with the session's real monitor and lines."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.cells.lines import CellLines
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.snapshots import snapshot_of
from tests.helpers.fakesession import FakeSession
from tests.helpers.rayqueries import CLUSTER, on_ray
from tests.helpers.story import T


class Notebook:
    """A session whose cells are begun and ended by the test, and what each of them displays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.session: Any = FakeSession(*CLUSTER, now=T)
        monitor: Monitor = self.session.monitor
        monitor._snapshot = lambda state, now: snapshot_of(state, now, "ray", AutoscalingSettings())
        self.session.lines = self.lines = CellLines(self.session)
        self.shown: list[dict[str, Any]] = []  # the static forms, in the order in which they were displayed
        monkeypatch.setattr("daftnb.cells.lines.time.time", lambda: self.session.now)
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: SimpleNamespace(kernel="of a notebook"))
        monkeypatch.setattr("IPython.display.display", self.display)

    def display(self, bundle: Any, **_: Any) -> Any:
        place = len(self.shown)
        self.shown.append(bundle)

        def update(bundle: Any, **_: Any) -> None:
            self.shown[place] = bundle

        return SimpleNamespace(update=update)

    def tell(self, events: list[e.Event]) -> None:
        """They come, one after the other, each at its time; the monitor looks after each."""
        for event in events:
            self.session.now = max(self.session.now, event.t)
            if isinstance(event, e.QueryStarted):
                self.lines.query_began(event.query_id)
            self.session.tell(event)
            self.session.monitor.tick()

    def cell(self, *actions: Callable[[], object], key: str | None = None) -> None:
        """A cell that does this, 10 s after the one before, as the extension follows it."""
        self.session.now += 10
        self.lines.begin(key)
        for action in actions:
            action()
        self.lines.end()
        for listener in list(self.session.monitor.listeners):
            listener.keep_static()

    def query(self, number: int, took: float = 4.0, threshold: float = 1.25, pending: int = 8) -> Callable[[], None]:
        return lambda: self.tell(on_ray(number, self.session.now, took, threshold, pending))

    def said(self, place: int) -> str:
        """The first line of a static form."""
        return str(self.shown[place]["text/plain"]).splitlines()[0]
