"""Hypothesis strategies for events, made from their annotations."""

from __future__ import annotations

import dataclasses
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from daftnb.settings import SETTINGS
from daftnb.telemetry import events as e
from daftnb.telemetry.scalingevents import Threshold

KINDS: tuple[type, ...] = get_args(e.Event)
WORLD = (e.WorldKnown, e.WorkerKnown)  # only a recorder makes these
THRESHOLD = SETTINGS["threshold"].env

texts = st.text(max_size=12)
ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.floats(0, 2e11, allow_nan=False)
wholes = st.integers(-(2**63), 2**63 - 1)
settings = st.lists(st.tuples(texts.filter(lambda name: name != THRESHOLD), texts), max_size=3).map(tuple)


@st.composite
def plans(draw: st.DrawFn, names: st.SearchStrategy[str] = texts, last: int = 6) -> tuple[e.PlanNode, ...]:
    """Operators, each after its inputs."""
    nodes: list[e.PlanNode] = []
    for id_ in draw(st.lists(st.integers(0, last), unique=True, max_size=last)):
        inputs = draw(st.lists(st.sampled_from([node.id for node in nodes]), max_size=2)) if nodes else []
        rows = draw(st.none() | st.integers(0, 99))
        nodes.append(e.PlanNode(id_, draw(names), draw(names), tuple(inputs), draw(names), rows))
    return tuple(nodes)


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of that annotation that an engine could give."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint == Threshold:
        return st.floats(0, allow_nan=False, allow_infinity=False)
    if hint in (str, float, int, bool):
        return {str: texts, float: times, int: wholes, bool: st.booleans()}[hint]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.none() | of(next(argument for argument in arguments if argument is not NoneType))
    if hint == tuple[e.PlanNode, ...]:
        return plans()
    if hint == tuple[tuple[str, str], ...]:
        return settings
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of, arguments))
    return facts(hint)


def facts(kind: Any) -> st.SearchStrategy[Any]:
    """Any event or part of one."""
    hints = get_type_hints(kind, include_extras=True)
    columns = {"query_id": ids, "worker_id": ids}
    parts = {f.name: columns[f.name] if f.name in columns else of(hints[f.name]) for f in dataclasses.fields(kind)}
    made = st.builds(kind, **parts)
    if kind is e.WorldKnown:
        return made.map(lambda known: known if known.log else dataclasses.replace(known, hold=None)).map(
            lambda known: dataclasses.replace(known, hold=known.hold and (known.hold[0], 0, known.hold[2]))
        )
    return made


events = st.one_of(*map(facts, KINDS))


# -- streams in which the events are about the same few queries, operators and workers --------------------------------

small = st.integers(0, 4)
_POOLS: dict[str, st.SearchStrategy[Any]] = {
    "query_id": st.sampled_from(["q1", "q2", "q3"]),
    "worker_id": st.sampled_from(["w1", "w2", "w3"]),
    "operator_id": small,
    "last_id": small,
    "operators": plans(st.sampled_from(["scan", "sort"]), 4),
    "nodes": st.lists(
        st.builds(e.Node, st.sampled_from(["w1", "w2", "w3", "head"]), st.integers(0, 2), small, st.booleans()),
        max_size=4,
        unique_by=lambda node: node.id,
    ).map(tuple),
    "values": st.sampled_from([(), ((THRESHOLD, "1.5"),), ((THRESHOLD, "2.0"),)]),
    "address": st.sampled_from(["a", "b"]),
    "reason": st.sampled_from(["below", "interval"]),
    "rule": st.sampled_from(["", "survivor"]),
    "text": st.sampled_from(["x", "y"]),
    "name": st.sampled_from(["f", "g"]),
    "udf": st.sampled_from(["f", "g"]),
    "actor": st.sampled_from(["0", "1"]),
}


@st.composite
def streams(draw: st.DrawFn) -> list[e.Event]:
    """Events of at most three queries within four seconds, in the order in which they come; some are told late."""
    stream: list[e.Event] = []
    now = 100.0
    frequent = (e.QueryStarted, e.PlanReady, e.WorkerStarted, e.WorkerCounts, e.StageCounts, e.NodesSeen, e.PoolSeen)
    kinds = st.sampled_from([kind for kind in KINDS if kind not in WORLD] + list(frequent) * 3)
    for kind in draw(st.lists(kinds, min_size=8, max_size=60)):
        now += draw(st.sampled_from([0.0, 0.01, 0.06]))
        hints = get_type_hints(kind)
        moments = st.sampled_from([now, max(100.0, now - 0.05), max(100.0, now - 0.3)])
        values = {}
        for f in dataclasses.fields(kind):
            hint = hints[f.name]
            if f.name == "reason" and kind is e.WorkerEnded:
                values[f.name] = draw(of(hint))
            elif f.name in _POOLS:
                values[f.name] = draw(_POOLS[f.name])
            elif hint is float:
                values[f.name] = draw(moments)
            elif hint == float | None:
                values[f.name] = draw(st.none() | moments)
            elif hint is int:
                values[f.name] = draw(small)
            elif hint == int | None:
                values[f.name] = draw(st.none() | small)
            elif hint == tuple[tuple[int, int, float], ...]:
                values[f.name] = draw(st.sampled_from([(), ((1, 2, 100.0),), ((2, 2, 100.0),)]))
            elif hint == tuple[e.Life, ...]:
                lives = st.builds(e.Life, _POOLS["worker_id"], moments, small, small)
                values[f.name] = draw(st.lists(lives, max_size=3, unique_by=lambda life: life.worker_id).map(tuple))
            elif hint is e.TaskCounts:
                values[f.name] = draw(st.builds(e.TaskCounts, small, small, small, small, small, small))
            else:
                values[f.name] = draw(of(hint))
        if kind in (e.QueryStarted, e.ClusterChanged):
            values["t"] = now
        stream.append(kind(**values))
    return stream
