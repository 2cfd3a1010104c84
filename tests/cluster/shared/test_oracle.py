"""The tap's counts against an independent witness: the scheduler's own trace, at every one of its ticks.

The trace (``DAFT_TRACE``) is written by the engine's Rust code; the tap counts in Python wrappers. In the runner actor
a journal of the tap's counters is kept at every change, and each tick of the trace is compared with the entry before.
"""

from __future__ import annotations

import bisect
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from daftnb.session import Session
from tests.cluster.scaling import await_no_scheduler, whole_trace
from tests.conftest import await_that

pytestmark = pytest.mark.cluster


def keep_journal(actor: Any) -> None:
    """Runs in the runner actor: note all counters, with the time, after every change of one of them."""
    import time

    tap = actor._daftnb.tap
    tap.journal = []
    changed, done = tap.changed, tap.done

    def note() -> None:
        stages = {
            (index, last_id): (s.submitted, s.pending, s.running, s.ok, s.failed, s.retried, s.done)
            for index, query in tap.queries.items()
            for last_id, s in query.stages.items()
        }
        workers = {worker_id: w.running for worker_id, w in tap.workers.items() if w.held}
        tap.journal.append((time.time(), tap.pending, tap.running, stages, workers))

    def noted_changed(pending: int, running: int) -> None:
        changed(pending, running)
        note()

    def noted_done(bar_id: int) -> None:
        done(bar_id)
        note()

    tap.changed, tap.done = noted_changed, noted_done


def end_journal(actor: Any) -> list[Any]:
    tap = actor._daftnb.tap
    del tap.changed, tap.done
    return tap.journal


SNAPSHOT = re.compile(
    r"WorkerSnapshot\(worker_id = (\w+), total_num_cpus = (\d+).*?active_task_details = \{(.*?)\}\)", re.S
)
ACTIVE = re.compile(r"query_idx: (\d+),\s+last_node_id: (\d+),\s+task_id: (\d+)")


def compare(journal: list[Any], trace: list[tuple[float, dict[str, Any]]]) -> int:
    """Compare every tick; the number of ticks compared."""
    times = [entry[0] for entry in journal]
    submitted: Counter[tuple[int, int]] = Counter()
    ticks = retried_before = 0
    for t, fields in trace:
        if "enqueued_tasks" in fields:
            for query, last_id, _task in ACTIVE.findall(fields["enqueued_tasks"]):
                submitted[int(query), int(last_id)] += 1
        position = bisect.bisect_right(times, t + 1e-6) - 1
        if position < 0:
            continue
        _, pending, _running, stages, workers = journal[position]
        # Those of queries from before the trace are over: of a cancelled one the engine tells more than was awaited.
        queries = {query for query, _ in submitted}
        stages = {stage: counts for stage, counts in stages.items() if stage[0] in queries}
        if fields.get("message") == "Received worker snapshots":
            ticks += 1
            # A dead worker's task is pending again to the tap when its result says so, to the scheduler when it has
            # taken that result: at most those since the tick before can differ. Without retries, nothing can.
            retried = sum(stage[5] for stage in stages.values())
            assert 0 <= pending - fields["pending_tasks"] <= retried - retried_before, f"pending at {t}"
            # Likewise the worker itself: gone to the tap with its task's result, to the scheduler when it takes that.
            gone = fields["num_workers"] - len(workers)
            assert 0 <= gone <= min(1, retried - retried_before), f"workers at {t}"
            retried_before = retried
            for stage, count in submitted.items():
                assert stages[stage][0] == count, f"submitted of {stage} at {t}"
        elif "worker_snapshots" in fields:
            active_by_stage: Counter[tuple[int, int]] = Counter()
            active_by_worker = {}
            for worker_id, _cpus, active in SNAPSHOT.findall(fields["worker_snapshots"]):
                tasks = ACTIVE.findall(active)
                active_by_worker[worker_id] = len(tasks)
                active_by_stage.update((int(query), int(last_id)) for query, last_id, _task in tasks)
            unhandled = 0
            for stage, (_, _, running, ok, failed, retried, done) in stages.items():
                # A task whose result is there is active to the scheduler until it has taken the result.
                waiting = ok - done
                unhandled += waiting
                assert failed == 0
                if retried == 0:
                    assert active_by_stage[stage] == running + waiting, f"running of {stage} at {t}"
            if unhandled == 0 and not any(s[5] for s in stages.values()):
                assert active_by_worker == workers, f"running of each worker at {t}"
    return ticks


def query_with_stages(seconds: float) -> Any:
    """Scan, repartition, a sleeping UDF, an aggregation and a sort: five stages, about ninety tasks."""
    import daft
    from daft import col

    @daft.func
    def slow(x: int) -> int:
        time.sleep(seconds)
        return x % 5

    table = daft.from_pydict({"a": list(range(30))}).into_partitions(30)
    return table.with_column("b", slow(col("a"))).groupby("b").agg(col("a").sum()).sort("b")


def run_journaled(session: Session, query: Any, meanwhile: Any = None) -> tuple[Any, list[Any], float]:
    import ray

    assert session.connection.flotilla is not None
    actor = session.connection.flotilla.runner
    await_no_scheduler(session)  # whose ticks would be taken for those of this query's
    ray.get(actor.__ray_call__.remote(keep_journal))
    began = time.time()
    if meanwhile is not None:
        meanwhile()
    result = query.to_pydict()
    return result, ray.get(actor.__ray_call__.remote(end_journal)), began


def finished_counts(session: Session) -> dict[str, int]:
    snapshot = session.snapshot()
    assert snapshot["session"]["problems"] == {}
    return snapshot["query"]["tasks"]


def test_counts_equal_the_schedulers_trace_at_every_tick(session: Session, artifacts: Path) -> None:
    result, journal, began = run_journaled(session, query_with_stages(0.15))
    assert result == {"b": [0, 1, 2, 3, 4], "a": [75, 81, 87, 93, 99]}
    trace = whole_trace(session, began)
    ticks = compare(journal, trace)
    assert ticks > 30
    counts = finished_counts(session)
    enqueued = sum(len(ACTIVE.findall(f["enqueued_tasks"])) for _, f in trace if "enqueued_tasks" in f)
    assert counts == {
        "submitted": enqueued,
        "pending": 0,
        "running": 0,
        "finished": enqueued,
        "failed": 0,
        "cancelled": 0,
    }
    assert session.snapshot()["queries"][str(session.snapshot()["query"]["number"])]["workers_to"] >= 2
    (artifacts / "oracle.txt").write_text(f"{ticks} ticks, {len(journal)} changes, {enqueued} tasks: all equal\n")


def test_a_killed_worker_is_counted_and_its_tasks_are_pending_again(session: Session) -> None:
    import threading

    killed: list[int] = []

    def kill_one() -> None:
        def busy() -> psutil.Process | None:
            snapshot = session.snapshot()
            query = snapshot["query"]
            if query is None or query["state"] != "running" or not query["tasks"] or query["tasks"]["finished"] < 5:
                return None
            from daftnb.engine.embedded.supervisor import owned_processes

            assert session.cluster is not None
            actors = [
                p
                for p in owned_processes(str(session.cluster.folder))
                if "RaySwordfishActor" in p.name() or any("RaySwordfishActor" in part for part in p.cmdline())
            ]
            return actors[0] if actors else None

        process = await_that(busy, "a busy worker", 60)
        killed.append(process.pid)
        process.kill()

    thread = threading.Thread(target=kill_one)
    number_before = session.snapshot()["query"]["number"] if session.snapshot()["query"] else 0
    result, journal, began = run_journaled(session, query_with_stages(0.3), thread.start)
    thread.join(60)
    assert killed
    assert result == {"b": [0, 1, 2, 3, 4], "a": [75, 81, 87, 93, 99]}
    trace = whole_trace(session, began)
    assert compare(journal, trace) > 20
    snapshot = session.snapshot()
    assert snapshot["query"]["number"] == number_before + 1
    assert snapshot["query"]["tasks"]["pending"] == snapshot["query"]["tasks"]["running"] == 0
    assert snapshot["query"]["tasks"]["finished"] == snapshot["query"]["tasks"]["submitted"]
    assert any(decision["kind"] == "died" for decision in snapshot["decisions"].values())


def test_the_settings_in_effect_are_read_back_from_the_actor(session: Session, clean_settings: None) -> None:
    import os

    import ray

    assert session.connection.flotilla is not None
    os.environ["DAFT_AUTOSCALING_THRESHOLD"] = "7.5"
    os.environ["DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS"] = "ten"
    with pytest.warns(UserWarning, match="idle_seconds cannot be 'ten'"):
        query_with_stages(0).collect()
    rows = session.snapshot()["settings"]["rows"]
    in_effect = {name: row["in_effect"] for name, row in rows.items()}
    fixed = {"downscale": "1", "idle_seconds": "60", "survivors": "1", "linear": "0", "growth": "step"}
    assert in_effect == {"threshold": "7.5", **fixed}

    def look(_actor: Any) -> dict[str, str]:
        import os

        ours = ("DAFT_AUTOSCALING", "DAFT_SCHED", "DAFTNB_GROWTH")
        return {name: value for name, value in os.environ.items() if name.startswith(ours)}

    there = ray.get(session.connection.flotilla.runner.__ray_call__.remote(look))
    assert there == {**session.settings.environment(), "DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS": "120"}
    # Set now, in effect with the next query only.
    session.set(threshold=2)
    row = session.snapshot()["settings"]["rows"]["threshold"]
    assert (row["set"], row["in_effect"], row["pending"]) == ("2.0", "7.5", True)
    query_with_stages(0).collect()
    row = session.snapshot()["settings"]["rows"]["threshold"]
    assert (row["set"], row["in_effect"], row["pending"]) == ("2.0", "2.0", False)
