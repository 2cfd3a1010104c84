"""daftnb: see and steer Daft on Ray from a notebook.

``%load_ext daftnb`` gives a kernel its Session and the ``%daft`` magics. The same from Python::

    import daftnb
    daftnb.start(max_workers=4)   # an embedded, autoscaling Ray cluster
    daftnb.cockpit()              # the live plan, the workers, the backlog ratio, the settings
    daftnb.stop()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from daftnb import options, settings
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
    "keep",
    "native",
    "open",
    "open_recording",
    "options",
    "plan",
    "preview",
    "recording",
    "replay",
    "save",
    "settings",
    "shelf",
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
    """Return this kernel's Session; make one if there is none.

    Returns
    -------
    Session
        The session; the same one for as long as the kernel lives, or until ``%unload_ext daftnb``.

    Examples
    --------
    >>> get_session() is get_session()
    True
    """
    from daftnb.session import open_session

    return open_session()


def start(
    min_workers: int = 1,
    max_workers: int = 4,
    cpus: int = 1,
    idle_timeout: float = 30.0,
    autoscaler: Literal["v1", "v2"] = "v1",
    gpus: int = 0,
) -> None:
    """Start an embedded Ray cluster with Ray's autoscaler on this machine, and point Daft at it.

    Parameters
    ----------
    min_workers, max_workers
        Bounds of the number of worker nodes, at least 0 and 1.
    cpus
        CPU slots per worker, at least 1. They are Ray's bookkeeping, and may exceed the machine's cores.
    idle_timeout
        Seconds until Ray releases a node without work, at least 1.
    autoscaler
        Which of Ray's two autoscalers decides, whatever ``RAY_enable_autoscaler_v2`` says in the environment.
    gpus
        Logical GPUs per worker, 0 to 64. They are Ray's bookkeeping, whatever the machine has: what asks for a GPU is
        placed and waits as on a cluster that has them.

    Raises
    ------
    ClusterError
        If a value is out of its range, if this kernel has a cluster or Daft's native runner already, or if it cannot be
        started here: nothing is left behind then.

    Examples
    --------
    >>> start(min_workers=3, max_workers=2)
    Traceback (most recent call last):
        ...
    daftnb.errors.ClusterError: --min 3 is more than --max 2. Try %daft start --min 2 --max 3
    >>> start(gpus=0.5)
    Traceback (most recent call last):
        ...
    daftnb.errors.ClusterError: --gpus must be a whole number from 0 to 64 (got 0.5). Try %daft start --gpus 1
    """
    from daftnb.engine.embedded.cluster import ClusterSize

    get_session().start(ClusterSize(min_workers, max_workers, cpus, idle_timeout, autoscaler, gpus), say)


def connect(address: str | None = None, runtime_env: dict[str, Any] | None = None) -> None:
    """Connect to a Ray that runs, and point Daft at it.

    Parameters
    ----------
    address
        ``host:port``, ``ray://host:port`` or ``auto``. With None Ray starts one on this machine, for this kernel alone.
    runtime_env
        Goes to ``ray.init``, for a cluster that lacks Daft: ``{"pip": ["daft==0.7.26"]}``. None: nothing.

    Raises
    ------
    ClusterError
        If it cannot be reached, within seconds; or if this kernel has a cluster or Daft's native runner already.
    """
    get_session().connect(address, say, runtime_env)


def stop() -> None:
    """End the cluster that :func:`start` started or the connection that :func:`connect` made, if there is one.

    Raises
    ------
    ClusterError
        While another thread starts, connects or stops.

    Examples
    --------
    >>> stop()  # there is nothing to end
    """
    get_session().stop()


def native() -> None:
    """Point Daft at its native runner.

    Raises
    ------
    ClusterError
        If Daft has Ray's runner: it cannot change runners in a process.

    Examples
    --------
    >>> native()
    """
    get_session().native()


def watch(name: str | None = None, quiet: bool = False, **settings: object) -> Watch:
    """Watch a block of code: ``with daftnb.watch("orders", threshold=2) as watched: ...``.

    The block is of the thread or task that opens it, and of what is started in it: several may overlap.

    Parameters
    ----------
    name
        What its queries are called in history and views: 1 to 60 characters. None: no name.
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

    Examples
    --------
    >>> import daft
    >>> with watch("orders", quiet=True, threshold=2) as watched:
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> len(watched.queries)
    1
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
        Show that query of this session, by number or id, and no other. None: as ``df`` says.

    Returns
    -------
    Plan
        The view, which a notebook displays where it is a cell's last value; ``print`` gives it as text.

    Raises
    ------
    DaftnbError
        If ``df`` is no Daft dataframe, if there is no such query, or if this Daft lacks what plans need.

    Examples
    --------
    >>> import daft
    >>> plan(daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1))
    <daftnb plan view>
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
        Only the first so many rows, at least 1, which run now. None: all rows.
    name
        What it is called in the table and in copied code. None: it has no name.

    Returns
    -------
    Preview
        The table; its ``df`` is the view as a dataframe.

    Raises
    ------
    DaftnbError
        If there are no rows to preview, if ``limit`` is below 1, or if this Daft lacks what previews need.

    Examples
    --------
    >>> preview([{"a": 1}, {"a": 2}]).df.to_pydict()
    {'a': [1, 2]}
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

    Parameters
    ----------
    text
        What is looked for, anywhere in a cell.
    columns
        The columns to look into, at least one.

    Returns
    -------
    Expression
        A boolean expression. It runs on Daft's native runner and on Ray, where daftnb need not be installed.

    Raises
    ------
    ValueError
        If there is no column.

    Examples
    --------
    >>> import daft
    >>> df = daft.from_pydict({"price": [1.5, 2.0], "city": ["Oslo", "Bergen"]})
    >>> df.where(shows("oslo", daft.col("price"), daft.col("city"))).to_pydict()
    {'price': [1.5], 'city': ['Oslo']}
    """
    from daftnb.previews.searching import shows as shows_

    return shows_(text, *columns)


def workers() -> Workers:
    """Show the Ray worker pool.

    Returns
    -------
    Workers
        The view: every node and worker with its slots, tasks and state.

    Examples
    --------
    >>> workers()
    <daftnb workers view>
    """
    from daftnb.widgets.views import Workers

    return Workers(get_session())


def backlog() -> Backlog:
    """Show the backlog ratio over time, against the threshold.

    Returns
    -------
    Backlog
        The view: pending tasks ÷ worker CPUs, as a chart.

    Examples
    --------
    >>> backlog()
    <daftnb backlog view>
    """
    from daftnb.widgets.views import Backlog

    return Backlog(get_session())


def decisions() -> Decisions:
    """Show the scheduler's and Ray's decisions, with their reasons.

    Returns
    -------
    Decisions
        The view; a decision that repeats is one line, with how often.

    Examples
    --------
    >>> decisions()
    <daftnb decisions view>
    """
    from daftnb.widgets.views import Decisions

    return Decisions(get_session())


def auto(on: bool = True) -> None:
    """Show a line under each cell that runs a query for longer than 300 ms, or do not. On once the extension is loaded.

    In a script, and in IPython's terminal: one line on the terminal while a query runs, from 1 s on. Off in a script
    until it is asked for; only where stderr is a terminal.

    Parameters
    ----------
    on
        True to show it, False to show none; from the next query on.

    Examples
    --------
    >>> auto()
    >>> auto(False)
    """
    session = get_session()
    (session.lines or session.terminal).switch(on)


def cockpit() -> Cockpit:
    """Show all views of the current query in one, the history, and the settings, which can be changed there.

    As every view, it stays with the queries of the cell that displays it; where that has none, it follows the latest.

    Returns
    -------
    Cockpit
        The view; ``print`` gives it as text, for a script.

    Examples
    --------
    >>> cockpit()
    <daftnb cockpit view>
    """
    from daftnb.widgets.views import Cockpit

    return Cockpit(get_session())


def controls() -> Controls:
    """Show the panel for the autoscaling settings; they act on the next query.

    Returns
    -------
    Controls
        The panel, of ipywidgets.

    Examples
    --------
    >>> type(controls()).__name__
    'Controls'
    """
    from daftnb.widgets.controls import Controls

    return Controls(get_session())


def history() -> pandas.DataFrame:
    """Return the queries of this session, one row each, the oldest first (columns: :func:`daftnb.runs.history`).

    Returns
    -------
    pandas.DataFrame
        The last 100 at most; missing values where something is not known.

    Examples
    --------
    >>> import daft
    >>> with watch("orders", quiet=True):
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> history()[["name", "runner", "state"]].iloc[-1].to_list()
    ['orders', 'native', 'finished']
    """
    from daftnb import runs

    return runs.history(get_session())


def recording(query: int | str | None = None) -> Recording:
    """Return the recording of a query of this session: its snapshots at any time, its tables.

    Parameters
    ----------
    query
        Its number or id. None: the latest.

    Returns
    -------
    Recording
        What was recorded up to now; a query that runs can be asked for too.

    Raises
    ------
    RecordingError
        If there is no recording of it, or it cannot be replayed.

    Examples
    --------
    >>> import daft
    >>> with watch("orders", quiet=True):
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> recording().queries[0].state
    'finished'
    """
    from daftnb import runs

    return runs.recording(get_session(), query)


def save(path: str | os.PathLike[str], query: int | str | None = None, all: bool = False) -> int:
    """Write a query to a file: a recording, or another form of it by the ending of the name.

    ``run.arrow`` is an Arrow file: pyarrow and pandas read it, :func:`open_recording` replays it anywhere.
    ``run.html`` is a page that replays it in any browser, without a kernel, a network or a server.
    ``run.trace.json`` is a trace for Perfetto or chrome://tracing.

    Parameters
    ----------
    path
        The file; one that is there is replaced, whole or not at all.
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

    Examples
    --------
    >>> import daft, os, tempfile
    >>> with watch("orders", quiet=True):
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = save(os.path.join(folder, "run.arrow"))
    >>> size > 0
    True
    """
    from daftnb import runs

    return runs.save(get_session(), path, query, all)


def keep(
    folder: str | os.PathLike[str] | None, most_runs: int | None = None, most_bytes: int | None = None
) -> str | None:
    """Keep the recording of each query in a folder, some seconds after its end, as ``%daft keep`` does.

    Several kernels may keep in one folder. The oldest runs are removed where there are too many; other files are not
    touched. No query waits for it, and what cannot be written is told among the problems of the views.

    Parameters
    ----------
    folder
        Where; it is made if it is missing. None: keep no more, once those that have ended are written.
    most_runs
        How many runs the folder holds. None: 10,000.
    most_bytes
        How large they are in all. None: 1 GiB.

    Returns
    -------
    str | None
        The folder in which they were kept before.

    Raises
    ------
    RecordingError
        If the folder cannot be written to; runs are then kept as before.

    Examples
    --------
    >>> import daft, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keep(folder)
    ...     with watch("orders", quiet=True):
    ...         rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    ...     _ = keep(None)
    ...     shelf(folder).to_pydict()["name"]
    ['orders']
    """
    from daftnb import runs
    from daftnb.shelves.keeper import MOST_BYTES, MOST_RUNS

    return runs.keep(
        get_session(),
        folder,
        MOST_RUNS if most_runs is None else most_runs,
        MOST_BYTES if most_bytes is None else most_bytes,
    )


def shelf(folder: str | os.PathLike[str]) -> DataFrame:
    """Return the runs in a folder of recordings as a dataframe of Daft's: one row for each query, the oldest first.

    ``plan`` is a fingerprint: equal where the same plan ran, whatever numbers and quoted texts were in it.
    ``median_before`` is the median time of the last ten finished runs of the same plan and runner before it (null where
    there are not three), ``slower`` the run's time over that, and ``regression`` whether it took more than 1.5 times as
    long, and half a second more. ``file`` can be given to :func:`open` and :func:`compare`, behind the folder.

    Parameters
    ----------
    folder
        One that :func:`keep` has filled, or any with recordings (``*.arrow``) in it.

    Returns
    -------
    DataFrame
        The columns ``started``, ``name``, ``plan``, ``seconds``, ``rows``, ``status``, ``error``, ``runner``,
        ``tasks``, ``workers``, ``peak_ratio``, ``node_seconds``, ``id``, ``number``, ``daftnb``, ``daft``, ``ray``
        (versions), ``median_before``, ``slower``, ``regression`` and ``file``. A warning names files that are no
        recordings.

    Raises
    ------
    RecordingError
        If there is no such folder.

    Examples
    --------
    >>> shelf("no-such-folder")
    Traceback (most recent call last):
        ...
    daftnb.errors.RecordingError: no-such-folder cannot be read: No such file or directory. \
Try %daft keep, which says where runs are kept
    """
    from daftnb.shelves.tables import dataframe_of

    return dataframe_of(folder)


def replay(recording: Recording) -> Replay:
    """Show a recording in the cockpit, with a slider: every moment as it was seen.

    Parameters
    ----------
    recording
        Of :func:`recording`, or of :func:`open_recording`.

    Returns
    -------
    Replay
        The view, at the recording's end; its ``seek`` goes to another moment.

    Examples
    --------
    >>> import daft
    >>> with watch("orders", quiet=True):
    ...     rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > 1).collect()
    >>> replay(recording())
    <daftnb cockpit view>
    """
    from daftnb.widgets.replay import replay_of

    return replay_of(recording)


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Return the Recording in a file that :func:`save` has written.

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

    :func:`open_recording` gives its snapshots and tables instead.

    Parameters
    ----------
    path
        The file; ``~`` is the user's folder.

    Returns
    -------
    Replay
        The view, at the recording's end.

    Raises
    ------
    RecordingError
        In one line, if there is no such file, or if it holds no recording that can be replayed.

    Examples
    --------
    >>> open("no-such-file.arrow")
    Traceback (most recent call last):
        ...
    daftnb.errors.RecordingError: There is no file no-such-file.arrow. Try a file that %daft save has written
    """
    return replay(open_recording(path))


def compare(a: int | str | Recording, b: int | str | Recording) -> Comparison:
    """Compare two runs, operator by operator.

    Parameters
    ----------
    a, b
        Queries of this session by number or id, files, or Recordings (their last query).

    Returns
    -------
    Comparison
        Operators, totals and settings of both, as tables.

    Raises
    ------
    RecordingError
        If there is no recording of one of them.

    Examples
    --------
    >>> import daft
    >>> with watch(quiet=True) as watched:
    ...     for least in (1, 2):
    ...         rows = daft.from_pydict({"a": [1, 2]}).where(daft.col("a") > least).collect()
    >>> compare(*watched.queries).totals.loc["rows", ["a", "b"]].to_list()
    [1.0, 0.0]
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
        The cluster's job server (``http://head:8265``). None: what Ray's variables name, else
        ``http://127.0.0.1:8265``.
    name
        What the job is called in lists. None: its id.
    working_dir
        Where the job runs: a folder, which is uploaded (at most 512 MiB), or a URI. None: an empty folder.
    runtime_env
        Ray's, as a dict. None: nothing beside the other parts.
    pip
        Packages that the job needs, or a requirements file; short for that part of ``runtime_env``.
    env
        Environment variables, texts; they go before the settings that are set here.

    Returns
    -------
    Job
        The job, as submitted; it need not run yet.

    Raises
    ------
    JobError
        If it cannot be submitted.
    SettingError
        If ``env`` has a setting that the engine must not be given.

    Examples
    --------
    >>> submit("print(")
    Traceback (most recent call last):
        ...
    daftnb.engine.jobs.server.JobError: The source is not Python: line 1, '(' was never closed: print( ...
    """
    from daftnb.engine.jobs import job as jobs

    return jobs.submit(source, address, name, working_dir, runtime_env, pip, env)


def jobs(address: str | None = None) -> JobList:
    """Return the jobs that were submitted to a cluster, newest first.

    Parameters
    ----------
    address
        The cluster's job server. None: as in :func:`submit`.

    Returns
    -------
    JobList
        A list that is shown as a table; by whomever its jobs were submitted.

    Raises
    ------
    JobError
        If its job server cannot be reached.
    """
    from daftnb.engine.jobs.job import jobs

    return jobs(address)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give the shell a Session and the ``%daft`` magics, for ``%load_ext daftnb``; a second call is harmless.

    Parameters
    ----------
    shell
        IPython's, of a notebook's kernel or a terminal.
    """
    from daftnb.engine.lateimport import put_off
    from daftnb.engine.releases import too_old
    from daftnb.magics import register

    put_off.install()
    for line in too_old():
        say(f"daftnb: {line}")
    register(shell, get_session())


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Put everything back, and end a cluster that was started, for ``%unload_ext daftnb``.

    Parameters
    ----------
    shell
        The one that :func:`load_ipython_extension` was given.
    """
    from daftnb.engine.lateimport import put_off
    from daftnb.magics import unregister
    from daftnb.session import close_session

    put_off.uninstall()

    unregister(shell)
    close_session()
