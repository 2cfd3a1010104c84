"""The pools of actors that UDFs run in: how many were asked of Ray, how many it gave, and what was missing.

Part of what is sent to the runner actor by value (:mod:`daftnb.engine.actor.tap`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

MEMORY = "memory"  # in bytes, as Ray's nodes call it
Amounts = dict[str, float]


class UdfPool(NamedTuple):
    """The actors of one UDF in one query.

    ``there``: how many there are; ``awaited``: for how many the query waits, at most ``limit`` seconds. ``asked``: of
    Ray, in all; ``function``: what Daft calls it; ``each``: the resources that one of them asks for, by name. ``fits``:
    how many of all the nodes have room for, if nothing else ran; ``lack``: the resources that are missing for the
    others. ``waited``: seconds until the query went on; None while it waits.
    """

    there: int = 0
    awaited: int = 0
    limit: float = 0.0
    asked: int = 0
    function: str = ""
    each: tuple[tuple[str, float], ...] = ()
    fits: int | None = None
    lack: tuple[tuple[str, float], ...] = ()
    waited: float | None = None


def resources_of(given: Mapping[str, Any]) -> Amounts:
    """Return what one actor asks for, by the arguments of Daft's ``start_udf_actors``: ``ray_options`` come first."""
    options = given.get("ray_options") or {}
    asked = {
        "CPU": options.get("num_cpus", given.get("num_cpus_per_actor")),
        "GPU": options.get("num_gpus", given.get("num_gpus_per_actor")),
        MEMORY: options.get(MEMORY, given.get("memory_per_actor")),
        **(options.get("resources") or {}),
    }
    return {name: float(amount) for name, amount in asked.items() if amount}


def room(nodes: Iterable[Mapping[str, float]], actors: int, each: Amounts) -> tuple[int, Amounts]:
    """Return how many of so many actors the nodes have room for, and which resources are missing for all of them.

    ``nodes``: the resources of each node; ``each``: those that one actor asks for.
    """
    nodes = list(nodes)
    if not each:
        return actors, {}
    # A little more: 0.1 GPU ten times is one GPU.
    fits = sum(min(int(node.get(name, 0.0) / amount + 1e-6) for name, amount in each.items()) for node in nodes)
    total = {name: sum(node.get(name, 0.0) for node in nodes) for name in each}
    lack = {name: actors * amount - total[name] for name, amount in each.items() if actors * amount > total[name]}
    return min(actors, fits), lack if fits < actors else {}


class UdfPools:
    """All pools of the queries that are kept; the tap's lock guards it."""

    def __init__(self) -> None:
        self.whose: dict[int, tuple[str, str]] = {}  # by the id of an actor's handle, its query and the UDF
        self.pools: dict[tuple[str, str], UdfPool] = {}  # also of those that have ended

    def awaited(self, query_id: str, name: str, pool: UdfPool) -> None:
        """Note that a query waits for the actors of a UDF."""
        self.pools[query_id, name] = pool

    def started(
        self, query_id: str, name: str, actors: list[Any], waited: float, fits: int | None, lack: Amounts
    ) -> UdfPool:
        """Note the actors that have started, and what was missing for more; an empty list: their start failed.

        Returns the pool as it is now.
        """
        self.whose.update((id(actor), (query_id, name)) for actor in actors)
        pool = self.pools.get((query_id, name), UdfPool())
        if len(actors) < pool.asked:
            pool = pool._replace(fits=fits, lack=tuple(lack.items()))
        else:  # what was missing at first has come
            pool = pool._replace(fits=pool.asked, lack=())
        self.pools[query_id, name] = pool._replace(awaited=0, waited=waited)
        self.count(query_id, name)
        return self.pools[query_id, name]

    def ended(self, actor: Any) -> None:
        """Note that an actor was ended."""
        whose = self.whose.pop(id(actor), None)
        if whose is not None:
            self.count(*whose)

    def count(self, *whose: str) -> None:
        query_id, name = whose
        there = sum(1 for each in self.whose.values() if each == whose)
        self.pools[query_id, name] = self.pools.get((query_id, name), UdfPool())._replace(there=there)

    def forget(self, query_id: str) -> None:
        """Forget the pools of a query."""
        self.pools = {whose: pool for whose, pool in self.pools.items() if whose[0] != query_id}

    def rows(self) -> list[tuple[Any, ...]]:
        """Return each pool as plain values: its query, the UDF, and what is known of it."""
        return [(*whose, *pool) for whose, pool in self.pools.items()]
