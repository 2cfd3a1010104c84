"""The hosts themselves, and an address at which nobody answers: no cluster runs here."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.cluster.kernels import Kernel
from tests.conftest import await_that
from tests.helpers.hosts import NOBODY, Network, why_not

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


def namespaces() -> list[str]:
    done = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines() if f"dnb{os.getpid()}-" in line]


def interfaces() -> str:
    return subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_hosts_see_each_other_until_one_is_cut_off_and_nothing_is_left_of_them() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    before = interfaces()
    network = Network()
    try:
        here, there = network.host("here"), network.host("there")
        listen = "import socket, time; s = socket.create_server(('0.0.0.0', 7000)); time.sleep(600)"
        listener = subprocess.Popen([*there.enter, sys.executable, "-c", listen])
        await_that(lambda: here.reaches("there:7000"), "the other host listens")
        assert here.reaches(f"{there.address}:7000")
        assert not here.reaches("127.0.0.1:7000"), "loopback is the host's own"
        seen = subprocess.run([*here.enter, "ps", "ax"], capture_output=True, text=True, check=True).stdout
        assert len(seen.splitlines()) == 3, "a host sees its own processes: a title, the first, and ps"
        network.cut(there)
        assert not here.reaches("there:7000")
        network.plug_in(there)
        await_that(lambda: here.reaches("there:7000"), "it is back")
        assert interfaces() == before
        assert len(namespaces()) == 3
    finally:
        network.close()
    assert listener.wait(10) != 0, "it ended with its host"
    assert namespaces() == []
    assert not network.folder.exists()
    assert interfaces() == before


CONNECT = """
import time, daftnb
session = daftnb.get_session()
began = time.monotonic()
try:
    session.connect({address!r}, lambda text: None)
except daftnb.errors.ClusterError as error:
    out = [str(error), time.monotonic() - began]
"""


def test_an_address_at_which_nobody_answers_is_given_up_in_seconds(network: Network) -> None:
    kernel = Kernel(enter=network.host("desk").enter)
    try:
        kernel.run("import ray, daftnb.errors")
        for address in (f"{NOBODY}:6379", f"ray://{NOBODY}:10001", f"{network.address(9)}:6379"):
            began = time.monotonic()
            text, seconds = kernel.run(CONNECT.format(address=address))
            assert f"Nothing can be reached at {address}: no answer within 1.5 s" in text
            assert seconds < 10
            assert time.monotonic() - began < 10
        text, _ = kernel.run(CONNECT.format(address="nowhere:6379"))
        assert "The host 'nowhere' of nowhere:6379 cannot be looked up" in text
    finally:
        kernel.end()
