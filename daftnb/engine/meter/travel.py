"""How the meter, and what it has counted, travel between processes: code by value, counts as plain values."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from daftnb.engine.meter.tally import Function, Row, Rows

MOST_COMPRESSED = 1_000_000  # bytes

Plain = list[tuple[tuple[Any, ...], tuple[Any, ...]]]
Pack = Callable[[Any], bytes]  # pickles, with our code by value


class Process(NamedTuple):
    """A process that calls functions.

    ``kind``: kernel, worker (Daft's, whose threads do), actor (one of a pool), or process (one that Daft starts for
    functions with ``use_process``). ``name``: an actor's id in Ray, or the process id. ``worker_id``: the Ray node that
    it is on; empty outside of Ray.
    """

    id: str
    kind: str
    name: str
    worker_id: str = ""


class Call:
    """A call that is made where this is unpickled; what it returns is what comes out there."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


class Parcel:
    """Stands in for what Daft sends to another process: a call of ours is made there, and gives it back.

    Pickled, it names nothing of daftnb: the other process need not have it. ``size``: bytes that are sent.
    """

    def __init__(self, pack: Pack, function: Callable[..., Any], *arguments: Any) -> None:
        self.content = Packed(pack(Call(function, *arguments)))
        self.size = len(self.content.data)

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self.content,)


class Packed:
    """Bytes that are pickled compressed, but for large ones, which would take long."""

    def __init__(self, data: bytes) -> None:
        self.is_compressed = len(data) <= MOST_COMPRESSED
        self.data = zlib.compress(data, 1) if self.is_compressed else data

    def __reduce__(self) -> tuple[Any, ...]:
        return zlib.decompress if self.is_compressed else bytes, (self.data,)


def plain(rows: Rows) -> Plain:
    """Return rows as tuples of plain values."""
    return [(tuple(function), tuple(row)) for function, row in rows.items()]


def rows_of(rows: Iterable[Any]) -> Rows:
    """Return rows from plain values, also from JSON, which has lists for tuples. Raises TypeError on others."""
    return {Function(*function): Row(*_frozen(row)) for function, row in rows}


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value
