"""A Recording: one or more recorded queries, which can be looked at at any moment of their time.

Of this session (:func:`daftnb.recording`) or from a file (:func:`daftnb.open_recording`); no engine is needed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daftnb import files
from daftnb._version import __version__
from daftnb.errors import RecordingError
from daftnb.export.forms import writer_of
from daftnb.telemetry import recordfile, tables
from daftnb.telemetry.model import Query
from daftnb.telemetry.recordfile import Reel
from daftnb.telemetry.replay import Replay
from daftnb.telemetry.snapshots import Snapshot
from daftnb.telemetry.timeline import Timeline, timeline_of
from daftnb.telemetry.wire import ViewName
from daftnb.text.numbers import plural
from daftnb.text.plain import printable
from daftnb.text.spelling import shown


@dataclass(frozen=True, slots=True)
class RecordedQuery:
    """A query of a recording, at the recording's end; None is what is not known.

    Attributes
    ----------
    number, id, name
        Its number in the session, Daft's id of it, and what a watched block called it.
    runner, state
        ``ray`` or ``native``; ``finished``, ``failed`` and the like.
    started, ended
        Seconds since the epoch.
    seconds
        Its time, to its end or to the recording's.
    rows, tasks
        Of its result, and of the whole query.
    workers_from, workers_to
        With how many workers it began, and the most that it had.
    peak_ratio
        The largest backlog ratio.
    node_seconds
        Seconds that nodes were there for it, all together.
    settings
        Those in effect, by environment variable.
    error
        Why it failed.
    events, dropped
        How many are recorded, and details that were left out for want of room.
    """

    number: int
    id: str
    name: str | None
    runner: str
    state: str
    started: float
    ended: float | None
    seconds: float
    rows: int | None
    tasks: int | None
    workers_from: int | None
    workers_to: int | None
    peak_ratio: float | None
    node_seconds: float | None
    settings: dict[str, str] | None
    error: str | None
    events: int
    dropped: int


class Recording:
    """Recorded queries: their snapshots at any time, and what there is to know of them as tables.

    Snapshots are those that were seen live; usage of nodes (memory, object store) is right to 1 %. Where a query may be
    named, it is by number or id; else the latest is meant. Not to be used by several threads at once.

    Attributes
    ----------
    queries
        What there is to know of each query, in the order of recording.

    Parameters
    ----------
    reels
        The recorded events, one reel per query.
    source
        Where it is from, for people: a file's path, or "this session".

    Examples
    --------
    >>> import daft, daftnb
    >>> with daftnb.watch("orders", quiet=True):
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> recorded = daftnb.recording()
    >>> recorded.snapshot(recorded.end)["query"]["name"]
    'orders'
    """

    def __init__(self, reels: Sequence[Reel], source: str) -> None:
        self.source = source
        self._replays = {replay.number: replay for replay in map(Replay, reels)}
        self.queries: tuple[RecordedQuery, ...] = tuple(_summary(replay) for replay in self._replays.values())

    @property
    def start(self) -> float:
        """Return when the first query began, in seconds since the epoch."""
        return min(replay.start for replay in self._replays.values())

    @property
    def end(self) -> float:
        """Return when the last event came, a few seconds after the last query's end, in seconds since the epoch."""
        return max(replay.end for replay in self._replays.values())

    def span(self, query: int | str | None = None) -> tuple[float, float]:
        """Return the start of a query and the end of its recording, in seconds since the epoch.

        Parameters
        ----------
        query
            Its number or id. None: the latest.

        Returns
        -------
        tuple[float, float]
            Both in seconds since the epoch.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        replay = self._replay(query)
        return replay.start, replay.end

    def frame(self, t: float | None = None, query: int | str | None = None) -> Snapshot:
        """Return :meth:`snapshot`, by its old name.

        Parameters
        ----------
        t, query
            As there.

        Returns
        -------
        Snapshot
            As there.
        """
        warnings.warn("frame() is called snapshot() now", DeprecationWarning, stacklevel=2)
        return self.snapshot(t, query)

    def snapshot(self, t: float | None = None, query: int | str | None = None) -> Snapshot:
        """Return the snapshot as it was seen at a moment.

        ``queries`` in it are those recorded here that had ended, and the one that it is of.

        Parameters
        ----------
        t
            Seconds since the epoch; before the start it is the start, after the end the end. None: the end.
        query
            Number or id of the query that it is of. None: the one that was the current one at ``t``, or the latest.

        Returns
        -------
        Snapshot
            As a view gets it, in topics (:class:`daftnb.telemetry.wire.Snapshot`).

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        replay = self._replay(query) if query is not None or t is None else self._current(t)
        snapshot = replay.snapshot(t)
        mine = str(replay.number)
        snapshot["queries"] = {
            number: row
            for number, row in (
                *(
                    (str(other.number), other.last["queries"][str(other.number)])
                    for other in self._ended(snapshot["now"])
                ),
                (mine, snapshot["queries"][mine]),
            )
        }
        return snapshot

    def query(self, query: int | str | None = None) -> Query:
        """Return all there is to know of a query at its recording's end, as :mod:`daftnb.telemetry.model` has it.

        Parameters
        ----------
        query
            Its number or id. None: the latest.

        Returns
        -------
        Query
            With its operators and all counts.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        replay = self._replay(query)
        replay.state()
        return replay.query

    def operators(self, query: int | str | None = None) -> Any:
        """Return the operators as an Arrow table.

        Parameters
        ----------
        query
            Number or id of one query. None: all of them.

        Returns
        -------
        pyarrow.Table
            One row per operator; the columns are :data:`daftnb.telemetry.tables.OPERATORS`.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        return tables.operators(self._some(query))

    def udfs(self, query: int | str | None = None) -> Any:
        """Return the functions of the user's (UDFs) that were called, as an Arrow table.

        Rows, calls, errors and retries are counts; ``seconds`` are those in the user's code, all calls together, and
        ``rows_per_second`` is over all the time in which the function ran. Null is not known.

        Parameters
        ----------
        query
            Number or id of one query. None: all of them.

        Returns
        -------
        pyarrow.Table
            One row per function and query; the columns are :data:`daftnb.telemetry.tables.UDFS`.

        Raises
        ------
        RecordingError
            If there is no such query in it.

        Examples
        --------
        >>> import daft, daftnb
        >>> with daftnb.watch("doubled", quiet=True):
        ...     rows = daft.from_pydict({"a": [1, 2]}).select(daft.col("a") * 2).collect()
        >>> daftnb.recording().udfs().num_rows  # nothing in it was the user's own function
        0
        """
        return tables.udfs(self._some(query))

    def tasks(self, query: int | str | None = None) -> Any:
        """Return the tasks that have ended as an Arrow table.

        Parameters
        ----------
        query
            Number or id of one query. None: all of them.

        Returns
        -------
        pyarrow.Table
            One row per task; the columns are :data:`daftnb.telemetry.tables.TASKS`.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        return tables.tasks(self._some(query))

    def workers(self, query: int | str | None = None) -> Any:
        """Return the nodes and workers as an Arrow table.

        Parameters
        ----------
        query
            Number or id of one query. None: all of them.

        Returns
        -------
        pyarrow.Table
            One row per node or worker; the columns are :data:`daftnb.telemetry.tables.WORKERS`.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        return tables.workers(self._some(query))

    def actors(self, query: int | str | None = None) -> Any:
        """Return the actors that functions (UDFs) ran in, as an Arrow table.

        Parameters
        ----------
        query
            Number or id of one query. None: all of them.

        Returns
        -------
        pyarrow.Table
            One row per actor, or process, of a function, as it was at the end; the columns are
            :data:`daftnb.telemetry.tables.ACTORS`.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        return tables.actors(self._some(query))

    def decisions(self, query: int | str | None = None) -> Any:
        """Return the scaling decisions as an Arrow table.

        Parameters
        ----------
        query
            Number or id of one query. None: all of them.

        Returns
        -------
        pyarrow.Table
            One row per decision; the columns are :data:`daftnb.telemetry.tables.DECISIONS`.

        Raises
        ------
        RecordingError
            If there is no such query in it.
        """
        return tables.decisions(self._some(query))

    def moments(self) -> list[float]:
        """Return when events came: the moments between which nothing changes but the clock.

        Returns
        -------
        list[float]
            Seconds since the epoch, in their order, of all queries together.

        Examples
        --------
        >>> import daft, daftnb
        >>> with daftnb.watch("orders", quiet=True):
        ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
        >>> recorded = daftnb.recording()
        >>> recorded.start <= recorded.moments()[-1] <= recorded.end
        True
        """
        return sorted({moment for replay in self._replays.values() for moment in replay.moments})

    def timelines(self) -> list[Timeline]:
        """Return each query as spans of time and samples, which the forms for other tools are made of.

        Returns
        -------
        list[Timeline]
            One of each query (:class:`daftnb.telemetry.timeline.Timeline`), in the order of recording.

        Examples
        --------
        >>> import daft, daftnb
        >>> with daftnb.watch("orders", quiet=True):
        ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
        >>> daftnb.recording().timelines()[0].query.name
        'orders'
        """
        return [timeline_of(replay) for replay in self._replays.values()]

    def save(self, path: str | os.PathLike[str]) -> int:
        """Write all of it to a file, whole or not at all.

        Parameters
        ----------
        path
            The file; one that is there is replaced. ``run.arrow`` is a recording, which :func:`daftnb.open_recording`
            reads; ``run.html`` a page that shows it in a browser, with its slider and without a kernel;
            ``run.trace.json`` a trace, which Perfetto and chrome://tracing open.

        Returns
        -------
        int
            The size of the file in bytes.

        Raises
        ------
        RecordingError
            If it cannot be written, or its name has another ending.

        Examples
        --------
        >>> import daft, daftnb, os, tempfile
        >>> with daftnb.watch("orders", quiet=True):
        ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = daftnb.recording().save(os.path.join(folder, "run.html"))
        >>> size > 100_000  # the views are in it
        True
        """
        writer = writer_of(path)
        if writer is not None:
            return writer(path, self)
        reels = [
            Reel(replay.number, replay.events, replay.moments, replay.dropped) for replay in self._replays.values()
        ]
        return recordfile.write(path, reels, __version__, self._replay(None).settings.environment())

    def export_otel(self, endpoint: str) -> int:
        """Send all of it to OpenTelemetry, as spans and metrics, by its own SDK (``pip install "daftnb[otel]"``).

        Parameters
        ----------
        endpoint
            The base address of an OTLP/HTTP receiver, such as ``http://127.0.0.1:4318``.

        Returns
        -------
        int
            How many spans the receiver took.

        Raises
        ------
        RecordingError
            In one line, if the SDK is not installed, or the receiver does not take them.

        Examples
        --------
        >>> import daft, daftnb
        >>> with daftnb.watch("orders", quiet=True):
        ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
        >>> daftnb.recording().export_otel("nowhere")
        Traceback (most recent call last):
            ...
        daftnb.errors.RecordingError: 'nowhere' is not the address of an OTLP/HTTP receiver. \
Try http://127.0.0.1:4318, where a collector listens
        """
        from daftnb.export import otel

        return otel.send(self.timelines(), endpoint)

    def _ended(self, t: float) -> list[Replay]:
        ended = {query.number for query in self.queries if query.ended is not None and query.ended <= t}
        return [replay for replay in self._replays.values() if replay.number in ended]

    def _current(self, t: float) -> Replay:
        begun = [replay for replay in self._replays.values() if replay.start <= t]
        return max(begun, key=lambda replay: replay.start) if begun else next(iter(self._replays.values()))

    def _replay(self, query: int | str | None) -> Replay:
        if query is None:
            return next(reversed(self._replays.values()))
        for replay in self._replays.values():
            if query in (replay.number, replay.id, str(replay.number)):
                return replay
        raise RecordingError(
            f"{self.source} has no query {shown(str(query), 60)} (it has {', '.join(map(str, self._replays))}).",
            "See its .queries",
        )

    def _some(self, query: int | str | None) -> list[Replay]:
        return list(self._replays.values()) if query is None else [self._replay(query)]

    def __repr__(self) -> str:
        from daftnb.snapshots.static import headline

        lines = [f"Recording of {plural(len(self.queries), 'query', 'queries')} ({self.source})"]
        return printable(
            "\n".join([*lines, *(f"  {headline(self.snapshot(query=query.number))}" for query in self.queries[-20:])])
        )

    def _repr_html_(self) -> str:
        from daftnb.snapshots.static import static_html
        from daftnb.telemetry.snapshots import select

        view: ViewName = "cockpit" if len(self.queries) == 1 else "history"
        return static_html(select(self.snapshot(), view), view)


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Return the Recording in a file.

    Parameters
    ----------
    path
        The file; ``~`` is the user's folder.

    Returns
    -------
    Recording
        All the queries that the file holds.

    Raises
    ------
    RecordingError
        In one line, if there is no such file, or if it holds no recording that can be replayed.
    """
    reels = recordfile.read(path)
    source = files.words(files.place(path, "read"))
    try:
        return Recording(reels, source)
    except RecordingError:
        raise
    except Exception as error:
        # Every value was of the right type and range, but together they make no story that the fold can follow.
        raise RecordingError(
            f"{source} cannot be replayed: {type(error).__name__}: {str(error)[:200]}.", recordfile.ANOTHER
        ) from None


def _summary(replay: Replay) -> RecordedQuery:
    row: dict[str, Any] = {**replay.last["queries"][str(replay.number)]}
    row["seconds"] = row.pop("elapsed")
    return RecordedQuery(**row, ended=replay.query.ended, events=len(replay.events), dropped=replay.dropped)
