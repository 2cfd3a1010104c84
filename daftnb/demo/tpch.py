"""Makes the demo's TPC-H tables, and checks results against the benchmark's published answers.

``tpchgen-cli`` makes the tables where the demo runs. Its Parquet names Arrow's string-view type, which Daft 0.7 does
not read, so they are rewritten once with plain strings.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daftnb.errors import DaftnbError

if TYPE_CHECKING:
    from daft import DataFrame

    from daftnb.engine.embedded.head import RayHead

TABLES = ("customer", "lineitem", "orders")
PARTS = 8  # files per table, and so scan tasks
REQUIRED_BYTES = 1_000_000_000  # both copies while they are made, and room to work

# TPC-H specification, clause 2.4 and the answers that come with it: scale factor 1, substitution as in validation.
# For query 1: key → (sum_qty, sum_base_price, count_order); for query 3: the first three rows.
Q1_ANSWER = {
    ("A", "F"): (Decimal("37734107.00"), Decimal("56586554400.73"), 1478493),
    ("N", "F"): (Decimal("991417.00"), Decimal("1487504710.38"), 38854),
    ("N", "O"): (Decimal("74476040.00"), Decimal("111701729697.74"), 2920374),
    ("R", "F"): (Decimal("37719753.00"), Decimal("56568041380.90"), 1478870),
}
Q3_ANSWER = ((2456423, Decimal("406181.0111")), (3459808, Decimal("405838.6989")), (492164, Decimal("390324.0610")))
Q6_ANSWER = Decimal("123141078.2283")


def tpch_tables(folder: str | Path = "tpch-data", scale: float = 1) -> dict[str, DataFrame]:
    """Return TPC-H's customer, lineitem and orders as dataframes; make them in ``folder`` if they are not there yet.

    ``scale``: TPC-H's scale factor; 1 is 270 MB and ten seconds, with the published answers below.
    """
    import daft

    home = Path(folder).resolve()
    if scale != 1:
        home = home / f"scale-{scale:g}"
    if not all(len(list((home / table).glob("*.parquet"))) == PARTS for table in TABLES):
        make_tables(home, scale)
    return {table: daft.read_parquet(str(home / table / "*.parquet")) for table in TABLES}


def job_server() -> RayHead:
    """Start a Ray head with a job server on this machine, to try jobs and connections with.

    It listens on loopback and asks for a token.
    """
    from daftnb.engine.embedded.head import start_head

    return start_head()


def make_tables(home: Path, scale: float = 1) -> None:
    """Generate the tables into ``home``; leave nothing of a run that is cut short."""
    program = Path(sys.executable).parent / "tpchgen-cli"
    command = str(program) if program.exists() else shutil.which("tpchgen-cli")
    if command is None:
        raise DaftnbError(
            "tpchgen-cli, which makes the demo's tables, is not installed.", "Try: pip install 'daftnb[lab]'"
        )
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    required = int(REQUIRED_BYTES * scale)
    if free < required:
        raise DaftnbError(
            f"The demo's tables need about {required // 10**6} MB of disk; {home} has {free // 10**6} MB.",
            "Give tpch_tables another folder.",
        )
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        options = [
            f"--scale-factor={scale:g}",
            f"--parts={PARTS}",
            f"--tables={','.join(TABLES)}",
            f"--output-dir={scratch}",
        ]
        made = subprocess.run([command, "parquet", *options], capture_output=True, text=True)
        if made.returncode:
            raise DaftnbError(
                f"tpchgen-cli failed: {made.stderr.strip()[-300:]}", "Look at its message, then run again."
            )
        for table in TABLES:
            target = Path(scratch) / f"{table}.plain"
            target.mkdir()
            for part in sorted((Path(scratch) / table).glob("*.parquet")):
                plain_strings(part, target / part.name)
            shutil.rmtree(home / table, ignore_errors=True)
            target.rename(home / table)


def plain_strings(source: Path, target: Path) -> None:
    """Copy a Parquet file with its string-view columns as plain strings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    fields = [field.with_type(pa.string()) if pa.types.is_string_view(field.type) else field for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields)), target)


def check_q1(rows: Mapping[str, Sequence[Any]]) -> str:
    """Compare query 1's result with the published answer; AssertionError names the first difference."""
    names = ("l_returnflag", "l_linestatus", "sum_qty", "sum_base_price", "count_order")
    found = {(r, s): (qty, price, count) for r, s, qty, price, count in zip(*(rows[n] for n in names), strict=True)}
    return _same("query 1", found, Q1_ANSWER)


def check_q3(rows: Mapping[str, Sequence[Any]]) -> str:
    """Compare the first rows of query 3's result with the published answer; AssertionError if they differ."""
    return _same("query 3", tuple(zip(rows["l_orderkey"], rows["revenue"], strict=True))[: len(Q3_ANSWER)], Q3_ANSWER)


def check_q6(rows: Mapping[str, Sequence[Any]]) -> str:
    """Compare query 6's result with the published answer; AssertionError if it differs."""
    return _same("query 6", rows["revenue"][0], Q6_ANSWER)


def _same(what: str, found: object, expected: object) -> str:
    if found != expected:
        raise AssertionError(f"{what}: {found!r} is not the published {expected!r}")
    return f"{what}: equal to TPC-H's published answer"
