"""A pool of workers that answer what they are asked, as far as asking them needs one; Ray's part is a stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor.tap import Tap


class Handle:
    """A worker's handle, and the reference to its next answer, which is the first of ``answers``."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.question: Any = None
        self.actor_handle = SimpleNamespace(__ray_call__=SimpleNamespace(remote=self._call))

    def _call(self, question: Any, *_arguments: Any) -> Handle:
        self.question = question
        return self


def pool_of(monkeypatch: pytest.MonkeyPatch, **gpus: int) -> Any:
    """Return a pool that holds workers with so many GPUs each; an answer that is an exception is raised."""
    import ray

    def get(reference: Handle) -> Any:
        answer = reference.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(references: list[Handle], num_returns: int, timeout: float) -> tuple[list[Handle], list[Handle]]:
        assert (num_returns, timeout) == (len(references), 0), "nobody waits"
        return [each for each in references if each.answers], [each for each in references if not each.answers]

    monkeypatch.setattr(ray, "wait", wait)
    monkeypatch.setattr(ray, "get", get)
    pool = SimpleNamespace(tap=Tap(), held={name: Handle() for name in gpus}, warm={})
    for name, count in gpus.items():
        pool.tap.worker_started(name, 1, 100, count)
    return pool
