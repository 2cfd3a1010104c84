"""All eight tables of TPC-H. The demo makes three; the others are made beside them, in the same way."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from daftnb.demo import tpch

if TYPE_CHECKING:
    from daft import DataFrame

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


def files(folder: Path, scale: float) -> dict[str, str]:
    """Each table's Parquet files, as a pattern; they are made in ``folder`` if they are not there yet."""
    home = folder.resolve() / f"scale-{scale:g}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:  # of all that want them at the same time, one makes them
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all(any((home / table).glob("*.parquet")) for table in TABLES):
            with mock.patch.object(tpch, "TABLES", TABLES):
                tpch.make_tables(home, scale)
    return {table: str(home / table / "*.parquet") for table in TABLES}


def tables(patterns: dict[str, str]) -> dict[str, DataFrame]:
    """The tables in these files as dataframes."""
    import daft

    return {table: daft.read_parquet(pattern) for table, pattern in patterns.items()}
