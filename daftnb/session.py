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
from typing import TYPE_CHECKING, Any

from daftnb import settings
from daftnb.engine import internals
from daftnb.errors import ClusterError, DaftnbError
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.frames import Frame, frame_of
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor

if TYPE_CHECKING:
    from daftnb.engine.cluster import ClusterSize, EmbeddedCluster
    from daftnb.engine.flotilla import WatchedFlotillaRunner
    from daftnb.engine.native import QueryEvents

Progress = Callable[[str], None]


class Session:
    """What daftnb is in this kernel. Made by ``%load_ext daftnb`` or :func:`open_session`; ended by :meth:`close`.

    Making one attaches a subscriber to Daft and replaces Daft's notebook display (which would start a server on all
    interfaces); it starts no Ray, no thread and no port.
    """

    def __init__(self) -> None:
        self.cluster: EmbeddedCluster | None = None
        self.monitor = Monitor(self._pull, self._frame, time.time)
        self.off = internals.missing("daft")
        self._ray_looked_for = False
        self._query_events: QueryEvents | None = None
        self._flotilla: WatchedFlotillaRunner | None = None
        self._environment_before: dict[str, str | None] = {}
        self._warned: set[str] = set()
        self._on_close: list[Callable[[], None]] = []
        self._attach()
        atexit.register(self._at_exit)

    def _attach(self) -> None:
        if internals.LIVE not in self.off:
            from daftnb.engine.native import QueryEvents

            self._query_events = QueryEvents(self.monitor.emit, self._adopt)
            self._query_events.attach()
            self._on_close.append(self._query_events.detach)
        if internals.PREVIEWS not in self.off:
            from daftnb.preview.formatter import replace_display

            self._on_close.append(replace_display())

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
        self._look_for_ray()
        needed = (internals.SETTINGS, internals.EMBEDDED)
        off = [self.off[feature] for feature in needed if feature in self.off]
        if off:
            raise ClusterError(
                " ".join(off), "Install the Daft and Ray that this daftnb names, or use Daft's own Ray runner."
            )
        cluster = self.cluster = EmbeddedCluster(size)
        try:
            cluster.start(progress, extra_environment)
            self._emit_cluster("starting")
            environment = {**cluster.connection_environment(), **connect.DRIVER_ENVIRONMENT}
            self._environment_before = {name: os.environ.get(name) for name in environment}
            connect.connect(cluster.address, environment)
            progress("connected")
            connect.await_workers(size.min_workers, progress, lambda: cluster.running)
            connect.use_ray(self._make_flotilla_runner)
            self._emit_cluster("running")
        except BaseException:
            self.stop()
            raise
        plural = "" if size.cpus == 1 else "s"
        progress(
            f"queries run on Ray at {cluster.address}: {size.min_workers} to {size.max_workers} workers "
            f"of {size.cpus} CPU{plural}"
        )

    def stop(self) -> bool:
        """End exactly the cluster that :meth:`start` started; False if there is none."""
        cluster, self.cluster = self.cluster, None
        if cluster is None:
            return False
        from daftnb.engine import connect

        self._flotilla = None
        try:
            if "ray" in sys.modules:
                connect.release()
                connect.disconnect()
        finally:
            for name, value in self._environment_before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            self._environment_before = {}
            self.monitor.emit(self._cluster_event(cluster, "stopped"))
            cluster.stop()
        return True

    def _cluster_event(self, cluster: EmbeddedCluster, state: Any) -> e.ClusterChanged:
        size = cluster.size
        return e.ClusterChanged(
            time.time(),
            "embedded",
            state,
            cluster.address,
            size.min_workers,
            size.max_workers,
            size.cpus,
            size.idle_timeout,
        )

    def _emit_cluster(self, state: str) -> None:
        assert self.cluster is not None
        self.monitor.emit(self._cluster_event(self.cluster, state))

    # -- what a query needs of us -------------------------------------------------------------------------------------

    def _make_flotilla_runner(self, startup_timeout: int | None) -> WatchedFlotillaRunner:
        from daftnb.engine.flotilla import WatchedFlotillaRunner

        def planned() -> tuple[str, dict[int, int]] | None:
            assert self._query_events is not None
            return self._query_events.planned.get(threading.get_ident())

        self._flotilla = WatchedFlotillaRunner(
            self.monitor.emit, self._environment_for_query, planned, startup_timeout, frozenset(self.off)
        )
        return self._flotilla

    def _adopt(self) -> None:
        """Before a query on Ray: be in the runner, also in one that the user has set himself."""
        from daftnb.engine import connect

        self._look_for_ray()
        if internals.SETTINGS in self.off:
            return
        self._flotilla = connect.adopt(self._make_flotilla_runner)

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
        cluster = self.cluster
        if cluster is not None and self._flotilla is not None and not cluster.answers():
            from daftnb.engine import connect

            self._flotilla = None
            # Ray ends a process whose head has been away for a minute; it must not be the notebook's kernel.
            connect.disconnect()
            gone = f"the Ray head at {cluster.address} ended; %daft stop, then %daft start, gives a new one"
            return [self._cluster_event(cluster, "stopped"), e.ProblemFound(time.time(), gone)]
        return [] if self._flotilla is None else self._flotilla.door.pull()

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
        trial = dict(os.environ)
        for name, value in values.items():
            settings.assign(name, str(value), trial)
        for name in values:
            variable = settings.find(name).env
            os.environ[variable] = trial[variable]

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
        self.monitor.emit(e.QueryFinished(time.time(), query_id, "cancelled"))
        return query_id

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Put everything back as it was: Daft's display, its runner, the cluster, the thread."""
        atexit.unregister(self._at_exit)
        flotilla, external = self._flotilla, self.cluster is None
        try:
            if not self.stop() and flotilla is not None and external:
                from daftnb.engine import connect

                connect.release()
                flotilla.door.close()
        finally:
            self._flotilla = None
            while self._on_close:
                self._on_close.pop()()
            self.monitor.stop()

    def _at_exit(self) -> None:
        """The interpreter ends: let go of the cluster (its supervisor ends it) without making anyone wait."""
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


def close_session() -> None:
    """End this kernel's Session, if there is one."""
    global _session
    session, _session = _session, None
    if session is not None:
        session.close()
