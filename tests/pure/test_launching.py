"""Things that start side by side: told when they have come or failed, ended when they were given up meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from daftnb.engine.embedded.launching import Launch, Launcher
from tests.conftest import await_that


class Books:
    """What is told, and what is wanted; a start waits until it is let go on."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.failed: list[str] = []
        self.ended: list[str] = []
        self.wanted = True
        self.going = threading.Event()
        self.begun: list[str] = []
        self.launcher = Launcher[str](
            0.0, 3, self.has_come, lambda _, error: self.failed.append(str(error)), self.ended.append
        )

    def has_come(self, _launch: Launch, started: str) -> bool:
        if self.wanted:
            self.came.append(started)
        return self.wanted

    def has_failed(self, _launch: Launch, error: Exception) -> None:
        self.failed.append(str(error))

    def launch(self, name: str) -> Launch:
        def start() -> str:
            self.begun.append(name)
            assert self.going.wait(30)
            if name == "bad":
                raise OSError("no room")
            return name

        return self.launcher.launch(name, start)


@pytest.fixture
def books() -> Iterator[Books]:
    books = Books()
    yield books
    books.going.set()
    assert books.launcher.close(30)


def idle(books: Books) -> Any:
    return await_that(lambda: books.launcher.count == 0, "no launch is under way")


def test_they_start_side_by_side_and_a_launch_returns_at_once(books: Books) -> None:
    for name in ("a", "b", "bad"):
        books.launch(name)
    await_that(lambda: sorted(books.begun) == ["a", "b", "bad"], "all have begun")
    assert (books.launcher.count, books.came) == (3, [])
    books.going.set()
    idle(books)
    assert (sorted(books.came), books.failed, books.ended) == (["a", "b"], ["no room"], [])


def test_no_more_than_so_many_start_at_the_same_time(books: Books) -> None:
    launches = [books.launch(name) for name in "abcde"]
    await_that(lambda: len(books.begun) == 3, "three have begun")
    waiting = [launch for launch, name in zip(launches, "abcde", strict=True) if name not in books.begun]
    books.launcher.give_up(waiting[0])
    books.going.set()
    idle(books)
    assert len(books.begun) == 4 and sorted(books.came) == sorted(books.begun), "what waited and was given up began not"


def test_a_launch_that_waits_as_a_clouds_do_is_given_up_at_once(books: Books) -> None:
    books.launcher.seconds = 3600.0
    launch = books.launch("a")
    books.launcher.give_up(launch)
    idle(books)
    assert (books.begun, books.came, books.ended) == ([], [], [])


def test_what_was_given_up_is_ended_once_it_is_there_and_does_not_count_as_failed(books: Books) -> None:
    launches = [books.launch("a"), books.launch("bad")]
    await_that(lambda: len(books.begun) == 2, "both have begun")
    for launch in launches:
        books.launcher.give_up(launch)
    books.going.set()
    idle(books)
    assert (books.came, books.failed, books.ended) == ([], [], ["a"])


def test_what_nobody_wants_when_it_comes_is_ended(books: Books) -> None:
    books.wanted = False
    books.launch("a")
    books.going.set()
    idle(books)
    assert (books.came, books.ended) == ([], ["a"])


def test_closed_it_waits_a_while_gives_all_up_and_starts_nothing_more(books: Books) -> None:
    books.launch("a")
    await_that(lambda: books.begun == ["a"], "it has begun")
    assert not books.launcher.close(0.01), "it still starts"
    books.going.set()
    assert books.launcher.close(30)
    assert (books.came, books.ended) == ([], ["a"])
    with pytest.raises(RuntimeError, match="about to end"):
        books.launch("b")
