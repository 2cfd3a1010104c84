"""Puts recordings on a shelf as queries end, and takes the oldest off where there are too many.

Each is a file of its own, which is written whole or not at all, so several kernels may keep in one folder. Only files
that were written here, by their names, are ever removed.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

from daftnb import files
from daftnb._version import __version__
from daftnb.errors import RecordingError
from daftnb.recordings import Recording
from daftnb.shelves.index import append, entry_of, folder_of
from daftnb.shelves.runs import runs_of
from daftnb.telemetry import recordfile
from daftnb.telemetry.recordfile import Reel

MOST_RUNS = 10_000
MOST_BYTES = 2**30
OURS = re.compile(r"\d{8}T\d{6}\d{3}Z-[\w-]{0,40}-[0-9a-f]{8}\.arrow", re.ASCII)


class Keeper:
    """Keeps at most ``most_runs`` runs with ``most_bytes`` in all in a folder, which is made where it is missing.

    ``versions`` are those of the engine. Raises RecordingError where the folder cannot be written to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        versions: Mapping[str, str],
        most_runs: int = MOST_RUNS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        if most_runs < 1 or most_bytes < 1:
            raise RecordingError("A shelf holds at least one run.", "Try %daft keep runs --most 1000")
        # The last run of a script is written while its interpreter ends. Arrow then imports pandas, which needs this
        # module, and it cannot be imported any more.
        import_module("concurrent.futures.thread")
        self.folder = folder_of(path)
        self._versions = {**versions, "daftnb": __version__}
        self._most_runs = most_runs
        self._most_bytes = most_bytes
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise RecordingError(
                f"{files.words(self.folder)} cannot be made: {error.strerror}.",
                "Try a folder of your own, such as %daft keep runs",
            ) from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise RecordingError(
                f"{files.words(self.folder)} cannot be written to.", "Try a folder of your own, such as %daft keep runs"
            )

    def keep(self, reel: Reel) -> Path:
        """Write a recording, and return its file; raise RecordingError where that cannot be done."""
        recording = Recording([reel], "this session")
        (query,) = recording.queries
        when = datetime.fromtimestamp(query.started, timezone.utc)
        name = re.sub(r"[^\w-]", "-", query.name or query.id, flags=re.ASCII)[:40]
        stamp = f"{when:%Y%m%dT%H%M%S}{when.microsecond // 1000:03}Z"
        path = self.folder / f"{stamp}-{name}-{secrets.token_hex(4)}.arrow"
        settings = query.settings or {}
        recordfile.write(path, [reel], __version__, settings, self._versions)
        try:
            append(self.folder, [entry_of(path, runs_of(recording, self._versions))])
            self._prune()
        except OSError as error:
            raise RecordingError(
                f"{files.words(path)} is kept, but the folder's index or its older runs cannot be changed: "
                f"{error.strerror}.",
                "Look at the disk and the rights of that folder",
            ) from None
        return path

    def _prune(self) -> None:
        """Remove the oldest of our files until there are as many, and as large, as may be."""
        with os.scandir(self.folder) as entries:
            names = sorted((entry.name for entry in entries if OURS.fullmatch(entry.name)), reverse=True)
        size = 0
        for place, name in enumerate(names):
            path = self.folder / name
            with suppress(FileNotFoundError):  # another kernel was quicker
                size += path.stat().st_size
                if place and (place >= self._most_runs or size > self._most_bytes):
                    path.unlink()
