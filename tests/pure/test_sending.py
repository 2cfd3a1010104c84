"""What a view sends: how much, how often, and that the page ends up with what is so, whatever was lost."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.snapshots import LIVE_LANES, TOPICS, Snapshot, select, snapshot_of
from daftnb.telemetry.state import apply
from daftnb.widgets import base
from daftnb.widgets.pace import BYTES_PER_SECOND, LEAST_SECONDS, Pace, size_of
from daftnb.widgets.views import Cockpit
from tests.benchmarks.stream import PULL_SECONDS, stream
from tests.conftest import ROOT
from tests.helpers import calling, story
from tests.helpers.mergepatch import rfc7386, without_none


class Clock:
    """Time as the test says; stands for the module ``time`` too."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class FakeSession:
    """A host (telemetry/host.py) whose snapshots are given."""

    lines: Any = None

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self.snapshot = snapshot
        self.monitor = Monitor(list, lambda state, now: snapshot(), lambda: 0.0)
        self.monitor.start = lambda: None  # type: ignore[method-assign]  # a test makes its rounds itself
        self.cancelled: list[str] = []

    def cancel(self, query_id: str) -> bool:
        self.cancelled.append(query_id)
        return True


class Page:
    """What the browser has of a view: the trait, and the snapshot that patches made of it, as store.ts does."""

    def __init__(self, view: Cockpit) -> None:
        self.view = view
        self.sent: list[tuple[float, int]] = []
        self.keyframes = 0
        self.lose = False  # the next message
        self.snapshot: Snapshot = without_none({**view.snapshot})
        self.seq = view.snapshot["seq"]
        view.comm.publish_msg = self.receive

    def receive(self, kind: str, data: Any = None, **_rest: Any) -> None:
        if kind != "comm_msg" or self.view.comm is None:
            return
        content = data["content"] if data["method"] == "custom" else data["state"].get("snapshot")
        if content is None:
            return
        size = len(json.dumps(data, ensure_ascii=False).encode())
        self.sent.append((base.time.monotonic(), size))
        lost, self.lose = self.lose, False
        if lost:
            return
        if data["method"] == "update":
            self.keyframes += 1
            self.snapshot, self.seq = without_none(content), content["seq"]
        elif content["type"] == "patch":
            if content["base"] != self.seq:
                self.says({"type": "resync"})
                return
            self.snapshot, self.seq = without_none(rfc7386(self.snapshot, content["patch"])), content["seq"]

    def says(self, content: Any) -> None:
        self.view._on_message(self.view, content, [])

    def shows(self) -> Snapshot:
        return {key: value for key, value in self.snapshot.items() if key not in ("seq", "now")}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(base, "time", clock)
    return clock


@pytest.fixture
def made(clock: Clock, frontend: Callable[..., str]) -> Iterator[tuple[FakeSession, Cockpit, Page]]:
    if not (ROOT / "daftnb" / "static" / "daftnb.js").is_file():
        frontend("build.mjs")
    session = FakeSession(lambda: story.snapshot(1.0))
    view = Cockpit(session)  # type: ignore[arg-type]
    yield session, view, Page(view)
    view.close()


def shown(snapshot: Snapshot, first: int = 0) -> Snapshot:
    part = select(snapshot, "cockpit", first, LIVE_LANES)
    del part["now"]
    return without_none(part)


def test_after_each_message_a_pause(clock: Clock) -> None:
    pace = Pace(clock.monotonic)
    assert pace.free
    pace.sent("x" * 98)  # 100 bytes with its quotes
    for later, free in ((0.099, False), (LEAST_SECONDS, True)):
        clock.now = later
        assert pace.free is free
    pace.sent("é" * 50_000)
    assert size_of("é" * 50_000) == 100_002
    clock.now += 1.99
    assert not pace.free
    clock.now += 0.02
    assert pace.free


@pytest.mark.parametrize("workers", [50, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_large_pool_stays_within_the_rate(
    clock: Clock, made: tuple[FakeSession, Cockpit, Page], workers: int
) -> None:
    _, view, page = made
    state = State()
    snapshot = story.snapshot(1.0)
    ends = 0.0
    for pull in stream(workers, 200, 30 * workers, 30.0):
        for event in pull:
            apply(event, state)
        clock.now += PULL_SECONDS
        ends = clock.now
        snapshot = snapshot_of(state, pull[-1].t, "ray", AutoscalingSettings())
        view.publish(snapshot)
    assert len(page.sent) > 10
    assert page.keyframes == 0
    for index, (began, _) in enumerate(page.sent):
        inside = [size for at, size in page.sent[index:-1] if at < began + 10]
        # All but the last message have been paid for; the comm's own words around each are not counted.
        assert sum(inside[:-1]) <= 10 * BYTES_PER_SECOND + 200 * len(inside)
        assert len([at for at, _ in page.sent if began <= at < began + 1]) <= 10
    # The query is over: the last state arrives as a patch, and as the trait once nothing else comes.
    for _ in range(60):
        clock.now += 1.2
        view.publish(snapshot)
    assert page.shows() == shown(snapshot)
    assert page.keyframes == 1
    assert clock.now - ends > 10
    count = len(page.sent)
    view.publish(snapshot)
    assert len(page.sent) == count, "nothing is new"


def test_a_burst_of_a_thousand_frames_is_one_message_and_the_last_state_arrives(
    clock: Clock, made: tuple[FakeSession, Cockpit, Page]
) -> None:
    _, view, page = made
    clock.now += 1
    for number in range(1_000):
        view.publish(story.snapshot(1.0 + number / 100))
    assert len(page.sent) == 1
    clock.now += 5
    view.publish(story.snapshot(11.0))
    assert len(page.sent) == 2
    assert page.shows() == shown(story.snapshot(11.0))


def test_a_page_that_lost_a_message_gets_the_whole_frame(clock: Clock, made: tuple[FakeSession, Cockpit, Page]) -> None:
    _, view, page = made
    for upto in (5.5, 6.5):
        page.lose = upto == 5.5
        clock.now += 1
        view.publish(story.snapshot(upto))
    assert page.shows() == shown(story.snapshot(1.0)), "it cannot use the second without the first"
    clock.now += 1
    view.publish(story.snapshot(6.5))
    assert (page.keyframes, page.shows()) == (1, shown(story.snapshot(6.5)))
    clock.now += 1
    view.publish(story.snapshot(9.5))
    assert (page.keyframes, page.shows()) == (1, shown(story.snapshot(9.5)))


def test_a_page_that_asks_at_first_needs_no_whole_frame(clock: Clock, made: tuple[FakeSession, Cockpit, Page]) -> None:
    _, view, page = made
    page.says({"type": "resync"})
    clock.now += 1
    view.publish(story.snapshot(1.0))
    assert (page.keyframes, page.seq, len(page.sent)) == (0, 1, 1)
    page.says({"type": "resync"})  # as one does that does not hold the trait
    clock.now += 1
    view.publish(story.snapshot(1.0))
    assert (page.keyframes, page.seq) == (1, 2)


def test_things_that_settle_without_a_query_end_reach_the_trait_now_and_then(
    clock: Clock, made: tuple[FakeSession, Cockpit, Page]
) -> None:
    _, view, page = made
    clock.now += 20
    for pending in range(100, 105):
        state = story.told(1.0)
        apply(e.BacklogSample(story.T + 2, pending, pending, 1, 1, 1), state)
        snapshot = snapshot_of(state, story.T + 2, "ray", AutoscalingSettings())
        for _ in range(2):  # something is new, and then nothing
            clock.now += 2
            view.publish(snapshot)
    assert page.keyframes == 2
    assert view.snapshot["backlog"]["pending"] >= 102


def test_the_page_asks_for_other_workers(clock: Clock, made: tuple[FakeSession, Cockpit, Page]) -> None:
    session, view, page = made
    state = State()
    for pull in stream(300, 10, 3_000, 3.0):
        for event in pull:
            apply(event, state)
    snapshot = snapshot_of(state, story.T + 9, "ray", AutoscalingSettings())

    def asked(first: object) -> list[int]:
        page.says({"type": "window", "first": first})
        clock.now += 60
        view.publish(snapshot)
        clock.now += 60
        view.publish(snapshot)
        return sorted(worker["place"] for worker in page.snapshot["workers"]["rows"].values())

    assert asked(0) == list(range(LIVE_LANES))
    assert next(w["label"] for w in page.snapshot["workers"]["rows"].values() if w["place"] == 0) == "head"
    assert asked(100) == list(range(100, 100 + LIVE_LANES))
    assert page.snapshot["workers"]["first"] == 100
    for wrong in (True, -1, 1.0, "3", None, [1]):
        assert asked(wrong) == list(range(100, 100 + LIVE_LANES))
    page.says({"type": "window", "first": 7, "more": 1})
    page.says({"type": "window"})
    assert view._first == 100
    assert asked(10**9) == list(range(301 - LIVE_LANES, 301)), "the last ones"
    assert session.monitor._wake.is_set(), "it does not wait for the next round of quiet times"


def test_a_view_that_is_closed_or_hidden_costs_nothing(clock: Clock, made: tuple[FakeSession, Cockpit, Page]) -> None:
    session, view, page = made
    snapshots = []
    session.monitor._snapshot = lambda state, now: snapshots.append(now) or story.snapshot(5.5)  # type: ignore[func-returns-value]
    clock.now += 1
    session.monitor.tick()
    assert (len(snapshots), len(page.sent)) == (1, 1)
    for count in (1, 0):  # it is shown, then hidden
        view._view_count = count
        clock.now += 5
        session.monitor.tick()
        assert len(snapshots) == 2
    view.comm.handle_close({})  # the page closes the comm
    assert view not in session.monitor.listeners
    clock.now += 5
    view.publish(story.snapshot(11.0))  # a snapshot that was on its way
    assert view.comm is None
    assert session.monitor.state.problems == {}


def test_a_comm_that_closes_in_the_middle_of_a_frame(clock: Clock, made: tuple[FakeSession, Cockpit, Page]) -> None:
    session, view, _page = made
    began, go_on = threading.Event(), threading.Event()

    def receive(kind: str, **_rest: Any) -> None:
        if kind == "comm_msg":
            began.set()
            assert go_on.wait(10)

    view.comm.publish_msg = receive
    session.monitor._snapshot = lambda state, now: story.snapshot(5.5)
    clock.now += 1
    publishing = threading.Thread(target=session.monitor.tick)
    closing = threading.Thread(target=view.close)
    publishing.start()
    assert began.wait(10)
    closing.start()
    go_on.set()
    for thread in (publishing, closing):
        thread.join(10)
        assert not thread.is_alive()
    assert view.comm is None
    assert session.monitor.state.problems == {}
    assert session.monitor.listeners == []


def test_no_listener_and_no_thread_is_left(clock: Clock, made: tuple[FakeSession, Cockpit, Page]) -> None:
    session, view, _ = made
    threads, gone = threading.active_count(), []
    for _ in range(100):
        one = Cockpit(session)  # type: ignore[arg-type]
        Page(one)
        one.close()
        gone.append(weakref.ref(one))
    assert session.monitor.listeners == [view]
    assert threading.active_count() == threads
    del one
    gc.collect()
    assert [reference() for reference in gone] == [None] * 100


def test_every_view_has_its_part() -> None:
    for view in TOPICS:
        assert select(story.snapshot(), view)["query"]["number"] == 1, "publish judges by it"


def test_the_view_of_workers_gets_what_a_plan_says_of_actors() -> None:
    whole = calling.snapshot()
    plan = select(whole, "workers")["plan"]
    assert (list(plan["operators"]), plan["plans"], plan["udfs"]) == (["2", "3", "4"], {}, whole["plan"]["udfs"])
    assert (plan["models"], plan["models_left_out"]) == ({}, 0)
    assert plan["functions"]["embed"] == {**whole["plan"]["functions"]["embed"], "source": ""}
    assert whole["plan"]["functions"]["embed"]["source"] == "class Embedder: ...", "that of other views has it"
    assert select({**whole, "plan": None}, "workers")["plan"] is None
