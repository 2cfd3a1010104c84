"""Keeps the threads of queries out of Ray once it is to be shut down.

Ray ends the whole process when a thread calls it after ``ray.shutdown`` ("The core worker has already been shutdown",
``core_worker_process.cc``), and raises SystemExit in one that waits meanwhile. In a notebook that is the kernel.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Lets a query's thread into Ray and out again, until it is shut; knows which threads are inside."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: list[int] = []  # threads; one that is inside twice is here twice
        self._shut = False

    @property
    def is_shut(self) -> bool:
        """Return True if nobody is let in any more."""
        return self._shut

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Count this thread as inside within the context; ConnectionError where the gate is shut."""
        thread = threading.get_ident()
        with self._changed:
            if self._shut:
                raise ConnectionError("the connection to Ray is about to end")
            self._inside.append(thread)
        try:
            yield
        finally:
            with self._changed:
                self._inside.remove(thread)
                self._changed.notify_all()

    def shut(self) -> bool:
        """Let nobody in any more; return True if another thread than this one is inside."""
        with self._changed:
            self._shut = True
            return self._is_another_inside()

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait until no other thread than this one is inside; return False where ``seconds`` were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_another_inside(), seconds)

    def _is_another_inside(self) -> bool:
        thread = threading.get_ident()
        return any(each != thread for each in self._inside)
