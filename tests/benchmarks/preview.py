"""``python -m tests.benchmarks.preview [--peers PYTHON]``: previews beside those of others, in one run.

A million rows of 20 columns (8 whole numbers, 7 floats, 5 texts), 10 million of 4, and 10,000 rows of 5 long texts.
Measured: a display's payload, warm, and the bytes and memory that it takes; a page of 100 rows anywhere, with its
bytes; the summaries of all columns. The others' displays run in a process each, on the same tables, with the Python
given (an environment that has itables, quak, buckaroo, polars, ipydatagrid, perspective-python); one that is not there
is said. Printed: medians with their spread, in ms, and their ratio to ours; left in artifacts/preview.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

ROUNDS = 15
PAGES = 300

PEER = """
import json, sys, time
import pyarrow as pa
table = pa.ipc.open_file(sys.argv[1]).read_all()
{make}
rounds = []
until = time.perf_counter() + 20
for turn in range({rounds}):
    if turn > 3 and time.perf_counter() > until:
        break
    began = time.perf_counter()
    size = show()
    rounds.append((time.perf_counter() - began) * 1000)
print(json.dumps({{"ms": rounds[1:], "bytes": size}}))
"""
PEERS = {
    "pandas": "df = table.to_pandas()\nshow = lambda: len(df._repr_html_()) + len(repr(df))",
    "polars": "import polars\ndf = polars.from_arrow(table)\nshow = lambda: len(df._repr_html_()) + len(repr(df))",
    "itables": "import itables\ndf = table.to_pandas()\nshow = lambda: len(itables.to_html_datatable(df))",
    "quak": "import quak\nshow = lambda: len(str(quak.Widget(table).get_state()))",
    "buckaroo": "from buckaroo import BuckarooWidget\ndf = table.to_pandas()\n"
    "show = lambda: len(str(BuckarooWidget(df).get_state()))",
    "ipydatagrid": "from ipydatagrid import DataGrid\ndf = table.to_pandas()\n"
    "show = lambda: sum(len(str(value)) for value in DataGrid(df).get_state().values())",
    "perspective": "from perspective.widget import PerspectiveWidget\n"
    "show = lambda: len(str(PerspectiveWidget(table).get_state()))",
}


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


def ours(table: Any) -> dict[str, Any]:
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
    memory = psutil.Process().memory_full_info().uss - before
    return {"ms": taken, "bytes": sizes[-1], "MiB": round(memory / 2**20, 1), "daft": timed(frame._repr_html_)}


def pages(table: Any) -> dict[str, Any]:
    import daft

    from daftnb.engine.partitions import partitions_of
    from daftnb.previews.encode import encode_page

    frame = daft.from_arrow(table).where(daft.col(table.column_names[0]).not_null()).collect()
    rows, columns = partitions_of(frame), list(range(min(30, table.num_columns)))
    taken, sizes, chance = [], [], np.random.default_rng(1)
    for start in chance.integers(0, rows.rows - 100, PAGES):
        began = time.perf_counter()
        page = encode_page(list(zip(columns, rows.slice(int(start), 100, columns)[1], strict=True)))
        taken.append((time.perf_counter() - began) * 1000)
        sizes.append(len(page.data))
    return {"ms": taken, "bytes": max(sizes), "partitions": len(rows.parts)}  # type: ignore[attr-defined]  # they are local


def summaries(table: Any) -> list[float]:
    import daft

    from daftnb.previews.source import source_of
    from daftnb.previews.summaries import summarise

    source = source_of(daft.from_arrow(table).collect())
    assert source.rows is not None
    rows = source.rows
    return timed(lambda: list(summarise(source.frame, rows, source.columns, lambda: None)), 7)


def peer(python: str, name: str, file: Path) -> dict[str, Any] | str:
    """A peer's display, in a process of its own; why not, where it is not to be had."""
    code = PEER.format(make=PEERS[name], rounds=ROUNDS + 1)
    done = subprocess.run([python, "-c", code, file], capture_output=True, text=True, timeout=300)
    if done.returncode:
        return "not to be had: " + done.stderr.strip().splitlines()[-1][:150]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(name: str, taken: list[float], against: float | None = None, more: str = "") -> None:
    """Median, spread and 95th percentile, in ms."""
    median = statistics.median(taken)
    tail = statistics.quantiles(taken, n=20)[-1]
    ratio = f" = {median / against:.1f} × ours" if against else ""
    print(f"  {name:<22} {median:9.2f} ms ({min(taken):.2f} to {max(taken):.2f}, p95 {tail:.2f}){ratio}{more}")


def main() -> int:
    """Measure all, print it, and leave the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.preview")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="an environment with the others")
    python = parser.parse_args().peers
    figures: dict[str, Any] = {}
    for title, table in (("1M × 20", wide()), ("10k × 5 long texts", long_texts())):
        print(f"display of {title} ({table.nbytes / 2**20:.0f} MB)")
        mine = figures[f"display {title}"] = {"daftnb": ours(table)}
        own = mine["daftnb"]
        median = statistics.median(own["ms"])
        line("daftnb", own["ms"], None, f", {own['bytes']:,} bytes, {own['MiB']} MiB for all {ROUNDS + 1}")
        line("Daft, 8 rows, static", own["daft"], median)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "table.arrow"
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            for name in PEERS:
                found = mine[name] = peer(python, name, file)
                if isinstance(found, str):
                    print(f"  {name:<22} {found}")
                else:
                    line(name, found["ms"], median, f", {found['bytes']:,} bytes")
    for title, table in (("10M × 4", tall()), ("1M × 20", wide()), ("10k × 5 long texts", long_texts())):
        found = figures[f"page {title}"] = pages(table)
        print(f"pages of 100 rows of {title}, {found['partitions']} partitions, at most {found['bytes']:,} bytes")
        line("daftnb", found["ms"])
    print("summaries of 1M × 20")
    taken = figures["summaries 1M × 20"] = summaries(wide())
    line("daftnb", taken)
    artifacts = Path(__file__).resolve().parent.parent.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / "preview.json").write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
