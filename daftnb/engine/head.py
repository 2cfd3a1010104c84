"""A Ray head with a job server on this machine, on loopback, with a token: to try connections and jobs with.

Not the embedded cluster (:mod:`daftnb.engine.cluster`): no autoscaler, and connected to as anybody's would be.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from daftnb.engine.cluster import LOOPBACK, free_ports, own_folder
from daftnb.errors import ClusterError

START_SECONDS = 90.0
STORE_BYTES = 200_000_000


@dataclass
class JobServer:
    """Where it listens, and its token's file. It ends with this process, or with :meth:`end`."""

    address: str  # of the job server and dashboard, http://
    gcs_address: str  # host:port, for connecting
    client_address: str  # ray://host:port
    folder: Path
    token_path: Path
    supervisor: subprocess.Popen[bytes]

    def answers(self) -> bool:
        """Whether it takes jobs: its own agent must have registered too, or a submission waits for it."""
        if self.supervisor.poll() is not None:
            log = self.folder / "head.log"
            said = log.read_text(errors="replace")[-500:] if log.exists() else "it wrote no log"
            raise ClusterError(f"The Ray head at {self.gcs_address} ended while it started: {said}", "Try again.")
        request = urllib.request.Request(
            f"{self.address}/api/jobs/", headers={"Authorization": f"Bearer {self.token_path.read_text()}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError):
            return False  # not yet

    def end(self) -> None:
        """End every process of it, by pid, and remove its folder; twice is harmless."""
        assert self.supervisor.stdin is not None
        if self.supervisor.stdin.closed:
            return
        self.supervisor.stdin.close()
        self.supervisor.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<a Ray head at {self.gcs_address}, jobs at {self.address}>"


def start_job_server(cpus: int = 2) -> JobServer:
    """Start one, under the supervisor that ends it with this process; ClusterError where it does not come up."""
    folder = own_folder()
    token_path = folder / "token"
    token_path.touch(mode=0o600)
    token_path.write_text(secrets.token_hex(32))
    gcs_port, dashboard_port, client_port, agent_port = free_ports(4)
    programs = Path(sys.executable).parent
    spec = folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "directory": str(folder),
                "owner": os.getpid(),
                "environment": {
                    "RAY_AUTH_MODE": "token",
                    "RAY_AUTH_TOKEN_PATH": str(token_path),
                    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
                    "RAY_USAGE_STATS_ENABLED": "0",
                    "RAY_enable_metrics_collection": "0",
                    # A job's entrypoint says `python`: as on a real cluster, that is the one Ray runs with.
                    "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                },
                "command": [
                    *(sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--head"),
                    *("--block", f"--num-cpus={cpus}", "--disable-usage-stats", "--include-dashboard=true"),
                    f"--dashboard-host={LOOPBACK}",
                    f"--dashboard-port={dashboard_port}",
                    f"--dashboard-agent-listen-port={agent_port}",
                    f"--node-ip-address={LOOPBACK}",
                    f"--port={gcs_port}",
                    f"--ray-client-server-port={client_port}",
                    f"--temp-dir={folder}",
                    f"--object-store-memory={STORE_BYTES}",
                ],
            }
        )
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "daftnb.engine.supervisor", str(spec)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    server = JobServer(
        f"http://{LOOPBACK}:{dashboard_port}",
        f"{LOOPBACK}:{gcs_port}",
        f"ray://{LOOPBACK}:{client_port}",
        folder,
        token_path,
        supervisor,
    )
    deadline = time.monotonic() + START_SECONDS
    try:
        while not server.answers():
            if time.monotonic() > deadline:
                raise ClusterError(f"The Ray head at {server.gcs_address} does not answer.", "Is this machine busy?")
            time.sleep(0.05)
    except BaseException:
        server.end()
        raise
    return server
