"""A real Jupyter kernel that runs a benchmark's code, and a cluster for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_client.manager import start_new_kernel

from daftnb.engine.connection.link import DRIVER_ENVIRONMENT
from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster

# Daft on this Ray. On a machine that is busy, nodes come long after the head answers; Ray waits a minute for one.
CONNECT = """
import json, os, time
os.environ.update({environment})
import ray
until = time.monotonic() + 180
while not ray.is_initialized():
    try:
        ray.init({address!r}, logging_level="warning", runtime_env={{"env_vars": {variables}}})
    except ConnectionError:
        if time.monotonic() > until:
            raise
        time.sleep(1)
import daft, psutil
from daft import col
daft.set_runner_ray()
"""


class Kernel:
    """Runs source text; what it printed after RESULT, as JSON, is the answer."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)

    def run(self, source: str, seconds: float = 300) -> Any:
        printed: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(source, output_hook=hook, timeout=seconds)
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        for line in "".join(printed).splitlines():
            if line.startswith("RESULT "):
                return json.loads(line.removeprefix("RESULT "))
        return None

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


@contextmanager
def one_worker() -> Iterator[tuple[str, dict[str, str]]]:
    """A cluster of one worker with two slots: its address, and the environment of those who connect."""
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=1, cpus=2, idle_timeout=600))
    cluster.start(print)
    try:
        yield cluster.address, {**cluster.connection_environment(), **DRIVER_ENVIRONMENT, "DO_NOT_TRACK": "true"}
    finally:
        cluster.stop()
