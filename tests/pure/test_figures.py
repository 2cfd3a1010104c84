"""The arithmetic of the benchmarks' reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.figures import Figure, Goal, Report, Unmeasured, differences, line, percentile, slope
from tests.helpers.releases import needs_ray


def test_ratio_spread_and_goal() -> None:
    figure = Figure("area", "tiny query", "ms", (2.0, 4.0, 3.0), "plain", (1.0, 2.0, 2.0), Goal("ratio", 1.4))
    assert figure.ratio == 1.5 and figure.ratios == (2.0, 2.0, 1.5)
    assert figure.met is False
    assert "ratio 1.5 (1.5 to 2)" in line(figure) and "NOT MET" in line(figure)
    assert Figure("a", "b", "s", (1.0,), goal=Goal("p95", 1.0)).met is True
    assert Figure("a", "b", "frames/s", (59.0,), goal=Goal("median", 60, "least")).met is False
    assert Figure("a", "b", "s", (1.0,), "nothing", (0.0,), Goal("ratio", 1)).met is False, "no ratio meets no goal"
    assert Figure("a", "b", "s", (1.0,)).met is None


def test_percentiles_are_values_that_were_measured() -> None:
    values = list(range(1, 101))
    assert percentile(values, 0.95) == 95 and percentile(values, 0.5) == 50 and percentile([7.0], 0.95) == 7.0


@needs_ray
def test_a_report_comes_back_and_two_are_compared(tmp_path: Path) -> None:
    one = Report()
    one.add(Figure("a", "b", "s", (1.0, 1.1), "p", (1.0, 1.0), Goal("ratio", 2)), Unmeasured("a", "c", "no c here"))
    one.write(tmp_path / "sub" / "one.json")
    back = Report.read(tmp_path / "sub" / "one.json")
    assert back == one
    two = Report(figures=[Figure("a", "b", "s", (2.0, 2.2), "p", (1.0, 1.0)), Figure("a", "d", "s", (1.0,))])
    two.machine = {**one.machine, "cores": 64}
    said = list(differences(one, two))
    assert f"cores: {one.machine['cores']} → 64" in said
    assert "a, b: 1.05 → 2.1 s (+100.0%), ratio 1.05 → 2.1, ranges apart" in said
    assert "a, d: new" in said
    assert list(differences(two, one))[-1] == "a, d: not in the second"


def test_a_slope_is_that_within_groups_and_has_an_error() -> None:
    line_ = [(float(x), 3.0 + 2.0 * x, 1) for x in range(5)]
    assert slope(line_) == (2.0, 0.0)
    again = [(x, y - 100, 2) for x, y, _ in line_]  # a page that was loaded again: lower, and rising as before
    assert slope(line_ + again) == (2.0, 0.0)
    rise, error = slope([(0.0, 0.0, 1), (1.0, 1.0, 1), (2.0, 0.0, 1), (3.0, 1.0, 1)])
    assert abs(rise - 0.2) < 1e-9 and abs(error - 0.2828) < 1e-3, "by the textbook: s² = 0.4, Σ(x-x̄)² = 5"
    with pytest.raises(ValueError, match="too few"):
        slope([(0.0, 1.0, 1), (1.0, 2.0, 2), (2.0, 3.0, 3)])
