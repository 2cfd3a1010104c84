"""A cluster of several hosts: what the views say of it, and of a host that is cut off while a query runs.

No call of daftnb's may take longer than LONGEST seconds, whatever is cut off. The tests follow each other on one
cluster and in one kernel; each runs alone too.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from daftnb.engine.connection.external import NEVER_GROWS
from tests.cluster.hosts.watching import CONNECT, begun, shown
from tests.cluster.kernels import END, QUERY, Kernel
from tests.conftest import await_that
from tests.helpers.hosts import Cluster, Host, Network

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

# Ray gives a node up after 8 checks that were not answered, 4 s each: not after 20 s, and in the end.
CHECKS = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "8",
}


@pytest.fixture(scope="module")
def cluster(network: Network) -> Cluster:
    cluster = Cluster(network, environment=CHECKS)
    cluster.start(dashboard=True)
    return cluster


@pytest.fixture(scope="module")
def desk(network: Network, cluster: Cluster) -> Host:
    return network.host("desk")


@pytest.fixture(scope="module")
def kernel(cluster: Cluster, desk: Host) -> Iterator[Kernel]:
    """A kernel on a host where no node of the cluster is, connected by its Ray Client server: one for all tests."""
    kernel = Kernel(cluster.environment, desk.enter)
    try:
        said = kernel.run(CONNECT.format(address=cluster.client_address))
        assert said[-1] == f"queries run on Ray at {cluster.client_address}"
        yield kernel
    finally:
        kernel.end()


def test_a_query_from_another_host_is_watched(cluster: Cluster, kernel: Kernel) -> None:
    begun(kernel)
    end = kernel.run(END)
    assert end["outcome"] == {"rows": list(range(24))}
    assert end["state"] == "finished"
    assert end["tasks"]["finished"] == end["tasks"]["submitted"] == 25
    seen = kernel.run("out = session.snapshot()")
    assert seen["session"]["cluster"]["address"] == cluster.client_address
    assert list(seen["session"]["problems"].values()) == [NEVER_GROWS]
    workers = [row for row in seen["workers"]["rows"].values() if not row["head"]]
    assert {row["label"]: row["state"] for row in workers} == {"worker 1": "warm", "worker 2": "warm"}
    assert sum(row["finished"] for row in workers) >= 25
    assert all(row["finished"] for row in workers), "both hosts have worked"
    assert not re.findall(r"127\.0\.0\.\d+|localhost", json.dumps(seen))


def test_a_token_that_is_missing_or_anothers_is_told(cluster: Cluster, desk: Host) -> None:
    for variables, said in (
        ({"RAY_AUTH_MODE": "disabled"}, "wants a token"),
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 64}, "does not take this kernel's token"),
    ):
        stranger = Kernel(variables, desk.enter)
        try:
            for address in (cluster.client_address, cluster.address):
                answer = stranger.answer(CONNECT.format(address=address))
                assert answer["error"] == "ClusterError"
                assert f"The Ray at {address} {said}" in answer["text"]
        finally:
            stranger.end()


def test_jobs_are_submitted_to_another_host(cluster: Cluster, desk: Host) -> None:
    kernel = Kernel(cluster.environment, desk.enter)
    try:
        text = kernel.run(f"""
            import contextlib, io, os, socket
            from IPython.core.interactiveshell import InteractiveShell
            shell = InteractiveShell.instance()
            shell.run_line_magic("load_ext", "daftnb")
            import daftnb
            job = daftnb.submit("import socket; print('on', socket.gethostname())", {cluster.jobs_address!r})
            status = job.wait(120)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                shell.run_line_magic("daft", "jobs --address {cluster.jobs_address}")
            out = [status, job.logs(), out.getvalue(), job.id]
        """)
    finally:
        kernel.end()
    status, logs, listed, job = text
    assert status == "SUCCEEDED", logs
    assert re.search(r"^on (head|east|west)$", logs, re.MULTILINE)
    assert job in listed
    assert "SUCCEEDED" in listed


def test_a_worker_is_cut_off_for_20_s_and_back(cluster: Cluster, kernel: Kernel) -> None:
    begun(kernel, 40)
    network, worker = cluster.network, cluster.workers[1]
    network.cut(worker)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            seen = shown(kernel)
            assert seen["cluster"]["state"] == "running", "the head answers"
            time.sleep(1)
        assert seen["query"] == "running", "a task is on the worker that is away"
    finally:
        network.plug_in(worker)
    end = kernel.run(END)
    assert end["over"]
    assert end["outcome"] == {"rows": list(range(40))}
    assert end["state"] == "finished"
    assert end["tasks"]["finished"] == end["tasks"]["submitted"]
    assert end["tasks"]["pending"] == end["tasks"]["running"] == 0
    assert kernel.run(QUERY) == {"a": [2, 3]}
    assert shown(kernel)["total"] == 2


def test_the_head_is_cut_off_and_back(cluster: Cluster, kernel: Kernel) -> None:
    begun(kernel, 40)
    network = cluster.network
    network.cut(cluster.head)
    try:
        until = time.monotonic() + 12
        while time.monotonic() < until:
            seen = shown(kernel)
            time.sleep(1)
        assert seen["cluster"]["state"] == "not answering"
        assert abs(time.time() - 13 - seen["cluster"]["silent_since"]) < 5
        assert re.search(
            r"^cluster   not answering at ray://head:10001 since \d\d:\d\d:\d\d UTC$", seen["status"], re.M
        )
        assert seen["query"] == "running"
    finally:
        network.plug_in(cluster.head)
    await_that(lambda: shown(kernel)["cluster"]["state"] == "running", "it is told that the head is back", 30)
    assert any("did not answer from" in text for text in shown(kernel)["problems"])
    end = kernel.run(END)
    assert end["over"], "the query does not hang"
    assert end["outcome"] == {"rows": list(range(40))} or "error" in end["outcome"], end
    assert end["state"] == ("finished" if "rows" in end["outcome"] else "failed")
    assert kernel.run(QUERY) == {"a": [2, 3]}


def test_a_worker_is_cut_off_for_good(cluster: Cluster, kernel: Kernel) -> None:
    begun(kernel, 40)
    cluster.network.cut(cluster.workers[1])
    end = kernel.run(END)
    assert end["over"], "the query does not hang"
    assert end["outcome"] == {"rows": list(range(40))} or "error" in end["outcome"], end
    assert end["state"] == ("finished" if "rows" in end["outcome"] else "failed")
    seen = await_that(lambda: alone(kernel), "the worker's end is told", 60)
    assert sorted(seen["workers"].values())[0] in ("died", "gone"), seen  # type: ignore[index]
    assert kernel.run(QUERY) == {"a": [2, 3]}


def alone(kernel: Kernel) -> Any:
    """What is shown once one worker is left; None before."""
    seen = shown(kernel)
    return seen if seen["total"] == 1 else None
