"""The table of the user's guide: beside which pairs the tests were run, and what passed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.conftest import ROOT
from tests.releases.pairs import PAIRS, Pair
from tests.releases.running import SETS, Outcome

GUIDE = ROOT / "notebooks" / "README.md"
HEADINGS = ("Daft", "Ray", *SETS)
NOT_RUN = "not run"
_HEADING = re.escape(f"| {' | '.join(HEADINGS)} |")
_TABLE = re.compile(rf"^{_HEADING}\n\|[-|]+\|\n(?:\|.*\n)*", re.MULTILINE)

Rows = dict[Pair, tuple[str, ...]]


def rows_in(text: str) -> Rows:
    """The rows that a page has now: the words of each set, by pair."""
    found = _TABLE.search(text)
    rows: Rows = {}
    for line in found[0].splitlines()[2:] if found else []:
        daft, ray, *words = (cell.strip() for cell in line.strip().strip("|").split("|"))
        rows[Pair(daft, None if ray == "none" else ray)] = tuple(words)
    return rows


def with_outcomes(rows: Rows, outcomes: Mapping[Pair, Mapping[str, Outcome]], pairs: Sequence[Pair] = PAIRS) -> Rows:
    """A row for each pair, in their order: what was run now, and else what stands there."""
    made: Rows = {}
    for pair in pairs:
        before = rows.get(pair, (NOT_RUN,) * len(SETS))
        now = outcomes.get(pair, {})
        made[pair] = tuple(now[name].words if name in now else words for name, words in zip(SETS, before, strict=True))
    return made


def written(rows: Rows) -> str:
    """The table as Markdown."""
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines += [f"| {' | '.join((pair.daft, pair.ray or 'none', *words))} |" for pair, words in rows.items()]
    return "\n".join(lines) + "\n"


def write(outcomes: Mapping[Pair, Mapping[str, Outcome]], guide: Path = GUIDE) -> None:
    """Put what was run now into the guide's table; ValueError where the guide has none."""
    text = guide.read_text()
    if _TABLE.search(text) is None:
        raise ValueError(f"{guide} has no table that begins with | {' | '.join(HEADINGS)} |")
    table = written(with_outcomes(rows_in(text), outcomes))
    guide.write_text(_TABLE.sub(lambda _found: table, text, count=1))
