"""The fold, event by event: what each changes, what it does not, and the words of the decision log."""

from __future__ import annotations

from typing import Any

import pytest

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State, Worker
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.state import apply
from daftnb.telemetry.thinning import same_usage, says_nothing
from tests.helpers.folding import CLUSTER, NODES, folded, log


def facts(worker: Worker) -> dict[str, Any]:
    return {name: getattr(worker, name) for name in ("state", "since", "started", "running", "idle_since", "now")}


BUSY = e.WorkerCounts(12.0, "a", 1, 3, None, tasks=((7, 2, 11.5),))


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(TypeError, match="no such event: str"):
        apply("a story", State())  # type: ignore[arg-type]


# -- nodes and workers ------------------------------------------------------------------------------------------------


def test_a_node_becomes_a_worker_and_says_how_long_it_took() -> None:
    state = folded(NODES)
    assert {w.id: (w.label, w.state, w.head, w.slots, w.memory) for w in state.workers.values()} == {
        "h": ("head", "no worker", True, 0, 9),
        "a": ("worker 1", "starting", False, 2, 7),
    }
    assert (state.granted, state.nodes_known, state.actors(), state.worker_count) == (2, True, [], 1)
    folded(e.WorkerStarted(11.5, "a", 2, 7), e.WorkerStarted(11.6, "b", 1, 7), state=state)
    assert log(state) == [
        ("arrival", "+1", "worker 1 is ready, 1.5 s after its node", 1),
        ("arrival", "+1", "worker 2 is ready", 1),
    ]
    assert facts(state.workers["a"]) == {
        "state": "idle", "since": 11.5, "started": 11.5, "running": 0, "idle_since": 11.5, "now": (),
    }  # fmt: skip
    before = facts(state.workers["a"])
    folded(e.WorkerStarted(14.0, "a", 2, 7), state=state)
    assert facts(state.workers["a"]) == before and len(state.marks) == 2, "told again, it changes nothing"


def test_a_worker_at_once_with_its_node_is_simply_ready() -> None:
    state = folded(NODES, e.WorkerStarted(10.04, "a", 2, 7))
    assert log(state) == [("arrival", "+1", "worker 1 is ready", 1)]
    state = folded(NODES, e.WorkerStarted(10.05, "a", 2, 7))
    assert log(state) == [("arrival", "+1", "worker 1 is ready, 0.1 s after its node", 1)]


def test_a_worker_after_a_request_says_so() -> None:
    asked = e.ScaleRequested(9.0, 2, 2, 5, 1)
    assert log(folded(asked, e.WorkerStarted(11.5, "a", 1, 1)))[1][2] == "worker 1 came 2.5 s after the last request"
    assert log(folded(asked, e.WorkerStarted(9.0, "a", 1, 1)))[1][2] == "worker 1 came 0.0 s after the last request"
    assert log(folded(asked, e.WorkerStarted(25.0, "a", 1, 1)))[1][2] == "worker 1 came 16.0 s after the last request"
    assert log(folded(asked, e.WorkerStarted(8.0, "a", 1, 1)))[1][2] == "worker 1 is ready", "told late: it was before"


def test_a_worker_that_comes_again_is_not_measured_from_its_end() -> None:
    again = folded(e.WorkerStarted(2.0, "a", 1, 1), e.WorkerEnded(5.0, "a", "retired"), e.WorkerStarted(9.0, "a", 1, 1))
    assert log(again)[-1] == ("arrival", "+1", "worker 1 is ready", 1)
    late = folded(NODES, e.WorkerStarted(25.0, "a", 2, 7))
    assert log(late) == [("arrival", "+1", "worker 1 is ready, 15.0 s after its node", 1)]
    least = folded(e.NodesSeen(0.0, NODES.nodes), e.WorkerStarted(0.05, "a", 2, 7))
    assert log(least) == [("arrival", "+1", "worker 1 is ready, 0.1 s after its node", 1)]
    read = e.WorkerKnown(0.0, "a", "worker 9", 2, 7, 0.0, "".join(["start", "ing"]), False)
    assert log(folded(read, e.WorkerStarted(3.0, "a", 2, 7)))[0][2] == "worker 9 is ready, 3.0 s after its node"


def test_all_nodes_that_are_gone_are_seen_to_be() -> None:
    state = folded(
        NODES, e.NodesSeen(11.0, (*NODES.nodes, e.Node("b", 1, 1, False))), e.NodesSeen(12.0, NODES.nodes[:1])
    )
    folded(e.NodesSeen(13.0, (e.Node("c", 1, 1, False),)), state=state)
    folded(e.NodesSeen(14.0, ()), state=state)
    assert {w.id: (w.state, w.since) for w in state.workers.values()} == {
        "h": ("gone", 13.0), "a": ("gone", 12.0), "b": ("gone", 12.0), "c": ("gone", 14.0),
    }  # fmt: skip


def test_what_a_worker_does_its_node_does_not_change() -> None:
    state = folded(NODES, e.WorkerStarted(11.0, "a", 2, 7), BUSY, NODES)
    assert (state.workers["a"].state, state.workers["a"].since) == ("busy", 11.0)
    folded(e.WorkerEnded(13.0, "a", "died"), e.NodesSeen(14.0, NODES.nodes), state=state)
    assert (state.workers["a"].state, state.workers["a"].since) == ("died", 13.0)
    folded(e.NodesSeen(15.0, NODES.nodes[:1]), state=state)
    assert log(state)[-1] == ("gone", "", "Ray released the node of worker 1", 1)
    gone = e.WorkerKnown(0.0, "a", "worker 1", 2, 7, 0.0, "".join(["go", "ne"]), False)
    assert folded(gone, NODES).workers["a"].state == "starting"
    assert list(folded(gone, e.NodesSeen(61.0, ())).workers) == []


def test_the_head_is_known_also_where_its_worker_came_first() -> None:
    state = folded(e.WorkerStarted(9.0, "h", 2, 9), e.NodesSeen(10.0, (e.Node("h", 2, 9, True),)))
    assert (state.workers["h"].head, state.workers["h"].label, state.workers["h"].state) == (True, "worker 1", "idle")
    state = folded(NODES, NODES)
    assert [(w.label, w.head, w.state) for w in state.workers.values()] == [
        ("head", True, "no worker"), ("worker 1", False, "starting"),
    ], "seen again, they are the same"  # fmt: skip


def test_a_new_node_is_granted_where_one_was_asked_for() -> None:
    more = e.NodesSeen(12.0, (*NODES.nodes, e.Node("b", 2, 7, False), e.Node("i", 0, 7, False)))
    assert log(folded(NODES, more)) == []
    state = folded(NODES, e.ScaleRequested(11.0, 2, 2, 5, 1), more)
    assert log(state)[1:] == [("granted", "", "Ray gave the node of worker 2, 1.0 s after the last request", 1)]
    assert (state.granted, state.workers["i"].state) == (4, "no worker")
    late = folded(NODES, e.ScaleRequested(2.0, 2, 2, 5, 1), more)
    assert log(late)[1][2] == "Ray gave the node of worker 2, 10.0 s after the last request"
    first = folded(e.ScaleRequested(11.0, 2, 2, 5, 1), more)
    assert [mark[0] for mark in log(first)] == ["request"], "the first list of nodes is of those that were there"


def test_counts_make_a_worker_busy_idle_or_warm() -> None:
    state = folded(NODES, e.WorkerStarted(11.0, "a", 2, 7), BUSY)
    worker = state.workers["a"]
    assert (worker.state, worker.running, worker.finished, worker.now) == ("busy", 1, 3, ((7, 2, 11.5),))
    assert list(worker.spans) == [[12.0, None]]
    folded(e.WorkerCounts(12.5, "a", 2, 3, None), state=state)
    assert list(worker.spans) == [[12.0, None]], "it goes on"
    folded(e.WorkerCounts(14.0, "a", 0, 4, 13.5, retires_at=73.5, rule="after 60 s idle"), state=state)
    assert (worker.state, worker.idle_since, worker.retires_at, worker.rule) == ("idle", 13.5, 73.5, "after 60 s idle")
    assert list(worker.spans) == [[12.0, 13.5]]
    folded(e.WorkerCounts(15.0, "a", 0, 6, 14.8, True, None, "survivor"), state=state)
    assert (worker.state, list(worker.spans)) == ("warm", [[12.0, 13.5], [13.5, 14.8]]), "busy between two looks"
    assert log(state)[-1] == ("kept", "", "worker 1 is kept though idle: survivor", 1)
    folded(e.WorkerCounts(16.0, "a", 0, 6, 14.8, True, None, "".join(["surv", "ivor"])), state=state)
    assert log(state)[-1] == ("kept", "", "worker 1 is kept though idle: survivor", 1)
    assert len(worker.spans) == 2 and len(state.marks) == 2
    for rule in ("a rule", "the head's", "a rule", "".join(["surv", "ivor"])):
        folded(e.WorkerCounts(17.0, "a", 0, 6, 14.8, True, None, rule), state=state)
    assert log(state)[1:] == [("kept", "", "worker 1 is kept though idle: survivor", 2)], "only a survivor is"
    folded(e.WorkerCounts(18.0, "a", 1, 6, None), e.WorkerCounts(19.0, "a", 0, 7, 18.5), state=state)
    assert list(worker.spans) == [[12.0, 13.5], [13.5, 14.8], [18.0, 18.5]]
    folded(e.WorkerCounts(20.0, "a", 0, 1, 19.5), state=state)
    assert len(worker.spans) == 3, "it has been started again: fewer than before"


def test_a_span_has_an_end_where_the_engine_does_not_say_when() -> None:
    state = folded(e.WorkerStarted(11.0, "a", 2, 7), BUSY, e.WorkerCounts(13.0, "a", 0, 3, None))
    assert list(state.workers["a"].spans) == [[12.0, 13.0]]
    state = folded(e.WorkerStarted(11.0, "a", 2, 7), BUSY, e.WorkerCounts(13.0, "a", 0, 4, 11.9))
    assert list(state.workers["a"].spans) == [[12.0, 12.0]], "never before its beginning"
    state = folded(e.WorkerStarted(11.0, "a", 2, 7), BUSY, e.WorkerCounts(13.0, "a", 0, 3, None))
    folded(e.WorkerCounts(14.0, "a", 0, 5, 13.6), state=state)
    assert list(state.workers["a"].spans)[1:] == [[13.6, 13.6]]


@pytest.mark.parametrize(
    ("event", "state_then", "mark"),
    [
        (e.WorkerEnded(20.0, "a", "retired", "after 5 s idle"), "retired",
         ("retire", "−1", "worker 1 was retired (after 5 s idle)", 1)),
        (e.WorkerEnded(20.0, "a", "died"), "died", ("died", "✕", "worker 1 died; its tasks are pending again", 1)),
        (e.RunnerEnded(20.0), "gone", ("died", "✕", "Daft's runner actor died, and its workers with it; the next query "
                                       "makes a new one", 1)),
        (e.NodesSeen(20.0, ()), "gone", ("died", "✕", "the node of worker 1 is gone", 1)),
        (e.PoolSeen(20.0, ()), "retired",
         ("gone", "−1", "worker 1 has ended; when and why was not fetched in time", 1)),
    ],
)  # fmt: skip
def test_the_end_of_a_worker_that_was_busy(event: e.Event, state_then: str, mark: Any) -> None:
    before = e.WorkerCounts(11.2, "a", 1, 0, None), e.WorkerCounts(11.5, "a", 0, 2, 11.4)
    state = folded(e.WorkerStarted(11.0, "a", 2, 7), *before, BUSY)
    worker = state.workers["a"]
    worker.retires_at, worker.rule = 99.0, "a rule"
    folded(event, state=state)
    assert facts(worker) | {"spans": list(worker.spans)} == {
        "state": state_then, "since": 20.0, "started": 11.0, "running": 0, "idle_since": None, "now": (),
        "spans": [[11.2, 11.4], [12.0, 20.0]],
    }  # fmt: skip
    assert (worker.retires_at, worker.rule, worker.is_actor) == (None, "", False)
    assert log(state)[-1] == mark
    folded(e.WorkerCounts(21.0, "a", 1, 3, None), e.WorkerEnded(21.0, "a", "died"), state=state)
    assert (worker.state, worker.since, len(state.marks)) == (state_then, 20.0, 2), "it has ended"


def test_the_idle_time_of_who_is_retired_is_said() -> None:
    state = folded(e.WorkerStarted(11.0, "a", 2, 7), e.WorkerEnded(13.5, "a", "retired"))
    assert log(state)[-1] == ("retire", "−1", "worker 1 was retired, 2.5 s idle", 1)
    read = "".join(["ret", "ired"])
    state = folded(e.WorkerStarted(5.0, "a", 2, 7), e.WorkerEnded(13.5, "a", read))  # type: ignore[arg-type]
    assert log(state)[-1] == ("retire", "−1", "worker 1 was retired, 8.5 s idle", 1)


def test_a_node_that_is_gone_is_listed_for_a_minute_and_may_come_back() -> None:
    state = folded(NODES, e.NodesSeen(20.0, NODES.nodes[:1]))
    assert log(state) == [("gone", "", "Ray released the node of worker 1", 1)]
    assert (state.workers["a"].state, state.workers["a"].since, state.granted) == ("gone", 20.0, 0)
    for t in (50.0, 80.0):
        folded(e.NodesSeen(t, NODES.nodes[:1]), state=state)
        assert "a" in state.workers
    folded(e.NodesSeen(30.0, NODES.nodes), state=state)
    assert (state.workers["a"].state, state.workers["a"].since) == ("starting", 30.0)
    folded(e.NodesSeen(31.0, NODES.nodes[:1]), e.NodesSeen(91.5, NODES.nodes[:1]), state=state)
    assert list(state.workers) == ["h"]
    folded(e.NodesSeen(92.0, ()), state=state)
    assert [mark[2] for mark in log(state)] == ["Ray released the node of worker 1"], "the head has none to release"
    read = e.WorkerKnown(92.0, "h", "head", 0, 9, 1.0, "".join(["no ", "worker"]), True)
    assert log(folded(read, e.NodesSeen(93.0, ()))) == [], "also as a file has it"
    assert log(state)[0][3] == 2


def test_several_that_are_kept_or_taken_over_at_one_moment_are_one_line() -> None:
    state = folded(*(e.WorkerStarted(1.0, id_, 1, 1) for id_ in "abc"))
    folded(e.WorkerKept(2.0, "a"), e.WorkerKept(2.3, "b"), e.WorkerKept(3.0, "c"), e.WorkerKept(3.1, "?"), state=state)
    assert [w.state for w in state.workers.values()] == ["warm"] * 3
    folded(e.WorkerReused(4.0, "a"), e.WorkerReused(4.5, "b"), e.WorkerReused(4.5, "?"), state=state)
    assert [w.state for w in state.workers.values()] == ["idle", "idle", "warm"]
    assert log(state)[3:] == [
        ("sweep", "", "the query has ended: worker 1, worker 2 kept warm for the next one", 1),
        ("sweep", "", "the query has ended: worker 3 kept warm for the next one", 1),
        ("reuse", "", "worker 1, worker 2 taken over warm", 1),
    ]


def test_what_is_told_after_another_thing_or_much_later_is_a_line_of_its_own() -> None:
    state = folded(e.WorkerStarted(0.9, "a", 1, 1), e.WorkerStarted(0.9, "b", 1, 1), e.WorkerKept(1.0, "a"))
    folded(e.WorkerKept(2.2, "b"), state=state)
    assert [m[0] for m in log(state)] == ["arrival", "arrival", "sweep", "sweep"]
    folded(e.WorkerReused(2.3, "a"), state=state)
    assert [m[0] for m in log(state)][2:] == ["sweep", "sweep", "reuse"]


# -- what is absolute -------------------------------------------------------------------------------------------------


def test_a_look_makes_up_for_what_was_not_told() -> None:
    state = folded(e.QueryStarted(1.0, "q", "ray"), e.WorkerStarted(2.0, "a", 1, 7), e.ScaleRequested(2.5, 1, 1, 5, 1))
    asked = e.ScaleRequested(3.0, 4, 4, 9, 1)
    look = e.PoolSeen(5.0, (e.Life("b", 3.5, 2, 8), e.Life("c", 3.6, 2, 8)), asked)
    assert not says_nothing(look, state)
    folded(look, state=state)
    assert {w.id: (w.state, w.since, w.slots, w.memory) for w in state.workers.values()} == {
        "a": ("retired", 5.0, 1, 7),
        "b": ("idle", 3.5, 2, 8),
        "c": ("idle", 3.6, 2, 8),
    }
    assert state.request == asked
    assert (state.queries["q"].workers_from, state.queries["q"].workers_to) == (1, 2)
    assert says_nothing(look, state)
    marks = len(state.marks)
    folded(look, e.PoolSeen(6.0, look.workers, e.ScaleRequested(3.1, 4, 4, 9, 1)), state=state)
    assert len(state.marks) == marks and state.request == asked, "one that is known is not told anew"
    fewer = e.ScaleRequested(6.3, 2, 2, 9, 1)
    assert folded(e.PoolSeen(6.4, look.workers, fewer), state=state).request == fewer
    folded(e.ScaleRequested(6.5, 1000, 1000, 9, 1), state=state)
    known = state.request
    folded(e.PoolSeen(6.6, look.workers, e.ScaleRequested(6.4, 1000, int("1000"), 9, 1)), state=state)
    assert state.request is known
    folded(e.QueryStarted(6.7, "later", "ray"), e.PoolSeen(6.8, look.workers, known), state=state)
    assert state.queries["later"].workers_from is None, "nothing has changed: it is counted with its plan"
    folded(e.PoolSeen(3.55, ()), state=state)
    assert [w.state for w in state.workers.values()] == ["retired", "retired", "idle"], (
        "of before the third one's start"
    )
    assert state.request is None
    assert folded(e.WorkerStarted(2.0, "a", 1, 1), e.PoolSeen(2.0, ())).workers["a"].state == "retired"
    assert not says_nothing(e.PoolSeen(7.0, (e.Life("c", 3.6, 2, 8),), asked), state)
    assert not says_nothing(e.PoolSeen(7.0, ()), state)
    assert not says_nothing(e.PoolSeen(7.0, (e.Life("d", 3.6, 2, 8), e.Life("c", 3.6, 2, 8))), state)
    folded(e.ScaleRequested(8.0, 5, 5, 9, 1), state=state)
    assert not says_nothing(e.PoolSeen(9.0, (e.Life("c", 3.6, 2, 8),), asked), state), "another request"


def test_a_worker_whose_node_is_gone_does_not_live_because_the_engine_thinks_so() -> None:
    life = e.PoolSeen(14.0, (e.Life("a", 11.0, 2, 7),))
    state = folded(NODES, e.WorkerStarted(11.0, "a", 2, 7), e.NodesSeen(13.0, NODES.nodes[:1]))
    assert says_nothing(life, state)
    assert folded(life, state=state).workers["a"].state == "gone"
    folded(e.NodesSeen(90.0, NODES.nodes[:1]), life, state=state)
    assert list(state.workers) == ["h"], "nor does it come back into the list"
    folded(NODES, life, state=state)
    assert state.workers["a"].state == "idle", "its node is there"
    folded(e.RunnerEnded(95.0), e.PoolSeen(97.0, (e.Life("a", 96.0, 2, 7),)), state=state)
    assert (state.workers["a"].state, state.workers["a"].started) == ("idle", 96.0), "a new one, of a new runner"


def test_usage_that_is_not_known_is_not_near_to_any() -> None:
    known = e.NodeFigures(1.0, "a", 100, 1000, 50, 500)
    assert same_usage(known, e.NodeFigures(2.0, "a", 110, 1000, 55, 500))
    for other in ((111, 1000, 50, 500), (100, 1000, 56, 500), (None, 1000, 50, 500), (100, 1001, 50, 500)):
        assert not same_usage(known, e.NodeFigures(2.0, "a", *other)), other
    assert not same_usage(None, known)
    unknown = e.NodeFigures(1.0, "a", None, 1000, None, None)
    assert same_usage(unknown, e.NodeFigures(2.0, "a", None, 1000, None, None))


def test_the_dropped_never_become_fewer() -> None:
    state = folded(e.DetailDropped(1.0, 5), e.DetailDropped(2.0, 3))
    assert state.dropped == 5
    assert says_nothing(e.DetailDropped(3.0, 5), state) and not says_nothing(e.DetailDropped(3.0, 6), state)
    problems = snapshot_of(state, 3.0, "ray", AutoscalingSettings())["session"]["problems"]
    assert problems == {"0": "5 details were not fetched in time; all counts are exact."}


def test_another_cluster_has_other_workers() -> None:
    state = folded(CLUSTER, NODES, e.ScaleRequested(11.0, 2, 2, 5, 1))
    folded(e.ClusterChanged(12.0, "embedded", "running", "".join(["he", "re"])), state=state)
    assert len(state.workers) == 2 and state.request is not None
    folded(e.ClusterChanged(13.0, "external", "running", "there"), state=state)
    assert (state.workers, state.worker_count, state.request, state.hold, state.granted) == ({}, 0, None, None, None)
    folded(NODES, e.ClusterChanged(13.5, "external", "running", "a place"), state=state)
    assert state.workers == {}
    stopped = "".join(["sto", "pped"])
    folded(NODES, e.ClusterChanged(14.0, "external", stopped, "a place"), state=state)  # type: ignore[arg-type]
    assert state.workers == {} and state.cluster is not None and state.cluster.state == "stopped"


def test_a_worker_that_nobody_asked_for_is_not_said_to_have_come_after_a_request() -> None:
    asked = e.ScaleRequested(9.0, 2, 2, 5, 1)
    state = folded(asked, e.WorkerStarted(10.0, "a", 1, 1), e.WorkerEnded(40.0, "a", "died"))
    folded(e.WorkerStarted(43.0, "a", 1, 1), state=state)
    assert [text for _, _, text, _ in log(state)][1:] == [
        "worker 1 came 1.0 s after the last request",
        "worker 1 died; its tasks are pending again",
        "worker 1 is ready again, on the same node",
    ]
    # A node that was there before the request, and one that comes after it.
    state = folded(NODES, e.ScaleRequested(10.2, 3, 3, 5, 1), e.WorkerStarted(11.0, "a", 2, 7))
    assert log(state)[-1][2] == "worker 1 is ready, 1.0 s after its node"
    later = e.NodesSeen(12.0, (*NODES.nodes, e.Node("b", 2, 7, False)))
    folded(later, e.WorkerStarted(13.5, "b", 2, 7), state=state)
    assert log(state)[-1][2] == "worker 2 came 3.3 s after the last request"


def test_a_worker_that_ray_ended_for_want_of_memory_is_said_to_be() -> None:
    state = folded(e.WorkerStarted(1.0, "a", 1, 1), e.WorkerEnded(2.0, "a", "died", "out of memory"))
    assert log(state)[-1][2] == "worker 1 was ended by Ray: its node ran out of memory"


def test_a_task_that_goes_on_ending_workers_is_a_problem_while_its_query_runs() -> None:
    def problems(state: State) -> list[str]:
        return list(snapshot_of(state, 9.0, "ray", AutoscalingSettings())["session"]["problems"].values())

    node = e.PlanNode(4, "UDF crash", "Intermediate", ())
    state = folded(e.QueryStarted(1.0, "q", "ray"), e.PlanReady(1.0, "q", (node,)))
    told = e.TaskEndedWorkers(2.0, "q", 4, 17, 2)
    assert not says_nothing(told, state)
    folded(told, e.TaskEndedWorkers(2.0, "another", 4, 17, 2), state=state)
    assert says_nothing(told, state)
    again = "Daft tries it again each time. To end the query, interrupt its cell or type %daft cancel"
    (text,) = problems(state)
    assert text == (
        "task 17 of query 1 (UDF crash) has ended 2 workers: its code crashes, or has too little memory. " + again
    )
    folded(e.TaskEndedWorkers(3.0, "q", 4, 17, 5), state=state)
    (text,) = problems(state)
    assert text.startswith("task 17 of query 1 (UDF crash) has ended 5 workers:"), "one line, with how many it is now"
    folded(e.QueryFinished(4.0, "q", "cancelled"), state=state)
    assert problems(state) == []


def test_a_cluster_that_this_kernel_was_disconnected_from_has_no_workers_of_ours() -> None:
    state = folded(CLUSTER, e.WorkerStarted(2.0, "a", 1, 1))
    folded(e.ClusterChanged(3.0, "embedded", "disconnected", "here", 1, 3, 2, 30.0), state=state)
    assert state.workers == {} and state.cluster is not None and state.cluster.state == "disconnected"
