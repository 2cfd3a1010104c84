"""Ray heads to connect to, as somebody else would have started them: child processes on loopback, with own ports."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from daftnb.engine.embedded.folders import own_folder
from daftnb.engine.embedded.launcher import LOOPBACK, free_ports, launch_head, write_token
from tests.conftest import await_that

OTHER_DAFT = """
import importlib.util, os, sys
here = [p for p in sys.path if os.path.isfile(os.path.join(p, "daft", "context.py"))][0] + "/daft"
spec = importlib.util.spec_from_file_location("daft", here + "/__init__.py", submodule_search_locations=[here])
module = sys.modules["daft"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.__version__ = "0.7.1"
"""


class Head:
    """``ray start --head`` without a cluster configuration: one node, no autoscaler. Ended with :meth:`stop`."""

    def __init__(self, token: bool = True, environment: dict[str, str] | None = None, cpus: int = 2) -> None:
        gcs_port, client_port = free_ports(2)
        self.folder = own_folder()
        self.address = f"{LOOPBACK}:{gcs_port}"
        self.client_address = f"ray://{LOOPBACK}:{client_port}"
        self.token = write_token(self.folder).read_text() if token else None
        variables = {
            **({} if token else {"RAY_AUTH_MODE": "disabled"}),
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            **(environment or {}),
        }
        options = [
            *(f"--num-cpus={cpus}", "--include-dashboard=false"),
            *(f"--object-store-memory={200 * 1024**2}", f"--memory={2 * 1024**3}"),
        ]
        self._supervisor = launch_head(self.folder, gcs_port, client_port, variables, options)
        await_that(lambda: listens(self.address), "the head's control store listens", 60)

    @property
    def environment(self) -> dict[str, str]:
        """What a kernel is given in its shell to connect."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token} if self.token else {"RAY_AUTH_MODE": "disabled"}

    def await_client_server(self) -> None:
        """The Ray Client server comes some seconds after the head; fail at once where that has ended."""

        def came() -> bool:
            assert self._supervisor.poll() is None, "the head ended as it came up"
            return listens(self.client_address)

        await_that(came, "the Ray Client server listens", 90)

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
