"""The books of the nodes that start on this machine, without starting any: a raylet is a stand-in here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.tags import (
    NODE_KIND_WORKER,
    STATUS_UNINITIALIZED,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

from daftnb.engine.embedded import provider as provider_module
from daftnb.engine.embedded.provider import NUMBERS, LoopbackNodeProvider, free_number
from tests.conftest import await_that

TAGS = {
    TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
    TAG_RAY_NODE_STATUS: STATUS_UNINITIALIZED,
    TAG_RAY_USER_NODE_TYPE: "worker",
    "ray-launch-request": "r1",
}
CONFIG = {
    "gcs_address": "127.0.0.1:1",
    "node_memory": 10**9,
    "node_object_store": 10**8,
    "object_folder": None,
    "node_environment": {},
    "launch_multiple": True,
}


class Raylet:
    """Stands in for a node whose raylet starts: once it may, or not at all."""

    going = threading.Event()
    fails = False
    ended: list[int] = []
    started: list[Any] = []
    dead = False

    def __init__(self, number: int, params: Any) -> None:
        self.number, self.params = number, params
        assert Raylet.going.wait(30)
        if Raylet.fails:
            raise OSError("no room")
        Raylet.started.append(self)

    def dead_processes(self) -> list[tuple[str, Any]]:
        return [("raylet", None)] if self.dead else []

    def kill_all_processes(self, check_alive: bool, allow_graceful: bool) -> None:
        assert (check_alive, allow_graceful) == (False, True)
        Raylet.ended.append(self.number)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackNodeProvider]:
    monkeypatch.setenv("RAY_FAKE_CLUSTER", "1")
    monkeypatch.setattr(provider_module, "LoopbackNode", Raylet)
    Raylet.going, Raylet.fails, Raylet.ended, Raylet.started = threading.Event(), False, [], []
    nodes = LoopbackNodeProvider(CONFIG, "daftnb")
    yield nodes
    Raylet.going.set()
    assert nodes._launcher.close(30)


def create(nodes: LoopbackNodeProvider, count: int) -> list[str]:
    before = set(nodes.non_terminated_nodes({}))
    nodes.create_node_with_resources_and_labels({}, dict(TAGS), count, {"CPU": 2, "odd": 1}, {})
    return [node_id for node_id in nodes.non_terminated_nodes({}) if node_id not in before]


def running(nodes: LoopbackNodeProvider) -> list[bool]:
    return [nodes.is_running(node_id) for node_id in nodes.non_terminated_nodes(TAGS)]


def test_nodes_that_start_are_in_the_books_and_run_once_they_have(nodes: LoopbackNodeProvider) -> None:
    made = create(nodes, 3)
    assert len(set(made)) == 3 and running(nodes) == [False] * 3
    assert nodes.node_tags(made[0]).items() >= TAGS.items(), "the second autoscaler finds its request there"
    assert not nodes.is_terminated(made[0])
    Raylet.going.set()
    await_that(lambda: running(nodes) == [True] * 3, "all run")
    assert sorted(node.number for node in Raylet.started) == [1, 2, 3]
    params = Raylet.started[0].params
    assert (params.num_cpus, params.resources, params.node_ip_address) == (2, {"odd": 1}, "127.0.0.1")
    assert {node.params.env_vars["RAY_CLOUD_INSTANCE_ID"] for node in Raylet.started} == set(made)
    head = next(node_id for node_id in nodes.non_terminated_nodes({}) if node_id not in made)
    assert nodes.is_running(head)


def test_a_node_that_is_terminated_while_it_starts_is_ended_when_it_has(nodes: LoopbackNodeProvider) -> None:
    first, second = create(nodes, 2)
    nodes.terminate_node(first)
    assert nodes.non_terminated_nodes(TAGS) == [second] and not nodes.is_running(first) and nodes.is_terminated(first)
    Raylet.going.set()
    await_that(lambda: running(nodes) == [True] and nodes._launcher.count == 0, "the other runs")
    assert 2 not in Raylet.ended
    nodes.terminate_node(second)
    assert Raylet.ended[-1] == 2 and nodes.non_terminated_nodes(TAGS) == []
    assert {node.number for node in Raylet.started} == set(Raylet.ended), "all that started was ended"


def test_a_node_that_cannot_start_is_told_with_the_next_and_only_once(nodes: LoopbackNodeProvider) -> None:
    create(nodes, 1)
    Raylet.fails = True
    Raylet.going.set()
    await_that(lambda: nodes.non_terminated_nodes(TAGS) == [], "it is out of the books")
    Raylet.fails = False
    with pytest.raises(NodeLaunchException, match="OSError: no room") as caught:
        create(nodes, 2)
    assert caught.value.category == "NotStarted" and nodes.non_terminated_nodes(TAGS) == []
    assert len(create(nodes, 2)) == 2


def test_a_node_whose_raylet_died_is_in_no_list(nodes: LoopbackNodeProvider) -> None:
    Raylet.going.set()
    create(nodes, 1)
    await_that(lambda: running(nodes) == [True], "it runs")
    Raylet.started[0].dead = True
    assert nodes.non_terminated_nodes(TAGS) == [] and Raylet.ended == [1]


def test_numbers_go_round_and_leave_out_those_that_nodes_have() -> None:
    assert (free_number(0, {None}), free_number(3, {4, 5}), free_number(NUMBERS, {1})) == (1, 6, 2)
    assert free_number(7, set(range(1, NUMBERS + 1)) - {7}) == 7
