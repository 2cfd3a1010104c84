"""Has something done with each recording once its query is over: on a thread of its own, which no query waits for.

What goes wrong there is told in one line (once, where it is the same again), and costs that one recording.
"""

from __future__ import annotations

import queue
import re
import threading
from collections import deque
from collections.abc import Callable

from daftnb.errors import DaftnbError, RecordingError
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.recordfile import Reel
from daftnb.text.reasons import describe_error

WAITING = 1000  # recordings that wait for their turn; of more, the later ones are left out, and that is told
HEARD = 1000
CLOSE_SECONDS = 10.0  # that the end of a session waits for what is still to be done


class Follower:
    """Calls ``work`` with the recording of each query that ends from now on; ``tell`` takes the line of a problem.

    ``about``: where what it does goes to, for whoever asks. ``refresh`` has the recorder told what it was not told yet,
    before the end.
    """

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        work: Callable[[Reel], None],
        tell: Callable[[str], None],
        about: str = "",
        refresh: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self._refresh = refresh
        self.about = about
        self._recorder = recorder
        self._work = work
        self._tell = tell
        self._told: set[str] = set()
        self._lock = threading.Lock()
        before = [number for number, ended in recorder.untold_numbers.items() if ended]
        self._heard = deque(before, max(HEARD, len(before)))  # the latest: none is taken twice
        self._waiting: queue.Queue[tuple[int, Callable[[], Reel]] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name=f"daftnb-{name}", daemon=True)
        self._thread.start()
        recorder.listeners.append(self._hear)

    def _hear(self, number: int) -> None:
        with self._lock:
            if number in self._heard:
                return
            self._heard.append(number)
        try:
            self._waiting.put_nowait((number, self._recorder.held(number)))
        except RecordingError as error:
            self._problem(f"{self.name}: query {number} was left out: {error}")
        except queue.Full:
            self._problem(f"{self.name}: a query was left out, as {WAITING} others wait")

    def _run(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            number, reel = waiting
            try:
                self._work(reel())
            except Exception as error:
                why = str(error) if isinstance(error, DaftnbError) else describe_error(error)
                self._problem(f"{self.name}: query {number} was left out: {why}")

    def _problem(self, text: str) -> None:
        kind = re.sub(r"\d+", "", text)  # without the number of the query
        if kind not in self._told:
            self._told.add(kind)
            self._tell(text)

    def close(self, patience: float = CLOSE_SECONDS) -> bool:
        """Hear no more, do what is left, also with the queries that are not over, and return True once it is done.

        Return False where that took longer than ``patience`` seconds: the thread then goes on by itself.
        """
        if self._hear in self._recorder.listeners:
            try:
                self._refresh()
            except Exception as error:
                self._problem(f"{self.name}: the last events were not told: {describe_error(error)}")
            self._recorder.listeners.remove(self._hear)
            for number in self._recorder.untold_numbers:
                self._hear(number)
            try:
                self._waiting.put(None, timeout=patience)
            except queue.Full:
                return False
        if self._thread is not threading.current_thread():
            self._thread.join(patience)
        return not self._thread.is_alive()


class Followers:
    """The followers of a session, by what they do: one of each kind at most."""

    def __init__(self) -> None:
        self._followers: dict[str, Follower] = {}

    def put(self, name: str, follower: Follower | None) -> bool:
        """Put a follower in the place of the one of that name, which is closed (None: of none).

        Return True if there was one.
        """
        before = self._followers.pop(name, None)
        if follower is not None:
            self._followers[name] = follower
        if before is not None:
            before.close()
        return before is not None

    def get(self, name: str) -> Follower | None:
        """Return the follower of that name; None where there is none."""
        return self._followers.get(name)

    def close(self) -> None:
        """Close all of them."""
        for name in list(self._followers):
            self.put(name, None)
