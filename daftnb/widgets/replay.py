"""Shows a recording in the cockpit with a slider: the page asks for a moment, and gets its snapshot."""

from __future__ import annotations

import threading
from pathlib import PurePath
from typing import Any

from daftnb.messages import is_number
from daftnb.telemetry.codec import LATEST
from daftnb.telemetry.stage import Recording, SavedRecording, Stage, title_of
from daftnb.telemetry.wire import Snapshot
from daftnb.widgets.base import View


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
    return Replay(recording, f"{title_of(recording)}, {PurePath(recording.source).name}")
