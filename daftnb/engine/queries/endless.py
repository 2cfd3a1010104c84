"""Recognises the plans that Daft (up to 0.7.26 at least) never ends on Ray: ``into_partitions`` over ``limit``.

``IntoPartitions`` gathers all of its input's tasks before it submits one (``pipeline_node/into_partitions.rs``);
``Limit`` ends its list of tasks only when those that it has handed out have run (``pipeline_node/limit.rs``). Each
waits for the other. The optimiser brings a limit below: ``df.into_partitions(6).show()`` is such a plan too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daftnb.engine import internals
from daftnb.engine.queries.plans import plan_nodes, read_json
from daftnb.telemetry.events import PlanNode

WORDS = (
    "Daft on Ray never ends this query: into_partitions waits for all tasks of the limit, and the limit waits for "
    "into_partitions. Stop the query, and run .collect() between the two"
)
# Operators that hand each task of their input on as it comes, with more to do. All others run what they are given.
_PASSING = frozenset(
    ("ActorUDF", "Concat", "Explode", "Filter", "IntoBatches", "Monotonic ID", "Project", "Sample", "UDF", "Unpivot")
)


def is_endless(operators: Iterable[PlanNode]) -> bool:
    """Return True if this physical plan of the Ray runner is one that never ends."""
    by_id = {node.id: node for node in operators}
    seen: set[int] = set()
    below = [id_ for node in by_id.values() if node.name == "IntoPartitions" for id_ in node.inputs]
    while below:
        node = by_id.get(id_ := below.pop())
        if node is None or id_ in seen:
            continue
        seen.add(id_)
        if node.name == "Limit":
            return True
        if node.name in _PASSING or node.name.startswith("UDF"):
            below.extend(node.inputs)
    return False


def never_ends(dataframe: Any) -> bool:
    """Return True if Daft on Ray would never end this dataframe's query; False where that cannot be told.

    Nothing runs.
    """
    if internals.ENDLESS in internals.missing("daft"):
        return False
    import daft
    from daft.context import get_context

    config = get_context().daft_execution_config
    plan = daft.daft.DistributedPhysicalPlan.from_logical_plan_builder(
        dataframe._builder.optimize(config)._builder, "plan", config
    )
    return is_endless(plan_nodes(read_json(plan.repr_json())))
