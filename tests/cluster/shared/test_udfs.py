"""What functions did, on a real cluster: in workers, in actors of a pool, and in processes of a worker."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

import daftnb
from daftnb.recordings import Recording
from daftnb.session import Session
from tests.cluster.scaling import processes, tiny
from tests.conftest import await_that
from tests.helpers.fakemodels import WAIT, expected, fake_models, provided

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
ROWS = 60


def functions() -> dict[str, Any]:
    """The kinds of functions; each counts its calls itself, and says how long it took."""
    import daft

    def work(x: int) -> int:
        from importlib import import_module

        start = time.perf_counter_ns()
        time.sleep(0.01)
        increment_counter = import_module("daft.udf.metrics").increment_counter
        increment_counter("calls", attributes={"model": "m"})
        increment_counter("nanoseconds", time.perf_counter_ns() - start)
        return x + 1

    @daft.func
    def plain(x: int) -> int:
        return work(x)

    @daft.cls(max_concurrency=2)
    class Pooled:
        def __init__(self) -> None:
            time.sleep(0.3)

        def __call__(self, x: int) -> int:
            return work(x)

    @daft.cls(use_process=True)
    class Apart:
        def __call__(self, x: int) -> int:
            return work(x)

    return {"plain": plain, "Pooled": Pooled(), "Apart": Apart()}


def called(session: Session) -> list[dict[str, Any]]:
    """The functions of the current query."""
    plan: dict[str, Any] = session.snapshot()["plan"] or {"functions": {}}
    return list(plan["functions"].values())


def recorded(session: Session, path: Path, calls: int) -> Recording:
    """Return the recording of the query that ran last, once so many calls of its function are told."""
    number = session.snapshot()["query"]["number"]
    await_that(lambda: not session.monitor.state.active(), "the query's end")
    # A worker that is slow to answer at the end tells by itself, half a second later.
    await_that(lambda: [each["calls"] for each in called(session)] >= [calls], "all calls are told")
    daftnb.save(path, number)
    return daftnb.open_recording(path)


@pytest.mark.parametrize("kind", ["plain", "Pooled", "Apart"])
def test_figures_are_what_the_function_itself_counts(session: Session, kind: str, tmp_path: Path) -> None:
    import daft
    from daft import col

    tiny()
    frame = daft.from_pydict({"x": list(range(ROWS))}).into_partitions(4)
    assert frame.with_column("y", functions()[kind](col("x"))).to_pydict()["y"] == list(range(1, ROWS + 1))
    run = recorded(session, tmp_path / "run.arrow", ROWS)
    (told,) = run.udfs().to_pylist()
    assert kind in told["name"]
    assert (told["rows_in"], told["rows_out"], told["calls"], told["errors"]) == (ROWS, ROWS, ROWS, 0)
    counters = {each["name"]: each for each in told["counters"]}
    assert counters["calls"]["value"] == ROWS
    assert dict(counters["calls"]["attributes"]) == {"model": "m"}
    # The meter's clock is read around the function's own.
    assert told["seconds"] >= counters["nanoseconds"]["value"] / 1e9
    actors = run.actors().to_pylist()
    if kind == "plain":
        assert actors == []
    else:
        assert sum(actor["rows"] for actor in actors) == ROWS
        assert {actor["state"] for actor in actors} == {"ended"}
    if kind == "Pooled":
        assert (len(actors), told["inits"]) == (2, 2)
        assert told["init_seconds"] >= 0.6
        assert all(actor["init_seconds"] >= 0.3 for actor in actors)


def test_a_pool_that_is_too_large_says_what_it_lacks_and_what_waits_before_it(session: Session) -> None:
    import daft
    from daft import col

    @daft.cls(max_concurrency=40)
    class Large:
        @daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=3)
        def more(self, x: daft.Series) -> list[int]:
            time.sleep(0.05 * len(x))
            return [each + 1 for each in x.to_pylist()]

    tiny()
    frame = daft.from_pydict({"x": list(range(ROWS))}).into_partitions(4).with_column("y", Large().more(col("x")))
    rows: list[int] = []
    with daft.execution_config_ctx(actor_udf_ready_timeout=15):
        thread = threading.Thread(target=lambda: rows.extend(frame.to_pydict()["y"]))
        thread.start()
        seen: set[int | None] = set()
        while thread.is_alive():
            seen |= {actor["queue"] for function in called(session) for actor in function["actors"].values()}
            time.sleep(0.1)
        thread.join()
    assert rows == list(range(1, ROWS + 1))
    await_that(lambda: not session.monitor.state.active(), "the query's end")
    log = [(mark["kind"], mark["text"]) for mark in session.snapshot()["decisions"].values()]
    (asked,) = [text for kind, text in log if kind == "actors asked" and "Large" in text]
    assert "asked Ray for 40 actors, each 1 CPU. The cluster has room for " in asked
    (came,) = [text for kind, text in log if kind == "actors missing" and "Large" in text]
    assert "of 40 actors after " in came and came.endswith("CPUs are missing")
    assert any(queue for queue in seen if queue is not None), "Daft gives each actor two batches at a time"
    await_that(lambda: len(processes(session, "UDFActor")) == 0, "the end of those that came too late")


@pytest.mark.slow
@pytest.mark.parametrize("when", ["in its init", "at its work"])
def test_an_actor_that_is_killed_is_started_again_and_its_figures_stay_right(session: Session, when: str) -> None:
    import daft
    from daft import col

    seconds = 4.0 if when == "in its init" else 0.1

    @daft.cls(max_concurrency=1)
    class Slow:
        def __init__(self) -> None:
            time.sleep(seconds)

        def __call__(self, x: int) -> int:
            time.sleep(0.1)
            return x + 1

    tiny()
    frame = daft.from_pydict({"x": list(range(ROWS))}).into_partitions(2).with_column("y", Slow()(col("x")))
    told: list[list[int]] = []
    thread = threading.Thread(target=lambda: told.append(frame.to_pydict()["y"]))
    thread.start()

    def function() -> dict[str, Any] | None:
        return next((each for each in called(session) if "Slow" in each["name"]), None)

    def ripe() -> bool:
        found = function()
        states = [] if found is None else [actor["state"] for actor in found["actors"].values()]
        return "initialising" in states if when == "in its init" else bool(found and (found["calls"] or 0) >= 10)

    await_that(ripe, "it is time", 60)
    (victim,) = processes(session, "UDFActor")
    victim.kill()
    thread.join(120)
    assert told == [list(range(1, ROWS + 1))], "the engine's outcome is its own"
    await_that(lambda: not session.monitor.state.active(), "the query's end")
    found = function()
    assert found is not None
    ((actor, state),) = [(each["rows"], each["state"]) for each in found["actors"].values()]
    assert (actor, state) == (found["rows_in"], "ended"), "it is one actor, in two processes"
    assert found["running"] == 0
    assert found["calls"] >= ROWS, "what was begun again was called again"
    if when == "at its work":
        assert found["lost"] == 1, "the call that it was at"
    assert session.snapshot()["session"]["problems"] == {}


@pytest.mark.slow
def test_prompts_are_counted_as_their_server_counts_them(session: Session, tmp_path: Path) -> None:
    import daft
    from daft import col
    from daft.functions import prompt

    tiny()
    frame = daft.from_pydict({"text": [" ".join(["word"] * (i % 5 + 1)) for i in range(ROWS)]}).into_partitions(4)
    with fake_models(refuse=4, wait=WAIT) as models, provided(models, retries=20):
        answered = frame.with_column("answer", prompt(col("text"), provider="local", model="small")).collect()
    answers = answered.to_pydict()["answer"]
    assert len(answers) == ROWS and None not in answers
    refused = models.of("small", "refused")
    assert refused > 0 and models.of("small", "requests") == ROWS
    run = recorded(session, tmp_path / "run.arrow", ROWS)
    (told,) = run.udfs().to_pylist()
    assert (told["rows_in"], told["rows_out"], told["calls"], told["errors"]) == (ROWS, ROWS, ROWS, 0)
    assert told["retries"] == refused
    counted = {each["name"]: each["value"] for each in told["counters"]}
    assert len(counted) == len(told["counters"])
    assert counted == expected(models, "small", again=refused, writes=True)
    (use,) = run.snapshot(run.end)["plan"]["models"].values()
    assert (use["model"], use["provider"], use["requests"], use["refused"]) == ("small", "local", ROWS, refused)
    assert (use["again"], use["waited"]) == (refused, pytest.approx(refused * WAIT))
