"""A stand-in, in the runner actor, for the reaper that Daft's main branch is about to have (pull request 7344).

Of what that does, by its source (``worker_manager.rs``, ``scheduling/downscale.rs``): at a query's end the engine lets
go of no worker. A thread of its own looks every so many seconds. A worker that has been idle for the idle seconds is
taken out of service, and ended at a later look if it is still idle, by the same ``shutdown`` as ever; survivors stay.

The Daft that this runs in lets go of all idle workers at a query's end. They are kept here and given back to the next
query, around all that daftnb has put there: to daftnb it looks as if the engine had held them all along. The module is
sent to the actor by value.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any


class Reaper:
    """The thread, and the workers that the engine of this Daft has let go of: handle, and since when."""

    def __init__(self, actor: Any) -> None:
        from daft.daft import RaySwordfishWorker
        from daft.runners import flotilla

        self.actor, self.flotilla = actor, flotilla
        self.kept: dict[str, tuple[Any, float]] = {}
        self.draining: set[str] = set()
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.before = flotilla.RaySwordfishActorHandle.shutdown, flotilla.start_ray_workers
        shutdown, start = self.before
        submit = self.submit = flotilla.RaySwordfishActorHandle.submit_task

        def use(handle: Any, task: Any) -> Any:
            handle.idle_from = None
            return submit(handle, task)

        def keep(handle: Any) -> None:
            with self.lock:
                handle.idle_from = getattr(handle, "idle_from", None) or time.time()
                self.kept[handle._daftnb.worker_id] = (handle, handle.idle_from)

        def give_back(existing: list[str], *arguments: Any) -> list[Any]:
            with self.lock:
                kept, self.kept, self.draining = self.kept, {}, set()
            given = [RaySwordfishWorker(node, handle, *handle._daftnb[1:]) for node, (handle, _) in kept.items()]
            return [*given, *start(sorted({*existing, *kept}), *arguments)]

        flotilla.RaySwordfishActorHandle.shutdown = keep  # type: ignore[method-assign]  # what the engine calls
        flotilla.RaySwordfishActorHandle.submit_task = use  # type: ignore[method-assign]
        flotilla.start_ray_workers = give_back
        self.end = shutdown
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while not self.over.wait(max(1.0, float(os.environ.get("DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS", "5")))):
            if not self.actor.curr_result_gens and os.environ.get("DAFT_AUTOSCALING_DOWNSCALE_ENABLED") == "1":
                self.look()

    def look(self) -> None:
        idle_seconds = float(os.environ["DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS"])
        with self.lock:
            may_go = max(0, len(self.kept) - int(os.environ["DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS"]))
            oldest = sorted(self.kept, key=lambda node: self.kept[node][1])
            over = [node for node in oldest if time.time() - self.kept[node][1] >= idle_seconds]
            going = [node for node in over if node in self.draining][:may_go]
            self.draining = set([node for node in over if node not in going][: may_go - len(going)])
            handles = [self.kept.pop(node)[0] for node in going]
        for handle in handles:
            self.end(handle)


def install(actor: Any) -> None:
    """Begin; runs in the runner actor."""
    actor.a_reaper = Reaper(actor)


def remove(actor: Any) -> None:
    """End, with the workers that it has; runs in the runner actor."""
    reaper = actor.a_reaper
    reaper.over.set()
    reaper.flotilla.RaySwordfishActorHandle.submit_task = reaper.submit
    reaper.flotilla.RaySwordfishActorHandle.shutdown, reaper.flotilla.start_ray_workers = reaper.before
    for handle, _ in reaper.kept.values():
        reaper.end(handle)
    del actor.a_reaper
