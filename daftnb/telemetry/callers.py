"""Finds the operators that call a query's functions: Daft names a function in its operator, and says no more of it.

Seen in plans of both runners: the operator "UDF score" with the detail "UDF __main__.score:" or, where the expressions
are known, "__main__.score-264212-0(x) as y"; "ActorUDF" with "ActorUDF: __main__.Model.__call__"; and for the functions
that Daft brings along the function's own name, with "Builtin UDF …".
"""

from __future__ import annotations

from daftnb.telemetry import events as e
from daftnb.telemetry.functions import Function
from daftnb.telemetry.model import Query


def is_udf(node: e.PlanNode) -> bool:
    """Return True if an operator says of itself that it calls a user's function."""
    return "UDF" in node.name or "UDF" in node.detail[:200].split("\n", 1)[0]


def is_pool(node: e.PlanNode) -> bool:
    """Return True if an operator's function runs in actors of its own, of which the engine tells no figures."""
    return "ActorUDF" in node.name or "ActorPool" in node.name


def callers(query: Query) -> dict[str, list[int]]:
    """Return the ids of the operators that call each function, by the function's key; of some there may be none."""
    if not query.functions:
        return {}
    nodes = {id_: operator.node for id_, operator in query.operators.items()}
    # Those that say that they call a function come first: the others are looked at where none of them is the one.
    kinds = [{id_: node for id_, node in nodes.items() if is_udf(node) is told} for told in (True, False)]
    found = {function.key: _by_whole_name(function, kinds) for function in query.functions.values()}
    taken = {id_ for ids in found.values() for id_ in ids}
    free = {id_: node for id_, node in nodes.items() if id_ not in taken}
    left = [function for function in query.functions.values() if not found[function.key]]
    by_last: dict[str, list[Function]] = {}
    for function in left:
        by_last.setdefault(_last(function.name), []).append(function)
    for last, functions in by_last.items():
        named = [id_ for id_, node in free.items() if last and has_name(node.name, last)]
        if len(functions) == 1:
            found[functions[0].key] = named
    taken.update(id_ for ids in found.values() for id_ in ids)
    left = [function for function in left if not found[function.key]]
    unnamed = [id_ for id_, node in free.items() if id_ not in taken and is_udf(node)]
    if len(left) == len(unnamed) == 1:
        found[left[0].key] = unnamed
    return found


def _by_whole_name(function: Function, kinds: list[dict[int, e.PlanNode]]) -> list[int]:
    for name in (function.key, function.name):
        if "." not in name and "-" not in name:  # as short as any word of an expression
            continue
        for nodes in kinds:
            named = [
                id_
                for id_, node in nodes.items()
                if (name in node.detail and has_name(node.detail, name))
                or (name in node.name and has_name(node.name, name))
            ]
            if named:
                return named
    return []


def _last(name: str) -> str:
    """Return the last part of a dotted name, as Daft takes it: what comes after the last full stop."""
    return name.rpartition(".")[2]


def has_name(text: str, name: str) -> bool:
    """Return True if a name stands in a text by itself, and not as a part of a longer one."""
    place = text.find(name)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(name) : place + len(name) + 2]
        if not (before.isalnum() or before in ("_", ".")) and not _goes_on(after):
            return True
        place = text.find(name, place + 1)
    return False


def _goes_on(after: str) -> bool:
    """Return True if these characters after a name belong to it."""
    first, second = after[:1], after[1:]
    return first.isalnum() or first == "_" or (first == "." and (second.isalnum() or second == "_"))
