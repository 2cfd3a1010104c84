"""Says what each query's functions did, of what processes have counted over all queries.

A process tells its totals since it began. What came on top since it last told belongs to the query that runs; where
several run that call functions, to all of them, and it is said so (``shared``), as nothing tells them apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from copy import copy
from typing import Any

from daftnb.engine.meter.tally import Function, Row, Rows
from daftnb.engine.meter.travel import Process

KEPT_QUERIES = 16
KEPT_ENDED = 4_096  # processes that have told their last
NOTHING = Row()


class Part:
    """What one process did in one function for one query."""

    __slots__ = ("ended", "now", "process", "row", "since", "state")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.row = NOTHING  # the sum for this query
        self.now = NOTHING  # of the process over all, as it last told
        self.ended = False
        self.state = ""
        self.since = 0.0

    def note(self, t: float) -> None:
        """Note the state that it is in, and since when."""
        if self.ended:
            state, since = "ended", t
        elif self.now.initialising is not None:
            state, since = "initialising", self.now.initialising
        elif self.now.running:
            state, since = "busy", t
        else:
            state, since = "idle", self.now.idle_since or t
        if state != self.state:
            self.state, self.since = state, since


class Ledger:
    """The functions of the latest queries, and what each process has told."""

    def __init__(self) -> None:
        self.last: dict[str, Rows] = {}  # by the id of a process
        self.queries: OrderedDict[str, dict[Function, dict[str, Part]]] = OrderedDict()
        self.shared: set[tuple[str, Function]] = set()
        self.lost: dict[tuple[str, Function], int] = {}
        self.ended: OrderedDict[str, None] = OrderedDict()  # processes whose last is counted
        self.whose: dict[tuple[str, Function], list[str]] = {}  # of which queries a process was last

    def take(self, process: Process, rows: Rows, active: list[str], t: float, ended: bool = False) -> None:
        """Take what a process has counted; ``active``: the queries that run and may call functions."""
        if process.id in self.ended:
            return
        before = self.last.get(process.id, {})
        self.last[process.id] = rows
        for function, row in rows.items():
            more = row.since(before.get(function, NOTHING))
            moved = row.running > 0 or row.initialising is not None or more.counted
            queries = active or self.whose.get((process.id, function), [])
            if moved:
                self.whose[process.id, function] = queries
            for query_id in queries:
                part = self.part(query_id, function, process, moved)
                if part is not None:
                    part.row, part.now, part.ended = part.row.plus(more), row, ended
                    part.note(t)
                    if len(queries) > 1 and moved:
                        self.shared.add((query_id, function))
        if ended:
            self.close(process.id)

    def close(self, process_id: str) -> None:
        """Take no more of a process: it has ended."""
        self.last.pop(process_id, None)
        self.ended[process_id] = None
        while len(self.ended) > KEPT_ENDED:
            self.ended.popitem(last=False)

    def part(self, query_id: str, function: Function, process: Process, make: bool) -> Part | None:
        """Return a process's part in a query, new if ``make``."""
        functions = self.queries.get(query_id)
        if functions is None:
            if not make:
                return None
            functions = self.queries[query_id] = {}
            while len(self.queries) > KEPT_QUERIES:
                self.drop(next(iter(self.queries)))
        parts = functions.setdefault(function, {}) if make else functions.get(function, {})
        if process.id not in parts and make:
            parts[process.id] = Part(process)
        return parts.get(process.id)

    def drop(self, query_id: str) -> None:
        """Forget a query."""
        self.queries.pop(query_id, None)
        self.shared = {key for key in self.shared if key[0] != query_id}
        self.lost = {key: count for key, count in self.lost.items() if key[0] != query_id}
        for key in [key for key, queries in self.whose.items() if query_id in queries]:
            del self.whose[key]

    def died(self, process_ids: Iterable[str], t: float) -> None:
        """Note processes that have ended without telling the last of it."""
        for id_ in process_ids:
            self.close(id_)
            for query_id, functions in self.queries.items():
                for function, parts in functions.items():
                    part = parts.get(id_)
                    if part is None or part.ended:
                        continue
                    if part.now.running:
                        self.lost[query_id, function] = self.lost.get((query_id, function), 0) + 1
                    part.ended, part.now = True, part.now._replace(running=0)
                    part.note(t)
                    part.state = "died"

    def figures(self, query_id: str) -> list[tuple[Any, ...]]:
        """Return for each function of a query: the function, the sum, whether it is shared, and how many were lost."""
        found = []
        for function, parts in self.queries.get(query_id, {}).items():
            total = NOTHING
            for part in parts.values():
                total = total.plus(part.row._replace(running=0 if part.ended else part.now.running))
            key = (query_id, function)
            found.append((function, total, key in self.shared, self.lost.get(key, 0)))
        return found

    def parts(self, query_id: str) -> list[tuple[Function, Part]]:
        """Return the processes of a query's functions, but for those whose threads call them: workers, the kernel.

        An actor that Ray has started again is one: its state is that of its latest process, its row the sum.
        """
        found: dict[tuple[Function, str], Part] = {}
        for function, parts in self.queries.get(query_id, {}).items():
            for part in parts.values():
                if part.process.kind not in ("actor", "process"):
                    continue
                key = (function, part.process.name)
                before = found.get(key)
                if before is not None:
                    row, part = before.row.plus(part.row), copy(part)
                    part.row = row
                found[key] = part
        return [(function, part) for (function, _), part in found.items()]


def part_row(part: Part) -> tuple[Any, ...]:
    """Return what is known of one process in one query, as plain values: its name, node, state, since when, and row."""
    return part.process.name, part.process.worker_id, part.state, part.since, tuple(part.row)
