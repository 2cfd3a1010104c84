"""Summaries of columns: right statistics, each saying how it came about, whatever the values."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.previews import statistics as f
from tests.helpers.frames import every_type
from tests.helpers.previewservice import Asked


def summary_of(array: Any) -> dict[str, Any]:
    import daft

    found = Asked(daft.from_arrow(pa.table({"c": array}))).summary([0])[0]
    json.dumps(found, allow_nan=False)
    return found


def test_numbers() -> None:
    n = 200_000
    values = np.random.default_rng(0).normal(size=n)
    found = summary_of(pa.array([None, *values.tolist()]))
    assert found["rows"] == {"value": n + 1, "how": "exact"} and found["nulls"] == {"value": 1, "how": "exact"}
    assert found["min"] == {"value": values.min(), "how": "exact"}
    assert found["mean"]["value"] == pytest.approx(values.mean()) and found["mean"]["how"] == "exact"
    expected, _ = np.histogram(values, 20)
    assert sum(found["histogram"]["counts"]) == n and found["histogram"]["how"] == "exact"
    assert np.abs(np.array(found["histogram"]["counts"]) - expected).max() <= 1
    quantiles = {each["q"]: each["value"] for each in found["quantiles"]}
    assert abs(quantiles[0.5] - np.median(values)) < 0.05
    assert {each["how"] for each in found["quantiles"]} == {"sampled"}
    assert 0.9 < found["distinct"]["value"] / n <= 1 and found["distinct"]["how"] == "approximate"


def test_no_more_are_distinct_than_there_are() -> None:
    estimate = summary_of(pa.array([None, *range(5_000)]))["distinct"]  # Daft's: 5,004
    assert estimate == {"value": 5_000, "how": "approximate"}


def test_not_a_number_and_the_infinite() -> None:
    found = summary_of(pa.array([1.0, 2.0, float("nan"), float("inf"), None]))
    assert found["note"] == "1 NaN" and found["nulls"]["value"] == 1
    assert found["min"]["value"] == 1.0 and found["max"]["value"] == "inf"
    assert found["histogram"]["counts"][0] == 1 and sum(found["histogram"]["counts"]) == 2
    only = summary_of(pa.array([float("nan")] * 3))
    assert only["note"] == "3 NaN" and "min" not in only and "histogram" not in only
    for values in ([float("inf"), float("-inf")], [1e308, -1e308], [5e-324, 0.0], [3.5, 3.5]):
        assert summary_of(pa.array(values))["max"]["value"] is not None


def test_integers_beyond_what_a_page_can_hold() -> None:
    found = summary_of(pa.array([-(2**63), 2**63 - 1, 0, None]))
    assert found["min"]["value"] == str(-(2**63)) and found["max"]["value"] == str(2**63 - 1)
    assert found["histogram"]["counts"][0] == 1 and found["histogram"]["counts"][-1] == 1
    assert found["histogram"]["edges"][0] == str(-(2**63)) and found["histogram"]["edges"][-1] == str(2**63 - 1)
    found = summary_of(pa.array([2**64 - 1, 2**64 - 2], pa.uint64()))
    assert found["max"]["value"] == str(2**64 - 1) and found["histogram"]["counts"] == [1, 1]
    few = summary_of(pa.array([3, 3, 5]))
    assert few["histogram"] == {"edges": [3, 4, 5, 5], "counts": [2, 0, 1], "how": "exact"}
    assert summary_of(pa.array([7, 7]))["histogram"] == {"edges": [7, 8], "counts": [2], "how": "exact"}


def test_times_and_decimals_are_told_in_words() -> None:
    found = summary_of(pa.array([dt.date(2020, 1, 1), dt.date(2020, 1, 3), None]))
    assert found["min"]["value"] == "2020-01-01" and found["max"]["value"] == "2020-01-03" and "mean" not in found
    assert found["histogram"]["counts"] == [1, 0, 1]
    zoned = summary_of(pa.array([0, 3_600_000_000], pa.timestamp("us", "Europe/Berlin")))
    assert zoned["min"]["value"] == "1970-01-01 01:00:00.000000+0100"
    assert summary_of(pa.array([1, 2], pa.duration("s")))["max"]["value"] == "00:00:02"
    decimals = summary_of(pa.array([Decimal("12345678901234567890.12"), Decimal("0.01")], pa.decimal128(38, 2)))
    assert decimals["max"] == {"value": "12345678901234567890.12", "how": "exact"}
    assert decimals["mean"]["how"] == decimals["histogram"]["how"] == "approximate"


def test_texts_and_truths() -> None:
    found = summary_of(pa.array(["a", "b", "a", None, "é" * 300]))
    assert found["distinct"] == {"value": 3, "how": "exact"}
    assert found["top"]["values"][0] == {"value": "a", "count": 2} and found["top"]["how"] == "exact"
    assert len(found["max"]["value"]) == 100 and found["min"]["value"] == "a"
    truths = summary_of(pa.array([True, False, True, None]))
    assert truths["top"]["values"] == [{"value": "true", "count": 2}, {"value": "false", "count": 1}]
    assert truths["min"]["value"] == "false"
    n = 150_000
    unique = summary_of(pa.array([f"{i:06d}" for i in range(n)]))
    assert unique["top"]["how"] == "sampled" and unique["max"] == {"value": f"{n - 1:06d}", "how": "exact"}
    assert unique["distinct"]["how"] == "approximate" and abs(unique["distinct"]["value"] / n - 1) < 0.1
    common = summary_of(pa.array([str(i % 1000) for i in range(n)]))
    assert common["distinct"] == {"value": 1000, "how": "exact"} and common["top"]["how"] == "exact"
    assert {each["count"] for each in common["top"]["values"]} == {150}


def test_nothing_but_nulls_and_nothing_at_all() -> None:
    for kind in (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.decimal128(5, 1), pa.null()):
        assert summary_of(pa.array([None, None], kind))["nulls"]["value"] == 2
        assert summary_of(pa.array([], kind))["rows"]["value"] == 0


def test_every_type_has_a_summary_and_says_how() -> None:
    import daft

    series = every_type()
    found = Asked(daft.from_pydict(series)).summary(list(range(len(series))))
    for name, summary in zip(series, (found[i] for i in range(len(series))), strict=True):
        assert summary["rows"]["value"] == 3 and summary["nulls"]["value"] == (3 if name == "null" else 1), name
        for key, told in summary.items():
            for each in told if isinstance(told, list) else [told]:
                assert key == "note" or each["how"] in ("exact", "approximate", "sampled")
    json.dumps({str(key): value for key, value in found.items()}, allow_nan=False)


def test_what_is_quick_comes_first() -> None:
    import daft

    asked = Asked(daft.from_arrow(pa.table({f"c{i}": np.arange(100_000) for i in range(4)})))
    asked.summary([0, 1, 2, 3])
    first, *rest = asked.answers(asked.number)
    assert all(set(summary) == {"rows", "nulls"} for summary in first["columns"].values()) and len(rest) >= 2
    assert rest[-1]["done"] and not any(each["done"] for each in [first, *rest[:-1]])


INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100)


@given(st.lists(INTEGERS, min_size=1, max_size=50))
def test_each_integer_is_in_the_bin_of_its_edges(values: list[int]) -> None:
    found = f.measured([pa.array(values, pa.int64())], "integer", "exact", lambda: None)
    edges, counts = [int(edge) for edge in found["histogram"]["edges"]], found["histogram"]["counts"]
    assert sum(counts) == len(values) and len(edges) == len(counts) + 1 <= 21
    for i, count in enumerate(counts):
        last = i == len(counts) - 1
        assert count == sum(1 for v in values if edges[i] <= v and (v < edges[i + 1] or last)), (edges, i)
    assert int(found["min"]["value"]) == min(values) and int(found["max"]["value"]) == max(values)


@given(st.lists(st.floats(), min_size=1, max_size=50))
def test_any_floats_have_statistics(values: list[float]) -> None:
    found = f.measured([pa.array(values, pa.float64())], "float", "exact", lambda: None)
    json.dumps(found, allow_nan=False)
    finite = [value for value in values if value - value == 0]
    if "histogram" in found:
        assert sum(found["histogram"]["counts"]) == len(finite)
