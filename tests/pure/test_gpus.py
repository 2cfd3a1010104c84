"""GPUs in the state, the snapshots, the tables, the log of decisions and the words."""

from __future__ import annotations

from typing import Any

import pytest

from daftnb.engine.embedded import cluster as embedded
from daftnb.engine.embedded.cluster import MOST_GPUS, ClusterSize, EmbeddedCluster, autoscaler_config
from daftnb.errors import ClusterError
from daftnb.settings import AutoscalingSettings
from daftnb.snapshots import tables as static_tables
from daftnb.snapshots.static import static_html, static_text
from daftnb.telemetry import decisions, tables
from daftnb.telemetry import events as e
from daftnb.telemetry.replay import Reel, Replay
from daftnb.telemetry.snapshots import select, snapshot_of
from daftnb.telemetry.thinning import same_usage, says_nothing
from daftnb.telemetry.world import known
from daftnb.text.states import backlog_gpu_words, device_words, gpu_words, logical, pool_words
from tests.helpers.folding import folded, log
from tests.pure.test_tap_events import told

OURS = e.ClusterChanged(1.0, "embedded", "running", "here", 1, 3, 2, 30.0, gpus=2)
NODES = e.NodesSeen(10.0, (e.Node("h", 0, 9, True, 0.0), e.Node("a", 2, 7, False, 2.0), e.Node("b", 2, 7, False, 2.0)))
STARTED = e.WorkerStarted(11.0, "a", 2, 7, 2)
BUSY = e.WorkerCounts(12.0, "a", 1, 3, None, tasks=((7, 2, 11.5),), gpus=1.0)
DEVICES = (e.Device(0, "A1", 37, 6 * 10**9, 24 * 10**9), e.Device(1, "part", None, None, None))
HELD = e.NodeFigures(12.0, "a", None, None, None, None, 0.5, DEVICES)
FREE = e.NodeFigures(12.0, "b", None, None, None, None, 0.0)


def snapshot(state: Any) -> Any:
    return snapshot_of(state, 13.0, "ray", AutoscalingSettings())


def rows(state: Any) -> dict[str, Any]:
    return {row["id"]: (row["gpus"], row["gpu_use"]) for row in snapshot(state)["workers"]["rows"].values()}


# -- in the state and in snapshots ------------------------------------------------------------------------------------


def test_who_has_gpus_of_a_node() -> None:
    state = folded(OURS, NODES, STARTED, BUSY, HELD, FREE)
    devices = [
        {"index": 0, "name": "A1", "busy": 37, "memory_used": 6 * 10**9, "memory_total": 24 * 10**9},
        {"index": 1, "name": "part", "busy": None, "memory_used": None, "memory_total": None},
    ]
    assert rows(state) == {
        "h": (0.0, None),
        "a": (2.0, {"used": 1.5, "tasks": 1.0, "held": 0.5, "devices": devices}),
        "b": (2.0, {"used": 0.0, "tasks": 0.0, "held": 0.0, "devices": None}),
    }
    pool = snapshot(state)["workers"]
    assert (pool["gpus"], pool["gpus_used"], pool["logical"]) == (4.0, 1.5, True)
    folded(e.WorkerEnded(13.0, "a", "died"), state=state)
    assert rows(state)["a"][1]["tasks"] == 0.0, "its tasks have ended with it; what actors hold is Ray's to say"
    folded(e.NodesSeen(14.0, NODES.nodes[:2]), state=state)
    assert snapshot(state)["workers"]["gpus"] == 2.0, "those of a node that is gone do not count"


def test_what_is_not_known_is_not_0() -> None:
    old = folded(e.NodesSeen(10.0, (e.Node("a", 2, 7, False),)), e.WorkerStarted(11.0, "a", 2, 7))
    assert rows(old) == {"a": (None, None)}
    pool = snapshot(old)["workers"]
    assert (pool["gpus"], pool["gpus_used"], pool["logical"]) == (None, None, False)
    state = folded(NODES, STARTED, e.WorkerCounts(12.0, "a", 1, 3, None), FREE)
    assert rows(state)["a"][1] == {"used": None, "tasks": None, "held": None, "devices": None}
    assert (snapshot(state)["workers"]["gpus"], snapshot(state)["workers"]["gpus_used"]) == (4.0, None)
    folded(e.NodesSeen(13.0, tuple(e.Node(node.id, 2, 7, node.head) for node in NODES.nodes)), state=state)
    assert rows(state)["a"][0] == 2.0, "a list that does not say it takes nothing back"


def test_the_backlog_says_what_it_asks_for() -> None:
    sample = e.BacklogSample(12.0, 3, 3, 1, 4, 1, 4, 2.5, 2)
    state = folded(OURS, sample, e.ScaleRequested(12.1, 3, 3, 3, 4, gpus=3))
    backlog = snapshot(state)["backlog"]
    found = {name: backlog[name] for name in ("pending_gpus", "wanted_gpus", "gpus", "most_gpus")}
    assert found == {"pending_gpus": 2.5, "wanted_gpus": 3, "gpus": 2, "most_gpus": 6}
    assert backlog_gpu_words(backlog) == ("GPUs: pending tasks ask for 2.5, asked of Ray 3, workers have 2, maximum 6")
    other = e.ClusterChanged(1.0, "external", "running", "there", most_gpus=7)
    assert snapshot(folded(other))["backlog"]["most_gpus"] == 7
    bare = snapshot(folded(e.ClusterChanged(1.0, "external", "running", "there", 1, 3, 2)))["backlog"]
    assert (bare["most_gpus"], bare["pending_gpus"], bare["gpus"]) == (None, None, None)
    assert backlog_gpu_words(bare) == ""


def test_what_a_merged_sample_says_of_gpus_is_of_its_end() -> None:
    state = folded(e.BacklogSample(12.0, 9, 9, 1, 4, 1, 4, 0.0, 0), e.BacklogSample(12.05, 3, 3, 1, 4, 1, 4, 2.5, 2))
    assert len(state.samples) == 1
    backlog = snapshot(state)["backlog"]
    assert (backlog["pending"], backlog["pending_gpus"], backlog["gpus"]) == (3, 2.5, 2)


def test_the_taps_answer_as_events() -> None:
    events = told(
        lives=[("a", 98.0, 2, 7, 2)],
        workers=[("a", 1, 3, None, False, None, "", [(7, 2, 99.0)], 1.0)],
        nodes=[("a", 2, 7, False, 2.0)],
        usage=[
            ("a", None, None, None, None, 0.5, [(0, "A1", 37, 6, 24)]),
            ("b", None, None, None, None, 0.0, None),
            ("c", 1, 2, 3, 4),
        ],
        events=[("sample", 97.0, 3, 3, 1, 4, 1, 4, 2.5, 2), ("hold", 97.0, 1, "below", 3, 4, 1.25, 2.5, 2)],
        asked=(96.0, 3, 3, 9, 4, None, None, 3, None),
    )
    asked = e.ScaleRequested(96.0, 3, 3, 9, 4, gpus=3)
    assert events == [
        e.BacklogSample(97.0, 3, 3, 1, 4, 1, 4, 2.5, 2),
        e.HoldBegun(97.0, 1, "below", 3, 4, 1.25, 2.5, 2),
        e.PoolSeen(100.0, (e.Life("a", 98.0, 2, 7, 2),), asked),
        e.WorkerCounts(100.0, "a", 1, 3, None, tasks=((7, 2, 99.0),), gpus=1.0),
        e.NodesSeen(100.0, (e.Node("a", 2, 7, False, 2.0),)),
        e.NodeFigures(100.0, "a", None, None, None, None, 0.5, (e.Device(0, "A1", 37, 6, 24),)),
        e.NodeFigures(100.0, "b", None, None, None, None, 0.0),
        e.NodeFigures(100.0, "c", 1, 2, 3, 4),
    ]


# -- in recordings and tables -----------------------------------------------------------------------------------------


def test_a_recording_that_begins_later_has_them() -> None:
    state = folded(OURS, NODES, STARTED, BUSY, HELD, FREE)
    again = folded(*known(state, 12.5, {}))
    assert rows(again) == rows(state)
    assert snapshot(again)["workers"]["gpus_used"] == 1.5


def test_what_says_nothing_new() -> None:
    state = folded(NODES, STARTED, BUSY)
    assert says_nothing(BUSY, state)
    assert not says_nothing(e.WorkerCounts(12.0, "a", 1, 3, None, tasks=((7, 2, 11.5),), gpus=2.0), state)
    assert says_nothing(NODES, state)
    more = e.NodesSeen(10.0, (*NODES.nodes[:2], e.Node("b", 2, 7, False, 4.0)))
    assert not says_nothing(more, state)
    assert same_usage(HELD, e.NodeFigures(13.0, *HELD_PARTS, 0.5, DEVICES))
    assert not same_usage(HELD, e.NodeFigures(13.0, *HELD_PARTS, 1.0, DEVICES))
    assert not same_usage(HELD, e.NodeFigures(13.0, *HELD_PARTS, 0.5, DEVICES[:1]))
    assert not same_usage(HELD, e.NodeFigures(13.0, *HELD_PARTS, 0.5))
    for busy, memory, same in ((42, 6 * 10**9, True), (43, 6 * 10**9, False), (37, 9 * 10**9, False)):
        device = e.Device(0, "A1", busy, memory, 24 * 10**9)
        assert same_usage(HELD, e.NodeFigures(13.0, *HELD_PARTS, 0.5, (device, DEVICES[1]))) is same, (busy, memory)


HELD_PARTS: Any = ("a", None, None, None, None)


def test_the_table_of_workers() -> None:
    begun = [e.QueryStarted(9.0, "q", "ray"), OURS, NODES, STARTED, BUSY, HELD, e.QueryFinished(13.0, "q", "finished")]
    table = tables.workers([Replay(Reel(1, begun, [13.0 + number for number in range(len(begun))]))]).to_pydict()
    columns = zip(*(table[name] for name in ("worker", "gpus", "gpus_tasks", "gpus_held")), strict=True)
    assert list(columns) == [("h", 0.0, 0.0, 0.0), ("a", 2.0, 1.0, 0.5), ("b", 2.0, 0.0, None)]


# -- in words ---------------------------------------------------------------------------------------------------------


def test_words() -> None:
    assert [gpu_words(1.5, 2.0), gpu_words(1, 1, True), gpu_words(None, 2), gpu_words(None, 0), gpu_words(0, None)] == [
        "1.5 of 2 GPUs", "1 of 1 logical GPU", "— of 2 GPUs", "", "",
    ]  # fmt: skip
    assert [logical(0), logical(1), logical(2)] == ["", " and 1 logical GPU", " and 2 logical GPUs"]
    told_of = [device_words(device) for device in rows(folded(NODES, STARTED, HELD))["a"][1]["devices"]]
    assert told_of == ["0 A1: 37 % busy, 6.00 GB of 24.0 GB", "1 part: busy —, — of —"]
    with_gpus = snapshot(folded(OURS, NODES, STARTED, BUSY, HELD, FREE))["workers"]
    assert pool_words(with_gpus) == "Workers: 1, 1 busy, 0 idle, 2 CPU slots, 1.5 of 4 logical GPUs"


def test_static_forms_have_them_only_where_there_are_some() -> None:
    with_some = snapshot(folded(OURS, NODES, STARTED, BUSY, HELD, FREE))
    columns, found = static_tables.pool(with_some)
    assert [name for name, _ in columns][-2:] == ["logical GPUs", "devices"]
    assert [row[-2:] for row in found] == [
        ["0", "—"], ["1.5 of 2", "0 A1: 37 % busy, 6.00 GB of 24.0 GB; 1 part: busy —, — of —"], ["0 of 2", "—"],
    ]  # fmt: skip
    assert "1.5 of 2" in static_text(select(with_some, "workers"), "workers")
    assert "logical GPUs" in static_html(select(with_some, "workers"), "workers")
    columns, _ = static_tables.pool(snapshot(folded(e.NodesSeen(10.0, (e.Node("a", 2, 7, False, 0.0),)))))
    assert [name for name, _ in columns][-1] == "ends"


def test_decisions_say_them() -> None:
    asked = e.ScaleRequested(2.0, 4, 4, 9, 2, gpus=1)
    assert decisions.asked(asked).endswith("asked Ray for 4 bundles, 4 CPUs and 1 GPU")
    state = folded(OURS, asked, e.ScaleRequested(3.0, 7, 6, 9, 2, gpus=7))
    assert log(state)[-1][2] == "asked 7 GPUs: the most that this cluster may have is 6"
    none = e.ClusterChanged(1.0, "embedded", "running", "here", 1, 3, 2, 30.0, gpus=0)
    assert log(folded(none, asked))[-1][::2] == ("over max", "asked 1 GPU: the most that this cluster may have is none")
    trimmed = e.ScaleRequested(3.0, 7, 7, 9, 2, 6, 6, 7, 6)
    assert log(folded(OURS, trimmed))[-1][2] == (
        "asked 7 CPUs and 7 GPUs, sent 6 CPUs and 6 GPUs: the most that this cluster may have"
    )
    without = e.ScaleRequested(3.0, 7, 7, 9, 2, 6, 6, 1, 0)
    assert "asked 7 CPUs and 1 GPU, sent 6 CPUs: the most" in log(folded(OURS, without))[-1][2]
    hold = decisions.not_asked(e.HoldBegun(1.0, 1, "below", 3, 4, 1.25, 1.0, 0))
    assert hold == (
        "ratio 0.75 (3 pending ÷ 4 CPUs) is not above the threshold 1.25: Ray is not asked. It counts no GPUs: what "
        "waits asks for 1 GPU, and the workers have 0"
    )
    assert decisions.not_asked(e.HoldBegun(1.0, 1, "below", 3, 4, 1.25)).endswith("Ray is not asked")


# -- a cluster of the kernel's own ------------------------------------------------------------------------------------


def test_its_nodes_have_logical_gpus() -> None:
    def node(size: ClusterSize) -> Any:
        config: Any = autoscaler_config(size, embedded.Shares(1, 1), "127.0.0.1:1")
        return config["available_node_types"]["worker"]["resources"]

    assert node(ClusterSize(cpus=2, gpus=3)) == {"CPU": 2, "GPU": 3}
    assert node(ClusterSize()) == {"CPU": 1}
    assert EmbeddedCluster(ClusterSize(gpus=3)).event("starting").gpus == 3
    assert (ClusterSize(gpus=0).gpus, ClusterSize(gpus=MOST_GPUS).gpus) == (0, MOST_GPUS)


@pytest.mark.parametrize("gpus", [-1, MOST_GPUS + 1, 10**9, 0.5, 1.0, "2", True, None, float("nan")])
def test_what_is_no_number_of_gpus(gpus: Any) -> None:
    with pytest.raises(ClusterError, match=r"--gpus must be a whole number from 0 to 64 \(got ") as caught:
        ClusterSize(gpus=gpus)
    assert caught.value.remedy == "Try %daft start --gpus 1"


@pytest.mark.parametrize(("visible", "most"), [("", 0), ("NoDevFiles", 0), ("0", 1), ("0,3", 2)])
def test_more_than_ray_would_give_a_node(visible: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    ClusterSize(gpus=most)
    with pytest.raises(ClusterError, match=f"--gpus {most + 1} is more than a node can have") as caught:
        ClusterSize(gpus=most + 1)
    assert caught.value.remedy == 'Try del os.environ["CUDA_VISIBLE_DEVICES"], or fewer GPUs.'
