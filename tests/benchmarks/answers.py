"""How soon a person has an answer that runs no query: doctor, Tab, a plan, a page with values that are very long."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, Goal, Report, taken

AREA = "answers"
ROUNDS = 5
VARIABLES, FILES = 20_000, 2_000
LINES = ("%daft ", "%daft plan ", "%daft set ", "%daft open ", "%daft compare ")


def measure(report: Report) -> None:
    """Seconds of each, the shortest wait first."""
    report.add(Figure(AREA, "Tab, with 20,000 variables and 2,000 files", "s", tabs(), goal=Goal("median", 0.05)))
    long, short = pages()
    report.add(
        Figure(AREA, "a page of lists of a million", "s", long, "lists of a hundred", short, goal=Goal("ratio", 3.0))
    )
    report.add(Figure(AREA, "the nodes of the largest plan that is read", "s", plans(), goal=Goal("median", 1.0)))
    report.add(Figure(AREA, "daftnb doctor on the command line", "s", doctors(), goal=Goal("median", 2.0)))


def tabs() -> tuple[float, ...]:
    """Seconds until Tab has its offers, of each line in each round."""
    from daftnb.commands.completion import complete
    from daftnb.session import close_session, open_session

    session, before = open_session(), os.getcwd()
    names = {f"v{number}": number for number in range(VARIABLES)}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            Path(folder, f"run{number}.arrow").touch()
        os.chdir(folder)
        try:
            return tuple(
                taken(lambda line=line: complete(line, session, names)) for _ in range(ROUNDS) for line in LINES
            )
        finally:
            os.chdir(before)
            close_session()


def pages() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds until a page of twenty lists is encoded: of a million numbers each, and of a hundred, in turn."""
    import pyarrow as pa
    from daft import Series

    from daftnb.previews import encode

    def of(length: int) -> Any:
        return Series.from_arrow(pa.array([list(range(length))] * 20, pa.list_(pa.int64())))

    long, short = of(1_000_000), of(100)
    pairs = [
        tuple(taken(lambda series=series: encode.encode_page([(0, series)])) for series in (long, short))
        for _ in range(ROUNDS)
    ]
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def plans() -> tuple[float, ...]:
    """Seconds until a plan as deep as any that is read has become nodes."""
    from daftnb.engine.queries.plans import LARGEST, logical_nodes, read_json

    text = '{"type":"Source","children":[]}'
    for _ in range(LARGEST - 1):
        text = '{"children":[' + text + '],"predicate":["col(a) > lit(1)"],"type":"Filter"}'
    return tuple(taken(lambda: logical_nodes(read_json(text))) for _ in range(ROUNDS))


def doctors() -> tuple[float, ...]:
    """Seconds of the command, from the start of the process to its end."""
    command = [sys.executable, "-m", "daftnb", "doctor", "--json"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DAFT_"))}
    return tuple(
        taken(lambda: subprocess.run(command, env=kept, stdout=subprocess.DEVNULL, check=False)) for _ in range(ROUNDS)
    )
