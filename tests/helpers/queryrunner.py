"""A runner of queries on Ray that no Ray stands behind: what a test needs of it is given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from daftnb.engine import internals
from daftnb.engine.queries import batches
from daftnb.engine.queries.cautions import Cautions
from daftnb.engine.queries.gate import Gate
from daftnb.engine.queries.runner import WatchedFlotillaRunner


def unmade(door: Any, emit: Any = lambda event: None, in_batches: bool = False, **facts: Any) -> Any:
    """Return a runner with this ``door``; ``in_batches``: it gets results so, else as Daft does."""
    made: Any = WatchedFlotillaRunner.__new__(WatchedFlotillaRunner)
    made.door, made.emit, made.settings, made.planned = door, emit, dict, lambda: ("q", {})
    made.most, made.workers, made._expressions = lambda: None, dict, lambda text: None
    made.kinds = facts.pop("kinds", lambda: (None, False))
    made._off = frozenset() if in_batches else frozenset({internals.BATCHES})
    made._running, made._cancelled, made._gate = {}, set(), Gate()
    made._cautions = Cautions(emit, lambda *asked: made.door.call(*asked), lambda: made.door, made.kinds, made._off)
    made.buffer = batches.Buffer()
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def plan(text: str = "* Source", index: int = 1) -> Any:
    """Return a plan with this text."""
    return SimpleNamespace(idx=lambda: str(index), repr_ascii=lambda simple: text)
