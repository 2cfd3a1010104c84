"""Turns on and off what shows by itself (``%daft auto``), in place of Daft's progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daftnb.blocks import Overridden
from daftnb.engine.connection.environment import without_progress_bars
from daftnb.telemetry.host import Host, Listener


class Switched(Listener):
    """A listener of the monitor while it is ``on``. A watched block may want it otherwise for itself."""

    def __init__(self, session: Host) -> None:
        self.on = False
        self._session = session
        self._wanted = Overridden(False)
        self._quiet: Callable[[], None] | None = None

    def switch(self, on: bool) -> None:
        """Show from the next query on, or do not; Daft's own progress bars are off while it is on.

        In a watched block it is as the block wants it; this holds from the block's end on.
        """
        self._wanted.base = on
        self._switch()

    def close(self) -> None:
        """Stop showing for good, also for the blocks that are open."""
        self._wanted = Overridden(False)
        self._switch()

    def _switch(self) -> None:
        on = self._wanted.value
        if on == self.on:
            return
        self.on = on
        if on:
            if self._replaces_bars():
                self._quiet = without_progress_bars()
            self._session.monitor.listeners.append(self)
            return
        self._session.monitor.listeners.remove(self)
        if self._quiet is not None:
            self._quiet()
            self._quiet = None

    def _replaces_bars(self) -> bool:
        """Return True if it has the place of Daft's own progress bars."""
        return True

    @contextmanager
    def _overridden(self, on: bool) -> Iterator[None]:
        undo = self._wanted.override(on)
        self._switch()
        try:
            yield
        finally:
            undo()
            self._switch()
