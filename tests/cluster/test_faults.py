"""Faults while a query runs: its outcome is the engine's own, the views tell the truth, and the next start works."""

from __future__ import annotations

import time
from typing import Any

import psutil
import pytest

from tests.cluster.kernels import END, QUERY, RUN, START, Kernel
from tests.conftest import await_that
from tests.helpers.processes import called, processes_of

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def named(folder: str, name: str) -> psutil.Process:
    return called(folder, name)[0]


def started(kernel: Kernel, name: str) -> psutil.Process:
    """A cluster with a query under way, and one of its processes, by what it is called while it rests."""
    _, folder, _ = kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}
    process = named(folder, name)
    assert kernel.run(RUN) is True
    return process


@pytest.mark.slow  # test_oracle kills one too
def test_a_worker_is_killed(kernel: Kernel) -> None:
    started(kernel, "RaySwordfishActor").kill()
    end = kernel.run(END)
    assert end["outcome"] == {"rows": list(range(24))}, end
    assert end["state"] == "finished"
    assert end["tasks"]["finished"] == end["tasks"]["submitted"]
    assert end["tasks"]["pending"] == end["tasks"]["running"] == 0
    assert "died" in end["decisions"]
    assert kernel.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_a_raylet_is_killed(kernel: Kernel) -> None:
    worker = started(kernel, "RaySwordfishActor")
    psutil.Process(worker.ppid()).kill()
    end = kernel.run(END)
    assert end["over"]
    assert end["outcome"] == {"rows": list(range(24))} or "error" in end["outcome"], end
    assert end["state"] == ("finished" if "rows" in end["outcome"] else "failed")
    # Ray takes its time to tell that the node is gone, and the worker's process may outlive its raylet for as long.
    await_that(lambda: {"died", "gone"} & set(kernel.run(END)["decisions"]), "the node's end is told", 60)
    assert kernel.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_all_raylets_are_killed(kernel: Kernel) -> None:
    """Nodes that died have others in their place, also where with them the cluster would be at its maximum."""
    _, folder, _ = kernel.run(START.replace("ClusterSize(1, 2", "ClusterSize(1, 1"))
    assert kernel.run(QUERY) == {"a": [2, 3]}
    raylets = {worker.ppid() for worker in called(folder, "RaySwordfishActor")}
    assert raylets
    for raylet in raylets:
        psutil.Process(raylet).kill()
    assert kernel.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_the_runner_actor_is_killed(kernel: Kernel) -> None:
    started(kernel, "RemoteFlotillaRunner").kill()
    end = kernel.run(END)
    assert end["over"]
    assert "error" in end["outcome"], end
    assert end["state"] == "failed"
    assert not [row for row in end["workers"] if row[1] in ("busy", "warm")], "no worker outlives its runner"
    # The next query makes a new one: the engine alone would ask the dead one for ever.
    assert kernel.run(QUERY) == {"a": [2, 3]}
    assert kernel.run("out = session.snapshot()['settings']['number'] == session.snapshot()['query']['number']") is True


def stopped(kernel: Kernel) -> Any:
    """What there is to see once the cluster is told to be stopped; None before."""
    end = kernel.run(END)
    return end if end["cluster"] == "stopped" else None


@pytest.mark.slow
def test_rays_control_store_is_killed(kernel: Kernel) -> None:
    started(kernel, "gcs_server").kill()
    end = kernel.run(END)
    assert end["over"], "the query does not hang"
    # The monitor lets go of the connection meanwhile, and Ray takes its seconds over that without a head.
    end = await_that(lambda: stopped(kernel), "the head's end is told", 30)
    assert end["state"] in ("failed", "finished")
    assert any("the Ray head at" in text for text in end["problems"])
    kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_a_kernel_is_killed_in_mid_query(kernel: Kernel) -> None:
    started(kernel, "gcs_server")
    folder = kernel.run("out = str(session.cluster.folder)")
    kernel.process.kill()
    await_that(lambda: not processes_of(folder), "all ended", 30)


@pytest.mark.slow
def test_the_extension_is_unloaded_in_mid_query(kernel: Kernel) -> None:
    """The cluster that we started ends with us; the query fails as one whose cluster is gone, and the kernel lives."""
    started(kernel, "gcs_server")
    began = time.monotonic()
    out = kernel.run("""
        from daftnb.session import close_session
        close_session()
        thread.join(60)
        out = [thread.is_alive(), outcome]
    """)
    assert out[0] is False
    assert "This kernel left Ray" in out[1]["error"], out
    assert time.monotonic() - began < 40
    assert kernel.run("import daft; out = daft.__version__")
    kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}
