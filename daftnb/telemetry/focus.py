"""Makes a snapshot of another query than the current one, or of two."""

from __future__ import annotations

from daftnb.telemetry.compare import compare_queries
from daftnb.telemetry.model import State
from daftnb.telemetry.period import at_that_time
from daftnb.telemetry.plantopic import plan_of
from daftnb.telemetry.snapshots import Snapshot, query_of


def focus(
    state: State, snapshot: Snapshot, number: int | None, pair: tuple[int, int] | None, plan: bool = True
) -> Snapshot:
    """Return ``snapshot`` with the query and the plan of query ``number``, and with two queries compared.

    The backlog, the decisions and the settings in effect are those of that query's time. ``plan``: whether the plan is
    wanted. A number that the history does not have (any more) changes nothing.
    """
    queries = {query.number: query for query in state.queries.values()}
    looked = queries.get(number) if number is not None else None
    found: Snapshot = {**snapshot}
    if looked is not None:
        then = at_that_time(state, snapshot, looked)
        found = {**snapshot, "look": number, "query": query_of(looked, snapshot["now"]), **then}
        if plan:
            found["plan"] = plan_of(looked, state.workers, snapshot["now"])
    if pair is not None and pair[0] in queries and pair[1] in queries:
        found["compare"] = compare_queries(queries[pair[0]], queries[pair[1]], snapshot["now"])
    return found
