"""TPC-H's answers by another engine: DuckDB, over the same Parquet, with the specification's own SQL."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.tpch.queries_1_11 import FRACTION

SQL = (Path(__file__).parent / "queries.sql").read_text()


class Answers:
    """The answers for the tables in these files, of this scale factor."""

    def __init__(self, patterns: Mapping[str, str], scale: float) -> None:
        self._fraction = FRACTION / scale
        self._statements = [each for each in SQL.split(";") if each.strip()]
        self._connection = duckdb.connect()
        for table, pattern in patterns.items():
            self._connection.execute(f"create view {table} as select * from read_parquet('{pattern}')")

    def __getitem__(self, number: int) -> pa.Table:
        statement = self._statements[number - 1].replace("$fraction", f"{self._fraction:.12f}")
        return self._connection.sql(statement).to_arrow_table()

    def __len__(self) -> int:
        return len(self._statements)


def difference(found: pa.Table, expected: pa.Table) -> str | None:
    """The first of what differs, in the columns' names or a row, in their order; None where nothing does."""
    if found.column_names != expected.column_names:
        return f"columns {found.column_names}, not {expected.column_names}"
    if found.num_rows != expected.num_rows:
        return f"{found.num_rows} rows, not {expected.num_rows}"
    for number, (ours, theirs) in enumerate(zip(found.to_pylist(), expected.to_pylist(), strict=True)):
        for name in expected.column_names:
            if not equal(ours[name], theirs[name]):
                return f"row {number}, {name}: {ours[name]!r}, not {theirs[name]!r}"
    return None


def equal(one: Any, two: Any) -> bool:
    """Whether two engines say the same: decimals and all else exactly; a float to nine digits, or, beside a decimal
    (Daft's mean of decimals is one, of six places), to the last place of that."""
    if not (isinstance(one, float) or isinstance(two, float)) or one is None or two is None:
        return bool(one == two)
    place = max((10.0 ** int(each.as_tuple().exponent) for each in (one, two) if isinstance(each, Decimal)), default=0)
    return math.isclose(float(one), float(two), rel_tol=1e-9, abs_tol=place)
