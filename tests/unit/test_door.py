"""The call into the runner actor, where Ray answers with something that is no exception."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import ray

from daftnb.engine.flotilla import RunnerDoor


class Actor:
    class __ray_call__:  # Ray's name
        @staticmethod
        def remote(caller: Any) -> str:
            return "a reference"


def test_a_thread_that_asks_while_ray_is_shut_down_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaving(ref: Any, timeout: float) -> Any:
        raise SystemExit(0)  # as the core worker does in every thread that waits when the process leaves the cluster

    monkeypatch.setattr(ray, "get", leaving)
    door = RunnerDoor.__new__(RunnerDoor)
    door.actor, door.dead = Actor(), False
    said: list[str] = []

    def ask() -> None:
        try:
            door.call("drain", 0, 0, False)
        except Exception as error:
            said.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert said == ["Ray was shut down while the engine was asked"]
    assert not door.dead, "another cluster's actor may answer"
