"""The Session: the one composition root of a kernel. It owns the cluster, the monitor and what was put into Daft."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from daftnb import settings
from daftnb.engine import internals
from daftnb.engine.environment import restore
from daftnb.errors import ClusterError, DaftnbError
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.frames import Frame, frame_of
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.terminal import TerminalLine

if TYPE_CHECKING:
    from daftnb.engine.cluster import ClusterSize, EmbeddedCluster
    from daftnb.engine.connect import Link
    from daftnb.engine.external import ExternalCluster
    from daftnb.engine.flotilla import WatchedFlotillaRunner
    from daftnb.engine.native import QueryEvents
    from daftnb.widgets.cells import CellLines

Progress = Callable[[str], None]


class Session:
    """What daftnb is in this kernel. Made by ``%load_ext daftnb`` or :func:`open_session`; ended by :meth:`close`.

    Making one attaches a subscriber to Daft and replaces Daft's notebook display (which would start a server on all
    interfaces); it starts no Ray, no thread and no port.
    """

    def __init__(self) -> None:
        self.cluster: EmbeddedCluster | None = None
        self.external: ExternalCluster | None = None
        self._link: Link | None = None  # the connection that our FlotillaRunner was made on
        self.recorder = Recorder(lambda: AutoscalingSettings.read().environment())
        self.monitor = Monitor(self._pull, self._frame, time.time, self.recorder)
        self.lines: CellLines | None = None  # under the cells; the extension's, in a notebook
        self.terminal = TerminalLine(self)  # where there are no cells to show one under
        self.names: list[str] = []  # for the queries of the watched blocks that are open, the innermost last
        self.addresses: list[str] = []  # of the Rays this session was connected to
        self.off = internals.missing("daft")
        self._ray_looked_for = False
        self._query_events: QueryEvents | None = None
        self._flotilla: WatchedFlotillaRunner | None = None
        self._environment_before: dict[str, str | None] = {}
        self._warned: set[str] = set()
        self._on_close = ExitStack()  # what puts back what was changed: all of it, if one of them fails too
        self._on_close.callback(self.monitor.stop)  # the last: an event would start it again
        self._attach()
        atexit.register(self._at_exit)

    def _attach(self) -> None:
        if internals.LIVE not in self.off:
            from daftnb.engine.native import QueryEvents

            self._query_events = QueryEvents(self._tell, self._adopt, self.names)
            self._query_events.attach()
            self._on_close.callback(self._query_events.detach)
        if internals.PREVIEWS not in self.off:
            from daftnb.previews.formatter import without_server

            self._on_close.callback(without_server())
        from daftnb.engine.connect import restore_documented_spelling
        from daftnb.engine.ownqueries import untap_event_loop

        self._on_close.callback(restore_documented_spelling())
        self._on_close.callback(untap_event_loop)

    # -- the cluster --------------------------------------------------------------------------------------------------

    def start(self, size: ClusterSize, progress: Progress, extra_environment: dict[str, str] | None = None) -> None:
        """Start an embedded Ray cluster and point Daft at it; ClusterError, with nothing left behind, if it cannot be.

        ``extra_environment`` goes to every process of the cluster (for tests and diagnosis).
        """
        from daftnb.engine import connect
        from daftnb.engine.cluster import EmbeddedCluster, check_machine

        if self.cluster is not None and self.cluster.answers():
            raise ClusterError(
                f"A cluster runs already, at {self.cluster.address}.", "Use it, or end it first with %daft stop."
            )
        if self.cluster is not None:  # its head ended by itself
            self.stop()
        connect.check_runner()
        check_machine(size)
        self._check_internals(internals.SETTINGS, internals.CONNECTING, internals.EMBEDDED)
        cluster = self.cluster = EmbeddedCluster(size)
        try:
            cluster.start(progress, extra_environment)
            self.monitor.emit(cluster.event("starting"))
            environment = {**cluster.connection_environment(), **connect.DRIVER_ENVIRONMENT}
            self._environment_before = connect.connect(cluster.address, environment)
            progress("connected")
            connect.await_workers(size.min_workers, progress, lambda: cluster.running)
            connect.use_ray(self._make_flotilla_runner)
            self._link = connect.link()
            self.monitor.emit(cluster.event("running"))
        except BaseException:
            self.stop()
            raise
        plural = "" if size.cpus == 1 else "s"
        progress(
            f"queries run on Ray at {cluster.address}: {size.min_workers} to {size.max_workers} workers "
            f"of {size.cpus} CPU{plural}"
        )

    def _check_internals(self, *features: str) -> None:
        self._look_for_ray()
        off = [self.off[feature] for feature in features if feature in self.off]
        if off:
            raise ClusterError(
                " ".join(off), "Install the Daft and Ray that this daftnb names, or use Daft's own Ray runner."
            )

    def connect(self, address: str | None, progress: Progress, runtime_env: dict[str, Any] | None = None) -> None:
        """Connect to a Ray that runs (``auto``, ``host:port``, ``ray://host:port``) and point Daft at it.

        With no address Ray starts one on this machine, for this kernel alone. ClusterError, and not connected, if it
        cannot be; it is said within seconds. ``runtime_env`` goes to ``ray.init``.
        """
        from daftnb.engine import connect
        from daftnb.engine.external import ExternalCluster

        if self.cluster is not None and self.cluster.answers():
            raise ClusterError(
                f"The cluster of this kernel's own runs, at {self.cluster.address}.", "End it first with %daft stop."
            )
        if self.cluster is not None:  # its head ended by itself
            self.stop()
        connect.check_runner()
        self._check_internals(internals.SETTINGS, internals.CONNECTING)
        external = ExternalCluster.open(address, progress, runtime_env)
        try:
            connect.use_ray(self._make_flotilla_runner)
            self._attend(external)
        except BaseException:
            self._flotilla = None
            connect.release()
            external.close()
            raise
        progress(f"queries run on Ray at {external.address}")

    def _attend(self, external: ExternalCluster) -> None:
        """From now on this is the cluster whose events are pulled."""
        self.external, self._link = external, external.link
        if external.address not in self.addresses:
            self.addresses.append(external.address)
        self.monitor.emit(external.event("running"))
        # Ray's own exit handler was registered when Ray was imported; ours has to come before it.
        atexit.unregister(self._at_exit)
        atexit.register(self._at_exit)

    def native(self) -> None:
        """Point Daft at its native runner; ClusterError where it has Ray's, which cannot be changed in a process."""
        from daftnb.engine import connect

        connect.use_native()

    def stop(self) -> bool:
        """End exactly the cluster that :meth:`start` started, or the connection that :meth:`connect` made.

        What this session's queries asked of another's autoscaler is withdrawn. A connection that the user made
        himself is let go of, and stands. False if there is nothing of all this.
        """
        external, cluster = self.external, self.cluster
        if external is not None:
            self._disconnect(external)
            if cluster is None:
                return True
        if cluster is None:
            return False
        self.cluster = None
        from daftnb.engine import connect

        flotilla, self._flotilla = self._flotilla, None
        if flotilla is not None:
            flotilla.door.left = True
        try:
            if "ray" in sys.modules:
                with self.monitor.asking_nobody():
                    connect.release()
                    connect.disconnect()
        finally:
            restore(self._environment_before)
            self._environment_before = {}
            self.monitor.emit(cluster.event("stopped"))
            cluster.stop()
        return True

    def _disconnect(self, external: ExternalCluster) -> None:
        from daftnb.leaving import leave

        flotilla, self._flotilla, self.external = self._flotilla, None, None
        leave(external, flotilla, self.monitor)

    def _tell(self, event: e.Event) -> None:
        """What Daft says of its queries; when one has ended, its line is off the terminal before its thread goes on."""
        self.monitor.emit(event)
        if isinstance(event, e.QueryFinished):
            self.terminal.ended(event.query_id)

    # -- what a query needs of us -------------------------------------------------------------------------------------

    def _make_flotilla_runner(self, startup_timeout: int | None) -> WatchedFlotillaRunner:
        from daftnb.engine.flotilla import WatchedFlotillaRunner

        def planned() -> tuple[str, dict[int, int]] | None:
            assert self._query_events is not None
            return self._query_events.planned.get(threading.get_ident())

        def expressions(plan: Any) -> None:
            if self._query_events is not None and internals.PLANS not in self.off:
                self._query_events.expressions(plan)

        self._flotilla = WatchedFlotillaRunner(
            self.monitor.emit, self._environment_for_query, planned, startup_timeout, frozenset(self.off), expressions
        )
        return self._flotilla

    def _adopt(self) -> None:
        """Before a query on Ray: be in the runner, also in one that the user has set or connected himself."""
        from daftnb.engine import connect
        from daftnb.engine.external import ExternalCluster

        self._look_for_ray()
        if {internals.SETTINGS, internals.CONNECTING} & self.off.keys():
            return
        link = connect.link()
        renew = self._flotilla is None or link != self._link
        if renew and link is None and not connect.connects_by_itself():
            return  # the query is about to fail, and says that Ray is not there
        ended = self._link is not None and link != self._link
        self._flotilla = connect.adopt(self._make_flotilla_runner, renew, ended)
        if renew:
            link = connect.link()
            assert link is not None, "a runner actor was made, so there is a connection"
            self._attend(ExternalCluster(link))

    def _look_for_ray(self) -> None:
        """Find, once, which features a name that is missing turns off now that Ray comes into play; each is said."""
        if not self._ray_looked_for:
            self._ray_looked_for = True
            off = internals.missing("ray")
            self.off |= off
            for text in off.values():
                self.monitor.emit(e.ProblemFound(time.time(), text))

    def _environment_for_query(self) -> dict[str, str]:
        current = AutoscalingSettings.read()
        for problem in current.problems:
            if problem not in self._warned:
                self._warned.add(problem)
                warnings.warn(problem, stacklevel=2)
        return {**current.environment(), settings.EXCLUDE_ENV: settings.exclude_seconds()}

    def _pull(self) -> list[e.Event]:
        flotilla, cluster, external = self._flotilla, self.cluster, self.external
        if flotilla is None:
            return []
        if external is not None:
            return self._pull_external(external, flotilla)
        if cluster is not None and not cluster.answers():
            from daftnb.engine import connect

            self._flotilla = None
            # Ray ends a process whose head has been away for a minute; it must not be the notebook's kernel.
            connect.disconnect()
            gone = f"the Ray head at {cluster.address} ended; %daft stop, then %daft start, gives a new one"
            return [cluster.event("stopped"), e.ProblemFound(time.time(), gone)]
        return flotilla.door.pull()

    def _pull_external(self, external: ExternalCluster, flotilla: WatchedFlotillaRunner) -> list[e.Event]:
        from daftnb.engine import connect

        if connect.link() != external.link:
            # The user has ended it. A call now would have Ray start a cluster to make it on.
            self._flotilla = self.external = None
            return [external.event("stopped")]
        if not external.answers():
            if not external.lost:
                return []
            self._flotilla = self.external = None
            connect.disconnect()
            gone = f"the Ray at {external.address} does not answer; this kernel has let go of it"
            return [external.event("stopped"), e.ProblemFound(time.time(), f"{gone}. %daft connect tries again")]
        told = self.monitor.state.problems
        notices = [] if internals.GROWTH in self.off else external.notices(flotilla.runner)
        fresh = [event for event in notices if not (isinstance(event, e.ProblemFound) and event.text in told)]
        return [*flotilla.door.pull(), *fresh]

    def _frame(self, state: State, now: float) -> Frame:
        from daftnb.engine.connect import runner_name

        return frame_of(state, now, runner_name(), AutoscalingSettings.read())

    # -- what people and views ask ------------------------------------------------------------------------------------

    @property
    def settings(self) -> AutoscalingSettings:
        """What is set now (it acts on the next query)."""
        return AutoscalingSettings.read()

    def set(self, **values: object) -> None:
        """Set autoscaling settings by name (``threshold=1.5``); SettingError, and none of them set, if one is wrong."""
        settings.set(**values)

    def frame(self) -> Frame:
        """All there is to see, up to date."""
        return self.monitor.refresh()

    def cancel(self, query_id: str | None = None) -> str | None:
        """End a query that runs (the latest one that does); its id, or None where there is no such query.

        Safe from any thread. A query of the main thread is interrupted, as an interrupt of the kernel does it: the
        user's code sees KeyboardInterrupt. One of another thread is ended on the cluster, and that thread sees
        QueryCancelled; on the native runner that cannot be done, and is said (DaftnbError).
        """
        running = [query.id for query in reversed(self.monitor.state.queries.values()) if query.active]
        if query_id is None and running:
            query_id = running[0]
        if query_id is None or query_id not in running:
            return None
        thread = None if self._query_events is None else self._query_events.threads.get(query_id)
        if thread == threading.main_thread().ident:
            os.kill(os.getpid(), signal.SIGINT)
            return query_id
        if self._flotilla is None or not self._flotilla.cancel(query_id):
            raise DaftnbError(
                f"Query {query_id} runs in a thread of its own on Daft's native runner, which cannot be interrupted.",
                "Wait for its end, or restart the kernel.",
            )
        self._tell(e.QueryFinished(time.time(), query_id, "cancelled"))
        return query_id

    def cancel_on_ray(self, query_id: str) -> bool:
        """End a query of this session's own that runs on Ray; False if there is none."""
        flotilla = self._flotilla
        return flotilla is not None and flotilla.cancel(query_id)

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Put everything back as it was: Daft's display, its runner, the cluster, the thread."""
        atexit.unregister(self._at_exit)
        try:
            self.stop()
        finally:
            self._flotilla = None
            self.terminal.switch(False)
            if self.lines is not None:
                self.lines.close()
            self._on_close.close()

    def _at_exit(self) -> None:
        """The interpreter ends: let go of the cluster (its supervisor ends it) without making anyone wait."""
        if self.external is not None:
            self.stop()
        self.terminal.switch(False)
        self.monitor.stop()
        if self.cluster is not None:
            self.cluster.abandon()


_session: Session | None = None


def open_session() -> Session:
    """This kernel's Session; made now if there is none."""
    global _session  # the one piece of global state: a kernel has one Daft, so it has one Session
    if _session is None:
        _session = Session()
    return _session


def current_session() -> Session | None:
    """This kernel's Session, if there is one."""
    return _session


def close_session() -> None:
    """End this kernel's Session, if there is one."""
    global _session
    session, _session = _session, None
    if session is not None:
        session.close()
