"""A Daft with a reaper of its own, by a stand-in in the actor: it alone retires; daftnb tells when, by which rule."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from daftnb.engine import daftnames
from daftnb.engine.byvalue import by_value
from daftnb.session import Session
from tests.cluster.resized.test_warm import actors
from tests.cluster.scaling import await_workers, decisions, kinds, sleepy, started, tiny, workers
from tests.helpers import enginereaper

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def session() -> Iterator[Session]:
    """A session of its own: another one's actor would be without a tap for a moment, which is a problem told."""
    with started(3.0) as session:
        yield session


@pytest.fixture
def reaped(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The session, its actor as it would be with such a Daft."""
    import ray
    from ray import cloudpickle

    from daftnb.engine.queries.runner import RunnerDoor

    def another_door() -> None:
        flotilla.door.close()
        flotilla.door = RunnerDoor(flotilla.runner, flotilla._off)

    tiny()
    flotilla = session.connection.flotilla
    assert flotilla is not None
    monkeypatch.setattr(daftnames, "has_reaper", lambda: True)
    another_door()
    with by_value(cloudpickle, enginereaper):
        ray.get(flotilla.runner.__ray_call__.remote(enginereaper.install))
        yield session
        ray.get(flotilla.runner.__ray_call__.remote(enginereaper.remove))
    monkeypatch.undo()
    another_door()


def test_workers_stay_idle_between_queries_and_dafts_reaper_retires_them(
    reaped: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = reaped
    monkeypatch.setenv("DAFT_AUTOSCALING_DOWNSCALE_ENABLED", "1")
    monkeypatch.setenv("DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS", "4")
    monkeypatch.setenv(daftnames.REAPER_INTERVAL, "1")
    began = time.time()
    sleepy(30, 0.4).collect()
    count = len(workers(session))
    assert count >= 2
    assert {row["state"] for row in workers(session).values()} == {"idle"}, "the engine holds them"
    processes = {process.pid for process in actors(session)}
    tiny()
    assert {process.pid for process in actors(session)} == processes, "the next query has the same"
    due = {row["retires_at"] for row in workers(session).values()}
    assert len(due) == count and None in due, "one survives"
    first = min(each for each in due if each is not None)
    await_workers(session, 1)
    retired = [entry for entry in decisions(session, began) if entry["kind"] == "retire"]
    assert len(retired) == count - 1, "each is told once"
    assert all("after 4 s idle" in entry["text"] for entry in retired)
    assert first - 0.1 <= retired[0]["t"] <= first + 4, "one look later, or two"
    assert not {"kept", "reuse", "sweep"} & kinds(session, began)
    [survivor] = workers(session).values()
    assert (survivor["state"], survivor["rule"], survivor["retires_at"]) == ("idle", "survivor", None)
    tiny()
    assert session.snapshot()["session"]["problems"] == {}
