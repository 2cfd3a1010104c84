"""An embedded cluster for many tests; queries of sleeping tasks, and looks at what came of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from daftnb.session import Session
from tests.conftest import await_that

TRACE = {"DAFT_TRACE": "DaftFlotillaScheduler=debug", "DAFT_TRACE_FORMAT": "json"}


@contextmanager
def started(idle_timeout: float) -> Iterator[Session]:
    """A session with an embedded cluster of 1 to 3 workers, with the scheduler's own trace switched on.

    ``idle_timeout``: seconds until Ray's autoscaler releases a node without work.
    """
    from daftnb.engine.embedded.cluster import ClusterSize
    from daftnb.session import close_session, open_session

    session = open_session()
    session.start(ClusterSize(min_workers=1, max_workers=3, cpus=1, idle_timeout=idle_timeout), print, TRACE)
    try:
        yield session
    finally:
        close_session()


def sleepy(tasks: int, seconds: float) -> Any:
    """A query of so many tasks, each of which sleeps."""
    import daft
    from daft import col

    @daft.func
    def slow(x: int) -> int:
        time.sleep(seconds)
        return x

    return daft.from_pydict({"a": list(range(tasks))}).into_partitions(tasks).with_column("b", slow(col("a")))


def tiny() -> float:
    """Seconds that a query of one task takes."""
    import daft
    from daft import col

    began = time.perf_counter()
    assert daft.from_pydict({"a": [1, 2, 3]}).where(col("a") > 1).to_pydict() == {"a": [2, 3]}
    return time.perf_counter() - began


def processes(session: Session, actor: str) -> list[psutil.Process]:
    """The processes of the embedded cluster's actors of a class, by its name."""
    from daftnb.engine.embedded.supervisor import owned_processes

    assert session.cluster is not None
    found = []
    for process in owned_processes(str(session.cluster.folder)):
        with suppress(psutil.NoSuchProcess):  # it ended since it was listed
            if actor in process.name():
                found.append(process)
    return found


def workers(session: Session) -> dict[str, dict[str, Any]]:
    """The workers that live, by their label."""
    rows = session.snapshot()["workers"]["rows"].values()
    return {row["label"]: row for row in rows if row["state"] in ("busy", "idle", "warm")}


def await_workers(session: Session, count: int, seconds: float = 30.0) -> float:
    """Wait until so many workers live; the time when it was seen."""
    await_that(lambda: len(workers(session)) == count, f"{count} workers, not {list(workers(session))}", seconds)
    return time.time()


def nodes() -> int:
    """Ray's worker nodes, asked of Ray itself."""
    import ray

    return sum(1 for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))


def demand() -> list[dict[str, float]]:
    """What stands asked of the autoscaler, in its own store."""
    from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
    from ray.experimental.internal_kv import _internal_kv_get

    stored = _internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)
    return [] if not stored else [bundle for bundle in json.loads(stored) if bundle]


def query_row(session: Session) -> dict[str, Any]:
    """The history's row of the last query."""
    snapshot = session.snapshot()
    row: dict[str, Any] = snapshot["queries"][str(snapshot["query"]["number"])]
    return row


def decisions(session: Session, since: float = 0.0) -> list[dict[str, Any]]:
    """The decision log since a time, oldest first."""
    return [entry for entry in session.snapshot()["decisions"].values() if entry["t"] >= since]


def kinds(session: Session, since: float = 0.0) -> set[str]:
    """The kinds of decisions since a time."""
    return {entry["kind"] for entry in decisions(session, since)}


def trace_of(session: Session, since: float) -> list[tuple[float, dict[str, Any]]]:
    """The scheduler's own trace since a time: (seconds since the epoch, fields)."""
    assert session.cluster is not None
    assert session.cluster.folder is not None
    found = []
    for path in Path(session.cluster.folder).glob("session_latest/logs/worker*.err"):
        for line in path.read_text(errors="replace").splitlines():
            if "DaftFlotillaScheduler" in line and line.startswith("{"):
                entry = json.loads(line)
                t = datetime.fromisoformat(entry["timestamp"].replace("Z", "+00:00")).timestamp()
                if t >= since:
                    found.append((t, entry["fields"]))
    return sorted(found, key=lambda entry: entry[0])


def whole_trace(session: Session, since: float, queries: int = 1) -> list[tuple[float, dict[str, Any]]]:
    """The trace since a time, once so many queries have ended in it."""

    def ended() -> bool:
        messages = [fields.get("message") for _, fields in trace_of(session, since)]
        return messages.count("Scheduler event loop completed") >= queries

    await_that(ended, "the trace's end")
    return trace_of(session, since)


def await_no_scheduler(session: Session) -> None:
    """Wait until no query's scheduler looks up any more; each does once a second, until its query has ended."""

    def quiet() -> bool:
        lines = trace_of(session, time.time() - 2.0)
        return not lines

    await_that(quiet, "the schedulers of earlier queries have ended")
