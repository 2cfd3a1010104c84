"""Runs one thing after the other on a thread of its own, which ends when there is nothing to do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

IDLE_SECONDS = 5.0


class SerialExecutor:
    """Runs actions on a thread, one after the other. Call ``do`` from any thread; an action must not raise."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def do(self, action: Callable[[], None]) -> None:
        """Queue an action, to be done after all that wait."""
        with self._lock:
            self._waiting.put(action)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                action = self._waiting.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._thread = None
                        return
                continue
            action()
