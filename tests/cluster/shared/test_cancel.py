"""A query that is cancelled ends on the cluster: at once, as every query ends there, and touching no other."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from daftnb.engine.queries.endless import WORDS as ENDLESS
from daftnb.errors import QueryCancelled
from daftnb.session import Session
from tests.cluster.scaling import demand, sleepy, tiny, whole_trace, workers
from tests.conftest import await_that
from tests.helpers.threads import in_thread

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

TASKS, MOST_WORKERS = 120, 3  # of the query that is cancelled: a second each
NEXT_SECONDS = 5.0
PROMISED_SECONDS = 2.0  # from a cancel to its end: no task starts later


def noting(tasks: int, seconds: float, folder: Path) -> Any:
    """A query of sleeping tasks, each of which leaves a file with the time of its start."""
    import daft
    from daft import col

    where = str(folder)

    @daft.func
    def slow(x: int) -> int:
        Path(where, str(x)).write_text(repr(time.time()))
        time.sleep(seconds)
        return x

    table = daft.from_pydict({"a": list(range(tasks))}).into_partitions(tasks).with_column("b", slow(col("a")))
    return table.groupby("b").agg(col("a").sum())


def starts(folder: Path) -> list[float]:
    return [float(path.read_text()) for path in folder.iterdir() if path.is_file()]


def running(session: Session) -> str | None:
    """The id of a query that has finished two tasks and goes on."""
    query = session.snapshot()["query"]
    if query["state"] == "running" and query["tasks"] and query["tasks"]["finished"] >= 2:
        return str(query["id"])
    return None


def grown(session: Session) -> str | None:
    """The id of a query that goes on, once all workers are there: one that starts holds the scheduler up."""
    starting = [row for row in session.snapshot()["workers"]["rows"].values() if row["state"] == "starting"]
    return None if starting or len(workers(session)) < MOST_WORKERS else running(session)


def assert_all_slots_are_free(session: Session, folder: Path) -> None:
    """As many tasks run at once as there are workers: none of them is taken by a task of a query that is over."""
    count = len(workers(session))
    (folder / "after").mkdir()
    noting(4 * count, 0.5, folder / "after").collect()
    began = sorted(starts(folder / "after"))
    assert any(last - first < 0.5 for first, last in zip(began, began[count - 1 :], strict=False)), began


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_no_task_starts_any_more_and_the_next_query_runs_as_ever(session: Session, tmp_path: Path, how: str) -> None:
    tiny()
    at: list[float] = []
    began = time.time()

    def stop() -> None:
        query_id = await_that(lambda: grown(session), "the query runs on all workers", 90)
        at.append(time.time())
        if how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)  # as Jupyter interrupts a kernel
        else:
            assert session.cancel() == query_id

    thread = in_thread(stop)
    with pytest.raises(KeyboardInterrupt):
        noting(TASKS, 1.0, tmp_path).collect()
    interrupted = time.time()
    thread.join(60)
    assert interrupted - at[0] < PROMISED_SECONDS
    assert tiny() < NEXT_SECONDS, "the next query did not wait for the cancelled one"
    await_that(lambda: not any(row["state"] == "busy" for row in workers(session).values()), "idle workers", 2)
    trace = whole_trace(session, began, 2)
    assert max(starts(tmp_path)) < at[0] + PROMISED_SECONDS, "a task started after the query was cancelled"
    assert len(starts(tmp_path)) < TASKS
    soon = [fields.get("message") for t, fields in trace if t < at[0] + NEXT_SECONDS]
    assert "Scheduler event loop completed" in soon, "the engine's own scheduler has ended"
    states = [query["state"] for query in session.snapshot()["queries"].values()]
    assert states[-2:] == ["cancelled", "finished"]
    tasks = session.snapshot()["queries"]
    assert session.snapshot()["session"]["problems"] == {}, tasks
    assert demand() == []
    assert_all_slots_are_free(session, tmp_path)


def test_cancelling_one_query_leaves_another_alone(session: Session, tmp_path: Path) -> None:
    outcome: dict[str, Any] = {}

    def run(name: str, query: Any) -> None:
        try:
            outcome[name] = query.to_pydict()
        except Exception as error:
            outcome[name] = error

    victim = in_thread(lambda: run("victim", noting(30, 0.5, tmp_path)))
    query_id = await_that(lambda: running(session), "the first query runs", 60)
    other = in_thread(lambda: run("other", sleepy(6, 0.5)))
    await_that(lambda: session.snapshot()["query"]["id"] != query_id, "the second query runs", 30)
    assert session.cancel(str(query_id)) == query_id
    victim.join(5)
    assert isinstance(outcome["victim"], QueryCancelled)
    other.join(60)
    assert sorted(outcome["other"]["b"]) == list(range(6))
    states = {query["id"]: query["state"] for query in session.snapshot()["queries"].values()}
    assert states[str(query_id)] == "cancelled"
    assert session.cancel(str(query_id)) is None
    assert session.cancel() is None


def test_a_failed_query_takes_no_slots_with_it(session: Session, tmp_path: Path) -> None:
    import daft
    from daft import col

    @daft.func
    def bad(x: int) -> int:
        time.sleep(0.3)
        if x == 5:
            raise ValueError("five is right out")
        return x

    sleepy(30, 0.3).collect()
    for _ in range(3):
        query = daft.from_pydict({"a": list(range(30))}).into_partitions(30).with_column("b", bad(col("a")))
        with pytest.raises(Exception, match="five is right out") as caught:
            query.collect()
        assert "daftnb/engine" not in str(caught.value), "the text has the traceback, which is the engine's own"
        assert session.snapshot()["query"]["state"] == "failed"
    assert_all_slots_are_free(session, tmp_path)
    await_that(lambda: demand() == [], "nothing stays asked", 5)


def test_a_view_of_the_first_rows_leaves_nothing_running(session: Session, tmp_path: Path) -> None:
    import daft
    from daft import col

    where = str(tmp_path)

    @daft.func
    def slow(x: int) -> int:
        Path(where, str(x)).write_text(repr(time.time()))
        time.sleep(0.3)
        return x

    rows = daft.from_pydict({"a": list(range(40))}).into_partitions(40).with_column("b", slow(col("a"))).iter_rows()
    assert next(iter(rows))["b"] >= 0
    rows.close()  # type: ignore[attr-defined]
    closed = time.time()
    assert tiny() < NEXT_SECONDS
    await_that(lambda: not any(row["state"] == "busy" for row in workers(session).values()), "idle workers", 3)
    assert max(starts(tmp_path)) < closed + 1
    assert len(starts(tmp_path)) < 40


@pytest.mark.slow
def test_a_query_that_daft_never_ends_is_told_as_it_starts_and_can_be_ended(session: Session) -> None:
    import daft

    outcome: list[BaseException] = []

    def run() -> None:
        try:
            daft.from_pydict({"a": list(range(10))}).limit(4).into_partitions(6).collect()
        except Exception as error:
            outcome.append(error)

    victim = in_thread(run)
    await_that(lambda: ENDLESS in session.snapshot()["session"]["problems"].values(), "it is told", 30)
    victim.join(10)  # the like of it is over in less than one
    assert victim.is_alive(), "Daft ends it now: what is said of it is no longer true"
    assert session.cancel()
    victim.join(10)
    assert [type(error) for error in outcome] == [QueryCancelled]
    assert tiny() < NEXT_SECONDS
