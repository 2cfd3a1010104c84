"""TPC-H's queries 1 to 11, see :mod:`tests.tpch.queries`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from daft import col

from tests.tpch.expressions import ONE, during, in_region, nation_of, only, rate, revenue

if TYPE_CHECKING:
    from daft import DataFrame

    from tests.tpch.expressions import Tables

FRACTION = 0.0001  # of query 11, at scale factor 1; it goes down as the tables grow


def q1(t: Tables) -> DataFrame:
    """Pricing summary report."""
    return (
        t["lineitem"]
        .where(col("l_shipdate") <= date(1998, 9, 2))
        .with_column("disc_price", revenue())
        .with_column("charge", col("disc_price") * (ONE + rate("l_tax")))
        .groupby("l_returnflag", "l_linestatus")
        .agg(
            col("l_quantity").sum().alias("sum_qty"),
            col("l_extendedprice").sum().alias("sum_base_price"),
            col("disc_price").sum().alias("sum_disc_price"),
            col("charge").sum().alias("sum_charge"),
            col("l_quantity").mean().alias("avg_qty"),
            col("l_extendedprice").mean().alias("avg_price"),
            col("l_discount").mean().alias("avg_disc"),
            col("l_quantity").count().alias("count_order"),
        )
        .sort(["l_returnflag", "l_linestatus"])
    )


def q2(t: Tables) -> DataFrame:
    """Minimum cost supplier."""
    suppliers = t["supplier"].join(in_region(t, "s", "n_name", "EUROPE"), on="s_nationkey")
    offers = (
        t["part"]
        .where((col("p_size") == 15) & col("p_type").endswith("BRASS"))
        .join(t["partsupp"], left_on="p_partkey", right_on="ps_partkey")
        .join(suppliers, left_on="ps_suppkey", right_on="s_suppkey")
    )
    least = offers.groupby("p_partkey").agg(col("ps_supplycost").min())
    return (
        offers.join(least, on=["p_partkey", "ps_supplycost"])
        .select("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment")
        .sort(["s_acctbal", "n_name", "s_name", "p_partkey"], desc=[True, False, False, False])
        .limit(100)
    )


def q3(t: Tables) -> DataFrame:
    """Shipping priority."""
    return (
        t["customer"]
        .where(col("c_mktsegment") == "BUILDING")
        .join(t["orders"].where(col("o_orderdate") < date(1995, 3, 15)), left_on="c_custkey", right_on="o_custkey")
        .join(t["lineitem"].where(col("l_shipdate") > date(1995, 3, 15)), left_on="o_orderkey", right_on="l_orderkey")
        .with_column("revenue", revenue())
        .groupby(col("o_orderkey").alias("l_orderkey"), "o_orderdate", "o_shippriority")
        .agg(col("revenue").sum())
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort(["revenue", "o_orderdate"], desc=[True, False])
        .limit(10)
    )


def q4(t: Tables) -> DataFrame:
    """Order priority checking."""
    late = t["lineitem"].where(col("l_commitdate") < col("l_receiptdate"))
    return (
        t["orders"]
        .where(during("o_orderdate", date(1993, 7, 1), date(1993, 10, 1)))
        .join(late, left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .groupby("o_orderpriority")
        .agg(col("o_orderkey").count().alias("order_count"))
        .sort("o_orderpriority")
    )


def q5(t: Tables) -> DataFrame:
    """Local supplier volume."""
    suppliers = t["supplier"].join(in_region(t, "s", "n_name", "ASIA"), on="s_nationkey")
    return (
        t["orders"]
        .where(during("o_orderdate", date(1994, 1, 1), date(1995, 1, 1)))
        .join(t["customer"], left_on="o_custkey", right_on="c_custkey")
        .join(t["lineitem"], left_on="o_orderkey", right_on="l_orderkey")
        .join(suppliers, left_on=["l_suppkey", "c_nationkey"], right_on=["s_suppkey", "s_nationkey"])
        .with_column("revenue", revenue())
        .groupby("n_name")
        .agg(col("revenue").sum())
        .sort("revenue", desc=True)
    )


def q6(t: Tables) -> DataFrame:
    """Forecasting revenue change."""
    return (
        t["lineitem"]
        .where(during("l_shipdate", date(1994, 1, 1), date(1995, 1, 1)))
        .where(col("l_discount").between(0.05, 0.07) & (col("l_quantity") < 24))
        .agg((col("l_extendedprice") * col("l_discount")).sum().alias("revenue"))
    )


def q7(t: Tables) -> DataFrame:
    """Volume shipping."""
    two = ["FRANCE", "GERMANY"]
    suppliers = t["supplier"].join(nation_of(t, "s", "supp_nation").where(col("supp_nation").is_in(two)), "s_nationkey")
    customers = t["customer"].join(nation_of(t, "c", "cust_nation").where(col("cust_nation").is_in(two)), "c_nationkey")
    return (
        t["lineitem"]
        .where(col("l_shipdate").between(date(1995, 1, 1), date(1996, 12, 31)))
        .join(suppliers, left_on="l_suppkey", right_on="s_suppkey")
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .join(customers, left_on="o_custkey", right_on="c_custkey")
        .where(col("supp_nation") != col("cust_nation"))
        .with_columns({"l_year": col("l_shipdate").year(), "volume": revenue()})
        .groupby("supp_nation", "cust_nation", "l_year")
        .agg(col("volume").sum().alias("revenue"))
        .sort(["supp_nation", "cust_nation", "l_year"])
    )


def q8(t: Tables) -> DataFrame:
    """National market share."""
    suppliers = t["supplier"].join(nation_of(t, "s", "nation"), on="s_nationkey")
    customers = t["customer"].join(in_region(t, "c", "customer_nation", "AMERICA"), on="c_nationkey", how="semi")
    return (
        t["part"]
        .where(col("p_type") == "ECONOMY ANODIZED STEEL")
        .join(t["lineitem"], left_on="p_partkey", right_on="l_partkey")
        .join(
            t["orders"].where(col("o_orderdate").between(date(1995, 1, 1), date(1996, 12, 31))),
            left_on="l_orderkey",
            right_on="o_orderkey",
        )
        .join(customers, left_on="o_custkey", right_on="c_custkey", how="semi")
        .join(suppliers, left_on="l_suppkey", right_on="s_suppkey")
        .with_columns({"o_year": col("o_orderdate").year(), "volume": revenue()})
        .with_column("brazilian", only(col("nation") == "BRAZIL", "volume"))
        .groupby("o_year")
        .agg(col("brazilian").sum(), col("volume").sum())
        .select("o_year", (col("brazilian").cast(float) / col("volume").cast(float)).alias("mkt_share"))
        .sort("o_year")
    )


def q9(t: Tables) -> DataFrame:
    """Product type profit measure."""
    suppliers = t["supplier"].join(nation_of(t, "s", "nation"), on="s_nationkey")
    return (
        t["part"]
        .where(col("p_name").contains("green"))
        .join(t["lineitem"], left_on="p_partkey", right_on="l_partkey")
        .join(t["partsupp"], left_on=["p_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])
        .join(suppliers, left_on="l_suppkey", right_on="s_suppkey")
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .with_columns(
            {
                "o_year": col("o_orderdate").year(),
                "amount": revenue() - col("ps_supplycost") * col("l_quantity"),
            }
        )
        .groupby("nation", "o_year")
        .agg(col("amount").sum().alias("sum_profit"))
        .sort(["nation", "o_year"], desc=[False, True])
    )


def q10(t: Tables) -> DataFrame:
    """Returned item reporting."""
    return (
        t["orders"]
        .where(during("o_orderdate", date(1993, 10, 1), date(1994, 1, 1)))
        .join(t["lineitem"].where(col("l_returnflag") == "R"), left_on="o_orderkey", right_on="l_orderkey")
        .with_column("revenue", revenue())
        .groupby("o_custkey")
        .agg(col("revenue").sum())
        .join(t["customer"], left_on="o_custkey", right_on="c_custkey")
        .join(nation_of(t, "c", "n_name"), on="c_nationkey")
        .select(
            col("o_custkey").alias("c_custkey"),
            "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment",
        )
        .sort("revenue", desc=True)
        .limit(20)
    )  # fmt: skip


def q11(t: Tables, fraction: float = FRACTION) -> DataFrame:
    """Important stock identification."""
    suppliers = t["supplier"].join(nation_of(t, "s", "n_name").where(col("n_name") == "GERMANY"), on="s_nationkey")
    stock = (
        t["partsupp"]
        .join(suppliers, left_on="ps_suppkey", right_on="s_suppkey", how="semi")
        .with_column("value", col("ps_supplycost") * col("ps_availqty"))
    )
    return (
        stock.groupby("ps_partkey")
        .agg(col("value").sum())
        .join(stock.agg(col("value").sum().alias("total")), how="cross")
        .where(col("value") > col("total") * fraction)
        .select("ps_partkey", "value")
        .sort("value", desc=True)
    )
