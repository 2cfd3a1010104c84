"""What Ray's two autoscalers report of nodes that come, that could not, and that never will; and how it is shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor import launches as module
from daftnb.engine.actor.launches import FAILED_SECONDS, LOOK_SECONDS, Launches, Report, of_the_first, of_the_second
from daftnb.engine.actor.tap import Tap
from daftnb.engine.queries.tap_events import TapEvents
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.thinning import says_nothing
from daftnb.text.states import pool_words
from tests.helpers.folding import CLUSTER, folded, log
from tests.helpers.releases import needs_ray


@needs_ray
def test_the_second_autoscalers_state() -> None:
    from ray.core.generated import autoscaler_pb2 as messages

    def one(**resources: float) -> Any:
        return messages.ResourceRequest(resources_bundle=resources)

    request = messages.ResourceRequestByCount(request=one(CPU=1), count=3)
    state = messages.AutoscalingState(
        pending_instance_requests=[messages.PendingInstanceRequest(ray_node_type_name="a", count=2)],
        pending_instances=[messages.PendingInstance(ray_node_type_name=kind) for kind in "ab"],
        failed_instance_requests=[
            messages.FailedInstanceRequest(ray_node_type_name="a", count=2, reason="no room", failed_ts=77)
        ],
        infeasible_cluster_resource_constraints=[messages.ClusterResourceConstraint(resource_requests=[request])],
        infeasible_resource_requests=[one(GPU=1, CPU=8)],
    )
    assert of_the_second(state) == Report(
        {"a": 3, "b": 1}, [("a", "no room", 77.0)] * 2, [{"CPU": 1.0}] * 3, [{"GPU": 1.0, "CPU": 8.0}]
    )
    assert of_the_second(messages.AutoscalingState()) == Report({}, [], [], [])


def test_what_a_release_does_not_tell_is_not_known() -> None:
    assert of_the_second(SimpleNamespace()) == Report(None, [], [], [])
    assert of_the_second(SimpleNamespace(pending_instances=[])) == Report(None, [], [], [])
    assert of_the_first({"active_nodes": {}}) == Report(None, [], [], [])


def test_the_first_autoscalers_report() -> None:
    why = {"category": "Quota", "description": "no more of this"}
    records = {
        "a": {"is_available": False, "last_checked_timestamp": 77.5, "unavailable_node_information": why},
        "b": {"is_available": True, "last_checked_timestamp": 77.5, "unavailable_node_information": None},
        "c": {"is_available": False, "last_checked_timestamp": 78, "unavailable_node_information": None},
    }
    report = {
        "pending_launches": {"a": 2},
        "pending_nodes": [["10.0.0.1", "a", "setting-up"], ["10.0.0.2", "b", "waiting"]],
        "node_availability_summary": {"node_availabilities": records},
    }
    failed = [("a", "Quota: no more of this", 77.5), ("c", "", 78.0)]
    assert of_the_first(report) == Report({"a": 3, "b": 1}, failed, [], [])


class Clock:
    now = 1000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> tuple[Tap, Launches, Clock, list[Any]]:
    """A tap whose query has asked for 12 CPUs and was given a maximum of 8; what Ray will answer, in turn."""
    clock, answers = Clock(), list[Any]()

    def read() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, "read", read)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr("daftnb.engine.actor.tap.time", clock)
    tap = Tap()
    tap.requested([{"CPU": 1}] * 12, [{"CPU": 1}] * 8)
    return tap, Launches(tap), clock, answers


Asked = tuple[Tap, Launches, Clock, list[Any]]


def test_ray_is_asked_only_while_a_query_wants_workers_and_not_too_often(asked: Asked) -> None:
    tap, launches, clock, answers = asked
    assert launches.row(False) is None
    answers += [Report({"b": 1, "a": 2}, [], [], []), None, TimeoutError("busy"), Report(None, [], [], [])]
    assert launches.row(True) == ((("a", 2), ("b", 1)), 0, ())
    clock.now += LOOK_SECONDS - 0.1
    assert (launches.row(True), len(answers)) == (None, 3)
    clock.now += 0.1
    assert (launches.row(True), len(answers)) == (None, 2), "it has reported nothing"
    clock.now += LOOK_SECONDS
    with pytest.raises(TimeoutError):
        launches.row(True)
    clock.now += FAILED_SECONDS - 1
    assert (launches.row(True), len(answers)) == (None, 1), "who does not answer is left alone"
    clock.now += 1
    assert launches.row(True) == (None, 0, ())
    tap.requested([])
    assert [launches.row(True), launches.row(True)] == [(None, 0, ()), None], "what was known is so no more"


def test_a_failure_is_told_once_and_only_if_it_is_of_our_request(asked: Asked) -> None:
    tap, launches, clock, answers = asked
    new, old, undated = ("a", "no room", 1001.0), ("a", "no room", 900.0), ("b", "", 0.0)
    answers += [Report({}, [old, new], [], []), Report({}, [new, new, undated], [], [])]
    for _ in range(2):
        launches.row(True)
        clock.now += LOOK_SECONDS
    told = [event for event in tap.drain(0, 0)["events"] if event[0] == "launch failed"]
    assert [event[2:] for event in told] == [("a", 1, "no room"), ("a", 1, "no room"), ("b", 1, "")]


def test_a_request_that_is_dropped_is_told_if_it_is_the_one_that_stands_here(asked: Asked) -> None:
    tap, launches, clock, answers = asked
    for bundles in (8, 12, 3):
        answers.append(Report({}, [], [{"CPU": 1.0}] * bundles, [{"GPU": 1.0}, {"GPU": 1.0}, {"CPU": 0.5}]))
    seen = []
    for _ in range(3):
        seen.append(launches.row(True))
        clock.now += LOOK_SECONDS
    assert seen == [((), dropped, ("CPU: 0.5", "GPU: 1")) for dropped in (8, 0, 0)], "8 were sent"
    tap.requested([{"CPU": 2}] * 3)
    answers.append(Report({}, [], [{"CPU": 2.0}] * 3, []))
    assert launches.row(True) == ((), 6, ())


NOTHING: dict[str, Any] = {
    **dict.fromkeys(("events", "tasks", "stages", "workers", "lives", "udfs", "stats", "usage"), ()),
    **{"now": 100.0, "dropped": 0, "asked": None, "hold": None, "nodes": None, "faults": {}},
}
REQUEST = e.ScaleRequested(1.0, 3, 3, 9, 0)
DROPPED = (
    "Ray drops the whole request for 3 CPUs, because this cluster can never have all of it: "
    "raise its maximum, or have less asked (%daft set threshold=5)"
)
LACKING = "no kind of node has GPU: 1, which something on this cluster asks for: it waits until one is added"


def test_they_are_events_on_this_clock() -> None:
    drained = {**NOTHING, "events": [("launch failed", 90.0, "a", 2, "why")]}

    def launches(row: Any) -> list[e.Event]:
        return list(TapEvents().events({**drained, "launches": row}, 5.0))

    failed, pool = e.LaunchFailed(95.0, "a", 2, "why"), e.PoolSeen(105.0, ())
    assert launches(None) == [failed, pool]
    seen = e.LaunchesSeen(105.0, (e.Coming("a", 2),), 3, ("GPU: 1",))
    assert launches(((("a", 2),), 3, ("GPU: 1",))) == [failed, pool, seen]
    assert launches((None, 0, ()))[-1] == e.LaunchesSeen(105.0)


def shown(state: Any) -> tuple[int | None, list[str]]:
    snapshot = snapshot_of(state, 9.0, "ray", AutoscalingSettings())
    return snapshot["workers"]["coming"], list(snapshot["session"]["problems"].values())


def test_nodes_on_their_way_and_what_never_comes_are_shown_while_they_are_so() -> None:
    seen = e.LaunchesSeen(2.0, (e.Coming("a", 2), e.Coming("b", 1)), 3, ("GPU: 1",))
    state = folded(CLUSTER, REQUEST, seen)
    assert shown(state) == (3, [DROPPED])
    assert [entry[::2] for entry in log(state)[1:]] == [("infeasible", DROPPED), ("infeasible", LACKING)]
    assert says_nothing(e.LaunchesSeen(3.0, *seen_parts(seen)), state)
    assert not says_nothing(e.LaunchesSeen(3.0), state)
    folded(e.LaunchesSeen(3.0, *seen_parts(seen)), e.LaunchesSeen(4.0, (), 0, ("GPU: 1", "TPU: 4")), state=state)
    assert shown(state) == (0, [])
    assert [entry[2] for entry in log(state)[3:]] == [LACKING.replace("GPU: 1", "TPU: 4")], "each is one line"
    for end in (e.DemandCleared(5.0), e.PoolSeen(5.0, ()), e.RunnerEnded(5.0), e.LaunchesSeen(5.0)):
        assert shown(folded(CLUSTER, REQUEST, seen, end)) == (None, []), end


def seen_parts(seen: e.LaunchesSeen) -> tuple[Any, ...]:
    return seen.coming, seen.dropped_cpus, seen.lacking


def test_a_launch_that_failed_is_a_decision_with_its_reason() -> None:
    failed = e.LaunchFailed(2.0, "gpu-group", 2, "quota\n  exceeded")
    state = folded(CLUSTER, REQUEST, failed, failed, e.LaunchFailed(2.0, "", 1, ""))
    assert log(state)[1:] == [
        ("launch failed", "", "Ray could not start 2 nodes of the kind gpu-group: quota exceeded", 2),
        ("launch failed", "", "Ray could not start 1 node: it does not say why", 1),
    ]


@pytest.mark.parametrize(
    ("coming", "words"), [(None, ""), (0, ""), (1, ", 1 node on the way"), (2, ", 2 nodes on the way")]
)
def test_the_pool_in_one_line(coming: int | None, words: str) -> None:
    pool = {"total": 2, "busy": 1, "idle": 1, "warm": 0, "slots": 2}
    assert pool_words(pool) == "Workers: 2, 1 busy, 1 idle, 2 CPU slots"
    assert pool_words({**pool, "coming": coming}) == f"Workers: 2, 1 busy, 1 idle, 2 CPU slots{words}"
