"""Writes a RayCluster manifest for KubeRay: a cluster that Daft can grow and shrink, with these settings.

The fields are those of KubeRay's ``ray.io/v1`` (``ray-operator/config/crd/bases/ray.io_rayclusters.yaml``);
``authOptions`` came with KubeRay 1.5.1, ``autoscalerOptions.version`` with 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daftnb.engine import releases
from daftnb.errors import NO_RAY, DaftnbError

HEAD_CPUS = 1
HEAD_MEMORY = "4Gi"  # the control store, the dashboard, Ray Client's servers and Daft's scheduler
IDLE_SECONDS = 60  # until the autoscaler takes a worker without work away
LONGEST_NAME = 40  # of the pods' names, which KubeRay makes from it, Kubernetes takes 63 characters
SECOND_AUTOSCALER = "RAY_enable_autoscaler_v2"  # ray_config_def.h

Autoscaler = Literal["v1", "v2"]
AUTOSCALERS: tuple[Autoscaler, ...] = ("v1", "v2")


@dataclass(frozen=True)
class Pool:
    """The workers: fewest and most, CPUs and memory (as Kubernetes writes it) of each, and the image of all pods.

    ``image`` None: Ray's own for this Ray and Python. It has no Daft, which then comes with the connection.
    ``autoscaler`` is which of Ray's two decides: the second is what Ray runs under KubeRay since 2.47 unless it is told
    otherwise, and it drains a worker before it takes it away.
    """

    name: str = "daft"
    min_workers: int = 1
    max_workers: int = 4
    cpus: int = 2
    memory: str = "8Gi"
    image: str | None = None
    autoscaler: Autoscaler = "v2"

    def check(self) -> None:
        """Raise DaftnbError where Kubernetes or Ray would not take this pool."""
        if len(self.name) > LONGEST_NAME or not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", self.name):
            raise DaftnbError(
                f"A RayCluster cannot be called {self.name!r}: it may have lower-case letters, digits and -, "
                f"and at most {LONGEST_NAME} characters.",
                "Try --name daft",
            )
        if not 0 <= self.min_workers <= self.max_workers or self.max_workers < 1:
            raise DaftnbError(
                f"--min {self.min_workers} --max {self.max_workers}: it must be 0 ≤ min ≤ max, and max at least 1.",
                "Try --min 1 --max 4",
            )
        if self.cpus < 1:
            raise DaftnbError(f"--cpus {self.cpus}: a worker has at least 1 CPU.", "Try --cpus 2")
        if not re.fullmatch(r"[1-9][0-9]*(Mi|Gi|Ti)", self.memory):
            raise DaftnbError(
                f"--memory {self.memory!r} is not an amount of memory that Kubernetes understands.", "Try --memory 8Gi"
            )
        if self.autoscaler not in AUTOSCALERS:
            raise DaftnbError(f"--autoscaler must be v1 or v2 (got {self.autoscaler}).", "Try --autoscaler v2")


def manifest(pool: Pool, settings: Mapping[str, str]) -> str:
    """Return the RayCluster as YAML, to be given to ``kubectl apply -f``; ``settings`` are set in every container.

    Autoscaling is on, with a token that KubeRay makes; the head runs no tasks. The autoscaler's version is named: the
    second by KubeRay's own field, the first by Ray's variable in the head, as KubeRay before 1.7 does not tell Ray of
    ``version: v1``, and refuses the field and the variable together (``utils/validation.go``). A worker's pod that
    has been taken away is never restarted, which both need. DaftnbError if ``pool`` cannot be.
    """
    import platform

    import yaml

    pool.check()
    ray, python = _release(), "".join(platform.python_version_tuple()[:2])
    image = pool.image or f"rayproject/ray:{ray}-py{python}"
    environment = [{"name": name, "value": text} for name, text in settings.items()]

    def pod(role: str, cpus: int, memory: str, ports: dict[str, int]) -> dict[str, Any]:
        amount = {"cpu": str(cpus), "memory": memory}
        container: dict[str, Any] = {"name": f"ray-{role}", "image": image, "env": environment}
        if ports:
            container["ports"] = [{"name": name, "containerPort": port} for name, port in ports.items()]
        return {"spec": {"containers": [{**container, "resources": {"limits": amount, "requests": amount}}]}}

    head = pod("head", HEAD_CPUS, HEAD_MEMORY, {"gcs": 6379, "dashboard": 8265, "client": 10001})
    worker = pod("worker", pool.cpus, pool.memory, {})
    worker["spec"]["restartPolicy"] = "Never"
    autoscaler = {"version": "v2"} if pool.autoscaler == "v2" else {}
    if pool.autoscaler == "v1":
        head["spec"]["containers"][0]["env"] = [*environment, {"name": SECOND_AUTOSCALER, "value": "0"}]
    cluster = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": pool.name},
        "spec": {
            "rayVersion": ray,
            "enableInTreeAutoscaling": True,
            "autoscalerOptions": {**autoscaler, "upscalingMode": "Default", "idleTimeoutSeconds": IDLE_SECONDS},
            "authOptions": {"mode": "token"},
            "headGroupSpec": {
                "rayStartParams": {"num-cpus": "0"},
                "template": head,
            },
            "workerGroupSpecs": [
                {
                    "groupName": "workers",
                    "replicas": pool.min_workers,
                    "minReplicas": pool.min_workers,
                    "maxReplicas": pool.max_workers,
                    "rayStartParams": {},
                    "template": worker,
                }
            ],
        },
    }
    text: str = yaml.dump(cluster, Dumper=_plain(yaml), sort_keys=False, default_flow_style=False, width=200)
    return "\n".join([*_heading(pool), text.rstrip()])


def _release() -> str:
    """Return the release of Ray here, which the cluster's has to be; DaftnbError where it is none for a cluster."""
    ray = releases.installed("ray")
    if ray is None:
        raise DaftnbError(*NO_RAY)
    if releases.is_older(ray, releases.TOKENS_SINCE):
        raise DaftnbError(
            f"Ray {ray} has no token to guard a cluster with.", 'Try: pip install -U "ray[default]", here and there'
        )
    return ray


def _plain(yaml: Any) -> Any:
    """Return a dumper without anchors: each container's env stands there in full, as people edit it."""

    class Plain(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML ships no types
        def ignore_aliases(self, _data: object) -> bool:
            return True

    return Plain


def _heading(pool: Pool) -> list[str]:
    from importlib.metadata import version

    service = f"{pool.name}-head-svc"
    connect = f"%daft connect ray://{service}:10001"
    lines = [
        "# kubectl apply -f FILE (KubeRay 1.5.1 or newer); then, in a notebook of the same namespace, with the token",
        f"# of kubectl get secret {pool.name} -o jsonpath='{{.data.auth_token}}' | base64 -d",
        "# in RAY_AUTH_TOKEN, and RAY_AUTH_MODE=token:",
    ]
    if pool.image is not None:
        return [*lines, f"#   {connect}"]
    return [
        *lines,
        f'#   daftnb.connect("ray://{service}:10001", runtime_env={{"pip": ["daft=={version("daft")}"]}})',
        f"# as Ray's image has no Daft; with one that has (--image), {connect} does.",
    ]
