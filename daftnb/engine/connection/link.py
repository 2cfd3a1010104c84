"""Makes, finds and checks this process's connection to Ray."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from daftnb.engine.connection import client
from daftnb.engine.connection import environment as env
from daftnb.engine.connection.standing import without_starting
from daftnb.errors import ClusterError
from daftnb.text.shorten import shortened

Found = TypeVar("Found")
NODES_TIMEOUT_SECONDS = 60.0
SHUT_DOWN = "Ray was shut down while the engine was asked"


@dataclass(frozen=True, slots=True)
class Link:
    """One connection of this process to Ray: its address, and what tells it from one made before or after it."""

    address: str
    identity: tuple[object, ...]
    client: bool


def link() -> Link | None:
    """Return the connection that stands now, whoever made it; asking makes none and asks no cluster."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    from ray.util.client import ray as ray_client

    with without_starting():
        try:
            if ray_client.is_connected():
                worker = ray_client.get_context().client_worker
                return Link(f"ray://{worker._conn_str}", (worker._client_id,), True)
            context = ray.get_runtime_context()
            return Link(context.gcs_address, (context.gcs_address, context.get_job_id()), False)
        except Exception:
            # Another thread may end the connection between two of these calls, and Ray then raises errors of many
            # kinds. While a connection stands, none of them is expected.
            if ray.is_initialized():
                raise
            return None


@contextmanager
def asking(expected: Link | None = None) -> Iterator[None]:
    """Let this thread call Ray within this context: a connection stands, and no call makes another.

    Raises ConnectionError where no connection stands, or another than ``expected``. Every call of daftnb's own into Ray
    is made in here, but for those that connect: one without a connection would start a cluster, or end this process.
    """
    with without_starting():
        standing = link()
        if standing is None or expected not in (None, standing):
            raise ConnectionError(SHUT_DOWN)
        yield


def in_time(seconds: float, ask: Callable[[], Found]) -> Found:
    """Return what a function returns that asks Ray within :func:`asking`; TimeoutError where that takes longer.

    Where Ray keeps to a timeout itself, the function gives it one. Over a Ray Client Ray does not
    (:func:`daftnb.engine.connection.client.within`).
    """
    standing = link()
    return client.within(seconds, ask) if standing is not None and standing.client else ask()


def connects_by_itself() -> bool:
    """Return True if Ray connects, or starts a cluster, at the first call where there is no connection."""
    from ray._private import auto_init_hook

    return bool(auto_init_hook.enable_auto_connect)


DRIVER_ENVIRONMENT = {
    # The embedded cluster has no dashboard, and Daft looks for one at each query unless it is told.
    "RAY_DISABLE_DASHBOARD": "1",
    # The cockpit shows scaling; Ray would print each step too.
    "RAY_SCHEDULER_EVENTS": "0",
}


def connect(address: str, environment: dict[str, str], ready: Callable[[], None]) -> dict[str, str | None]:
    """Connect this process to the Ray at ``address`` with ``environment`` (token and loopback) in its own.

    ``ready`` waits until that Ray can be connected to, or raises; Ray is imported meanwhile. Returns what these
    variables were before, for ``environment.restore``. Raises ClusterError if it cannot be.
    """
    before = env.apply(environment)
    try:
        import ray

        ready()
        ray.init(address, logging_level="warning", include_dashboard=False)
    except BaseException as error:
        env.restore(before)
        if not isinstance(error, ConnectionError):
            raise
        # The control store has answered; Ray has waited a minute for the head's own node.
        raise ClusterError(
            shortened(f"The Ray head at {address} came up only in part: {error.__cause__ or error}", 300),
            "Try %daft start again when the machine is less busy.",
        ) from error
    return before


def await_workers(count: int, progress: Callable[[str], None], running: Callable[[], bool]) -> int:
    """Wait until Ray lists ``count`` worker nodes, the head ends or time is up; return how many there are then."""
    import ray

    deadline = time.monotonic() + NODES_TIMEOUT_SECONDS
    seen = -1
    while True:
        with asking():
            nodes = sum(1 for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))
        if nodes != seen and count:
            seen = nodes
            progress(f"worker nodes: {nodes} of {count}")
        if nodes >= count or time.monotonic() > deadline or not running():
            return nodes
        time.sleep(0.1)
