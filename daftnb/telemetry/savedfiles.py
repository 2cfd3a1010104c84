"""Writes a file that a person has named, whole or not at all; what stands in the way is a RecordingError."""

from __future__ import annotations

import os
from pathlib import Path

from daftnb import files
from daftnb.errors import RecordingError
from daftnb.files import FileProblem


def target_of(path: str | os.PathLike[str], example: str) -> Path:
    """Return where a file of that name goes; raise RecordingError where it cannot go there.

    ``example``: the name of such a file, for the advice.
    """
    try:
        target = files.place(path, "written")
        if target.is_dir():
            raise FileProblem(f"{files.words(target)} is a folder.", folder=True)
    except (FileProblem, OSError) as error:
        raise _refused(path, error, example) from None
    return target


def put(target: Path, data: bytes | memoryview, example: str) -> None:
    """Write the file, over one that is there; raise RecordingError where that cannot be done."""
    try:
        files.write(target, data)
    except FileProblem as error:
        raise _refused(target, error, example) from None


def _refused(path: str | os.PathLike[str] | Path, error: Exception, example: str) -> RecordingError:
    """Return the error for a place that cannot be written to."""
    elsewhere = f"Try a file of your own, such as %daft save {example}"
    if not isinstance(error, FileProblem):
        return RecordingError(f"{files.words(path)} cannot be written: {getattr(error, 'strerror', error)}.", elsewhere)
    return RecordingError(error.what, f"Try %daft save {Path(path) / example}" if error.folder else elsewhere)
