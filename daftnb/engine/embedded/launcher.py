"""Starts a Ray head on loopback, with a token of its own, under the supervisor that ends it with this process.

The one place that does: the embedded cluster adds its autoscaler, a head to try connections with its job server.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from daftnb.engine.embedded.folders import rays_folder, write_private
from daftnb.engine.embedded.supervisor import RAY_SCRIPT

LOOPBACK = "127.0.0.1"

ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    # With clusters "enabled" Ray turns 127.0.0.1 into the machine's own address and listens everywhere.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    # Ray's proxy for its clients forks, and gRPC's handlers of forks crash or hang there.
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}
# How the cluster of a KubeRay pod guards its connections: with Kubernetes' own accounts, with certificates, or with a
# token that a variable has. Ours has a token file, on loopback. Ray takes an empty token for none.
NOT_THE_PODS_GUARD = {"RAY_AUTH_TOKEN": "", "RAY_ENABLE_K8S_TOKEN_AUTH": "0", "RAY_USE_TLS": "0"}
# Where the cluster of a KubeRay pod keeps its state (GCS fault tolerance): a head of ours would read and overwrite it.
NOT_THE_PODS_STORE: dict[str, None] = dict.fromkeys(
    ("RAY_REDIS_ADDRESS", "RAY_external_storage_namespace", "RAY_gcs_storage", "RAY_gcs_storage_path")
)
OPTIONS = (
    "--disable-usage-stats",
    f"--node-ip-address={LOOPBACK}",
    # Ports that the system finds free. Of a range, as Ray has by default, two heads on a machine give the same one
    # away, and Ray ends the process that cannot listen on it: the kernel.
    *("--min-worker-port=0", "--max-worker-port=0"),
)


def free_ports(count: int) -> list[int]:
    """Return ports that are free on loopback now; they are held together while they are chosen, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def write_token(folder: Path) -> Path:
    """Write a new token into a cluster's folder; return the file, which nobody else may read."""
    path = folder / "token"
    write_private(path, secrets.token_hex(32))
    return path


def launch_head(
    folder: Path, gcs_port: int, client_port: int, environment: Mapping[str, str | None], options: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start ``ray start --head`` on these ports; return its supervisor, whose end is the head's.

    ``folder``: a private one (:func:`daftnb.engine.embedded.folders.own_folder`), with the token's file in it; the
    supervisor removes it. ``environment`` (None unsets a variable) and ``options`` are added to what every head has.
    """
    spec = {
        "directory": str(folder),
        "owner": os.getpid(),
        "environment": {
            **ENVIRONMENT,
            **NOT_THE_PODS_GUARD,
            **NOT_THE_PODS_STORE,
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            **environment,
        },
        "command": [
            *(sys.executable, "-c", RAY_SCRIPT, "start", "--head", "--block", *OPTIONS),
            f"--port={gcs_port}",
            f"--ray-client-server-port={client_port}",
            f"--temp-dir={rays_folder(folder)}",
            *options,
        ],
    }
    path = folder / "spec.json"
    write_private(path, json.dumps(spec))
    # A session of its own: an interrupt sent to the kernel's process group must not reach the cluster.
    return subprocess.Popen(
        [sys.executable, "-m", "daftnb.engine.embedded.supervisor", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
