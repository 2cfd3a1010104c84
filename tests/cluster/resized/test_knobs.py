"""Each documented knob, set through ``os.environ`` after Ray has started, with and without it: what it changes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from daftnb.session import Session
from tests.cluster.scaling import (
    await_workers,
    decisions,
    demand,
    kinds,
    nodes,
    query_row,
    sleepy,
    tiny,
    trace_of,
    whole_trace,
    workers,
)
from tests.conftest import await_that

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
PREFIX = "DAFT_AUTOSCALING_"


def set_knobs(**values: object) -> None:
    for name, value in values.items():
        os.environ["DAFT_SCHEDULER_LINEAR" if name == "LINEAR" else PREFIX + name] = str(value)


@pytest.fixture
def one_worker(session: Session) -> Iterator[Session]:
    """The cluster at its least: one node, one worker on it, nothing asked."""
    set_knobs(DOWNSCALE_ENABLED=1, DOWNSCALE_IDLE_SECONDS=0, MIN_SURVIVOR_WORKERS=1)
    tiny()
    await_that(lambda: nodes() == 1, "Ray released the nodes above the least", 60)
    await_workers(session, 1)
    assert demand() == []
    yield session


def test_threshold(one_worker: Session) -> None:
    session = one_worker
    set_knobs(THRESHOLD=1000)
    began = time.time()
    sleepy(12, 0.2).collect()
    assert query_row(session)["peak_ratio"] >= 10
    assert query_row(session)["workers_to"] == 1
    assert "request" not in kinds(session, began)
    assert any("not above the threshold 1000" in entry["text"] for entry in decisions(session, began))
    set_knobs(THRESHOLD=1.25)
    sleepy(30, 0.4).collect()
    assert query_row(session)["workers_to"] >= 2
    assert "request" in kinds(session, began)


@pytest.mark.slow
def test_downscale_off_keeps_workers_nodes_and_demand_and_on_lets_them_go(one_worker: Session) -> None:
    session = one_worker
    set_knobs(DOWNSCALE_ENABLED=0)
    sleepy(30, 0.4).collect()
    most = query_row(session)["workers_to"]
    assert most >= 2
    asked = demand()
    assert len(asked) >= 2, "without downscaling the last request stands"
    began = time.monotonic()
    await_that(lambda: time.monotonic() - began > 8, "more than Ray's idle timeout", 20)
    assert nodes() >= most
    assert len(workers(session)) >= most
    assert {row["rule"] for row in workers(session).values()} == {"downscale is off"}
    set_knobs(DOWNSCALE_ENABLED=1)
    tiny()
    assert demand() == []
    await_workers(session, 1, 5)
    await_that(lambda: nodes() == 1, "Ray released the nodes", 60)


def assert_retired_as(session: Session, promised: dict[str, float], since: float, idle_seconds: int) -> None:
    """Those that were to be retired were, each when its countdown said so, and the log says after what idle time."""
    retired = [entry for entry in decisions(session, since) if entry["kind"] == "retire"]
    assert {entry["text"].partition(" was")[0] for entry in retired} == set(promised)
    for entry in retired:
        assert abs(entry["t"] - promised[entry["text"].partition(" was")[0]]) < 1, "the countdown was right"
        assert entry["text"].endswith(f"(after {idle_seconds} s idle)")


@pytest.mark.slow
def test_idle_seconds(one_worker: Session) -> None:
    session = one_worker
    set_knobs(DOWNSCALE_IDLE_SECONDS=3)
    sleepy(30, 0.4).collect()
    ended = time.time()
    rows = workers(session)
    assert len(rows) >= 2
    promised = {label: row["retires_at"] for label, row in rows.items() if row["retires_at"] is not None}
    assert len(promised) == len(rows) - 1, "all but the survivor have an end"
    for label, at in promised.items():
        assert at == pytest.approx(rows[label]["idle_since"] + 3, abs=0.01)
    await_workers(session, 1, 8)
    assert_retired_as(session, promised, ended, 3)

    set_knobs(DOWNSCALE_IDLE_SECONDS=60)
    sleepy(30, 0.4).collect()
    count = len(workers(session))
    assert count >= 2
    ended = time.time()
    await_that(lambda: time.time() - ended > 5, "five seconds", 10)
    assert len(workers(session)) == count, "nobody is ended early"
    left = [row["retires_at"] - time.time() for row in workers(session).values() if row["retires_at"] is not None]
    assert left
    assert all(50 < seconds < 56 for seconds in left), left

    set_knobs(DOWNSCALE_IDLE_SECONDS=0)
    tiny()
    await_workers(session, 1, 1.5)


@pytest.mark.slow
def test_the_documented_sixty_seconds(one_worker: Session) -> None:
    session = one_worker
    set_knobs(DOWNSCALE_IDLE_SECONDS=60)
    sleepy(30, 0.4).collect()
    ended = time.time()
    rows = workers(session)
    promised = {label: row["retires_at"] for label, row in rows.items() if row["retires_at"] is not None}
    assert len(promised) == len(rows) - 1 >= 1
    await_workers(session, 1, 75)
    assert_retired_as(session, promised, ended, 60)
    assert min(promised.values()) - ended > 50


@pytest.mark.slow
@pytest.mark.parametrize("survivors", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_survivors(one_worker: Session, survivors: int) -> None:
    session = one_worker
    set_knobs(MIN_SURVIVOR_WORKERS=survivors)
    sleepy(30, 0.4).collect()
    assert query_row(session)["workers_to"] >= 2
    await_workers(session, survivors, 1.5)
    began = time.monotonic()
    await_that(lambda: time.monotonic() - began > 3, "three seconds", 10)
    assert len(workers(session)) == survivors
    assert {row["rule"] for row in workers(session).values()} <= {"survivor"}
    # The engine's own rule within a query: one survivor more, and the next query is none the worse for it.
    set_knobs(MIN_SURVIVOR_WORKERS=1)
    tiny()


@pytest.mark.slow
def test_linear_runs_never_two_tasks_at_once(one_worker: Session) -> None:
    session = one_worker
    set_knobs(DOWNSCALE_IDLE_SECONDS=60)
    sleepy(30, 0.4).collect()
    assert query_row(session)["workers_to"] >= 2

    def most_at_once(since: float) -> int:
        running = most = 0
        for _, fields in whole_trace(session, since):
            if fields.get("message") == "Scheduling tasks for dispatch":
                running = int(fields["num_tasks"])
                most = max(most, running)
        return most

    since = time.time()
    sleepy(8, 0.05).collect()
    assert most_at_once(since) >= 2
    set_knobs(LINEAR=1)
    since = time.time()
    sleepy(8, 0.3).collect()  # each long enough for a look at it
    assert most_at_once(since) == 1
    points = [p for p in session.snapshot()["backlog"]["points"].values() if p[0] >= since]
    assert max(point[3] for point in points) == 1, "tasks running"
    assert any("linear scheduler" in entry["text"] for entry in decisions(session, since))


def test_the_ends_of_the_ranges_are_the_engines_too(one_worker: Session) -> None:
    session = one_worker
    most = 2**63 - 1
    set_knobs(THRESHOLD=1.7e308, DOWNSCALE_IDLE_SECONDS=most, MIN_SURVIVOR_WORKERS=most)
    tiny()
    set_knobs(THRESHOLD="1.0", DOWNSCALE_IDLE_SECONDS="0", MIN_SURVIVOR_WORKERS="0", DOWNSCALE_ENABLED="no")
    tiny()
    assert session.snapshot()["session"]["problems"] == {}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_worked_example_of_the_documentation(one_worker: Session) -> None:
    import daft

    session = one_worker
    set_knobs(DOWNSCALE_ENABLED="true", MIN_SURVIVOR_WORKERS=1, DOWNSCALE_IDLE_SECONDS=0, THRESHOLD=1.25)

    @daft.udf(return_dtype=daft.DataType.int64())
    class Slow:
        def __init__(self) -> None:  # without one of its own the engine takes object's arguments for missing ones
            self.factor = 2

        def __call__(self, xs: daft.Series) -> list[int]:
            time.sleep(0.1)
            return [x * self.factor for x in xs.to_pylist()]

    began = time.time()
    udf = Slow.with_concurrency(4)
    df = daft.from_pydict({"x": list(range(400))}).repartition(100, "x").select(udf(daft.col("x")).alias("y"))
    # Four actors of one CPU are asked for where three fit: the engine goes on with those it has after this timeout.
    with daft.execution_config_ctx(actor_udf_ready_timeout=10):
        assert sorted(df.to_pydict()["y"]) == [2 * x for x in range(400)]
    row = query_row(session)
    assert row["peak_ratio"] > 10, "a large backlog is seen"
    assert row["workers_to"] >= 2, "workers come"
    seen = kinds(session, began)
    assert "request" in seen
    assert {"arrival", "granted"} & seen
    await_workers(session, 1, 2)
    assert demand() == []
    assert "retire" in kinds(session, began)
    messages = {fields.get("message") for _, fields in trace_of(session, began)}
    assert "Final downscale completed" in messages, "the engine's own downscale"
