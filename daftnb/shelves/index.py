"""Lists the runs of a shelf: from its index, and from the files themselves where the index does not know them.

The files are the truth, and ``index.jsonl`` only saves reading them. It has one line for each file, with its size, its
time of change, and its runs, or why it is no recording. A line that does not fit its file (or cannot be read) counts
for nothing; then the file is read, and a new line written. So the index may be missing, cut off, or written by several
kernels at once. It is written anew, whole or not at all, when most of it is about files that are gone.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daftnb import files
from daftnb.errors import RecordingError
from daftnb.files import FileProblem
from daftnb.recordings import open_recording
from daftnb.shelves.runs import NAMES, Run, are_runs, runs_of
from daftnb.telemetry import recordfile
from daftnb.text.cleaning import one_line

INDEX = "index.jsonl"
VERSION = 1  # of a line; those of another count for nothing
MOST_INDEX = 2**28  # bytes
SPARE = 1000  # lines about files that are gone, after which the index is written anew, if they are most of it
LONGEST = 300  # characters of why a file is left out


@dataclass(frozen=True, slots=True)
class Shelf:
    """``rows``: the runs, each as ``ROW`` says; ``left_out``: files that hold no recording, and why.

    ``problem``: why the index could not be written, if it could not: the list is right all the same.
    """

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def folder_of(path: str | os.PathLike[str]) -> Path:
    """Return the folder of a shelf; raise RecordingError where it cannot be one."""
    try:
        folder = files.place(path, "read")
        if folder.exists() and not folder.is_dir():
            raise FileProblem(f"{files.words(folder)} is not a folder.")
    except FileProblem as error:
        raise RecordingError(error.what, "Try a folder of your own, such as %daft keep runs") from None
    return folder


@contextmanager
def uncollected() -> Iterator[None]:
    """Have no garbage collected within the context: it would look at all rows of a long list again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@uncollected()
def list_shelf(path: str | os.PathLike[str]) -> Shelf:
    """Return the runs of the recordings (``*.arrow``) in a folder, in no order; raise RecordingError if it is none."""
    folder = folder_of(path)
    try:
        there = _files(folder)
    except OSError as error:
        raise RecordingError(
            f"{files.words(folder)} cannot be read: {error.strerror}.", "Try %daft keep, which says where runs are kept"
        ) from None
    known, lines = _index(folder)
    entries: dict[str, dict[str, Any]] = {}
    new = []
    for name, (size, changed) in there.items():
        entry = known.get(name)
        if entry is None or (entry["size"], entry["mtime"]) != (size, changed):
            entry = _entry(folder / name, size, changed)
            if entry is None:
                continue  # another kernel has just removed it
            if os.access(folder / name, os.R_OK):  # else it may be readable the next time, and be the same
                new.append(entry)
        entries[name] = entry
    problem = None
    try:
        if lines - len(entries) + len(new) > max(SPARE, len(entries)):
            files.write(folder / INDEX, b"".join(map(_line, entries.values())))
        elif new:
            append(folder, new)
    except (FileProblem, OSError) as error:
        problem = one_line(f"the index of {files.words(folder)} cannot be written: {error}", LONGEST)
    return Shelf(
        [(*run, name) for name, entry in entries.items() if "runs" in entry for run in entry["runs"]],
        {name: entry["error"] for name, entry in entries.items() if "error" in entry},
        problem,
    )


def append(folder: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Add lines to the index by one write, which others that write at the same time do not tear. May raise OSError."""
    data = b"".join(map(_line, entries))
    handle = os.open(folder / INDEX, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        os.write(handle, data)
    finally:
        os.close(handle)


def entry_of(path: Path, runs: list[Run]) -> dict[str, Any]:
    """Return the line of the index for a file that is there. May raise OSError."""
    status = path.stat()
    return _line_of(path, status.st_size, status.st_mtime_ns) | {"runs": list(map(_values, runs))}


def _line_of(path: Path, size: int, changed: int) -> dict[str, Any]:
    return {"v": VERSION, "file": path.name, "size": size, "mtime": changed}


def _values(run: Run) -> list[Any]:
    return [run[name] for name in NAMES]


def _line(entry: dict[str, Any]) -> bytes:
    # A line that was cut off, on a full disk, spoils no other: each begins anew.
    return b"\n" + json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the recordings by name, with size and time of change (ns)."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".arrow") and not entry.name.startswith("."):
                try:
                    status = entry.stat()
                except FileNotFoundError:  # another kernel has just removed it
                    continue
                found[entry.name] = (status.st_size, status.st_mtime_ns)
    return found


def _index(folder: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the lines of the index by file, the last of each, and how many lines there are."""
    try:
        data = files.read(folder / INDEX, MOST_INDEX)
    except FileProblem:  # there is none, or none that can be read: the files say it all
        return {}, 0
    lines = data.split(b"\n")
    found = {entry["file"]: entry for entry in _entries(lines)}
    return found, sum(map(bool, lines))


def _entries(lines: list[bytes]) -> list[dict[str, Any]]:
    """Return the lines that say what a line says."""
    try:
        entries = json.loads(b"[" + b",".join(filter(None, lines)) + b"]")  # at once: a tenth of the time
    except ValueError:
        entries = list(map(_parsed, lines))
    found = [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and entry.get("v") == VERSION
        and isinstance(entry.get("file"), str)
        and isinstance(entry.get("size"), int)
        and isinstance(entry.get("mtime"), int)
        and (isinstance(entry.get("runs"), list) or isinstance(entry.get("error"), str))
    ]
    if are_runs([run for entry in found for run in entry.get("runs", ())]):
        return found
    return [entry for entry in found if are_runs(entry.get("runs", []))]


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _entry(path: Path, size: int, changed: int) -> dict[str, Any] | None:
    """Return a line for a file by reading it; None where it is not there any more."""
    entry = _line_of(path, size, changed)
    try:
        runs = list(map(_values, runs_of(open_recording(path), recordfile.versions_in(path))))
        if not are_runs(runs):
            raise RecordingError(f"{files.words(path)} has numbers that no run has.", recordfile.ANOTHER)
    except RecordingError as error:
        return {**entry, "error": one_line(error.what, LONGEST)} if path.exists() else None
    return {**entry, "runs": runs}
