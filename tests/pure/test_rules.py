"""The rules of scaling, by hand."""

from __future__ import annotations

import pytest

from daftnb.engine.actor.counts import Worker
from daftnb.engine.actor.rules import LATEST, Outlook, Rules, hold_reason, outlook, read
from daftnb.telemetry import codec

RULES = Rules(True, 60.0, 1, 1.25, False, 5.0, 120.0)


def pool(**idle_since: float | None) -> dict[str, Worker]:
    workers = {}
    for name, since in idle_since.items():
        workers[name] = Worker(1, 1, 0.0)
        workers[name].idle_since = since
    return workers


def test_the_longest_idle_goes_first_and_the_survivors_stay() -> None:
    found = outlook(pool(a=10.0, b=5.0, c=20.0, d=None), RULES, None)
    # Four live and one survives, so three may go; the busy one is none of them now, and counts as alive.
    assert found == {
        "a": Outlook(70.0, "after 60 s idle"),
        "b": Outlook(65.0, "after 60 s idle"),
        "c": Outlook(80.0, "after 60 s idle"),
        "d": Outlook(None, ""),
    }
    found = outlook(pool(a=10.0, b=5.0, c=20.0), RULES._replace(survivors=2), None)
    assert [found[name].rule for name in "abc"] == ["survivor", "after 60 s idle", "survivor"]


def test_the_heads_worker_counts_and_stays() -> None:
    found = outlook(pool(head=1.0, a=10.0), RULES, "head")
    assert found == {"head": Outlook(None, "head node"), "a": Outlook(70.0, "after 60 s idle")}
    assert outlook(pool(head=1.0, a=10.0), RULES, "".join(["he", "ad"])) == found, "as Ray names it, each time anew"
    assert outlook(pool(a=10.0), RULES._replace(survivors=0), "head") == {"a": Outlook(70.0, "after 60 s idle")}


def test_with_fewer_workers_than_survivors_all_stay() -> None:
    found = outlook(pool(a=10.0, b=5.0), RULES._replace(survivors=4), None)
    assert found == {"a": Outlook(None, "survivor"), "b": Outlook(None, "survivor")}


def test_an_end_that_no_calendar_can_show_is_none() -> None:
    found = outlook(pool(a=10.0, b=5.0), RULES._replace(idle_seconds=9223372036854775807.0), None)
    assert {each.retires_at for each in found.values()} == {None}
    assert LATEST == codec.LATEST, "an event with a later time could not be recorded"


def test_without_downscaling_nobody_goes() -> None:
    found = outlook(pool(a=10.0, b=None), RULES._replace(downscale=False), None)
    assert found == {"a": Outlook(None, "downscale is off"), "b": Outlook(None, "")}


def test_the_dead_have_no_outlook() -> None:
    workers = pool(a=10.0, b=20.0)
    workers["a"].alive = False
    assert outlook(workers, RULES, None) == {"b": Outlook(None, "survivor")}


@pytest.mark.parametrize(
    ("pending", "capacity", "workers", "since", "asked", "rules", "reason"),
    [
        (0, 4, 4, None, 0, RULES, None),
        (5, 4, 4, None, 0, RULES, "below"),  # 1.25 is not above 1.25
        (6, 4, 4, None, 0, RULES, None),
        (16, 16, 16, None, 0, RULES, "below"),
        (20, 16, 16, None, 0, RULES, "below"),
        (1, 0, 1, None, 0, RULES, "below"),  # a worker without CPUs counts as one
        (2, 0, 1, None, 0, RULES, None),
        (6, 4, 4, 4.9, 5, RULES, "interval"),
        (6, 4, 4, 5.0, 5, RULES, None),
        (6, 4, 4, 6.0, 9, RULES, "not larger"),
        (9, 6, 4, 6.0, 2, RULES, None),
        (6, 4, 4, 1.0, 5, RULES, "interval"),
        (6, 4, 4, 6.0, 6, RULES, "not larger"),
        (7, 4, 4, 6.0, 6, RULES, None),
        (1, 0, 0, None, 0, RULES, None),  # no worker: asked at once
        (1, 0, 0, 1.0, 1, RULES, "interval"),
        (50, 4, 4, None, 0, RULES._replace(linear=True), "linear"),
        (50, 0, 0, None, 0, RULES._replace(linear=True), None),
    ],
)
def test_why_ray_is_not_asked(
    pending: int, capacity: int, workers: int, since: float | None, asked: int, rules: Rules, reason: str | None
) -> None:
    assert hold_reason(pending, capacity, workers, rules, since, asked) == reason


def test_the_engines_defaults_where_nothing_is_set() -> None:
    assert read({}) == Rules(False, 60.0, 1, 1.25, False, 5.0, 120.0)
    assert read(
        {
            "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1",
            "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "7",
            "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS": "3",
            "DAFT_AUTOSCALING_THRESHOLD": "2.5",
            "DAFT_SCHEDULER_LINEAR": "true",
            "AUTOSCALER_UPDATE_INTERVAL_S": "9",
            "DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS": "11",
        }
    ) == Rules(True, 7.0, 3, 2.5, True, 9.0, 11.0)
    assert read({"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "yes"}).downscale is False, "the engine's own words: 1 and true"
    assert read({"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "TRUE", "DAFT_AUTOSCALING_THRESHOLD": "x"}).downscale is True
