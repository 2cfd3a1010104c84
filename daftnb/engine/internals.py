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

Part = Literal["daft", "ray", "jobs"]


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
    # A part of its own: Ray's job client is a quarter of a second to import, and only jobs need it.
    Internal("jobs", "jobs", "ray.dashboard.modules.dashboard_sdk", "SubmissionClient._do_request", "time limits"),
    Internal("jobs", "jobs", "ray.dashboard.modules.dashboard_sdk", "SubmissionClient._package_exists", "the source"),
    Internal("jobs", "jobs", "ray._private.runtime_env.packaging", "_dir_travel", "the working directory's size"),
    Internal("jobs", "jobs", "ray._private.runtime_env.packaging", "_get_excludes", "the working directory's size"),
    Internal("jobs", "jobs", "ray._private.runtime_env.packaging", "GCS_STORAGE_MAX_SIZE", "the limit of that size"),
    Internal("jobs", "jobs", "ray._private.ray_constants", "get_runtime_env_default_excludes", "what Ray leaves out"),
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
