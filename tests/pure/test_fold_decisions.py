"""The fold, event by event: requests, holds and the words of the log."""

from __future__ import annotations

import pytest

from daftnb.telemetry import decisions as words
from daftnb.telemetry import events as e
from daftnb.telemetry import snapshots
from daftnb.telemetry.marks import KEPT_DECISIONS, mark, mark_together
from daftnb.telemetry.model import State, Worker
from daftnb.telemetry.state import most_cpus
from tests.helpers.folding import CLUSTER, folded, log

# -- requests and holds -----------------------------------------------------------------------------------------------


def test_requests_within_and_above_what_the_cluster_can_have() -> None:
    state = folded(CLUSTER)
    assert most_cpus(state.cluster) == 6
    folded(*(e.ScaleRequested(float(n), n, n, 9, 2) for n in (6, 7, 8)), state=state)
    over = ("over max", "ask 7", "asked 8 CPUs: the most that this cluster may have is 6", 2)
    assert log(state) == [("request", "ask 6", "ratio 4.5 (9 pending ÷ 2 CPUs): asked Ray for 6 × 1 CPU", 1), over]
    folded(e.HoldBegun(8.5, 1, "below", 1, 2, 1.25), e.ScaleRequested(9.0, 9, 9, 9, 2), state=state)
    assert log(state)[1] == ("over max", "ask 7", "asked 9 CPUs: the most that this cluster may have is 6", 3)
    folded(e.DemandCleared(9.5), e.DemandCleared(9.6), e.ScaleRequested(10.0, 7, 7, 9, 2), state=state)
    assert [mark[:2] for mark in log(state)[2:]] == [("hold", ""), ("clear", "clear"), ("over max", "ask 7")]
    assert state.request is not None and state.request.t == 10.0
    for unknown in (None, e.ClusterChanged(1.0, "external", "running", "x", 1, None, 2),
                    e.ClusterChanged(1.0, "external", "running", "x", 1, 3, None)):  # fmt: skip
        assert most_cpus(unknown) is None
    assert [mark[0] for mark in log(folded(e.ScaleRequested(1.0, 999, 999, 9, 0)))] == ["request"]
    assert [mark[0] for mark in log(folded(CLUSTER, e.ScaleRequested(1.0, 5, 5, 9, 0)))] == ["request"]
    large = e.ClusterChanged(1.0, "external", "running", "x", 1, 300, 2)
    assert [mark[0] for mark in log(folded(large, e.ScaleRequested(1.0, 1, int("600"), 9, 0)))] == ["request"]


def test_a_request_that_grew_says_by_which_setting_and_what_the_engine_asked_for() -> None:
    grown = e.ScaleRequested(1.0, 6, 6, 139, 1, growth="needed", step_cpus=2)
    assert log(folded(CLUSTER, grown)) == [
        (
            "request",
            "ask 6",
            "ratio 139 (139 pending ÷ 1 CPUs): asked Ray for 6 CPUs at once (growth: needed); "
            "step by step it would have asked for 2",
            1,
        )
    ]
    assert words.asked(e.ScaleRequested(1.0, 2, 4, 9, 1, growth="double")).endswith(
        ": asked Ray for 4 CPUs at once (growth: double)"
    )


def test_a_request_that_was_trimmed_says_what_was_asked_and_what_was_sent() -> None:
    state = folded(CLUSTER, e.ScaleRequested(1.0, 6, 6, 9, 2), e.ScaleRequested(2.0, 11, 11, 9, 2, 6, 6))
    folded(e.ScaleRequested(3.0, 12, 12, 9, 2, 6, 6), state=state)
    text = "asked 12 CPUs, sent 6: the most that this cluster may have"
    assert log(state)[1:] == [("over max", "ask 11", text, 2)]
    assert log(folded(e.ScaleRequested(1.0, 3, 0, 9, 2, 2, 0))) == [
        ("over max", "ask 0", "asked 3 bundles, sent 2: the most that this cluster may have", 1)
    ]
    mixed = e.ClusterChanged(1.0, "external", "running", "x", None, None, None, None, 3, 20)
    assert (most_cpus(mixed), snapshots._least_cpus(mixed)) == (20, 3), "kinds of nodes that are not alike, and a head"
    told = e.PoolSeen(3.5, (), e.ScaleRequested(3.0, 12, 12, 9, 2))
    assert folded(told, state=state).request == told.request, "another size, although the CPUs are the same"


def test_holds_are_counted_each_by_its_number() -> None:
    state = folded(e.HoldBegun(1.0, 1, "interval", 5, 2, 1.25), e.HoldCounted(1.1, 1, 5))
    folded(e.HoldBegun(1.2, 1, "interval", 5, 2, 1.25), e.HoldCounted(1.3, 2, 9), state=state)
    text = "ratio 2.5 (5 pending ÷ 2 CPUs): asked recently, and Daft asks at most once per autoscaler interval"
    assert log(state) == [("hold", "", text, 5)], "told again, and of another: nothing"
    folded(e.HoldBegun(2.0, 2, "interval", 5, 2, 1.25), e.HoldCounted(2.1, 2, 6), state=state)
    folded(e.HoldCounted(2.2, 1, 99), state=state)
    assert log(state) == [("hold", "", text, 11)], "the same decision again is the same line"
    folded(e.ScaleRequested(3.0, 1, 1, 5, 2), e.HoldCounted(3.1, 2, 30), state=state)
    assert log(state)[0][3] == 11, "a request ends it"
    folded(e.HoldBegun(3.5, 999, "linear", 5, 2, 1.25), e.HoldBegun(3.5, int("999"), "linear", 5, 2, 1.25), state=state)
    folded(e.HoldCounted(3.6, int("999"), 8), state=state)
    assert log(state)[-1][3] == 8
    del state.marks[max(state.marks)]
    folded(e.HoldBegun(4.0, 3, "interval", 5, 2, 1.25), state=state)
    assert [mark[0] for mark in log(state)] == ["hold", "request", "hold"], "another line: something came between"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("below", "ratio 1.25 (5 pending ÷ 4 CPUs) is not above the threshold 1.5: Ray is not asked"),
        (
            "interval",
            "ratio 1.25 (5 pending ÷ 4 CPUs): asked recently, and Daft asks at most once per autoscaler interval",
        ),
        ("not larger", "ratio 1.25 (5 pending ÷ 4 CPUs): no more than Ray is asked for already"),
        ("linear", "ratio 1.25 (5 pending ÷ 4 CPUs): the linear scheduler asks only when there is no worker"),
        ("a new one", "ratio 1.25 (5 pending ÷ 4 CPUs): a new one"),
    ],
)
def test_why_ray_was_not_asked_in_words(reason: str, text: str) -> None:
    assert words.not_asked(e.HoldBegun(1.0, 1, reason, 5, 4, 1.5)) == text


def test_the_other_words() -> None:
    assert words.backlog(3, 0) == "3 pending and no worker"
    assert words.backlog(10, 3) == "ratio 3.33 (10 pending ÷ 3 CPUs)"
    assert words.asked(e.ScaleRequested(1.0, 2, 5, 3, 0)) == "3 pending and no worker: asked Ray for 2 bundles, 5 CPUs"
    assert (words.ratio_of(3, 0), words.ratio_of(3, 2)) == (None, 1.5)
    assert words.resources(e.ScaleRequested(1.0, int("1000"), int("1000"), 3, 0)) == "1000 × 1 CPU"
    assert words.resources(e.ScaleRequested(1.0, 3, 2, 3, 0)) == "3 bundles, 2 CPUs"


def test_the_log_is_bounded_and_what_changes_nothing_does_not_part_the_same() -> None:
    state = folded(*(e.HoldBegun(float(n), n, f"reason {n}", 1, 1, 1.0) for n in range(KEPT_DECISIONS + 5)))
    assert (len(state.marks), next(iter(state.marks)), state.mark_count) == (KEPT_DECISIONS, 5, KEPT_DECISIONS + 5)
    folded(e.HoldBegun(99.0, 99, "reason 10", 1, 1, 1.0), state=state)
    assert state.mark_count == KEPT_DECISIONS + 5
    assert [m.count for m in state.marks.values() if m.text.endswith(": reason 10")] == [2]
    state = State()
    for kind, text in (("hold", "x"), ("kept", "x"), ("hold", "y"), ("kept", "x"), ("a", "x"), ("hold", "x")):
        mark(state, 1.0, kind, "", text)
    assert [(m.kind, m.text, m.count) for m in state.marks.values()] == [
        ("hold", "x", 1), ("kept", "x", 2), ("hold", "y", 1), ("a", "x", 1), ("hold", "x", 1),
    ]  # fmt: skip
    worker = Worker("w", "worker 1", 1, 1, 0.0, "idle")
    for _ in range(2):
        mark_together(state, 2.0, "sweep", worker, words.swept)
    assert [m.count for m in state.marks.values()][5:] == [2], "twice of the same worker is twice"
