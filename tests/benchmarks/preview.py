"""Previews beside the displays of others.

A million rows of 20 columns (8 whole numbers, 7 floats, 5 texts), 10 million of 4, and 10,000 rows of 5 long texts.
Measured: a display's payload, warm, and the bytes and memory that it takes; a page of 100 rows anywhere, with its
bytes; the summaries of all columns. The others' displays run in a process each, on the same tables.
"""

from __future__ import annotations

import gc
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from tests.benchmarks.figures import Figure, Goal, Missing, Report, Unmeasured
from tests.benchmarks.peers import python_with

AREA = "preview"
ROUNDS = 15
PAGES = 300
BUDGET = 10  # seconds for a peer's rounds; some take seconds for one

PEER = """
import json, sys, time
import pyarrow as pa
table = pa.ipc.open_file(sys.argv[1]).read_all()
{make}
rounds = []
until = time.perf_counter() + {budget}
for turn in range({rounds}):
    if turn > 2 and time.perf_counter() > until:
        break
    began = time.perf_counter()
    size = show()
    rounds.append((time.perf_counter() - began) * 1000)
print(json.dumps({{"ms": rounds[1:], "bytes": size}}))
"""
# What it imports, and how it shows the table.
PEERS = {
    "pandas": ("pandas", "df = table.to_pandas()\nshow = lambda: len(df._repr_html_()) + len(repr(df))"),
    "polars": (
        "polars",
        "import polars\ndf = polars.from_arrow(table)\nshow = lambda: len(df._repr_html_()) + len(repr(df))",
    ),
    "itables": (
        "itables",
        "import itables\ndf = table.to_pandas()\nshow = lambda: len(itables.to_html_datatable(df))",
    ),
    "quak": ("quak", "import quak\nshow = lambda: len(str(quak.Widget(table).get_state()))"),
    "buckaroo": (
        "buckaroo",
        "from buckaroo import BuckarooWidget\ndf = table.to_pandas()\n"
        "show = lambda: len(str(BuckarooWidget(df).get_state()))",
    ),
    "ipydatagrid": (
        "ipydatagrid",
        "from ipydatagrid import DataGrid\ndf = table.to_pandas()\n"
        "show = lambda: sum(len(str(value)) for value in DataGrid(df).get_state().values())",
    ),
    "perspective": (
        "perspective",
        "from perspective.widget import PerspectiveWidget\n"
        "show = lambda: len(str(PerspectiveWidget(table).get_state()))",
    ),
}


def measure(report: Report) -> None:
    """A large table: displays, pages, summaries."""
    table = wide()
    displays(report, "1M × 20", table, Goal("median", 10), Goal("median", 10))
    report.add(Figure(AREA, "summaries of 1M × 20", "ms", tuple(summaries(table)), goal=Goal("median", 300)))
    del table
    pages(report, "10M × 4", tall())


def measure_long(report: Report) -> None:
    """Long texts, and pages of the other tables."""
    texts = long_texts()
    displays(report, "10k × 5 long texts", texts)
    pages(report, "10k × 5 long texts", texts)
    pages(report, "1M × 20", wide())


def wide(rows: int = 1_000_000) -> Any:
    chance = np.random.default_rng(0)
    words = pa.array([f"word {i}" for i in range(1000)])
    columns: dict[str, Any] = {f"whole{i}": chance.integers(0, 2**40, rows) for i in range(8)}
    columns |= {f"float{i}": chance.random(rows) for i in range(7)}
    columns |= {f"text{i}": words.take(pa.array(chance.integers(0, 1000, rows))) for i in range(5)}
    return pa.table(columns)


def long_texts(rows: int = 10_000) -> Any:
    return pa.table({f"text{i}": [f"{row} " + "lorem ipsum " * 400 for row in range(rows)] for i in range(5)})


def tall(rows: int = 10_000_000) -> Any:
    chance = np.random.default_rng(0)
    words = pa.array([f"word {i}" for i in range(1000)])
    return pa.table(
        {
            "whole": chance.integers(0, 2**40, rows),
            "float": chance.random(rows),
            "text": words.take(pa.array(chance.integers(0, 1000, rows))),
            "time": pa.array(chance.integers(0, 2**50, rows), pa.timestamp("us", "Europe/Berlin")),
        }
    )


def timed(action: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of each round, but the first."""
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        action()
        taken.append((time.perf_counter() - began) * 1000)
    return taken[1:]


def displays(report: Report, title: str, table: Any, quick: Goal | None = None, small: Goal | None = None) -> None:
    """Ours, Daft's own and the others', of one table."""
    taken, size, memory, of_daft = ours(table)
    name = f"display of {title}"
    report.add(
        Figure(AREA, name, "ms", tuple(taken), "Daft, 8 rows, static", tuple(of_daft), quick),
        Figure(AREA, f"memory of {ROUNDS + 1} displays of {title}", "MiB", (memory,), goal=small),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.arrow"
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        for who in PEERS:
            try:
                found = peer(report.peers, who, file)
            except Missing as missing:
                report.add(Unmeasured(AREA, f"{name}, by {who}", str(missing)))
                continue
            report.add(
                Figure(AREA, name, "ms", tuple(taken), who, tuple(found["ms"])),
                Figure(AREA, f"bytes of a {name}", "kB", (size / 1e3,), who, (found["bytes"] / 1e3,)),
            )


def ours(table: Any) -> tuple[list[float], int, float, list[float]]:
    """Milliseconds, bytes of one, MiB of all, and milliseconds of Daft's own."""
    import daft

    from daftnb.previews.source import source_of
    from daftnb.session import open_session
    from daftnb.widgets.preview import Preview

    session, frame = open_session(), daft.from_arrow(table).collect()
    sizes: list[int] = []

    def show() -> None:
        preview = Preview(session, source_of(frame))
        bundle = preview._repr_mimebundle_()[0]
        sizes.append(len(preview.page) + len(json.dumps(preview.table)) + len(json.dumps(bundle)))

    show()
    gc.collect()
    before = psutil.Process().memory_full_info().uss
    taken = timed(show)
    gc.collect()
    memory = (psutil.Process().memory_full_info().uss - before) / 2**20
    return taken, sizes[-1], memory, timed(frame._repr_html_)


def pages(report: Report, title: str, table: Any) -> None:
    """A hundred rows from anywhere."""
    import daft

    from daftnb.engine.rows.results import partitions_of
    from daftnb.previews.encode import encode_page

    frame = daft.from_arrow(table).where(daft.col(table.column_names[0]).not_null()).collect()
    rows, columns = partitions_of(frame), list(range(min(30, table.num_columns)))
    taken, sizes, chance = [], [], np.random.default_rng(1)
    for start in chance.integers(0, rows.rows - 100, PAGES):
        began = time.perf_counter()
        page = encode_page(list(zip(columns, rows.slice(int(start), 100, columns)[1], strict=True)))
        taken.append((time.perf_counter() - began) * 1000)
        sizes.append(len(page.data) / 1e3)
    name = f"page of 100 rows of {title}"
    report.add(
        Figure(AREA, name, "ms", tuple(taken), goal=Goal("p95", 15)),
        Figure(AREA, f"bytes of a {name}", "kB", tuple(sizes), goal=Goal("p95", 256)),
    )


def summaries(table: Any) -> list[float]:
    """Milliseconds of the summaries of all columns."""
    import daft

    from daftnb.previews.source import source_of
    from daftnb.previews.summaries import summarise

    source = source_of(daft.from_arrow(table).collect())
    assert source.rows is not None
    rows = source.rows
    return timed(lambda: list(summarise(source.frame, rows, source.columns, lambda: None)), 7)


def peer(peers: tuple[str, ...], name: str, file: Path) -> dict[str, Any]:
    """A peer's display, in a process of its own: ms of each round, and bytes; Missing where it is not to be had."""
    module, make = PEERS[name]
    python = python_with(peers, module, "pyarrow")
    code = PEER.format(make=make, rounds=ROUNDS + 1, budget=BUDGET)
    done = subprocess.run([python, "-c", code, file], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Missing("fails here: " + done.stderr.strip().splitlines()[-1][:150])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
