"""Every private or undocumented name of Daft and Ray that daftnb leans on, in one table, each checked before use.

A name that is missing (another release) turns off the feature that needs it, and only that; :func:`missing` gives the
sentence that says so. A name that has moved between releases is one row with all its places: the modules
:mod:`daftnb.engine.daftnames` and :mod:`daftnb.engine.raynames` take it from where it is. The names of Daft itself are
checked when the extension loads; those that would import Ray, when Ray is first used.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

Part = Literal["daft", "ray", "embedded", "jobs"]
# The table's parts are looked for at different times: Ray takes a second to import, and its job client more.
PARTS: tuple[Part, ...] = ("daft", "ray", "embedded", "jobs")

# What may be off. Those of Ray but for the embedded cluster are told to the tap when it is installed.
LIVE, PREVIEWS, RUNNER_CHECKS = "live plans", "previews", "runner checks"
SETTINGS, TASKS, WARM = "settings on Ray", "task counts", "warm workers"
VARIABLES = "variables of workers"
REQUESTS, CANCEL, EMBEDDED = "scale-up requests", "cancelling on Ray", "embedded cluster"
CONNECTING, GROWTH = "connecting", "autoscaler notices"
STATS = "rows of operators on Ray"
METER, POOLS = "figures of functions", "figures of actors"
BATCHES = "results in batches"
JOBS, JOB_SIZES, NODE_USAGE, UDFS = "jobs", "size of a job's folder", "usage of nodes", "UDF actors"
DEVICES, TASK_GPUS = "use of GPUs", "GPUs of tasks"
PLANS = "plans of dataframes"
ENDLESS = "queries that never end"
BRIEF = "quick queries"
SQL_HINTS = "spellings of SQL functions"
RICH = "rich previews"
PRINTED = "printed rows of a result on Ray"
# What is looked at before Ray is asked to connect, each by itself.
VERSIONS, NODES = "versions before connecting", "nodes before connecting"
TOKENS, CLIENTS, AUTO = "token before connecting", "Ray Client before connecting", "address auto before connecting"
SAME = "one Ray at two addresses"

Place = tuple[str, str]  # a module, and the path of a name in it


@dataclass(frozen=True, slots=True)
class Internal:
    """One name: ``features`` are off without it, ``why`` says what it is used for.

    No features: daftnb does without it where a release does not have it. ``others`` are its places in other releases.
    ``takes`` are names of arguments that a function must take, ``fields`` those of a protobuf message, ``uses`` all
    names that a function's code uses: one that does more is not known. A name with ``given`` is needed only where that
    other name is there. ``lack`` says why it is missing, where that is known.
    """

    part: Part
    features: tuple[str, ...]
    module: str
    path: str
    why: str
    others: tuple[Place, ...] = ()
    takes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    given: Place | None = None
    lack: str = ""

    @property
    def name(self) -> str:
        """Return the dotted name in the newest release."""
        return f"{self.module}.{self.path}" if self.path else self.module

    @property
    def places(self) -> tuple[Place, ...]:
        """Return where the name is: in the newest release first."""
        return ((self.module, self.path), *self.others)


_CONTEXT = "daft.context"
_NATIVE = "daft.execution.native_executor"
_FLOTILLA = "daft.runners.flotilla"
_RAY_RUNNER = "daft.runners.ray_runner"
_BAR = "daft.runners.progress_bar"
_PARTITIONS = "daft.runners.partitioning"
_BUILDER = "daft.logical.builder"
_UDFS = "daft.execution.ray_actor_pool_udf"
_CALLS = "daft.udf.execution"
_CHILDREN = "daft.execution.udf"
_CONSTANTS = "ray._private.ray_constants"
_SERVICES = "ray._private.services"
_STUBS = "ray.core.generated.gcs_service_pb2_grpc"
_MESSAGES = "ray.core.generated.gcs_service_pb2"
_AUTOSCALER = "ray.core.generated.autoscaler_pb2"
_PACKAGING = "ray._private.runtime_env.packaging"
_PROVIDER = "ray.autoscaler._private.fake_multi_node.node_provider"
_TOKEN: Place = ("ray._raylet", "AuthenticationTokenLoader")
_RAYLET = "ray._raylet"

INTERNALS = (
    Internal("daft", (LIVE,), "daft", "attach_subscriber", "what a query does"),
    Internal("daft", (LIVE,), "daft", "detach_subscriber", "unloading"),
    Internal("daft", (LIVE,), "daft.subscribers", "Subscriber", "what a query does"),
    Internal("daft", (LIVE,), "daft.daft", "QueryEndState", "how a query ended"),
    Internal("daft", (BRIEF,), _CONTEXT, "DaftContext._notify_query_start", "at no cost", takes=("metadata",)),
    Internal("daft", (BRIEF,), _CONTEXT, "DaftContext._notify_optimization_end", "at no cost"),
    Internal("daft", (BRIEF,), _CONTEXT, "DaftContext._notify_exec_start", "at no cost"),
    Internal("daft", (BRIEF,), _CONTEXT, "DaftContext._notify_query_end", "at no cost"),
    Internal("daft", (BRIEF,), _NATIVE, "NativeExecutor.run", "at no cost", takes=("inputs", "ctx", "context")),
    Internal("daft", (BRIEF,), "daft.recordbatch", "RecordBatch._from_pyrecordbatch", "what there is to read then"),
    Internal("daft", (BRIEF,), "daft.daft", "PyExecutionStats.query_plan", "what there is to read when it has ended"),
    Internal("daft", (BRIEF,), "daft.daft", "PyExecutionStats.to_recordbatch", "what there is to read then"),
    Internal("daft", (RUNNER_CHECKS,), "daft.runners", "_get_runner", "the runner that is set, without setting one"),
    Internal("daft", (PREVIEWS,), "daft.dataframe.preview", "PreviewFormatter._generate_interactive_html", "display"),
    Internal("daft", (PREVIEWS,), "daft.dataframe.preview", "PreviewFormatter._repr_html_", "display"),
    Internal("daft", (PLANS,), "daft", "DataFrame._builder", "a plan that has not run"),
    Internal("daft", (PLANS,), "daft.context", "get_context", "the configuration that a plan is made with"),
    Internal("daft", (PLANS,), _BUILDER, "LogicalPlanBuilder.optimize", "a plan that has not run"),
    Internal("daft", (PLANS,), _BUILDER, "LogicalPlanBuilder.pretty_print", "its expressions"),
    Internal("daft", (PLANS,), "daft.daft", "NativeExecutor.repr_ascii", "its physical form"),
    Internal("daft", (PLANS,), "daft.daft", "DistributedPhysicalPlan.from_logical_plan_builder", "that on Ray"),
    Internal("daft", (PLANS,), "daft.daft", "DistributedPhysicalPlan.repr_ascii", "expressions on Ray"),
    Internal("daft", (ENDLESS, TASK_GPUS), "daft.daft", "DistributedPhysicalPlan.repr_json", "the operators on Ray"),
    Internal("daft", (RICH,), "daft", "DataFrame._result", "the partitions of a dataframe that has run"),
    Internal("daft", (RICH,), "daft", "DataFrame._from_micropartitions", "rows that a display holds, as a dataframe"),
    Internal("daft", (RICH,), _PARTITIONS, "LocalPartitionSet.values", "the partitions in this process"),
    Internal("daft", (RICH,), _PARTITIONS, "MaterializedResult.metadata", "rows of each on Ray"),
    Internal("daft", (RICH,), "daft", "DataFrame._get_current_builder", "running a dataframe again"),
    # Of a dataframe, not of its class.
    Internal("daft", (), "daft", "DataFrame._source_builder", "the plan of what was written; from Daft 0.7.23 on"),
    Internal("daft", (RICH,), _BUILDER, "LogicalPlanBuilder.limit", "the first rows", takes=("eager",)),
    Internal("daft", (RICH,), "daft.recordbatch", "MicroPartition.slice", "a page's rows"),
    Internal("daft", (RICH,), "daft.recordbatch", "MicroPartition.get_column", "a page's columns"),
    Internal("daft", (RICH,), "daft.schema", "Field._from_pyfield", "dtypes of many columns"),
    Internal("daft", (RICH,), "daft.daft", "PySchema.__getitem__", "dtypes of many columns"),
    Internal("daft", (RICH,), "daft.event_loop", "BackgroundEventLoop.from_existing_loop", "ending a preview's query"),
    Internal("daft", (RICH,), "daft.event_loop", "get_or_init_event_loop", "ending a preview's query"),
    Internal("daft", (RICH,), "daft.event_loop", "LOOP", "ending a preview's query"),
    Internal("daft", (PRINTED,), "daft.dataframe.preview", "Preview", "Daft's printer", takes=("partition",)),
    Internal("daft", (PRINTED,), "daft.recordbatch", "MicroPartition._from_record_batches", "Daft's printer"),
    Internal("daft", (PRINTED,), "daft.recordbatch", "RecordBatch.from_pydict", "Daft's printer"),
    Internal("daft", (SQL_HINTS,), "daft.daft", "list_sql_functions", "the nearest spelling of a function"),
    Internal("daft", (METER,), _CALLS, "_metrics_context", "each call of a function"),
    Internal("daft", (METER,), _CALLS, "call_func", "each call of a function"),
    Internal("daft", (METER,), _CALLS, "call_batch_func", "each call of a function"),
    Internal("daft", (METER,), _CALLS, "call_async_func_batched", "each call of a function"),
    Internal("daft", (METER,), _CALLS, "call_batch_async", "each call of a function"),
    Internal("daft", (METER,), "daft.udf.udf_v2", "ClsBase._daft_bind_method", "which function is called"),
    Internal("daft", (METER,), "daft.udf.udf_v2", "ClsBase._daft_bind_coroutine_method", "which function is called"),
    Internal("daft", (METER,), "daft.udf.udf_v2", "ClsBase._daft_get_instance", "how long a class initialises"),
    Internal("daft", (METER,), "daft.udf.metrics", "_CURRENT_METRICS", "the user's own counters"),
    Internal("daft", (METER,), "daft.udf.metrics", "OperatorMetrics", "the user's own counters"),
    Internal("daft", (METER,), "daft.udf.legacy", "run_udf", "functions of @daft.udf"),
    Internal("daft", (METER,), "daft.udf.legacy", "UninitializedUdf.initialize", "classes of @daft.udf"),
    Internal("daft", (METER,), _CHILDREN, "UdfHandle.teardown", "processes for functions"),
    Internal("daft", (METER,), _CHILDREN, "ExpressionsProjection", "processes for functions"),
    Internal("daft", (METER,), _CHILDREN, "SharedMemoryTransport.write_and_close", "processes for functions"),
    Internal("ray", (SETTINGS,), _FLOTILLA, "FlotillaRunner.stream_plan", "before and after a query"),
    Internal("ray", (SETTINGS,), _FLOTILLA, "DEFAULT_WORKER_STARTUP_TIMEOUT", "our FlotillaRunner"),
    Internal("ray", (SETTINGS,), _FLOTILLA, "_FLOTILLA_RUNNER_NAME_SUFFIX", "a new actor where one has died"),
    Internal("ray", (SETTINGS,), "daft.daft", "DistributedPhysicalPlan.idx", "which query a task is of"),
    Internal(
        "ray",
        (BATCHES,),
        _FLOTILLA,
        "FlotillaRunner.stream_plan",
        "how Daft gets results",
        uses=(
            *("frozenset", "get_loaded_extension_paths", "_init_extension_paths", "logger", "warning", "sorted", "idx"),
            *("ray", "get", "runner", "run_plan", "remote", "get_next_partition", "isinstance", "PyExecutionStats"),
        ),
    ),
    Internal("ray", (BATCHES,), _FLOTILLA, "RemoteFlotillaRunner.get_next_partition", "results", takes=("plan_id",)),
    Internal("ray", (BATCHES,), _FLOTILLA, "RemoteFlotillaRunner.run_plan", "plans", takes=("partition_sets",)),
    Internal("ray", (BATCHES,), _RAY_RUNNER, "RayMaterializedResult.partition", "results", takes=("self",)),
    Internal("ray", (BATCHES,), _RAY_RUNNER, "PartitionMetadataAccessor.__init__", "their rows", takes=("ref",)),
    Internal("ray", (BATCHES,), _PARTITIONS, "PartitionMetadata", "their rows"),
    Internal("ray", (), _RAY_RUNNER, "RayRunner.run_iter", "how far to read ahead", takes=("results_buffer_size",)),
    Internal("ray", (TASKS,), _BAR, "ProgressBar.make_bar_or_update_total", "tasks submitted"),
    Internal("ray", (TASKS,), _BAR, "ProgressBar.update_bar", "tasks done"),
    Internal("ray", (STATS,), "daft.recordbatch.recordbatch", "RecordBatch._from_pyrecordbatch", "rows of operators"),
    Internal("ray", (TASKS, WARM, CANCEL), _FLOTILLA, "RaySwordfishActorHandle.submit_task", "dispatches"),
    Internal("ray", (TASKS, WARM, CANCEL), _FLOTILLA, "RaySwordfishTaskHandle.get_result", "ends of tasks"),
    Internal("ray", (TASKS, CANCEL), _FLOTILLA, "RaySwordfishTaskHandle.cancel", "cancelled tasks"),
    Internal("ray", (CANCEL,), _FLOTILLA, "RemoteFlotillaRunner", "the actor that has the result streams"),
    Internal("ray", (TASKS, WARM), _FLOTILLA, "RaySwordfishWorker", "new workers"),
    Internal("ray", (TASKS, WARM), _FLOTILLA, "RaySwordfishActorHandle.shutdown", "retirements"),
    Internal("ray", (TASKS, WARM), "ray._private.state", "actors", "workers from before the tap"),
    Internal("ray", (WARM, VARIABLES), _FLOTILLA, "start_ray_workers", "new workers, and giving warm ones back"),
    Internal("ray", (WARM,), _FLOTILLA, "get_head_node_id", "the worker that is never retired"),
    Internal("ray", (WARM,), _FLOTILLA, "RaySwordfishActor", "a worker that is needed again"),
    Internal("ray", (WARM,), _FLOTILLA, "_extension_runtime_env", "a worker that is needed again"),
    Internal("ray", (REQUESTS,), _FLOTILLA, "try_autoscale", "requests and withdrawals"),
    Internal("ray", (REQUESTS,), _FLOTILLA, "clear_autoscaling_requests", "withdrawing what was asked"),
    Internal("ray", (NODE_USAGE,), "ray._private.state", "available_resources_per_node", "use of the object stores"),
    Internal("ray", (DEVICES,), "ray._private.thirdparty.pynvml", "", "how busy GPUs are, and their memory"),
    Internal("ray", (UDFS,), _UDFS, "start_udf_actors", "actors of UDFs", takes=("num_actors", "timeout")),
    Internal("ray", (UDFS,), _UDFS, "UDFActorHandle.teardown", "actors of UDFs"),
    Internal("ray", (), "ray._private.worker", "blocking_get_inside_async_warned", "no warning for a thread of ours"),
    Internal("ray", (METER,), _FLOTILLA, "FLOTILLA_RUNNER_NAMESPACE", "where functions are counted together"),
    Internal("ray", (POOLS,), _UDFS, "UDFActor", "what an actor of a pool is sent"),
    Internal("ray", (), _UDFS, "UDFActorHandle.eval_input", "the batches that wait before an actor"),
    Internal("ray", (CONNECTING,), _PARTITIONS, "PartitionSetCache.clear", "results of a lost Ray"),
    Internal("ray", (CONNECTING,), "ray.util.client", "RayAPIStub.is_connected", "which connection there is"),
    Internal("ray", (CONNECTING,), "ray._private.auto_init_hook", "enable_auto_connect", "no Ray by accident"),
    Internal("ray", (), "ray._private.worker", "global_worker", "leaving a head that does not answer"),
    Internal("ray", (CONNECTING,), _CONSTANTS, "ENABLE_RAY_CLUSTER", "loopback stays loopback"),
    Internal("ray", (CONNECTING,), _CONSTANTS, "env_bool", "variables that were set after Ray was imported"),
    Internal("ray", (CONNECTING,), _CONSTANTS, "env_integer", "variables that were set after Ray was imported"),
    Internal("ray", (CONNECTING,), _CONSTANTS, "AUTOSCALER_EVENTS", "Ray's lines about scaling"),
    Internal("ray", (CONNECTING,), _RAYLET, "Config.initialize", "variables that were set after Ray was imported"),
    Internal("ray", (GROWTH,), "ray.experimental.internal_kv", "internal_kv_get_gcs_client", "the autoscaler"),
    Internal("ray", (GROWTH,), "ray.experimental.internal_kv", "_internal_kv_get", "the autoscaler's reports"),
    Internal("ray", (GROWTH,), _CONSTANTS, "DEBUG_AUTOSCALING_STATUS", "the autoscaler"),
    Internal("ray", (GROWTH,), _CONSTANTS, "AUTOSCALER_RESOURCE_REQUEST_CHANNEL", "what is asked of the autoscaler"),
    Internal("ray", (GROWTH,), _RAYLET, "GCS_AUTOSCALER_STATE_NAMESPACE", "the autoscaler"),
    Internal("ray", (GROWTH,), _RAYLET, "GCS_AUTOSCALER_CLUSTER_CONFIG_KEY", "the autoscaler's limits"),
    Internal("ray", (GROWTH,), _RAYLET, "GCS_AUTOSCALER_V2_ENABLED_KEY", "which autoscaler"),
    Internal("ray", (GROWTH,), _AUTOSCALER, "ClusterConfig", "the limits", fields=("node_group_configs",)),
    Internal(
        "ray", (GROWTH,), _AUTOSCALER, "NodeGroupConfig", "the limits", fields=("min_count", "max_count", "resources")
    ),
    Internal(
        "ray",
        (GROWTH,),
        _AUTOSCALER,
        "GetClusterStatusReply",
        "the second autoscaler",
        fields=("autoscaling_state", "cluster_resource_state"),
    ),
    Internal(
        "ray", (GROWTH,), _AUTOSCALER, "AutoscalingState", "has it reported", fields=("autoscaler_state_version",)
    ),
    Internal(
        "ray",
        (GROWTH,),
        _AUTOSCALER,
        "ClusterResourceState",
        "the kinds of nodes, and what is asked",
        fields=("node_states", "cluster_resource_constraints"),
    ),
    Internal(
        "ray",
        (GROWTH,),
        _AUTOSCALER,
        "ClusterResourceConstraint",
        "what is asked",
        fields=("resource_requests",),
    ),
    Internal("ray", (GROWTH,), _AUTOSCALER, "NodeState", "the kinds of nodes", fields=("ray_node_type_name",)),
    Internal(
        "ray",
        (VERSIONS, NODES, CLIENTS),
        "ray._private.grpc_utils",
        "init_grpc_channel",
        "short calls",
        others=(("ray._private.utils", "init_grpc_channel"),),  # before Ray 2.52
        takes=("options",),
    ),
    Internal("ray", (VERSIONS,), _STUBS, "InternalKVGcsServiceStub", "versions"),
    Internal("ray", (VERSIONS,), _MESSAGES, "InternalKVGetRequest", "versions", fields=("namespace", "key")),
    Internal(
        "ray",
        (VERSIONS,),
        "ray._common.usage.usage_constants",
        "CLUSTER_METADATA_KEY",
        "versions",
        others=(("ray._private.usage.usage_constants", "CLUSTER_METADATA_KEY"),),  # before Ray 2.49
    ),
    Internal("ray", (VERSIONS,), _CONSTANTS, "KV_NAMESPACE_CLUSTER", "versions"),
    Internal("ray", (NODES,), _STUBS, "NodeInfoGcsServiceStub", "nodes"),
    Internal("ray", (NODES,), _MESSAGES, "GetAllNodeInfoRequest", "nodes"),
    Internal(
        "ray",
        (NODES,),
        "ray.core.generated.gcs_pb2",
        "GcsNodeInfo",
        "nodes",
        fields=("node_id", "state", "node_manager_address", "is_head_node"),
    ),
    Internal("ray", (), _SERVICES, "find_node_ids", "is a node on this machine; by its address before Ray 2.54"),
    Internal("ray", (AUTO,), _SERVICES, "get_ray_address_from_environment", "auto"),
    Internal(
        "ray", (), _SERVICES, "find_gcs_addresses.cache_clear", "a new look, where the last is kept: from Ray 2.55 on"
    ),
    Internal("ray", (SAME,), _SERVICES, "find_gcs_addresses", "what auto means"),
    Internal("ray", (SAME,), _SERVICES, "find_bootstrap_address", "what auto means"),
    Internal("ray", (CLIENTS,), "ray.core.generated.ray_client_pb2_grpc", "RayletDriverStub", "a Ray Client"),
    Internal("ray", (CLIENTS,), "ray.core.generated.ray_client_pb2", "ClusterInfoRequest", "a ping", fields=("type",)),
    Internal("ray", (CLIENTS,), "ray.core.generated.ray_client_pb2", "ClusterInfoType.PING", "a ping"),
    Internal("ray", (CLIENTS,), "ray.util.client.common", "GRPC_OPTIONS", "a Ray Client"),
    Internal("ray", (TOKENS,), _RAYLET, "get_authentication_mode", "is a token wanted", given=_TOKEN),
    Internal("ray", (TOKENS,), _RAYLET, "AuthenticationMode.DISABLED", "is a token wanted", given=_TOKEN),
    Internal("ray", (TOKENS,), "ray.exceptions", "AuthenticationError", "a token that is none", given=_TOKEN),
    Internal(
        "ray", (TOKENS,), _RAYLET, "AuthenticationTokenLoader.get_token_for_http_header", "the token", given=_TOKEN
    ),
    Internal("ray", (TOKENS,), _RAYLET, "AuthenticationTokenLoader.has_token", "is there a token", given=_TOKEN),
    Internal(
        "embedded",
        (EMBEDDED,),
        _RAYLET,
        "AuthenticationTokenLoader.instance",
        "the token",
        lack="Ray before 2.52 has no token to guard a cluster with",
    ),
    Internal(
        "embedded", (EMBEDDED,), _RAYLET, "AuthenticationTokenLoader.reset_cache", "the token, later", given=_TOKEN
    ),
    Internal("embedded", (EMBEDDED,), "ray._private.node", "Node.dead_processes", "worker nodes on loopback"),
    Internal("embedded", (EMBEDDED,), "ray._private.node", "Node.kill_all_processes", "worker nodes that are given up"),
    Internal(
        "embedded",
        (EMBEDDED,),
        "ray._private.node",
        "Node._make_inc_temp",
        "files of worker nodes that start side by side",
        takes=("suffix", "prefix", "directory_name"),
    ),
    Internal(
        "embedded",
        (EMBEDDED,),
        "ray._private.node",
        "Node.__init__",
        "worker nodes on loopback",
        takes=("head", "shutdown_at_exit", "spawn_reaper"),
    ),
    Internal(
        "embedded",
        (EMBEDDED,),
        "ray._private.parameter",
        "RayParams.__init__",
        "worker nodes on loopback",
        takes=(
            *("node_ip_address", "gcs_address", "redis_address", "num_cpus", "num_gpus", "memory", "resources"),
            *("object_store_memory", "plasma_directory", "labels", "min_worker_port", "max_worker_port"),
            *("dashboard_port", "dashboard_agent_listen_port", "include_log_monitor", "env_vars"),
        ),
    ),
    Internal("embedded", (EMBEDDED,), _CONSTANTS, "PROCESS_TYPE_RAYLET", "worker nodes that have died"),
    Internal("embedded", (EMBEDDED,), _CONSTANTS, "LABELS_ENVIRONMENT_VARIABLE", "what a worker node is told"),
    Internal("embedded", (EMBEDDED,), _CONSTANTS, "RESOURCES_ENVIRONMENT_VARIABLE", "what a worker node is told"),
    Internal("embedded", (EMBEDDED,), "ray.autoscaler.tags", "NODE_KIND_WORKER", "the autoscaler's books"),
    Internal("embedded", (EMBEDDED,), "ray.autoscaler.tags", "STATUS_UP_TO_DATE", "the autoscaler's books"),
    Internal("embedded", (EMBEDDED,), "ray.autoscaler.tags", "TAG_RAY_NODE_KIND", "the autoscaler's books"),
    Internal("embedded", (EMBEDDED,), "ray.autoscaler.tags", "TAG_RAY_NODE_NAME", "the autoscaler's books"),
    Internal("embedded", (EMBEDDED,), "ray.autoscaler.tags", "TAG_RAY_NODE_STATUS", "the autoscaler's books"),
    Internal("embedded", (EMBEDDED,), "ray.autoscaler.tags", "TAG_RAY_USER_NODE_TYPE", "the autoscaler's books"),
    Internal(
        "embedded",
        (EMBEDDED,),
        _PROVIDER,
        "FakeMultiNodeProvider._create_node_with_resources_and_labels",
        "worker nodes on this machine",
        takes=("node_config", "tags", "count", "resources", "labels"),
    ),
    Internal("embedded", (EMBEDDED,), _PROVIDER, "FakeMultiNodeProvider._next_hex_node_id", "a worker node's id"),
    Internal("embedded", (EMBEDDED,), _PROVIDER, "FakeMultiNodeProvider._terminate_node", "worker nodes that start"),
    Internal(
        "embedded",
        (EMBEDDED,),
        "ray.autoscaler.node_launch_exception",
        "NodeLaunchException.__init__",
        "worker nodes that could not be started",
    ),
    # Ray's job client is a quarter of a second to import, and only jobs need it.
    Internal("jobs", (JOBS,), "ray.dashboard.modules.dashboard_sdk", "SubmissionClient._do_request", "time limits"),
    Internal("jobs", (JOBS,), "ray.dashboard.modules.dashboard_sdk", "SubmissionClient._package_exists", "the source"),
    Internal(
        "jobs",
        (JOBS,),
        "ray.dashboard.modules.dashboard_sdk",
        "SubmissionClient.__init__",
        "the token",
        takes=("address", "headers"),
    ),
    Internal("jobs", (), "ray.exceptions", "AuthenticationError", "a token that is refused, from Ray 2.52 on"),
    Internal("jobs", (JOB_SIZES,), _PACKAGING, "_dir_travel", "the working directory's size"),
    Internal("jobs", (JOB_SIZES,), _PACKAGING, "_get_excludes", "the working directory's size"),
    Internal("jobs", (JOB_SIZES,), _PACKAGING, "GCS_STORAGE_MAX_SIZE", "the limit of that size"),
    Internal("jobs", (), _PACKAGING, "get_excludes_from_ignore_files", "reads .rayignore, from Ray 2.53 on"),
    Internal("jobs", (), _CONSTANTS, "get_runtime_env_default_excludes", "what Ray leaves out, from Ray 2.54 on"),
)


def missing(part: Part) -> dict[str, str]:
    """Return feature → one sentence on why it is off; empty if every name of ``part`` is there."""
    if part != "daft" and not is_installed("ray"):
        features = [feature for each in INTERNALS if each.part == part for feature in each.features]
        return {feature: f"{feature}: off, because Ray is not installed." for feature in features}
    found: dict[str, str] = {}
    for internal, lacks in _absent(part):
        package = internal.module.partition(".")[0]
        release = f"{package.capitalize()} {_version(package)}"
        for feature in internal.features:
            text = (
                f"{feature}: off, because {lacks} ({internal.why}) is not in {release} as installed."
                if not internal.lack
                else f"{feature}: off, because {internal.lack}; {release} is installed."
            )
            found.setdefault(feature, text)
    return found


def is_installed(package: str) -> bool:
    """Return True if a package can be imported; asking imports nothing."""
    try:
        return find_spec(package) is not None
    except ImportError:
        return False
    except ValueError:  # what was put into sys.modules by hand has no specification
        return True


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of an unknown release"


def _absent(part: Part) -> Iterator[tuple[Internal, str]]:
    """Yield each row of ``part`` whose name is missing and needed, and what is missing, in words."""
    for internal in INTERNALS:
        if internal.part != part or not internal.features:
            continue
        if internal.given is not None and lookup(*internal.given) is None:
            continue
        value = next((found for place in internal.places if (found := lookup(*place)) is not None), None)
        lacks = internal.name if value is None else _lacking(internal, value[0])
        if lacks:
            yield internal, lacks


def lookup(module: str, path: str) -> tuple[Any] | None:
    """Return what has this name, in a tuple of one, because it may be None; None where there is no such name."""
    try:
        names = path.split(".") if path else []
        return (reduce(getattr, names, import_module(module)),)
    except Exception:  # a module of another release may fail in any way as it is imported
        return None


def _lacking(internal: Internal, value: Any) -> str:
    """Return which argument or field of this name is missing, in words; empty where none is."""
    for field in internal.fields:
        if field not in value.DESCRIPTOR.fields_by_name:
            return f"the field {field} of {internal.name}"
    if internal.uses:
        more = [name for name in value.__code__.co_names if name not in internal.uses]
        if more:
            return f"{internal.name} as it was, without {more[0]},"
    for argument in internal.takes:
        if not _takes(value, argument):
            return f"the argument {argument} of {internal.name}"
    return ""


def _takes(function: Any, argument: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # compiled code may keep its signature to itself
        return True
    return argument in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())
