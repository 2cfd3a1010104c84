"""Keeps daftnb's own calls from making Ray start a cluster when no connection stands.

Most of Ray's public calls (``ray.get``, ``.remote``) first connect this process where it is not connected: that starts
a cluster on this machine, dashboard and all (``ray._private.auto_init_hook.auto_init_ray``). A user may end the
connection at any moment, so to look before a call is not enough: within :func:`without_starting` the calling thread's
calls fail instead. Other threads, the user's, are left as they are.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_calling = threading.local()


class _Switch:
    """Stands in for Ray's ``enable_auto_connect`` where that is True; false in a thread that calls for daftnb."""

    def __bool__(self) -> bool:
        return not getattr(_calling, "depth", 0)


def _hook() -> Any:
    if "ray" not in sys.modules:
        return None
    from ray._private import auto_init_hook

    return auto_init_hook


@contextmanager
def without_starting() -> Iterator[None]:
    """Keep this thread's calls from making Ray connect or start anything, within this context."""
    hook = _hook()
    if getattr(hook, "enable_auto_connect", None) is True:
        hook.enable_auto_connect = _Switch()
    _calling.depth = getattr(_calling, "depth", 0) + 1
    try:
        yield
    finally:
        _calling.depth -= 1


def never_start() -> None:
    """Keep Ray from starting anything by itself in this process from now on; ``ray.init()`` still does."""
    hook = _hook()
    if hook is not None:
        hook.enable_auto_connect = False


def put_back() -> None:
    """Give Ray its own switch back, where ours stands in its place."""
    hook = _hook()
    if isinstance(getattr(hook, "enable_auto_connect", None), _Switch):
        hook.enable_auto_connect = True
