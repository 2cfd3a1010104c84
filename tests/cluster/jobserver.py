"""A real Ray job server on loopback for the tests of jobs: a head with two CPUs, its dashboard, and a token."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from daftnb.engine.cluster import LOOPBACK, free_ports, own_folder
from tests.conftest import await_that


@dataclass
class JobServer:
    """Where it listens, and its token; ``end`` ends every process of it, by pid, and removes its folder."""

    address: str
    gcs_address: str
    folder: Path
    token_path: Path
    supervisor: subprocess.Popen[bytes]

    def answers(self) -> bool:
        """Whether it takes jobs: its own agent must have registered too, or a submission waits for it."""
        assert self.supervisor.poll() is None, (self.folder / "head.log").read_text(errors="replace")
        request = urllib.request.Request(
            f"{self.address}/api/jobs/", headers={"Authorization": f"Bearer {self.token_path.read_text()}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, TimeoutError):
            return False

    def end(self) -> None:
        assert self.supervisor.stdin is not None
        if self.supervisor.stdin.closed:
            return
        self.supervisor.stdin.close()
        self.supervisor.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_job_server() -> JobServer:
    """Start it under the library's own supervisor, so that it ends with the tests, however they end."""
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
                    *("--block", "--num-cpus=2", "--disable-usage-stats", "--include-dashboard=true"),
                    f"--dashboard-host={LOOPBACK}",
                    f"--dashboard-port={dashboard_port}",
                    f"--dashboard-agent-listen-port={agent_port}",
                    f"--node-ip-address={LOOPBACK}",
                    f"--port={gcs_port}",
                    f"--ray-client-server-port={client_port}",
                    f"--temp-dir={folder}",
                    "--object-store-memory=200000000",
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
    server = JobServer(f"http://{LOOPBACK}:{dashboard_port}", f"{LOOPBACK}:{gcs_port}", folder, token_path, supervisor)
    try:
        await_that(server.answers, f"a job server at {server.address}", 90)
    except BaseException:
        server.end()
        raise
    return server
