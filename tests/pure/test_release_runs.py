"""The runs beside other releases: their pairs, what a report says, and the table in the guide."""

from __future__ import annotations

from pathlib import Path

import pytest

from daftnb.engine.releases import TRIED, numbers
from tests.releases import table
from tests.releases.pairs import ALIASES, PAIRS, Pair, find
from tests.releases.running import SETS, Outcome, counted, keep, kept

NEWEST, OLD = Pair("0.7.26", "2.60.0"), Pair("0.7.16", "2.46.0")


def test_the_pairs_go_from_the_oldest_to_the_newest_that_are_named_as_tried() -> None:
    found = {"daft": [pair.daft for pair in PAIRS], "ray": [pair.ray for pair in PAIRS if pair.ray is not None]}
    for package, there in found.items():
        assert min(there, key=numbers) == TRIED[package].oldest
        assert max(there, key=numbers) == TRIED[package].newest
    assert len(set(PAIRS)) == len(PAIRS)
    assert {find(alias) for alias in ALIASES} <= set(PAIRS)
    assert find("newest") == NEWEST and find("oldest") == OLD and find("no-ray").ray is None


def test_a_name_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"there is no pair 'latest': the names are oldest, middle, newest, no-ray, "):
        find("latest")


def test_what_is_installed_for_a_pair() -> None:
    assert NEWEST.requirements == ["daft==0.7.26", "ray[default]==2.60.0"]
    assert Pair("0.7.26", None).requirements == ["daft==0.7.26"]


def test_a_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "pure.xml"
    report.write_text(
        '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="2006" time="9"/></testsuites>'
    )
    outcome = counted(report, 61.26)
    assert outcome == Outcome(2000, 3, 3, 61.3)
    assert outcome.words == "2,000 passed, **3 failed**, 3 skipped"
    assert Outcome(error="over 3600 s").words == "not run: over 3600 s"


def test_what_came_of_one_set_is_kept_beside_another(tmp_path: Path) -> None:
    assert kept(OLD, tmp_path) == {}
    keep(OLD, {"pure": Outcome(5)}, tmp_path)
    keep(OLD, {"kernel": Outcome(7, 1)}, tmp_path)
    assert kept(OLD, tmp_path) == {"pure": Outcome(5), "kernel": Outcome(7, 1)}


def test_the_table_has_what_was_run_now_and_else_what_stood_there(tmp_path: Path) -> None:
    guide = tmp_path / "README.md"
    guide.write_text(
        "# Guide\n\n| Daft | Ray | pure | kernel | cluster |\n|---|---|---|---|---|\n"
        "| 0.7.16 | 2.46.0 | 9 passed | not run | not run |\n"
        "| 0.1.0 | none | 1 passed | 1 passed | 1 passed |\n\nEnd.\n"
    )
    table.write({OLD: {"kernel": Outcome(3, 0, 1)}}, guide)
    rows = table.rows_in(guide.read_text())
    assert list(rows) == list(PAIRS)
    assert rows[OLD] == ("9 passed", "3 passed, 1 skipped", "not run")
    assert rows[NEWEST] == ("not run",) * len(SETS)
    assert guide.read_text().startswith("# Guide\n\n| Daft | Ray | pure ")
    assert guide.read_text().endswith("|\n\nEnd.\n")
    before = guide.read_text()
    table.write({}, guide)
    assert guide.read_text() == before
    guide.write_text("# Guide\n")
    with pytest.raises(ValueError, match="has no table that begins with"):
        table.write({}, guide)


def test_the_guide_has_a_row_for_every_pair() -> None:
    assert list(table.rows_in(table.GUIDE.read_text())) == list(PAIRS)
