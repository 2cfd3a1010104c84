"""Finds the watched block that a query belongs to, and the settings that the open blocks have set.

Blocks may overlap in threads, tasks and generators, and end in any order. A query belongs to the block of its own
thread or task: that is kept in a context variable, which tasks and ``asyncio.to_thread`` inherit; a thread that is
started in a block inherits it by a wrap of ``Thread.start``, which is in place while blocks are open. Where several
blocks are open in one context, as generators may do, the one whose code is being run is meant.

Settings live in ``os.environ``. Each block's are a layer of its own above what was set before; ``os.environ`` shows
the latest layer that is still open. A value that differs from what was written here is an assignment of the user's: it
goes beneath the layers, holds at once, and stays.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Generic, TypeVar

from daftnb import variables

Value = TypeVar("Value")


@dataclass(eq=False, slots=True)
class Block:
    """One watched block while it is open; ``frame`` is the code that opened it, ``under`` the blocks above it then."""

    name: str | None
    parent: Block | None
    frame: FrameType | None
    under: frozenset[Block]
    order: int
    open: bool = True
    numbers: list[int] = field(default_factory=list)  # of the queries that began in it, and in the blocks in it

    def lineage(self) -> list[Block]:
        """Return the blocks that are open around this one, and this one, the outermost first."""
        found: list[Block] = []
        block: Block | None = self
        while block is not None:
            if block.open:
                found.append(block)
            block = block.parent
        return found[::-1]


@dataclass(slots=True)
class _Layer:
    """A variable as one block has it."""

    block: Block
    text: str
    order: int


@dataclass(slots=True)
class _Variable:
    """A variable of the environment that blocks have set: what is beneath them, and what stands there now."""

    base: str | None
    base_order: int
    written: str | None
    layers: list[_Layer] = field(default_factory=list)


_chain: ContextVar[tuple[Block, ...] | None] = ContextVar("daftnb_blocks", default=None)
_lock = threading.RLock()
_orders = itertools.count(1)
_open: list[Block] = []  # in the order of opening
_variables: dict[str, _Variable] = {}
_unnumbered: dict[str, list[Block]] = {}  # by the id of a query that has begun, the blocks it belongs to
_ATTRIBUTE = "_daftnb_blocks"  # of a thread, what it was started in


def enter(name: str | None, values: Mapping[str, str], frame: FrameType | None) -> Block:
    """Open a block in this context, with these variables of the environment."""
    with _lock:
        mine = _mine()
        parent = _innermost(mine) if mine else None
        running = _depths()
        under = frozenset(block for block in _open if block.frame is not None and id(block.frame) in running)
        block = Block(name, parent, frame, under, next(_orders))
        _open.append(block)
        _chain.set((*mine, block))
        for variable, text in values.items():
            known = _variables.get(variable)
            if known is None:
                before = os.environ.get(variable)
                known = _variables[variable] = _Variable(before, 0, before)
            _notice(variable, known)
            known.layers.append(_Layer(block, text, next(_orders)))
            _write(variable, known)
        _tap_threads()
        return block


def leave(block: Block) -> None:
    """Close a block, from any context; what it set is taken out of the environment."""
    with _lock:
        if not block.open:
            return
        block.open, block.frame = False, None
        _open.remove(block)
        if _chain.get() is not None:
            _chain.set(tuple(_mine()))
        for variable, known in list(_variables.items()):
            _notice(variable, known)
            known.layers = [layer for layer in known.layers if layer.block is not block]
            _write(variable, known)
            if not known.layers:
                del _variables[variable]
        if not _open:
            _untap_threads()


def current() -> Block | None:
    """Return the innermost open block of this thread or task."""
    with _lock:
        if not _open:
            return None
        chain = _chain.get()
        mine = _mine()
        if mine:
            return _innermost(mine)
        if chain is not None or threading.current_thread() is threading.main_thread():
            return None
        # A thread from before the blocks, as a pool's: it works for the one that is open, if that is clear.
        roots = {block.lineage()[0] for block in _open}
        return _open[-1] if len(roots) == 1 else None


def began(query_id: str) -> str:
    """Note that a query begins in this context, and return the name it has there (empty: none)."""
    with _lock:
        block = current()
        if block is None:
            return ""
        lineage = block.lineage()
        _unnumbered[query_id] = lineage
        return next((each.name for each in reversed(lineage) if each.name is not None), "")


def numbered(query_id: str, number: int) -> None:
    """Note the number of a query that has begun."""
    with _lock:
        for block in _unnumbered.pop(query_id, ()):
            block.numbers.append(number)


# -- the environment --------------------------------------------------------------------------------------------------


def environment() -> Mapping[str, str]:
    """Return ``os.environ`` as a query of this context has it: without the layers of other blocks."""
    with _lock:
        if not _variables:
            return os.environ
        block = current()
        lineage = block.lineage() if block is not None else []
        found = dict(os.environ)
        for variable, known in _variables.items():
            _notice(variable, known)
            text = _text(known, [layer for layer in known.layers if layer.block in lineage])
            if text is None:
                found.pop(variable, None)
            else:
                found[variable] = text
        return found


def put(values: Mapping[str, str | None], in_block: bool) -> None:
    """Set variables of the environment (None: unset).

    ``in_block``: where the block of this context has the variable, for that block; else it stays when blocks end.
    """
    with _lock:
        block = current() if in_block else None
        lineage = block.lineage() if block is not None else []
        for variable, text in values.items():
            known = _variables.get(variable)
            if known is None:
                variables.put({variable: text})
                continue
            _notice(variable, known)
            layer = next((each for each in reversed(known.layers) if each.block in lineage), None)
            if layer is not None and text is not None:
                layer.text, layer.order = text, next(_orders)
            else:
                known.base, known.base_order = text, next(_orders)
            _write(variable, known)


def _notice(variable: str, known: _Variable) -> None:
    """Take a value that nobody here wrote as the user's own."""
    now = os.environ.get(variable)
    if now != known.written:
        known.base, known.base_order, known.written = now, next(_orders), now


def _text(known: _Variable, layers: list[_Layer]) -> str | None:
    latest = max(layers, key=lambda layer: layer.order, default=None)
    return known.base if latest is None or latest.order < known.base_order else latest.text


def _write(variable: str, known: _Variable) -> None:
    known.written = _text(known, known.layers)
    variables.put({variable: known.written})


# -- whose a moment is ------------------------------------------------------------------------------------------------


def _mine() -> list[Block]:
    """Return the open blocks of this context."""
    chain = _chain.get()
    if chain is None:
        chain = getattr(threading.current_thread(), _ATTRIBUTE, ())
    return [block for block in chain if block.open]


def _depths() -> dict[int, int]:
    """Return how deep each frame of this thread's stack is, by its id; the innermost has 0."""
    found: dict[int, int] = {}
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        found[id(frame)] = len(found)
        frame = frame.f_back
    return found


def _innermost(blocks: list[Block]) -> Block:
    """Return the block whose code runs now.

    That is the one with the innermost frame on the stack, or a later one that was opened from there by code that has
    returned or is suspended: a context manager's, an ``ExitStack``'s.
    """
    depths = _depths()
    running = [block for block in blocks if block.frame is not None and id(block.frame) in depths]
    if not running:
        return blocks[-1]
    nearest = min(running, key=lambda block: (depths[id(block.frame)], -block.order))
    opened = [block for block in blocks if block not in running and nearest in block.under]
    return opened[-1] if opened else nearest


# -- threads that are started in a block ------------------------------------------------------------------------------

_start = threading.Thread.start  # what the wrap calls; a thread may be about to call the wrap when it is taken out
_tapped = False


def _tap_threads() -> None:
    global _start, _tapped  # Thread.start is one for the process, and so is its wrap
    if not _tapped:
        _start = threading.Thread.start
        threading.Thread.start = _start_in_block  # type: ignore[method-assign,assignment]  # put back by _untap_threads
        _tapped = True


def _untap_threads() -> None:
    global _tapped
    if threading.Thread.start is _start_in_block:  # else somebody has wrapped it again, and it stays beneath that
        threading.Thread.start = _start  # type: ignore[method-assign]  # as it was
        _tapped = False


def _start_in_block(thread: threading.Thread) -> None:
    block = current()
    if block is not None:
        setattr(thread, _ATTRIBUTE, tuple(block.lineage()))
    _start(thread)


class Overridden(Generic[Value]):
    """A value that blocks override while they are open: the latest of those that are open counts."""

    def __init__(self, base: Value) -> None:
        self.base = base
        self._over: dict[object, Value] = {}

    @property
    def value(self) -> Value:
        """Return the value that holds now."""
        return next(reversed(self._over.values()), self.base)

    def override(self, value: Value) -> Callable[[], None]:
        """Override the value, until the function that is returned is called."""
        token = object()
        self._over[token] = value

        def undo() -> None:
            self._over.pop(token, None)

        return undo
