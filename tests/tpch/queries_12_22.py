"""TPC-H's queries 12 to 22, see :mod:`tests.tpch.queries`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from daft import col
from daft.functions import when

from tests.tpch.expressions import during, nation_of, only, revenue

if TYPE_CHECKING:
    from daft import DataFrame, Expression

    from tests.tpch.expressions import Tables


def q12(t: Tables) -> DataFrame:
    """Shipping modes and order priority."""
    urgent = col("o_orderpriority").is_in(["1-URGENT", "2-HIGH"])
    return (
        t["lineitem"]
        .where(col("l_shipmode").is_in(["MAIL", "SHIP"]) & during("l_receiptdate", date(1994, 1, 1), date(1995, 1, 1)))
        .where((col("l_commitdate") < col("l_receiptdate")) & (col("l_shipdate") < col("l_commitdate")))
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .with_columns({"high": when(urgent, 1).otherwise(0), "low": when(urgent, 0).otherwise(1)})
        .groupby("l_shipmode")
        .agg(col("high").sum().alias("high_line_count"), col("low").sum().alias("low_line_count"))
        .sort("l_shipmode")
    )


def q13(t: Tables) -> DataFrame:
    """Customer distribution."""
    orders = t["orders"].where(~col("o_comment").like("%special%requests%"))
    return (
        t["customer"]
        .join(orders.select("o_custkey", "o_orderkey"), left_on="c_custkey", right_on="o_custkey", how="left")
        .groupby("c_custkey")
        .agg(col("o_orderkey").count().alias("c_count"))
        .groupby("c_count")
        .agg(col("c_custkey").count().alias("custdist"))
        .sort(["custdist", "c_count"], desc=True)
    )


def q14(t: Tables) -> DataFrame:
    """Promotion effect."""
    return (
        t["lineitem"]
        .where(during("l_shipdate", date(1995, 9, 1), date(1995, 10, 1)))
        .join(t["part"], left_on="l_partkey", right_on="p_partkey")
        .with_column("revenue", revenue())
        .with_column("promoted", only(col("p_type").startswith("PROMO"), "revenue"))
        .agg(col("promoted").sum(), col("revenue").sum())
        .select((100.0 * col("promoted") / col("revenue")).alias("promo_revenue"))
    )


def q15(t: Tables) -> DataFrame:
    """Top supplier."""
    totals = (
        t["lineitem"]
        .where(during("l_shipdate", date(1996, 1, 1), date(1996, 4, 1)))
        .with_column("total_revenue", revenue())
        .groupby("l_suppkey")
        .agg(col("total_revenue").sum())
    )
    return (
        totals.join(totals.agg(col("total_revenue").max().alias("most")), how="cross")
        .where(col("total_revenue") == col("most"))
        .join(t["supplier"], left_on="l_suppkey", right_on="s_suppkey")
        .select(col("l_suppkey").alias("s_suppkey"), "s_name", "s_address", "s_phone", "total_revenue")
        .sort("s_suppkey")
    )


def q16(t: Tables) -> DataFrame:
    """Parts/supplier relationship."""
    complained = t["supplier"].where(col("s_comment").like("%Customer%Complaints%"))
    return (
        t["part"]
        .where((col("p_brand") != "Brand#45") & ~col("p_type").startswith("MEDIUM POLISHED"))
        .where(col("p_size").is_in([49, 14, 23, 45, 19, 3, 36, 9]))
        .join(t["partsupp"], left_on="p_partkey", right_on="ps_partkey")
        .join(complained, left_on="ps_suppkey", right_on="s_suppkey", how="anti")
        .groupby("p_brand", "p_type", "p_size")
        .agg(col("ps_suppkey").count_distinct().alias("supplier_cnt"))
        .sort(["supplier_cnt", "p_brand", "p_type", "p_size"], desc=[True, False, False, False])
    )


def q17(t: Tables) -> DataFrame:
    """Small-quantity-order revenue."""
    parts = t["part"].where((col("p_brand") == "Brand#23") & (col("p_container") == "MED BOX"))
    lines = t["lineitem"].join(parts, left_on="l_partkey", right_on="p_partkey", how="semi")
    usual = lines.groupby("l_partkey").agg((col("l_quantity").mean()).alias("usual"))
    return (
        lines.join(usual, on="l_partkey")
        .where(col("l_quantity") < 0.2 * col("usual"))
        .agg(col("l_extendedprice").sum().alias("total"))
        .select((col("total") / 7.0).alias("avg_yearly"))
    )


def q18(t: Tables) -> DataFrame:
    """Large volume customer."""
    large = t["lineitem"].groupby("l_orderkey").agg(col("l_quantity").sum()).where(col("l_quantity") > 300)
    return (
        t["orders"]
        .join(large, left_on="o_orderkey", right_on="l_orderkey")
        .join(t["customer"], left_on="o_custkey", right_on="c_custkey")
        .select(
            "c_name",
            col("o_custkey").alias("c_custkey"),
            "o_orderkey", "o_orderdate", "o_totalprice",
            col("l_quantity").alias("sum_quantity"),
        )
        .sort(["o_totalprice", "o_orderdate"], desc=[True, False])
        .limit(100)
    )  # fmt: skip


def q19(t: Tables) -> DataFrame:
    """Discounted revenue."""

    def kind(brand: str, container: str, sizes: list[str], least: int, largest: int) -> Expression:
        return (
            (col("p_brand") == brand)
            & col("p_container").is_in([f"{container} {size}" for size in sizes])
            & col("l_quantity").between(least, least + 10)
            & col("p_size").between(1, largest)
        )

    return (
        t["lineitem"]
        .where(col("l_shipmode").is_in(["AIR", "AIR REG"]) & (col("l_shipinstruct") == "DELIVER IN PERSON"))
        .join(t["part"], left_on="l_partkey", right_on="p_partkey")
        .where(
            kind("Brand#12", "SM", ["CASE", "BOX", "PACK", "PKG"], 1, 5)
            | kind("Brand#23", "MED", ["BAG", "BOX", "PKG", "PACK"], 10, 10)
            | kind("Brand#34", "LG", ["CASE", "BOX", "PACK", "PKG"], 20, 15)
        )
        .agg(revenue().sum().alias("revenue"))
    )


def q20(t: Tables) -> DataFrame:
    """Potential part promotion."""
    forest = t["part"].where(col("p_name").startswith("forest"))
    shipped = (
        t["lineitem"]
        .where(during("l_shipdate", date(1994, 1, 1), date(1995, 1, 1)))
        .groupby("l_partkey", "l_suppkey")
        .agg(col("l_quantity").sum())
    )
    plenty = (
        t["partsupp"]
        .join(forest, left_on="ps_partkey", right_on="p_partkey", how="semi")
        .join(shipped, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .where(col("ps_availqty") > 0.5 * col("l_quantity"))
    )
    return (
        t["supplier"]
        .join(nation_of(t, "s", "n_name").where(col("n_name") == "CANADA"), on="s_nationkey", how="semi")
        .join(plenty, left_on="s_suppkey", right_on="ps_suppkey", how="semi")
        .select("s_name", "s_address")
        .sort("s_name")
    )


def q21(t: Tables) -> DataFrame:
    """Suppliers who kept orders waiting: the only late one of an order of several suppliers."""
    of_order = t["lineitem"].groupby("l_orderkey")
    several = of_order.agg(col("l_suppkey").count_distinct().alias("suppliers")).where(col("suppliers") > 1)
    late = t["lineitem"].where(col("l_receiptdate") > col("l_commitdate")).select("l_orderkey", "l_suppkey")
    alone = late.groupby("l_orderkey").agg(col("l_suppkey").count_distinct().alias("late")).where(col("late") == 1)
    suppliers = t["supplier"].join(
        nation_of(t, "s", "n_name").where(col("n_name") == "SAUDI ARABIA"), on="s_nationkey", how="semi"
    )
    return (
        late.join(suppliers, left_on="l_suppkey", right_on="s_suppkey")
        .join(t["orders"].where(col("o_orderstatus") == "F"), left_on="l_orderkey", right_on="o_orderkey", how="semi")
        .join(several, on="l_orderkey", how="semi")
        .join(alone, on="l_orderkey", how="semi")
        .groupby("s_name")
        .agg(col("l_orderkey").count().alias("numwait"))
        .sort(["numwait", "s_name"], desc=[True, False])
        .limit(100)
    )


def q22(t: Tables) -> DataFrame:
    """Global sales opportunity."""
    customers = (
        t["customer"]
        .with_column("cntrycode", col("c_phone").left(2))
        .where(col("cntrycode").is_in(["13", "31", "23", "29", "30", "18", "17"]))
    )
    usual = customers.where(col("c_acctbal") > 0).agg(col("c_acctbal").mean().alias("usual"))
    return (
        customers.join(usual, how="cross")
        .where(col("c_acctbal") > col("usual"))
        .join(t["orders"], left_on="c_custkey", right_on="o_custkey", how="anti")
        .groupby("cntrycode")
        .agg(col("c_custkey").count().alias("numcust"), col("c_acctbal").sum().alias("totacctbal"))
        .sort("cntrycode")
    )
