"""Connects to a Ray that daftnb did not start, or takes over the connection that the user made.

Nothing of it is ours to end, but for what this kernel asked of it: its own connection, a local Ray that was started
with it, and the demand that its queries left with the autoscaler.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from daftnb.clock import steady as time
from daftnb.engine import internals
from daftnb.engine.byvalue import by_value
from daftnb.engine.connection import client, environment, limits, preflight, remote, runner_slot, silent
from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection.address import Address, parse
from daftnb.engine.connection.standing import never_start
from daftnb.engine.embedded import folders, supervisor
from daftnb.errors import ClusterError
from daftnb.telemetry import events as e
from daftnb.text.numbers import clock, noun, plural
from daftnb.text.shorten import shortened

Progress = Callable[[str], None]


DESCRIBE_SECONDS = 30.0
RUNTIME_ENV_SECONDS = 900.0  # packages may be installed for it on the cluster
SAY_EVERY_SECONDS = 10.0
CALL_SECONDS = 2.0
PROBE_SECONDS = 1.0
TOLD_SECONDS = 3.0  # of silence; one lost packet is no silence
SILENT_SECONDS = 20.0  # Ray ends a process whose head has not answered for 60
GROWTH_SECONDS = 5.0
GROWTH_TRIES = 12
KUBERNETES_SECONDS = 0.5  # of the runner actor's time, once; a process of its own may take longer
SILENT: Final = "not answering"
NEVER_GROWS = "this cluster has no autoscaler: it will never grow"
# Set while connected. Ray prints each step of scaling, and the cockpit shows it.
VARIABLES = {"RAY_SCHEDULER_EVENTS": "0"}
# What Ray sets in this process's environment when it starts or finds a cluster; put back when it ends.
OF_RAY = ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED")


class ExternalCluster:
    """One connection to a Ray that is not the embedded cluster.

    ``ours``: made by :meth:`open`, so ended by :meth:`close`; otherwise the user's. ``local``: Ray started it for this
    process and ends it with the connection.
    """

    def __init__(self, link: ray_link.Link, facts: remote.Facts | None = None, ours: bool = False) -> None:
        self.link = link
        self.ours = ours
        self.local = False
        self.facts = facts
        self._before: dict[str, str | None] = {}
        self._folder: Path | None = None  # of a local Ray's files
        self._answered = time.monotonic()
        self._told_since: float | None = None  # that the head does not answer, in seconds since the epoch
        self._place: tuple[str, int] | None = None  # where the head has answered: a name need not be looked up again
        self._growth_asked = time.monotonic()
        self._growth_tries = 0
        self._growth_settled = False

    @property
    def address(self) -> str:
        """Return the address as ``ray.init`` takes it."""
        return self.link.address

    @classmethod
    def open(cls, text: str | None, progress: Progress, runtime_env: dict[str, Any] | None = None) -> ExternalCluster:
        """Check the address, connect, and check what is there.

        ClusterError if the cluster does not fit; the process is not connected then.
        """
        address = parse(text)
        named = os.environ.get("RAY_ADDRESS", "")
        if address.kind == "local" and not text and named:
            progress(f"RAY_ADDRESS is set: connecting to {named}")
            address = parse(named)
        reached = preflight.Reached(address, environment.LOOPBACK_STAYS)
        folder: Path | None = None
        if address.kind != "local":
            reached = preflight.check(address, internals.missing("ray"))
            versions = [f"Ray {reached.ray_version}"] if reached.ray_version else []
            versions += [f"Python {reached.python_version}"] if reached.python_version else []
            progress(f"reached {reached.address}" + (f": {', '.join(versions)}" if versions else ""))
        else:
            progress("starting a Ray on this machine")
            folder = _folder_of_a_local()
        before = {name: os.environ.get(name) for name in OF_RAY}
        before |= environment.apply({**VARIABLES, **reached.environment}, reached.address.host or None)
        try:
            _init(reached.address, runtime_env, progress, folder)
            never_start()  # without this connection, queries of this kernel have nowhere to run
            link = ray_link.link()
            assert link is not None, "ray.init returned, so there is a connection"
            cluster = cls(link, ours=True)
            cluster.local = address.kind == "local"
            cluster._before = before
            cluster._folder = folder
            cluster.facts = _describe(link.address, runtime_env, progress)
            problem = daft_problem(link.address, cluster.facts, runtime_env)
            if problem is not None:
                raise problem
        except BaseException:
            made = ray_link.link()
            if made is not None and not cls(made).answers():
                silent.let_go()
            runner_slot.disconnect()
            environment.restore(before)
            _remove(folder)
            raise
        progress(f"connected: {cluster.sizes()}, Daft {cluster.facts['daft']}")
        if cluster.grows is False:
            progress(NEVER_GROWS)
        return cluster

    @property
    def grows(self) -> bool | None:
        """Return whether an autoscaler may add nodes; None where that is not known yet."""
        if self.local:
            return False
        return None if self.facts is None else remote.grows(self.facts)

    def sizes(self) -> str:
        """Return the number of nodes that work, and of their CPUs and GPUs, in words."""
        nodes = [node for node in (self.facts or {"nodes": []})["nodes"] if node["cpus"]]
        cpus, gpus = sum(node["cpus"] for node in nodes), sum(node.get("gpus", 0) for node in nodes)
        with_gpus = f" and {gpus:g} {noun(gpus, 'GPU')}" if gpus else ""
        return f"{plural(len(nodes), 'node')} with {plural(cpus, 'CPU')}{with_gpus}"

    def event(self, state: Any) -> e.ClusterChanged:
        """Return this cluster as an event for the views; the sizes only where they are known."""
        alike = remote.limits(self.facts) if self.facts else None
        in_all = remote.cpus(self.facts) if self.facts else None
        if self.local and self.facts:
            alike, in_all = (1, 1, sum(node["cpus"] for node in self.facts["nodes"])), None
        least, most, cpus = alike or (None, None, None)
        least_cpus, most_cpus = in_all or (None, None)
        most_gpus = remote.gpus(self.facts) if self.facts and not self.local else None
        return e.ClusterChanged(
            time.time(), "external", state, self.address, least, most, cpus,
            least_cpus=least_cpus, most_cpus=most_cpus, most_gpus=most_gpus,
            silent_since=self._told_since if state == SILENT else None,
        )  # fmt: skip

    @property
    def most(self) -> remote.Kinds | None:
        """Return what the cluster may have at most; None where that is not known, or it has no autoscaler."""
        return None if self.facts is None or self.grows is not True else remote.most(self.facts)

    def answers(self) -> bool:
        """Return True if the head takes connections within 1 s (its name is looked up in another 1.5 s at most).

        Ray's own calls hang where it does not, and must not be tried.
        """
        if not self._takes_connections():
            return False
        self._answered = time.monotonic()
        return True

    def _takes_connections(self) -> bool:
        address = parse(self.address)
        if self._place is not None:
            try:
                socket.create_connection(self._place, PROBE_SECONDS).close()
                return True
            except OSError:
                if self._place[0] == address.host:
                    return False
        try:
            self._place = preflight.reach(address, PROBE_SECONDS)
        except ClusterError:
            return False
        return True

    def silence(self) -> list[e.Event]:
        """Return, once, that the head does not answer, and since when; call it where :meth:`answers` returns False."""
        silent = time.monotonic() - self._answered
        if self._told_since is not None or silent < TOLD_SECONDS:
            return []
        self._told_since = time.time() - silent
        return [self.event(SILENT)]

    def answer(self) -> list[e.Event]:
        """Return, once, that the head answers again; call it where :meth:`answers` returns True."""
        since, self._told_since = self._told_since, None
        if since is None:
            return []
        now = time.time()
        text = f"the Ray at {self.address} did not answer from {clock(since)} to {clock(now)}"
        return [self.event("running"), e.ProblemFound(now, text)]

    @property
    def lost(self) -> bool:
        """Return True if the head has not answered for so long that the cluster must be let go of."""
        return time.monotonic() - self._answered > SILENT_SECONDS

    def notices(self, actor: Any) -> list[e.Event]:
        """Return, once, what is to be reported of the cluster: that it never grows, that its Daft is another.

        Asks the cluster where it is not known yet: a head that has just started has not reported its autoscaler.
        """
        told: list[e.Event] = []
        if self.facts is None:
            self.facts = ask(actor, remote.describe, KUBERNETES_SECONDS)
            problem = daft_problem(self.address, self.facts, None)
            if problem is not None:
                told.append(e.ProblemFound(time.time(), problem.what))
            told.append(self.event("running"))
        if self._growth_settled:
            return told
        grows = self.grows
        if grows is None and self._growth_tries < GROWTH_TRIES:
            if time.monotonic() - self._growth_asked > GROWTH_SECONDS:
                self._growth_asked = time.monotonic()
                self._growth_tries += 1
                self.facts = ask(actor, remote.describe, 0.0)
                told.append(self.event("running"))
            return told
        self._growth_settled = True
        return told if grows else [*told, e.ProblemFound(time.time(), NEVER_GROWS)]

    def close(self) -> None:
        """End the connection, if it is ours, and put the environment back."""
        if self.ours:
            runner_slot.disconnect()
            environment.restore(self._before)
            _remove(self._folder)


def _folder_of_a_local() -> Path:
    """Make a private folder for the files of a Ray that is started for this process; Ray's own are open to everybody.

    A later daftnb removes it when this process is gone (:func:`daftnb.engine.embedded.supervisor.remove_leftovers`).
    """
    supervisor.remove_leftovers(folders.temporary_folders())
    folder = folders.own_folder()
    folders.write_private(folder / "spec.json", json.dumps({"owner": os.getpid()}))
    return folder


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def one_line(error: BaseException) -> str:
    """Return Ray's message of many lines as one line of at most 400 characters."""
    return shortened(" ".join(str(error).split()), 400)


def ask(actor: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of :mod:`daftnb.engine.connection.remote` in Daft's runner actor."""
    import ray
    from ray import cloudpickle

    def asked() -> Any:
        with by_value(cloudpickle, remote, limits), ray_link.asking():
            return ray.get(actor.__ray_call__.remote(function, *arguments), timeout=CALL_SECONDS)

    return ray_link.in_time(CALL_SECONDS, asked)


def _init(address: Address, runtime_env: dict[str, Any] | None, progress: Progress, folder: Path | None) -> None:
    import ray

    options: dict[str, Any] = {"logging_level": "warning"}
    if runtime_env:
        options["runtime_env"] = runtime_env
    if address.kind == "local":
        options |= {"_node_ip_address": "127.0.0.1", "include_dashboard": False}
        assert folder is not None, "it was made for this"
        options["_temp_dir"] = str(folders.rays_folder(folder))
    try:
        if address.kind == "client":
            limit = RUNTIME_ENV_SECONDS if runtime_env else client.SESSION_SECONDS
            client.open_session(str(address), options, progress, limit)
        else:
            ray.init(str(address), **options)
    except Exception as error:
        # Over a Ray Client the versions are compared only once a session has been opened.
        said = one_line(error)
        if "ersion mismatch" in said:
            what = f"The cluster at {address} and this kernel do not have the same versions: {said}"
            remedy = "Use a kernel with the cluster's Python and Ray, or start the cluster with this kernel's."
        else:
            what = f"Ray could not connect to {address}: {said}"
            remedy = "Try %daft connect again."
        raise ClusterError(what, remedy) from error


class _Describes:
    """Becomes, where it is read, what :func:`daftnb.engine.connection.remote.describe` says there."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[()]]:
        return remote.describe, ()


def _describe(address: str, runtime_env: dict[str, Any] | None, progress: Progress) -> remote.Facts:
    """Ask the head's own side for its facts, in the runtime environment of this connection."""
    import ray
    from ray import cloudpickle

    def put() -> remote.Facts:
        with by_value(cloudpickle, remote, limits), ray_link.asking():
            facts: remote.Facts = ray.get(ray.put(_Describes()), timeout=DESCRIBE_SECONDS)
        return facts

    if parse(address).kind == "client":
        # The session's server on the head reads what is put: it is asked itself, and no process is started for it.
        try:
            return ray_link.in_time(DESCRIBE_SECONDS, put)
        except TimeoutError:
            raise ClusterError(
                f"The Ray at {address} has opened a session, and then not answered within {DESCRIBE_SECONDS:.0f} s.",
                "Is the network between here and there well? Try %daft connect again.",
            ) from None
    with by_value(cloudpickle, remote, limits), ray_link.asking():
        return _describe_by_task(address, runtime_env, progress)


def _describe_by_task(address: str, runtime_env: dict[str, Any] | None, progress: Progress) -> remote.Facts:
    """Ask in a task on the head; a process is started there for it, which Daft's runner then takes over.

    ClusterError if that process has not started in time.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    began = said = time.monotonic()
    limit = RUNTIME_ENV_SECONDS if runtime_env else DESCRIBE_SECONDS
    head = next(node["NodeID"] for node in ray.nodes() if "node:__internal_head__" in node["Resources"])
    task = ray.remote(num_cpus=0, max_retries=0)(remote.describe)
    answer = task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(head, soft=False)).remote()
    while not ray.wait([answer], timeout=0.5)[0]:
        now = time.monotonic()
        if now - began > limit:
            raise ClusterError(
                f"The head at {address} has not started a process within {limit:.0f} s.",
                "Is it overloaded? Try %daft connect again later.",
            )
        if now - said > SAY_EVERY_SECONDS:
            said = now
            progress("waiting for the runtime environment" if runtime_env else "waiting for a process on the head")
    try:
        facts: remote.Facts = ray.get(answer)
    except ray.exceptions.RuntimeEnvSetupError as error:
        raise ClusterError(
            f"The cluster at {address} could not set up the runtime_env {runtime_env}: {one_line(error)}",
            "Correct it, or connect without one where the cluster has Daft.",
        ) from error
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"The cluster at {address} did not say what it has: {one_line(error)}",
            "Try %daft connect again.",
        ) from error
    return facts


def daft_problem(address: str, facts: remote.Facts, runtime_env: dict[str, Any] | None) -> ClusterError | None:
    """Return what is wrong with the Daft of the cluster's side, or None."""
    import daft

    here = daft.__version__
    give = f'daftnb.connect("{address}", runtime_env={{"pip": ["daft=={here}"]}})'
    if facts["daft"] is None:
        given = f" even with runtime_env={runtime_env}" if runtime_env else ""
        return ClusterError(
            f"Daft cannot be imported on the cluster at {address}{given}: {facts['daft_error']}.",
            f"Try {give}, or install Daft {here} there.",
        )
    if facts["daft"] != here:
        return ClusterError(
            f"The cluster at {address} has Daft {facts['daft']}, and this kernel has Daft {here}: "
            "neither reads the other's plans.",
            f'Try: pip install "daft=={facts["daft"]}" and restart the kernel, or {give}.',
        )
    return None
