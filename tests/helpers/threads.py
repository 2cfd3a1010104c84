"""Work in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


def in_thread(do: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=do)
    thread.start()
    return thread
