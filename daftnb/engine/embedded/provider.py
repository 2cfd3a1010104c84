"""The node provider that Ray's autoscaler drives on one machine: each node is a raylet on loopback.

Ray's own ``fake_multinode`` provider keeps the books (which nodes there are, how one is terminated); this subclass
starts the raylets itself, so that they bind to 127.0.0.1, share the machine's memory out between them, and leave the
log monitor to the head: all nodes share one log folder, and a second monitor would print every line twice. Ray's
monitor process loads it by its name, which the cluster's configuration has.

Nodes start side by side, as a cloud's do. Both of Ray's autoscalers have a node created in the thread that looks after
all of them, or in one of few (``foreground_node_launch`` in ``ray/autoscaler/_private/autoscaler.py``,
``NodeProviderAdapter`` in ``ray/autoscaler/v2/instance_manager/node_provider.py``), so each call here returns at once:
a node that starts is in the books, and is not running yet.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Container
from typing import Any

from ray._private.node import Node
from ray._private.parameter import RayParams
from ray._private.ray_constants import (
    LABELS_ENVIRONMENT_VARIABLE,
    PROCESS_TYPE_RAYLET,
    RESOURCES_ENVIRONMENT_VARIABLE,
)
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider
from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.tags import (
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

from daftnb.engine.embedded.launching import Launch, Launcher

LOOPBACK = "127.0.0.1"
# Seconds that each node takes before its raylet starts, for tests and benchmarks: a cloud's take half a minute.
LAUNCH_SECONDS = "DAFTNB_LAUNCH_SECONDS"
NUMBERS = 999  # of nodes, in the names of their files: a socket's may not be longer (folders.RAY_SOCKET_BYTES)
# How many raylets start at the same time, or one for each core if that is more. Each starts two processes that take 4 s
# of a core, and ends where they take longer than it waits (``WaitForPersistedPort``, Ray's ``raylet/node_manager.cc``).
LEAST_AT_ONCE = 2

log = logging.getLogger(__name__)


class LoopbackNode(Node):  # type: ignore[misc]  # Ray's base class is untyped
    """One raylet, whose files are called by its number.

    Ray takes the first names that no file has, and two that start at the same time would take the same.
    """

    def __init__(self, number: int, params: RayParams) -> None:
        self.number = number
        try:
            super().__init__(params, head=False, shutdown_at_exit=False, spawn_reaper=False)
        except BaseException:
            if getattr(self, "all_processes", None):
                end(self)
            raise

    def _make_inc_temp(self, suffix: str = "", prefix: str = "", directory_name: str | None = None) -> str:
        return os.path.join(directory_name or self.temp_dir, f"{prefix}.{self.number}{suffix}")


def free_number(last: int, used: Container[int | None]) -> int:
    """Return the number for a node: the next after the last one, from 1 again after all, that no node has."""
    return next(number for number in (*range(last + 1, NUMBERS + 1), *range(1, last + 1)) if number not in used)


def end(node: Node) -> None:
    """End the processes of a node."""
    node.kill_all_processes(check_alive=False, allow_graceful=True)


class LoopbackNodeProvider(FakeMultiNodeProvider):  # type: ignore[misc]  # Ray's base class is untyped
    """Real raylets on this machine.

    ``provider`` must name ``node_memory`` and ``node_object_store`` in bytes, ``object_folder`` (None: shared memory)
    and ``node_environment``, variables that the head may have otherwise.
    """

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        at_once = max(LEAST_AT_ONCE, os.cpu_count() or 1)
        seconds = float(os.environ.get(LAUNCH_SECONDS, "0"))
        self._launcher = Launcher[Node](seconds, at_once, self._came, self._failed, end)
        self._number = 0  # of the node that was launched last
        self._failure: Exception | None = None  # of a launch, which is not told yet

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """Return Ray's list without the nodes whose raylet has died; those that start are in it.

        Ray would count them for ever, and now starts others.
        """
        with self.lock:
            for node_id, node in list(self._nodes.items()):
                if "node" in node and PROCESS_TYPE_RAYLET in dict(node["node"].dead_processes()):
                    self.terminate_node(node_id)  # what it has left behind, and the books
            nodes: list[str] = super().non_terminated_nodes(tag_filters)
            return nodes

    def is_running(self, node_id: str) -> bool:
        """Return True for a node whose raylet has started, and for the head."""
        with self.lock:
            node = self._nodes.get(node_id)
            return node is not None and "launch" not in node

    def create_node_with_resources_and_labels(
        self, node_config: dict[str, Any], tags: dict[str, str], count: int, resources: dict[str, Any], labels: Any
    ) -> None:
        """Have so many nodes started, and return at once.

        Raises NodeLaunchException, and starts none, where one that was to be started before could not: Ray reports it
        and asks anew at its next look.
        """
        with self.lock:
            failure, self._failure = self._failure, None
        if failure is not None:
            why = f"{type(failure).__name__}: {failure}"
            raise NodeLaunchException("NotStarted", why, (type(failure), failure, failure.__traceback__))
        super().create_node_with_resources_and_labels(node_config, tags, count, resources, labels)

    def _create_node_with_resources_and_labels(
        self, node_config: dict[str, Any], tags: dict[str, str], count: int, resources: dict[str, Any], labels: Any
    ) -> None:
        with self.lock:
            node_id = self._next_hex_node_id()
            params = self._params(node_id, tags[TAG_RAY_USER_NODE_TYPE], resources, labels)
            number = self._number = free_number(self._number, {node.get("number") for node in self._nodes.values()})
            self._nodes[node_id] = {
                "number": number,
                "launch": self._launcher.launch(f"node {number}", lambda: LoopbackNode(number, params)),
                "tags": {
                    TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
                    TAG_RAY_NODE_NAME: node_id,
                    TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
                    **tags,
                },
            }

    def _params(self, node_id: str, kind: str, resources: dict[str, Any], labels: Any) -> RayParams:
        custom = {name: amount for name, amount in resources.items() if name not in ("CPU", "GPU")}
        return RayParams(
            node_ip_address=LOOPBACK,
            gcs_address=self._gcs_address,
            redis_address=self._gcs_address,
            num_cpus=resources.get("CPU", 0),
            num_gpus=resources.get("GPU", 0),
            memory=self.provider_config["node_memory"],
            object_store_memory=self.provider_config["node_object_store"],
            plasma_directory=self.provider_config["object_folder"],
            resources=custom,
            labels=labels,
            min_worker_port=0,
            max_worker_port=0,
            dashboard_port=None,
            dashboard_agent_listen_port=0,
            include_log_monitor=False,
            env_vars={
                **self.provider_config["node_environment"],
                # Ray's autoscaler finds a node's load by the identity it gave the node.
                "RAY_OVERRIDE_NODE_ID_FOR_TESTING": node_id,
                "RAY_CLOUD_INSTANCE_ID": node_id,
                "RAY_NODE_TYPE_NAME": kind,
                RESOURCES_ENVIRONMENT_VARIABLE: json.dumps(custom),
                LABELS_ENVIRONMENT_VARIABLE: json.dumps(labels),
            },
        )

    def _terminate_node(self, node: dict[str, Any]) -> None:
        """End a node that is out of the books; one that starts is ended as soon as it has."""
        if "launch" in node:
            self._launcher.give_up(node["launch"])
        else:
            super()._terminate_node(node)

    def _of(self, launch: Launch) -> str | None:
        return next((node_id for node_id, node in self._nodes.items() if node.get("launch") is launch), None)

    def _came(self, launch: Launch, node: Node) -> bool:
        with self.lock:
            node_id = self._of(launch)
            if node_id is None:
                return False
            del self._nodes[node_id]["launch"]
            self._nodes[node_id]["node"] = node
            return True

    def _failed(self, launch: Launch, error: Exception) -> None:
        log.error("a worker node could not be started", exc_info=error)
        with self.lock:
            node_id = self._of(launch)
            if node_id is not None:
                del self._nodes[node_id]
                self._failure = error
