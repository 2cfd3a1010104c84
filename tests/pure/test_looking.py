"""A view of one query stays with it; a view of workers keeps what it showed when their cluster has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.errors import DaftnbError
from daftnb.settings import AutoscalingSettings
from daftnb.snapshots.static import headline
from daftnb.telemetry import events as e
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.widgets.views import Plan, Workers
from tests.helpers import story
from tests.helpers.fakesession import FakeSession, native
from tests.helpers.story import T


@pytest.fixture
def session(frontend: Callable[..., str]) -> Iterator[FakeSession]:
    if not (files("daftnb") / "static" / "daftnb.js").is_file():
        frontend("build.mjs")
    made = FakeSession(*native(1, T, 0.1), *native(2, T + 1, 2.0), now=T + 5)
    yield made
    made.monitor.stop()


@pytest.mark.parametrize("query", [1, "1", "q1"])
def test_the_plan_of_one_query_is_not_followed_by_another(session: FakeSession, query: int | str) -> None:
    plan = Plan.of_query(session, query)  # type: ignore[arg-type]
    before = plan._bundle()["text/plain"]
    assert before.startswith("Query 1 (q1) on Daft's native runner finished")
    session.tell(*native(3, T + 6, 1.0))
    assert plan._bundle()["text/plain"] == before
    assert plan._bundle()["text/plain"] != Plan(session)._bundle()["text/plain"]  # type: ignore[arg-type]
    plan.close()


@pytest.mark.parametrize("query", [7, "q7", "-1", ""])
def test_a_query_that_is_not_there_is_said(session: FakeSession, query: int | str) -> None:
    with pytest.raises(DaftnbError) as error:
        Plan.of_query(session, query)  # type: ignore[arg-type]
    assert error.value.what == f"There is no query {query} in the history: there are 1 to 2."
    assert error.value.remedy == "Try %daft history"
    assert session.monitor.listeners == []


def test_a_pool_that_has_ended_leaves_its_last_view(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    updates: list[Any] = []

    class Handle:
        def update(self, bundle: Any, **_: Any) -> None:
            updates.append(bundle)

    monkeypatch.setattr("IPython.display.display", lambda *_, **__: Handle())
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: SimpleNamespace(kernel="of a notebook"))
    session.tell(*story.events()[:8])
    view = Workers(session)  # type: ignore[arg-type]
    view.show()
    session.tell(e.WorkerStarted(T + 5, "b", 1, 2 * 10**9))
    view.keep_static()
    assert len(updates) == 1
    session.tell(e.WorkerEnded(T + 6, "a", "ended"), e.WorkerEnded(T + 6, "b", "ended"), e.NodesSeen(T + 6, ()))
    assert session.snapshot()["workers"]["total"] == 0
    view.keep_static()
    assert len(updates) == 1
    view.close()


def test_a_query_is_told_with_the_threshold_that_it_ran_with() -> None:
    later = snapshot_of(story.told(), T + 60, "ray", AutoscalingSettings(threshold=7.0))
    assert "peak backlog ratio 20 against threshold 1.5" in headline(later)
    later["backlog"]["threshold"] = 7.0
    assert "peak backlog ratio 20 against threshold 1.5" in headline(later)
    later["queries"]["1"]["settings"] = None
    assert "peak backlog ratio 20 against threshold 7" in headline(later)
