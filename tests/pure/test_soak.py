"""The soak test's comparison: it finds what is wrong."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.soakchecks import differences
from tests.benchmarks.soakqueries import SETTLED, Cell, Known, Mix, sums_of

CELL = Cell("filter", "", (Known(rows=4, tasks={"Filter": 3}),), [1, 2], shows=("two",))
COUNTS = {"submitted": 3, "pending": 0, "running": 0, "finished": 3, "failed": 0, "cancelled": 0}
FOUND: dict[str, Any] = {
    "got": [1, 2],
    "queries": [{"number": 7, "name": None, "state": "finished", "rows": 4, "tasks": 3, "error": None}],
    "settings": {"7": {**SETTLED, "linear": "0"}},
    "last": {"number": 7, "tasks": COUNTS},
    "stages": {"Filter": COUNTS},
}
OUTPUTS: list[dict[str, Any]] = [{"output_type": "stream", "text": "one two three"}]
ERROR = {"output_type": "error", "ename": "KeyboardInterrupt"}


def test_what_is_as_known_has_no_difference() -> None:
    assert list(differences(CELL, FOUND, OUTPUTS)) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("got",), [1], "got [1]"),
        (("queries",), [], "0 queries"),
        (("queries", 0, "rows"), 5, "5 rows, not 4"),
        (("queries", 0, "tasks"), 4, "4 tasks, not"),
        (("queries", 0, "name"), "x", "called x"),
        (("queries", 0, "state"), "failed", "failed (None), not finished"),
        (("settings", "7", "threshold"), "2.0", "settings in effect"),
        (("last", "tasks", "running"), 1, "not accounted for"),
        (("last", "tasks", "finished"), 2, "not accounted for"),
        (("stages", "Filter", "submitted"), 2, "tasks {'Filter': 2}"),
    ],
)
def test_each_difference_is_told(path: tuple[Any, ...], value: Any, said: str) -> None:
    found = copy.deepcopy(FOUND)
    inside: Any = found
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    told = list(differences(CELL, found, OUTPUTS))
    assert any(said in text for text in told), told


def test_an_error_in_the_cell_is_the_querys_and_the_text_is_looked_at() -> None:
    assert "the cell shows KeyboardInterrupt" in str(list(differences(CELL, FOUND, [*OUTPUTS, ERROR])))
    assert "'two' is not in the output" in str(list(differences(CELL, FOUND, [])))


def test_the_same_seed_gives_the_same_cells(tmp_path: Path) -> None:
    one, two, other = (Mix(seed, tmp_path) for seed in (1, 1, 2))
    first = [one.cell().text for _ in range(60)]
    assert first == [two.cell().text for _ in range(60)] != [other.cell().text for _ in range(60)]


def test_sums_are_those_of_the_table() -> None:
    rows = 15
    pairs = [(7 * i % rows, i % 5) for i in range(rows)]
    assert sums_of(rows) == {g: sum(a for a, b in pairs if b == g) for g in range(5)}
    rest = random.Random(0).randrange(3)
    assert sum(sums_of(rows, rest).values()) == sum(a for a, _ in pairs if a % 3 == rest)
