"""Two runs side by side as Markdown, for a pull request or the summary of a CI job.

What others wrote (names of operators, errors) is escaped: it stays text in Markdown and in the HTML that is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from daftnb.export.conditions import Judged
from daftnb.text import numbers as f
from daftnb.text.shorten import shortened
from daftnb.text.tables import clean

MOST_OPERATORS = 30
LONGEST = 120  # characters of a text in a cell
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>&$@:-])")
_SIGNS = {"holds": "❌", "does not hold": "✅", "not known": "❔"}


def markdown_of(comparison: dict[str, Any], names: Sequence[str], judged: Iterable[Judged] = ()) -> str:
    """Return the report of what ``Comparison.as_dict`` gives; ``names`` are those of the two files."""
    lines = ["## Two runs compared", ""]
    for side, name, run in zip("ab", names, comparison["runs"], strict=True):
        error = f": {escaped(run['error'].partition(chr(10))[0])}" if run.get("error") else ""
        lines.append(f"- **{side}**: {escaped(name)}, query {run['number']}, {run['state']}{error}")
    judged = list(judged)
    if judged:
        lines += ["", "| | condition | found |", "|---|---|---|"]
        lines += [
            f"| {_SIGNS[each.verdict]} {each.verdict} | {escaped(each.condition.text)} | {escaped(each.why)} |"
            for each in judged
        ]
    lines += ["", "| | a | b | b ÷ a |", "|---|--:|--:|--:|"]
    for row in comparison["totals"]:
        show = f.duration if row["total"] == "seconds" else f.number
        lines.append(
            f"| {row['total'].replace('_', ' ')} | {show(row['a'])} | {show(row['b'])} | {_times(row['ratio'])} |"
        )
    for name, (one, other) in comparison["settings"].items():
        lines.append(f"| {escaped(name)} | {escaped(one or f.UNKNOWN)} | {escaped(other or f.UNKNOWN)} | |")
    lines += ["", "| operator | seconds a | seconds b | b ÷ a | rows a | rows b | b ÷ a |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    rows = comparison["operators"]
    for row in rows[:MOST_OPERATORS]:
        only = "" if row["in"] == "both" else f" (only in {row['in']})"
        lines.append(
            f"| {escaped(row['name'])}{only} | {f.duration(row['seconds_a'])} | {f.duration(row['seconds_b'])} "
            f"| {_times(row['seconds_ratio'])} | {f.number(row['rows_a'])} | {f.number(row['rows_b'])} "
            f"| {_times(row['rows_ratio'])} |"
        )
    if len(rows) > MOST_OPERATORS:
        lines += ["", f"and {len(rows) - MOST_OPERATORS} more operators"]
    return "\n".join([*lines, ""])


def escaped(text: str) -> str:
    """Return a text that is itself in a cell of a Markdown table: in one line, and no markup."""
    return _SPECIAL.sub(r"\\\1", shortened(" ".join(clean(text).split()), LONGEST))


def _times(ratio: float | None) -> str:
    return f.UNKNOWN if ratio is None else f"{f.ratio(ratio)} ×"
