"""This process's connection to Ray, and Daft's runner: set once, told apart, never forced.

Daft cannot change its runner once one is set in a process ("Cannot set runner more than once"), so what cannot be
done is said before anything is started.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from daftnb.engine import environment as env
from daftnb.errors import ClusterError

RunnerName = Literal["none", "native", "ray"]
NODES_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Link:
    """One connection of this process to Ray: its address, and what tells it from one made before or after it."""

    address: str
    identity: tuple[object, ...]
    client: bool


def link() -> Link | None:
    """The connection that stands now, whoever made it; asking makes none and asks no cluster."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    from ray.util.client import ray as client

    if client.is_connected():
        worker = client.get_context().client_worker
        return Link(f"ray://{worker._conn_str}", (worker._client_id,), True)
    context = ray.get_runtime_context()
    return Link(context.gcs_address, (context.gcs_address, context.get_job_id()), False)


def runner_name() -> RunnerName:
    """The runner that Daft has in this process; asking sets none."""
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    return "none" if runner is None else runner.name


def check_runner() -> None:
    """Raise ClusterError where this kernel can no longer run queries on a cluster of its own."""
    if runner_name() == "native":
        raise ClusterError(
            "This kernel's queries run on Daft's native runner already, and Daft cannot change runners in a process.",
            "Restart the kernel, and run %daft start or %daft connect before the first query.",
        )
    connected = link()
    if connected is not None:
        raise ClusterError(
            f"This kernel is connected to Ray at {connected.address} already.",
            "Queries run there and are watched; to go elsewhere, end that connection first: %daft stop, or "
            "ray.shutdown() if it was made with ray.init().",
        )


def use_native() -> None:
    """Point Daft at its native runner; ClusterError where it has another, which it cannot change in a process."""
    import daft

    name = runner_name()
    if name == "ray":
        raise ClusterError(
            "This kernel's queries run on Ray, and Daft cannot change runners in a process.",
            "Restart the kernel, and run %daft native before the first query.",
        )
    if name == "none":  # set again, it would be refused
        daft.set_runner_native()


DRIVER_ENVIRONMENT = {
    # The embedded cluster has no dashboard, and Daft looks for one at each query unless it is told.
    "RAY_DISABLE_DASHBOARD": "1",
    # The cockpit shows scaling; Ray would print each step too.
    "RAY_SCHEDULER_EVENTS": "0",
}


def connect(address: str, environment: dict[str, str]) -> dict[str, str | None]:
    """Connect this process to the Ray at ``address`` with ``environment`` (token and loopback) in its own.

    What these variables were before is returned, for ``environment.restore``. ClusterError if it cannot be.
    """
    before = env.apply(environment)
    import ray

    try:
        ray.init(address, logging_level="warning", include_dashboard=False)
    except BaseException as error:
        env.restore(before)
        if not isinstance(error, ConnectionError):
            raise
        # The control store has answered; Ray has waited a minute for the head's own node.
        raise ClusterError(
            f"The Ray head at {address} came up only in part: {error.__cause__ or error}"[:300],
            "Try %daft start again when the machine is less busy.",
        ) from error
    return before


def use_ray(make_flotilla_runner: Callable[[int | None], Any]) -> None:
    """Point Daft at the Ray this process is connected to, with a FlotillaRunner of ours in it."""
    import daft
    from daft.runners import _get_runner

    forget_actor_name()
    if _get_runner() is None:
        daft.set_runner_ray()
    runner: Any = _get_runner()
    runner.flotilla_plan_runner = make_flotilla_runner(runner.worker_startup_timeout)


def adopt(make_flotilla_runner: Callable[[int | None], Any], renew: bool, ended: bool) -> Any:
    """The FlotillaRunner of ours in Daft's runner; put there now if the user has set the Ray runner himself.

    ``renew``: one of ours that is there is not to be used any more; ``ended``: its connection has ended.
    """
    from daft.runners import _get_runner

    from daftnb.engine.flotilla import WatchedFlotillaRunner

    runner: Any = _get_runner()
    if renew or not isinstance(runner.flotilla_plan_runner, WatchedFlotillaRunner):
        if renew:
            forget_actor_name()
        before = None if ended else runner.flotilla_plan_runner
        runner.flotilla_plan_runner = make_flotilla_runner(runner.worker_startup_timeout)
        # An actor that was found by its name does not live by the handle it was found with, but by its maker's.
        runner.flotilla_plan_runner.before = before
    return runner.flotilla_plan_runner


def give_back() -> None:
    """Put a FlotillaRunner of Daft's own in the place of ours, with the same actor, on a connection that stands.

    Without a handle Ray would end the actor, and with it the workers; the next query might still find it, dying.
    """
    from daft.runners import _get_runner
    from daft.runners.flotilla import FlotillaRunner

    from daftnb.engine.flotilla import WatchedFlotillaRunner

    runner: Any = _get_runner()
    ours = getattr(runner, "flotilla_plan_runner", None)
    if isinstance(ours, WatchedFlotillaRunner):
        plain: Any = FlotillaRunner.__new__(FlotillaRunner)
        plain.runner = ours.runner
        plain._init_extension_paths = ours._init_extension_paths
        plain.before = getattr(ours, "before", None)
        runner.flotilla_plan_runner = plain


def forget_actor_name() -> None:
    """Have Daft name its runner actor after the Ray job that is now, not after this process's first one.

    The name is made of the job's id and kept for the process's life (``daft/runners/flotilla.py``); on another cluster
    it may be that of another driver's actor, which would be taken for ours.
    """
    from daft.runners import flotilla

    flotilla._FLOTILLA_RUNNER_NAME_SUFFIX = None


def forget_results() -> None:
    """Have Daft forget the results that a connection which has ended has taken with it.

    It sends all that it knows along with every plan (``RayRunner.run_iter``), and Ray refuses to send those: one old
    dataframe in the notebook's namespace would fail every query on the next cluster.
    """
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    if runner is not None and runner.name == "ray":
        runner._part_set_cache.clear()


def release() -> None:
    """Take our FlotillaRunner out of Daft's runner; Daft makes its own at the next query."""
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    if runner is not None and getattr(runner, "flotilla_plan_runner", None) is not None:
        runner.flotilla_plan_runner = None
        forget_actor_name()


def restore_documented_spelling() -> Callable[[], None]:
    """Make ``daft.context.set_runner_ray``, as Daft's documentation spells it, work again; what undoes it."""
    import daft
    import daft.context

    if hasattr(daft.context, "set_runner_ray"):
        return lambda: None
    daft.context.set_runner_ray = daft.set_runner_ray  # type: ignore[attr-defined]  # it is what is missing

    def undo() -> None:
        del daft.context.set_runner_ray  # type: ignore[attr-defined]

    return undo


def connects_by_itself() -> bool:
    """Whether Ray connects, or starts a cluster, at the first call where there is no connection."""
    from ray._private import auto_init_hook

    return bool(auto_init_hook.enable_auto_connect)


def disconnect() -> None:
    """End this process's connection to Ray, and keep Ray from starting a cluster of its own at the next query."""
    import ray
    from ray._private import auto_init_hook

    ray.shutdown()
    forget_results()
    auto_init_hook.enable_auto_connect = False


def await_workers(count: int, progress: Callable[[str], None], running: Callable[[], bool]) -> int:
    """Wait until Ray lists ``count`` worker nodes; the number there are when they are, or when time is up."""
    import ray

    deadline = time.monotonic() + NODES_TIMEOUT_SECONDS
    seen = -1
    while True:
        nodes = sum(1 for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))
        if nodes != seen and count:
            seen = nodes
            progress(f"worker nodes: {nodes} of {count}")
        if nodes >= count or time.monotonic() > deadline or not running():
            return nodes
        time.sleep(0.1)
