"""A function that takes its time until it is told to hurry: a query that is ended still ends the batch it is in."""

from __future__ import annotations

import threading

OVER = threading.Event()


def slowly(x: int) -> int:
    """The same number, 10 ms later."""
    OVER.wait(0.01)
    return x
