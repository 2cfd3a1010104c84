"""Every private or undocumented name of Daft and Ray that daftnb leans on, in one table, each checked before use.

A name that is missing (another release) turns off the feature that needs it, and only that; :func:`missing` gives the
sentence that says so. The names of Daft itself are checked when the extension loads; those that would import Ray,
when Ray is first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Literal

Part = Literal["daft", "ray", "jobs"]

# What may be off. Those of Ray but for the embedded cluster are told to the tap when it is installed.
LIVE, PREVIEWS, RUNNER_CHECKS = "live plans", "previews", "runner checks"
SETTINGS, TASKS, WARM = "settings on Ray", "task counts", "warm workers"
REQUESTS, CANCEL, EMBEDDED = "scale-up requests", "cancelling on Ray", "embedded cluster"
CONNECTING, PREFLIGHT, GROWTH = "connecting", "preflight checks", "autoscaler notices"
JOBS, NODE_USAGE, UDFS = "jobs", "usage of nodes", "UDF actors"
PLANS = "plans of dataframes"
SQL_HINTS = "spellings of SQL functions"
RICH = "rich previews"


@dataclass(frozen=True, slots=True)
class Internal:
    """One name: ``features`` are off without it, ``why`` says what it is used for."""

    part: Part
    features: tuple[str, ...]
    module: str
    path: str
    why: str


_FLOTILLA = "daft.runners.flotilla"
_BAR = "daft.runners.progress_bar"
INTERNALS = (
    Internal("daft", (LIVE,), "daft", "attach_subscriber", "what a query does"),
    Internal("daft", (LIVE,), "daft", "detach_subscriber", "unloading"),
    Internal("daft", (LIVE,), "daft.subscribers", "Subscriber", "what a query does"),
    Internal("daft", (LIVE,), "daft.daft", "QueryEndState", "how a query ended"),
    Internal("daft", (RUNNER_CHECKS,), "daft.runners", "_get_runner", "the runner that is set, without setting one"),
    Internal("daft", (PREVIEWS,), "daft.dataframe.preview", "PreviewFormatter._generate_interactive_html", "display"),
    Internal("daft", (PREVIEWS,), "daft.dataframe.preview", "PreviewFormatter._repr_html_", "display"),
    Internal("daft", (PLANS,), "daft", "DataFrame._builder", "a plan that has not run"),
    Internal("daft", (PLANS,), "daft.logical.builder", "LogicalPlanBuilder.optimize", "a plan that has not run"),
    Internal("daft", (PLANS,), "daft.logical.builder", "LogicalPlanBuilder.pretty_print", "its expressions"),
    Internal("daft", (PLANS,), "daft.daft", "NativeExecutor.repr_ascii", "its physical form"),
    Internal("daft", (PLANS,), "daft.daft", "DistributedPhysicalPlan.from_logical_plan_builder", "that on Ray"),
    Internal("daft", (PLANS,), "daft.daft", "DistributedPhysicalPlan.repr_ascii", "expressions on Ray"),
    Internal("daft", (RICH,), "daft", "DataFrame._result", "the partitions of a dataframe that has run"),
    Internal("daft", (RICH,), "daft", "DataFrame._from_micropartitions", "rows that a display holds, as a dataframe"),
    Internal(
        "daft", (RICH,), "daft.runners.partitioning", "LocalPartitionSet.values", "the partitions in this process"
    ),
    Internal("daft", (RICH,), "daft.runners.partitioning", "MaterializedResult.metadata", "rows of each on Ray"),
    Internal("daft", (RICH,), "daft", "DataFrame._get_current_builder", "running a dataframe again"),
    Internal("daft", (RICH,), "daft.logical.builder", "LogicalPlanBuilder.limit", "the first rows of a dataframe"),
    Internal("daft", (RICH,), "daft.recordbatch", "MicroPartition.slice", "a page's rows"),
    Internal("daft", (RICH,), "daft.recordbatch", "MicroPartition.get_column", "a page's columns"),
    Internal("daft", (RICH,), "daft.schema", "Field._from_pyfield", "dtypes of many columns"),
    Internal("daft", (RICH,), "daft.daft", "PySchema.__getitem__", "dtypes of many columns"),
    Internal("daft", (RICH,), "daft.event_loop", "BackgroundEventLoop.from_existing_loop", "ending a preview's query"),
    Internal("daft", (RICH,), "daft.event_loop", "get_or_init_event_loop", "ending a preview's query"),
    Internal("daft", (SQL_HINTS,), "daft.daft", "list_sql_functions", "the nearest spelling of a function"),
    Internal("ray", (SETTINGS,), _FLOTILLA, "FlotillaRunner.stream_plan", "before and after a query"),
    Internal("ray", (SETTINGS,), _FLOTILLA, "DEFAULT_WORKER_STARTUP_TIMEOUT", "our FlotillaRunner"),
    Internal("ray", (SETTINGS,), _FLOTILLA, "_FLOTILLA_RUNNER_NAME_SUFFIX", "a new actor where one has died"),
    Internal("ray", (SETTINGS,), "daft.daft", "DistributedPhysicalPlan.idx", "which query a task is of"),
    Internal("ray", (TASKS,), _BAR, "ProgressBar.make_bar_or_update_total", "tasks submitted"),
    Internal("ray", (TASKS,), _BAR, "ProgressBar.update_bar", "tasks done"),
    Internal("ray", (TASKS, WARM, CANCEL), _FLOTILLA, "RaySwordfishActorHandle.submit_task", "dispatches"),
    Internal("ray", (TASKS, WARM, CANCEL), _FLOTILLA, "RaySwordfishTaskHandle.get_result", "ends of tasks"),
    Internal("ray", (TASKS, CANCEL), _FLOTILLA, "RaySwordfishTaskHandle.cancel", "cancelled tasks"),
    Internal("ray", (CANCEL,), _FLOTILLA, "RemoteFlotillaRunner", "the actor that has the result streams"),
    Internal("ray", (TASKS, WARM), _FLOTILLA, "RaySwordfishWorker", "new workers"),
    Internal("ray", (TASKS, WARM), _FLOTILLA, "RaySwordfishActorHandle.shutdown", "retirements"),
    Internal("ray", (WARM,), _FLOTILLA, "start_ray_workers", "giving warm workers back"),
    Internal("ray", (WARM,), _FLOTILLA, "get_head_node_id", "the worker that is never retired"),
    Internal("ray", (WARM,), _FLOTILLA, "RaySwordfishActor", "a worker that is needed again"),
    Internal("ray", (WARM,), _FLOTILLA, "_extension_runtime_env", "a worker that is needed again"),
    Internal("ray", (REQUESTS,), _FLOTILLA, "try_autoscale", "requests and withdrawals"),
    Internal("ray", (REQUESTS,), _FLOTILLA, "clear_autoscaling_requests", "withdrawing what was asked"),
    Internal("ray", (NODE_USAGE,), "ray._private.state", "available_resources_per_node", "use of the object stores"),
    Internal("ray", (UDFS,), "daft.execution.ray_actor_pool_udf", "start_udf_actors", "actors of UDFs"),
    Internal("ray", (UDFS,), "daft.execution.ray_actor_pool_udf", "UDFActorHandle.teardown", "actors of UDFs"),
    Internal("ray", (CONNECTING,), "daft.runners.partitioning", "PartitionSetCache.clear", "results of a lost Ray"),
    Internal("ray", (CONNECTING,), "ray.util.client", "RayAPIStub.is_connected", "which connection there is"),
    Internal("ray", (GROWTH,), "ray.experimental.internal_kv", "internal_kv_get_gcs_client", "the autoscaler"),
    Internal("ray", (GROWTH,), "ray._private.ray_constants", "DEBUG_AUTOSCALING_STATUS", "the autoscaler"),
    Internal("ray", (GROWTH,), "ray._raylet", "GCS_AUTOSCALER_CLUSTER_CONFIG_KEY", "the autoscaler's limits"),
    Internal("ray", (GROWTH,), "ray._raylet", "GCS_AUTOSCALER_V2_ENABLED_KEY", "which autoscaler"),
    Internal("ray", (PREFLIGHT,), "ray._private.grpc_utils", "init_grpc_channel", "short calls"),
    Internal("ray", (PREFLIGHT,), "ray._private.services", "find_node_ids", "is a node on this machine"),
    Internal("ray", (PREFLIGHT,), "ray._private.services", "get_ray_address_from_environment", "auto"),
    Internal("ray", (PREFLIGHT,), "ray._private.services", "find_gcs_addresses.cache_clear", "auto"),
    Internal("ray", (PREFLIGHT,), "ray._private.services", "find_bootstrap_address", "auto"),
    Internal("ray", (PREFLIGHT,), "ray._common.usage.usage_constants", "CLUSTER_METADATA_KEY", "versions"),
    Internal("ray", (PREFLIGHT,), "ray._private.ray_constants", "KV_NAMESPACE_CLUSTER", "versions"),
    Internal("ray", (PREFLIGHT,), "ray._raylet", "get_authentication_mode", "the token"),
    Internal("ray", (PREFLIGHT,), "ray.core.generated.gcs_service_pb2_grpc", "InternalKVGcsServiceStub", "versions"),
    Internal("ray", (PREFLIGHT,), "ray.core.generated.gcs_service_pb2_grpc", "NodeInfoGcsServiceStub", "nodes"),
    Internal("ray", (PREFLIGHT,), "ray.core.generated.ray_client_pb2_grpc", "RayletDriverStub", "a Ray Client"),
    Internal("ray", (PREFLIGHT,), "ray.util.client.common", "GRPC_OPTIONS", "a Ray Client"),
    Internal("ray", (EMBEDDED,), "ray._private.ray_constants", "ENABLE_RAY_CLUSTER", "loopback stays loopback"),
    Internal("ray", (EMBEDDED,), "ray._private.auto_init_hook", "enable_auto_connect", "no Ray by accident"),
    Internal("ray", (EMBEDDED,), "ray._raylet", "Config.initialize", "the token, after Ray was imported"),
    Internal("ray", (EMBEDDED,), "ray._raylet", "AuthenticationTokenLoader.instance", "the token, likewise"),
    Internal("ray", (EMBEDDED,), "ray._private.node", "Node.dead_processes", "worker nodes on loopback"),
    Internal("ray", (EMBEDDED,), "ray._private.ray_constants", "PROCESS_TYPE_RAYLET", "worker nodes that have died"),
    Internal(
        "ray",
        (EMBEDDED,),
        "ray.autoscaler._private.fake_multi_node.node_provider",
        "FakeMultiNodeProvider._create_node_with_resources_and_labels",
        "worker nodes on this machine",
    ),
    # A part of its own: Ray's job client is a quarter of a second to import, and only jobs need it.
    Internal("jobs", (JOBS,), "ray.dashboard.modules.dashboard_sdk", "SubmissionClient._do_request", "time limits"),
    Internal("jobs", (JOBS,), "ray.dashboard.modules.dashboard_sdk", "SubmissionClient._package_exists", "the source"),
    Internal("jobs", (JOBS,), "ray._private.runtime_env.packaging", "_dir_travel", "the working directory's size"),
    Internal("jobs", (JOBS,), "ray._private.runtime_env.packaging", "_get_excludes", "the working directory's size"),
    Internal("jobs", (JOBS,), "ray._private.runtime_env.packaging", "GCS_STORAGE_MAX_SIZE", "the limit of that size"),
    Internal("jobs", (JOBS,), "ray._private.ray_constants", "get_runtime_env_default_excludes", "what Ray leaves out"),
)


def missing(part: Part) -> dict[str, str]:
    """Return feature → one sentence on why it is off; empty if every name of ``part`` is there."""
    found: dict[str, str] = {}
    for internal in _absent(part):
        package = internal.module.partition(".")[0]
        for feature in internal.features:
            text = (
                f"{feature}: off, because {internal.module}.{internal.path} ({internal.why}) "
                f"is not in {package.capitalize()} {version(package)} as installed."
            )
            found.setdefault(feature, text)
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
