"""The 22 queries of TPC-H with Daft's dataframes, with the substitution parameters of the specification's validation.

Each takes the eight tables by name and gives a dataframe that has not run, its columns named and ordered as in the
specification (clause 2.4). A subquery that is one value is a table of one row, joined crosswise; ``exists`` is a semi
join, ``not exists`` an anti join.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.tpch import queries_1_11, queries_12_22
from tests.tpch.queries_1_11 import FRACTION

if TYPE_CHECKING:
    from daft import DataFrame

    from tests.tpch.expressions import Tables

    Query = Callable[[Tables], DataFrame]

QUERIES: dict[int, Query] = {
    number: getattr(queries_1_11 if number <= 11 else queries_12_22, f"q{number}") for number in range(1, 23)
}


def queries(scale: float = 1) -> dict[int, Query]:
    """All of them by number, for tables of this scale factor."""
    return {**QUERIES, 11: partial(queries_1_11.q11, fraction=FRACTION / scale)}
