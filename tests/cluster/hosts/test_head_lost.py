"""A head that is cut off for good while two kernels have queries there: both let go of it in time, and live."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.cluster.hosts.watching import CONNECT, begun, shown
from tests.cluster.kernels import END, QUERY, Kernel
from tests.conftest import await_that
from tests.helpers.hosts import Cluster, Network

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(network: Network) -> Cluster:
    cluster = Cluster(network, workers=("east",))
    cluster.start()
    return cluster


@pytest.fixture
def direct(cluster: Cluster) -> Iterator[Kernel]:
    """A kernel on a host where a node of the cluster is."""
    kernel = Kernel(cluster.environment, cluster.workers[0].enter)
    yield kernel
    kernel.end()


@pytest.fixture
def remote(network: Network, cluster: Cluster) -> Iterator[Kernel]:
    """A kernel on a host where none is."""
    kernel = Kernel(cluster.environment, network.host("desk").enter)
    yield kernel
    kernel.end()


CANCEL = """
latest = session.snapshot()["query"]["id"]
out = timed(lambda: session.cancel(latest)) == latest
"""
STOP = "out = timed(session.stop)"


def test_the_head_is_cut_off_for_good(cluster: Cluster, direct: Kernel, remote: Kernel) -> None:
    """One kernel lets go of it by itself, one is told to; that one connects again when the head is back."""
    answer = remote.answer(CONNECT.format(address=cluster.address))
    assert answer["error"] == "ClusterError"
    assert f"Try %daft connect ray://{cluster.head.address}:10001" in answer["text"], "there is no node here"
    for kernel, address in ((direct, cluster.address), (remote, cluster.client_address)):
        assert kernel.run(CONNECT.format(address=address))[-1] == f"queries run on Ray at {address}"
    for kernel in (direct, remote):
        begun(kernel, 400)
    cluster.network.cut(cluster.head)
    try:
        cut = time.monotonic()
        await_that(lambda: shown(remote)["cluster"]["state"] == "not answering", "it is told to one", 18)
        assert direct.run(CANCEL) is True
        assert remote.run(STOP) is True
        seen = shown(remote)
        assert seen["cluster"]["state"] == "stopped"
        assert "no longer connected to Ray" in seen["status"]
        await_that(lambda: shown(direct)["cluster"]["state"] == "stopped", "it is let go of by itself", 40)
        assert time.monotonic() - cut < 60, "before Ray ends the process"
        assert any("does not answer, and this kernel no longer uses it" in text for text in shown(direct)["problems"])
        ends = ((remote, "failed", "This kernel left Ray at"), (direct, "cancelled", "QueryCancelled: Query "))
        for kernel, state, said in ends:
            end = kernel.run(END)
            assert end["over"], "".join(end["where"])
            assert said in end["outcome"].get("error", ""), end
            assert (end["state"], end["workers"]) == (state, [])
            assert kernel.run("import daft; out = daft.__version__")
            shown(kernel)
    finally:
        cluster.network.plug_in(cluster.head)
    remote.run(CONNECT.format(address=cluster.client_address))
    assert remote.run(QUERY) == {"a": [2, 3]}
    assert shown(remote)["cluster"]["state"] == "running"
