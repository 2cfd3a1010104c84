"""A program on a terminal of its own (a pty), and what stands on its screen."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.conftest import ROOT, await_that

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[=>()][0-9A-B]?|\x1b\][^\x07]*\x07|\x07|\x08")


class Terminal:
    """Runs Python with these arguments on a terminal ``columns`` wide; ``raw`` is all that it has written so far."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, columns: int = 100, environment: Mapping[str, str] | None = None
    ) -> None:
        bare = {name: text for name, text in os.environ.items() if not name.startswith("DAFT_") and name != "COLUMNS"}
        added = {"DO_NOT_TRACK": "true", "PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        self.raw = ""
        self.times: list[tuple[float, str]] = []  # of each piece that was written
        self.status: int | None = None
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execve(sys.executable, [sys.executable, *arguments], {**bare, **added, **(environment or {})})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        held = b""
        while True:
            try:
                piece = os.read(self._fd, 65536)
            except OSError:  # Linux's way to say that nobody has the other end any more
                break
            if not piece:
                break
            held += piece
            text = held.decode("utf-8", "ignore")  # the rest of a character may still come
            self.times.append((time.monotonic(), text[len(self.raw) :]))
            self.raw = text

    @property
    def text(self) -> str:
        """All that was written, without colours and cursors."""
        return _CONTROL.sub("", self.raw)

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._fd, keys.encode())

    def await_text(self, text: str, after: int = 0, seconds: float = 60.0) -> int:
        """Wait until it has written this (after that place of :attr:`text`); the place behind it."""

        def place() -> int:
            at = self.text.find(text, after)
            return at + len(text) if at >= 0 else 0

        try:
            return int(str(await_that(place, f"{text!r} on the terminal", seconds)))
        except AssertionError as error:
            raise AssertionError(f"{error}; there is:\n{self.text[after:]}") from None

    def end(self, seconds: float = 60.0) -> int:
        """Wait until the program has ended; its exit status."""
        self._reader.join(seconds)
        if self._reader.is_alive():
            os.kill(self._pid, signal.SIGKILL)
            self._reader.join()
            raise AssertionError(f"not within {seconds} s: its end; there is:\n{self.text}")
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            os.close(self._fd)
        return self.status


class Screen(io.StringIO):
    """A stream of this process that is a terminal."""

    encoding = "ascii"  # type: ignore[assignment]  # of StringIO it is a property without a value

    def isatty(self) -> bool:
        return True

    @property
    def shows(self) -> str:
        """What stands in its last line."""
        return screen(self.getvalue())[-1]


def screen(raw: str) -> list[str]:
    """The lines that are left: a carriage return goes back, and what comes then is written over what was there."""
    lines = []
    for written in _CONTROL.sub("", raw).replace("\r\n", "\n").split("\n"):
        line = ""
        for piece in written.split("\r"):
            line = piece + line[len(piece) :]
        lines.append(line.rstrip())
    return lines
