"""Keeps track of the Ray that this kernel uses (its own cluster, another one, or none), and changes it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from daftnb.clock import steady as time
from daftnb.engine import internals, raynames, releases
from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection import standing
from daftnb.engine.connection.environment import restore
from daftnb.errors import NO_RAY, ClusterError
from daftnb.telemetry import events as e
from daftnb.telemetry.monitor import Monitor
from daftnb.text.numbers import plural
from daftnb.text.states import logical

if TYPE_CHECKING:
    from daftnb.engine.connection.external import ExternalCluster
    from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
    from daftnb.engine.queries.runner import WatchedFlotillaRunner

log = logging.getLogger("daftnb")  # at DEBUG: what is pushed, pulled, started and ended

STARTS = 3  # of a head that ends as it comes up

Progress = Callable[[str], None]


class Connection:
    """Which Ray a kernel uses, and daftnb's part in Daft's runner for it. Owned by the Session.

    ``off``: the features that are off, and why; those of Ray are found here, when Ray comes into play. ``environment``
    gives the settings for the next query, ``planned`` the query that the calling thread has just planned, and
    ``expressions`` is given each plan's text before it runs
    (:class:`daftnb.engine.queries.runner.WatchedFlotillaRunner`). ``connected`` is called once a connection stands that
    this process has to leave in time; ``workers`` gives the variables of the environment for the cluster's new workers.
    """

    def __init__(
        self,
        monitor: Monitor,
        off: dict[str, str],
        environment: Callable[[], dict[str, str]],
        planned: Callable[[], tuple[str, dict[int, int]] | None],
        expressions: Callable[[str], None],
        connected: Callable[[], None],
        workers: Callable[[], Mapping[str, str | None]],
    ) -> None:
        self.monitor = monitor
        self.off = off
        self.cluster: EmbeddedCluster | None = None
        self.external: ExternalCluster | None = None
        self.link: ray_link.Link | None = None  # the connection that the FlotillaRunner was made on
        self.flotilla: WatchedFlotillaRunner | None = None
        self.addresses: list[str] = []  # of the Rays that this kernel was connected to
        self._environment = environment
        self._planned = planned
        self._expressions = expressions
        self._connected = connected
        self._workers = workers
        self._changing = threading.RLock()  # held by whoever starts, connects or stops
        self._change: str | None = None  # what the holder of it does
        self._ray_looked_for = False
        self._environment_before: dict[str, str | None] = {}

    def start(self, size: ClusterSize, progress: Progress, extra_environment: dict[str, str] | None = None) -> None:
        """Start an embedded Ray cluster and point Daft at it.

        ClusterError if that fails; nothing is left behind then. ``extra_environment`` goes to every process of the
        cluster (for tests and diagnosis).
        """
        with self.change_of("start"):
            self._start(size, progress, extra_environment)

    def _start(self, size: ClusterSize, progress: Progress, extra_environment: dict[str, str] | None) -> None:
        from daftnb.engine.connection import runner_slot
        from daftnb.engine.embedded.cluster import EmbeddedCluster, check_machine

        _check_ray()
        if self.cluster is not None and self.cluster.answers() and ray_link.link() == self.link:
            raise ClusterError(
                f"A cluster is already running at {self.cluster.address}.", "Use it, or end it first with %daft stop."
            )
        if self.cluster is not None:  # its head ended by itself, or the user has ended the connection
            if self.cluster.answers():
                progress(f"ending the cluster at {self.cluster.address}, which this kernel was disconnected from")
            self.leave()
        runner_slot.check_runner()
        check_machine(size)
        _check_token()
        self.off |= internals.missing("embedded")
        self._check_internals(internals.SETTINGS, internals.CONNECTING, internals.EMBEDDED)
        self.link = None
        cluster = self.cluster = EmbeddedCluster(size)
        try:
            self._environment_before = self._start_and_connect(cluster, progress, extra_environment)
            standing.never_start()  # without this connection, queries of this kernel have nowhere to run
            self.link = ray_link.link()
            progress("connected")
            ray_link.await_workers(size.min_workers, progress, lambda: cluster.running)
            runner_slot.use_ray(self._make_runner)
            self.monitor.emit(cluster.event("running"))
        except BaseException:
            self.leave()
            raise
        progress(
            f"queries run on Ray at {cluster.address}: {size.min_workers} to {size.max_workers} workers "
            f"of {plural(size.cpus, 'CPU')}{logical(size.gpus)}"
        )

    def _start_and_connect(
        self, cluster: EmbeddedCluster, progress: Progress, extra_environment: dict[str, str] | None
    ) -> dict[str, str | None]:
        """Start a cluster and connect to it; start another if its head ends as it comes up.

        A head does so on a very busy machine. ClusterError after STARTS attempts.
        """
        for attempt in range(1, STARTS + 1):
            cluster.start(progress, extra_environment)
            log.debug("started a Ray head at %s, for %s", cluster.address, cluster.size)
            self.monitor.emit(cluster.event("starting"))
            environment = {**cluster.connection_environment(), **ray_link.DRIVER_ENVIRONMENT}
            try:
                return ray_link.connect(cluster.address, environment, cluster.await_node)
            except ClusterError:
                if cluster.running or attempt == STARTS:
                    raise
                cluster.stop()
                progress("the head ended as it came up; starting another")
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def change_of(self, what: str, patience: float = 0.0) -> Iterator[None]:
        """Keep other threads from starting, connecting or stopping within this context.

        ClusterError if another thread is still doing so after ``patience`` seconds, or this thread is doing so already.
        """
        if not self._changing.acquire(timeout=patience):
            raise ClusterError(
                f"A {self._change or what} is already under way in another thread of this kernel.",
                f"Wait until it is done, then try %daft {what} again.",
            )
        if self._change is not None:  # by this very thread, further out
            doing = self._change
            self._changing.release()
            raise ClusterError(f"A {doing} is already under way.", f"Try %daft {what} when it is done.")
        self._change = what
        try:
            yield
        finally:
            self._change = None
            self._changing.release()

    def _check_internals(self, *features: str) -> None:
        self.look_for_ray()
        off = [self.off[feature] for feature in features if feature in self.off]
        if off:
            raise ClusterError(
                " ".join(off), "Install the versions of Daft and Ray that daftnb needs, or use Daft's own Ray runner."
            )

    def connect(self, address: str | None, progress: Progress, runtime_env: dict[str, Any] | None = None) -> None:
        """Connect to a running Ray (``auto``, ``host:port``, ``ray://host:port``) and point Daft at it.

        With no address Ray starts one on this machine, for this kernel alone. ``runtime_env`` goes to ``ray.init``.
        ClusterError within seconds if that fails; the kernel is not connected then.
        """
        with self.change_of("connect"):
            self._connect(address, progress, runtime_env)

    def _connect(self, address: str | None, progress: Progress, runtime_env: dict[str, Any] | None) -> None:
        from daftnb.engine.connection import runner_slot
        from daftnb.engine.connection.external import ExternalCluster

        _check_ray()
        if self._is_there_already(address, runtime_env):
            self._stay(progress)
            return
        if self.cluster is not None and self.cluster.answers():
            raise ClusterError(
                f"This kernel's own cluster is running at {self.cluster.address}.", "End it first with %daft stop."
            )
        if self.cluster is not None:  # its head ended by itself
            self.leave()
        runner_slot.check_runner()
        self._check_internals(internals.SETTINGS, internals.CONNECTING)
        external = ExternalCluster.open(address, progress, runtime_env)
        try:
            runner_slot.use_ray(self._make_runner)
            self._attend(external)
        except BaseException:
            self.flotilla = None
            runner_slot.release()
            external.close()
            raise
        progress(f"queries run on Ray at {external.address}")

    @property
    def disconnected(self) -> bool:
        """Return True if the kernel's own cluster still runs, but the user has ended the connection to it."""

        return self.cluster is not None and ray_link.link() != self.link and self.cluster.answers()

    def _is_there_already(self, address: str | None, runtime_env: dict[str, Any] | None) -> bool:
        """Return True if this process is connected to that very Ray, whatever the way and the address's spelling."""
        from daftnb.engine.connection import runner_slot, samecluster

        standing_link = ray_link.link()
        if standing_link is None or runtime_env or runner_slot.runner_name() == "native":
            return False
        known = {standing_link.address}
        if self.cluster is not None and standing_link == self.link:
            known |= {self.cluster.address, self.cluster.client_address}
        external = self.external if self.external is not None and self.external.link == standing_link else None
        if external is not None and external.facts is not None:
            known.add(external.facts["gcs_address"])
        return samecluster.is_same(address, known, external is not None and external.local)

    def _stay(self, progress: Progress) -> None:
        """Point Daft at the Ray that this process is already connected to, if it is not yet, and report it."""
        from daftnb.engine.connection import runner_slot
        from daftnb.engine.connection.external import ExternalCluster

        link = ray_link.link()
        assert link is not None, "it has just been compared"
        if runner_slot.runner_name() == "none":
            self._check_internals(internals.SETTINGS, internals.CONNECTING)
            runner_slot.use_ray(self._make_runner)
            self._attend(ExternalCluster(link))  # the user's connection, which is not ours to end
        progress(f"already connected to Ray at {link.address}: queries run there")

    def _attend(self, external: ExternalCluster) -> None:
        """Take this cluster as the one whose events are pulled."""
        log.debug("connected to Ray at %s", external.address)
        self.external, self.link = external, external.link
        if external.address not in self.addresses:
            self.addresses.append(external.address)
        self.monitor.emit(external.event("running"))
        self._connected()

    def native(self) -> None:
        """Point Daft at its native runner.

        ClusterError if Daft has Ray's runner already: a process cannot change it.
        """
        from daftnb.engine.connection import runner_slot

        runner_slot.use_native()

    def stop(self) -> bool:
        """End exactly the cluster that :meth:`start` started, or the connection that :meth:`connect` made.

        Withdraw what this session's queries requested of the autoscaler of a cluster that is not ours. A connection
        that the user made himself is let go of, and stands. Return False if there is nothing of all this. ClusterError
        while another thread starts or stops.
        """
        with self.change_of("stop"):
            return self.leave()

    def leave(self) -> bool:
        """Do what :meth:`stop` does, for a caller that may change the connection already."""
        external, cluster = self.external, self.cluster
        if external is not None:
            self._disconnect(external)
            if cluster is None:
                return True
        if cluster is None:
            return False
        self.cluster = None
        from daftnb.engine.connection import runner_slot

        flotilla, self.flotilla = self.flotilla, None
        try:
            if "ray" in sys.modules:
                with self.monitor.asking_nobody():
                    if flotilla is not None:
                        flotilla.leave(cluster.answers())
                    runner_slot.release()
                    link = ray_link.link()
                    if link is None or link.address in (cluster.address, cluster.client_address):
                        runner_slot.disconnect()  # else the user has connected elsewhere since, and stays there
        finally:
            restore(self._environment_before)
            self._environment_before = {}
            self.monitor.emit(cluster.event("stopped"))
            cluster.stop()
            log.debug("ended the Ray head at %s", cluster.address)
        return True

    def _disconnect(self, external: ExternalCluster) -> None:
        from daftnb.engine.queries.leaving import leave

        flotilla, self.flotilla, self.external = self.flotilla, None, None
        leave(external, flotilla, self.monitor)
        log.debug("left Ray at %s", external.address)

    def _make_runner(self, startup_timeout: int | None) -> WatchedFlotillaRunner:
        from daftnb.engine.connection import runner_slot
        from daftnb.engine.queries.runner import WatchedFlotillaRunner

        self.flotilla = WatchedFlotillaRunner(
            self.monitor.emit,
            self._environment,
            self._planned,
            startup_timeout,
            frozenset(self.off),
            self._expressions,
            self.kinds_of_nodes,
            self.most_of_nodes,
            runner_slot.other_options(),
            self._workers,
        )
        return self.flotilla

    def kinds_of_nodes(self) -> tuple[list[dict[str, float]] | None, bool]:
        """Return the resources of each kind of node that the cluster can start, and whether the cluster is ours.

        The kinds are None where they are not known, and empty where the cluster does not grow.
        """
        if self.cluster is not None:
            return [_node(self.cluster.size)], True
        external = self.external
        if external is None or external.facts is None:
            return None, False
        return ([] if external.grows is False else external.facts.get("kinds")), False

    def most_of_nodes(self) -> tuple[Any, ...] | None:
        """Return what the cluster may have at most, as requests are trimmed to it; None where that is not known."""
        if self.cluster is not None:
            size = self.cluster.size
            return ((_node(size), size.max_workers),), None, ()
        return None if self.external is None else self.external.most

    def adopt(self) -> None:
        """Put daftnb into the runner before a query on Ray, also into a runner that the user has set or connected."""
        from daftnb.engine.connection import runner_slot
        from daftnb.engine.connection.external import ExternalCluster

        self.look_for_ray()
        if {internals.SETTINGS, internals.CONNECTING} & self.off.keys():
            return
        link = ray_link.link()
        renew = self.flotilla is None or link != self.link
        if renew and link is None and (self.link is not None or not ray_link.connects_by_itself()):
            return  # the query is about to fail, and says that Ray is not there: a Ray that was shut down stays so
        ended = self.link is not None and link != self.link
        self.flotilla = runner_slot.adopt(self._make_runner, renew, ended)
        if renew:
            link = ray_link.link()
            assert link is not None, "a runner actor was made, so there is a connection"
            self._attend(ExternalCluster(link))

    def look_for_ray(self) -> None:
        """Find, once, which features are off because a private name of Ray is missing, and report each."""
        if not self._ray_looked_for:
            self._ray_looked_for = True
            off = internals.missing("ray")
            self.off |= off
            for text in off.values():
                self.monitor.emit(e.ProblemFound(time.time(), text))

    def pull(self) -> list[e.Event]:
        """Return the events of the cluster since the last pull. May raise Ray's errors."""
        pulled = self._pull()
        if pulled:
            log.debug("pulled %d events", len(pulled))
        return pulled

    def _pull(self) -> list[e.Event]:
        flotilla, cluster, external = self.flotilla, self.cluster, self.external
        if flotilla is None:
            return []
        if external is not None:
            return self._pull_external(external, flotilla)
        from daftnb.engine.connection import runner_slot

        if cluster is not None and ray_link.link() != self.link:
            # The user has ended the connection. A call now would have Ray start a cluster to make it on.
            self.flotilla = None
            text = (
                f"this kernel was disconnected from its cluster at {cluster.address} (ray.shutdown() does that); "
                "the cluster is still running: %daft stop ends it, %daft start starts a new one"
            )
            return [cluster.event("disconnected"), e.ProblemFound(time.time(), text)]
        if cluster is not None and not cluster.answers():
            self.flotilla = None
            # Ray ends a process whose head has been away for a minute; it must not be the notebook's kernel.
            runner_slot.disconnect()
            gone = f"the Ray head at {cluster.address} ended; type %daft stop, then %daft start for a new one"
            return [cluster.event("stopped"), e.ProblemFound(time.time(), gone)]
        return flotilla.door.pull(self.monitor.looked_at)

    def _pull_external(self, external: ExternalCluster, flotilla: WatchedFlotillaRunner) -> list[e.Event]:
        from daftnb.engine.connection import runner_slot, silent

        if ray_link.link() != external.link:
            # The user has ended it. A call now would have Ray start a cluster to make it on.
            self.flotilla = self.external = None
            if ray_link.link() is None:
                external.close()
            return [external.event("stopped")]
        if not external.answers():
            if not external.lost:
                return external.silence()
            self.flotilla = self.external = None
            flotilla.shut()
            silent.let_go()
            flotilla.leave(answers=False)
            runner_slot.disconnect()
            external.close()
            gone = f"the Ray at {external.address} does not answer, and this kernel no longer uses it"
            return [external.event("stopped"), e.ProblemFound(time.time(), f"{gone}. %daft connect tries again")]
        told = self.monitor.state.problems
        notices = [] if internals.GROWTH in self.off else external.notices(flotilla.runner)
        fresh = [event for event in notices if not (isinstance(event, e.ProblemFound) and event.text in told)]
        pulled = flotilla.door.pull(self.monitor.looked_at)
        return [*external.answer(), *pulled, *fresh]


def _node(size: ClusterSize) -> dict[str, float]:
    """Return the resources of a worker node of a cluster of the kernel's own, by Ray's names."""
    return {"CPU": size.cpus, **({"GPU": size.gpus} if size.gpus else {})}


def _check_ray() -> None:
    """Raise ClusterError where Ray is not installed."""
    if not internals.is_installed("ray"):
        raise ClusterError(*NO_RAY)


def _check_token() -> None:
    """Raise ClusterError where Ray has no token: everyone on this machine could run code in a cluster then."""
    if raynames.token_loader() is None:
        raise ClusterError(
            f"Ray {releases.installed('ray')} has no token to guard a cluster with.",
            'Try: pip install -U "ray[default]", or %daft connect',
        )
