"""Puts the tap into the runner actor: wraps the names that Daft's scheduler looks up there.

- ``daft.runners.progress_bar.ProgressBar``: told of every task submitted and of every task done or cancelled
  (``daft-distributed``, ``python/progress_bar.rs``), with ``bar_id = query_idx << 32 | last_node_id``;
- ``RaySwordfishActorHandle.submit_task`` and ``.shutdown``: every dispatch and every retirement;
- ``RaySwordfishTaskHandle.get_result`` and ``.cancel``: how each task ended;
- ``flotilla.RaySwordfishWorker``: every worker the engine gets, with its node and its CPUs;
- ``flotilla.start_ray_workers``: where new workers get variables of the environment, and warm ones are given
  back, unless Daft has a reaper, which keeps them itself;
- ``flotilla.try_autoscale``: every request for resources, which may grow, and is trimmed to the most that the cluster
  may have; and every withdrawal;
- ``flotilla.get_head_node_id``: asked for at each sweep, and never changing;
- ``ray_actor_pool_udf.UDFActor``: each actor of a UDF is sent its function with the meter around it;
- ``ray_actor_pool_udf.start_udf_actors`` and ``UDFActorHandle.teardown``: the actors of UDFs with a concurrency;
- ``curr_result_gens`` of the actor: the result stream of each query that runs.

:func:`install` is called in the actor through ``__ray_call__``. The module is sent there by value, with the tap.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

from daftnb.clock import steady as time
from daftnb.engine.actor.door import ATTRIBUTE, CANCELLED, DOOR, InActor, NotSent
from daftnb.engine.actor.requests import Requests
from daftnb.engine.actor.tap import OUT_OF_MEMORY, Tap
from daftnb.engine.actor.udfpools import Amounts, UdfPool, resources_of, room
from daftnb.engine.actor.warm import Facts, Pool


def guarded(tap: Tap, method: Any, *arguments: Any) -> Any:
    """Call one of our methods; record what goes wrong in it, which is our own fault and never the query's."""
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


def tap_tasks(mine: InActor, flotilla: Any) -> None:
    """Wrap dispatch and the end of each task."""
    tap, pool = mine.tap, mine.pool
    handle_class, task_class = flotilla.RaySwordfishActorHandle, flotilla.RaySwordfishTaskHandle
    submit_task = handle_class.submit_task
    get_result, cancel = task_class.get_result, task_class.cancel

    @functools.wraps(submit_task)
    def tapped_submit_task(self: Any, task: Any) -> Any:
        context = task.context()
        cancelled = guarded(tap, tap.cancelled, context["query_id"])
        if cancelled is not None:
            fails, cancelled.failed = not cancelled.failed, True
            return NotSent(fails)
        worker_id = guarded(tap, pool.claim, self)
        running = submit_task(self, task)
        if worker_id is not None:
            running._daftnb = guarded(tap, tap.dispatched, worker_id, task.name(), context)
            if running._daftnb is not None:
                mine.tasks[id(running)] = running
        return running

    def end(self: Any, outcome: str) -> None:
        mine.tasks.pop(id(self), None)
        run, self._daftnb = getattr(self, "_daftnb", None), None
        if run is not None:
            guarded(tap, tap.ended, run, outcome)
            if outcome == "retried":
                guarded(tap, tap.worker_ended, run.worker_id, "died")

    @functools.wraps(get_result)
    async def tapped_get_result(self: Any) -> Any:
        mine.streams.loop = asyncio.get_running_loop()
        try:
            result = await get_result(self)
        except asyncio.CancelledError:
            end(self, "cancelled_running")
            raise RuntimeError(CANCELLED) from None
        except BaseException as error:
            run = getattr(self, "_daftnb", None)
            end(self, "failed")
            if run is not None and type(error).__name__ == "OutOfMemoryError":
                # Ray has ended the worker's process. The engine fails the query, and would go on with the dead worker.
                guarded(tap, tap.worker_ended, run.worker_id, "died", OUT_OF_MEMORY)
            raise
        kind = type(result).__name__
        end(self, "retried" if kind in ("WorkerDied", "WorkerUnavailable") else "ok")
        return result

    @functools.wraps(cancel)
    def tapped_cancel(self: Any) -> None:
        cancel(self)
        end(self, "cancelled_running")

    mine.patch(task_class, "cancel", tapped_cancel)
    mine.patch(handle_class, "submit_task", tapped_submit_task)
    mine.patch(task_class, "get_result", tapped_get_result)


def tap_workers(mine: InActor, flotilla: Any) -> None:
    """Wrap the making of workers, and note their retirement."""
    tap, pool = mine.tap, mine.pool
    worker_class = flotilla.RaySwordfishWorker
    shutdown = flotilla.RaySwordfishActorHandle.shutdown

    def tapped_worker(node_id: str, handle: Any, cpus: int, gpus: int, memory: int, address: str) -> Any:
        guarded(tap, pool.born, handle, Facts(node_id, cpus, gpus, memory, address))
        return worker_class(node_id, handle, cpus, gpus, memory, address)

    @functools.wraps(shutdown)
    def noted_shutdown(self: Any) -> None:
        guarded(tap, pool.lost, self)
        shutdown(self)

    mine.patch(flotilla, "RaySwordfishWorker", tapped_worker)
    mine.patch(flotilla.RaySwordfishActorHandle, "shutdown", noted_shutdown)


def tap_variables(mine: InActor, flotilla: Any) -> None:
    """Wrap the making of workers: a new one gets the variables that the kernel has set before it gets a task."""
    tap, pool = mine.tap, mine.pool
    worker_class, start_ray_workers = flotilla.RaySwordfishWorker, flotilla.start_ray_workers

    def worker_with_variables(node_id: str, handle: Any, *facts: Any) -> Any:
        guarded(tap, pool.give_variables, handle, node_id)
        return worker_class(node_id, handle, *facts)

    @functools.wraps(start_ray_workers)
    def start_with_variables(*arguments: Any) -> list[Any]:
        workers: list[Any] = start_ray_workers(*arguments)
        guarded(tap, pool.await_variables)
        return workers

    mine.patch(flotilla, "RaySwordfishWorker", worker_with_variables)
    mine.patch(flotilla, "start_ray_workers", start_with_variables)


def tap_retirement(mine: InActor, flotilla: Any) -> None:
    """Wrap what makes retirement honour the settings between queries: keeping, and giving back."""
    tap, pool = mine.tap, mine.pool
    start_ray_workers = flotilla.start_ray_workers
    shutdown = flotilla.RaySwordfishActorHandle.shutdown

    @functools.wraps(start_ray_workers)
    def tapped_start_ray_workers(existing_worker_ids: list[str], *arguments: Any) -> list[Any]:
        # A failure of the engine's own start is the engine's; it goes through.
        return pool.start_workers(existing_worker_ids, lambda left_out: start_ray_workers(left_out, *arguments))

    @functools.wraps(shutdown)
    def tapped_shutdown(self: Any) -> None:
        if not guarded(tap, pool.let_go, self):
            shutdown(self)

    mine.patch(flotilla, "start_ray_workers", tapped_start_ray_workers)
    mine.patch(flotilla.RaySwordfishActorHandle, "shutdown", tapped_shutdown)


def tap_head(mine: InActor, flotilla: Any) -> None:
    """Wrap the look for the head's node, which stays the same; its worker is never retired."""
    tap, get_head_node_id = mine.tap, flotilla.get_head_node_id

    @functools.wraps(get_head_node_id)
    def tapped_get_head_node_id() -> str | None:
        if tap.head is None:
            tap.head = get_head_node_id()
        return tap.head

    mine.patch(flotilla, "get_head_node_id", tapped_get_head_node_id)


def tap_requests(mine: InActor, flotilla: Any) -> None:
    """Wrap the requests for resources; one that changes nothing is not sent."""
    tap, pool = mine.tap, mine.pool
    try_autoscale = flotilla.try_autoscale

    requests = mine.requests = Requests(tap, try_autoscale, pool.active)

    @functools.wraps(try_autoscale)
    def tapped_try_autoscale(bundles: list[dict[str, int]]) -> None:
        if not bundles and tap.demand == 0:
            return  # the engine withdraws twice at each query's end; what is not asked for need not be withdrawn
        if bundles:
            pool.requested()
        requests.ask(bundles)

    mine.patch(flotilla, "try_autoscale", tapped_try_autoscale)


def tap_udfs(mine: InActor) -> None:
    """Wrap the making and the end of the actors that UDFs with a concurrency run in."""
    from daft.execution import ray_actor_pool_udf as pool

    tap = mine.tap
    start_udf_actors, teardown = pool.start_udf_actors, pool.UDFActorHandle.teardown
    signature = inspect.signature(start_udf_actors)

    @functools.wraps(start_udf_actors)
    async def tapped_start_udf_actors(projection: Any, *arguments: Any, **options: Any) -> Any:
        name, handles, began = str(projection)[:200], [], time.monotonic()
        pool = guarded(tap, awaited_pool, signature, (projection, *arguments), options)
        if pool is not None:
            guarded(tap, tap.udfs_awaited, name, pool)
        started = mine.metering.begin_pool()
        try:
            handles = await start_udf_actors(projection, *arguments, **options)
        finally:
            waited, now = time.monotonic() - began, None
            if pool is not None and len(handles) < pool.asked:  # nodes may have come meanwhile
                now = guarded(tap, room_now, pool.asked, dict(pool.each))
            guarded(tap, tap.udfs_started, name, handles, waited, *(now or ()))
            guarded(tap, mine.metering.end_late, started, handles)
        return handles

    @functools.wraps(teardown)
    def tapped_teardown(self: Any) -> None:
        guarded(tap, mine.metering.actor_ends, self)
        guarded(tap, tap.udf_ended, self)
        teardown(self)

    mine.patch(pool, "start_udf_actors", tapped_start_udf_actors)
    mine.patch(pool.UDFActorHandle, "teardown", tapped_teardown)


def awaited_pool(signature: inspect.Signature, arguments: tuple[Any, ...], options: dict[str, Any]) -> UdfPool:
    """Return the pool that a query waits for, by the arguments that Daft gives to start it."""
    given = signature.bind(*arguments, **options).arguments
    each = resources_of(given)
    fits, lack = room_now(given["num_actors"], each)
    return UdfPool(
        awaited=given["num_actors"],
        limit=given["timeout"],
        asked=given["num_actors"],
        function=(given.get("actor_name") or "")[:200],
        each=tuple(each.items()),
        fits=fits,
        lack=tuple(lack.items()),
    )


def room_now(actors: int, each: Amounts) -> tuple[int, Amounts]:
    """Return how many of so many actors this cluster's nodes have room for, and what they lack for all of them."""
    import ray

    return room([node["Resources"] for node in ray.nodes() if node["Alive"]], actors, each)


class Carrying:
    """Stands in for the class of the actors of pools: each is sent its function with the meter around it."""

    def __init__(self, actors: Any, mine: InActor, gpus: float = 0.0) -> None:
        self.actors, self.mine, self.gpus = actors, mine, gpus

    def options(self, **options: Any) -> Carrying:
        """Return it with Ray's options for the actors."""
        return Carrying(self.actors.options(**options), self.mine, options.get("num_gpus") or 0.0)

    def remote(self, content: Any) -> Any:
        """Start an actor."""
        metering, tap = self.mine.metering, self.mine.tap
        sent = guarded(tap, metering.sent_to, content)
        if sent is None:
            return self.actors.remote(content)
        actor = self.actors.remote(sent)
        guarded(tap, metering.hold, actor, sent, self.gpus)
        return actor


def meter_workers(mine: InActor) -> None:
    """Put the meter into each worker as it starts."""
    metering, tap = mine.metering, mine.tap
    mine.pool.on_worker = lambda handle, worker_id: guarded(tap, metering.begin_worker, handle, worker_id)


def meter_pools(mine: InActor) -> None:
    """Put the meter into each actor of a pool, as it is sent its function."""
    from daft.execution import ray_actor_pool_udf as pool

    mine.patch(pool, "UDFActor", Carrying(pool.UDFActor, mine))


def install(actor: Any, off: frozenset[str] = frozenset(), reaper: bool = False) -> tuple[int, int]:
    """Install a tap on the runner actor, once; return how many events and tasks it has recorded (none, if it is new).

    ``off``: the features that need a name this release does not have (:mod:`daftnb.engine.internals`). ``reaper``: this
    Daft retires idle workers itself, also between queries.
    """
    mine: InActor | None = getattr(actor, ATTRIBUTE, None)
    if mine is not None:
        return mine.tap.seen()
    import ray
    from daft.daft import RaySwordfishWorker
    from daft.runners import flotilla, progress_bar

    tap = Tap()
    tap.reaper = reaper
    pool = Pool(
        tap,
        lambda handle: ray.kill(handle.actor_handle),
        RaySwordfishWorker,
        lambda: bool(actor.curr_result_gens),
    )
    mine = InActor(actor, tap, pool)
    if "cancelling on Ray" not in off:
        mine.patch(actor, "curr_result_gens", mine.streams)
    if "task counts" not in off:
        mine.patch(progress_bar, "ProgressBar", tapped_progress_bar(tap))
        tap_tasks(mine, flotilla)
        tap_workers(mine, flotilla)
    if not {"task counts", "variables of workers"} & off:
        tap_variables(mine, flotilla)
    if not {"task counts", "warm workers"} & off:
        tap_head(mine, flotilla)
        if not reaper:
            tap_retirement(mine, flotilla)
    if "scale-up requests" not in off:
        tap_requests(mine, flotilla)
    if "UDF actors" not in off:
        tap_udfs(mine)
    if not {"task counts", "figures of functions"} & off:
        meter_workers(mine)
        if "figures of actors" not in off:
            meter_pools(mine)
    mine.with_usage = "usage of nodes" not in off
    mine.with_devices = "use of GPUs" not in off
    mine.with_launches = not {"scale-up requests", "autoscaler notices"} & off
    mine.with_stats = "rows of operators on Ray" not in off
    setattr(actor, ATTRIBUTE, mine)
    setattr(actor, DOOR, mine.call)
    return tap.seen()
