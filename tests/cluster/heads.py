"""Ray heads to connect to, as somebody else would have started them: child processes on loopback, with own ports."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from daftnb.engine.cluster import LOOPBACK, free_ports, own_folder
from tests.conftest import await_that


class Head:
    """``ray start --head`` without a cluster configuration: one node, no autoscaler. Ended with :meth:`stop`."""

    def __init__(self, token: bool = True, environment: dict[str, str] | None = None, cpus: int = 2) -> None:
        gcs_port, client_port = free_ports(2)
        self.folder = own_folder()
        self.address = f"{LOOPBACK}:{gcs_port}"
        self.client_address = f"ray://{LOOPBACK}:{client_port}"
        self.token = secrets.token_hex(32) if token else None
        variables = {
            "RAY_AUTH_MODE": "token" if token else "disabled",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_enable_metrics_collection": "0",
            "GRPC_ENABLE_FORK_SUPPORT": "0",  # as in daftnb.engine.cluster; see daftnb.engine.client
            **(environment or {}),
        }
        if self.token:
            variables["RAY_AUTH_TOKEN"] = self.token
        spec = self.folder / "spec.json"
        spec.touch(mode=0o600)
        spec.write_text(
            json.dumps(
                {
                    "directory": str(self.folder),
                    "owner": os.getpid(),
                    "environment": variables,
                    "command": [
                        *(sys.executable, "-c", "from ray.scripts.scripts import main; main()"),
                        *("start", "--head", "--block", f"--num-cpus={cpus}", "--include-dashboard=false"),
                        *("--disable-usage-stats", f"--node-ip-address={LOOPBACK}", f"--port={gcs_port}"),
                        *(f"--ray-client-server-port={client_port}", f"--temp-dir={self.folder}"),
                        *("--min-worker-port=0", "--max-worker-port=0"),  # as in daftnb.engine.cluster
                        *(f"--object-store-memory={200 * 1024**2}", f"--memory={2 * 1024**3}"),
                    ],
                }
            )
        )
        self._supervisor = subprocess.Popen(
            [sys.executable, "-m", "daftnb.engine.supervisor", str(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        await_that(lambda: listens(self.address), "the head's control store listens", 60)

    @property
    def environment(self) -> dict[str, str]:
        """What a kernel is given in its shell to connect."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token} if self.token else {"RAY_AUTH_MODE": "disabled"}

    def await_client_server(self) -> None:
        """The Ray Client server comes some seconds after the head."""
        await_that(lambda: listens(self.client_address), "the Ray Client server listens", 90)

    def stop(self) -> None:
        """End it and all its processes."""
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.close()
        self._supervisor.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def listens(address: str) -> bool:
    """Whether a connection is taken at ``host:port``, with or without ``ray://`` before it."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, int(port))) == 0


def shadow_daft(folder: Path, source: str) -> dict[str, str]:
    """The environment of a cluster where ``import daft`` finds this source instead of what is installed."""
    package = folder / "daft"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
