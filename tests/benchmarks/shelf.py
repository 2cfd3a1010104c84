"""How long a shelf of 10,000 runs takes to list: from its index, and from the files where there is no index.

The files are one recording under many names. No Ray, no query.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from daftnb.recordings import open_recording
from daftnb.shelves.index import INDEX, append, entry_of, list_shelf
from daftnb.shelves.keeper import Keeper
from daftnb.shelves.runs import runs_of
from daftnb.shelves.tables import table_of
from tests.benchmarks.figures import Figure, Goal, Report, taken
from tests.helpers.recorded import recorded, tiny

AREA = "shelf"
RUNS = 10_000
READ = 200  # files that are read where there is no index
LISTINGS = 9
NOTE = "one recording under many names"


def fill(folder: Path, count: int) -> None:
    """Put a run into the folder so many times, each with its line in the index."""
    first = Keeper(folder, {"daft": "0.7.26"}).keep(recorded(tiny(1, 1_800_000_000.0)).reel(1))
    (run,) = runs_of(open_recording(first), {})
    entries = []
    for place in range(count - 1):
        path = folder / f"{place:05}-{first.name}"
        os.link(first, path)
        entries.append(entry_of(path, [{**run, "started": run["started"] + place, "plan": f"plan {place % 50}"}]))
    append(folder, entries)


def measure(report: Report) -> None:
    """Listings, each with its table and the marks of what was slower."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "runs"
        fill(folder, RUNS)

        def listing() -> None:
            assert table_of(list_shelf(folder).rows).num_rows == RUNS

        listing()  # importing pyarrow is no part of it
        took = tuple(taken(listing) for _ in range(LISTINGS))
        report.add(Figure(AREA, f"listing {RUNS:,} runs", "s", took, goal=Goal("median", 0.2), note=NOTE))
        few = Path(name) / "few"
        fill(few, READ)
        alone = []
        for _ in range(3):
            (few / INDEX).unlink()
            alone.append(1e3 * taken(lambda: list_shelf(few)) / READ)
        report.add(Figure(AREA, "listing without an index, for each file", "ms", tuple(alone), note=NOTE))
