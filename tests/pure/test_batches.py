"""Results in batches against Daft's own way: the same partitions in the same order, errors at the same place."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from daft.runners import flotilla
from daft.runners.partitioning import PartitionMetadata
from daft.runners.ray_runner import PartitionMetadataAccessor
from hypothesis import given, settings
from hypothesis import strategies as st

from daftnb.engine.actor.batches import Orders, PartitionSet
from daftnb.engine.actor.streams import Streams
from daftnb.engine.queries import batches

NEXT_PARTITION = flotilla.RemoteFlotillaRunner.get_next_partition.__func__  # of an object: Ray hides the class
BOUNDS = st.one_of(st.none(), st.integers(1, 40))


class Engine:
    """A stream of so many partitions, as the engine's: some come at once, some later; it may fail at its end."""

    def __init__(self, count: int, fails: bool = False, seed: int = 0) -> None:
        self.count, self.fails, self.random = count, fails, random.Random(seed)
        self.given = 0

    async def __anext__(self) -> Any:
        await asyncio.sleep(self.random.choice((0, 0, 0, 0.0005)))
        if self.given == self.count:
            if self.fails:
                raise ValueError("the function failed")
            return None
        self.given += 1
        return SimpleNamespace(object_ref=self.given - 1, num_rows=self.given, size_bytes=8 * self.given)

    def finish(self) -> str:
        return "statistics"


class Actor:
    """A runner actor in a thread of its own; it answers through Daft's own ``get_next_partition``."""

    def __init__(self, engine: Engine) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.engine = engine
        self.calls = 0
        self.ended: list[tuple[str, bool]] = []
        self.curr_plans: dict[str, Any] = {}
        self.curr_result_gens = Streams({})
        self.orders = Orders(self.begin, self.end)
        self.curr_result_gens.orders = self.orders.take
        self.coming: list[Any] = []

    def begin(self, plan_id: str, preparation: Any, arguments: list[Any]) -> tuple[Any, Callable[[], Any]]:
        self.curr_result_gens[plan_id] = self.engine
        return self.curr_result_gens[plan_id], lambda: preparation

    def end(self, plan_id: str, calls: bool) -> dict[str, Any]:
        self.ended.append((plan_id, calls))
        stats = self.curr_result_gens[plan_id].finish()
        self.curr_result_gens.pop(plan_id, None)
        return {"stats": stats, "figures": []}

    def send(self, order: Any) -> None:
        self.calls += 1
        self.coming.append(asyncio.run_coroutine_threadsafe(NEXT_PARTITION(self, order), self.loop))

    def receive(self) -> Any:
        return self.coming.pop().result(30).partition()

    def stream(self, bound: int | None = None, calls: bool = False, delay: float = 0.0) -> Any:
        def begin(size: Any) -> Any:
            self.send(["begin", "7", size, calls, "settings", "plan", {}])
            received = self.receive()
            assert received[1] == "settings", "which came with the first answer"
            return received

        return batches.streamed(self.send, self.receive, begin, "7", bound, delay)

    def cancel(self) -> None:
        done = threading.Event()

        def cancel() -> None:
            self.curr_result_gens.cancel("7")
            self.orders.drop("7")
            done.set()

        self.loop.call_soon_threadsafe(cancel)
        assert done.wait(30)

    def close(self) -> None:
        async def rest() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(rest(), self.loop).result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
        self.loop.close()


@pytest.fixture(autouse=True)
def _without_ray() -> Iterator[None]:
    """Daft's ``get_next_partition`` puts the rows of each answer into Ray's store."""
    patch = pytest.MonkeyPatch()

    def kept(cls: Any, metadatas: list[Any]) -> Any:
        accessor = cls(None)
        accessor._metadatas = metadatas
        return accessor

    patch.setattr(PartitionMetadataAccessor, "from_metadata_list", classmethod(kept))
    yield
    patch.undo()


@contextmanager
def running(engine: Engine) -> Iterator[Actor]:
    actor = Actor(engine)
    try:
        yield actor
    finally:
        actor.close()


def read(stream: Any) -> tuple[list[tuple[int, int, int | None]], Any, Exception | None]:
    """What a stream gives: its partitions, its end, or the error that ended it."""
    found = []
    while True:
        try:
            result = next(stream)
        except StopIteration as end:
            return found, end.value, None
        except Exception as error:
            return found, None, error
        found.append((result.partition(), result.metadata().num_rows, result.metadata().size_bytes))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.booleans(), BOUNDS, st.booleans(), st.sampled_from([0.0, 0.002]), st.integers())
def test_a_query_gives_what_daft_gives(
    count: int, fails: bool, bound: int | None, calls: bool, delay: float, seed: int
) -> None:
    with running(Engine(count, fails, seed)) as actor:
        found, end, error = read(actor.stream(bound, calls, delay))
        assert found == [(place, place + 1, 8 * (place + 1)) for place in range(count)]
        if fails:
            assert str(error) == "the function failed" and end is None
            assert actor.ended == []
        else:
            assert error is None and end == {"stats": "statistics", "figures": []}
            assert actor.ended == [("7", calls)]
            assert actor.orders.open == {} and dict(actor.curr_result_gens) == {}


def test_an_error_has_no_frame_of_ours_and_comes_after_what_was_ready() -> None:
    with running(Engine(5, fails=True)) as actor:
        found, _, error = read(actor.stream())
        assert len(found) == 5 and error is not None
        frames, entry = [], error.__traceback__
        while entry is not None:
            frames.append(entry.tb_frame.f_globals["__name__"])
            entry = entry.tb_next
        inside = frames[frames.index("daft.runners.flotilla") :]
        assert not [name for name in inside if name.startswith("daftnb.")], frames


def test_many_partitions_take_few_calls_and_a_small_query_one_or_two() -> None:
    with running(Engine(1_000)) as actor:
        found, _, _ = read(actor.stream())
        assert len(found) == 1_000
        assert actor.calls < 100, "Daft makes one for each, and one more"
    with running(Engine(2)) as actor:
        assert len(read(actor.stream(delay=0.02))[0]) == 2
        assert actor.calls == 1, "the end comes with the results, where a call takes longer than they do"


@given(BOUNDS, st.integers(0, 5_000), st.integers(0, 50), st.floats(0, 1))
def test_what_is_ahead_of_its_user_stays_within_the_bound(
    bound: int | None, used: int, answers: int, delay: float
) -> None:
    most, ahead, linger = batches.size(bound, used, answers, delay)
    assert 1 <= most <= batches.MOST and 0 <= ahead <= batches.MOST
    assert 0 <= linger <= batches.LINGER_SECONDS
    if bound is not None:
        # What is left of a batch whose first is in use, the batch that is under way, and what the actor has read.
        assert (most - 1) + most + ahead <= bound
    else:
        assert most <= max(batches.FIRST, used), "who leaves early has had few made for nothing"


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 30))
def test_an_iteration_reads_no_further_ahead_than_it_allows(bound: int, used: int) -> None:
    engine = Engine(200)
    with running(engine) as actor:
        stream = actor.stream(bound)
        for _ in range(used):
            next(stream)
        settle(lambda: engine.given)
        assert used <= engine.given <= used + bound + 1, "one more is in the engine's own hands"


def settle(seen: Callable[[], int]) -> None:
    """Wait until a number does not change any more."""
    before, pause = -1, threading.Event()
    for _ in range(500):
        if seen() == before:
            return
        before = seen()
        pause.wait(0.02)
    raise AssertionError("it goes on")


def test_of_a_query_that_was_cancelled_nothing_is_kept_and_who_waits_is_at_its_end() -> None:
    with running(Engine(10_000)) as actor:
        stream = actor.stream()
        next(stream)
        actor.cancel()
        found, end, error = read(stream)
        assert error is None and end is not None and len(found) < 10_000
        assert actor.orders.open == {}
    with running(Engine(10_000)) as actor:
        stream = actor.stream()
        next(stream)
        stream.close()
        open_ = actor.orders.open["7"]
        actor.cancel()
        settle(lambda: len(open_.ready))
        assert not open_.ready and open_.over


def test_partitions_are_let_go_of_as_they_are_given_away() -> None:
    parts: list[tuple[Any, int, int]] = [(SimpleNamespace(), 1, 8), (SimpleNamespace(), 2, 8)]
    given_away = batches.results(parts)
    first = next(given_away)
    assert parts == [] and first.metadata() == PartitionMetadata(1, 8)
    assert next(given_away).metadata().num_rows == 2


def test_a_query_that_does_not_begin_tells_why() -> None:
    with running(Engine(1)) as actor:
        actor.orders._begin = lambda *_: 1 / 0  # type: ignore[assignment,return-value]
        _, _, error = read(actor.stream())
        assert isinstance(error, ZeroDivisionError)


def test_sets_of_partitions_travel_as_rows_and_are_read_as_sets() -> None:
    of_daft = SimpleNamespace(partition=lambda: "ref", metadata=lambda: PartitionMetadata(3, None))
    rows = batches.rows_of({"key": SimpleNamespace(values=lambda: [of_daft])})
    assert rows == {"key": [("ref", 3, 0)]}
    (row,) = PartitionSet(rows["key"]).values()
    assert (row.partition(), row.metadata().num_rows, row.metadata().size_bytes) == ("ref", 3, 0)


def test_daft_hands_its_plan_over_after_all_that_it_does_before(caplog: pytest.LogCaptureFixture) -> None:
    runner = SimpleNamespace(_init_extension_paths=frozenset())
    plan = SimpleNamespace(idx=lambda: "7")
    sets: dict[str, Any] = {}
    stream_plan: Any = flotilla.FlotillaRunner.stream_plan
    assert batches.handed(stream_plan, runner, plan, sets) == (plan, sets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flotilla, "get_loaded_extension_paths", lambda: ["/an/extension.so"])
        batches.handed(stream_plan, runner, plan, sets)
    assert "/an/extension.so" in caplog.text, "its own warning"


def test_an_iteration_tells_how_far_it_may_be_read_ahead() -> None:
    buffer = batches.Buffer()
    seen: list[Any] = []

    def run_iter(builder: Any, results_buffer_size: int | None = None) -> str:
        seen.append((builder, results_buffer_size))
        return "results"

    noted = buffer.noting(run_iter)
    assert noted("plan", 5) == "results" and buffer.taken() == 5
    assert buffer.taken() is None, "it was for that query"
    assert noted("plan") == "results" and buffer.taken() is None
    assert seen == [("plan", 5), ("plan", None)]


@pytest.mark.parametrize(("text", "on"), [(None, True), ("1", True), ("0", False), ("off", False), ("what", True)])
def test_the_switch(text: str | None, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(batches.SWITCH, raising=False)
    if text is not None:
        monkeypatch.setenv(batches.SWITCH, text)
    assert batches.is_on() is on
