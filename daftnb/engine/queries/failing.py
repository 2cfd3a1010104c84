"""Finds the operator that raised in a query on the native runner, from Daft's log.

Daft logs ``Error when running pipeline node NAME`` before it ends all operators (``daft-local-execution/src/lib.rs``),
on the thread that runs the query. After that each operator is told as finished, the one that raised among them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from daftnb.text.redaction import redact

LOGGER = "daft_local_execution"
PREFIX = "Error when running pipeline node "
RUNNER, RESULT = "daft.runners.native_runner", "PyQueryResult"  # looked up by name when a query ends


@dataclass(slots=True)
class _Run:
    thread: int
    names: Callable[[], dict[int, str]] = dict  # of its operators, by their ids
    failed: list[str] = field(default_factory=list)  # the names that the log says


class FailedNodes(logging.Filter):
    """Listens to that log, and lets all of it pass. A query is found by its thread, or by its operators' names."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()

    def listen(self) -> None:
        """Listen for failures in Daft's log from now on."""
        logging.getLogger(LOGGER).addFilter(self)

    def leave(self) -> None:
        """Undo :meth:`listen`."""
        logging.getLogger(LOGGER).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Note the name of the operator that failed, where the record has one; let every record pass."""
        try:
            message = record.getMessage()
        except Exception:  # a record of somebody else's, which its handlers will complain of
            return True
        if message.startswith(PREFIX):
            self._note(redact(message[len(PREFIX) :]), threading.get_ident())
        return True

    def _note(self, name: str, thread: int) -> None:
        with self._lock:
            having = [run for run in self._runs.values() if name in run.names().values()]
            here = [run for run in having if run.thread == thread]
            # It may be of a query that is not followed, whose operators are not known yet.
            certain = len(having) == 1 and all(run.names is not dict for run in self._runs.values())
            for run in here[-1:] or (having if certain else []):
                run.failed.append(name)

    def begin(self, query_id: str, thread: int) -> None:
        """Note that a query of the native runner starts on this thread."""
        with self._lock:
            self._runs[query_id] = _Run(thread)

    def planned(self, query_id: str, names: Callable[[], dict[int, str]]) -> None:
        """Note what reads the names of a query's operators, by their ids; that is asked for where one fails."""
        with self._lock:
            if query_id in self._runs:
                self._runs[query_id].names = names

    def of(self, query_id: str) -> bool:
        """Return True if an operator of this query has failed."""
        with self._lock:
            run = self._runs.get(query_id)
            return run is not None and bool(run.failed)

    def end(self, query_id: str) -> int | None:
        """Forget the query; return the operator that raised, or None where that is not known for sure."""
        with self._lock:
            run = self._runs.pop(query_id, None)
        if run is None or not run.failed:
            return None
        named = [id_ for id_, name in run.names().items() if name == run.failed[0]]
        return named[0] if len(named) == 1 else None


def encodable(message: str) -> str:
    """Return the message without lone surrogates."""
    return message.encode("utf-8", "replace").decode("utf-8")


def tell_any_error() -> Callable[[], None]:
    """Have Daft report a failed query's end, whatever its error says; return what undoes this.

    An error's text with a lone surrogate cannot become one of Daft's results: Daft then raises another error instead of
    the user's, and tells nobody that the query has ended.
    """
    try:
        runner: Any = import_module(RUNNER)
        own = getattr(runner, RESULT)
    except (ImportError, AttributeError):  # another release of Daft, which may have mended it
        return lambda: None

    def result(state: Any, message: str | None) -> Any:
        return own(state, None if message is None else encodable(message))

    setattr(runner, RESULT, result)

    def put_back() -> None:
        if getattr(runner, RESULT) is result:
            setattr(runner, RESULT, own)

    return put_back
