"""Has a query's operators followed while it executes on the native runner, or read when it has ended.

Daft's executor hands a query's events to the subscribers that are there when it begins to execute
(``daft-local-execution/src/run.rs``), on one of Daft's event loops: two threads that run their first queries side by
side make one each. So a subscriber that is there for that moment alone, one query at a time, is told of this query and
of no other. What the executor returns at a query's end (``PyExecutionStats``) has its physical plan and the last
figures of all operators.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import daft

MODULE, EXECUTOR = "daft.execution.native_executor", "NativeExecutor"
ALIAS = "daftnb"
_attaching = threading.Lock()  # over the moment in which a query begins


class Follower(Protocol):
    """Decides which queries are followed, and takes what there is at the end of the others. It raises nothing."""

    def is_followed(self, query_id: str, inputs: Mapping[int, Any]) -> bool:
        """Return True if the subscriber is to be told of this query. ``inputs``: what it reads."""

    def executed(self, query_id: str, stats: Any) -> None:
        """Take the PyExecutionStats of a query that was not followed."""

    def not_followed(self, error: Exception) -> None:
        """Take why a query could not be followed, or not be let go of."""


def attach(subscriber: Any, follower: Follower) -> Callable[[], None]:
    """Have the subscriber told of the queries that are followed, from now on; return what undoes this."""
    executor = getattr(import_module(MODULE), EXECUTOR)
    own = executor.run

    @functools.wraps(own)
    def run(this: Any, local_physical_plan: Any, inputs: Any, ctx: Any, context: Any) -> Any:
        query_id = (context or {}).get("query_id", "")
        stands_in = _Standing(_Executor(this._executor, query_id, subscriber, follower))
        return own(stands_in, local_physical_plan, inputs, ctx, context)

    executor.run = run

    def put_back() -> None:
        if executor.run is run:
            executor.run = own

    return put_back


class _Standing:
    """Stands where Daft's executor of Python does, for one query: all that it has is the one of Rust."""

    __slots__ = ("_executor",)

    def __init__(self, executor: _Executor) -> None:
        self._executor = executor


class _Executor:
    """Stands where Daft's executor of Rust does, for one query."""

    __slots__ = ("_follower", "_own", "_query_id", "_subscriber")

    def __init__(self, own: Any, query_id: str, subscriber: Any, follower: Follower) -> None:
        self._own = own
        self._query_id = query_id
        self._subscriber = subscriber
        self._follower = follower

    def run(self, plan: Any, ctx: Any, input_id: int, inputs: Any, *more: Any) -> Any:
        """Begin to execute, as Daft's does, with the subscriber there or without."""
        if not self._follower.is_followed(self._query_id, inputs):
            with _attaching:
                begun = self._own.run(plan, ctx, input_id, inputs, *more)
            return self._received(begun)
        with _attaching:
            attached = self._guarded(daft.attach_subscriber, ALIAS, self._subscriber)
            try:
                return self._own.run(plan, ctx, input_id, inputs, *more)
            finally:
                if attached:
                    self._guarded(daft.detach_subscriber, ALIAS)

    def _guarded(self, method: Callable[..., Any], *arguments: Any) -> bool:
        """Call a method of Daft's for our own sake; where it raises, which is not the query's fault, return False."""
        try:
            method(*arguments)
        except Exception as error:
            self._follower.not_followed(error)
            return False
        return True

    async def _received(self, receiver: Any) -> _Receiver:
        return _Receiver(await receiver, self._query_id, self._follower)


class _Receiver:
    """Stands where Daft's receiver of results does: the results are its own, the figures at the end are told too."""

    __slots__ = ("_follower", "_own", "_query_id")

    def __init__(self, own: Any, query_id: str, follower: Follower) -> None:
        self._own = own
        self._query_id = query_id
        self._follower = follower

    def __aiter__(self) -> Any:
        return self._own.__aiter__()

    async def try_finish(self) -> Any:
        """End, as Daft's does."""
        stats = await self._own.try_finish()
        self._follower.executed(self._query_id, stats)
        return stats
