"""Plans as snapshots: a join of two scans with a slow side, uneven tasks, a wrong estimate, and its logical forms."""

from __future__ import annotations

from typing import Any

from daftnb.telemetry import events as e
from daftnb.telemetry.plantopic import Snapshot, plan_not_run
from tests.helpers import scaling

LOGICAL = (
    e.PlanNode(0, "Source", "Source", ()),
    e.PlanNode(1, "Source", "Source", ()),
    e.PlanNode(2, "Join", "Join", (0, 1), "on: col(left.l_orderkey#Int64) == col(right.o_orderkey#Int64)"),
    e.PlanNode(
        3,
        "Filter",
        "Filter",
        (2,),
        "predicate: [col(o_orderdate) < lit(1995-03-15)] & [col(l_shipdate) > lit(1995-03-15)]",
    ),
    e.PlanNode(4, "Project", "Project", (3,), "projection: col(l_orderkey), score(col(l_comment)) as score"),
    e.PlanNode(5, "Aggregate", "Aggregate", (4,), "aggregations: sum(col(score))\ngroupby: col(l_orderkey)"),
    e.PlanNode(6, "Sort", "Sort", (5,), "sort by: col(score)\ndescending: true\nnulls first: true"),
    e.PlanNode(7, "Limit", "Limit", (6,), "limit: 10"),
)
OPTIMISED = (
    e.PlanNode(0, "Source", "Source", (), "Number of partitions: 12", 1_500_000),
    e.PlanNode(1, "Filter", "Filter", (0,), "predicate: col(o_orderdate) < lit(1995-03-15)", 750_000),
    e.PlanNode(2, "Source", "Source", (), "Number of partitions: 46", 6_000_000),
    e.PlanNode(3, "Filter", "Filter", (2,), "predicate: col(l_shipdate) > lit(1995-03-15)", 3_000_000),
    e.PlanNode(4, "Join", "Join", (1, 3), LOGICAL[2].detail, 3_100_000),
    e.PlanNode(5, "UDFProject", "UDFProject", (4,), "expr: score(col(l_comment)) as score", 3_100_000),
    e.PlanNode(6, "Aggregate", "Aggregate", (5,), LOGICAL[5].detail, 11_600),
    e.PlanNode(7, "TopN", "TopN", (6,), "sort by: col(score)\ndescending: true\nlimit: 10", 10),
)
_PHYSICAL: tuple[tuple[Any, ...], ...] = (
    # id, name, detail, inputs, rows in, out, bytes, µs, expected, tasks done of submitted, stage, slowest
    (1, "ScanTaskSource", "Num Scan Tasks: 12\nSchema: o_orderkey#Int64, o_orderdate#Date", (), None, 1_500_000,
     61_000_000, 900_000, 1_500_000, (12, 12), 2, False),
    (2, "Filter", "col(1: o_orderdate) < lit(1995-03-15)", (1,), 1_500_000, 730_000, 30_000_000, 300_000, 750_000,
     (12, 12), 2, False),
    (3, "ScanTaskSource", "Num Scan Tasks: 46", (), None, 5_980_000, 214_000_000, 1_800_000, 6_000_000, (46, 46), 4,
     True),
    (4, "Filter", "col(2: l_shipdate) > lit(1995-03-15)", (3,), 5_980_000, 3_240_000, 116_000_000, 700_000, 3_000_000,
     (46, 46), 4, True),
    (5, "HashJoin", "On: col(0: l_orderkey) = col(0: o_orderkey)\nType: Inner", (2, 4), 3_970_000, 30_500, 2_400_000,
     6_000_000, 3_100_000, (20, 40), 6, True),
    (6, "UDF score", "score(col(3: l_comment)) as score", (5,), 30_500, 30_500, 3_100_000, 11_400_000, 3_100_000,
     (20, 40), 6, True),
    (7, "Grouped Aggregation", "sum(col(1: score))\nGroup by: col(0: l_orderkey)", (6,), 11_600, 4_100, 800_000,
     1_100_000, 11_600, (4, 16), 7, True),
    (8, "TopN 10", "col(score), descending", (7,), None, None, None, None, 10, None, None, True),
)  # fmt: skip
SKEW = {
    "tasks": 40,
    "median": 1.1,
    "longest": [
        {"seconds": 8.2, "task": 731, "worker": "b"},
        {"seconds": 2.9, "task": 702, "worker": "a"},
        {"seconds": 1.3, "task": 744, "worker": "c"},
    ],
}


def snapshot(over: bool = False) -> Snapshot:
    """The cluster of :mod:`tests.helpers.scaling`, with this plan."""
    made = scaling.snapshot(over)
    whole = sum(row[7] or 0 for row in _PHYSICAL)
    rows = {}
    for id_, name, detail, inputs, rows_in, out, size, duration, expected, tasks, stage, slowest in _PHYSICAL:
        finished, submitted = tasks or (0, 0)
        if over:
            finished, submitted, out, size, duration = submitted or 1, submitted or 1, out or 10, size or 240, duration
        failed = 2 if id_ == 7 and not over else 0
        running = min(2, submitted - finished)
        counts = scaling.counts(finished, submitted, running)
        counts |= {"failed": failed, "pending": counts["pending"] - failed}
        rows[str(id_)] = {
            "id": id_,
            "name": name,
            "kind": "Physical",
            "detail": detail,
            "inputs": list(inputs),
            "state": "waiting" if submitted == 0 else "finished" if finished == submitted else "running",
            "rows_in": rows_in,
            "rows_out": out,
            "bytes_in": None,
            "bytes_out": size,
            "duration_us": duration,
            "derived_us": None,
            "derived_rows": False,
            "time_share": None if duration is None else round(duration / whole, 4),
            "estimated_rows": expected,
            "selectivity": round(out / rows_in, 6) if rows_in and out else None,
            "slowest": slowest,
            "tasks": counts if submitted else None,
            "stage": stage,
            "skew": SKEW if id_ == 6 else None,
        }
    trees = plan_not_run(made, "", {"logical": LOGICAL, "optimised": OPTIMISED})["plan"]["plans"]
    plan = {"query": "sleek-bear", "number": 7, "root": 8, "operators": rows, "plans": trees, "functions": {}}
    plan |= {"models": {}, "models_left_out": 0}
    score = {"count": 2, "idle": 1, "awaited": 0, "limit": 0.0, "asked": 2, "why": ""}
    return made | {"plan": plan | {"udfs": {"UDF score": score}}}


def not_run() -> Snapshot:
    """The plans of a dataframe called ``top``."""
    return plan_not_run(snapshot(), "top", {"logical": LOGICAL, "optimised": OPTIMISED, "physical": OPTIMISED})
