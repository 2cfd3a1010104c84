"""A head that does not answer: how long it is waited for, and what is told."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb import aside
from daftnb.engine.connection import client, external, silent
from daftnb.engine.connection.external import ExternalCluster
from daftnb.engine.connection.link import Link
from daftnb.telemetry import events as e
from tests.conftest import await_that

THERE = Link("10.0.0.1:6379", ("job",), False)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return 1000.0 + self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(external, "time", clock)
    return clock


def test_silence_is_told_once_with_its_beginning_and_its_end(clock: Clock) -> None:
    cluster = ExternalCluster(THERE)
    clock.now = 102.9
    assert cluster.silence() == [], "a lost packet is no silence"
    clock.now = 104.0
    [told] = cluster.silence()
    assert told == e.ClusterChanged(1104.0, "external", "not answering", "10.0.0.1:6379", silent_since=1100.0)
    clock.now = 110.0
    assert cluster.silence() == []
    running, problem = cluster.answer()
    assert running == e.ClusterChanged(1110.0, "external", "running", "10.0.0.1:6379")
    text = "the Ray at 10.0.0.1:6379 did not answer from 00:18:20 UTC to 00:18:30 UTC"
    assert problem == e.ProblemFound(1110.0, text)
    assert cluster.answer() == []


def test_a_cluster_is_lost_after_20_s_of_silence(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        cluster = ExternalCluster(Link(f"localhost:{port}", ("job",), False))
        clock.now += 30
        assert cluster.lost
        assert cluster.answers()
        assert not cluster.lost
    assert not cluster.answers()
    clock.now += 20.5
    assert cluster.lost


def test_the_name_of_a_head_that_has_answered_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[Any] = []
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        looked_up.append(host)
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with socket.create_server(("127.0.0.1", 0)) as server:
        cluster = ExternalCluster(Link(f"localhost:{server.getsockname()[1]}", ("job",), False))
        assert cluster.answers()
        assert cluster.answers()
    assert looked_up.count("localhost") == 1


def test_a_call_over_a_client_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SLACK_SECONDS", 0.0)
    assert client.within(5, lambda: "found") == "found"
    with pytest.raises(ZeroDivisionError):
        client.within(5, lambda: 1 / 0)
    answer = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        client.within(0.01, lambda: answer.wait(10))
    answer.set()


def test_letting_go_waits_for_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import worker

    heard, closed = threading.Event(), []

    class Subscriber:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)
            heard.wait(10)

    both = SimpleNamespace(gcs_error_subscriber=Subscriber("errors"), gcs_log_subscriber=Subscriber("logs"))
    monkeypatch.setattr(worker, "global_worker", both)
    began = time.monotonic()
    silent.let_go()
    assert time.monotonic() - began < 5
    await_that(lambda: sorted(closed) == ["errors", "logs"], "both take leave")
    heard.set()
    monkeypatch.setattr(worker, "global_worker", SimpleNamespace())
    silent.let_go()


AT_EXIT = """
import atexit, sys, threading
sys.path.insert(0, sys.argv[1])
import aside
atexit.register(lambda: print(aside.aside(lambda: print("ran"), "late", 10)))
"""


def test_what_is_run_aside_is_run_also_as_the_interpreter_ends() -> None:
    """Which starts no threads then, from Python 3.12 on."""
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, str(Path(aside.__file__).parent)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "ran\nTrue\n", done.stderr


def test_where_no_thread_can_be_started_a_function_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ran: list[int] = []
    assert aside.aside(lambda: ran.append(1), "late") is True
    assert ran == [1]
