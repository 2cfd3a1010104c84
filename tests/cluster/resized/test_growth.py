"""The setting ``growth`` on a real cluster: what one request asks for, and that it is withdrawn as the engine's is."""

from __future__ import annotations

import time

import pytest

from daftnb.session import Session
from tests.cluster.scaling import await_workers, decisions, demand, kinds, nodes, query_row, sleepy, tiny, workers
from tests.conftest import await_that

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.mark.parametrize("growth", ["needed", pytest.param("double", marks=pytest.mark.slow)])
def test_one_request_asks_for_more_than_the_engine_and_is_withdrawn(session: Session, growth: str) -> None:
    session.set(idle_seconds=1, growth=growth)
    tiny()
    await_that(lambda: nodes() == 1, "one node", 60)
    await_workers(session, 1)
    assert session.snapshot()["settings"]["rows"]["growth"]["in_effect"] == growth
    began = time.time()
    sleepy(40, 0.5).collect()
    assert query_row(session)["workers_to"] == 3
    grown = [entry["text"] for entry in decisions(session, began) if f"at once (growth: {growth})" in entry["text"]]
    assert grown and all("asked Ray for 3 CPUs" in text for text in grown), decisions(session, began)
    assert "; step by step it would have asked for 2" in grown[0] or growth == "double"
    assert "clear" in kinds(session, began) and demand() == []
    assert session.snapshot()["session"]["problems"] == {}
    await_that(lambda: len(workers(session)) == 1, "the others are retired", 20)
