"""Decides how much one request asks Ray for: as much as the engine does, or more at once. It is pure.

Daft asks for one bundle more than it ever did (``RayWorkerManager::try_autoscale``, ``python/ray/worker_manager.rs``),
once per autoscaler interval: with the interval of 5 s and nodes of 8 CPUs, one node comes every 40 s. It counts what it
asked for by itself, whatever is made of it here.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence

from daftnb.engine.actor.trimming import Most, that_fit

GROWTH = "DAFTNB_GROWTH"  # the setting's environment variable
STEP, NEEDED, DOUBLE = "step", "needed", "double"
# Ray's first autoscaler looks at each bundle beside each node, in Python and at every update.
MOST_BUNDLES = 4096


def called_for(pending: int, threshold: float) -> int:
    """Return the fewest CPUs with which pending ÷ CPUs is not above the threshold.

    The division is the engine's (``DefaultScheduler::needs_autoscaling``, ``scheduling/scheduler/default.rs``): the
    quotient here may be a hair beside it.
    """
    if pending <= 0:
        return 0
    cpus = max(1, math.ceil(pending / threshold))
    while cpus > 1 and pending / (cpus - 1) <= threshold:
        cpus -= 1
    while pending / cpus > threshold:
        cpus += 1
    return cpus


def target(way: str, by_engine: int, pending: int, threshold: float, standing: int) -> int:
    """Return the CPUs that a request asks for in all; never fewer than the engine does (``by_engine``).

    ``way``: the setting. ``standing``: the CPUs that are asked for already; no other request than the engine's own asks
    for fewer, as the engine's never do until what was asked is withdrawn.
    """
    if way not in (NEEDED, DOUBLE):
        return by_engine
    needed = max(by_engine, called_for(pending, threshold))
    wanted = needed if way == NEEDED else min(needed, max(by_engine, 2 * standing))
    return max(wanted, standing)


def grow(
    bundles: Sequence[dict[str, int]], way: str, pending: int, threshold: float, standing: int, most: Most | None
) -> list[dict[str, int]]:
    """Return the engine's bundles, and as many more like them as the setting has it and the cluster may have.

    A request with GPUs stays as it is: the ratio counts CPUs alone, and nodes with GPUs are dear. So does one without
    CPUs. ``most``: None where it is not known.
    """
    by_engine = sum(bundle.get("CPU", 0) for bundle in bundles)
    more = target(way, by_engine, pending, threshold, standing) - by_engine
    if more <= 0 or not by_engine or any(bundle.get("GPU") for bundle in bundles):
        return list(bundles)
    added: list[dict[str, int]] = []
    for bundle in itertools.cycle([bundle for bundle in bundles if bundle.get("CPU")]):
        if more <= 0 or len(bundles) + len(added) >= MOST_BUNDLES:
            break
        added.append(dict(bundle))
        more -= bundle["CPU"]
    return [*bundles, *_that_fit(bundles, added, most)]


def _that_fit(
    bundles: Sequence[dict[str, int]], added: Sequence[dict[str, int]], most: Most | None
) -> list[dict[str, int]]:
    """Return as many of the added bundles as the cluster may have beside the others; all where that is not known.

    None of the engine's own gives way to one that is added.
    """
    if most is None:
        return list(added)
    by_engine = len(that_fit(bundles, most))

    def is_too_many(count: int) -> bool:
        return len(that_fit([*bundles, *added[:count]], most)) < by_engine + count

    return list(added[: bisect.bisect_left(range(1, len(added) + 1), True, key=is_too_many)])
