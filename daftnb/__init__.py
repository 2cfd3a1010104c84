"""daftnb: see and steer Daft on Ray from a notebook.

``%load_ext daftnb`` gives a kernel its Session and the ``%daft`` magics. The same from Python::

    import daftnb
    daftnb.start(max_workers=4)   # an embedded, autoscaling Ray cluster
    daftnb.cockpit()              # the live plan, the workers, the backlog ratio, the settings
    daftnb.stop()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from daftnb import settings
from daftnb._version import __version__ as __version__
from daftnb.errors import ClusterError, DaftnbError, QueryCancelled, RecordingError, SettingError, SqlError
from daftnb.settings import AutoscalingSettings
from daftnb.text.plain import say

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import pandas
    from daft import DataFrame, Expression
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.cells.watching import Watch
    from daftnb.comparison import Comparison
    from daftnb.engine.jobs.job import Job, JobList
    from daftnb.engine.jobs.server import JobError
    from daftnb.recordings import RecordedQuery, Recording
    from daftnb.session import Session
    from daftnb.widgets.controls import Controls
    from daftnb.widgets.preview import Preview
    from daftnb.widgets.replay import Replay
    from daftnb.widgets.views import Backlog, Cockpit, Decisions, Plan, Workers

__all__ = [
    "AutoscalingSettings",
    "Backlog",
    "ClusterError",
    "Cockpit",
    "Comparison",
    "Controls",
    "DaftnbError",
    "Decisions",
    "Job",
    "JobError",
    "JobList",
    "Plan",
    "Preview",
    "QueryCancelled",
    "RecordedQuery",
    "Recording",
    "RecordingError",
    "Replay",
    "Session",
    "SettingError",
    "SqlError",
    "Watch",
    "Workers",
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
    "shows",
    "start",
    "stop",
    "submit",
    "watch",
    "workers",
]
# What the functions give and raise, imported when it is asked for: these modules need Jupyter's widgets, Daft or Ray.
_TYPES = {
    "Backlog": "daftnb.widgets.views",
    "Cockpit": "daftnb.widgets.views",
    "Comparison": "daftnb.comparison",
    "Controls": "daftnb.widgets.controls",
    "Decisions": "daftnb.widgets.views",
    "Job": "daftnb.engine.jobs.job",
    "JobError": "daftnb.engine.jobs.server",
    "JobList": "daftnb.engine.jobs.job",
    "Plan": "daftnb.widgets.views",
    "Preview": "daftnb.widgets.preview",
    "RecordedQuery": "daftnb.recordings",
    "Recording": "daftnb.recordings",
    "Replay": "daftnb.widgets.replay",
    "Session": "daftnb.session",
    "Watch": "daftnb.cells.watching",
    "Workers": "daftnb.widgets.views",
}


def __getattr__(name: str) -> Any:
    if name in _TYPES:
        return getattr(import_module(_TYPES[name]), name)
    raise AttributeError(f"module 'daftnb' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that are for users: completion offers nothing else."""
    return [*__all__, "__version__"]


def get_session() -> Session:
    """Return this kernel's Session; make one if there is none."""
    from daftnb.session import open_session

    return open_session()


def start(min_workers: int = 1, max_workers: int = 4, cpus: int = 1, idle_timeout: float = 30.0) -> None:
    """Start an embedded Ray cluster with Ray's autoscaler on this machine, and point Daft at it.

    Parameters
    ----------
    min_workers, max_workers
        Bounds of the number of worker nodes, at least 0 and 1.
    cpus
        CPU slots per worker.
    idle_timeout
        Seconds until Ray releases a node without work, at least 1.

    Raises
    ------
    ClusterError
        If it cannot be started.
    """
    from daftnb.engine.embedded.cluster import ClusterSize

    get_session().start(ClusterSize(min_workers, max_workers, cpus, idle_timeout), say)


def connect(address: str | None = None, runtime_env: dict[str, Any] | None = None) -> None:
    """Connect to a Ray that runs, and point Daft at it.

    Parameters
    ----------
    address
        ``host:port``, ``ray://host:port`` or ``auto``. With None Ray starts one on this machine, for this kernel alone.
    runtime_env
        Goes to ``ray.init``, for a cluster that lacks Daft: ``{"pip": ["daft==0.7.26"]}``.

    Raises
    ------
    ClusterError
        If it cannot be reached, within seconds.
    """
    get_session().connect(address, say, runtime_env)


def stop() -> None:
    """End the cluster that :func:`start` started or the connection that :func:`connect` made, if there is one."""
    get_session().stop()


def native() -> None:
    """Point Daft at its native runner.

    Raises
    ------
    ClusterError
        If Daft has Ray's runner: it cannot change runners in a process.
    """
    get_session().native()


def watch(name: str | None = None, quiet: bool = False, **settings: object) -> Watch:
    """Watch a block of code: ``with daftnb.watch("orders", threshold=2) as watched: ...``.

    The block is of the thread or task that opens it, and of what is started in it: several may overlap.

    Parameters
    ----------
    name
        What its queries are called in history and views.
    quiet
        Show no line under the cell, and in a script no text about the queries at the end.
    settings
        As in ``daftnb.settings.set``, for this block alone; put back at its end, also after an error.

    Returns
    -------
    Watch
        A context manager, which gives itself; its ``queries`` are the numbers of the block's queries.

    Raises
    ------
    SettingError
        Before anything is set, if a setting is wrong.
    DaftnbError
        If ``name`` is too long or cannot be printed.
    """
    from daftnb.cells.watching import Watch

    return Watch(get_session(), name, quiet, **settings)


def plan(df: DataFrame | None = None, name: str = "dataframe", *, query: int | str | None = None) -> Plan:
    """Show the live plan of the current query, or the plan of a dataframe, which has not run (and does not now).

    Parameters
    ----------
    df
        The Daft dataframe. None: the current query.
    name
        What the dataframe is called in the view.
    query
        Show that query of this session, by number or id, and no other.

    Raises
    ------
    DaftnbError
        If ``df`` is no Daft dataframe, or if there is no such query.
    """
    from daftnb.widgets.views import Plan

    if query is not None:
        return Plan.of_query(get_session(), query)
    session = get_session()
    return Plan(session) if df is None else Plan.of(session, session.off, df, name)


def preview(frame: Any, limit: int | None = None, name: str | None = None) -> Preview:
    """Show a dataframe as a table over all of its rows: scrolled, sorted, filtered, summarised, by Daft in the kernel.

    A dataframe that has not run is not run: its table has a button that runs the first 1,000 rows.

    Parameters
    ----------
    frame
        A Daft dataframe, or what else has rows: of pandas, polars, pyarrow, duckdb, numpy, or a list of dicts.
        Categories and the like become their values.
    limit
        Only the first so many rows, which run now.
    name
        What it is called in the table and in copied code.

    Returns
    -------
    Preview
        The table; its ``df`` is the view as a dataframe.

    Raises
    ------
    DaftnbError
        If there are no rows to preview.
    """
    from daftnb.engine import internals
    from daftnb.widgets.preview import preview_of

    session = get_session()
    if internals.RICH in session.off:
        raise DaftnbError(session.off[internals.RICH], "Use Daft's own: df.show().")
    return preview_of(session, frame, limit, name, name)


def shows(text: str, *columns: Expression) -> Expression:
    """Return an expression that is true where one of these columns shows ``text`` in a preview, whatever its case.

    It is what a preview's search asks, for copied code: ``df.where(daftnb.shows("1.5", col("price"), col("tags")))``.
    """
    from daftnb.previews.searching import shows as shows_

    return shows_(text, *columns)


def workers() -> Workers:
    """Show the Ray worker pool."""
    from daftnb.widgets.views import Workers

    return Workers(get_session())


def backlog() -> Backlog:
    """Show the backlog ratio over time, against the threshold."""
    from daftnb.widgets.views import Backlog

    return Backlog(get_session())


def decisions() -> Decisions:
    """Show the scheduler's and Ray's decisions, with their reasons."""
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
    """Show all views of the current query in one, the history, and the settings, which can be changed there.

    As every view, it stays with the queries of the cell that displays it; where that has none, it follows the latest.
    """
    from daftnb.widgets.views import Cockpit

    return Cockpit(get_session())


def controls() -> Controls:
    """Show the panel for the autoscaling settings; they act on the next query."""
    from daftnb.widgets.controls import Controls

    return Controls(get_session())


def history() -> pandas.DataFrame:
    """Return the queries of this session, one row each, the oldest first (columns: :func:`daftnb.runs.history`)."""
    from daftnb import runs

    return runs.history(get_session())


def recording(query: int | str | None = None) -> Recording:
    """Return the recording of a query of this session: its frames at any time, its tables.

    Parameters
    ----------
    query
        Its number or id. None: the latest.

    Raises
    ------
    RecordingError
        If there is no recording of it.
    """
    from daftnb import runs

    return runs.recording(get_session(), query)


def save(path: str | os.PathLike[str], query: int | str | None = None, all: bool = False) -> int:
    """Write the recording of a query to an Arrow file.

    pyarrow and pandas read it, :func:`open_recording` replays it anywhere.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    query
        Its number or id. None: the latest.
    all
        Write the recording of each query that is kept.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    RecordingError
        If there is no recording, or the file cannot be written.
    """
    from daftnb import runs

    return runs.save(get_session(), path, query, all)


def replay(recording: Recording) -> Replay:
    """Show a recording in the cockpit, with a slider: every moment as it was seen."""
    from daftnb.widgets.replay import replay_of

    return replay_of(recording)


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Return the Recording in a file that :func:`save` has written.

    Raises
    ------
    RecordingError
        In one line, if the file holds none.

    Examples
    --------
    >>> open_recording("no-such-file.arrow")
    Traceback (most recent call last):
        ...
    daftnb.errors.RecordingError: There is no file no-such-file.arrow. Try a file that %daft save has written
    """
    from daftnb.recordings import open_recording

    return open_recording(path)


def open(path: str | os.PathLike[str]) -> Replay:
    """Show a file that :func:`save` has written in the cockpit, with a slider, as ``%daft open`` does.

    :func:`open_recording` gives its frames and tables instead.

    Raises
    ------
    RecordingError
        In one line, if the file holds no recording.
    """
    return replay(open_recording(path))


def compare(a: int | str | Recording, b: int | str | Recording) -> Comparison:
    """Compare two runs, operator by operator.

    Parameters
    ----------
    a, b
        Queries of this session by number or id, files, or Recordings (their last query).

    Raises
    ------
    RecordingError
        If there is no recording of one of them.
    """
    from daftnb import runs
    from daftnb.recordings import Recording

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

    Parameters
    ----------
    source
        Python source text, or the path of a ``.py`` file.
    address
        The cluster's job server (``http://head:8265``).
    name, working_dir, runtime_env, pip, env
        As in :func:`daftnb.engine.jobs.job.submit`.

    Raises
    ------
    JobError
        If it cannot be submitted.
    SettingError
        If ``env`` has a setting that the engine must not be given.
    """
    from daftnb.engine.jobs import job as jobs

    return jobs.submit(source, address, name, working_dir, runtime_env, pip, env)


def jobs(address: str | None = None) -> JobList:
    """Return the jobs that were submitted to a cluster, newest first.

    Raises
    ------
    JobError
        If its job server cannot be reached.
    """
    from daftnb.engine.jobs.job import jobs

    return jobs(address)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give the shell a Session and the ``%daft`` magics, for ``%load_ext daftnb``; a second call is harmless."""
    from daftnb.engine.lateimport import put_off
    from daftnb.engine.releases import too_old
    from daftnb.magics import register

    put_off.install()
    for line in too_old():
        say(f"daftnb: {line}")
    register(shell, get_session())


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Put everything back, and end a cluster that was started, for ``%unload_ext daftnb``."""
    from daftnb.engine.lateimport import put_off
    from daftnb.magics import unregister
    from daftnb.session import close_session

    put_off.uninstall()

    unregister(shell)
    close_session()
