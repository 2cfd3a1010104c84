"""Which form of a recording the name of a file asks for, and writes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import Protocol

from daftnb import files
from daftnb.errors import RecordingError
from daftnb.export import page, trace
from daftnb.export.page import Recorded
from daftnb.export.trace import Timed


class Exported(Recorded, Timed, Protocol):
    """A recording that can be written in every form."""


Writer = Callable[[str | os.PathLike[str], Exported], int]
# By ending, all lower case. What has another ending or none of these is refused, but for a recording's own. A trace has
# two endings: JSON may be anything, and whoever finds the file should see what it is.
WRITERS: dict[str, Writer] = {".html": page.write, ".htm": page.write, ".trace.json": trace.write}
RECORDING = ("", ".arrow")


def writer_of(path: str | os.PathLike[str]) -> Writer | None:
    """Return what writes a file of this name; None: it is a recording itself (``.arrow``, or no ending).

    Raises RecordingError for any other ending.
    """
    try:
        name = PurePath(os.fsdecode(path)).name
    except TypeError:
        return None  # no path at all: who writes a recording says so
    for ending, writer in WRITERS.items():
        if name.lower().endswith(ending):
            return writer
    ending = PurePath(name).suffix
    if ending.lower() in RECORDING:
        return None
    raise RecordingError(
        f"{files.words(name)} cannot be written: nothing that daftnb writes ends in {files.words(ending)}.",
        "Try run.arrow (a recording), run.html (a page for any browser) or run.trace.json (for Perfetto)",
    )
