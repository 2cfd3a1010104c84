"""Asks the processes of workers one question over and over: a few workers in turn, and nobody waits for an answer.

An answer is taken with the next look after it has come. A worker that has not answered yet is not asked again.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`; the questions go on to workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from daftnb.engine.actor.counts import Worker
from daftnb.engine.actor.warm import Pool

ASKED_AT_ONCE = 50  # workers per look: all of a thousand in 20 s
Answer = TypeVar("Answer")
Handle = TypeVar("Handle")


class Survey(Generic[Answer]):
    """The latest answer of each worker that lives, and that is ``wanted`` by what is known of it.

    ``question`` is called in the worker's process, with the worker.
    """

    def __init__(
        self, pool: Pool, question: Callable[[Any], Answer], wanted: Callable[[Worker], bool] = lambda _: True
    ) -> None:
        self.pool, self.question, self.wanted = pool, question, wanted
        self.asked: dict[str, Any] = {}  # by worker, the answer to come
        self.latest: dict[str, Answer] = {}  # by worker
        self.turn = 0

    def look(self) -> list[Answer]:
        """Take the answers that have come, and ask the next few workers; return the answers that are new."""
        new = self.collect()
        self.ask()
        return new

    def ask(self) -> None:
        """Ask the next few workers; what others have answered that are gone is forgotten."""
        with self.pool.tap.lock:
            known = self.pool.tap.workers
            handles = [
                (worker_id, handle)
                for worker_id, handle in (*self.pool.held.items(), *self.pool.warm.items())
                if worker_id in known and known[worker_id].alive and self.wanted(known[worker_id])
            ]
        here = {worker_id for worker_id, _ in handles}
        self.latest = {worker_id: answer for worker_id, answer in self.latest.items() if worker_id in here}
        turn, self.turn = in_turn(handles, self.turn, ASKED_AT_ONCE)
        for worker_id, handle in turn:
            if worker_id not in self.asked:
                self.asked[worker_id] = handle.actor_handle.__ray_call__.remote(self.question)

    def collect(self) -> list[Answer]:
        """Take the answers that have come, and return them; of a worker that died nothing is known any more."""
        import ray

        new: list[Answer] = []
        if not self.asked:
            return new
        ready, _ = ray.wait(list(self.asked.values()), num_returns=len(self.asked), timeout=0)
        come = set(ready)
        for worker_id, reference in list(self.asked.items()):
            if reference in come:
                del self.asked[worker_id]
                try:
                    self.latest[worker_id] = ray.get(reference)
                except (ray.exceptions.RayError, *deaths()):
                    self.latest.pop(worker_id, None)
                else:
                    new.append(self.latest[worker_id])
        return new


def deaths() -> tuple[type[Exception], ...]:
    """Return what Ray raises in place of the answer of an actor that has died.

    While it has no reason for the death, that is an AssertionError of its own (``_deserialize_actor_died_error`` in
    ``ray/_private/serialization.py``).
    """
    import ray

    return ray.exceptions.RayActorError, AssertionError


def in_turn(handles: Sequence[Handle], start: int, most: int) -> tuple[list[Handle], int]:
    """Return at most so many handles, from number ``start`` on and round again, and where the next turn starts."""
    if not handles:
        return [], 0
    start %= len(handles)
    turn = [*handles[start:], *handles[:start]][:most]
    return turn, start + len(turn)
