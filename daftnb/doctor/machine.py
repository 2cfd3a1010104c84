"""What the machine has, against what a cluster on it needs."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from typing import TYPE_CHECKING

from daftnb.doctor.finding import Finding
from daftnb.engine import releases
from daftnb.engine.connection.address import CLIENT_PORT, GCS_PORT, JOBS_PORT
from daftnb.engine.embedded.cluster import (
    HEAD_BYTES,
    MIB,
    MIN_OBJECT_STORE_BYTES,
    NODE_BYTES,
    ClusterSize,
    check_machine,
)
from daftnb.engine.embedded.launcher import LOOPBACK, free_ports
from daftnb.engine.embedded.memory import available
from daftnb.errors import DaftnbError
from daftnb.text.numbers import plural

if TYPE_CHECKING:
    from daftnb.session import Session

PART = "machine"
FULL = 0.95  # Ray refuses objects that it would have to spill to a disk that is fuller than this
PORTS_OF_A_CLUSTER = 8
STAY = "Close other kernels, or stay on Daft's native runner, which needs no cluster."


IN_FILES = "Ray's objects are kept in files, more slowly"


def embedded(session: Session | None) -> Finding:
    """Return whether ``%daft start`` can start a cluster here."""
    if session is not None and session.cluster is not None:
        return Finding(PART, "embedded cluster", "ok", f"runs, at {session.cluster.address}")
    ray = releases.installed("ray")
    if ray is None:
        return Finding(PART, "embedded cluster", "ok", "none without Ray; pip install 'daftnb[ray]' brings it")
    if releases.is_older(ray, releases.TOKENS_SINCE):
        what = f"Ray {ray} has no token to guard a cluster with"
        remedy = f"pip install -U 'ray[default]>={releases.TOKENS_SINCE}' and restart the kernel; %daft connect works."
        return Finding(PART, "embedded cluster", "warning", what, remedy)
    size = ClusterSize()
    try:
        shares = check_machine(size)
    except DaftnbError as error:
        return Finding(PART, "embedded cluster", "problem", error.what, error.remedy)
    store = shares.node_object_store // MIB
    detail = f"fits with up to {size.max_workers} workers: {store} MiB of object store for each of its nodes"
    return Finding(PART, "embedded cluster", "ok", detail)


def shared_memory(folder: str = "/dev/shm") -> list[Finding]:
    """Return how much room there is where Ray keeps its objects on Linux; nothing on other systems."""
    if not sys.platform.startswith("linux"):
        return []
    remedy = "Give the container more: docker run --shm-size=1g, or a memory-backed volume at /dev/shm."
    if not os.access(folder, os.W_OK):
        return [Finding(PART, folder, "warning", f"missing, or not writable: {IN_FILES}", remedy)]
    usage = shutil.disk_usage(folder)
    return [judge_shared_memory(folder, usage.total, usage.free, remedy)]


def judge_shared_memory(folder: str, total: int, free: int, remedy: str) -> Finding:
    """Judge whether the object stores of a cluster fit: one for the head and one for each worker. Sizes in bytes."""
    detail = f"{free // MIB} of {total // MIB} MiB are free"
    stores = int(free * 0.8) // MIN_OBJECT_STORE_BYTES
    if stores < ClusterSize().max_workers + 1:
        most = f"enough for {plural(stores - 1, 'worker')}; with more, " if stores > 1 else "with so little "
        return Finding(PART, folder, "warning", f"{detail}: {most}{IN_FILES}", remedy)
    return Finding(PART, folder, "ok", detail)


def memory(session: Session | None) -> Finding:
    """Return how much memory is free: the machine's, or what the container may still take, whichever is less."""
    free, limited = available()
    runs = session is not None and session.cluster is not None
    return judge_memory(free, " within the container's limit" if limited else "", runs)


def judge_memory(free: int, where: str, runs: bool) -> Finding:
    """Judge whether ``free`` bytes are enough for a head and its workers.

    ``runs``: a cluster is there already, and has what it needs to start.
    """
    detail = f"{free // MIB} MiB are free{where}"
    workers = (free - HEAD_BYTES) // NODE_BYTES
    most = ClusterSize().max_workers
    if runs:
        return Finding(PART, "memory", "ok", f"{detail}, beside the cluster that runs")
    if workers < 1:
        least = f"a head and one worker need about {(HEAD_BYTES + NODE_BYTES) // MIB} MiB"
        return Finding(PART, "memory", "problem", f"{detail}; {least}", STAY)
    if workers < most:
        remedy = f"%daft start --max {workers}"
        return Finding(PART, "memory", "warning", f"{detail}: enough for {plural(workers, 'worker')} of {most}", remedy)
    return Finding(PART, "memory", "ok", f"{detail}; a head and {most} workers need about {_need(most)} MiB")


def _need(workers: int) -> int:
    return (HEAD_BYTES + workers * NODE_BYTES) // MIB


def processors() -> Finding:
    """Return how many CPUs this process may use."""
    machine = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    return judge_processors(usable, machine)


def judge_processors(usable: int, machine: int) -> Finding:
    """Judge the number of CPUs: a single one is shared by the kernel, the head and the workers."""
    detail = f"{usable}" + (f" of the machine's {machine}" if usable != machine else "")
    if usable < 2:
        remedy = "It works, slowly; CPU slots of workers may exceed the CPUs (%daft start --cpus)."
        return Finding(PART, "CPUs", "warning", f"{detail}: kernel, head and workers share it", remedy)
    return Finding(PART, "CPUs", "ok", detail)


def ports() -> Finding:
    """Return whether there are free ports on loopback, and whether something listens on Ray's usual ones."""
    try:
        free_ports(PORTS_OF_A_CLUSTER)
    except OSError as error:
        remedy = "A sandbox or a full table of ports forbids it; %daft start cannot work here."
        return Finding(PART, "ports", "problem", f"no free ports on {LOOPBACK}: {error.strerror or error}", remedy)
    taken = [str(port) for port in (GCS_PORT, CLIENT_PORT, JOBS_PORT) if _taken(port)]
    detail = f"free ports are available on {LOOPBACK}"
    if taken:
        listens = f"something listens on {', '.join(taken)}, of Ray's usual ones"
        detail += f"; {listens} (a Ray to connect to? %daft start takes others)"
    return Finding(PART, "ports", "ok", detail)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def temporary_folder() -> Finding:
    """Return how full the disk is where Ray keeps its sessions and spills objects to."""
    folder = tempfile.gettempdir()
    usage = shutil.disk_usage(folder)
    return judge_temporary_folder(folder, usage.total, usage.free)


def judge_temporary_folder(folder: str, total: int, free: int) -> Finding:
    """Judge the free bytes of the temporary folder: Ray does not spill to a disk that is nearly full."""
    detail = f"{folder}: {free // MIB} of {total // MIB} MiB are free"
    if total and 1 - free / total > FULL:
        remedy = f"Make room in {folder}, or set TMPDIR to a folder on another disk before the kernel starts."
        return Finding(PART, "disk", "warning", f"{detail}: Ray spills no objects to a disk this full", remedy)
    return Finding(PART, "disk", "ok", detail)
