"""daftnb: see and steer Daft on Ray from a notebook.

``%load_ext daftnb`` gives a kernel its Session and the ``%daft`` magics. The same from Python::

    import daftnb
    daftnb.start(max_workers=4)   # an embedded, autoscaling Ray cluster
    daftnb.cockpit()              # the live plan, the workers, the backlog ratio, the settings
    daftnb.stop()
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from daftnb import settings
from daftnb.errors import ClusterError, DaftnbError, RecordingError, SettingError
from daftnb.settings import AutoscalingSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import pandas
    from daft import DataFrame
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.comparison import Comparison
    from daftnb.engine.jobs import Job, JobList
    from daftnb.session import Session
    from daftnb.telemetry.recording import Recording
    from daftnb.watching import Watch
    from daftnb.widgets.controls import Controls
    from daftnb.widgets.preview import Preview
    from daftnb.widgets.replay import Replay
    from daftnb.widgets.views import Backlog, Cockpit, Decisions, Plan, Workers

__version__ = "0.1.0"
__all__ = [
    "AutoscalingSettings",
    "ClusterError",
    "DaftnbError",
    "RecordingError",
    "SettingError",
    "auto",
    "backlog",
    "cockpit",
    "compare",
    "connect",
    "controls",
    "decisions",
    "get_session",
    "history",
    "jobs",
    "native",
    "open",
    "open_recording",
    "plan",
    "preview",
    "recording",
    "replay",
    "save",
    "settings",
    "start",
    "stop",
    "submit",
    "watch",
    "workers",
]


def __dir__() -> list[str]:
    """What is for users: completion offers nothing else."""
    return [*__all__, "__version__"]


def get_session() -> Session:
    """This kernel's Session; made now if there is none."""
    from daftnb.session import open_session

    return open_session()


def start(min_workers: int = 1, max_workers: int = 4, cpus: int = 1, idle_timeout: float = 30.0) -> None:
    """Start an embedded Ray cluster with Ray's autoscaler on this machine, and point Daft at it.

    ``cpus``: CPU slots per worker; ``idle_timeout``: seconds until Ray releases a node without work. Raises
    ClusterError if it cannot be.
    """
    from daftnb.engine.cluster import ClusterSize

    get_session().start(ClusterSize(min_workers, max_workers, cpus, idle_timeout), print)


def connect(address: str | None = None, runtime_env: dict[str, Any] | None = None) -> None:
    """Connect to a Ray that runs, and point Daft at it: ``host:port``, ``ray://host:port`` or ``auto``.

    With no address Ray starts one on this machine, for this kernel alone. ``runtime_env`` goes to ``ray.init``, for a
    cluster that lacks Daft: ``{"pip": ["daft==0.7.26"]}``. Raises ClusterError, within seconds, if it cannot be.
    """
    get_session().connect(address, print, runtime_env)


def stop() -> None:
    """End the cluster that :func:`start` started or the connection that :func:`connect` made, if there is one."""
    get_session().stop()


def native() -> None:
    """Point Daft at its native runner. ClusterError where it has Ray's: Daft cannot change runners in a process."""
    get_session().native()


def watch(name: str | None = None, quiet: bool = False, **settings: object) -> Watch:
    """Watch a block of code: ``with daftnb.watch("orders", threshold=2) as watched: ...``.

    ``name``: what its queries are called in history and views. ``settings``: as in ``daftnb.settings.set``, for this
    block alone; put back at its end, also after an error. ``quiet``: no line under the cell, and in a script no text
    about the queries at the end. ``watched.queries`` are their numbers. Raises SettingError before anything is set.
    """
    from daftnb.watching import Watch

    return Watch(get_session(), name, quiet, **settings)


def plan(df: DataFrame | None = None, name: str = "dataframe", *, query: int | str | None = None) -> Plan:
    """The live plan of the current query; with a dataframe, that one's plan, which has not run (and does not now).

    ``name``: what the dataframe is called in the view. ``query``: of that query of this session, by number or id, and
    no other. DaftnbError if ``df`` is no Daft dataframe, or if there is no such query.
    """
    from daftnb.widgets.views import Plan

    if query is not None:
        return Plan.of_query(get_session(), query)
    return Plan(get_session()) if df is None else Plan.of(get_session(), df, name)


def preview(frame: Any, limit: int | None = None, name: str | None = None) -> Preview:
    """A dataframe as a table over all of its rows: scrolled, sorted, filtered, summarised, by Daft in the kernel.

    ``frame``: a Daft dataframe, or anything with ``__arrow_c_stream__`` (pandas, polars, pyarrow, duckdb). One that has
    not run is not run: its table has a button that runs the first 1,000 rows. ``limit``: only the first so many rows,
    which run now. ``name``: what it is called in the table and in copied code. ``preview(frame).df`` is the view as a
    dataframe. Raises DaftnbError where there are no rows to preview.
    """
    from daftnb.engine import internals
    from daftnb.previews.source import source_of_value
    from daftnb.widgets.preview import Preview

    session = get_session()
    if internals.RICH in session.off:
        raise DaftnbError(session.off[internals.RICH], "Use Daft's own: df.show().")
    return Preview(session, source_of_value(frame, limit), name)


def workers() -> Workers:
    """The Ray worker pool."""
    from daftnb.widgets.views import Workers

    return Workers(get_session())


def backlog() -> Backlog:
    """The backlog ratio over time, against the threshold."""
    from daftnb.widgets.views import Backlog

    return Backlog(get_session())


def decisions() -> Decisions:
    """The scheduler's and Ray's decisions, with their reasons."""
    from daftnb.widgets.views import Decisions

    return Decisions(get_session())


def auto(on: bool = True) -> None:
    """Show a line under each cell that runs a query for longer than 300 ms, or do not. On once the extension is loaded.

    In a script, and in IPython's terminal: one line on the terminal while a query runs, from 1 s on. Off in a script
    until it is asked for; only where stderr is a terminal.
    """
    session = get_session()
    (session.lines or session.terminal).switch(on)


def cockpit() -> Cockpit:
    """All views of the current query in one, the history, and the settings, which can be changed there."""
    from daftnb.widgets.views import Cockpit

    return Cockpit(get_session())


def controls() -> Controls:
    """The panel for the autoscaling settings; they act on the next query."""
    from daftnb.widgets.controls import Controls

    return Controls(get_session())


def history() -> pandas.DataFrame:
    """The queries of this session, one row each (columns: :func:`daftnb.runs.history`)."""
    from daftnb import runs

    return runs.history(get_session())


def recording(query: int | str | None = None) -> Recording:
    """The recording of a query of this session, by number or id (None: the latest): its frames at any time, its tables.

    Raises RecordingError if there is none of it.
    """
    from daftnb import runs

    return runs.recording(get_session(), query)


def save(path: str | os.PathLike[str], query: int | str | None = None, all: bool = False) -> int:
    """Write the recording of a query (None: the latest; ``all``: of each that is kept) to an Arrow file.

    pyarrow and pandas read it, :func:`open_recording` replays it anywhere. Gives its size in bytes; raises
    RecordingError.
    """
    from daftnb import runs

    return runs.save(get_session(), path, query, all)


def replay(recording: Recording) -> Replay:
    """A recording in the cockpit, with a slider: every moment as it was seen."""
    from daftnb.widgets.replay import Replay

    numbers = [query.number for query in recording.queries]
    title = f"Query {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} queries"
    return Replay(recording, f"{title}, {PurePath(recording.source).name}")


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """The Recording in a file that :func:`save` has written. Raises RecordingError, in one line, if it has none."""
    from daftnb.telemetry.recording import open_recording

    return open_recording(path)


def open(path: str | os.PathLike[str]) -> Replay:
    """A file that :func:`save` has written, in the cockpit, with a slider: what ``%daft open`` shows.

    :func:`open_recording` gives its frames and tables instead. Raises RecordingError, in one line, if it has none.
    """
    return replay(open_recording(path))


def compare(a: int | str | Recording, b: int | str | Recording) -> Comparison:
    """Two runs, operator by operator: queries of this session by number or id, files, or Recordings."""
    from daftnb import runs
    from daftnb.telemetry.recording import Recording

    alone = isinstance(a, Recording) and isinstance(b, Recording)
    return runs.compare(None if alone else get_session(), a, b)


def submit(
    source: str | os.PathLike[str],
    address: str | None = None,
    name: str | None = None,
    working_dir: str | os.PathLike[str] | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    pip: Sequence[str] | str | None = None,
    env: Mapping[str, str] | None = None,
) -> Job:
    """Submit source text or a ``.py`` file as a Ray job, which runs wholly on the cluster and outlives the kernel.

    ``address`` is the cluster's job server (``http://head:8265``); the rest is as in
    :func:`daftnb.engine.jobs.submit`. Raises JobError.
    """
    from daftnb.engine import jobs

    return jobs.submit(source, address, name, working_dir, runtime_env, pip, env)


def jobs(address: str | None = None) -> JobList:
    """The jobs that were submitted to a cluster, newest first."""
    from daftnb.engine.jobs import jobs

    return jobs(address)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext daftnb``: a Session and the ``%daft`` magics. Again is harmless."""
    from daftnb.magics import register

    register(shell, get_session())


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext daftnb``: everything is put back, and a cluster that was started is ended."""
    from daftnb.magics import unregister
    from daftnb.session import close_session

    unregister(shell)
    close_session()
