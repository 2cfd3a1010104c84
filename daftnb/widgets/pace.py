"""Limits what a view is sent: at most ten messages and 50 kB a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

BYTES_PER_SECOND = 50_000
LEAST_SECONDS = 0.1  # between two messages


class Pace:
    """Pauses after each message: as long as its bytes take at ``BYTES_PER_SECOND``, and ``LEAST_SECONDS`` at least.

    Nothing is saved up in quiet times, so the rate holds from any message on: what was sent in ``s`` seconds is at most
    ``s`` × 50 kB and one message. ``clock`` gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._free_at = clock()

    @property
    def free(self) -> bool:
        """Return True if a message may go out now."""
        return self._clock() >= self._free_at

    def sent(self, content: Any) -> None:
        """Count a message that went out."""
        self._free_at = self._clock() + max(LEAST_SECONDS, size_of(content) / BYTES_PER_SECOND)


def size_of(content: Any) -> int:
    """Return how many bytes ``content`` takes as JSON, written as the kernel writes its messages."""
    return len(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))
