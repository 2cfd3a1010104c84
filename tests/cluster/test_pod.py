"""A kernel in a pod that KubeRay made: it connects to the pod's cluster by each name, runs jobs, and starts its own.

The pod's cluster has Ray's second autoscaler and no configuration, as KubeRay starts a head where nothing is to grow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from daftnb.engine.connection.external import NEVER_GROWS
from daftnb.engine.embedded.head import RayHead, start_head
from tests.cluster.kernels import QUERY, Kernel
from tests.conftest import await_that
from tests.helpers.pods import LASTING, POD
from tests.helpers.releases import needs_token

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300), needs_token]

CONNECT = """
import daftnb, os
session = daftnb.get_session()
before = dict(os.environ)
said = []
session.connect({address!r}, said.append)
out = said
"""
START = """
from daftnb.engine.embedded.cluster import ClusterSize
before, said = dict(os.environ), []
session.start(ClusterSize(1, 1, 1, 30.0), said.append)
out = session.cluster.address
"""
STOP = """
session.stop()
import ray
changed = {name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)}
# Ray sets these two for good: when it is imported, and for its debugger.
out = [ray.is_initialized(), sorted(changed - {"RAY_CLIENT_MODE", "PYTHONBREAKPOINT"})]
"""
JOB = """
job = daftnb.submit("print('from', 'a pod')", address={address!r})
out = [job.wait(120), "from a pod" in job.logs(), job.id in repr(daftnb.jobs(address={address!r}))]
"""
PROBLEMS = "out = list(session.snapshot()['session']['problems'].values())"


@pytest.fixture(scope="module")
def head() -> Iterator[RayHead]:
    head = start_head(environment=POD)
    yield head
    head.end()


@pytest.fixture
def pod(head: RayHead) -> Iterator[Kernel]:
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": head.token_path.read_text()}
    kernel = Kernel({**POD, **LASTING, **token, "RAY_ADDRESS": head.gcs_address})
    yield kernel
    kernel.end()


def connected(pod: Kernel, address: str | None) -> Any:
    said = pod.run(CONNECT.format(address=address))
    assert pod.run(QUERY) == {"a": [2, 3]}
    return said[-1]


@pytest.mark.slow
def test_a_kernel_in_a_pod_connects_to_its_cluster_by_what_the_pod_says(head: RayHead, pod: Kernel) -> None:
    assert connected(pod, None) == f"queries run on Ray at {head.gcs_address}", "RAY_ADDRESS names it"
    assert await_that(lambda: pod.run(PROBLEMS), "the notice of the autoscaler", 60) == [NEVER_GROWS]
    assert pod.run(STOP) == [False, []]
    assert head.answers(), "it runs on"


@pytest.mark.slow
def test_a_kernel_in_a_pod_uses_its_cluster_by_each_name_and_one_of_its_own(head: RayHead, pod: Kernel) -> None:
    there = f"queries run on Ray at {head.gcs_address}"
    assert connected(pod, "auto") == there
    assert pod.run(JOB.format(address=head.address)) == ["SUCCEEDED", True, True]
    assert pod.run(STOP) == [False, []]
    assert connected(pod, head.client_address) == f"queries run on Ray at {head.client_address}"
    assert pod.run(STOP) == [False, []]
    own = pod.run(START)
    assert own != head.gcs_address
    assert pod.run(QUERY) == {"a": [2, 3]}
    assert sorted(pod.run("import ray; out = [node['Resources'].get('CPU', 0) for node in ray.nodes()]")) == [0, 1]
    assert pod.run(JOB.format(address=head.address)) == ["SUCCEEDED", True, True], "the pod's token is the job server's"
    assert pod.run(STOP) == [False, []]
    assert connected(pod, head.gcs_address) == there
    assert pod.run(STOP) == [False, []]
    assert head.answers(), "it runs on"
