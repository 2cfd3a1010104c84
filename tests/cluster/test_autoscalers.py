"""Ray's two autoscalers under the embedded cluster, in the environment of a KubeRay pod: each grows and shrinks it."""

from __future__ import annotations

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
session.start(ClusterSize(1, 2, 1, 5.0, AUTOSCALER), print)
import os, threading, time, daft
from daft import col

@daft.func
def slow(x: int) -> int:
    time.sleep(0.5)
    return x

def alive():
    import ray
    return sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in ray.nodes())

out = str(session.cluster.folder)
"""
GROW = """
os.environ.update({"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1", "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "1"})
frame = daft.from_pydict({"a": list(range(40))}).into_partitions(40).with_column("b", slow(col("a")))
most, over = 0, threading.Event()

def look():
    global most
    while not over.wait(0.5):
        most = max(most, alive())

watcher = threading.Thread(target=look)
watcher.start()
rows = sorted(frame.to_pydict()["b"])
over.set()
watcher.join()
snapshot = session.snapshot()
problems = list(snapshot["session"]["problems"].values())
out = [rows == list(range(40)), most, snapshot["query"]["tasks"]["finished"], problems]
"""
SHRINK = """
deadline = time.monotonic() + 60
while alive() > 1 and time.monotonic() < deadline:
    time.sleep(0.2)
out = alive()
"""


@pytest.fixture
def pod() -> Iterator[Kernel]:
    kernel = Kernel({**POD, **LASTING, **GUARDED})
    yield kernel
    kernel.end()


@pytest.mark.parametrize("autoscaler", [pytest.param("v1", marks=pytest.mark.slow), "v2"])
def test_it_grows_and_shrinks(autoscaler: str, pod: Kernel) -> None:
    folder = pod.run(START.replace("AUTOSCALER", repr(autoscaler)))
    [log] = Path(folder, "r").glob("session_2*/logs/monitor.log")
    assert ("autoscaler v2 monitor" in log.read_text()) == (autoscaler == "v2")
    right, nodes, finished, problems = pod.run(GROW)
    assert (right, nodes, problems) == (True, 2, [])
    assert finished >= 40
    assert pod.run(SHRINK) == 1
