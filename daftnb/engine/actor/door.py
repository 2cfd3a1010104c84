"""The calls that the kernel may make to daftnb in the runner actor.

Sent to the actor by value, with :mod:`daftnb.engine.actor.tap`. The kernel calls :meth:`InActor.call` through
``__ray_call__``; the engine calls what :mod:`daftnb.engine.actor.install` has put into its way.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any

from daftnb import variables
from daftnb.engine.actor import rules
from daftnb.engine.actor.batches import Orders, PartitionSet
from daftnb.engine.actor.counts import Query, Run
from daftnb.engine.actor.devices import Devices
from daftnb.engine.actor.growing import GROWTH, STEP
from daftnb.engine.actor.launches import Launches
from daftnb.engine.actor.metering import Metering
from daftnb.engine.actor.node_usage import NodeUsage
from daftnb.engine.actor.requests import Requests
from daftnb.engine.actor.streams import Streams
from daftnb.engine.actor.tap import Tap, own_dashboard, stats_rows
from daftnb.engine.actor.trimming import Most
from daftnb.engine.actor.warm import Pool

ATTRIBUTE = "_daftnb"
CANCELLED = "the query was cancelled"
LINGER_SECONDS = 0.5  # after which tasks of a cancelled query that the engine has not let go of are cancelled here
DRAIN_SECONDS = 5.0  # after which nothing of a cancelled query is kept; its scheduler looks up once a second
DOOR = "_daftnb_call"
# Read by the engine once per query; the others at every tick, of every query that runs.
READ_ONCE = ("DAFT_AUTOSCALING_THRESHOLD", "DAFT_SCHEDULER_LINEAR")


class NotSent:
    """Stands in for the handle of a task that is not sent to a worker any more, as its query was cancelled.

    ``fails``: at once, so that the engine gives the query up; else it waits until the engine has let go of it.
    """

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def get_result(self) -> NotSent:
        """Return an awaitable; unlike a coroutine, one that nobody need await."""
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.fails:
            yield from asyncio.sleep(DRAIN_SECONDS).__await__()
        raise RuntimeError(CANCELLED)

    def cancel(self) -> None:
        """Do nothing: nothing runs."""


class InActor:
    """The tap, the pool and the streams of one runner actor, and how to take them out again."""

    def __init__(self, actor: Any, tap: Tap, pool: Pool) -> None:
        self.actor = actor
        self.tap = tap
        self.pool = pool
        self.usage = NodeUsage(pool)
        self.devices = Devices(pool)
        self.launches = Launches(tap)
        self.metering = Metering(actor, tap)
        self.requests: Requests | None = None  # where the release has what they need
        self.with_launches = True
        self.with_usage = True
        self.with_devices = True
        self.with_stats = True
        self.tasks: dict[int, Any] = {}  # handles of the tasks that run
        self.streams = Streams(actor.curr_result_gens)
        self.orders = Orders(self.begin, self.ended)
        self.streams.orders = self.orders.take
        self.begun: dict[str, tuple[Any, ...]] = {}  # what became of a query's settings, until the kernel knows
        self.undo: list[tuple[Any, str, Any]] = []
        self.environment_before: dict[str, str | None] = {}

    # -- what the kernel calls ----------------------------------------------------------------------------------------

    def call(self, method: str, *arguments: Any) -> Any:
        """Call one of the methods below by name: the actor's one door for the kernel (``methodcaller(DOOR, ...)``)."""
        return getattr(self, method)(*arguments)

    def prepare(
        self,
        index: int,
        query_id: str,
        parents: dict[int, int],
        environment: dict[str, str],
        most: tuple[Any, ...] | None = None,
        gpus: Mapping[int, float] | None = MappingProxyType({}),
        lacks: str = "",
    ) -> dict[str, str | None]:
        """Prepare for a query: take its id, each operator's parent in the plan, and the settings to run it with.

        ``most``: what the cluster may have at most, as :class:`daftnb.engine.actor.trimming.Most` has it; None: not
        known. ``gpus``: which GPUs its tasks ask for, by the operators that run UDFs in them; None: not known.
        ``lacks``: why its tasks wait, though not for workers, if no node has what they ask for.

        The settings are put where the scheduler reads them, this process's environment; the values that then stand
        there are returned. While another query runs, what the scheduler would read in its midst stays as it is.
        """
        self.drop_ended()
        self.tap.most = None if most is None else Most(*most)
        self.tap.announce(index, query_id, parents)
        with self.tap.lock:
            query = self.tap.query(index)
            query.gpus, query.lacks = gpus, lacks
        for name, value in environment.items():
            if name in READ_ONCE or not self.actor.curr_result_gens:
                self.environment_before.setdefault(name, os.environ.get(name))
                os.environ[name] = value
        self.pool.watch()
        stands = {name: os.environ.get(name) for name in environment}
        return stands if self.requests is not None else {**stands, GROWTH: STEP}

    def begin(self, plan_id: str, preparation: Any, arguments: list[Any]) -> tuple[Any, Callable[[], Any]]:
        """Prepare for a query and start it; return its stream, and what gives, once, what became of its settings.

        ``preparation``: the arguments of :meth:`prepare`; None where there is nothing to prepare. ``arguments`` are
        those of ``run_plan``, the sets of partitions as rows. What goes wrong as the plan starts is the query's.
        """
        if preparation is not None:
            self.prepared(plan_id, preparation)
        plan, sets, *others = arguments
        self.actor.run_plan(plan, {key: PartitionSet(parts) for key, parts in sets.items()}, *others)
        return self.streams[plan_id], lambda: self.begun.pop(plan_id, None)

    def prepared(self, plan_id: str, preparation: Any) -> None:
        """Prepare for a query; note its id, what it asked for, and what is in effect, or else why it is not."""
        _, query_id, _, asked, *_ = preparation
        try:
            self.begun[plan_id] = (query_id, asked, self.prepare(*preparation), "")
        except Exception as error:
            self.begun[plan_id] = (query_id, asked, None, f"{type(error).__name__}: {error}"[:300])

    def ended(self, plan_id: str, calls: bool) -> dict[str, Any]:
        """Return what a query's end is to tell: its statistics, and the last of what its functions did.

        ``calls``: it calls some. That is the end of the query here, as ``get_next_partition`` has it.
        """
        stats = self.streams[plan_id].finish()
        figures = self.guarded("figures of functions", lambda: self.last_figures(int(plan_id))) if calls else None
        self.actor.curr_plans.pop(plan_id, None)
        self.streams.pop(plan_id, None)
        self.begun.pop(plan_id, None)
        return {"stats": stats, "figures": figures or []}

    def answers(self) -> bool:
        """Return True: who asks wants to know that this process lives."""
        return True

    def set_worker_variables(self, values: dict[str, str | None]) -> int:
        """Take the variables of the environment for workers that start from now on, all of them; None unsets one.

        The engine reads them in its workers, some only once there. Returns how many workers live that have others.
        """
        self.pool.variables = dict(values)
        return self.pool.with_others()

    def drain(self, seen: int, seen_tasks: int, with_nodes: bool = False, with_devices: bool = False) -> dict[str, Any]:
        """Return what the tap recorded after so many events and tasks, the operators' statistics, and Ray's nodes.

        ``with_devices``: the GPUs of the nodes' machines are read, too.
        """
        self.drop_ended()
        nodes = self.nodes() if with_nodes else None
        stats = self.operator_stats()
        usage: list[Any] = []
        if with_nodes and self.with_usage:
            devices = self.guarded("use of GPUs", self.devices.look) if with_devices and self.with_devices else None
            usage = self.guarded("usage of nodes", lambda: self.usage.rows(devices or {})) or []
        launches = None
        if with_nodes and self.with_launches:
            launches = self.guarded("launches of nodes", lambda: self.launches.row(bool(self.actor.curr_result_gens)))
        functions = self.guarded("figures of functions", self.metering.drain) or []
        told = self.tap.drain(seen, seen_tasks)
        return {
            **told,
            "nodes": nodes,
            "usage": usage,
            "stats": stats,
            "launches": launches,
            "functions": functions,
            "begun": self.told_begun(),
        }

    def told_begun(self) -> list[tuple[Any, ...]]:
        """Return what became of the settings of queries since it was told last."""
        begun, self.begun = list(self.begun.values()), {}
        return begun

    def report(self, told: list[Any], faults: dict[str, int], queues: dict[str, int]) -> float:
        """Take what a worker or an actor has counted of functions; return after how many seconds it may tell more."""
        return self.metering.report(told, faults, queues)

    def last_figures(self, index: int) -> list[tuple[Any, ...]]:
        """Return the last of what a query's functions did, asked of the workers."""
        return self.metering.last(index)

    def whereabouts(self) -> tuple[str, list[str]]:
        """Return where the cluster's processes run: this one's folder, and the names of the machines."""
        import ray

        return os.getcwd(), sorted({node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]})

    def resources(self) -> list[dict[str, float]]:
        """Return the total resources of each node that is alive, by Ray's names."""
        import ray

        return [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]

    def nodes(self) -> list[tuple[str, int, int, bool, float]]:
        """Return Ray's list of the nodes that are alive: id, CPUs, memory in bytes, whether it is the head, GPUs.

        Asked for about once a second (1 ms), and here rather than in the kernel: where the head has died, Ray's call
        does not return, and Ray ends the process that made it.
        """
        import ray

        return [
            (
                node["NodeID"],
                int(node["Resources"].get("CPU", 0)),
                int(node["Resources"].get("memory", 0)),
                "node:__internal_head__" in node["Resources"],
                float(node["Resources"].get("GPU", 0)),
            )
            for node in ray.nodes()
            if node["Alive"]
        ]

    def guarded(self, what: str, ask: Callable[[], Any]) -> Any:
        """Return what Ray says; where that goes wrong, report it and return None, so that no counts are lost."""
        try:
            return ask()
        except Exception as error:
            self.tap.fault(what, error)
            return None

    def operator_stats(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return rows, bytes and time of each operator of the queries that run, from the engine's own accumulators.

        ``finish()`` of a result stream exports them at any time (about 0.3 ms). It also tells Daft's own dashboard
        and event log that the operators ended, so it is left alone where one of those is in use.
        """
        if own_dashboard() or not self.with_stats:
            return []
        found = []
        for plan_id, stream in list(self.actor.curr_result_gens.items()):
            query = self.tap.queries.get(int(plan_id))
            if query is not None:
                found.append((query.id, stats_rows(stream.finish())))
        return found

    def cancel(self, index: int) -> list[dict[str, Any]]:
        """End a query: start no more tasks of it, and cancel those that run, where Ray can.

        Its stream is not dropped: that aborts its scheduler, and to the engine's workers the tasks that ran then stay
        active for ever, their slots taken. One of its tasks fails instead: the engine then cancels the others, marks
        them all done, and goes through the end of a query as always. Returns its operators' last statistics; harmless
        for a query that has ended.
        """
        stream = self.streams.cancel(str(index))
        self.orders.drop(str(index))
        self.actor.curr_plans.pop(str(index), None)
        if stream is None:
            return []
        rows = stats_rows(stream.finish()) if self.with_stats and not own_dashboard() else []
        query = self.tap.query(index)
        query.cancelled = True
        running = self.tasks_of(query)
        self.tap.closed({index})
        if running:
            query.failed = True
            running[0].cancel()
        elif not any(worker.held for worker in self.tap.workers.values()):
            stream.drop()  # without workers it would wait for ever; nothing of it can be running
            if rules.read().downscale:
                self.withdraw()
        self.pool.watch()
        return rows

    def tasks_of(self, query: Query) -> list[Any]:
        """Return the handles of a query's tasks that run."""
        found = []
        for task in list(self.tasks.values()):
            run: Run | None = task._daftnb
            if run is not None and run.stage.query is query:
                found.append(task)
        return found

    def drop_ended(self) -> None:
        """See cancelled queries to their end; their schedulers end by themselves, at their next tick at the latest."""
        now = time.monotonic()
        for plan_id, stream in list(self.streams.ending.items()):
            waited = now - (stream.cancelled or now)
            if waited > LINGER_SECONDS:
                for task in self.tasks_of(self.tap.query(int(plan_id))):
                    task.cancel()
            if waited > DRAIN_SECONDS:
                if stream.reader is None or not stream.reader.done():
                    stream.drop()
                del self.streams.ending[plan_id]
                self.orders.open.pop(plan_id, None)

    def withdraw(self) -> None:
        """Withdraw what was requested of Ray, if a request still stands."""
        from daft.runners import flotilla

        if self.tap.demand:
            flotilla.clear_autoscaling_requests()

    # -- in and out ---------------------------------------------------------------------------------------------------

    def patch(self, owner: Any, name: str, replacement: Any) -> None:
        """Replace an attribute, to be put back by :meth:`uninstall`."""
        self.undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, replacement)

    def uninstall(self) -> None:
        """Put everything back as Daft made it; a query that runs goes on untapped."""
        running = dict(self.streams)
        while self.undo:
            owner, name, original = self.undo.pop()
            setattr(owner, name, original)
        if self.orders.open:  # a query is under way whose kernel goes on with orders
            self.streams.kept = True
            self.actor.curr_result_gens = self.streams
        else:
            self.actor.curr_result_gens.clear()
            self.actor.curr_result_gens.update(running)
        self.pool.close()
        if self.requests is not None:
            self.requests.close()
        variables.put(self.environment_before)
        for name in (ATTRIBUTE, DOOR):
            delattr(self.actor, name)
