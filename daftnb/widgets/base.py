"""What all live views share: keyframes and patches, the static view (the loader: :mod:`daftnb.widgets.loading`).

The page gets JSON Merge Patches as custom messages, at the pace of :mod:`daftnb.widgets.pace`: what does not fit
waits, and goes out with all that came after it as one patch. The whole frame (a *keyframe*, by the synced trait
``frame``) goes out where a patch does not do: when the view is made, when a page says that it missed a patch, and once
things are settled, at a query's end above all, since a view that is drawn later starts from the trait. The page may ask
for a few things only (see :meth:`View._on_message`).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from daftnb.errors import SettingError
from daftnb.settings import SETTINGS
from daftnb.telemetry.focus import focus
from daftnb.telemetry.frames import LIVE_LANES, Frame, merge_patch, select
from daftnb.widgets.loading import VIEWS, WIDGET_MIME, Loaded
from daftnb.widgets.pace import Pace
from daftnb.widgets.static import static_html, static_text

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from daftnb.session import Session

SETTLED_SECONDS = 10.0  # between keyframes of a view where nothing but small change is seen
KEPT_DISPLAYS = 8
LONGEST_SETTING = 100  # characters


class View(Loaded):
    """One live view. ``view`` names its kind; the page draws what the frame has for it."""

    view: ClassVar[str]

    frame = traitlets.Dict().tag(sync=True)

    def __init__(self, session: Session, frame: Frame | None = None, look: int | None = None) -> None:
        self._session = session
        self._sequence = 0
        self._pace = Pace(time.monotonic)
        self._first = 0  # of the workers that the page shows
        self._keyframe_at = 0.0
        self._patched = False  # since the last keyframe
        self._resync = self._answered = False
        self._asked = False  # the page waits for an answer, which waits for nothing
        self._sending = threading.Lock()  # the monitor's thread and the shell's both send
        self._was_seen = False
        self._displays: list[DisplayHandle] = []
        self._static_of: Frame = {}
        self._looked_at = look  # a query of the history, by its number
        self._compared: tuple[int, int] | None = None
        self.shown_at = 0.0  # when it was last displayed, seconds since the epoch
        frame = self._part(session.frame() if frame is None else frame)
        self._last = frame
        self._kept = _stage(frame)  # of the last keyframe
        super().__init__(self.view, VIEWS, frame={**frame, "seq": 0})
        self.on_msg(self._on_message)
        session.monitor.listeners.append(self)

    def close(self) -> None:
        """Let go of the page and of the monitor."""
        if self in self._session.monitor.listeners:
            self._session.monitor.listeners.remove(self)
        with self._sending:  # not in the middle of a frame
            super().close()

    # -- frames, on the monitor's thread ------------------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """Whether a page may be showing this view. A page tells of its views only when the kernel is free to hear it,
        so a view that was never seen counts as shown; one that was seen and is gone does not."""
        if self._view_count:
            self._was_seen = True
        return self.comm is not None and (bool(self._view_count) or not self._was_seen)

    def _part(self, frame: Frame) -> Frame:
        """What this view's page shows of a frame."""
        return select(self._focused(frame), self.view, self._first, LIVE_LANES)

    def _focused(self, frame: Frame) -> Frame:
        """A frame with the queries of the history that the page asked for."""
        number, pair = self._looked_at, self._compared
        if number is None and pair is None:
            return frame
        return self._session.monitor.read(lambda state: focus(state, frame, number, pair))

    def publish(self, frame: Frame) -> None:
        """Send what is new in ``frame`` since what was sent last: nothing, a patch, or a keyframe where one is due."""
        with self._sending:
            if self.comm is None or not (self._pace.free or self._asked):
                return  # the next frame has it too
            self._asked = False
            mine = self._part(frame)
            patch = merge_patch(self._last, mine)
            settled = patch.keys() <= {"now"}
            if self._resync and (self._patched or self._answered):
                self._keyframe(mine)
            elif self._resync or not settled:
                # A page that was loaded again holds the last keyframe: where nothing came after it, it lacks the clock.
                self._answered, self._resync = self._resync, False
                base, self._sequence = self._sequence, self._sequence + 1
                self._last, self._patched = mine, True
                message = {"type": "patch", "base": base, "seq": self._sequence, "patch": {"now": mine["now"], **patch}}
                self.send(message)
                self._pace.sent(message)
            elif self._patched and self._is_keyframe_due(mine):
                self._keyframe(mine)

    def _is_keyframe_due(self, mine: Frame) -> bool:
        """With things settled: at once where a query has ended, else now and then."""
        return _stage(mine) != self._kept or time.monotonic() - self._keyframe_at >= SETTLED_SECONDS

    def _keyframe(self, mine: Frame) -> None:
        self._sequence += 1
        self._last, self._patched, self._resync, self._answered = mine, False, False, False
        self._keyframe_at, self._kept = time.monotonic(), _stage(mine)
        self.frame = {**mine, "seq": self._sequence}
        self._pace.sent(mine)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """The page's requests; anything else is not for us. May run beside a cell, so it only leaves a note.

        ``resync``: a keyframe, please. ``window``: the workers from this one on. ``stop``: end this query. ``look``:
        show this query of the history (None: the current one). ``compare``: these two, side by side (None twice: no
        more). ``set``: as ``%daft set`` does it; the answer is a ``setting``, whose ``error`` is None or says why not.
        """
        match content:
            case {"type": "resync", **rest} if not rest:
                self._resync = True
                self._session.monitor.nudge()
            case {"type": "window", "first": first, **rest} if not rest and _is_place(first):
                self._first = first
                self._answer()
            case {"type": "stop", "query": str(query_id), **rest} if not rest:
                if self._session.cancel(query_id):
                    self.send({"type": "stopping", "query": query_id})
            case {"type": "look", "query": int() | None as number, **rest} if not rest and not isinstance(number, bool):
                self._looked_at = number
                self._answer()
            case {"type": "compare", "a": int(a), "b": int(b), **rest} if not rest:
                self._compared = (a, b)
                self._answer()
            case {"type": "compare", "a": None, "b": None, **rest} if not rest:
                self._compared = None
                self._answer()
            case {"type": "set", "name": str(name), "value": str(value), **rest} if not rest and name in SETTINGS:
                self._assign(name, value)

    def _answer(self) -> None:
        """Have the next frame sent, whatever was sent before, and soon."""
        self._asked = True
        self._session.monitor.nudge()

    def _assign(self, name: str, value: str) -> None:
        error = None
        try:
            if len(value) > LONGEST_SETTING:
                raise SettingError(f"{name} has at most {LONGEST_SETTING} characters (got {len(value)}).", "")
            self._session.set(**{name: value})
        except SettingError as reason:
            error = reason.what
        self.send({"type": "setting", "name": name, "error": error})
        self._answer()

    # -- the static view ----------------------------------------------------------------------------------------------

    def _static_part(self, frame: Frame) -> Frame:
        """What the static view shows of a frame."""
        return select(self._focused(frame), self.view)

    def _bundle(self, frame: Frame | None = None) -> dict[str, Any]:
        frame = self._static_of = self._static_part(frame or self._session.frame())
        return {
            "text/plain": static_text(frame, self.view),
            "text/html": static_html(frame, self.view),
            WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }

    def _ipython_display_(self) -> None:
        self.show()

    def show(self, frame: Frame | None = None) -> None:
        """Display it, with the static view of ``frame`` (None: as all is now)."""
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        self.shown_at = time.time()
        bundle = self._bundle(frame)
        shell = get_ipython()
        if shell is None:  # display() would print the dict
            print(bundle["text/plain"])
            return
        handle = display(bundle, raw=True, display_id=True)
        if getattr(shell, "kernel", None) is None:
            # A terminal: there is no page, and what was printed stays as it is.
            if self in self._session.monitor.listeners:
                self._session.monitor.listeners.remove(self)
        elif handle is not None:
            self._displays = [*self._displays, handle][-KEPT_DISPLAYS:]

    def keep_static(self) -> None:
        """Bring the static view in the notebook up to date, if what it shows has changed. On the shell's thread."""
        if not self._displays:
            return
        frame = self._session.frame()
        part = self._static_part(frame)
        if merge_patch(self._static_of, part).keys() <= {"now"}:
            return
        if _pool(self._static_of) and not _pool(part):
            return  # the cluster has ended: what was seen of it last says more than that nothing is there
        with self._sending:
            self._keyframe(self._part(frame))  # the page draws the view anew, from the trait
        bundle = self._bundle(frame)
        for handle in self._displays:
            handle.update(bundle, raw=True)

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(), {}

    def _repr_html_(self) -> str:
        return str(self._bundle()["text/html"])

    def __repr__(self) -> str:
        return f"<daftnb {self.view} view>"

    def __str__(self) -> str:
        """As text: what ``print`` shows in a script, where there are no pages."""
        return static_text(self._static_part(self._session.frame()), self.view)


def _is_place(value: object) -> bool:
    """Whether it is the number of a worker; true and false are no numbers here."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _pool(frame: Frame) -> int:
    """How many workers a frame shows."""
    return (frame.get("workers") or {}).get("total", 0)


def _stage(frame: Frame) -> tuple[str, str] | None:
    """Which query a frame is about, and how far it is."""
    query = frame["query"]
    return None if query is None else (query["id"], query["state"])
