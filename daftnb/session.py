"""The Session of a kernel: creates and owns the connection, the monitor and what is attached to Daft."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from daftnb import blocks, options, settings
from daftnb.cells.terminal import TerminalLine
from daftnb.clock import steady as time
from daftnb.connection import Connection, Progress
from daftnb.engine import internals, releases
from daftnb.engine.connection import standing
from daftnb.errors import DaftnbError
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.followers import Followers
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.snapshots import Snapshot, snapshot_of

if TYPE_CHECKING:
    from daftnb.cells.lines import CellLines
    from daftnb.engine.connection.external import ExternalCluster
    from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
    from daftnb.engine.queries.subscriber import QueryEvents

log = logging.getLogger("daftnb")

CLOSING_SECONDS = 120.0  # for a start in another thread to end, before what it has started is ended


class Session:
    """What daftnb is in this kernel. Made by ``%load_ext daftnb`` or :func:`open_session`; ended by :meth:`close`.

    Making one attaches a subscriber to Daft and replaces Daft's notebook display (which would start a server on all
    interfaces); it starts no Ray, no thread and no port.

    Attributes
    ----------
    recorder
        The recordings of the session's queries.
    monitor
        The events, the state that they fold into, and those who show it.
    followers
        What is done with recordings once their queries are over.
    connection
        Which Ray this kernel uses.
    lines
        The lines under cells; None where there are no cells, as in a script.
    terminal
        The line on the terminal, where there are no cells.
    off
        The features that are off because this Daft or Ray lacks a private name, and why.

    Examples
    --------
    >>> session = open_session()
    >>> session.set(threshold=2)
    >>> session.settings.threshold
    2.0
    >>> settings.reset("threshold")
    """

    def __init__(self) -> None:
        self.recorder = Recorder(lambda: AutoscalingSettings.read().environment())
        self.monitor = Monitor(self._pull, self._snapshot, time.time, self.recorder, blocks.numbered)
        self.followers = Followers()  # what is done with recordings once their queries are over
        self.lines: CellLines | None = None  # under the cells; the extension's, in a notebook
        self.terminal = TerminalLine(self)  # where there are no cells to show one under
        self.off = internals.missing("daft")
        self.connection = Connection(
            self.monitor,
            self.off,
            self._environment_for_query,
            self._planned,
            self._expressions,
            self._leave_in_time,
            self._variables_for_workers,
        )
        self._inherited: dict[str, str] = {}  # variables for workers that the processes of our own cluster began with
        self._query_events: QueryEvents | None = None
        self._warned: set[str] = set()
        self._on_close = ExitStack()  # what puts back what was changed: all of it, if one of them fails too
        self._on_close.callback(self.monitor.close)  # the last: what is put back may have something to tell
        self._attach()
        atexit.register(self._at_exit)

    def _pull(self) -> list[e.Event]:
        """Return what this process's functions did, and what the cluster has to tell. May raise Ray's errors."""
        functions = [] if self._query_events is None else self._query_events.functions.pull()
        return [*functions, *self.connection.pull()]

    def _attach(self) -> None:
        for line in releases.too_old():
            self.monitor.emit(e.ProblemFound(time.time(), line))
        if internals.LIVE not in self.off:
            from daftnb.engine.queries.subscriber import QueryEvents

            self._query_events = QueryEvents(
                self._tell,
                self.connection.adopt,
                blocks.began,
                metered=internals.METER not in self.off,
                brief=internals.BRIEF not in self.off,
                later=self.monitor.later,
            )
            self._query_events.attach()
            self._on_close.callback(self._query_events.detach)
        if internals.PREVIEWS not in self.off:
            from daftnb.engine.rows.dashboard import without_server

            self._on_close.callback(without_server())
        from daftnb.engine.connection.runner_slot import restore_documented_spelling
        from daftnb.engine.queries.background import untap_event_loop

        self._on_close.callback(standing.put_back)
        self._on_close.callback(restore_documented_spelling())
        self._on_close.callback(untap_event_loop)

    # -- which Ray ----------------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> EmbeddedCluster | None:
        """Return the embedded cluster of this kernel's own, or None if it was not started."""
        return self.connection.cluster

    @property
    def external(self) -> ExternalCluster | None:
        """Return the Ray that this kernel is connected to, where that is not its own; else None."""
        return self.connection.external

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of the Rays that this kernel was connected to."""
        return self.connection.addresses

    @property
    def disconnected(self) -> bool:
        """Return True if the kernel's own cluster still runs, but the user has ended the connection to it."""
        return self.connection.disconnected

    def start(self, size: ClusterSize, progress: Progress, extra_environment: dict[str, str] | None = None) -> None:
        """Start a cluster as :meth:`daftnb.connection.Connection.start` does.

        Parameters
        ----------
        size
            How many nodes the autoscaler may start, and how large.
        progress
            Called with one line of text as each step is done.
        extra_environment
            Goes to every process of the cluster. None: nothing.

        Raises
        ------
        ClusterError
            If that fails; nothing is left behind then.
        """
        inherited = options.for_workers()
        self.connection.start(size, progress, extra_environment)
        self._inherited = inherited

    def connect(self, address: str | None, progress: Progress, runtime_env: dict[str, Any] | None = None) -> None:
        """Connect to a Ray as :meth:`daftnb.connection.Connection.connect` does.

        Parameters
        ----------
        address
            ``host:port``, ``ray://host:port`` or ``auto``. None: Ray starts one, for this kernel alone.
        progress
            Called with one line of text as each step is done.
        runtime_env
            Goes to ``ray.init``. None: nothing.

        Raises
        ------
        ClusterError
            If that fails; the kernel is not connected then.
        """
        self.connection.connect(address, progress, runtime_env)

    def native(self) -> None:
        """Point Daft at its native runner as :meth:`daftnb.connection.Connection.native` does.

        Raises
        ------
        ClusterError
            If Daft has Ray's runner already.
        """
        self.connection.native()

    def stop(self) -> bool:
        """End the cluster or the connection as :meth:`daftnb.connection.Connection.stop` does.

        Returns
        -------
        bool
            False if there was nothing to end.

        Raises
        ------
        ClusterError
            While another thread starts, connects or stops.
        """
        return self.connection.stop()

    def _tell(self, event: e.Event) -> None:
        """Report an event of Daft's queries; take a query's line off the terminal before its thread goes on."""
        if isinstance(event, e.QueryStarted | e.QueryFinished) and log.isEnabledFor(logging.DEBUG):
            log.debug("%s of query %s", type(event).__name__, event.query_id)
        lines = self.lines
        if lines is not None and isinstance(event, e.QueryStarted):
            lines.query_began(event.query_id)
        self.monitor.emit(event)
        if isinstance(event, e.QueryFinished):
            if lines is not None:
                lines.query_ended(event.query_id)
            self.terminal.ended(event.query_id)

    # -- what a query needs of us -------------------------------------------------------------------------------------

    def _planned(self) -> tuple[str, dict[int, int]] | None:
        assert self._query_events is not None
        return self._query_events.planned.get(threading.get_ident())

    def _expressions(self, text: str) -> None:
        if self._query_events is not None and internals.PLANS not in self.off:
            self._query_events.expressions(text)

    def _environment_for_query(self) -> dict[str, str]:
        environment = blocks.environment()
        current = AutoscalingSettings.read(environment)
        for problem in current.problems:
            if problem not in self._warned:
                self._warned.add(problem)
                warnings.warn(problem, stacklevel=2)
        return {
            **current.environment(),
            settings.EXCLUDE_ENV: settings.exclude_seconds(environment),
            **settings.reaper_interval(environment),
        }

    def _variables_for_workers(self) -> dict[str, str | None]:
        """Return the variables for workers that start; None for one that our own cluster has and is not set now."""
        inherited = self._inherited if self.cluster is not None else {}
        return {**dict.fromkeys(inherited), **options.for_workers(blocks.environment())}

    def _snapshot(self, state: State, now: float) -> Snapshot:
        from daftnb.engine.connection.runner_slot import runner_name

        return snapshot_of(state, now, runner_name(), settings.current())

    # -- what people and views ask ------------------------------------------------------------------------------------

    @property
    def settings(self) -> AutoscalingSettings:
        """Return the settings as they are now (they act on the next query of this thread or task)."""
        return settings.current()

    @property
    def names(self) -> list[str]:
        """Return the names of the watched blocks that are open in this thread or task, the innermost last."""
        block = blocks.current()
        return [] if block is None else [each.name for each in block.lineage() if each.name is not None]

    def set(self, **values: object) -> None:
        """Set autoscaling settings by name (``threshold=1.5``).

        They stay when a watched block ends, also where it has set others.

        Parameters
        ----------
        values
            Settings by name.

        Raises
        ------
        SettingError
            If one is wrong; none of them is set then.
        """
        settings.keep(**values)

    def snapshot(self) -> Snapshot:
        """Return all there is to see, up to date.

        Returns
        -------
        Snapshot
            All topics, once what has been told so far is folded (:class:`daftnb.telemetry.wire.Snapshot`).
        """
        return self.monitor.refresh()

    def frame(self) -> Snapshot:
        """Return :meth:`snapshot`, by its old name.

        Returns
        -------
        Snapshot
            As there.
        """
        warnings.warn("frame() is called snapshot() now", DeprecationWarning, stacklevel=2)
        return self.snapshot()

    def cancel(self, query_id: str | None = None) -> str | None:
        """End a query that runs. Safe from any thread.

        A query of the main thread is interrupted, as an interrupt of the kernel does it: the user's code sees
        KeyboardInterrupt. One of another thread is ended on the cluster, and that thread sees QueryCancelled.

        Parameters
        ----------
        query_id
            Daft's id of the query. None: the latest that runs.

        Returns
        -------
        str | None
            The query's id; None where no such query runs.

        Raises
        ------
        DaftnbError
            If it runs in another thread on Daft's native runner, or on a Ray that was let go of: there that cannot be
            done.
        """
        self.monitor.catch_up()
        running = [query.id for query in reversed(self.monitor.state.queries.values()) if query.active]
        if query_id is None and running:
            query_id = running[0]
        if query_id is None or query_id not in running:
            return None
        thread = None if self._query_events is None else self._query_events.threads.get(query_id)
        if thread == threading.main_thread().ident:
            os.kill(os.getpid(), signal.SIGINT)
            return query_id
        if self.connection.flotilla is None or not self.connection.flotilla.cancel(query_id):
            if self.monitor.state.queries[query_id].runner == "ray":
                raise DaftnbError(
                    f"Query {query_id} ran on a Ray that this kernel no longer uses, and cannot be ended there.",
                    "Wait a moment: it fails by itself.",
                )
            raise DaftnbError(
                f"Query {query_id} runs in a thread of its own on Daft's native runner, which cannot be interrupted.",
                "Wait until it ends, or restart the kernel.",
            )
        self._tell(e.QueryFinished(time.time(), query_id, "cancelled"))
        return query_id

    def cancel_on_ray(self, query_id: str) -> bool:
        """End a query of this session's own that runs on Ray.

        Parameters
        ----------
        query_id
            Daft's id of the query.

        Returns
        -------
        bool
            False if there is none.
        """
        flotilla = self.connection.flotilla
        return flotilla is not None and flotilla.cancel(query_id)

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Put everything back as it was: Daft's display, its runner, the cluster, the thread."""
        atexit.unregister(self._at_exit)
        self.followers.close()
        try:
            with self.connection.change_of("stop", patience=CLOSING_SECONDS):
                self.connection.leave()
        finally:
            self.connection.flotilla = None
            self.terminal.close()
            if self.lines is not None:
                self.lines.close()
            self._on_close.close()

    def _leave_in_time(self) -> None:
        """Register the exit handler last, so that it runs before Ray's own, which Ray registers when it is imported."""
        atexit.unregister(self._at_exit)
        atexit.register(self._at_exit)

    def _at_exit(self) -> None:
        """Let go of the cluster as the interpreter ends (its supervisor ends it), without making anyone wait."""
        self.followers.close()
        if self.external is not None:
            self.connection.leave()
        self.terminal.close()
        self.monitor.stop()
        if self.cluster is not None:
            self.cluster.abandon()


_session: Session | None = None


def open_session() -> Session:
    """Return this kernel's Session; make it now if there is none.

    Returns
    -------
    Session
        The session; the same one until :func:`close_session`.
    """
    global _session  # the one piece of global state: a kernel has one Daft, so it has one Session
    if _session is None:
        _session = Session()
    return _session


def current_session() -> Session | None:
    """Return this kernel's Session, or None if there is none."""
    return _session


def close_session() -> None:
    """End this kernel's Session, if there is one."""
    global _session
    session, _session = _session, None
    if session is not None:
        session.close()
