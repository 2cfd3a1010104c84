"""Waits in steps for what the runner actor answers, so that a thread comes out of Ray when the connection is to end.

A thread that waits in ``ray.get`` for a head that has gone silent comes out only when the connection is ended under it.
What it lets go of then it lets go of in Ray, and Ray ends the process of a thread that comes in after its shutdown
(``core_worker_process.cc``). In a notebook that is the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ray

from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection.standing import without_starting

STEP_SECONDS = 0.5


def until_ready(make: Callable[[], Any], is_over: Callable[[], bool], seconds: float = float("inf")) -> Any:
    """Return the reference that ``make`` gives once its object is there, or after so many ``seconds``.

    ConnectionError, with nothing of Ray's kept in its traceback, where ``is_over`` says that the connection is to end.
    """
    with without_starting():
        ref = make()
        deadline = time.monotonic() + seconds
        while not ray.wait([ref], timeout=max(0.0, min(STEP_SECONDS, deadline - time.monotonic())))[0]:
            if time.monotonic() >= deadline:
                break
            if is_over():
                del ref
                raise ConnectionError(ray_link.SHUT_DOWN)
        return ref


class InSteps:
    """Stands in for Daft's ``FlotillaRunner`` while that streams a plan: its actor's answers are awaited in steps."""

    def __init__(self, flotilla: Any, is_over: Callable[[], bool]) -> None:
        self._flotilla = flotilla
        self.runner = _Actor(flotilla.runner, is_over)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._flotilla, name)


class _Actor:
    """Stands in for the handle of the runner actor."""

    def __init__(self, actor: Any, is_over: Callable[[], bool]) -> None:
        self._actor = actor
        self._is_over = is_over

    def __getattr__(self, name: str) -> _Method:
        return _Method(getattr(self._actor, name), self._is_over)


class _Method:
    """Stands in for a method of it."""

    def __init__(self, method: Any, is_over: Callable[[], bool]) -> None:
        self._method = method
        self._is_over = is_over

    def remote(self, *arguments: Any, **options: Any) -> Any:
        """Call the method; return the reference of its answer once that is there."""
        with ray_link.asking():
            return until_ready(lambda: self._method.remote(*arguments, **options), self._is_over)
