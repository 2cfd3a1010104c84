"""A frame that looks at another query than the current one, or at two: still a function of the state."""

from __future__ import annotations

from daftnb.telemetry.compare import compare_queries
from daftnb.telemetry.frames import Frame, query_of
from daftnb.telemetry.model import State
from daftnb.telemetry.planframe import plan_of


def focus(state: State, frame: Frame, number: int | None, pair: tuple[int, int] | None, plan: bool = True) -> Frame:
    """``frame`` with the query and the plan of query ``number``, and with two queries compared.

    ``plan``: whether the plan is wanted. A number that the history does not have (any more) changes nothing.
    """
    queries = {query.number: query for query in state.queries.values()}
    looked = queries.get(number) if number is not None else None
    changed = {}
    if looked is not None:
        changed = {"look": number, "query": query_of(looked, frame["now"])}
        if plan:
            changed["plan"] = plan_of(looked)
    if pair is not None and pair[0] in queries and pair[1] in queries:
        changed["compare"] = compare_queries(queries[pair[0]], queries[pair[1]], frame["now"])
    return {**frame, **changed}
