"""What must hold on a real cluster beside every pair of Daft and Ray: a short run of each promise.

Where Ray has no token, the kernel is connected to a head that stands, and the embedded cluster is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kernels import END, RUN, START, Kernel
from tests.conftest import await_that
from tests.helpers.processes import processes_of
from tests.helpers.releases import is_before

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

ROWS = 24  # of the query in RUN: a row to a task
WITHOUT_TOKEN = is_before("ray", "2.52")
CONNECT = """
import daftnb
session = daftnb.get_session()
said = []
session.connect({address!r}, said.append)
out = said
"""
LAST = """
snapshot = session.snapshot()
query = snapshot["query"]
out = [snapshot["queries"][str(query["number"])], query["tasks"], snapshot["settings"]["rows"]]
"""


@dataclass
class Ready:
    """A kernel whose queries run on Ray, and the folder that the cluster's processes name."""

    kernel: Kernel
    folder: str


@pytest.fixture(scope="module")
def ready() -> Iterator[Ready]:
    if WITHOUT_TOKEN:
        yield from _connected()
        return
    kernel = Kernel()
    try:
        _address, folder, _said = kernel.run(START)
        yield Ready(kernel, folder)
    finally:
        kernel.end()


def _connected() -> Iterator[Ready]:
    from tests.helpers.heads import Head

    head = Head(token=False)
    kernel = Kernel(head.environment)
    try:
        said = kernel.run(CONNECT.format(address=head.address))
        assert said[-1] == f"queries run on Ray at {head.address}"
        yield Ready(kernel, str(head.folder))
    finally:
        kernel.end()
        head.stop()


def finished(kernel: Kernel) -> dict[str, Any]:
    """Run the query of sleeping tasks to its end; what is seen of it then."""
    assert kernel.run(RUN) is True, "its tasks are counted while it runs"
    end = kernel.run(END)
    assert end["over"] and end["problems"] in ([], ["this cluster has no autoscaler: it will never grow"])
    return end


def test_a_query_is_watched_and_its_counts_are_exact(ready: Ready) -> None:
    end = finished(ready.kernel)
    assert end["outcome"] == {"rows": list(range(ROWS))}
    assert end["state"] == "finished"
    row, tasks, _settings = ready.kernel.run(LAST)
    assert (row["runner"], row["rows"]) == ("ray", ROWS)
    assert tasks["finished"] == tasks["submitted"] >= ROWS
    assert (tasks["pending"], tasks["running"], tasks["failed"]) == (0, 0, 0)


def test_settings_act_on_the_next_query_and_are_read_back(ready: Ready) -> None:
    ready.kernel.run("import os; os.environ['DAFT_AUTOSCALING_THRESHOLD'] = '2.5'")
    finished(ready.kernel)
    row = ready.kernel.run(LAST)[2]["threshold"]
    assert (row["in_effect"], row["pending"]) == ("2.5", False)
    ready.kernel.run("del os.environ['DAFT_AUTOSCALING_THRESHOLD']")


def test_workers_stay_warm_between_queries(ready: Ready) -> None:
    end = finished(ready.kernel)
    states = {state for _label, state in end["workers"]} - {"no worker"}
    # A cluster of one node has one worker, which the engine does not let go of.
    assert states == ({"idle"} if WITHOUT_TOKEN else {"warm"}), end["decisions"]
    ready.kernel.run("import time; since = time.time()")
    finished(ready.kernel)
    kinds = ready.kernel.run("from tests.cluster.scaling import kinds; out = sorted(kinds(session, since))")
    assert "arrival" not in kinds, "no worker is started anew"
    assert ("reuse" in kinds) is not WITHOUT_TOKEN


def test_a_query_that_is_cancelled_ends_on_the_cluster(ready: Ready) -> None:
    assert ready.kernel.run(RUN) is True
    assert ready.kernel.run("out = session.cancel()") is not None
    end = ready.kernel.run(END)
    assert end["outcome"]["error"].startswith("QueryCancelled")
    assert end["state"] == "cancelled"
    assert finished(ready.kernel)["outcome"] == {"rows": list(range(ROWS))}, "its slots are free again"


def test_stop_leaves_nothing(ready: Ready) -> None:
    assert ready.kernel.run("out = session.stop()") is True
    assert ready.kernel.run("import ray; out = ray.is_initialized()") is False
    if WITHOUT_TOKEN:
        assert processes_of(ready.folder), "a cluster that is not ours runs on"
        return
    await_that(lambda: not processes_of(ready.folder), "every process of the cluster ended")
    assert not os.path.exists(ready.folder)


@pytest.mark.skipif(not WITHOUT_TOKEN, reason="this Ray has a token")
def test_an_embedded_cluster_without_a_token_is_refused(tmp_path: Path) -> None:
    kernel = Kernel()
    try:
        answer = kernel.answer(START)
    finally:
        kernel.end()
    assert answer["error"] == "ClusterError"
    assert "has no token to guard a cluster with. Try: pip install -U" in answer["text"]
