"""Two kernels on one cluster that is neither's: each has its own runner, and neither touches the other's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
from tests.cluster.kernels import END, QUERY, RUN, Kernel
from tests.conftest import await_that

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
CONNECT = """
import daftnb
session = daftnb.get_session()
said = []
session.connect({address!r}, said.append)
out = said
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=2, cpus=2, idle_timeout=600))
    cluster.start(print)
    yield cluster
    cluster.stop()


def connection(kernel: Kernel, cluster: EmbeddedCluster) -> list[str] | None:
    """What connecting said; None while the head is still starting, which is said too."""
    answer = kernel.answer(CONNECT.format(address=cluster.address))
    if "has no node yet" in answer.get("text", ""):
        return None
    assert "ok" in answer, answer.get("trace")
    said: list[str] = answer["ok"]
    return said


@pytest.fixture
def pair(cluster: EmbeddedCluster) -> Iterator[tuple[Kernel, Kernel]]:
    kernels = Kernel(cluster.connection_environment()), Kernel(cluster.connection_environment())
    for kernel in kernels:
        connected = await_that(lambda kernel=kernel: connection(kernel, cluster), "a head with a node", 60)
        assert connected[-1] == f"queries run on Ray at {cluster.address}"  # type: ignore[index]
        assert kernel.run(QUERY) == {"a": [2, 3]}
    yield kernels
    for kernel in kernels:
        kernel.end()


@pytest.mark.slow
def test_a_cancelled_query_and_an_ended_session_leave_the_others_alone(pair: tuple[Kernel, Kernel]) -> None:
    first, second = pair
    assert first.run(RUN) is True
    assert second.run(RUN) is True
    assert first.run("out = session.cancel() is not None") is True
    end = first.run(END)
    assert "QueryCancelled" in end["outcome"]["error"]
    assert end["state"] == "cancelled"
    assert first.run("out = session.stop()") is True
    end = second.run(END)
    assert end["outcome"] == {"rows": list(range(24))}, end
    assert end["state"] == "finished"
    assert end["problems"] == []
    assert end["tasks"]["finished"] == end["tasks"]["submitted"]
    assert second.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_a_kernel_that_is_killed_leaves_the_others_alone(pair: tuple[Kernel, Kernel]) -> None:
    first, second = pair
    assert first.run(RUN) is True
    assert second.run(RUN) is True
    first.process.kill()
    end = second.run(END)
    assert end["outcome"] == {"rows": list(range(24))}, end
    assert end["cluster"] == "running"
    assert second.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_unloading_in_mid_query_leaves_the_query_to_its_end(cluster: EmbeddedCluster) -> None:
    kernel = Kernel(cluster.connection_environment())
    try:
        # The connection is the user's own here: unloading ends what is ours, and that is nothing but the watching.
        kernel.run(f"""
            import daft, daftnb, ray
            from daftnb.session import close_session
            session = daftnb.get_session()
            ray.init({cluster.address!r}, logging_level="warning")
            daft.set_runner_ray()
        """)
        assert kernel.run(RUN) is True
        assert kernel.run("close_session(); thread.join(120); out = outcome") == {"rows": list(range(24))}
        assert kernel.run(QUERY) == {"a": [2, 3]}
    finally:
        kernel.end()
