"""Where the tap is put into the runner actor: the names that the engine looks up at each use, wrapped there alone.

- ``daft.runners.progress_bar.ProgressBar``: told of every task submitted and of every task done or cancelled
  (``daft-distributed``, ``python/progress_bar.rs``), with ``bar_id = query_idx << 32 | last_node_id``;
- ``RaySwordfishActorHandle.submit_task`` and ``.shutdown``: every dispatch and every retirement;
- ``RaySwordfishTaskHandle.get_result`` and ``.cancel``: how each task ended;
- ``flotilla.RaySwordfishWorker``: every worker the engine gets, with its node and its CPUs;
- ``flotilla.try_autoscale``: every request for resources and every withdrawal.

:func:`install` is called in the actor through ``__ray_call__``. The module is sent there by value, with the tap.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from daftnb.engine.tap import ATTRIBUTE, DOOR, Tap


def guarded(tap: Tap, method: Any, *arguments: Any) -> Any:
    """Call one of the tap's methods; what goes wrong in it is the tap's own, never the query's."""
    try:
        return method(*arguments)
    except Exception as error:
        tap.fault(method.__name__, error)
        return None


def tapped_progress_bar(tap: Tap) -> type:
    class TappedProgressBar:
        """Stands in for Daft's tqdm bar: the same four methods, counting instead of printing."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.queries: set[int] = set()

        def make_bar_or_update_total(self, bar_id: int, bar_name: str) -> None:
            self.queries.add(bar_id >> 32)
            guarded(tap, tap.submitted, bar_id, bar_name)

        def update_bar(self, bar_id: int) -> None:
            guarded(tap, tap.done, bar_id)

        def close(self) -> None:
            guarded(tap, tap.closed, self.queries)

    return TappedProgressBar


def tap_tasks(tap: Tap, flotilla: Any) -> None:
    """Wrap dispatch, the end of each task, and retirement."""
    handle_class, task_class = flotilla.RaySwordfishActorHandle, flotilla.RaySwordfishTaskHandle
    submit_task, shutdown = handle_class.submit_task, handle_class.shutdown
    get_result, cancel = task_class.get_result, task_class.cancel

    @functools.wraps(submit_task)
    def tapped_submit_task(self: Any, task: Any) -> Any:
        running = submit_task(self, task)
        running._daftnb = guarded(tap, tap.dispatched, self, task)
        return running

    def end(self: Any, outcome: str) -> None:
        started, self._daftnb = getattr(self, "_daftnb", None), None
        if started is not None:
            guarded(tap, tap.ended, *started, outcome)
            if outcome == "retried":
                guarded(tap, tap.worker_ended, started[1], "died")

    @functools.wraps(get_result)
    async def tapped_get_result(self: Any) -> Any:
        try:
            result = await get_result(self)
        except asyncio.CancelledError:
            end(self, "cancelled_running")
            raise
        except BaseException:
            end(self, "failed")
            raise
        kind = type(result).__name__
        end(self, "retried" if kind in ("WorkerDied", "WorkerUnavailable") else "ok")
        return result

    @functools.wraps(cancel)
    def tapped_cancel(self: Any) -> None:
        end(self, "cancelled_running")
        cancel(self)

    @functools.wraps(shutdown)
    def tapped_shutdown(self: Any) -> None:
        worker_id = guarded(tap, tap.worker_of, self)
        if worker_id is not None:
            guarded(tap, tap.worker_ended, worker_id, "retired")
        shutdown(self)

    tap.patch(handle_class, "submit_task", tapped_submit_task)
    tap.patch(handle_class, "shutdown", tapped_shutdown)
    tap.patch(task_class, "get_result", tapped_get_result)
    tap.patch(task_class, "cancel", tapped_cancel)


def tap_scaling(tap: Tap, flotilla: Any) -> None:
    """Wrap the making of workers and the requests for resources."""
    worker_class, try_autoscale = flotilla.RaySwordfishWorker, flotilla.try_autoscale

    def tapped_worker(node_id: str, handle: Any, cpus: int, gpus: int, memory: int, address: str) -> Any:
        handle._daftnb_worker = node_id
        guarded(tap, tap.worker_started, node_id, cpus, memory)
        return worker_class(node_id, handle, cpus, gpus, memory, address)

    @functools.wraps(try_autoscale)
    def tapped_try_autoscale(bundles: list[dict[str, int]]) -> None:
        guarded(tap, tap.requested, bundles)
        try_autoscale(bundles)

    tap.patch(flotilla, "RaySwordfishWorker", tapped_worker)
    tap.patch(flotilla, "try_autoscale", tapped_try_autoscale)


def install(actor: Any) -> int:
    """Hang a tap on the runner actor, once; the number of events recorded so far (0 for a new one)."""
    tap: Tap | None = getattr(actor, ATTRIBUTE, None)
    if tap is not None:
        return tap.recorded
    from daft.runners import flotilla, progress_bar

    tap = Tap(actor)
    tap.patch(progress_bar, "ProgressBar", tapped_progress_bar(tap))
    tap_tasks(tap, flotilla)
    tap_scaling(tap, flotilla)
    setattr(actor, ATTRIBUTE, tap)
    setattr(actor, DOOR, tap.call)
    return 0
