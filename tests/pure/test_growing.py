"""How much one request asks for: never less than the engine, never more than the cluster may have or the setting calls
for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daftnb.engine.actor import growing, rules
from daftnb.engine.actor.growing import DOUBLE, MOST_BUNDLES, NEEDED, STEP, called_for, grow, target
from daftnb.engine.actor.tap import cpus_of
from daftnb.engine.actor.trimming import Most, within
from daftnb.settings import GROWTH, WAYS

ONE = {"CPU": 1}
PENDING = st.integers(0, 100_000)
THRESHOLDS = st.one_of(st.floats(1.0, 16.0), st.floats(1.0, 1e300))
CPUS = st.integers(0, 3_000)
ENGINES = st.integers(1, 200)


def test_the_words_are_those_of_the_setting() -> None:
    assert (STEP, NEEDED, DOUBLE) == WAYS
    assert GROWTH.env == growing.GROWTH
    assert rules.read({}).growth == GROWTH.default == STEP
    assert rules.read({"DAFTNB_GROWTH": "needed"}).growth == NEEDED


@pytest.mark.parametrize(
    ("pending", "threshold", "cpus"),
    [
        (0, 1.25, 0),
        (1, 1.25, 1),
        (5, 1.25, 4),
        (6, 1.25, 5),
        (139, 1.25, 112),
        (10, 1.0, 10),
        (7, 1e300, 1),
        (3, 0.1, 30),
    ],
)
def test_the_fewest_cpus_that_the_threshold_calls_for(pending: int, threshold: float, cpus: int) -> None:
    assert called_for(pending, threshold) == cpus


@given(PENDING, THRESHOLDS)
def test_one_cpu_fewer_would_not_do(pending: int, threshold: float) -> None:
    cpus = called_for(pending, threshold)
    assert (cpus == 0) == (pending == 0)
    if cpus:
        assert pending / cpus <= threshold, "the engine would ask for no more"
        assert cpus == 1 or pending / (cpus - 1) > threshold


@given(st.sampled_from(WAYS), ENGINES, PENDING, PENDING, THRESHOLDS, CPUS)
def test_a_request_is_between_the_engines_and_what_is_called_for(
    way: str, by_engine: int, pending: int, more: int, threshold: float, standing: int
) -> None:
    found = target(way, by_engine, pending, threshold, standing)
    assert found >= by_engine
    assert found <= max(by_engine, standing, called_for(pending, threshold))
    assert target(way, by_engine, pending + more, threshold, standing) >= found, "more waits, no less is asked for"
    assert target(way, by_engine + 1, pending, threshold, standing) >= found
    if way == STEP:
        assert found == by_engine
    else:
        assert found >= standing, "what is asked for is not taken back"
    double, needed = (target(each, by_engine, pending, threshold, standing) for each in (DOUBLE, NEEDED))
    assert double <= needed
    assert double <= max(by_engine, 2 * standing)


@given(st.lists(st.tuples(ENGINES, PENDING), min_size=1, max_size=10), THRESHOLDS)
def test_doubling_never_overtakes_asking_for_all(calls: list[tuple[int, int]], threshold: float) -> None:
    stand = {DOUBLE: 0, NEEDED: 0}
    for by_engine, pending in calls:
        stand = {way: target(way, by_engine, pending, threshold, standing) for way, standing in stand.items()}
        assert stand[DOUBLE] <= stand[NEEDED]


BUNDLES = st.lists(
    st.fixed_dictionaries(
        {"CPU": st.integers(0, 4)}, optional={"memory": st.integers(1, 50), "GPU": st.integers(0, 1)}
    ),
    min_size=1,
    max_size=8,
)
KINDS = st.lists(
    st.tuples(
        st.fixed_dictionaries({"CPU": st.integers(1, 16)}, optional={"memory": st.just(200.0)}), st.integers(0, 9)
    ),
    max_size=3,
)


@given(BUNDLES, st.sampled_from(WAYS), st.integers(0, 300), THRESHOLDS, st.integers(0, 200), st.none() | KINDS)
@example([{"CPU": 1}, {"CPU": 1, "memory": 1}], NEEDED, 0, 1.0, 3, [({"CPU": 1}, 2)])
def test_the_engines_bundles_come_first_and_what_is_added_fits(
    bundles: list[dict[str, int]], way: str, pending: int, threshold: float, standing: int, kinds: Any
) -> None:
    most = None if kinds is None else Most(tuple(kinds))
    found = grow(bundles, way, pending, threshold, standing, most)
    added = found[len(bundles) :]
    assert found[: len(bundles)] == bundles
    assert all(bundle in bundles and bundle["CPU"] for bundle in added)
    assert len(found) <= MOST_BUNDLES
    wanted = target(way, cpus_of(bundles), pending, threshold, standing)
    assert not added or cpus_of(found[:-1]) < wanted, "none is one too many"
    if any(bundle.get("GPU") for bundle in bundles) or way == STEP:
        assert not added
    if kinds is not None and added:
        assert cpus_of(added) <= sum(kind["CPU"] * count for kind, count in kinds)
        if within(bundles, most) == bundles:
            assert within(found, most) == found, "nothing of it is trimmed"


@pytest.mark.parametrize(
    ("bundles", "way", "pending", "standing", "most", "cpus"),
    [
        ([ONE] * 2, STEP, 139, 0, None, 2),
        ([ONE] * 2, NEEDED, 139, 0, None, 112),
        ([ONE] * 2, NEEDED, 139, 0, Most((({"CPU": 1}, 6),)), 6),
        ([ONE] * 2, NEEDED, 139, 0, Most((({"CPU": 8}, 5),), 2), 16),
        (
            [ONE] * 9,
            NEEDED,
            139,
            0,
            Most((({"CPU": 1}, 6),)),
            9,
        ),  # the engine's own, trimmed later
        ([ONE] * 3, NEEDED, 4, 6, None, 6),  # what stands is not taken back
        ([ONE] * 2, DOUBLE, 139, 0, None, 2),
        ([ONE] * 3, DOUBLE, 139, 2, None, 4),
        ([ONE] * 3, DOUBLE, 4, 2, None, 4),
        ([ONE] * 3, DOUBLE, 139, 4, Most((({"CPU": 1}, 6),)), 6),
        ([{"CPU": 2, "memory": 9}], NEEDED, 10, 0, None, 8),
        ([{"CPU": 3}], NEEDED, 10, 0, None, 9),  # in whole bundles, as the engine's
        ([{"CPU": 1, "GPU": 1}], NEEDED, 139, 0, None, 1),  # nodes with GPUs are dear
        ([ONE, {"CPU": 1, "GPU": 1}], DOUBLE, 139, 40, None, 2),
        ([{"CPU": 0, "memory": 9}], NEEDED, 139, 0, None, 0),
        ([{"CPU": 4}], NEEDED, 139, 0, Most((({"CPU": 2}, 6),)), 4),  # no node ever has it: for Ray to say
        ([ONE], NEEDED, 100_000, 0, None, MOST_BUNDLES),
    ],
)
def test_what_is_asked_for(
    bundles: list[dict[str, int]], way: str, pending: int, standing: int, most: Most | None, cpus: int
) -> None:
    assert cpus_of(grow(bundles, way, pending, 1.25, standing, most)) == cpus
