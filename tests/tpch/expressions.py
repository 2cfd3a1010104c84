"""What several of TPC-H's queries have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from daft import DataType, col, lit
from daft.functions import when

if TYPE_CHECKING:
    from daft import DataFrame, Expression

    Tables = Mapping[str, DataFrame]

ONE = lit(1).cast(DataType.decimal128(3, 2))


def rate(name: str) -> Expression:
    """A discount or a tax with no more digits than it has: Daft adds up those of factors, and refuses more than 38."""
    return col(name).cast(DataType.decimal128(4, 2))


def revenue() -> Expression:
    """What a line item brings, its discount taken off."""
    return col("l_extendedprice") * (ONE - rate("l_discount"))


def only(condition: Expression, name: str) -> Expression:
    """A decimal column where the condition holds, else 0."""
    return when(condition, col(name)).otherwise(lit(0).cast(DataType.decimal128(5, 4)))


def during(name: str, first: date, end: date) -> Expression:
    """Whether a date is ``first`` or later, and before ``end``."""
    return (col(name) >= first) & (col(name) < end)


def nation_of(t: Tables, prefix: str, nation: str) -> DataFrame:
    """The nations with their names called ``nation``, to be joined by ``{prefix}_nationkey``."""
    return t["nation"].select(
        col("n_nationkey").alias(f"{prefix}_nationkey"), col("n_name").alias(nation), col("n_regionkey")
    )


def in_region(t: Tables, prefix: str, nation: str, region: str) -> DataFrame:
    """The same, of one region."""
    regions = t["region"].where(col("r_name") == region)
    return nation_of(t, prefix, nation).join(regions, left_on="n_regionkey", right_on="r_regionkey", how="semi")
