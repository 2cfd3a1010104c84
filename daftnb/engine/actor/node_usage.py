"""Reads what nodes use from Ray, in the runner actor: about once a second, all nodes in one call.

- Object store: what Ray gives as available of ``object_store_memory`` follows the store's true use
  (``src/ray/raylet/scheduling/local_resource_manager.cc``), so used is total less available.
- GPUs: likewise total less available, which is what actors and Ray's own tasks hold. Daft's scheduler does not ask Ray
  for its tasks' GPUs, so these are not among them.
- Memory: Ray's ``memory`` is what was reserved, not what is used, so each worker's process is asked for its resident
  set, a few in turn, and what has not answered by the next look is left out.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from daftnb.engine.actor.warm import Pool

ASKED_AT_ONCE = 50  # workers per look: all of a thousand in 20 s
Handle = TypeVar("Handle")


def resident_bytes(_actor: Any) -> int:
    """Return the resident set of the worker's process that runs this, in bytes (``/proc``; 0 where there is none)."""
    import os

    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class NodeUsage:
    """The latest usage of every node that has a worker."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.asked: dict[str, Any] = {}  # by worker, the answer to come
        self.resident: dict[str, int] = {}
        self.turn = 0

    def rows(self, devices: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return a row for each node that has had a worker, or has GPUs.

        A row: id, memory used (by its worker's process) and in all, object store used and in all, all in bytes, GPUs
        that are held, and its devices (``devices``, by node) as far as they are known.
        """
        import ray
        from ray._private.state import available_resources_per_node

        self.collect(ray)
        # Nodes come and go, each with an id of its own.
        for gone in self.resident.keys() - self.pool.tap.workers.keys():
            del self.resident[gone]
        self.ask()
        available = available_resources_per_node()
        found = []
        for node in ray.nodes():
            node_id = node["NodeID"]
            gpus = node["Resources"].get("GPU", 0)
            if not node["Alive"] or (node_id not in self.pool.tap.workers and not gpus):
                continue
            of_node = available.get(node_id)
            # What is taken as a whole is not in Ray's answer.
            held = None if of_node is None else round(gpus - of_node.get("GPU", 0), 4)
            store = node["Resources"].get("object_store_memory")
            free = (of_node or {}).get("object_store_memory")
            used = None if store is None or free is None else max(0, int(store - free))
            memory = node["Resources"].get("memory")
            figures = (self.resident.get(node_id), whole(memory), used, whole(store))
            found.append((node_id, *figures, held, (devices or {}).get(node_id)))
        return found

    def ask(self) -> None:
        """Ask the next few workers for their resident sets; the answers are collected at the next look."""
        with self.pool.tap.lock:
            handles = [*self.pool.held.items(), *self.pool.warm.items()]
            known = self.pool.tap.workers
            handles = [(id_, handle) for id_, handle in handles if id_ in known and known[id_].alive]
        turn, self.turn = in_turn(handles, self.turn, ASKED_AT_ONCE)
        for worker_id, handle in turn:
            if worker_id not in self.asked:
                self.asked[worker_id] = handle.actor_handle.__ray_call__.remote(resident_bytes)

    def collect(self, ray: Any) -> None:
        """Collect the answers that have come; a worker that died has none."""
        if not self.asked:
            return
        ready, _ = ray.wait(list(self.asked.values()), num_returns=len(self.asked), timeout=0)
        come = set(ready)
        for worker_id, ref in list(self.asked.items()):
            if ref in come:
                del self.asked[worker_id]
                try:
                    self.resident[worker_id] = ray.get(ref) or self.resident.get(worker_id, 0)
                except ray.exceptions.RayError:
                    self.resident.pop(worker_id, None)


def in_turn(handles: Sequence[Handle], start: int, most: int) -> tuple[list[Handle], int]:
    """Return at most so many handles, from number ``start`` on and round again, and where the next turn starts."""
    if not handles:
        return [], 0
    start %= len(handles)
    turn = [*handles[start:], *handles[:start]][:most]
    return turn, start + len(turn)


def whole(value: float | None) -> int | None:
    """Return an amount as a whole number; None where it is not known."""
    return None if value is None else int(value)
