"""What all live views share: keyframes, patches and the static view (the loader: :mod:`daftnb.widgets.loading`).

The page gets JSON Merge Patches as custom messages, at the pace of :mod:`daftnb.widgets.pace`: what does not fit
waits, and goes out with all that came after it as one patch. The whole snapshot (a *keyframe*, by the synced trait
``snapshot``) goes out where a patch does not do: when the view is made, when a page says it missed a patch, and once
things are settled, at a query's end above all, since a view that is drawn later starts from the trait. The page may ask
for a few things only (see :meth:`View._on_message`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from daftnb.clock import steady as time
from daftnb.errors import SettingError
from daftnb.messages import is_integer
from daftnb.settings import SETTINGS
from daftnb.snapshots.static import static_html, static_text
from daftnb.telemetry.focus import focus
from daftnb.telemetry.host import Still
from daftnb.telemetry.limits import LONGEST_SETTING
from daftnb.telemetry.period import within_its_time
from daftnb.telemetry.snapshots import LIVE_LANES, merge_patch, select
from daftnb.telemetry.span import ACTIVE, CellTime
from daftnb.telemetry.wire import Keyframe, Message, SettingRow, Settings, Snapshot, ViewName
from daftnb.text.plain import printable
from daftnb.widgets.loading import VIEWS, Loaded, Reader, bundle_of, reader
from daftnb.widgets.pace import Pace

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from daftnb.telemetry.host import Host
    from daftnb.telemetry.span import Span

SETTLED_SECONDS = 10.0  # between keyframes of a view where nothing but small change is seen
KEPT_DISPLAYS = 8


class View(Loaded):
    """Show one part of the session, live: ``view`` names its kind; the browser draws what the snapshot has for it.

    Displayed by a cell, it stays with the queries of that cell, unless it was made for one query; the browser may have
    it follow the latest query, as it does where the cell has none. A second cell that displays it has a view of its
    own.

    Attributes
    ----------
    shown_at
        When it was last displayed, in seconds since the epoch; 0.0 before.

    Parameters
    ----------
    session
        What is asked for snapshots, to stop a query, and to set a value.
    snapshot
        What it shows first. None: as all is now.
    look
        Number of the query that it was made for. None: those of its cell.
    """

    view: ClassVar[ViewName]

    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, session: Host, snapshot: Snapshot | None = None, look: int | None = None) -> None:
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
        self._static_of: Snapshot | None = None
        self._looked_at = look  # a query of the history, by its number
        self._stays = look is None  # with the queries of the cell that displays it
        self._cell: CellTime | None = None
        self._follows = False  # the latest query all the same, as the page asked for
        self._others: list[View] = []  # the same, displayed by other cells
        self._is_kept = False  # the static view is what it will be
        self._compared: tuple[int, int] | None = None
        self.shown_at = 0.0  # when it was last displayed, seconds since the epoch
        snapshot = self._part(session.snapshot() if snapshot is None else snapshot)
        self._last = snapshot
        self._kept = _stage(snapshot)  # of the last keyframe
        super().__init__(self.view, VIEWS, snapshot={**snapshot, "seq": 0})
        self.on_msg(self._on_message)
        session.monitor.listeners.append(self)

    def close(self) -> None:
        """Close the view in the browser, and leave the monitor."""
        if self in self._session.monitor.listeners:
            self._session.monitor.listeners.remove(self)
        for other in self._others:
            other.close()
        with self._sending:  # not in the middle of a snapshot
            super().close()

    # -- snapshots, on the monitor's thread ---------------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """Return True if a browser may be showing this view.

        A browser tells of its views only when the kernel is free to hear it. So a view that was never seen counts as
        shown; one that was seen and is gone does not.
        """
        if self._view_count:
            self._was_seen = True
        return self.comm is not None and (bool(self._view_count) or not self._was_seen)

    def _part(self, snapshot: Snapshot) -> Snapshot:
        """Return what the browser shows of a snapshot in this view."""
        mine = self._of_cell(snapshot)
        if mine is None:
            return select(self._focused(snapshot), self.view, self._first, LIVE_LANES)
        kept = mine["kept"]
        if self._follows or self._looked_at is not None:
            part = select(self._focused(snapshot), self.view, self._first, LIVE_LANES)
            return {**part, "kept": {**kept, "still": False, "follows": self._follows}}
        # The history, the settings and the problems are of now also here: they can be used.
        live = self._focused({**mine, "session": snapshot["session"], "queries": snapshot["queries"]})
        live["settings"] = set_now(mine["settings"], snapshot["settings"])
        part = select(live, self.view, self._first, LIVE_LANES)
        return {**part, "kept": kept}

    def _of_cell(self, snapshot: Snapshot) -> Snapshot | None:
        """Return the snapshot of the queries of the cell that displays this view; None where it has none."""
        return None if self._cell is None else self._cell.of(self._session.monitor.read, snapshot)

    def _focused(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with the queries of the history that the browser asked for."""
        number, pair = self._looked_at, self._compared
        if number is None and pair is None:
            return snapshot
        return self._session.monitor.read(lambda state: focus(state, snapshot, number, pair))

    def publish(self, snapshot: Snapshot) -> None:
        """Send what is new in a snapshot: nothing, a patch on what was sent last, or a keyframe if one is due.

        Parameters
        ----------
        snapshot
            All topics; the part for this view is taken here.
        """
        with self._sending:
            if self.comm is None or not (self._pace.free or self._asked):
                return  # the next snapshot has it too
            self._asked = False
            mine = self._part(snapshot)
            patch = merge_patch(self._last, mine)
            settled = patch.keys() <= {"now"}
            if self._resync and (self._patched or self._answered):
                self._keyframe(mine)
            elif self._resync or not settled:
                # A page that was loaded again holds the last keyframe: where nothing came after it, it lacks the clock.
                self._answered, self._resync = self._resync, False
                base, self._sequence = self._sequence, self._sequence + 1
                self._last, self._patched = mine, True
                patch = {"now": mine["now"], **patch}
                self._pace.sent(self._tell({"type": "patch", "base": base, "seq": self._sequence, "patch": patch}))
            elif self._patched and self._is_keyframe_due(mine):
                self._keyframe(mine)

    def _tell(self, message: Message) -> Message:
        """Send a message to the browser, and return it."""
        self.send(message)
        return message

    def _is_keyframe_due(self, mine: Snapshot) -> bool:
        """Return True if a settled view is to send a keyframe: at once where a query has ended, else now and then."""
        return _stage(mine) != self._kept or time.monotonic() - self._keyframe_at >= SETTLED_SECONDS

    def _keyframe(self, mine: Snapshot) -> None:
        self._sequence += 1
        self._last, self._patched, self._resync, self._answered = mine, False, False, False
        self._keyframe_at, self._kept = time.monotonic(), _stage(mine)
        keyframe: Keyframe = {**mine, "seq": self._sequence}
        self.snapshot = dict(keyframe)
        self._pace.sent(mine)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a request of the browser (:data:`daftnb.telemetry.wire.Request`); ignore anything else.

        It may run beside a cell, so it only leaves a note.
        """
        match content:
            case {"type": "resync", **rest} if not rest:
                self._resync = True
                self._session.monitor.nudge()
            case {"type": "window", "first": first, **rest} if not rest and is_integer(first):
                self._first = first
                self._answer()
            case {"type": "stop", "query": str(query_id), **rest} if not rest:
                if self._session.cancel(query_id):
                    self._tell({"type": "stopping", "query": query_id})
            case {"type": "look", "query": number, **rest} if not rest and (number is None or is_integer(number)):
                self._looked_at = number
                self._answer()
            case {"type": "follow", "follow": bool(follows), **rest} if not rest:
                self._follows, self._looked_at = follows, None if self._stays else self._looked_at
                self._answer()
            case {"type": "compare", "a": a, "b": b, **rest} if not rest and is_integer(a) and is_integer(b):
                self._compared = (a, b)
                self._answer()
            case {"type": "compare", "a": None, "b": None, **rest} if not rest:
                self._compared = None
                self._answer()
            case {"type": "set", "name": str(name), "value": str(value), **rest} if not rest and name in SETTINGS:
                self._assign(name, value)

    def _answer(self) -> None:
        """Have the next snapshot sent soon, whatever was sent before."""
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
        self._tell({"type": "setting", "name": name, "error": error})
        self._answer()

    # -- the static view ----------------------------------------------------------------------------------------------

    def _static_part(self, snapshot: Snapshot) -> Snapshot:
        """Return what the static view shows of a snapshot: its cell's queries, if any, whatever the browser shows."""
        mine = self._of_cell(snapshot)
        return select(within_its_time(self._focused(snapshot)) if mine is None else mine, self.view)

    def _bundle(self, to: Reader | None = None, snapshot: Snapshot | None = None) -> dict[str, Any]:
        snapshot = self._static_of = self._static_part(snapshot or self._session.snapshot())
        return bundle_of(static_text(snapshot, self.view), static_html(snapshot, self.view), self, to or reader())

    def _ipython_display_(self) -> None:
        self.show()

    def show(self, snapshot: Snapshot | None = None) -> None:
        """Display this view, with its static view. Outside of IPython, print it as text.

        Parameters
        ----------
        snapshot
            What the static view shows. None: as all is now.
        """
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        lines = self._session.lines
        if lines is not None and self._stays and lines.span is not None and not self._take(lines.span):
            other = type(self)(self._session)
            self._others.append(other)
            lines.own(other)
            other.show(snapshot)
            return
        self.shown_at = time.time()
        self._reader = reader()
        bundle = self._bundle(self._reader, snapshot)
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

    def _take(self, span: Span) -> bool:
        """Give this view to the cell that runs; return False where another cell displays it already."""
        if self._cell is None or (span.key and span.key == self._cell.span.key and span is not self._cell.span):
            # The cell may be the same, which runs again: its output was cleared.
            self._cell, self._displays, self._follows, self._is_kept = CellTime(span), [], False, False
        return self._cell.span is span

    def keep_static(self) -> None:
        """Bring the static view in the notebook up to date, if what it shows has changed. On the shell's thread."""
        cell = self._cell
        if not self._displays or (self._is_kept and cell is not None and cell.is_final):
            return
        snapshot = self._session.snapshot()
        part = self._static_part(snapshot)
        self._is_kept = cell is not None and cell.is_final
        before = self._static_of
        if before is not None and merge_patch(before, part).keys() <= {"now"}:
            return
        if before is not None and _pool(before) and not _pool(part):
            return  # the cluster has ended: what was seen of it last says more than that nothing is there
        with self._sending:
            self._keyframe(self._part(snapshot))  # the page draws the view anew, from the trait
        bundle = self._bundle(self._reader, snapshot)
        for handle in self._displays:
            handle.update(bundle, raw=True)

    @property
    def over(self) -> bool:
        """Return True once what it shows does not change any more by itself: the queries of its cell, or its one."""
        if self._follows:
            return False
        if isinstance(self._session, Still):
            return True
        if not self._stays:
            rows = self._session.snapshot()["queries"].values()
            return not any(row["number"] == self._looked_at and row["state"] in ACTIVE for row in rows)
        cell = self._cell
        if cell is not None and not cell.is_final and cell.span.begun > 0:
            cell.of(self._session.monitor.read, self._session.snapshot())
        return cell is not None and cell.is_final

    def _leave_static(self) -> bool:
        self.keep_static()
        if super()._leave_static():
            return True
        bundle = self._bundle(to="none")
        for handle in self._displays:
            handle.update(bundle, raw=True)
        return bool(self._displays)

    def __repr__(self) -> str:
        return f"<daftnb {self.view} view>"

    def __str__(self) -> str:
        """Return the view as text, which ``print`` shows in a script, where there are no browsers."""
        return printable(static_text(self._static_part(self._session.snapshot()), self.view))


def set_now(settings: Settings, now: Settings) -> Settings:
    """Return the settings that were in effect then, with what is set now.

    Parameters
    ----------
    settings
        The topic of a snapshot of then.
    now
        The topic of a snapshot of now.

    Returns
    -------
    Settings
        A new topic; ``pending`` says where they differ.
    """
    rows: dict[str, SettingRow] = {
        name: {**row, "set": now["rows"][name]["set"], "pending": row["in_effect"] != now["rows"][name]["set"]}
        for name, row in settings["rows"].items()
    }
    return {**settings, "rows": rows}


def _pool(snapshot: Snapshot) -> int:
    """Return how many workers a snapshot shows."""
    pool = snapshot.get("workers")
    return 0 if pool is None else pool["total"]


def _stage(snapshot: Snapshot) -> tuple[str, str] | None:
    """Return which query a snapshot is about (its id), and its state; None without a query."""
    query = snapshot["query"]
    return None if query is None else (query["id"], query["state"])
