"""All of TPC-H's queries on Daft's native runner, against DuckDB's answers over the same files."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.tpch.answers import Answers, difference, equal
from tests.tpch.queries import QUERIES, queries
from tests.tpch.tables import files, tables

if TYPE_CHECKING:
    from daft import DataFrame

SCALE = 0.05  # at which every query has something to say: at 0.01 query 17 is null, at 0.02 query 11 has no row


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return files(tmp_path_factory.mktemp("tpch"), SCALE)


@pytest.fixture(scope="module")
def data(patterns: dict[str, str]) -> dict[str, DataFrame]:
    return tables(patterns)


@pytest.fixture(scope="module")
def answers(patterns: dict[str, str]) -> Answers:
    found = Answers(patterns, SCALE)
    assert len(found) == len(QUERIES) == 22
    return found


@pytest.mark.parametrize("number", QUERIES)
def test_daft_and_duckdb_give_the_same(number: int, data: dict[str, DataFrame], answers: Answers) -> None:
    answer = answers[number]
    assert answer.num_rows and all(column.null_count == 0 for column in answer.columns)
    assert difference(queries(SCALE)[number](data).to_arrow(), answer) is None


def test_a_difference_is_told() -> None:
    table = pa.table({"a": [1, 2], "b": [0.1 + 0.2, 1e9]})
    assert difference(table, pa.table({"a": [1, 2], "b": [0.3, 1e9]})) is None
    assert difference(table, pa.table({"a": [1, 2], "b": [0.3, 1e9 + 2]})) == "row 1, b: 1000000000.0, not 1000000002.0"
    assert difference(table, pa.table({"a": [2, 1], "b": [0.3, 1e9]})) == "row 0, a: 1, not 2"
    assert difference(table, pa.table({"a": [1], "b": [0.3]})) == "2 rows, not 1"
    assert difference(table, pa.table({"b": [0.3, 1e9], "a": [1, 2]})) == "columns ['a', 'b'], not ['b', 'a']"


def test_decimals_are_equal_to_their_last_place() -> None:
    assert not equal(Decimal("1.01"), Decimal("1.02"))
    assert equal(Decimal("0.333333"), 1 / 3) and not equal(Decimal("0.333331"), 1 / 3)
    assert equal(None, None) and not equal(None, 0.0)
