"""Judges which queries will be over before anybody could look at them.

Following a query's operators while it executes costs it up to half a millisecond (:mod:`~daftnb.engine.queries.notices`
says why), which is a fifth of a query that takes two; and no view draws more than five times a second. Such a query's
figures are read when it has ended, all at once, and are the same. Where the judgement is wrong, the operators of a
query are not known until it ends; that it runs is. One that fails leaves no figures, and its plan is the one that it
had the last time, if there was one.
"""

from __future__ import annotations

import re
from collections import OrderedDict

BRIEF_SECONDS = 0.1  # half the time between two snapshots
KEPT_PLANS = 500
MOST_ROWS = 10_000  # of a plan that has not run before
MOST_TEXT = 10_000  # characters of a plan that has not run before
NEVER = float("inf")  # how long what failed took: what fails is worth following when it is tried again
_KIND = re.compile(r'"type":"(\w+)"')
_CALL = re.compile(r"([A-Za-z_][\w.\-]*)\(")
# Operators whose work grows with the rows alone, by the names that Daft's optimised plans have.
_CHEAP_KIND = re.compile("Source|Project|Filter|Limit|Offset|Slice|Sort|TopN|Aggregate|Distinct|Concat")
# What is written before a bracket in an expression that computes with values: no function of a user's, no file, no net.
_CHEAP_CALL = re.compile(
    "col|lit|not|is_null|not_null|fill_null|coalesce|if|is_in|between|abs|round"
    "|sum|count|mean|avg|min|max|any_value|stddev|count_distinct|bool_and|bool_or"
    "|Int64|Float64|Utf8|String|Boolean|Date|Timestamp|Decimal|Decimal128"
    "|lower|upper|length|contains|starts_with|startswith|ends_with|endswith|year|month"
)


def is_cheap(plan: str, rows: int) -> bool:
    """Return True if an optimised plan's JSON says that its work on so many rows is a matter of milliseconds."""
    if rows > MOST_ROWS or len(plan) > MOST_TEXT:
        return False
    if not all(map(_CHEAP_KIND.fullmatch, _KIND.findall(plan))):
        return False
    return all(map(_CHEAP_CALL.fullmatch, _CALL.findall(plan)))


class Brevity:
    """Knows how long plans took, and their physical plans: by the JSON of the optimised one, and the rows it read."""

    def __init__(self) -> None:
        self._took: OrderedDict[tuple[int, int], tuple[float, str]] = OrderedDict()

    def expected(self, plan: str, rows: int | None) -> tuple[bool, str]:
        """Return whether this plan will be over soon, and its physical plan's JSON, if it is known and it will.

        It took less than BRIEF_SECONDS the last time, on as many rows or not twice as many; or it is cheap. ``rows``:
        of its inputs; None where those are not in memory.
        """
        if rows is None:
            return False, ""
        took, physical = self._took.get(_key(plan, rows), (None, ""))
        is_brief = is_cheap(plan, rows) if took is None else took < BRIEF_SECONDS
        return is_brief, physical if is_brief else ""

    def note(self, plan: str, rows: int | None, seconds: float, physical: str = "") -> None:
        """Note how long a plan took, NEVER where it failed; and the JSON of its physical plan, where it is known."""
        if rows is None:
            return
        key = _key(plan, rows)
        self._took[key] = seconds, physical if len(physical) <= MOST_TEXT else ""
        self._took.move_to_end(key)
        while len(self._took) > KEPT_PLANS:
            self._took.popitem(last=False)


def _key(plan: str, rows: int) -> tuple[int, int]:
    # Daft numbers functions, so that another one of the same name, such as of a cell that was changed, is another plan.
    return hash(plan), rows.bit_length()
