"""Asks the connected cluster which Daft it has and whether it can grow, and withdraws requests there.

:func:`describe` and :func:`withdraw` run there, in a task or in Daft's runner actor. They are sent by value (the
cluster need not have daftnb), so they import what they need themselves; a process of the cluster can ask the control
store also where this process cannot (over a Ray Client).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from daftnb.engine.connection.limits import Limits, UnknownError, find

Facts = dict[str, Any]
KUBERNETES_SECONDS = 2.0


def describe(_actor: Any = None, kubernetes_seconds: float = KUBERNETES_SECONDS) -> Facts:
    """Return Daft's version or why it cannot be imported, and what Ray's autoscaler reports; runs on the cluster.

    Ray's first autoscaler leaves its report under ``__autoscaling_status``; the second answers GetClusterStatus. The
    most there may be of each kind of node is in ``__autoscaler_cluster_config`` where somebody has put it; Ray itself
    does not, and then they are looked for on the head (:mod:`daftnb.engine.connection.limits`).
    """
    import ray

    facts: dict[str, Any] = {"daft": None, "daft_error": None, "config": None, "v2": None, "status": None}
    facts |= {"kinds": None, "nodes_at_most": None, "standing": [], "limits_error": None}
    try:
        import daft

        facts["daft"] = daft.__version__
    except BaseException as error:  # whatever stands there under that name
        facts["daft_error"] = f"{type(error).__name__}: {error}"[:300]
    facts["gcs_address"] = ray.get_runtime_context().gcs_address
    facts["nodes"] = [
        {
            "cpus": int(node["Resources"].get("CPU", 0)),
            "gpus": float(node["Resources"].get("GPU", 0)),
            "head": "node:__internal_head__" in node["Resources"],
        }
        for node in ray.nodes()
        if node["Alive"]
    ]
    # A release may lack a name for it: whether the cluster grows is not known then.
    with suppress(ImportError, AttributeError):
        facts |= _autoscaler_facts()
    if facts["config"] is None:
        facts |= _limits_on_the_head(facts["gcs_address"], kubernetes_seconds)
    return facts


def _limits_on_the_head(gcs_address: str, kubernetes_seconds: float) -> Facts:
    """Return the limits where this process is on the head's machine; else, or where they are not there, why not."""
    import ray

    try:
        here = ray.get_runtime_context().get_node_id()
        heads = [node for node in ray.nodes() if node["Alive"] and "node:__internal_head__" in node["Resources"]]
        head = next((node for node in heads if node["NodeID"] == here), None)
        if head is None:
            raise UnknownError("the process that was asked is not on the head")
        found: Limits = find(gcs_address, kubernetes_seconds)
    except Exception as error:  # whatever it is: limits that are not known end no connection
        return {"limits_error": str(error) if isinstance(error, UnknownError) else f"{type(error).__name__}: {error}"}
    return {
        "config": [(group.least, group.most, int(group.resources.get("CPU", 0))) for group in found.groups],
        "kinds": [group.resources for group in found.groups if group.most],
        "nodes_at_most": found.nodes,
        # The limits are of worker nodes: the head is one more.
        "standing": [dict(head["Resources"])],
    }


def _autoscaler_facts() -> Facts:
    """Return what Ray's autoscaler, the first or the second, has left in the control store; runs on the cluster."""
    import ray._raylet
    from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
    from ray.core.generated.autoscaler_pb2 import ClusterConfig, GetClusterStatusReply
    from ray.experimental.internal_kv import _internal_kv_get, internal_kv_get_gcs_client

    status = _internal_kv_get(DEBUG_AUTOSCALING_STATUS)
    facts: Facts = {"status": status.decode() if status else None}
    raylet: Any = ray._raylet
    space = raylet.GCS_AUTOSCALER_STATE_NAMESPACE
    config = _internal_kv_get(raylet.GCS_AUTOSCALER_CLUSTER_CONFIG_KEY, namespace=space)
    if config:
        message = ClusterConfig.FromString(config)
        facts["config"] = [
            (group.min_count, group.max_count, int(group.resources.get("CPU", 0)))
            for group in message.node_group_configs
        ]
        facts["kinds"] = [dict(group.resources) for group in message.node_group_configs if group.max_count]
    if _internal_kv_get(raylet.GCS_AUTOSCALER_V2_ENABLED_KEY, namespace=space) == b"1":
        reply = GetClusterStatusReply.FromString(internal_kv_get_gcs_client().get_cluster_status())
        facts["v2"] = {
            "reports": reply.autoscaling_state.autoscaler_state_version,
            "node_types": [node.ray_node_type_name for node in reply.cluster_resource_state.node_states],
            "only_reports": _only_reports(ray.get_runtime_context().gcs_address),
        }
    return facts


def _only_reports(gcs_address: str) -> bool:
    """Return True if the autoscaler on this machine has no configuration, and so can only report; runs on the head.

    In a KubeRay pod each node has its group's name as its type, also where nothing adds nodes. An autoscaler that does
    is then beside the head, in a container of its own.
    """
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if f"--gcs-address={gcs_address}" in words and any(word.endswith("/monitor.py") for word in words):
                return not any(word.startswith("--autoscaling-config=") for word in words)
    return False


def withdraw(actor: Any, bundles: int, cpus: int, ending: bool) -> bool:
    """Withdraw what this kernel's scheduler requested of Ray, if that request still stands; runs in the runner actor.

    A cluster has one standing request, which the latest asker replaces: another kernel's is left alone. ``ending``:
    the actor's queries are dropped first, so that none requests again.
    """
    import json

    import ray._raylet
    from daft.runners import flotilla
    from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply
    from ray.experimental.internal_kv import _internal_kv_get, internal_kv_get_gcs_client

    if ending:
        actor.curr_result_gens.clear()
        actor.curr_plans.clear()
    standing: list[dict[str, float]] = []
    raylet: Any = ray._raylet
    space = raylet.GCS_AUTOSCALER_STATE_NAMESPACE
    if _internal_kv_get(raylet.GCS_AUTOSCALER_V2_ENABLED_KEY, namespace=space) == b"1":
        reply = GetClusterStatusReply.FromString(internal_kv_get_gcs_client().get_cluster_status())
        for constraint in reply.cluster_resource_state.cluster_resource_constraints:
            for request in constraint.resource_requests:
                standing += [dict(request.request.resources_bundle)] * request.count
    else:
        text = _internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)
        standing = json.loads(text) if text else []
    if len(standing) != bundles or sum(bundle.get("CPU", 0) for bundle in standing) != cpus:
        return False
    flotilla.clear_autoscaling_requests()
    return True


def grows(facts: Facts) -> bool | None:
    """Return whether an autoscaler may add nodes to this cluster; None where it has not said yet.

    A head that was started without a cluster configuration runs Ray's autoscaler all the same, to report: it then
    names each node's type after the node (``node_<id>``, ``format_readonly_node_type``), or not at all. In a KubeRay
    pod it names the pod's group; whether it only reports is then seen on the head (:func:`_only_reports`).
    """
    import json

    if facts["config"] is not None:
        return any(most > least or most < 0 for least, most, _cpus in facts["config"])
    if facts["v2"] is not None:
        if not facts["v2"]["reports"] or not facts["v2"]["node_types"]:
            return None
        return not facts["v2"].get("only_reports") and any(map(_configured, facts["v2"]["node_types"]))
    report = json.loads(facts["status"] or "{}").get("autoscaler_report")
    if report is None:
        return None
    kinds = [*report["active_nodes"], *(report.get("idle_nodes") or {}), *(kind for _, kind, *_ in _pending(report))]
    return any(map(_configured, kinds)) if kinds else None


def _pending(report: dict[str, Any]) -> list[Any]:
    return [*report.get("pending_nodes", ()), *(("", kind) for kind in report.get("pending_launches", ()))]


def _configured(kind: str) -> bool:
    identity = kind.removeprefix("node_")
    own = identity != kind and len(identity) == 56 and not set(identity) - set("0123456789abcdef")
    return bool(kind) and not own


def limits(facts: Facts) -> tuple[int, int, int] | None:
    """Return fewest and most worker nodes, and CPUs of each, where the cluster tells them and all are alike."""
    groups = [group for group in facts["config"] or () if group[1] and group[2]]
    if len({cpus for _, _, cpus in groups}) != 1 or any(most < 0 for _, most, _ in groups):
        return None
    most = sum(group[1] for group in groups)
    at_most = facts.get("nodes_at_most")
    return sum(group[0] for group in groups), most if at_most is None else min(most, at_most), groups[0][2]


Kinds = tuple[tuple[tuple[dict[str, float], int], ...], int | None, tuple[dict[str, float], ...]]


def most(facts: Facts) -> Kinds | None:
    """Return what the cluster may have at most, as :class:`daftnb.engine.actor.trimming.Most` has it; None: not known.

    A kind of which there may be any number (-1) sets no limit, so nothing is known of a maximum then.
    """
    if facts["config"] is None or facts.get("kinds") is None:
        return None
    numbers = [number for _, number, _ in facts["config"] if number]
    if any(number < 0 for number in numbers):
        return None
    kinds = tuple(zip(facts["kinds"], numbers, strict=True))
    return kinds, facts.get("nodes_at_most"), tuple(facts.get("standing") or ())


def cpus(facts: Facts) -> tuple[int, int] | None:
    """Return the fewest and the most CPUs that the cluster may have, the head's too; None: not known."""
    known = most(facts)
    if known is None:
        return None
    here = sum(int(node.get("CPU", 0)) for node in known[2])
    return here + sum(least * each for least, _, each in facts["config"]), _highest(known, "CPU")


def gpus(facts: Facts) -> int | None:
    """Return the most GPUs that the cluster may have, the head's too; None: not known."""
    known = most(facts)
    return None if known is None else _highest(known, "GPU")


def _highest(known: Kinds, resource: str) -> int:
    """Return how many CPUs or GPUs a cluster may have where as many of its nodes as may be are of those with most."""
    kinds, left, standing = known
    highest = sum(int(node.get(resource, 0)) for node in standing)
    for resources, number in sorted(kinds, key=lambda kind: kind[0].get(resource, 0), reverse=True):
        opened = number if left is None else min(number, left)
        left = None if left is None else left - opened
        highest += opened * int(resources.get(resource, 0))
    return highest
