"""Ray's two autoscalers under the embedded cluster, in the environment of a KubeRay pod: each grows and shrinks it.

A second kernel connects to such a cluster: it is then one that daftnb did not start, whose limits nobody has put into
the control store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kernels import Kernel
from tests.helpers.pods import GUARDED, LASTING, POD

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

START = """
import daftnb
session = daftnb.get_session()
from daftnb.engine.embedded.cluster import ClusterSize
session.start(ClusterSize(1, MOST, 1, 5.0, AUTOSCALER), print)
out = [str(session.cluster.folder), session.cluster.address, session.cluster.connection_environment()]
"""
CONNECT = """
import daftnb
session = daftnb.get_session()
session.connect(ADDRESS, print)
snapshot = session.snapshot()
cluster = snapshot["session"]["cluster"]
out = [cluster["min_workers"], cluster["max_workers"], cluster["cpus"], snapshot["backlog"]["most"]]
"""
TOOLS = """
import os, re, threading, time, daft
from daft import col

@daft.func
def slow(x: int) -> int:
    time.sleep(0.5)
    return x

def alive():
    import ray
    return sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in ray.nodes())
"""
GROW = """
os.environ.update({"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1", "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "1"})
frame = daft.from_pydict({"a": list(range(40))}).into_partitions(40).with_column("b", slow(col("a")))
most, coming, problems, over = 0, 0, set(), threading.Event()

def look():
    global most, coming
    while not over.wait(0.5):
        most = max(most, alive())
        snapshot = session.snapshot()
        coming = max(coming, snapshot["workers"]["coming"] or 0)
        problems.update(snapshot["session"]["problems"].values())

watcher = threading.Thread(target=look)
watcher.start()
rows = sorted(frame.to_pydict()["b"])
over.set()
watcher.join()
snapshot = session.snapshot()
problems.update(snapshot["session"]["problems"].values())
decisions = [[entry["kind"], entry["text"], entry["count"]] for entry in snapshot["decisions"].values()]
out = [rows == list(range(40)), most, snapshot["query"]["tasks"]["finished"], sorted(problems), coming, decisions]
"""
SHRINK = """
deadline = time.monotonic() + 60
while alive() > MOST and time.monotonic() < deadline:
    time.sleep(0.2)
out = alive()
"""
# As where no source has the limits: what a request is trimmed to is not known then.
NO_LIMITS = """
session.connection.flotilla.most = lambda: None
"""


@pytest.fixture
def kernels() -> Iterator[list[Kernel]]:
    """Kernels that end with the test, the latest first."""
    made: list[Kernel] = []
    yield made
    for kernel in reversed(made):
        kernel.end()


def start(kernels: list[Kernel], autoscaler: str, most: int) -> tuple[Kernel, str, dict[str, str]]:
    """Start a cluster of up to so many workers, in a pod; return its kernel, its address, and how to get in."""
    pod = Kernel({**POD, **LASTING, **GUARDED, "DAFTNB_LAUNCH_SECONDS": "3"})  # else a node may come between two looks
    kernels.append(pod)
    folder, address, environment = pod.run(START.replace("AUTOSCALER", repr(autoscaler)).replace("MOST", str(most)))
    [log] = Path(folder, "r").glob("session_2*/logs/monitor.log")
    assert ("autoscaler v2 monitor" in log.read_text()) == (autoscaler == "v2")
    pod.run(TOOLS)
    return pod, address, environment


def connect(kernels: list[Kernel], address: str, environment: dict[str, str]) -> tuple[Kernel, list[int]]:
    """Connect another kernel, in the same pod; return it, and the limits that it knows."""
    other = Kernel({**POD, **environment})
    kernels.append(other)
    known = other.run(CONNECT.replace("ADDRESS", repr(address)))
    other.run(TOOLS)
    return other, known


def shrunk(kernel: Kernel, most: int) -> int:
    """Wait, up to a minute, until no more nodes than these are left; return how many there are."""
    left: int = kernel.run(SHRINK.replace("MOST", str(most)))
    return left


def grown(kernel: Kernel, most: int) -> None:
    """Run a query that has more workers asked for than there may be, and check what is said of it."""
    right, nodes, finished, problems, coming, decisions = kernel.run(GROW)
    assert (right, nodes, problems) == (True, most, [])
    assert finished >= 40
    assert 1 <= coming < most, "nodes on their way were told"
    asked = [text for kind, text, _ in decisions if kind == "over max"]
    assert asked, decisions
    trimmed = re.compile(r"asked (\d+) CPUs, sent (\d+): the most that this cluster may have")
    for text in asked:
        told = trimmed.fullmatch(text)
        assert told is not None and int(told[1]) > int(told[2]) == most, text
    kinds = {kind for kind, _, _ in decisions}
    assert {"request", "over max", "granted", "arrival"} <= kinds
    assert not {"infeasible", "launch failed"} & kinds


@pytest.mark.parametrize("autoscaler", [pytest.param("v1", marks=pytest.mark.slow), "v2"])
def test_it_grows_to_its_most_and_shrinks_for_its_own_kernel_and_another(
    autoscaler: str, kernels: list[Kernel]
) -> None:
    pod, address, environment = start(kernels, autoscaler, 2)
    grown(pod, 2)
    assert shrunk(pod, 1) == 1
    other, known = connect(kernels, address, environment)
    assert known == [1, 2, 1, 2]
    grown(other, 2)


@pytest.mark.slow
@pytest.mark.parametrize("autoscaler", ["v1", "v2"])
def test_it_grows_from_one_to_three_and_back(autoscaler: str, kernels: list[Kernel]) -> None:
    pod, address, environment = start(kernels, autoscaler, 3)
    grown(pod, 3)
    assert shrunk(pod, 1) == 1
    other, known = connect(kernels, address, environment)
    assert known == [1, 3, 1, 3]
    grown(other, 3)
    # Each kernel's engine keeps one worker (DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS), and they may be on two nodes.
    assert shrunk(other, 2) in (1, 2)


@pytest.mark.slow
def test_a_request_that_is_dropped_as_a_whole_is_told_in_one_line(kernels: list[Kernel]) -> None:
    pod, _, _ = start(kernels, "v2", 2)
    pod.run(NO_LIMITS)
    right, _, _, problems, _, decisions = pod.run(GROW)
    assert right
    dropped = re.compile(r"Ray drops the whole request for \d+ CPUs, because this cluster can never have all of it: .*")
    assert problems and all(map(dropped.fullmatch, problems)), problems
    assert "infeasible" in {kind for kind, _, _ in decisions}
