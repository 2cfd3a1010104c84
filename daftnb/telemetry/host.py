"""What a view may ask of what it shows: a session, a recording, or a plan that has not run.

A view knows no session. It is given a :class:`Host`, and everything that answers as one can stand in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import Snapshot
from daftnb.telemetry.span import Span

Found = TypeVar("Found")


class Listener(Protocol):
    """Somebody who shows snapshots: ``looking`` says whether it is worth making one."""

    @property
    def looking(self) -> bool: ...

    def publish(self, snapshot: Snapshot) -> None: ...


class Closable(Protocol):
    """A widget, or several."""

    def close(self) -> None: ...


@runtime_checkable
class Retiring(Closable, Protocol):
    """A widget whose page can do without the kernel."""

    def retire(self, though_shown: bool = False) -> bool:
        """Leave the page what needs no kernel, and close; return False where that cannot be done, or not yet.

        ``though_shown``: also where a page shows it now.
        """


class Feed(Protocol):
    """Where snapshots come from: :class:`daftnb.telemetry.monitor.Monitor`, or what stands in its place."""

    @property
    def listeners(self) -> list[Listener]: ...

    def nudge(self) -> None:
        """Publish soon, as a page waits for an answer."""

    def read(self, function: Callable[[State], Found], /) -> Found:
        """Return what ``function`` finds in the state, which does not change meanwhile."""

    def emit(self, event: e.Event) -> None:
        """Take an event from a view."""


class Cells(Protocol):
    """The cells of a notebook, as a view that is displayed in one needs them."""

    @property
    def span(self) -> Span | None:
        """Return the time of the cell that runs; None between cells."""

    def own(self, widget: Closable, /) -> None:
        """Close ``widget`` when the cell that runs now runs again."""


class Host(Protocol):
    """What a view asks of a session."""

    @property
    def monitor(self) -> Feed: ...

    @property
    def lines(self) -> Cells | None:
        """Return the notebook's cells; None where there are none, as in a script."""

    def snapshot(self) -> Snapshot:
        """Return all there is to see, up to date."""

    def cancel(self, query_id: str, /) -> str | None:
        """End a query that runs; return its id, or None where it does not run (any more)."""

    def cancel_on_ray(self, query_id: str, /) -> bool:
        """End a query that a view runs itself on Ray; return False where there is none."""

    def set(self, **values: Any) -> None:
        """Set autoscaling settings by name; raise SettingError, and set none of them, if one is wrong."""


class Still:
    """A host where nothing happens: its one snapshot cannot change, no query runs, and nothing is told to listeners."""

    lines: Cells | None = None

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.listeners: list[Listener] = []

    @property
    def monitor(self) -> Feed:
        """Return the host itself."""
        return self

    def snapshot(self) -> Snapshot:
        """Return the one snapshot."""
        return self._snapshot

    def nudge(self) -> None:
        """Do nothing: nothing changes that could be published."""

    def read(self, function: Callable[[State], Found], /) -> Found:
        """Return what ``function`` finds in an empty state."""
        return function(State())

    def emit(self, event: e.Event) -> None:
        """Drop the event: there is no history that it could go into."""

    def cancel(self, query_id: str, /) -> str | None:
        """Return None: no query runs."""
        return None

    def cancel_on_ray(self, query_id: str, /) -> bool:
        """Return False: no query runs."""
        return False

    def set(self, **values: Any) -> None:
        """Set nothing."""
