"""How a thread waits for the runner actor: it comes out of Ray when the connection is to end, holding nothing of it."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection.link import Link
from daftnb.engine.queries import steps


class Ref:
    """A reference to what an actor answers."""


def no_answer_for(waits: int, asked: list[float]) -> Any:
    """Stand in for ``ray.wait``, for which an answer is there after so many waits."""

    def wait(refs: list[Ref], timeout: float) -> tuple[list[Ref], list[Ref]]:
        asked.append(timeout)
        return (refs, []) if len(asked) > waits else ([], refs)

    return wait


def test_an_answer_is_waited_for_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(ray, "wait", no_answer_for(3, asked))
    ref = Ref()
    assert steps.until_ready(lambda: ref, lambda: False) is ref
    assert asked == [steps.STEP_SECONDS] * 4


def test_one_that_takes_too_long_is_left_to_ray_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(ray, "wait", no_answer_for(9, asked))
    ref = Ref()
    assert steps.until_ready(lambda: ref, lambda: False, 0.0) is ref
    assert asked == [0.0]


def test_a_thread_comes_out_with_nothing_of_rays_when_the_connection_is_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "wait", no_answer_for(9, []))
    made: list[Any] = []

    def make() -> Ref:
        ref = Ref()
        made.append(weakref.ref(ref))
        return ref

    over = iter((False, True))
    with pytest.raises(ConnectionError, match="Ray was shut down") as raised:
        steps.until_ready(make, lambda: next(over))
    gc.collect()
    assert made[0]() is None, "its last use of Ray is before the shutdown"
    assert raised.tb is not None, "though the traceback is held"


def test_dafts_own_stream_waits_so_for_each_answer_of_its_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    from daft.runners.flotilla import FlotillaRunner

    answers = {"run_plan": Ref(), "get_next_partition": Ref()}
    calls: list[Any] = []

    def method(name: str) -> Any:
        return SimpleNamespace(remote=lambda *arguments: calls.append((name, *arguments)) or answers[name])

    actor = SimpleNamespace(**{name: method(name) for name in answers})
    flotilla = SimpleNamespace(runner=actor, _init_extension_paths=frozenset())
    over = iter((False, True))
    monkeypatch.setattr(ray_link, "link", lambda: Link("127.0.0.1:1", (), False))
    monkeypatch.setattr(ray, "wait", lambda refs, timeout: (refs, []) if refs == [answers["run_plan"]] else ([], refs))
    monkeypatch.setattr(ray, "get", lambda ref: None)
    stream = FlotillaRunner.stream_plan(steps.InSteps(flotilla, lambda: next(over)), SimpleNamespace(idx=lambda: 7), {})
    with pytest.raises(ConnectionError, match="Ray was shut down"):
        next(stream)
    assert [call[0] for call in calls] == ["run_plan", "get_next_partition"]
    assert calls[1] == ("get_next_partition", 7)
