"""Addresses told apart, who listens where, and what a cluster's own words say about growing."""

from __future__ import annotations

import http.server
import json
import os
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.connection import remote
from daftnb.engine.connection.address import Address, parse
from daftnb.errors import ClusterError
from tests.conftest import await_that
from tests.helpers.releases import needs_ray


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (None, Address("local")),
        ("", Address("local")),
        ("local", Address("local")),
        ("auto", Address("auto")),
        ("10.1.2.3:6379", Address("gcs", "10.1.2.3", 6379)),
        (" head.example:7000 ", Address("gcs", "head.example", 7000)),
        ("[::1]:6379", Address("gcs", "::1", 6379)),
        ("ray://head:10001", Address("client", "head", 10001)),
        ("ray://head", Address("client", "head", 10001)),
    ],
)
def test_every_address_that_ray_takes(text: str | None, address: Address) -> None:
    assert parse(text) == address
    if text and address.kind in ("gcs", "client"):
        assert parse(str(address)) == address, "it is shown as it can be typed"


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("head", "head names no port.", "Try %daft connect head:6379"),
        ("head:http", "head:http: 'http' is not a port (1 to 65535).", "Try %daft connect head:6379"),
        ("head:٣", "head:٣: '٣' is not a port (1 to 65535).", "Try %daft connect head:6379"),
        ("head:70000", "head:70000: '70000' is not a port (1 to 65535).", "Try %daft connect head:6379"),
        (":6379", ":6379 names no host.", "Try %daft connect HOST:PORT"),
        ("ray:/head:10001", "ray:/head:10001: a host has no '/' in its name.", "Try %daft connect ray://head:10001"),
        ("he ad:6379", "he ad:6379: a host has no ' ' in its name.", "Try %daft connect head:6379"),
        ("ray://me@head:10001", "ray://me@head:10001: a host has no '@'", "Try %daft connect ray://mehead:10001"),
        ("ftp://head:21", "ftp://head:21 has the scheme 'ftp', which is not Ray's.", "Try %daft connect HOST:PORT"),
        ("9" * 990, f"{'9' * 39}… has 990 characters: no address is that long.", "Try %daft connect HOST:PORT"),
        ("http://head:8265/x", "http://head:8265/x is the address of a web page", "Try %daft connect ray://head:10001"),
    ],
)
def test_an_address_that_is_none_says_what_to_type(text: str, what: str, remedy: str) -> None:
    with pytest.raises(ClusterError) as caught:
        parse(text)
    assert caught.value.what.startswith(what)
    assert caught.value.remedy.startswith(remedy)


OWN = "node_" + "0123456789abcdef" * 3 + "01234567"


def facts(**changes: Any) -> dict[str, Any]:
    return {"config": None, "v2": None, "status": None, **changes}


def report(active: dict[str, int], **more: Any) -> str:
    return json.dumps({"autoscaler_report": {"active_nodes": active, "pending_nodes": [], **more}})


@pytest.mark.parametrize(
    ("said", "grows"),
    [
        (facts(), None),
        (facts(status=json.dumps({"load_metrics_report": {}})), None),
        (facts(status=report({})), None),
        (facts(status=report({OWN: 1})), False),
        (facts(status=report({OWN: 1, "ray.head.default": 1})), True),
        (facts(status=report({}, pending_nodes=[["10.0.0.1", "worker", "setting-up"]])), True),
        (facts(status=report({OWN: 1}, pending_launches={"worker": 2})), True),
        (facts(v2={"reports": 0, "node_types": ["headgroup"]}), None),
        (facts(v2={"reports": 3, "node_types": [""]}), False),
        (facts(v2={"reports": 3, "node_types": [""], "x": 0}, status=report({"worker": 1})), False),
        (facts(v2={"reports": 3, "node_types": ["headgroup", "workergroup"]}), True),
        (facts(v2={"reports": 3, "node_types": ["headgroup", "workergroup"], "only_reports": False}), True),
        (facts(v2={"reports": 3, "node_types": ["headgroup"], "only_reports": True}), False),
        (facts(config=[(1, 1, 2)], status=report({"worker": 1})), False),
        (facts(config=[(1, 4, 2)]), True),
    ],
)
def test_whether_a_cluster_grows_is_read_from_its_own_words(said: dict[str, Any], grows: bool | None) -> None:
    assert remote.grows(said) is grows


def test_the_limits_are_told_only_where_all_workers_are_alike() -> None:
    assert remote.limits(facts(config=[(0, 0, 0), (1, 4, 2), (0, 3, 2)])) == (1, 7, 2)
    assert remote.limits(facts(config=[(1, 4, 2), (0, 3, 8)])) is None
    assert remote.limits(facts()) is None


@pytest.fixture
def silent() -> Iterator[str]:
    """Something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def web() -> Iterator[str]:
    """Something that speaks, but not Ray."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def refused(address: str) -> str:
    from daftnb.engine.connection import preflight

    with pytest.raises(ClusterError) as caught:
        preflight.check(parse(address))
    return caught.value.what


@needs_ray
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_who_listens_but_is_not_ray_is_told_in_time(
    silent: str, web: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    what = refused(scheme + silent)
    assert what == f"{scheme}{silent} takes connections, but does not answer as Ray does within 1 s."
    what = refused(scheme + web)
    assert what == f"What listens at {scheme}{web} does not speak as Ray does."
    what = refused(scheme + "127.0.0.1:1")
    assert what == f"Nothing can be reached at {scheme}127.0.0.1:1: Connection refused."
    what = refused(scheme + "no-such-host.invalid:6379")
    assert what.startswith(f"The host 'no-such-host.invalid' of {scheme}no-such-host.invalid:6379 cannot be looked up:")


def test_a_machine_that_swallows_everything_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # A server whose queue is full does not answer: to a client it is a machine that is not there.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        where = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(where)
        what = refused(f"127.0.0.1:{where[1]}")
        for each in waiting:
            each.close()
    assert what.startswith(f"Nothing can be reached at 127.0.0.1:{where[1]}: no answer within 1.5 s")


def test_the_documented_spelling_works_once_loaded_and_goes_again() -> None:
    import daft
    import daft.context

    from daftnb.engine.connection.runner_slot import restore_documented_spelling

    assert not hasattr(daft.context, "set_runner_ray"), "Daft has it again: the alias can go"
    undo = restore_documented_spelling()
    assert daft.context.set_runner_ray is daft.set_runner_ray
    undo()
    assert not hasattr(daft.context, "set_runner_ray")


@needs_ray
@pytest.mark.parametrize(
    ("raised", "becomes"), [(ConnectionError("no node"), ClusterError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_head_that_came_up_only_in_part_leaves_nothing_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, becomes: type[BaseException]
) -> None:
    import ray

    from daftnb.engine.connection import link as ray_link

    def fail(*_arguments: Any, **_options: Any) -> None:
        assert os.environ["RAY_AUTH_TOKEN_PATH"] == "/nowhere/token"
        raise raised

    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(becomes) as caught:
        ray_link.connect("127.0.0.1:1", {"RAY_AUTH_TOKEN_PATH": "/nowhere/token"}, lambda: None)
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ
    if becomes is ClusterError:
        assert "127.0.0.1:1 came up only in part: no node" in str(caught.value)


@needs_ray
def test_a_session_that_opens_once_it_was_given_up_is_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray counts it as a connection, and would refuse the next attempt."""
    import ray
    from ray.util import client

    from daftnb.engine.connection.client import open_session

    late = threading.Event()
    attempts: list[int] = []

    def init(address: str) -> None:
        attempts.append(client.num_connected_contexts())
        if len(attempts) == 1:
            late.wait(10)
            client._all_contexts.add(client._default_context)  # as RayAPIStub.connect does where it succeeds

    def say(text: str) -> None:
        late.set()
        await_that(lambda: client.num_connected_contexts() == 1, "the first session has opened")
        said.append(text)

    said: list[str] = []
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr("daftnb.engine.connection.client.ABORT_SECONDS", 0.1)
    open_session("ray://127.0.0.1:1", {}, say, limit=0.3)
    assert said == ["the head opened no Ray Client session; trying again"]
    assert attempts == [0, 0] and client.num_connected_contexts() == 0


@needs_ray
def test_what_a_later_daft_gives_its_flotilla_runner_goes_on_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    import daft.runners
    from daft.runners import flotilla

    from daftnb.engine.connection.runner_slot import other_options

    assert other_options() == {}, "this Daft gives it the startup timeout alone"

    class Later:
        def __init__(
            self, worker_startup_timeout: int = 1, autoscale_strategy: str | None = None, new: int = 2
        ) -> None:
            """Take what Daft's main branch does, and something that its runner does not know."""

    given = SimpleNamespace(worker_startup_timeout=9, autoscale_strategy="bisect")
    monkeypatch.setattr(daft.runners, "_get_runner", lambda: given)
    monkeypatch.setattr(flotilla, "FlotillaRunner", Later)
    assert other_options() == {"autoscale_strategy": "bisect"}
