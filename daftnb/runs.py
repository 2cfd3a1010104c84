"""Gives access to a session's past queries: their history, their recordings, and comparisons."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from daftnb._version import __version__
from daftnb.clock import steady as time
from daftnb.engine import releases
from daftnb.errors import RecordingError, SettingError
from daftnb.export.forms import writer_of
from daftnb.recordings import Recording, open_recording
from daftnb.settings import SETTINGS
from daftnb.shelves.keeper import MOST_BYTES, MOST_RUNS, Keeper
from daftnb.telemetry import events as e
from daftnb.telemetry import recordfile
from daftnb.telemetry.followers import Follower
from daftnb.telemetry.recordfile import Reel

if TYPE_CHECKING:
    import pandas

    from daftnb.comparison import Comparison
    from daftnb.session import Session

Run = int | str | Recording
_COUNTS = ("rows", "tasks", "workers_from", "workers_to")
_NUMBERS = ("seconds", "peak_ratio", "node_seconds")


def history(session: Session) -> pandas.DataFrame:
    """Return one row per query of this session (the last 100), the oldest first.

    ``name``: what :func:`daftnb.watch` called it. ``started`` is UTC, ``seconds`` the time from there to the end (or to
    now). ``rows``: as told by the engine, or what the plan's root gave. One column per setting, as it was in effect
    (missing on the native runner, which has none). ``recorded``: whether there still is a recording of it.
    ``attrs["dropped"]``: recordings that are no longer kept.
    """
    import pandas

    rows = session.snapshot()["queries"].values()
    recorded = set(session.recorder.numbers)
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("number", "id", "name", "runner", "state", "started", "seconds", "rows", "tasks", "workers_from",
                     "workers_to", "peak_ratio", "node_seconds", *SETTINGS, "recorded", "error")
    }  # fmt: skip
    for row in rows:
        values = {
            **row,
            "started": pandas.Timestamp(row["started"], unit="s", tz="UTC"),
            "seconds": row["elapsed"],
            "recorded": row["number"] in recorded,
            **{name: _value(name, setting.among(row["settings"])) for name, setting in SETTINGS.items()},
        }
        for name, column in columns.items():
            column.append(values[name])
    types = {
        "number": "int64",
        "started": "datetime64[us, UTC]",
        "recorded": "bool",
        **dict.fromkeys(_COUNTS, "Int64"),
        **dict.fromkeys(_NUMBERS, "Float64"),
        **{name: _TYPES[type(setting.default)] for name, setting in SETTINGS.items()},
    }
    table = pandas.DataFrame(
        {name: pandas.Series(column, dtype=types.get(name, "object")) for name, column in columns.items()}
    )
    table.attrs["dropped"] = session.recorder.dropped
    return table


_TYPES: dict[type, str] = {bool: "boolean", int: "Int64", float: "Float64", str: "string"}


def _value(name: str, text: str | None) -> bool | int | float | str | None:
    """Return a setting as it was in effect; None where it is unknown or the engine itself could not have read it."""
    if text is None:
        return None
    try:
        return SETTINGS[name].parse(text)
    except SettingError:
        return None


def recording(session: Session, query: int | str | None = None) -> Recording:
    """Return the recording of one query of the session, by number or id (None: the latest), up to now.

    Raises RecordingError if there is none, or it cannot be replayed.
    """
    session.monitor.refresh()
    number = session.recorder.number_of(query)
    try:
        return Recording([session.recorder.reel(number)], "this session")
    except ValueError as error:
        raise RecordingError(
            f"Query {number} cannot be replayed: {error}.", "Try another query from %daft history"
        ) from None


def save(session: Session, path: str | os.PathLike[str], query: int | str | None = None, all: bool = False) -> int:
    """Write the recording of a query (None: the latest), or of all that are kept, to a file; return its size in bytes.

    The ending of its name says in which form: :mod:`daftnb.export.forms`. Raises RecordingError if that cannot be done.
    """
    is_recording = writer_of(path) is None  # a name that is refused is refused before anything is done
    session.monitor.refresh()
    recorder = session.recorder
    last = recorder.number_of(query)
    reels = [recorder.reel(number) for number in (recorder.numbers if all else [last])]
    if not is_recording:
        try:
            return Recording(reels, "this session").save(path)
        except ValueError as error:
            raise RecordingError(f"It cannot be replayed: {error}.", "Try %daft save run.arrow") from None
    return recordfile.write(path, reels, __version__, session.settings.environment())


KEPT = "shelf"  # of the session's followers


def keep(
    session: Session,
    folder: str | os.PathLike[str] | None,
    most_runs: int = MOST_RUNS,
    most_bytes: int = MOST_BYTES,
) -> str | None:
    """Keep the recording of each query that ends in a folder (None: keep no more); return where they were kept before.

    Raises RecordingError where the folder cannot be written to; runs are then kept as before.
    """
    before = kept_in(session)
    follower = None
    if folder is not None:
        versions = {name: found for name in ("daft", "ray") if (found := releases.installed(name)) is not None}
        keeper = Keeper(folder, versions, most_runs, most_bytes)

        def work(reel: Reel) -> None:
            keeper.keep(reel)

        def tell(text: str) -> None:
            session.monitor.emit(e.ProblemFound(time.time(), text[: e.LONGEST_PROBLEM]))

        follower = Follower(
            "the shelf", session.recorder, work, tell, about=str(keeper.folder), refresh=session.monitor.refresh
        )
    session.followers.put(KEPT, follower)
    return before


def kept_in(session: Session) -> str | None:
    """Return the folder in which this session's runs are kept; None where they are not."""
    follower = session.followers.get(KEPT)
    return None if follower is None else follower.about


def compare(session: Session | None, a: Run, b: Run) -> Comparison:
    """Return two runs side by side.

    A run is a query of the session by number or id, a file of recordings, or a Recording (its last query). Raises
    RecordingError where there is none.
    """
    from daftnb.comparison import Comparison

    return Comparison(_run(session, a).query(), _run(session, b).query())


def _run(session: Session | None, run: Run) -> Recording:
    if isinstance(run, Recording):
        return run
    if session is not None and (isinstance(run, int) or run.isdigit() or not os.path.exists(os.path.expanduser(run))):
        return recording(session, run)
    return open_recording(str(run))
