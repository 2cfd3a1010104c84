"""Whatever is lost, told twice or told late on the way from the tap, the snapshot is right at the end, and says what is
missing. The runs are true ones: a real tap counts them, under a clock that the test moves."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftnb.engine.actor import tap as tap_module
from daftnb.engine.actor.counts import Run
from daftnb.engine.actor.tap import TOLD, Tap
from daftnb.engine.queries.tap_events import TapEvents
from daftnb.recordings import Recording
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import apply

OPERATORS = (e.PlanNode(1, "scan", "", ()), e.PlanNode(2, "udf", "", (1,)), e.PlanNode(3, "sort", "", (2,)))
PARENTS = {1: 2, 2: 3}
MOST_QUERIES = 5  # the tap keeps eight
NODES = ("a", "b", "c", "d")
ACTIONS = ("query", "submit", "submit", "submit", "dispatch", "dispatch", "end", "end", "start", "start")
ACTIONS += ("keep", "reuse", "retire", "ask", "withdraw", "finish", "udf", "pull", "pull")


class TrueRun:
    """Queries, tasks and workers as an engine would have them, told to a tap; ``told`` is what the kernel hears of it:
    events of its own process (``True``), and those that were pulled."""

    def __init__(self, ring: int) -> None:
        self.now = 1_000.0
        with mock.patch.object(tap_module, "RING_EVENTS", ring):
            self.tap = Tap()
        self.door = TapEvents()
        self.seen = (0, 0)
        self.queries: list[str] = []
        self.outcomes: dict[str, str] = {}
        self.runs: list[Run] = []
        self.tasks = 0
        self.actors: list[object] = []
        self.told: list[tuple[bool, e.Event]] = []
        self.details = 0  # that were pulled

    def say(self, *events: e.Event) -> None:
        self.told += [(True, event) for event in events]

    def pull(self) -> list[e.Event]:
        drained = self.tap.drain(*self.seen)
        self.seen = drained["seen"]
        self.details += len(drained["events"]) + len(drained["tasks"])
        return list(self.door.events({**drained, "nodes": None, "usage": [], "stats": []}, 0.0))

    def do(self, action: str, choice: int) -> None:
        """One action, if it can be done now; ``choice`` says to what."""
        self.now += choice % 7 / 50
        with mock.patch.object(tap_module, "time", SimpleNamespace(time=lambda: self.now)):
            getattr(self, f"do_{action}")(choice)

    def do_query(self, choice: int) -> None:
        if len(self.queries) == MOST_QUERIES:
            return
        number, id_ = len(self.queries), f"q{len(self.queries)}"
        self.queries.append(id_)
        self.tap.announce(number, id_, PARENTS)
        self.say(e.QueryStarted(self.now, id_, "ray"), e.PlanReady(self.now, id_, OPERATORS))
        self.say(e.SettingsInEffect(self.now, id_, (("DAFT_AUTOSCALING_THRESHOLD", "1.5"),)))

    def running(self) -> list[int]:
        return [number for number, id_ in enumerate(self.queries) if id_ not in self.outcomes]

    def do_submit(self, choice: int) -> None:
        if self.running():
            query = self.running()[choice % len(self.running())]
            last_id = 1 + choice % 3
            self.tap.submitted(query << 32 | last_id, f"tasks of {last_id}")

    def do_dispatch(self, choice: int) -> None:
        waiting = [
            (self.queries[number], last_id, stage.name)
            for number in self.running()
            for last_id, stage in self.tap.queries[number].stages.items()
            if stage.pending
        ]
        held = [id_ for id_, worker in self.tap.workers.items() if worker.alive and worker.held]
        if waiting and held:
            query_id, last_id, name = waiting[choice % len(waiting)]
            self.tasks += 1
            context = {"query_id": query_id, "node_id": str(last_id), "task_id": str(self.tasks)}
            self.runs.append(self.tap.dispatched(held[choice % len(held)], name, context))

    def do_end(self, choice: int) -> None:
        if self.runs:
            run = self.runs.pop(choice % len(self.runs))
            outcome = list(TOLD)[choice % len(TOLD)]
            self.tap.ended(run, outcome)
            if outcome == "retried":
                self.die(run.worker_id)

    def die(self, worker_id: str) -> None:
        """All that ran there is pending again."""
        for run in [run for run in self.runs if run.worker_id == worker_id]:
            self.runs.remove(run)
            self.tap.ended(run, "retried")
        self.tap.worker_ended(worker_id, "died")

    def do_start(self, choice: int) -> None:
        self.tap.worker_started(NODES[choice % len(NODES)], 1 + choice % 2, 100)

    def idle(self, held: bool) -> list[str]:
        return [id_ for id_, w in self.tap.workers.items() if w.alive and w.held is held and not w.runs]

    def do_keep(self, choice: int) -> None:
        if self.idle(held=True):
            self.tap.worker_let_go(self.idle(held=True)[choice % len(self.idle(held=True))], warm=True)

    def do_reuse(self, choice: int) -> None:
        if self.idle(held=False):
            self.tap.worker_adopted(self.idle(held=False)[choice % len(self.idle(held=False))])

    def do_retire(self, choice: int) -> None:
        if self.idle(held=False):
            self.tap.worker_ended(self.idle(held=False)[0], "retired", "after 60 s idle")

    def do_ask(self, choice: int) -> None:
        self.tap.requested([{"CPU": 1}] * (1 + choice % 4))

    def do_withdraw(self, choice: int) -> None:
        self.tap.requested([])

    def do_finish(self, choice: int) -> None:
        if self.running():
            self.finish(self.running()[choice % len(self.running())])

    def finish(self, number: int) -> None:
        id_ = self.queries[number]
        for run in [run for run in self.runs if run.stage.query.id == id_]:
            self.runs.remove(run)
            self.tap.ended(run, "cancelled_running")
        self.tap.closed({number})
        self.outcomes[id_] = ("finished", "failed", "cancelled")[number % 3]
        self.say(e.QueryFinished(self.now, id_, self.outcomes[id_]))  # type: ignore[arg-type]  # one of the three

    def do_udf(self, choice: int) -> None:
        if self.actors and choice % 2:
            self.tap.udf_ended(self.actors.pop())
        else:
            self.actors.append(object())
            self.tap.udfs_started("udf", self.actors[-1:], 1.0)

    def do_pull(self, choice: int) -> None:
        self.told += [(False, event) for event in self.pull()]

    def end(self) -> list[e.Event]:
        """All queries end; the last pull."""
        with mock.patch.object(tap_module, "time", SimpleNamespace(time=lambda: self.now)):
            for number in self.running():
                self.finish(number)
            self.tap.closed(set())
            return self.pull()


BEGIN = [("query", 0), ("start", 0), ("start", 1), ("submit", 1)]
runs = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 40)), min_size=50, max_size=160).map(
    lambda actions: [*BEGIN, *actions]
)


def right(snapshot: Snapshot, state: State, run: TrueRun) -> None:
    """What there is to count, counted by the engine and by the snapshot."""
    alive = {id_: worker for id_, worker in run.tap.workers.items() if worker.alive}
    rows = {id_: row for id_, row in snapshot["workers"]["rows"].items() if row["state"] in ("busy", "idle", "warm")}
    assert {id_: (row["running"], row["finished"], row["state"]) for id_, row in rows.items()} == {
        id_: (w.running, w.finished, "busy" if w.runs else "idle" if w.held else "warm") for id_, w in alive.items()
    }
    pool = snapshot["workers"]
    assert (pool["total"], pool["warm"]) == (len(alive), sum(not worker.held for worker in alive.values()))
    assert [task[0] for row in rows.values() for task in row["now"]] == [
        task[0] for row in run.tap.worker_rows() for task in row[-2]
    ]
    backlog = snapshot["backlog"]
    assert (backlog["pending"], backlog["running"]) == (run.tap.pending, run.tap.running)
    assert (backlog["capacity"], backlog["wanted"]) == (run.tap.capacity, run.tap.demand or None)
    for query in run.tap.queries.values():
        assert state.queries[query.id].state == run.outcomes[query.id]
        told = {last_id: stage.counts for last_id, stage in state.queries[query.id].stages.items()}
        assert told == {
            last_id: e.TaskCounts(
                s.submitted, s.pending, s.running, s.ok, s.failed, s.cancelled_running + s.cancelled_pending
            )
            for last_id, s in query.stages.items()
        }
        udfs = {u.name: u.count for u in state.queries[query.id].udfs.values()}
        assert sum(udfs.values()) == sum(whose[0] == query.id for whose in run.tap.udf_pools.whose.values())


def delivered(run: TrueRun, chance: Any) -> list[e.Event]:
    """What was told but the last, some of it lost, twice, or late; of the kernel's own process in its order."""
    own = [event for mine, event in run.told if mine]
    pulled = [event for mine, event in run.told if not mine]
    pulled += chance.sample(pulled, len(pulled) // 3)
    chance.shuffle(pulled)
    del pulled[: chance.randint(0, len(pulled))]
    places = sorted(chance.randint(0, len(pulled)) for _ in own)
    for place, event in zip(reversed(places), reversed(own), strict=True):
        pulled[place:place] = [event] * chance.randint(1, 2)
    return pulled


def fold(events: list[e.Event], state: State, recorder: Recorder) -> Snapshot:
    for number, event in enumerate(events):
        recorder.record(event, state)
        apply(event, state)
        if number % 16 == 0:
            json.dumps(snapshot_of(state, event.t, "ray", AutoscalingSettings()), allow_nan=False)
    return snapshot_of(state, events[-1].t, "ray", AutoscalingSettings())


def test_it_is_checked_against_something() -> None:
    """A run in which all that there is happens: the comparison compares."""
    run = TrueRun(1000)
    for action, choice in [("query", 0), ("start", 0), ("start", 1), *[("submit", 1)] * 3, ("ask", 2), ("dispatch", 0)]:
        run.do(action, choice)
    for action, choice in [("udf", 0), ("start", 2), ("keep", 2), ("dispatch", 1), ("end", 0), ("pull", 0)]:
        run.do(action, choice)
    state = State()
    snapshot = fold([event for _, event in run.told], state, Recorder())
    run.outcomes["q0"] = "running"
    right(snapshot, state, run)
    assert {row["state"] for row in snapshot["workers"]["rows"].values()} == {"busy", "idle", "warm"}
    assert snapshot["query"]["tasks"]["finished"] == 1 and snapshot["backlog"]["wanted"] == 3
    assert snapshot["session"]["problems"] == {}


DEFAULT_AND_MANY = [30, pytest.param(2_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]


@pytest.mark.parametrize("examples", DEFAULT_AND_MANY)
def test_lost_twice_or_late_the_counts_are_right_at_the_end(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(runs, st.randoms(use_true_random=False))
    def deliver(actions: list[tuple[str, int]], chance: Any) -> None:
        run = TrueRun(1000)
        for action, choice in actions:
            run.do(action, choice)
        last = run.end()
        state, recorder = State(), Recorder()
        right(fold([*delivered(run, chance), *last], state, recorder), state, run)
        for number in recorder.numbers:  # and what was recorded of it can be seen again
            query = Recording([recorder.reel(number)], "a test").queries[0]
            assert query.state == state.queries[query.id].state
            assert query.tasks == (lambda counts: counts.submitted if counts else None)(state.queries[query.id].tasks())

    deliver()


@pytest.mark.parametrize("examples", DEFAULT_AND_MANY)
def test_what_the_ring_has_dropped_is_said_and_nothing_else_is_wrong(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(runs, st.integers(1, 8))
    def lag(actions: list[tuple[str, int]], ring: int) -> None:
        run = TrueRun(ring)
        for action, choice in actions:
            run.do(action, choice)
        last = run.end()
        state = State()
        snapshot = fold([*(event for _, event in run.told), *last], state, Recorder())
        right(snapshot, state, run)
        dropped = sum(run.tap.seen()) - run.details
        assert state.dropped == dropped
        said = [text for text in snapshot["session"]["problems"].values() if "not fetched in time" in text]
        assert said == ([f"{dropped} details were not fetched in time; all counts are exact."] if dropped else [])

    lag()
