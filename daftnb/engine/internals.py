"""Every private or undocumented name of Daft and Ray that daftnb leans on, in one table, each checked before use.

A name that is missing (another release) turns off the feature that needs it, and only that; :func:`missing` gives the
sentence that says so. The names of Daft itself are checked when the extension loads; those that would import Ray,
when Ray is first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

Part = Literal["daft", "ray"]


@dataclass(frozen=True, slots=True)
class Internal:
    """One name: ``feature`` is off without it, ``why`` says what it is used for."""

    part: Part
    feature: str
    module: str
    path: str
    why: str


INTERNALS = (
    Internal("daft", "live plans", "daft", "attach_subscriber", "what a query does"),
    Internal("daft", "live plans", "daft", "detach_subscriber", "unloading"),
    Internal("daft", "live plans", "daft.subscribers", "Subscriber", "what a query does"),
    Internal("daft", "live plans", "daft.daft", "QueryEndState", "how a query ended"),
    Internal("daft", "runner checks", "daft.runners", "_get_runner", "the runner that is set, without setting one"),
    Internal("daft", "previews", "daft.dataframe.preview", "PreviewFormatter._generate_interactive_html", "display"),
    Internal("daft", "previews", "daft.dataframe.preview", "PreviewFormatter._repr_html_", "display"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "FlotillaRunner.stream_plan", "before and after a query"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "RaySwordfishActorHandle.submit_task", "dispatches"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "RaySwordfishActorHandle.shutdown", "retirements"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "RaySwordfishTaskHandle.get_result", "ends of tasks"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "RaySwordfishTaskHandle.cancel", "cancelled tasks"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "RaySwordfishWorker", "new workers"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "try_autoscale", "scale-up requests"),
    Internal("ray", "watching Ray", "daft.runners.progress_bar", "ProgressBar.make_bar_or_update_total", "tasks"),
    Internal("ray", "watching Ray", "daft.runners.progress_bar", "ProgressBar.update_bar", "tasks done"),
    Internal("ray", "watching Ray", "daft.daft", "DistributedPhysicalPlan.idx", "which query a task is of"),
    Internal("ray", "watching Ray", "daft.runners.flotilla", "_FLOTILLA_RUNNER_NAME_SUFFIX", "the actor of this job"),
    Internal("ray", "watching Ray", "ray.util.client", "ray.is_connected", "which connection there is"),
    Internal("ray", "watching Ray", "ray.experimental.internal_kv", "internal_kv_get_gcs_client", "the autoscaler"),
    Internal("ray", "watching Ray", "ray._private.ray_constants", "DEBUG_AUTOSCALING_STATUS", "the autoscaler"),
    Internal("ray", "watching Ray", "ray._raylet", "GCS_AUTOSCALER_CLUSTER_CONFIG_KEY", "the autoscaler's limits"),
    Internal("ray", "watching Ray", "ray._raylet", "GCS_AUTOSCALER_V2_ENABLED_KEY", "which autoscaler"),
    Internal("ray", "preflight checks", "ray._private.grpc_utils", "init_grpc_channel", "short calls"),
    Internal("ray", "preflight checks", "ray._private.services", "find_node_ids", "is a node on this machine"),
    Internal("ray", "preflight checks", "ray._private.services", "get_ray_address_from_environment", "auto"),
    Internal("ray", "preflight checks", "ray._common.usage.usage_constants", "CLUSTER_METADATA_KEY", "versions"),
    Internal("ray", "preflight checks", "ray._private.ray_constants", "KV_NAMESPACE_CLUSTER", "versions"),
    Internal("ray", "preflight checks", "ray._raylet", "get_authentication_mode", "the token"),
    Internal(
        "ray", "preflight checks", "ray.core.generated.gcs_service_pb2_grpc", "InternalKVGcsServiceStub", "versions"
    ),
    Internal("ray", "preflight checks", "ray.core.generated.gcs_service_pb2_grpc", "NodeInfoGcsServiceStub", "nodes"),
    Internal("ray", "preflight checks", "ray.core.generated.ray_client_pb2_grpc", "RayletDriverStub", "a Ray Client"),
    Internal("ray", "preflight checks", "ray.util.client.common", "GRPC_OPTIONS", "a Ray Client"),
    Internal("ray", "embedded cluster", "ray._private.ray_constants", "ENABLE_RAY_CLUSTER", "loopback stays loopback"),
    Internal("ray", "embedded cluster", "ray._private.auto_init_hook", "enable_auto_connect", "no Ray by accident"),
    Internal("ray", "embedded cluster", "ray._raylet", "Config.initialize", "the token, after Ray was imported"),
    Internal("ray", "embedded cluster", "ray._raylet", "AuthenticationTokenLoader.instance", "the token, likewise"),
    Internal("ray", "embedded cluster", "ray._private.node", "Node", "worker nodes on loopback"),
    Internal(
        "ray",
        "embedded cluster",
        "ray.autoscaler._private.fake_multi_node.node_provider",
        "FakeMultiNodeProvider._create_node_with_resources_and_labels",
        "worker nodes on this machine",
    ),
)


def missing(part: Part) -> dict[str, str]:
    """Feature → one sentence on why it is off; empty if every name of ``part`` is there."""
    found: dict[str, str] = {}
    for internal in _absent(part):
        import daft

        text = (
            f"{internal.feature}: off, because {internal.module}.{internal.path} ({internal.why}) "
            f"is not in Daft {daft.__version__} as installed."
        )
        found.setdefault(internal.feature, text)
    return found


def _absent(part: Part) -> Iterator[Internal]:
    for internal in INTERNALS:
        if internal.part != part:
            continue
        try:
            value: object = import_module(internal.module)
            for name in internal.path.split("."):
                value = getattr(value, name)
        except (ImportError, AttributeError):
            yield internal
