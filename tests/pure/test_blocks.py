"""Blocks that overlap: whose a query is, what is set, and that all is as it was when the last has ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import daftnb
from daftnb import blocks, settings
from daftnb.engine.connection.environment import without_progress_bars
from tests.conftest import run_async

VARIABLE = "DAFT_AUTOSCALING_THRESHOLD"
START = threading.Thread.start


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from daftnb.session import close_session

    monkeypatch.delenv(VARIABLE, raising=False)
    daftnb.get_session()
    yield
    close_session()
    assert threading.Thread.start is START
    assert blocks.current() is None


_numbers = itertools.count(1)


def query() -> tuple[str, float]:
    """Begin a query, as Daft's subscriber tells of one: its name, and the threshold that it runs with."""
    number = next(_numbers)
    name = blocks.began(f"id-{number}")
    blocks.numbered(f"id-{number}", number)
    return name, settings.current().threshold


def ran(actions: list[Callable[[], None]]) -> None:
    """Run each in a thread of its own, at the same time."""
    failed: list[BaseException] = []

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []


@pytest.mark.parametrize("before", [None, "1.5", "not a number"])
@pytest.mark.parametrize("first_out", ["alpha", "beta"])
def test_blocks_of_two_threads_that_overlap(
    before: str | None, first_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before is not None:
        monkeypatch.setenv(VARIABLE, before)
    both_in, one_out = threading.Barrier(2), threading.Event()
    found: dict[str, Any] = {}

    def block(name: str, threshold: int) -> Callable[[], None]:
        def action() -> None:
            with daftnb.watch(name, quiet=True, threshold=threshold) as watched:
                both_in.wait(30)
                if name != first_out:
                    assert one_out.wait(30)
                found[name] = query()
                with daftnb.watch(quiet=True):
                    assert query() == found[name]
            found[name] = (*found[name], len(watched.queries))
            one_out.set()

        return action

    ran([block("alpha", 2), block("beta", 3)])
    assert found == {"alpha": ("alpha", 2.0, 2), "beta": ("beta", 3.0, 2)}
    assert os.environ.get(VARIABLE) == before


def test_blocks_of_tasks_and_what_they_start() -> None:
    async def one(name: str, threshold: int, turns: int) -> list[Any]:
        with daftnb.watch(name, quiet=True, threshold=threshold) as watched:
            for _ in range(turns):
                await asyncio.sleep(0)
            found = [query(), await asyncio.to_thread(query), await asyncio.create_task(inner())]
        return [*found, len(watched.queries)]

    async def inner() -> tuple[str, float]:
        return query()

    async def main() -> list[Any]:
        return [*await asyncio.gather(one("c", 2, 1), one("d", 3, 4), one("e", 4, 2)), query()]

    c, d, e, outside = run_async(main())
    assert c == [("c", 2.0)] * 3 + [3]
    assert d == [("d", 3.0)] * 3 + [3]
    assert e == [("e", 4.0)] * 3 + [3]
    assert outside == ("", 1.25)
    assert VARIABLE not in os.environ


def test_a_task_that_outlives_its_block_is_nobody_elses() -> None:
    async def main() -> tuple[str, float]:
        ended = asyncio.Event()

        async def late() -> tuple[str, float]:
            await ended.wait()
            return query()

        with daftnb.watch("first", quiet=True, threshold=2):
            task = asyncio.create_task(late())
        with daftnb.watch("second", quiet=True, threshold=3) as watched:
            ended.set()
            found = await task
        assert watched.queries == []
        return found

    assert run_async(main()) == ("", 1.25)


def test_threads_and_pools_that_are_started_in_a_block() -> None:
    both_in, done = threading.Barrier(2), threading.Barrier(2)
    found: dict[str, Any] = {}

    def block(name: str, threshold: int) -> Callable[[], None]:
        def action() -> None:
            with daftnb.watch(name, quiet=True, threshold=threshold) as watched, ThreadPoolExecutor(2) as pool:
                both_in.wait(30)
                found[name] = list(pool.map(lambda _: query(), range(4)))
                done.wait(30)
            found[name].append(len(watched.queries))

        return action

    ran([block("alpha", 2), block("beta", 3)])
    assert found == {"alpha": [("alpha", 2.0)] * 4 + [4], "beta": [("beta", 3.0)] * 4 + [4]}


def test_a_pool_from_before_works_for_the_one_block_that_is_open() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(query).result() == ("", 1.25)
        with daftnb.watch("outer", quiet=True, threshold=2), daftnb.watch("inner", quiet=True):
            assert pool.submit(query).result() == ("inner", 2.0)
        assert pool.submit(query).result() == ("", 1.25)


def test_the_main_thread_is_not_in_another_threads_block() -> None:
    opened, asked = threading.Event(), threading.Event()

    def other() -> None:
        with daftnb.watch("other", quiet=True, threshold=3):
            opened.set()
            assert asked.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    assert opened.wait(30)
    assert query() == ("", 1.25)
    assert os.environ[VARIABLE] == "3.0"
    asked.set()
    thread.join(30)
    assert VARIABLE not in os.environ


def test_generators_that_take_turns_have_their_own() -> None:
    def rows(name: str, threshold: int) -> Iterator[tuple[str, float]]:
        with daftnb.watch(name, quiet=True, threshold=threshold):
            while True:
                yield query()

    one, two = rows("one", 2), rows("two", 3)
    assert [next(one), next(two), next(one), next(two)] == [("one", 2.0), ("two", 3.0)] * 2
    one.close()
    assert next(two) == ("two", 3.0)
    two.close()
    assert VARIABLE not in os.environ


def test_a_context_manager_of_the_users_own_holds_a_block() -> None:
    @contextlib.contextmanager
    def mine(name: str) -> Iterator[None]:
        with daftnb.watch(name, quiet=True, threshold=2):
            yield

    with daftnb.watch("outer", quiet=True, threshold=3), mine("mine"):
        assert query() == ("mine", 2.0)
        with daftnb.watch("inner", quiet=True):
            assert query() == ("inner", 2.0)
        with contextlib.ExitStack() as stack:
            stack.enter_context(daftnb.watch("stacked", quiet=True))
            assert query() == ("stacked", 2.0)
        assert query() == ("mine", 2.0)


def test_blocks_of_one_thread_may_end_in_any_order() -> None:
    one, two = daftnb.watch("one", quiet=True, threshold=2), daftnb.watch("two", quiet=True, threshold=3)
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert query() == ("two", 3.0)
    two.__exit__(None, None, None)
    assert query() == ("", 1.25)
    assert VARIABLE not in os.environ
    assert len(two.queries) == 1


def test_one_watch_may_be_used_again_and_within_itself() -> None:
    watched = daftnb.watch("again", quiet=True, threshold=2)
    with watched:
        query()
        with watched:
            assert query() == ("again", 2.0)
        assert query() == ("again", 2.0)
    assert len(watched.queries) == 3
    with pytest.raises(ZeroDivisionError), watched:
        query()
        raise ZeroDivisionError
    assert len(watched.queries) == 1
    assert VARIABLE not in os.environ


def test_what_the_user_sets_in_a_block_stays() -> None:
    session = daftnb.get_session()
    with daftnb.watch("a", quiet=True, threshold=2):
        session.set(threshold=5, survivors=2)  # as %daft set does
        assert query() == ("a", 5.0)
        with daftnb.watch("b", quiet=True, threshold=3):
            assert query() == ("b", 3.0)
        assert query() == ("a", 5.0)
    assert settings.current() == settings.AutoscalingSettings(threshold=5.0, survivors=2)
    with daftnb.watch("a", quiet=True, threshold=2):
        os.environ[VARIABLE] = "7"
        assert query() == ("a", 7.0)
    assert os.environ[VARIABLE] == "7"
    with daftnb.watch("a", quiet=True, threshold=2):
        settings.reset()
        assert query() == ("a", 1.25)
    assert VARIABLE not in os.environ
    with daftnb.watch("a", quiet=True, threshold=2):
        settings.set(threshold=9, survivors=3)  # of the block what it sets itself
        assert query() == ("a", 9.0)
    assert settings.current() == settings.AutoscalingSettings(survivors=3)
    settings.reset()


def test_another_threads_setting_stays_when_a_block_ends() -> None:
    with daftnb.watch("a", quiet=True, threshold=2):
        ran([lambda: daftnb.get_session().set(threshold=4)])
    assert os.environ.pop(VARIABLE) == "4.0"


def test_unloading_in_a_block_puts_all_back_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from daftnb.session import close_session

    monkeypatch.delenv("DAFT_PROGRESS_BAR", raising=False)
    session = daftnb.get_session()
    session.terminal.switch(True)
    with daftnb.watch("a", threshold=2):
        close_session()
        assert os.environ[VARIABLE] == "2.0"
    assert VARIABLE not in os.environ
    assert not session.terminal.on
    assert session.monitor.listeners == []
    assert not session.monitor.running


@pytest.mark.parametrize("on", [False, True])
def test_the_terminals_line_is_as_before_when_overlapping_blocks_have_ended(on: bool) -> None:
    session = daftnb.get_session()
    session.terminal.switch(on)
    one, two = daftnb.watch(quiet=on), daftnb.watch(quiet=on)
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert session.terminal.on is not on
    two.__exit__(None, None, None)
    assert session.terminal.on is on
    session.terminal.switch(False)


def test_progress_bars_come_back_with_the_last_that_wants_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAFT_PROGRESS_BAR", raising=False)
    one, two = without_progress_bars(), without_progress_bars()
    one()
    one()
    assert os.environ["DAFT_PROGRESS_BAR"] == "0"
    two()
    assert "DAFT_PROGRESS_BAR" not in os.environ


def test_a_wrap_of_somebody_elses_around_ours_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = daftnb.watch(quiet=True)
    watched.__enter__()
    ours = threading.Thread.start

    def theirs(thread: threading.Thread) -> None:
        ours(thread)

    monkeypatch.setattr(threading.Thread, "start", theirs)
    watched.__exit__(None, None, None)
    with daftnb.watch("again", quiet=True):
        ran([lambda: None])
    monkeypatch.undo()
    with daftnb.watch("again", quiet=True):
        ran([lambda: None])
