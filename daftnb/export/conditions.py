"""Conditions on two runs, for CI: ``seconds > 1.2x``.

A condition is a metric, an operator and a number. The number is compared with the second run's value; with an ``x``
after it, with the second run's value ÷ the first run's. The grammar has nothing else, and nothing is evaluated::

    condition = metric operator number ["x"]
    metric    = "seconds" | "rows" | "tasks" | "peak_ratio" | "workers" | "node_seconds"
              | "operator." ("seconds" | "rows" | "bytes" | "tasks" | "skew")
    operator  = ">" | ">=" | "<" | "<=" | "==" | "!="

One on ``operator.…`` holds where it holds for any operator that both runs have.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daftnb.errors import DaftnbError
from daftnb.text.spelling import nearest, shown
from daftnb.text.tables import clean

TOTALS = ("seconds", "rows", "tasks", "peak_ratio", "workers", "node_seconds")
OPERATORS = ("seconds", "rows", "bytes", "tasks", "skew")
METRICS = (*TOTALS, *(f"operator.{name}" for name in OPERATORS))
COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
LONGEST = 100  # characters
_FORM = re.compile(r"\s*([a-z_.]+)\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?)\s*(x?)\s*", re.ASCII)
EXAMPLE = 'Try --fail-on "seconds > 1.2x" or --fail-on "rows != 1x"'
Verdict = Literal["holds", "does not hold", "not known"]


@dataclass(frozen=True, slots=True)
class Condition:
    """``text`` is as it was written; ``relative``: the number is a ratio, the second run's value ÷ the first's."""

    text: str
    metric: str
    compared: str
    number: float
    relative: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A condition, what became of it, and what that rests on, in a few words."""

    condition: Condition
    verdict: Verdict
    why: str


def parse(text: str) -> Condition:
    """Return the condition that a text says; raise DaftnbError, which says what is wrong with it."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise DaftnbError(f"{shown(text, LONGEST)} is not a condition.", EXAMPLE)
    metric, compared, number, relative = found.groups()
    if metric not in METRICS:
        near = nearest(metric, METRICS)
        raise DaftnbError(
            f"There is no metric {shown(metric)} (there are {', '.join(METRICS)}).", f"Try {near}" if near else EXAMPLE
        )
    if not math.isfinite(float(number)):
        raise DaftnbError(f"{shown(text, LONGEST)} has a number that is too large.", EXAMPLE)
    return Condition(text.strip(), metric, compared, float(number), bool(relative))


def judge(condition: Condition, comparison: Mapping[str, Any]) -> Judged:
    """Return whether a condition holds of two runs, as :meth:`daftnb.comparison.Comparison.as_dict` has them."""
    values = list(_values(condition, comparison))
    compared = COMPARED[condition.compared]
    sign = "x" if condition.relative else ""
    known = [(value, where) for value, where in values if value is not None]
    holding = [(value, where) for value, where in known if compared(value, condition.number)]
    if holding:
        value, where = max(holding, key=lambda pair: abs(pair[0] - condition.number))
        return Judged(condition, "holds", f"{_written(value)}{sign}{where}")
    if not known:
        what = "the ratio" if condition.relative else "the value"
        return Judged(condition, "not known", f"{what} is not known")
    if condition.metric in TOTALS:
        return Judged(condition, "does not hold", f"{_written(known[0][0])}{sign}")
    return Judged(condition, "does not hold", f"of {len(known)} operators for none")


def _values(condition: Condition, comparison: Mapping[str, Any]) -> Iterator[tuple[float | None, str]]:
    if condition.metric in TOTALS:
        for row in comparison["totals"]:
            if row["total"] == condition.metric:
                yield _ratio(row["a"], row["b"]) if condition.relative else row["b"], ""
        return
    name = condition.metric.partition(".")[2]
    for row in comparison["operators"]:
        if row["in"] == "both":
            a, b = row[f"{name}_a"], row[f"{name}_b"]
            yield _ratio(a, b) if condition.relative else b, f" ({clean(row['name'])})"


def _ratio(a: float | None, b: float | None) -> float | None:
    """Return b ÷ a, exactly: the ratios that are shown are rounded. None where that says nothing."""
    return None if a is None or b is None or not a else b / a


def _written(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
