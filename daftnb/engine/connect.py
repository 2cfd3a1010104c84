"""This process's connection to Ray, and Daft's runner: set once, told apart, never forced.

Daft cannot change its runner once one is set in a process ("Cannot set runner more than once"), so what cannot be
done is said before anything is started.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from daftnb.errors import ClusterError

RunnerName = Literal["none", "native", "ray"]
NODES_TIMEOUT_SECONDS = 60.0


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
            "Restart the kernel, and run %daft start before the first query.",
        )
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        address = ray.get_runtime_context().gcs_address
        raise ClusterError(
            f"This kernel is connected to Ray at {address} already.",
            "Queries run there and are watched; to have a cluster of its own, restart the kernel and run %daft start.",
        )


DRIVER_ENVIRONMENT = {
    # The embedded cluster has no dashboard, and Daft looks for one at each query unless it is told.
    "RAY_DISABLE_DASHBOARD": "1",
    # The cockpit shows scaling; Ray would print each step too.
    "RAY_SCHEDULER_EVENTS": "0",
}


def connect(address: str, environment: dict[str, str]) -> None:
    """Connect this process to the Ray at ``address`` with ``environment`` (token and loopback) in its own.

    Ray reads some of it when it is imported, so an imported Ray is made to read it again.
    """
    imported = "ray" in sys.modules
    os.environ.update(environment)
    import ray

    if imported:
        import ray._raylet
        from ray._private import ray_constants

        ray_constants.ENABLE_RAY_CLUSTER = False
        ray_constants.AUTOSCALER_EVENTS = int(os.environ["RAY_SCHEDULER_EVENTS"])
        ray._raylet.Config.initialize("")
        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()
    ray.init(address, logging_level="warning", include_dashboard=False)


def use_ray(make_flotilla_runner: Callable[[int | None], Any]) -> None:
    """Point Daft at the Ray this process is connected to, with a FlotillaRunner of ours in it."""
    import daft
    from daft.runners import _get_runner

    if _get_runner() is None:
        daft.set_runner_ray()
    runner: Any = _get_runner()
    runner.flotilla_plan_runner = make_flotilla_runner(runner.worker_startup_timeout)


def adopt(make_flotilla_runner: Callable[[int | None], Any]) -> Any:
    """The FlotillaRunner of ours in Daft's runner; put there now if the user has set the Ray runner himself."""
    from daft.runners import _get_runner

    from daftnb.engine.flotilla import WatchedFlotillaRunner

    runner: Any = _get_runner()
    if not isinstance(runner.flotilla_plan_runner, WatchedFlotillaRunner):
        runner.flotilla_plan_runner = make_flotilla_runner(runner.worker_startup_timeout)
    return runner.flotilla_plan_runner


def release() -> None:
    """Take our FlotillaRunner out of Daft's runner; Daft makes its own at the next query."""
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    if runner is not None and getattr(runner, "flotilla_plan_runner", None) is not None:
        runner.flotilla_plan_runner = None


def disconnect() -> None:
    """End this process's connection to Ray, and keep Ray from starting a cluster of its own at the next query."""
    import ray
    from ray._private import auto_init_hook

    ray.shutdown()
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
