"""A recording as a host of views: one moment of it is shown, and another one when that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from daftnb.errors import SettingError
from daftnb.telemetry.host import Still
from daftnb.telemetry.snapshots import Snapshot
from daftnb.telemetry.wire import Replay as Position


class Recording(Protocol):
    """What a replay needs of a recording. Times are seconds since the epoch; ``snapshot`` is exact at any of them."""

    @property
    def start(self) -> float:
        """Return when it begins."""

    @property
    def end(self) -> float:
        """Return when it ends."""

    def snapshot(self, t: float) -> Snapshot:
        """Return the snapshot at ``t``."""


class Numbered(Protocol):
    """A query of a recording: its number, its name, and when it began and ended."""

    @property
    def number(self) -> int:
        """Return the query's number in its session."""

    @property
    def name(self) -> str | None:
        """Return what a watched block called it."""

    @property
    def started(self) -> float:
        """Return when it began, in seconds since the epoch."""

    @property
    def seconds(self) -> float:
        """Return its time, to its end or to the recording's."""


class SavedRecording(Recording, Protocol):
    """A recording that knows where it is from, and which queries it holds."""

    @property
    def source(self) -> str:
        """Return the path of its file, or "this session"."""

    @property
    def queries(self) -> Sequence[Numbered]:
        """Return the queries, in the order of recording."""


class Stage(Still):
    """A recording as a host: nothing runs, nothing can be stopped or set; it changes when it is asked to.

    ``at`` is the moment that is shown, in seconds since the epoch: the end of the recording first. ``stops``: the only
    moments that can be shown, in their order; None: all can.
    """

    def __init__(self, recording: Recording, title: str, stops: Sequence[float] | None = None) -> None:
        last = recording.snapshot(recording.end)
        super().__init__(last)
        self.recording = recording
        self.at = recording.end
        self._title = title
        self._moments = sorted({round(decision["t"], 3) for decision in last["decisions"].values()})
        self._stops = None if stops is None else list(stops)

    @property
    def moments(self) -> list[float]:
        """Return when decisions were made, in seconds since the epoch."""
        return self._moments

    def snapshot(self) -> Snapshot:
        """Return the snapshot at the moment that is shown."""
        replay: Position = {
            "from": self.recording.start,
            "to": self.recording.end,
            "title": self._title,
            "moments": self._moments,
            "stops": self._stops,
            "at": self.at,
        }
        return {**self.recording.snapshot(self.at), "replay": replay}

    def set(self, **values: Any) -> None:
        """Raise SettingError: what it was recorded with cannot be changed."""
        raise SettingError("A recording has the settings that it was made with.", "Change them in a live cockpit.")


def title_of(recording: SavedRecording) -> str:
    """Return what a recording holds, in a few words: its query, or how many."""
    numbers = [query.number for query in recording.queries]
    return f"Query {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} queries"
