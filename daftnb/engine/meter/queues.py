"""Counts, in a worker, the batches that it has given to each actor of a pool and that are not done yet.

Daft's worker calls ``UDFActorHandle.eval_input`` for each batch, and has twice as many of them under way as there are
actors (``max_concurrency`` in ``daft-local-execution``, ``distributed_actor_pool_project.rs``); those that wait are in
Ray's queue of the actor, which nobody can see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from functools import wraps
from importlib import import_module
from typing import Any

from daftnb.engine.meter.meter import Meter

MOST_ACTORS = 1_000  # that are kept, of those that have nothing to do


class Queues:
    """How many batches each actor has been given by this process and has not done, by the actor's id in Ray."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def listen(self, meter: Meter) -> None:
        """Count from now on; a release without the name tells of no queue."""
        handle = import_module("daft.execution.ray_actor_pool_udf").UDFActorHandle
        eval_input = getattr(handle, "eval_input", None)
        if eval_input is None:
            return

        @wraps(eval_input)
        def counted(this: Any, *arguments: Any) -> Any:
            coroutine = eval_input(this, *arguments)
            try:
                return Given(self, this.actor_id(), coroutine)
            except Exception as error:
                meter.fault("a batch for an actor", error)
                return coroutine

        meter.patch(handle, "eval_input", counted)

    def given(self, actor_id: str) -> None:
        """Note a batch."""
        if len(self.counts) >= MOST_ACTORS:
            self.counts = {id_: count for id_, count in self.counts.items() if count}
        self.counts[actor_id] = self.counts.get(actor_id, 0) + 1

    def done(self, actor_id: str) -> None:
        """Note that a batch is done, or has failed."""
        self.counts[actor_id] -= 1


class Given:
    """Stands in for the coroutine of a batch: an awaitable that leaves no frame in the traceback of what it raises."""

    def __init__(self, queues: Queues, actor_id: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.queues, self.actor_id, self.coroutine = queues, actor_id, coroutine

    def __await__(self) -> Generator[Any, None, Any]:
        task = asyncio.ensure_future(self.coroutine)
        self.queues.given(self.actor_id)
        task.add_done_callback(self.over)
        return task.__await__()

    def over(self, _task: asyncio.Future[Any]) -> None:
        """Note that it is over."""
        self.queues.done(self.actor_id)
