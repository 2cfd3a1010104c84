"""The embedded cluster: Ray with Ray's real autoscaler, on this machine, for this kernel alone.

Loopback only, ports found free, Ray's token authentication on with a token of its own, beside any other Ray on the
machine. The processes belong to a supervisor (:mod:`daftnb.engine.embedded.supervisor`) that ends them when this
process ends, in whatever way it ends. Nothing here imports Ray: the head is a child process.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daftnb.clock import steady
from daftnb.engine.embedded import memory
from daftnb.engine.embedded.folders import RAYS, own_folder, temporary_folders, write_private
from daftnb.engine.embedded.launcher import (
    ENVIRONMENT,
    LOOPBACK,
    NOT_THE_PODS_GUARD,
    free_ports,
    launch_head,
    write_token,
)
from daftnb.engine.embedded.supervisor import end_processes, marked_processes, remove_leftovers
from daftnb.errors import NO_RAY, ClusterError
from daftnb.telemetry.events import ClusterChanged
from daftnb.text.numbers import plural
from daftnb.text.shorten import shortened

MIB = 1024**2
HEAD_BYTES = 620 * MIB  # head and runner actor without the dashboard, measured (proportional set size)
NODE_BYTES = 350 * MIB  # one worker node with its RaySwordfishActor, measured
MIN_OBJECT_STORE_BYTES = 80 * MIB  # Ray refuses less than 75 MiB
MAX_OBJECT_STORE_BYTES = 2048 * MIB
NO_MEMORY_MONITOR = {"RAY_memory_monitor_refresh_ms": "0"}
MONITOR_DEFAULT = "250"  # ms, Ray's own (ray_config_def.h)
START_ATTEMPTS = 3
HEAD_TIMEOUT_SECONDS = 60.0
NODE_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 20.0
MOST_GPUS = 64  # per node; Ray keeps an entry for each

# The identity that Ray's provider of nodes on one machine gives the head (fake_multi_node/node_provider.py).
HEAD_NODE_ID = "f" * 51 + "00000"
HEAD_NODE_TYPE = "ray.head.default"
SECOND_AUTOSCALER = "RAY_enable_autoscaler_v2"  # ray_config_def.h

Progress = Callable[[str], None]
Autoscaler = Literal["v1", "v2"]
AUTOSCALERS: tuple[Autoscaler, ...] = ("v1", "v2")


@dataclass(frozen=True, slots=True)
class ClusterSize:
    """What the autoscaler may do: worker nodes between ``min_workers`` and ``max_workers``.

    ``cpus`` is CPU slots per worker node; they are Ray's bookkeeping and may exceed the machine's cores, as slots
    that wait cost nothing. ``idle_timeout`` (seconds) is how long Ray's autoscaler lets a node without work live.
    ``autoscaler`` is which of Ray's two decides, whatever the environment asks for. ``gpus`` is logical GPUs per worker
    node: Ray's bookkeeping too, whatever the machine has.
    """

    min_workers: int = 1
    max_workers: int = 4
    cpus: int = 1
    idle_timeout: float = 30.0
    autoscaler: Autoscaler = "v1"
    gpus: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("--min", self.min_workers, 0),
            ("--max", self.max_workers, 1),
            ("--cpus", self.cpus, 1),
            ("--idle-timeout", self.idle_timeout, 1),
        ):
            if not least <= value < math.inf:  # nan is neither
                raise ClusterError(f"{name} must be at least {least} (got {value}).", f"Try %daft start {name} {least}")
        _check_gpus(self.gpus)
        if self.autoscaler not in AUTOSCALERS:
            raise ClusterError(
                f"--autoscaler must be v1 or v2 (got {self.autoscaler}).", "Try %daft start --autoscaler v2"
            )
        if self.min_workers > self.max_workers:
            raise ClusterError(
                f"--min {self.min_workers} is more than --max {self.max_workers}.",
                f"Try %daft start --min {self.max_workers} --max {self.min_workers}",
            )


def _check_gpus(gpus: object) -> None:
    """Raise ClusterError where a worker node cannot have so many logical GPUs.

    Ray gives a node no more than the devices that CUDA_VISIBLE_DEVICES lists, and the node would end as it starts
    (ray/_private/resource_and_label_spec.py).
    """
    if not isinstance(gpus, int) or isinstance(gpus, bool) or not 0 <= gpus <= MOST_GPUS:
        raise ClusterError(
            f"--gpus must be a whole number from 0 to {MOST_GPUS} (got {shortened(str(gpus), 40)}).",
            "Try %daft start --gpus 1",
        )
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None or not gpus:
        return
    devices = 0 if visible in ("", "NoDevFiles") else len(visible.split(","))
    if gpus > devices:
        raise ClusterError(
            f"--gpus {gpus} is more than a node can have: CUDA_VISIBLE_DEVICES lists {plural(devices, 'device')}.",
            'Try del os.environ["CUDA_VISIBLE_DEVICES"], or fewer GPUs.',
        )


def autoscaler_environment(autoscaler: Autoscaler) -> dict[str, str]:
    """Return the variables that make a head run this autoscaler, whatever the environment says.

    In a KubeRay pod the environment names the pod as the node and its group as the node's type: neither is one of
    this cluster's. The second autoscaler finds a node by them (ray/autoscaler/v2/instance_manager/reconciler.py).
    """
    return {
        SECOND_AUTOSCALER: "1" if autoscaler == "v2" else "0",
        "RAY_CLOUD_INSTANCE_ID": HEAD_NODE_ID,
        "RAY_NODE_TYPE_NAME": HEAD_NODE_TYPE,
    }


@dataclass(frozen=True, slots=True)
class Shares:
    """How the machine's memory is divided: bytes per worker node, and for its object store.

    ``on_disk``: shared memory has no room for the stores, which are then files in the cluster's folder: slower, and
    what is in them is page cache, which the system can take back.
    """

    node_memory: int
    node_object_store: int
    on_disk: bool = False


def check_machine(size: ClusterSize) -> Shares:
    """Return each node's share of the memory in a cluster of this size.

    Raises ClusterError if it cannot run here: Ray not installed, too little memory or room for the objects, an
    unsupported system.
    """
    if importlib.util.find_spec("ray") is None:
        raise ClusterError(*NO_RAY)
    if sys.platform == "win32":
        raise ClusterError(
            "Ray's multi-node clusters do not run on Windows.", "Use WSL, or stay on Daft's native runner."
        )
    nodes = max(1, size.max_workers)
    available, _ = memory.available()
    needed = HEAD_BYTES + NODE_BYTES * max(1, size.min_workers)
    if available < needed:
        workers = plural(max(1, size.min_workers), "worker")
        raise ClusterError(
            f"Ray needs about {needed // MIB} MiB of free memory for a head and {workers}; "
            f"{available // MIB} MiB are available.",
            "Close other kernels, or stay on Daft's native runner (no %daft start needed).",
        )
    stores = nodes + 1
    of_memory = min(MAX_OBJECT_STORE_BYTES, available // (4 * stores))
    shared = shared_memory_bytes()
    disk = shutil.disk_usage(tempfile.gettempdir()).free
    on_disk = int(shared * 0.8) // stores < MIN_OBJECT_STORE_BYTES  # containers have 64 MiB unless told otherwise
    object_store = min(of_memory, int((disk if on_disk else shared) * 0.8) // stores)
    if object_store < MIN_OBJECT_STORE_BYTES:
        room = min(available // 4, int(max(shared, disk) * 0.8))
        raise ClusterError(
            f"{stores} object stores of at least {MIN_OBJECT_STORE_BYTES // MIB} MiB do not fit: "
            f"{available // MIB} MiB of memory, {shared // MIB} MiB of shared memory "
            f"(/dev/shm) and {disk // MIB} MiB of disk are free.",
            f"Try %daft start --max {max(1, room // MIN_OBJECT_STORE_BYTES - 1)}, or close other kernels.",
        )
    return Shares(max(NODE_BYTES, (available - HEAD_BYTES) // nodes), object_store, on_disk)


def shared_memory_bytes() -> int:
    """Return the free bytes of shared memory, 0 where it cannot be used.

    On macOS Ray has a temporary folder instead.
    """
    folder = "/dev/shm" if sys.platform.startswith("linux") else tempfile.gettempdir()
    return shutil.disk_usage(folder).free if os.access(folder, os.W_OK) else 0


def autoscaler_config(
    size: ClusterSize, shares: Shares, gcs_address: str, object_folder: str | None = None
) -> dict[str, object]:
    """Return Ray's cluster configuration (JSON is YAML) for a head without CPUs and one type of worker node.

    It has only what Ray's schema of it knows (ray/autoscaler/ray-schema.json), which the second autoscaler checks.
    """
    return {
        "cluster_name": "daftnb",
        "max_workers": size.max_workers,
        "idle_timeout_minutes": size.idle_timeout / 60,
        "upscaling_speed": 100.0,
        "provider": {
            "type": "external",
            "module": "daftnb.engine.embedded.provider.LoopbackNodeProvider",
            "gcs_address": gcs_address,
            "node_memory": shares.node_memory,
            "node_object_store": shares.node_object_store,
            "object_folder": object_folder,
            # The worker nodes are started by a process of the head's, and have their monitor all the same.
            "node_environment": {name: os.environ.get(name, MONITOR_DEFAULT) for name in NO_MEMORY_MONITOR},
            "launch_multiple": True,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "foreground_node_launch": True,
        },
        "head_node_type": HEAD_NODE_TYPE,
        "available_node_types": {
            HEAD_NODE_TYPE: {"resources": {"CPU": 0}, "node_config": {}, "min_workers": 0, "max_workers": 0},
            "worker": {
                "resources": {"CPU": size.cpus, **({"GPU": size.gpus} if size.gpus else {})},
                "node_config": {},
                "min_workers": size.min_workers,
                "max_workers": size.max_workers,
            },
        },
        **{key: {} for key in ("auth", "file_mounts")},
        **{
            key: []
            for key in (
                "cluster_synced_files",
                "initialization_commands",
                "setup_commands",
                "head_setup_commands",
                "worker_setup_commands",
                "head_start_ray_commands",
                "worker_start_ray_commands",
            )
        },
    }


class EmbeddedCluster:
    """One cluster: start it, know its address and token, stop exactly it."""

    def __init__(self, size: ClusterSize) -> None:
        self.size = size
        self.address = ""
        self.client_address = ""
        self.folder: Path | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def token_path(self) -> Path:
        """Return the path of the file with the token that every connection must show."""
        assert self.folder is not None, "the cluster has not been started"
        return self.folder / "token"

    @property
    def running(self) -> bool:
        """Return True if the supervisor and the head run."""
        if self._supervisor is None or self._supervisor.poll() is not None or self.folder is None:
            return False
        return not (self.folder / "ended").exists()

    def event(self, state: Literal["starting", "running", "stopped", "disconnected"]) -> ClusterChanged:
        """Return this cluster in this state as an event for the views."""
        size = self.size
        return ClusterChanged(
            steady.time(),
            "embedded",
            state,
            self.address,
            size.min_workers,
            size.max_workers,
            size.cpus,
            size.idle_timeout,
            gpus=size.gpus,
        )

    def answers(self) -> bool:
        """Return True if the head's control store takes connections within 1 s.

        Ray's own calls hang for ever where it does not.
        """
        if not self.running:
            return False
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex((LOOPBACK, int(self.address.rpartition(":")[2]))) == 0

    def connection_environment(self) -> dict[str, str]:
        """Return the environment that a process must have to connect (its own token, and loopback kept as it is)."""
        return {
            **NOT_THE_PODS_GUARD,
            "RAY_AUTH_TOKEN_PATH": str(self.token_path),
            **{name: ENVIRONMENT[name] for name in ("RAY_AUTH_MODE", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")},
        }

    def start(self, progress: Progress, extra_environment: dict[str, str] | None = None) -> None:
        """Start the head and wait until its control store answers; worker nodes follow by the autoscaler.

        ``extra_environment`` goes to every Ray process. In it, ``AUTOSCALER_UPDATE_INTERVAL_S`` is how often Ray and
        Daft look, in seconds (else 1), and ``DAFTNB_LAUNCH_SECONDS`` how long each node takes before it starts.
        Raises ClusterError, with nothing left running.
        """
        shares = check_machine(self.size)
        remove_leftovers(temporary_folders())
        for attempt in range(1, START_ATTEMPTS + 1):
            self._launch(shares, extra_environment or {})
            progress(f"starting a Ray head on {self.address}")
            if shares.on_disk and attempt == 1:
                progress("shared memory (/dev/shm) is too small for Ray's objects: they are kept in files, more slowly")
            try:
                self._await_head()
                return
            except ClusterError:
                self.stop()
                if attempt == START_ATTEMPTS:
                    raise
                progress("the head did not come up; trying again on other ports")

    def _launch(self, shares: Shares, extra_environment: dict[str, str]) -> None:
        folder = self.folder = own_folder()
        gcs_port, client_port = free_ports(2)
        self.address = f"{LOOPBACK}:{gcs_port}"
        self.client_address = f"ray://{LOOPBACK}:{client_port}"
        write_token(folder)
        config = folder / "cluster.json"
        object_folder = str(folder) if shares.on_disk else None
        write_private(config, json.dumps(autoscaler_config(self.size, shares, self.address, object_folder)))
        environment = {
            **autoscaler_environment(self.size.autoscaler),
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            **extra_environment,
            **self.connection_environment(),
            "RAY_FAKE_CLUSTER": "1",
            "RAY_DISABLE_IMPORT_WARNING": "1",
            # The memory monitor ends processes of a node that ask for no resources first: on the head, Daft's runner.
            **NO_MEMORY_MONITOR,
        }
        options = [
            # A head without GPUs, also where the machine has some: those of the nodes are logical.
            *("--num-cpus=0", "--num-gpus=0", "--include-dashboard=false", f"--memory={HEAD_BYTES}"),
            f"--object-store-memory={shares.node_object_store}",
            *([f"--plasma-directory={object_folder}"] if object_folder else []),
            f"--autoscaling-config={config}",
        ]
        self._supervisor = launch_head(folder, gcs_port, client_port, environment, options)

    def _await_head(self) -> None:
        deadline = time.monotonic() + HEAD_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                raise ClusterError(
                    f"The Ray head ended as it started: {self._last_words()}",
                    "Try %daft start again; if it fails again, the lines above say why: they come from Ray.",
                )
            if self.answers():
                return
            time.sleep(0.1)
        raise ClusterError(
            f"The Ray head did not answer on {self.address} within {HEAD_TIMEOUT_SECONDS:.0f} s: {self._last_words()}",
            "Try %daft start again when the machine is less busy.",
        )

    def await_node(self) -> None:
        """Wait until the head's own node has joined: Ray waits half a minute for it, then ends the head.

        Raises ClusterError where the head has ended. If the node is still missing after two minutes this returns, and
        connecting reports what is missing.
        """
        assert self.folder is not None, "the cluster has been started"
        joined = self.folder / RAYS / "ray_current_cluster"  # `ray start` writes it then (ray/scripts/scripts.py)
        deadline = time.monotonic() + NODE_TIMEOUT_SECONDS
        while not joined.exists() and time.monotonic() < deadline:
            if not self.running:
                raise ClusterError(
                    f"The Ray head at {self.address} ended as it came up: {self._last_words()}",
                    "Try %daft start again when the machine is less busy.",
                )
            time.sleep(0.05)

    def _last_words(self) -> str:
        """Return the end of what the head printed, for an error message."""
        log = self.folder / "head.log" if self.folder else None
        if log is None or not log.exists():
            return "it printed nothing"
        return " | ".join(log.read_text(errors="replace").strip().splitlines()[-5:]) or "it printed nothing"

    def abandon(self) -> None:
        """Let the supervisor end the cluster, and do not wait for it: this process is about to end."""
        supervisor = self._supervisor
        if supervisor is None or supervisor.stdin is None:
            return
        supervisor.stdin.close()
        if supervisor.poll() is not None:  # it was killed
            self._end_without_supervisor()

    def stop(self) -> None:
        """End what was started and remove its folder; harmless when nothing runs. Takes at most about 12 s.

        ClusterError if the supervisor still ends its processes then.
        """
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            assert supervisor.stdin is not None
            supervisor.stdin.close()
            try:
                supervisor.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise ClusterError(
                    f"The cluster's supervisor (pid {supervisor.pid}) is still ending its processes after "
                    f"{STOP_TIMEOUT_SECONDS:.0f} s.",
                    "It carries on by itself, and you can type %daft start meanwhile.",
                ) from error
            if supervisor.returncode < 0:  # it was killed
                self._end_without_supervisor()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end_without_supervisor(self) -> None:
        if self.folder is not None:
            end_processes(str(self.folder), marked_processes)
            shutil.rmtree(self.folder, ignore_errors=True)
