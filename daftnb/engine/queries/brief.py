"""Judges which queries will be over before anybody could look at them.

Following a query's operators while it executes costs it up to half a millisecond (:mod:`~daftnb.engine.queries.notices`
says why), which is a fifth of a query that takes two; and no view draws more than five times a second. Such a query's
figures are read when it has ended, all at once, and are the same. Where the judgement is wrong, the operators of a
query are not known until it ends, or where it fails; that it runs is.
"""

from __future__ import annotations

import re
from collections import OrderedDict

BRIEF_SECONDS = 0.1  # half the time between two snapshots
KEPT_PLANS = 2_000
MOST_ROWS = 10_000  # of a plan that has not run before
MOST_TEXT = 10_000  # characters of a plan that has not run before
NEVER = float("inf")  # how long what failed took: what fails is worth following when it is tried again
_KIND = re.compile(r'"type":"(\w+)"')
_CALL = re.compile(r"([A-Za-z_][\w.\-]*)\(")
# Operators whose work grows with the rows alone, by the names that Daft's optimised plans have.
_CHEAP_KINDS = frozenset(
    ("Source", "Project", "Filter", "Limit", "Offset", "Slice", "Sort", "TopN", "Aggregate", "Distinct", "Concat")
)
# What is written before a bracket in an expression that computes with values: no function of a user's, no file, no net.
_CHEAP_CALLS = frozenset(
    (
        *(
            "col",
            "lit",
            "not",
            "is_null",
            "not_null",
            "fill_null",
            "coalesce",
            "if",
            "is_in",
            "between",
            "abs",
            "round",
        ),
        *("sum", "count", "mean", "avg", "min", "max", "any_value", "stddev", "count_distinct", "bool_and", "bool_or"),
        *("Int64", "Float64", "Utf8", "String", "Boolean", "Date", "Timestamp", "Decimal", "Decimal128"),
        *(
            "lower",
            "upper",
            "length",
            "contains",
            "starts_with",
            "startswith",
            "ends_with",
            "endswith",
            "year",
            "month",
        ),
    )
)


def is_cheap(plan: str, rows: int) -> bool:
    """Return True if an optimised plan's JSON says that its work on so many rows is a matter of milliseconds."""
    if rows > MOST_ROWS or len(plan) > MOST_TEXT:
        return False
    return _CHEAP_KINDS.issuperset(_KIND.findall(plan)) and _CHEAP_CALLS.issuperset(_CALL.findall(plan))


class Brevity:
    """Knows how long plans took: by the plan's JSON, and the size of what they were about."""

    def __init__(self) -> None:
        self._took: OrderedDict[tuple[int, int], float] = OrderedDict()

    def expected(self, plan: str, rows: int | None) -> bool:
        """Return True if this plan will be over soon. ``rows``: of its inputs; None where those are not in memory.

        It took less than BRIEF_SECONDS the last time, on as many rows or not twice as many; or it is cheap.
        """
        if rows is None:
            return False
        took = self._took.get(_key(plan, rows))
        return is_cheap(plan, rows) if took is None else took < BRIEF_SECONDS

    def note(self, plan: str, rows: int | None, seconds: float) -> None:
        """Note how long a plan took; NEVER where it failed."""
        if rows is None:
            return
        key = _key(plan, rows)
        self._took[key] = seconds
        self._took.move_to_end(key)
        while len(self._took) > KEPT_PLANS:
            self._took.popitem(last=False)


def _key(plan: str, rows: int) -> tuple[int, int]:
    # Daft numbers functions, so that another one of the same name, such as of a cell that was changed, is another plan.
    return hash(plan), rows.bit_length()
