"""A request is trimmed to the most that the cluster may have, so that an autoscaler that drops it whole never does."""

from __future__ import annotations

from typing import Any

import pytest

from daftnb.engine.actor.tap import Tap
from daftnb.engine.actor.trimming import Most, within

ONE = {"CPU": 1}
SMALL, LARGE = {"CPU": 2}, {"CPU": 8, "GPU": 1, "memory": 100.0}
FULL = {"CPU": 1, "GPU": 0, "memory": 0}  # amounts of nothing ask for nothing


@pytest.mark.parametrize(
    ("bundles", "most", "sent"),
    [
        ([ONE] * 12, None, 12),
        ([ONE] * 12, Most(((SMALL, 4),)), 8),
        ([FULL] * 12, Most(((SMALL, 4),)), 12 - 4),
        ([ONE] * 8, Most(((SMALL, 4),)), 8),
        ([ONE] * 12, Most(((SMALL, 4),), 3), 6),
        ([ONE] * 12, Most(((SMALL, 4),), None, ({"CPU": 3, "node:__internal_head__": 1.0},)), 11),
        ([ONE] * 12, Most(((SMALL, 4),), 0, ({"CPU": 3},)), 3),
        ([ONE] * 99, Most(((SMALL, 4), (LARGE, 2)), 3), 18),  # the largest kinds first
        ([{"CPU": 3}] * 9, Most(((LARGE, 2),)), 4),  # 2 on each, not 16 ÷ 3
        ([{"CPU": 3}] * 9, Most(((SMALL, 9),)), 9),  # no node ever has it: for Ray to say
        ([{"GPU": 1}] * 9, Most(((SMALL, 9), (LARGE, 2))), 2),
        ([{"CPU": 1, "memory": 40}] * 9, Most(((LARGE, 2),)), 4),
        ([{"CPU": 1, "memory": 40}] * 9, Most(((SMALL, 2),)), 4),  # what memory it has is not known
        ([{"TPU": 4}, ONE], Most(((SMALL, 1),)), 1),
        ([], Most(((SMALL, 1),)), 0),
        ([ONE] * 3, Most(()), 3),
    ],
)
def test_what_is_sent(bundles: list[dict[str, int]], most: Most | None, sent: int) -> None:
    assert len(within(bundles, most)) == sent


def test_shapes_share_the_nodes_and_keep_their_order() -> None:
    bundles: list[dict[str, int]] = [{"CPU": 1}, {"CPU": 6}, {"CPU": 1}, {"CPU": 6}, {"CPU": 1}, {"CPU": 1}, {"CPU": 6}]
    most = Most((({"CPU": 8}, 2),))
    assert within(bundles, most) == [{"CPU": 1}, {"CPU": 6}, {"CPU": 1}, {"CPU": 6}, {"CPU": 1}, {"CPU": 1}]
    assert within([{"CPU": 1}, {"CPU": 4}] * 40, most) == [{"CPU": 4}] * 4
    many: list[Any] = [{"CPU": 1}, {"CPU": 2}, {"CPU": 3}] * 100_000  # by kinds and shapes, not by nodes
    kept = within(many, Most((({"CPU": 7}, 20_000),), 10_000))
    assert [kept.count({"CPU": cpus}) for cpus in (3, 2, 1)] == [20_000, 0, 10_000]


def test_the_tap_tells_what_was_asked_and_what_was_sent() -> None:
    tap = Tap()
    tap.requested([ONE] * 3, [ONE] * 3)
    tap.requested([ONE] * 12, [ONE] * 8)
    drained = tap.drain(0, 0)
    assert [event[2:] for event in drained["events"] if event[0] == "request"] == [(3, 3, 0, 0), (12, 12, 0, 0, 8, 8)]
    assert drained["asked"][1:] == (12, 12, 0, 0, 8, 8)
    assert tap.demand == 12, "the engine's own rules go by what it asked"
