"""A recording in the very same cockpit, with a slider: the page asks for a moment, and gets the frame of it."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from daftnb.errors import SettingError
from daftnb.telemetry.codec import LATEST
from daftnb.telemetry.frames import Frame
from daftnb.widgets.base import View


class Recording(Protocol):
    """What a replay needs of a recording. Times are seconds since the epoch; ``frame`` is exact at any of them."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    def frame(self, t: float) -> Frame: ...


class _Stage:
    """What a view asks of a session, answered by a recording: nothing runs, nothing can be stopped or set."""

    def __init__(self, recording: Recording, title: str) -> None:
        self.monitor = self  # who listens is not told anything: a recording changes when it is asked to
        self.listeners: list[Any] = []
        self.recording = recording
        self.at = recording.end
        last = recording.frame(recording.end)
        self._about = {
            "from": recording.start,
            "to": recording.end,
            "title": title,
            "moments": sorted({round(decision["t"], 3) for decision in last["decisions"].values()}),
        }

    def frame(self) -> Frame:
        """The frame at the moment that is shown."""
        return {**self.recording.frame(self.at), "replay": {**self._about, "at": self.at}}

    def nudge(self) -> None:
        """A recording publishes nothing by itself."""

    def cancel(self, query_id: str) -> None:
        """There is no query that runs."""

    def set(self, **_values: object) -> None:
        raise SettingError("A recording has the settings that it was made with.", "Change them in a live cockpit.")


class Replay(View):
    """A recording from its start to its end, shown at its end first: so a saved notebook shows that."""

    view = "cockpit"

    def __init__(self, recording: Recording, title: str = "Recording") -> None:
        self._stage = _Stage(recording, title)
        self._seeking = threading.Lock()  # pages may ask at the same time, each on its thread
        super().__init__(self._stage)  # type: ignore[arg-type]  # a stage is all that a view asks of a session

    def seek(self, t: float) -> None:
        """Show the moment ``t`` (seconds since the epoch); what is before the start or after the end is the nearest."""
        with self._seeking:
            self._stage.at = min(max(t, self._stage.recording.start), self._stage.recording.end)
            self._asked = True
            self.publish(self._stage.frame())

    def _part(self, frame: Frame) -> Frame:
        self._looked_at = self._compared = None  # the history of a recording is its own
        return super()._part(frame)

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        match content:
            case {"type": "seek", "t": int() | float() as t, **rest} if not rest and _is_time(t):
                self.seek(float(t))
            case {"type": "resync", **rest} if not rest:
                self._resync = self._asked = True
                self.publish(self._stage.frame())
            case _:
                super()._on_message(widget, content, buffers)


def _is_time(t: object) -> bool:
    return not isinstance(t, bool) and isinstance(t, int | float) and abs(t) <= LATEST  # not so of nan
