"""Runs a function in a thread of its own, which nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable


def aside(function: Callable[[], None], name: str, seconds: float = 0.0) -> bool:
    """Run a function in a daemon thread with this name; return True if it has ended within ``seconds``.

    An interpreter that ends starts no threads any more (from Python 3.12 on): the function then runs here.
    """
    thread = threading.Thread(target=function, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        function()
        return True
    thread.join(seconds)
    return not thread.is_alive()
