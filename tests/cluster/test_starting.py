"""Tasks go on while a worker starts: on a cluster where the start of a process takes its time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.cluster.kernels import Kernel

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

START_SECONDS = 5.0  # of each of Ray's Python workers
SLOW = f"""
import sys, time
if any(each.endswith("default_worker.py") for each in sys.orig_argv):
    time.sleep({START_SECONDS})
"""
START = """
import daftnb
session = daftnb.get_session()
from daftnb.engine.embedded.cluster import ClusterSize
session.start(ClusterSize(1, 2, 1, 20.0), print, {"PYTHONPATH": FOLDER})
"""
QUERY = """
import os, time, daft

@daft.func
def place(x: int) -> str:
    began = time.time()
    time.sleep(0.25)
    return f"{os.getppid()} {began}"

os.environ["DAFT_AUTOSCALING_DOWNSCALE_ENABLED"] = "1"
frame = daft.from_pydict({"a": list(range(80))}).into_partitions(80).select(place(daft.col("a")).alias("p"))
places = [text.split() for text in frame.to_pydict()["p"]]
rows = session.snapshot()["decisions"].values()
out = [[(int(node), float(began)) for node, began in places], [row["kind"] for row in rows]]
"""


def test_no_task_waits_for_a_worker_that_starts(kernel: Kernel, tmp_path: Path) -> None:
    tmp_path.joinpath("sitecustomize.py").write_text(SLOW)
    kernel.run(START.replace("FOLDER", repr(str(tmp_path))))
    places, decisions = kernel.run(QUERY)
    nodes = list(dict.fromkeys(node for node, _ in sorted(places, key=lambda place: place[1])))
    assert len(places) == 80 and len(nodes) == 2 and "arrival" in decisions
    begun = sorted(began for node, began in places if node == nodes[0])
    assert max(after - before for before, after in pairwise(begun)) < START_SECONDS / 2
