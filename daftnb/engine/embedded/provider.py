"""The node provider that Ray's autoscaler drives on one machine: each node is a raylet on loopback.

Ray's own ``fake_multinode`` provider keeps the books (which nodes there are, how one is terminated); this subclass
starts the raylets itself, so that they bind to 127.0.0.1, share the machine's memory out between them, and leave the
log monitor to the head: all nodes share one log folder, and a second monitor would print every line twice. Ray's
monitor process loads it by its name, which the cluster's configuration has.
"""

from __future__ import annotations

import json
from typing import Any

from ray._private.node import Node
from ray._private.parameter import RayParams
from ray._private.ray_constants import (
    LABELS_ENVIRONMENT_VARIABLE,
    PROCESS_TYPE_RAYLET,
    RESOURCES_ENVIRONMENT_VARIABLE,
)
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

LOOPBACK = "127.0.0.1"


class LoopbackNodeProvider(FakeMultiNodeProvider):  # type: ignore[misc]  # Ray's base class is untyped
    """Real raylets on this machine.

    ``provider`` must name ``node_memory`` and ``node_object_store`` in bytes, ``object_folder`` (None: shared memory)
    and ``node_environment``, variables that the head may have otherwise.
    """

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """Return Ray's list without the nodes whose raylet has died.

        Ray would count them for ever, and now starts others.
        """
        with self.lock:
            for node_id, node in list(self._nodes.items()):
                if "node" in node and PROCESS_TYPE_RAYLET in dict(node["node"].dead_processes()):
                    self.terminate_node(node_id)  # what it has left behind, and the books
            nodes: list[str] = super().non_terminated_nodes(tag_filters)
            return nodes

    def _create_node_with_resources_and_labels(
        self, node_config: dict[str, Any], tags: dict[str, str], count: int, resources: dict[str, Any], labels: Any
    ) -> None:
        custom = {name: amount for name, amount in resources.items() if name not in ("CPU", "GPU")}
        with self.lock:
            node_id = self._next_hex_node_id()
            params = RayParams(
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
                    "RAY_NODE_TYPE_NAME": tags[TAG_RAY_USER_NODE_TYPE],
                    RESOURCES_ENVIRONMENT_VARIABLE: json.dumps(custom),
                    LABELS_ENVIRONMENT_VARIABLE: json.dumps(labels),
                },
            )
            node = Node(params, head=False, shutdown_at_exit=False, spawn_reaper=False)
            self._nodes[node_id] = {
                "node": node,
                "tags": {
                    TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
                    TAG_RAY_NODE_NAME: node_id,
                    TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
                    **tags,
                },
            }
