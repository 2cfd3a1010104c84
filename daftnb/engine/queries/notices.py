"""Hears what Daft's runners tell of a query, on the query's own thread, without being a subscriber.

Daft hands each event of a query that executes to every subscriber that is there when it begins to execute. On the
native runner that costs a query about 25 µs an event, three events an operator, before a line of the subscriber has
run: a thread of Daft's takes Python's lock and makes an object. What the runners themselves tell (start, plan, end)
passes through methods of Python (``daft/context.py``), which can be listened to for next to nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

MODULE, CONTEXT = "daft.context", "DaftContext"
# By the method, the event that Daft makes of it, and what the event calls the method's second argument.
METHODS = {
    "_notify_query_start": ("QueryStarted", "metadata"),
    "_notify_optimization_end": ("OptimizationCompleted", "optimized_plan"),
    "_notify_exec_start": ("ExecutionStarted", "physical_plan"),
    "_notify_query_end": ("QueryFinished", "result"),
}


@dataclass(slots=True)
class Notice:
    """What a runner tells of a query, with the names that Daft's events have."""

    query_id: str
    metadata: Any = None
    optimized_plan: str = ""
    physical_plan: str = ""
    result: Any = None


def listen(hear: Callable[[str, Any], None]) -> Callable[[], None]:
    """Have each notice told to ``hear``, with the name of its event; return what undoes this."""
    context = getattr(import_module(MODULE), CONTEXT)
    undo = [_listen_to(context, name, *METHODS[name], hear) for name in METHODS]

    def put_back() -> None:
        for each in undo:
            each()

    return put_back


def _listen_to(
    context: Any, method: str, kind: str, field: str, hear: Callable[[str, Any], None]
) -> Callable[[], None]:
    own = getattr(context, method)
    is_end = kind == "QueryFinished"

    @functools.wraps(own)
    def notify(self: Any, query_id: str, told: Any) -> None:
        own(self, query_id, told)
        notice = Notice(query_id)
        setattr(notice, field, told)
        try:
            hear(kind, notice)
        except BaseException:
            if is_end:  # an interrupt of the user's, which goes on; the query is over all the same
                hear(kind, notice)
            raise

    setattr(context, method, notify)

    def put_back() -> None:
        if getattr(context, method) is notify:
            setattr(context, method, own)

    return put_back
