"""Compares two queries, operator by operator and function by function: the second as a multiple of the first."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from daftnb.settings import SETTINGS
from daftnb.telemetry.functions import Function
from daftnb.telemetry.model import Operator, Query
from daftnb.telemetry.plantopic import plan_of
from daftnb.telemetry.wire import Compared, Comparison, Did, Plan, Ratios

MOST_ALIGNED = 300  # operators; beyond them they are matched by position, as alignment costs the square

Placed = tuple[int, Operator]  # with its distance from the root


def compare_queries(a: Query, b: Query, now: float | None = None) -> Comparison:
    """Return what ``a`` and ``b`` did, as one JSON object.

    ``now``: up to when a query that still runs is counted, in seconds since the epoch.
    ``totals``: measure → [a, b, b ÷ a]; ``operators``: in the plan's order from the root down, each with ``depth``,
    ``a`` and ``b`` (None where that query has no such operator) and ``ratio`` (of each measure, b ÷ a); ``settings``:
    those that differ, name → [a, b]. Times are seconds in totals and µs of work in operators, with what is derived of
    it; ``skew`` is the longest task ÷ the median one (approximate); a ratio with nothing below is None.
    """
    rows: dict[str, Compared] = {}
    plan_a, plan_b = plan_of(a, now=now), plan_of(b, now=now)
    for index, (left, right) in enumerate(_matched(list(_walk(a)), list(_walk(b)))):
        one, two = _facts(a, plan_a, left), _facts(b, plan_b, right)
        rows[str(index)] = {
            "depth": (left or right or (0, None))[0],
            "a": one,
            "b": two,
            "ratio": _ratios(one, two) if one and two else None,
        }
    return {
        "numbers": [a.number, b.number],
        "states": [a.state, b.state],
        "totals": {name: [x, y, _ratio(x, y)] for name, x, y in _totals(a, b, now)},
        "operators": rows,
        "settings": _settings(a, b),
    }


def compare_functions(a: Query, b: Query) -> Iterator[tuple[str, Function | None, Function | None]]:
    """Yield the functions (UDFs) of two queries by their names, in the order of ``a``; None where one lacks it.

    Of several with one name the first of ``a`` goes with the first of ``b``, and so on.
    """
    others: dict[str, list[Function]] = {}
    for function in b.functions.values():
        others.setdefault(function.name, []).append(function)
    for function in a.functions.values():
        same = others.get(function.name)
        yield function.name, function, same.pop(0) if same else None
    for name, left in others.items():
        for function in left:
            yield name, None, function


def _walk(query: Query) -> Iterator[Placed]:
    """Yield the operators from the root down, each once with its depth, inputs in their order."""
    stack = [] if query.root is None else [(0, query.root)]
    seen = set()
    while stack:
        depth, id_ = stack.pop()
        if id_ in seen or id_ not in query.operators:
            continue
        seen.add(id_)
        yield depth, query.operators[id_]
        stack.extend((depth + 1, child) for child in reversed(query.operators[id_].node.inputs))


def _matched(a: list[Placed], b: list[Placed]) -> Iterator[tuple[Placed | None, Placed | None]]:
    """Yield pairs of operators of ``a`` and ``b``, with None where one has no partner.

    Runs of the same names are paired with each other; what differs between them is paired by position.
    """
    if max(len(a), len(b)) > MOST_ALIGNED:
        spans = [("replace", 0, len(a), 0, len(b))]
    else:
        names = [operator.node.name for _, operator in a], [operator.node.name for _, operator in b]
        spans = list(SequenceMatcher(None, *names, autojunk=False).get_opcodes())
    for _, from_a, to_a, from_b, to_b in spans:
        left, right = a[from_a:to_a], b[from_b:to_b]
        for place in range(max(len(left), len(right))):
            yield (left[place] if place < len(left) else None), (right[place] if place < len(right) else None)


def _facts(query: Query, plan: Plan | None, placed: Placed | None) -> Did | None:
    if placed is None or plan is None:
        return None
    _, operator = placed
    row = plan["operators"][str(operator.node.id)]
    durations = query.durations.get(operator.node.id)
    median = durations.median() if durations and durations.count > 1 else None
    stage = query.stages.get(operator.node.id)
    own, derived = row["duration_us"], row["derived_us"]
    return {
        "id": operator.node.id,
        "name": operator.node.name,
        "detail": operator.node.detail,
        "rows": row["rows_out"],
        "bytes": row["bytes_out"],
        "duration_us": own if derived is None else (own or 0) + derived,
        "tasks": stage.counts.submitted if stage else None,
        "skew": round(durations.longest[0][0] / median, 3) if durations and median else None,
    }


def _ratios(one: Did, two: Did) -> Ratios:
    return {
        "rows": _ratio(one["rows"], two["rows"]),
        "bytes": _ratio(one["bytes"], two["bytes"]),
        "duration_us": _ratio(one["duration_us"], two["duration_us"]),
        "tasks": _ratio(one["tasks"], two["tasks"]),
        "skew": _ratio(one["skew"], two["skew"]),
    }


def _totals(a: Query, b: Query, now: float | None) -> Iterator[tuple[str, float | None, float | None]]:
    def took(query: Query) -> float | None:
        end = now if query.ended is None else query.ended
        return None if end is None else round(max(0.0, end - query.started), 3)

    def tasks(query: Query) -> int | None:
        counts = query.tasks()
        return counts.submitted if counts else None

    def node_seconds(query: Query) -> float | None:
        return round(query.node_seconds, 3) if query.runner == "ray" else None

    yield "elapsed", took(a), took(b)
    yield "rows", a.result_rows, b.result_rows
    yield "tasks", tasks(a), tasks(b)
    yield "peak_ratio", a.peak_ratio, b.peak_ratio
    yield "workers", a.workers_to, b.workers_to
    yield "node_seconds", node_seconds(a), node_seconds(b)


def _settings(a: Query, b: Query) -> dict[str, list[str | None]]:
    pairs = {name: [setting.among(a.settings), setting.among(b.settings)] for name, setting in SETTINGS.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None or not a else round(b / a, 4)
