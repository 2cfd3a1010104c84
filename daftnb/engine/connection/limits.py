"""Finds how many nodes an autoscaler may start, where the control store does not say: Ray's second never says it there.

Everything here runs on the cluster, sent by value: in a process on the head's machine, as only there the sources are.

- The configuration file that the head's autoscaler was started with, as its process (``monitor.py``) has it in its
  arguments; where that process cannot be seen, the file that ``ray up`` puts into the head's home.
- On Kubernetes the RayCluster resource, by the Kubernetes API and with the pod's own service account. KubeRay gives it
  the right to read that resource where the cluster may grow; the autoscaler, beside the head, has no file there.

The names of resources are Ray's. A source that cannot be read gives no limits, and ``why`` says the reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

BOOTSTRAP_FILE = "~/ray_bootstrap_config.yaml"  # ray/autoscaler/_private/commands.py
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
LARGEST = 2**22  # bytes of a configuration or of a resource
MEBI = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
MANY = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


class Group(NamedTuple):
    """A kind of node: how many of it there are at least and at most, and what each has."""

    least: int
    most: int
    resources: dict[str, float]


class Limits(NamedTuple):
    """What an autoscaler may start: its kinds of nodes, and how many of all kinds together (None: no limit more)."""

    groups: list[Group]
    nodes: int | None = None


class UnknownError(Exception):
    """The limits cannot be found here; the text says why."""


def find(gcs_address: str, seconds: float) -> Limits:
    """Return the limits of this head's cluster. ``seconds``: how long the Kubernetes API may take.

    Raises UnknownError where no source has them.
    """
    monitor = monitor_arguments(gcs_address)
    if monitor is None and "RAY_CLUSTER_NAME" in os.environ and os.path.exists(SERVICE_ACCOUNT):
        return of_kubernetes(kubernetes_host(), SERVICE_ACCOUNT, os.environ["RAY_CLUSTER_NAME"], None, seconds)
    if monitor is None:
        return of_file(os.path.expanduser(BOOTSTRAP_FILE))
    path = next((each.partition("=")[2] for each in monitor if each.startswith("--autoscaling-config=")), "")
    if not path:
        raise UnknownError("the head was started without a cluster configuration")
    return of_file(path)


def monitor_arguments(gcs_address: str) -> list[str] | None:
    """Return the arguments of the process of this machine that is the head's autoscaler; None where none is seen."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or []
        is_monitor = any(each.replace("\\", "/").endswith("/monitor.py") for each in arguments[:4])
        if is_monitor and f"--gcs-address={gcs_address}" in arguments:
            return list(arguments)
    return None


def of_file(path: str) -> Limits:
    """Return the limits in a cluster configuration of Ray's. Raises UnknownError."""
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownError(f"{path} cannot be read: {error}") from error
    try:
        return of_configuration(yaml.safe_load(text))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnknownError(f"{path} is not understood: {type(error).__name__}: {error}") from error


def of_configuration(configuration: Mapping[str, Any]) -> Limits:
    """Return the limits in a parsed cluster configuration (ray/autoscaler/ray-schema.json).

    Raises KeyError, TypeError or ValueError where it is none, or does not say what a node has.
    """
    nodes = configuration.get("max_workers")
    groups = []
    for name, kind in configuration["available_node_types"].items():
        is_head = name == configuration.get("head_node_type")
        default = 0 if is_head or nodes is None else nodes
        most = int(kind.get("max_workers", default))
        resources = {key: float(amount) for key, amount in (kind.get("resources") or {}).items()}
        if most and "CPU" not in resources:
            raise ValueError(f"it does not say how many CPUs {name} has")
        groups.append(Group(int(kind.get("min_workers", 0)), most, resources))
    return Limits(groups, None if nodes is None else int(nodes))


def kubernetes_host() -> str:
    """Return the address of the Kubernetes API as a pod is told it."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default")
    return f"https://{f'[{host}]' if ':' in host else host}:{os.environ.get('KUBERNETES_SERVICE_PORT_HTTPS', '443')}"


def of_kubernetes(host: str, folder: str, name: str, namespace: str | None, seconds: float) -> Limits:
    """Return the limits in the RayCluster resource ``name``, by the Kubernetes API. Raises UnknownError.

    ``host``: the API's URL; ``folder``: has the service account's ``token``, ``ca.crt`` and ``namespace``.
    """
    if seconds <= 0:
        raise UnknownError("the Kubernetes API was not asked")
    version = os.environ.get("KUBERAY_CRD_VER", "v1")
    try:
        namespace = namespace or os.environ.get("RAY_CLUSTER_NAMESPACE") or _read(folder, "namespace")
        path = f"/apis/ray.io/{version}/namespaces/{namespace}/rayclusters/{name}"
        resource = json.loads(_get(host, path, folder, seconds))
        return of_resource(resource)
    except UnknownError:
        raise
    except Exception as error:  # of the network, of the encryption, of a resource of another version
        raise UnknownError(f"the RayCluster {name} cannot be read: {type(error).__name__}: {error}"[:300]) from error


def _read(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read(LARGEST).strip()


def _get(host: str, path: str, folder: str, seconds: float) -> bytes:
    """Return what the Kubernetes API answers within ``seconds``. Raises UnknownError if that is not the resource."""
    import http.client
    import ssl
    import time
    from urllib.parse import urlsplit

    deadline = time.monotonic() + seconds
    url = urlsplit(host)
    token = _read(folder, "token")
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=os.path.join(folder, "ca.crt"))
        connection = http.client.HTTPSConnection(url.netloc, timeout=seconds / 2, context=context)
    else:
        connection = http.client.HTTPConnection(url.netloc, timeout=seconds / 2)
    with closing(connection):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise UnknownError(f"the Kubernetes API answered {response.status} for {path}")
        parts: list[bytes] = []
        while part := response.read1(2**16):
            parts.append(part)
            if time.monotonic() > deadline or sum(map(len, parts)) > LARGEST:
                raise UnknownError(f"the Kubernetes API did not answer within {seconds:g} s")
        return b"".join(parts)


def of_resource(resource: Mapping[str, Any]) -> Limits:
    """Return the limits in a RayCluster resource. Raises KeyError, TypeError or ValueError where it is none.

    Without KubeRay's autoscaler (``enableInTreeAutoscaling``) each group has as many nodes as it has, and no more.
    """
    spec = resource["spec"]
    grows = bool(spec.get("enableInTreeAutoscaling"))
    groups = []
    for group in spec.get("workerGroupSpecs") or ():
        hosts = int(group.get("numOfHosts") or 1)
        now = int(group.get("replicas") or 0)
        least, most = (int(group["minReplicas"]), int(group["maxReplicas"])) if grows else (now, now)
        groups.append(Group(least * hosts, most * hosts, _resources(group)))
    return Limits(groups)


def _resources(group: Mapping[str, Any]) -> dict[str, float]:
    """Return what a pod of a group has, by the places that KubeRay's autoscaler looks at, in their order.

    Source: ``ray/autoscaler/_private/kuberay/autoscaling_config.py``. Raises ValueError where its CPUs are not said.
    """
    container = group["template"]["spec"]["containers"][0].get("resources") or {}
    of_pod = {**(container.get("requests") or {}), **(container.get("limits") or {})}
    started = group.get("rayStartParams") or {}
    own = group.get("resources") or {}
    gpus = next((amount for name, amount in of_pod.items() if name.endswith("gpu") and quantity(amount)), None)
    places = {
        "CPU": (own.get("CPU"), started.get("num-cpus"), of_pod.get("cpu")),
        "GPU": (own.get("GPU"), started.get("num-gpus"), gpus),
        "memory": (own.get("memory"), started.get("memory"), of_pod.get("memory")),
    }
    found = {name: value for name, value in own.items() if name not in places}
    custom = started.get("resources")
    if custom:  # JSON in quotes of its own, as a shell takes it
        found |= json.loads(custom.strip("'\"").replace('\\"', '"'))
    for name, values in places.items():
        value = next((value for value in values if value is not None), None)
        if value is not None:
            found[name] = value
    if "CPU" not in found:
        raise ValueError(f"it does not say how many CPUs {group.get('groupName')} has")
    return {name: quantity(value) for name, value in found.items()}


def quantity(value: object) -> float:
    """Return a Kubernetes quantity, such as ``500m`` or ``4Gi``, rounded up to a whole number as Ray does.

    Raises ValueError where it is none.

    >>> quantity("500m"), quantity("4Gi"), quantity(2)
    (1.0, 4294967296.0, 2.0)
    """
    import math

    text = str(value).strip()
    for suffix, factor in (*MEBI.items(), *((each, by) for each, by in MANY.items() if each)):
        if text.endswith(suffix):
            return float(math.ceil(round(float(text.removesuffix(suffix)) * factor, 6)))
    return float(math.ceil(float(text)))
