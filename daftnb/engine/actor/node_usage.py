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

from collections.abc import Mapping
from typing import Any

from daftnb.engine.actor.asking import Survey
from daftnb.engine.actor.warm import Pool


def resident_bytes(_actor: Any) -> int | None:
    """Return the resident set of the worker's process that runs this, in bytes; None where there is no ``/proc``."""
    import os

    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


class NodeUsage:
    """The latest usage of every node that has a worker."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.resident = Survey(pool, resident_bytes)

    def rows(self, devices: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return a row for each node that has had a worker, or has GPUs.

        A row: id, memory used (by its worker's process) and in all, object store used and in all, all in bytes, GPUs
        that are held, and its devices (``devices``, by node) as far as they are known.
        """
        import ray
        from ray._private.state import available_resources_per_node

        self.resident.look()
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
            figures = (self.resident.latest.get(node_id), whole(memory), used, whole(store))
            found.append((node_id, *figures, held, (devices or {}).get(node_id)))
        return found


def whole(value: float | None) -> int | None:
    """Return an amount as a whole number; None where it is not known."""
    return None if value is None else int(value)
