"""GPUs of a real cluster, logical ones: who holds them, what waits for them, and what no node has."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daft
import psutil
import pytest
from daft import col

from daftnb.commands.cluster import status_text
from daftnb.session import Session
from tests.cluster.scaling import processes
from tests.conftest import await_that
from tests.helpers import standinnvml

# A cluster of its own, for these tests.
pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session with a cluster of one worker node; where C can be built, a stand-in for NVML lists two devices."""
    from daftnb.engine.embedded.cluster import ClusterSize
    from daftnb.session import close_session, open_session

    session = open_session()
    nvml = standinnvml.build(tmp_path_factory.mktemp("nvml")) if standinnvml.COMPILER else None
    session.start(ClusterSize(min_workers=1, max_workers=1, cpus=4, gpus=2), print, nvml)
    yield session
    close_session()


class Running:
    """A query in a thread of its own, whose UDFs wait until ``go`` is there."""

    def __init__(self, frame: daft.DataFrame) -> None:
        self.ended: list[BaseException | None] = []
        self.thread = threading.Thread(target=self._run, args=(frame,))
        self.thread.start()

    def _run(self, frame: daft.DataFrame) -> None:
        try:
            frame.collect()
            self.ended.append(None)
        except BaseException as error:
            self.ended.append(error)

    def result(self) -> BaseException | None:
        self.thread.join(120)
        return self.ended[0]


def frame(parts: int) -> daft.DataFrame:
    return daft.from_pydict({"a": list(range(parts))}).into_partitions(parts)


def wait_for(go: str) -> None:
    """Wait in a UDF's process until the file is there, a minute at most."""
    for _ in range(600):
        if Path(go).exists():
            return
        time.sleep(0.1)


def use(session: Session) -> dict[str, Any]:
    """The GPUs of the one worker, and who has them."""
    pool = session.snapshot()["workers"]
    [worker] = [row for row in pool["rows"].values() if not row["head"]]
    return {"gpus": worker["gpus"], "pool": (pool["gpus_used"], pool["gpus"]), **(worker["gpu_use"] or {})}


def shows(session: Session, **expected: Any) -> Callable[[], bool]:
    return lambda: expected.items() <= use(session).items()


def test_actors_hold_parts_of_a_gpu(session: Session, tmp_path: Path) -> None:
    go = str(tmp_path / "go")

    @daft.cls(gpus=0.5, max_concurrency=2)
    class Model:
        def __call__(self, x: int) -> int:
            wait_for(go)
            return x

    query = Running(frame(2).select(Model()(col("a")).alias("b")))
    await_that(shows(session, held=1.0, tasks=0.0, used=1.0, gpus=2.0, pool=(1.0, 2.0)), "two actors hold one GPU", 60)
    Path(go).touch()
    assert query.result() is None
    await_that(shows(session, held=0.0, used=0.0), "the actors have ended", 60)
    assert session.snapshot()["session"]["problems"] == {}


def test_tasks_take_gpus_and_those_that_wait_are_told(session: Session, tmp_path: Path) -> None:
    go = str(tmp_path / "go")

    @daft.func(gpus=1)
    def score(x: int) -> int:
        wait_for(go)
        return x

    query = Running(frame(4).select(score(col("a")).alias("b")))
    # Ray knows nothing of what Daft's scheduler counts: its own view still has both.
    await_that(shows(session, tasks=2.0, held=0.0, used=2.0, pool=(2.0, 2.0)), "two tasks have a GPU each", 60)
    backlog = session.snapshot()["backlog"]
    assert (backlog["pending"], backlog["pending_gpus"], backlog["gpus"], backlog["most_gpus"]) == (2, 2.0, 2.0, 2)
    told = [decision["text"] for decision in session.snapshot()["decisions"].values()]
    uncounted = r"Ray is not asked\. It counts no GPUs: what waits asks for [1-4] GPUs?, and the workers have 2"
    assert any(re.search(uncounted, text) for text in told), told
    assert "2 of 2 logical GPUs" in status_text(session)
    Path(go).touch()
    assert query.result() is None
    await_that(shows(session, tasks=0.0, used=0.0), "the tasks have ended", 60)


@standinnvml.needs_compiler
def test_devices_are_read_while_somebody_looks(session: Session) -> None:
    assert use(session)["devices"] is None, "nobody has looked"
    viewer = SimpleNamespace(looking=True, publish=lambda snapshot: None)
    names = ("index", "name", "busy", "memory_used", "memory_total")
    expected = [dict(zip(names, reading, strict=True)) for reading in standinnvml.READINGS]
    session.monitor.listeners.append(viewer)
    try:
        await_that(shows(session, devices=expected), "the stand-in's devices are read", 60)
    finally:
        session.monitor.listeners.remove(viewer)
    await_that(shows(session, devices=None), "nobody looks any more", 60)
    assert session.snapshot()["session"]["problems"] == {}


def test_more_gpus_than_any_node_has(session: Session) -> None:
    @daft.func(gpus=3)
    def large(x: int) -> int:
        return x

    said = (
        "large asks for 3 GPUs, and no node has that: the largest has 2 logical GPUs. Its tasks run all the same, as "
        "Daft looks only whether a worker has any GPU free"
    )
    with pytest.warns(UserWarning, match="large asks for 3 GPUs"):
        assert frame(1).select(large(col("a"))).to_pydict() == {"a": [0]}
    assert list(session.snapshot()["session"]["problems"].values()) == [said]

    @daft.cls(gpus=3, max_concurrency=1)
    class Model:
        def __call__(self, x: int) -> int:
            return x

    # Ray looks at all of it.
    remedy = r"none that does\. Try %daft stop and %daft start --gpus 3 \(logical GPUs\)"
    failure = pytest.raises(Exception, match=r"requires 1\.0 CPUs and 3\.0 GPUs per actor")
    with pytest.warns(UserWarning, match=remedy), failure:
        frame(1).select(Model()(col("a")).alias("b")).collect()


def test_a_node_with_gpus_that_is_lost_takes_its_slots_along_and_the_counts_stay_right(session: Session) -> None:
    rows = 40

    @daft.func(gpus=1)
    def slow(x: int) -> int:
        time.sleep(0.2)
        return x

    query = Running(frame(rows).select(slow(col("a")).alias("b")))

    def figures() -> dict[str, Any]:
        plan: dict[str, Any] = session.snapshot()["plan"] or {"functions": {}}
        return next(iter(plan["functions"].values()), {"calls": 0, "lost": 0})

    await_that(lambda: (figures()["calls"] or 0) >= 4, "tasks run", 60)
    before = set(session.snapshot()["workers"]["rows"])
    lose_the_worker(session)
    assert query.result() is None, "the engine runs its tasks again, on the node that comes instead"
    await_that(lambda: not session.monitor.state.active(), "the query's end")
    pool = session.snapshot()["workers"]
    (new,) = [row for id_, row in pool["rows"].items() if id_ not in before]
    assert (new["gpus"], pool["gpus"]) == (2, 2.0)
    await_that(lambda: figures()["calls"] >= rows, "all calls are told")
    found = figures()
    assert found["lost"] >= 1, "the calls that it was at"
    assert found["running"] == 0


def lose_the_worker(session: Session) -> None:
    """Kill all processes of the one worker's node at once, as a machine that is gone."""
    (worker,) = processes(session, "RaySwordf")
    raylet = worker.parent()
    assert raylet is not None and raylet.name() == "raylet"
    gone = [raylet, *raylet.children(recursive=True)]
    for process in gone:
        process.kill()
    psutil.wait_procs(gone, 10)
