"""Runs the work of a preview on threads of its own: one piece for each request, which the page may stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from daftnb.engine.queries.background import OwnQuery


class Jobs:
    """The work that runs, by the number of its request. ``end_on_ray`` as in :class:`OwnQuery`."""

    def __init__(self, end_on_ray: Callable[[str], bool]) -> None:
        self._end_on_ray = end_on_ray
        self._lock = threading.Lock()
        self._running: dict[int, OwnQuery] = {}

    @property
    def busy(self) -> bool:
        """Return True while work runs."""
        return bool(self._running)

    def start(self, id_: int, work: Callable[[OwnQuery], None]) -> OwnQuery:
        """Do ``work``, which raises nothing, on a thread of its own; return what can cancel it."""
        own = OwnQuery(self._end_on_ray)
        with self._lock:
            self._running[id_] = own
        threading.Thread(target=self._do, args=(id_, own, work), name="daftnb-preview-work", daemon=True).start()
        return own

    def _do(self, id_: int, own: OwnQuery, work: Callable[[OwnQuery], None]) -> None:
        try:
            work(own)
        finally:
            with self._lock:
                if self._running.get(id_) is own:
                    del self._running[id_]

    def cancel(self, id_: int) -> None:
        """End the work of a request, if it runs."""
        with self._lock:
            own = self._running.get(id_)
        if own is not None:
            own.cancel()

    def cancel_all(self) -> None:
        """End all the work that runs."""
        with self._lock:
            running = list(self._running.values())
        for own in running:
            own.cancel()
