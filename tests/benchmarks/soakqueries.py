"""The soak test's queries: cells as a user writes them, each with all that is known of what becomes of it.

A task is one partition on its way through the operators between two exchanges; so its number is known wherever the
number of partitions is. Rows and results are computed here, in Python.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

FINISHED, FAILED, CANCELLED = "finished", "failed", "cancelled"
PARTS, UDF = "IntoPartitions", "UDF slow"  # as the engine calls operators in which tasks end
LONG_TASKS, LONG_SECONDS = 40, 0.15  # of a query in whose midst something happens
SETTLED = {"threshold": "1.25", "idle_seconds": "3", "survivors": "1"}

SETUP = """
import os, threading, time
import daft, daftnb
from daft import col

def table(rows, partitions):
    return daft.from_pydict({
        "a": [(7 * i) % rows for i in range(rows)], "g": [i % 5 for i in range(rows)]
    }).into_partitions(partitions)

@daft.func
def slow(x: int, seconds: float, counter: str) -> int:
    with open(counter, "ab") as file:
        file.write(b".")
    time.sleep(seconds)
    return 2 * x

@daft.func
def bad(x: int, wrong: int) -> int:
    if x == wrong:
        raise ValueError(f"{x} is right out")
    return x
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What daftnb must say of one query. ``tasks``: of each stage, by the operator in which it ends; None: not known.

    ``settings``: of those in effect.
    """

    outcomes: tuple[str, ...] = (FINISHED,)
    rows: int | None = None
    tasks: dict[str, int] | None = None
    error: str = ""
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTLED))
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, and what is known: its queries, the variable ``got`` after it, what its output's text has, and what the
    page draws.

    ``before`` is run in the kernel before it, unseen. ``counter``: a file with a byte for each call of the slow
    function; ``calls``: how many there must be, where no task runs twice.
    """

    kind: str
    source: str
    queries: tuple[Known, ...]
    got: Any = None
    shows: tuple[str, ...] = ()
    draws: str = ""
    before: str = ""
    calls: int | None = None
    counter: Path | None = None
    stopped: bool = False  # by Stop in the page, in its midst

    @property
    def text(self) -> str:
        return dedent(self.source).strip()


class Mix:
    """Cells at random, of each kind as often as it is in the deck. The same seed gives the same cells."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self._folder = folder
        self._counters = 0
        self._deck: list[Callable[[], Cell]] = []

    def cell(self) -> Cell:
        """The next one."""
        if not self._deck:
            self._deck = [make for make, count in self.kinds() for _ in range(count)]
            self.chance.shuffle(self._deck)
        return self._deck.pop()()

    def kinds(self) -> list[tuple[Callable[[], Cell], int]]:
        """All of them, and how often each is in the deck."""
        return [
            (self.small, 4),
            (self.filtered, 3),
            (self.aggregated, 2),
            (self.joined, 2),
            (self.ordered, 2),
            (self.backlog, 4),
            (self.failing, 2),
            (self.stopped, 1),
            (self.sql, 2),
            (self.previewed, 2),
            (self.planned, 1),
            (self.named, 1),
        ]

    def _table(self) -> tuple[int, int, int]:
        """Rows, partitions, and a number from 0 to 2. No multiple of 7, so that ``table`` has each value once."""
        parts = self.chance.randint(2, 24)
        return 7 * parts * self.chance.randint(1, 6) + 1, parts, self.chance.randrange(3)

    # -- small ones ---------------------------------------------------------------------------------------------------

    def small(self) -> Cell:
        """One partition, one task."""
        values = [self.chance.randrange(1000) for _ in range(self.chance.randint(1, 50))]
        source = f"got = daft.from_pydict({{'x': {values}}}).select(col('x') + 1).to_pydict()"
        known = Known(rows=len(values), tasks={"Project": 1})
        return Cell("small", source, (known,), {"x": [x + 1 for x in values]})

    def filtered(self) -> Cell:
        """Partitions that are there, and then a filter over each of them."""
        rows, parts, rest = self._table()
        source = f"""
            t = table({rows}, {parts}).collect()
            got = sorted(t.where(col("a") % 3 == {rest}).to_pydict()["a"])
        """
        kept = [a for a in range(rows) if a % 3 == rest]
        return Cell("filter", source, (parted(rows, parts), Known(rows=len(kept), tasks={"Filter": parts})), kept)

    def aggregated(self) -> Cell:
        """Five sums."""
        rows, parts, _ = self._table()
        source = f"""
            sums = table({rows}, {parts}).groupby("g").agg(col("a").sum()).to_pydict()
            got = sorted(zip(sums["g"], sums["a"]))
        """
        sums = [list(pair) for pair in sums_of(rows).items()]
        # Each partition's sums, divided by their groups; then those of each group.
        known = Known(rows=len(sums), tasks={PARTS: 1, "Repartition": parts, "Project": parts})
        return Cell("aggregation", source, (known,), sums)

    def joined(self) -> Cell:
        """With a small table."""
        rows, parts, _ = self._table()
        source = f"""
            names = daft.from_pydict({{"g": [0, 1, 2], "n": ["zero", "one", "two"]}})
            got = len(table({rows}, {parts}).join(names, on="g").to_pydict()["n"])
        """
        matched = sum(i % 5 < 3 for i in range(rows))
        known = Known(rows=matched, tasks={"Filter": 1, PARTS: 1, "BroadcastJoin": parts})
        return Cell("join", source, (known,), matched)

    def ordered(self) -> Cell:
        """All rows, the largest first."""
        rows, parts, _ = self._table()
        source = f"got = table({rows}, {parts}).sort('a', desc=True).to_pydict()['a']"
        # Once it is divided, each partition is kept; those with rows are sampled and divided by the samples' bounds;
        # all are sorted. Daft divides by rounding up, so that the last ones may have none.
        filled = -(-rows // -(-rows // parts))
        known = Known(rows=rows, tasks={PARTS: 1 + parts, "Sort": 2 * filled + parts})
        return Cell("sort", source, (known,), list(range(rows))[::-1])

    def sql(self) -> Cell:
        """A statement over a dataframe of the notebook."""
        rows, parts, rest = self._table()
        source = """
            %%daft sql --as found --limit 9
            SELECT g, sum(a) AS total FROM t WHERE a % 3 = {rest} GROUP BY g
        """
        sums = sums_of(rows, rest)
        return Cell(
            "sql", source, (Known(rows=len(sums)),), shows=tuple(str(total) for total in sums.values()),
            before=f"t, rest, got = table({rows}, {parts}), {rest}, None",
        )  # fmt: skip

    def named(self) -> Cell:
        """A cell with a name and a setting of its own."""
        rows, parts, rest = self._table()
        source = f"""
            %%daft --set threshold=3 --name soaked
            got = sorted(table({rows}, {parts}).select(col("a") + {rest + 1}).to_pydict()["a"])
        """
        tasks = {PARTS: 1, "Project": parts}
        known = Known(rows=rows, tasks=tasks, settings={**SETTLED, "threshold": "3.0"}, name="soaked")
        return Cell("named", source, (known,), [a + rest + 1 for a in range(rows)])

    # -- what the page shows ------------------------------------------------------------------------------------------

    def previewed(self) -> Cell:
        """A dataframe that has run, as a table in the page."""
        rows, parts, _ = self._table()
        source = f"""
            got, df = None, table({rows}, {parts}).collect()
            df
        """
        return Cell("preview", source, (parted(rows, parts),), draws=f"{rows:,} rows × 2 columns")

    def shown(self) -> Cell:
        """The first rows of one that has not."""
        rows, parts, _ = self._table()
        source = f"""
            got = None
            table({rows}, {parts}).show(4)
        """
        return Cell("show", source, (Known(rows=4),), draws="first 4 rows × 2 columns")

    def planned(self) -> Cell:
        """A plan that does not run."""
        rows, parts, rest = self._table()
        source = f"""
            got, df = None, table({rows}, {parts}).where(col("a") > {rest}).sort("a")
            %daft plan df
        """
        return Cell("plan", source, (), shows=("IntoPartitions", "Sort"))

    # -- functions that take their time -------------------------------------------------------------------------------

    def backlog(self) -> Cell:
        """More tasks than slots, for a second or some."""
        return self.slow("backlog", self.chance.randint(20, 60), self.chance.randint(10, 100) / 1000)

    def long(self, kind: str, outcomes: tuple[str, ...] = (FINISHED,), again: bool = False) -> Cell:
        """One in whose midst something happens; ``again``: tasks of it may run twice."""
        return self.slow(kind, LONG_TASKS, LONG_SECONDS, outcomes, again)

    def slow(
        self, kind: str, tasks: int, seconds: float, outcomes: tuple[str, ...] = (FINISHED,), again: bool = False
    ) -> Cell:
        """So many tasks of one row, each of which calls the slow function."""
        self._counters += 1
        counter = self._folder / f"calls-{self._counters}"
        source = f"""
            t = daft.from_pydict({{"a": list(range({tasks}))}}).into_partitions({tasks})
            t = t.select(slow(col("a"), daft.lit({seconds}), daft.lit({str(counter)!r})))
            got = sorted(t.to_pydict()["a"])
        """
        whole = outcomes == (FINISHED,)
        known = Known(outcomes, tasks if whole else None, {PARTS: 1, UDF: tasks} if whole else None)
        got = [2 * a for a in range(tasks)]
        return Cell(kind, source, (known,), got, calls=None if again else tasks, counter=counter)

    def stopped(self) -> Cell:
        """One that is cancelled from the page."""
        return replace(self.slow("stopped", 120, LONG_SECONDS, (CANCELLED,), True), stopped=True)

    def failing(self) -> Cell:
        """A function that raises."""
        parts = self.chance.randint(2, 12)
        wrong = self.chance.randrange(parts)
        source = f"""
            t = daft.from_pydict({{"a": list(range({parts}))}}).into_partitions({parts})
            got = None
            t.select(bad(col("a"), daft.lit({wrong}))).collect()
        """
        said = f"{wrong} is right out"
        return Cell("failing", source, (Known((FAILED,), error=said),), shows=(said,))


def parted(rows: int, parts: int) -> Known:
    """Of ``table(rows, parts).collect()``: its rows are in one partition, which one task divides; each part is kept."""
    return Known(rows=rows, tasks={PARTS: 1 + parts})


def sums_of(rows: int, rest: int | None = None) -> dict[int, int]:
    """Of the table's ``a`` (all, or those that divided by 3 leave ``rest``) by its ``g``."""
    found: dict[int, int] = {}
    for i in range(rows):
        a = 7 * i % rows
        if rest is None or a % 3 == rest:
            found[i % 5] = found.get(i % 5, 0) + a
    return dict(sorted(found.items()))
