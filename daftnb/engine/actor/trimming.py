"""Trims a request for resources to what the cluster may have at most, which is pure.

Ray's second autoscaler drops a request as a whole where it cannot meet all of it (``_enforce_resource_constraints`` in
``ray/autoscaler/v2/scheduler.py``); the first gives what it has. Daft asks for one CPU more each time, beyond any
maximum. A request that is trimmed has the same effect under both: the cluster grows to its maximum.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Resources = Mapping[str, float]
Shape = tuple[tuple[str, float], ...]  # of a bundle: its amounts by their names, sorted


class Most(NamedTuple):
    """What a cluster may have at most.

    ``kinds``: the kinds of nodes that may be started, each with its resources and how many of it there may be;
    ``nodes``: how many of all kinds together, None for as many as the kinds say; ``standing``: the resources of nodes
    that are there besides, such as the head.
    """

    kinds: tuple[tuple[Resources, int], ...]
    nodes: int | None = None
    standing: tuple[Resources, ...] = ()


def within(bundles: Sequence[Mapping[str, int]], most: Most | None) -> list[Mapping[str, int]]:
    """Return the bundles that fit into the most that the cluster may have, in their order.

    All of them where the maximum is not known, and where none fits: what no node can ever have is for Ray to say.
    """
    if most is None:
        return list(bundles)
    return that_fit(bundles, most) or list(bundles)


def that_fit(bundles: Sequence[Mapping[str, int]], most: Most) -> list[Mapping[str, int]]:
    """Return the bundles that fit into the most that the cluster may have, in their order; none where none does."""
    left = fitting(Counter(map(shape_of, bundles)), most)
    kept = []
    for bundle in bundles:
        shape = shape_of(bundle)
        if left[shape] > 0:
            left[shape] -= 1
            kept.append(bundle)
    return kept


def shape_of(bundle: Mapping[str, int]) -> Shape:
    """Return what a bundle asks for, in an order of its own."""
    return tuple(sorted((name, amount) for name, amount in bundle.items() if amount))


def fitting(wanted: Counter[Shape], most: Most) -> dict[Shape, int]:
    """Return how many bundles of each shape fit, the largest shapes first.

    A group of nodes that are alike is one entry, so that the work depends on kinds and shapes, never on nodes.
    """
    opened: list[tuple[Resources, int]] = [(node, 1) for node in most.standing]
    closed = sorted(most.kinds, key=lambda kind: kind[0].get("CPU", 0), reverse=True)
    nodes = most.nodes
    found: dict[Shape, int] = {}
    for shape in sorted(wanted, key=lambda shape: max((amount for _, amount in shape), default=0), reverse=True):
        opened, count = _place(shape, wanted[shape], opened)
        still: list[tuple[Resources, int]] = []
        for resources, there in closed:
            may_open = there if nodes is None else min(there, nodes)
            used, placed = _place(shape, wanted[shape] - count, [(resources, may_open)])
            fresh = sum(number for node, number in used if node is not resources)
            opened += [(node, number) for node, number in used if node is not resources]
            still.append((resources, there - fresh))
            nodes = None if nodes is None else nodes - fresh
            count += placed
        closed = still
        found[shape] = count
    return found


def _place(
    shape: Shape, wanted: int, groups: Iterable[tuple[Resources, int]]
) -> tuple[list[tuple[Resources, int]], int]:
    """Place up to ``wanted`` bundles on groups of nodes; return the groups with what is left, and how many fitted.

    A node that was given nothing is the same object still.
    """
    rest: list[tuple[Resources, int]] = []
    placed = 0
    for free, number in groups:
        each = _holds(free, shape, wanted - placed)
        taken = min(wanted - placed, each * number)
        placed += taken
        full, part = divmod(taken, each) if each else (0, 0)
        for bundles, nodes in ((each, full), (part, 1 if part else 0), (0, number - full - (1 if part else 0))):
            if nodes > 0:
                rest.append((_less(free, shape, bundles) if bundles else free, nodes))
    return rest, placed


def _holds(free: Resources, shape: Shape, at_most: int) -> int:
    """Return how many bundles a node holds. Memory that is not given of a node does not limit it."""
    rooms = [int(free.get(name, 0) // amount) for name, amount in shape if name in free or name != "memory"]
    return max(0, min([at_most, *rooms]))


def _less(free: Resources, shape: Shape, bundles: int) -> Resources:
    taken = dict(shape)
    return {name: amount - taken.get(name, 0) * bundles for name, amount in free.items()}
