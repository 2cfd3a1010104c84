"""Starts a Ray head with a job server on loopback, with a token, for trying connections and jobs.

Not the embedded cluster (:mod:`daftnb.engine.embedded.cluster`): no autoscaler, and connected to as anybody's would be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daftnb.engine.embedded.folders import own_folder, temporary_folders
from daftnb.engine.embedded.launcher import LOOPBACK, free_ports, launch_head, write_token
from daftnb.engine.embedded.supervisor import remove_leftovers
from daftnb.errors import ClusterError

START_SECONDS = 90.0
STORE_BYTES = 200_000_000


@dataclass
class RayHead:
    """Where it listens, and its token's file. It ends with this process, or with :meth:`end`."""

    address: str  # of the job server and dashboard, http://
    gcs_address: str  # host:port, for connecting
    client_address: str  # ray://host:port
    folder: Path
    token_path: Path
    supervisor: subprocess.Popen[bytes]

    def answers(self) -> bool:
        """Return True if the head takes jobs: its own agent must have registered too, or a submission waits for it.

        ClusterError if the head has ended.
        """
        if self.supervisor.poll() is not None or (self.folder / "ended").exists():
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
        """End every process of the head, by pid, and remove its folder; a second call does nothing."""
        assert self.supervisor.stdin is not None
        if self.supervisor.stdin.closed:
            return
        self.supervisor.stdin.close()
        self.supervisor.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<a Ray head at {self.gcs_address}, jobs at {self.address}>"


def start_head(cpus: int = 2, environment: Mapping[str, str] | None = None) -> RayHead:
    """Start a Ray head, under the supervisor that ends it with this process; ClusterError where it does not come up.

    ``environment`` is added to what every head has.
    """
    remove_leftovers(temporary_folders())
    folder = own_folder()
    token_path = write_token(folder)
    gcs_port, dashboard_port, client_port, agent_port = free_ports(4)
    # A job's entrypoint says `python`: as on a real cluster, that is the one Ray runs with.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = [
        *(f"--num-cpus={cpus}", "--include-dashboard=true", f"--dashboard-host={LOOPBACK}"),
        f"--dashboard-port={dashboard_port}",
        f"--dashboard-agent-listen-port={agent_port}",
        f"--object-store-memory={STORE_BYTES}",
    ]
    supervisor = launch_head(folder, gcs_port, client_port, {"PATH": path, **(environment or {})}, options)
    head = RayHead(
        f"http://{LOOPBACK}:{dashboard_port}",
        f"{LOOPBACK}:{gcs_port}",
        f"ray://{LOOPBACK}:{client_port}",
        folder,
        token_path,
        supervisor,
    )
    deadline = time.monotonic() + START_SECONDS
    try:
        while not head.answers():
            if time.monotonic() > deadline:
                raise ClusterError(f"The Ray head at {head.gcs_address} does not answer.", "Is this machine busy?")
            time.sleep(0.05)
    except BaseException:
        head.end()
        raise
    return head
