"""Shows a recording in the cockpit with a slider: the page asks for a moment, and gets its snapshot."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Protocol

from daftnb.errors import SettingError
from daftnb.messages import is_number
from daftnb.telemetry.codec import LATEST
from daftnb.telemetry.host import Still
from daftnb.telemetry.wire import Replay as Position
from daftnb.telemetry.wire import Snapshot
from daftnb.widgets.base import View


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
    """A query of a recording, by its number."""

    @property
    def number(self) -> int:
        """Return the query's number in its session."""


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

    Attributes
    ----------
    at
        The moment that is shown, in seconds since the epoch.

    Parameters
    ----------
    recording
        What is shown; the end of it first.
    title
        What it is called.
    """

    def __init__(self, recording: Recording, title: str) -> None:
        last = recording.snapshot(recording.end)
        super().__init__(last)
        self.recording = recording
        self.at = recording.end
        self._title = title
        self._moments = sorted({round(decision["t"], 3) for decision in last["decisions"].values()})

    def snapshot(self) -> Snapshot:
        """Return the snapshot at the moment that is shown."""
        replay: Position = {
            "from": self.recording.start,
            "to": self.recording.end,
            "title": self._title,
            "moments": self._moments,
            "at": self.at,
        }
        return {**self.recording.snapshot(self.at), "replay": replay}

    def set(self, **values: Any) -> None:
        """Raise SettingError: what it was recorded with cannot be changed.

        Parameters
        ----------
        values
            Settings by name.

        Raises
        ------
        SettingError
            Always.
        """
        raise SettingError("A recording has the settings that it was made with.", "Change them in a live cockpit.")


class Replay(View):
    """Show a recording from its start to its end, its end first: so a saved notebook shows that.

    Parameters
    ----------
    recording
        What is shown.
    title
        What it is called.

    Examples
    --------
    >>> import daft, daftnb
    >>> with daftnb.watch("orders", quiet=True):
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> recorded = daftnb.recording()
    >>> shown = Replay(recorded)
    >>> shown.seek(recorded.start)
    >>> shown.close()
    """

    view = "cockpit"

    def __init__(self, recording: Recording, title: str = "Recording") -> None:
        self._stage = Stage(recording, title)
        self._seeking = threading.Lock()  # pages may ask at the same time, each on its thread
        super().__init__(self._stage)

    def seek(self, t: float) -> None:
        """Show another moment.

        Parameters
        ----------
        t
            Seconds since the epoch; for one outside of the recording, its start or its end is shown.
        """
        with self._seeking:
            self._stage.at = min(max(t, self._stage.recording.start), self._stage.recording.end)
            self._asked = True
            self.publish(self._stage.snapshot())

    def _part(self, snapshot: Snapshot) -> Snapshot:
        self._looked_at = self._compared = None  # the history of a recording is its own
        return super()._part(snapshot)

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        match content:
            case {"type": "seek", "t": t, **rest} if not rest and is_number(t, -LATEST, LATEST):
                self.seek(float(t))
            case {"type": "resync", **rest} if not rest:
                self._resync = self._asked = True
                self.publish(self._stage.snapshot())
            case _:
                super()._on_message(widget, content, buffers)


def replay_of(recording: SavedRecording) -> Replay:
    """Return the replay of a recording, with a title that says what it is.

    Parameters
    ----------
    recording
        A :class:`daftnb.recordings.Recording`.

    Returns
    -------
    Replay
        The view, not displayed yet.
    """
    numbers = [query.number for query in recording.queries]
    title = f"Query {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} queries"
    return Replay(recording, f"{title}, {PurePath(recording.source).name}")
