"""Reads Daft's plans as operators: from the JSON of its events, and from the text of ``explain``.

The JSON of a running query has the shape of a plan, and of a logical one the expressions; the text has expressions
and estimates too. Both may be deeper than Python's stack, so nothing here recurses.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daftnb.engine import daftnames
from daftnb.errors import DaftnbError
from daftnb.telemetry.events import PlanNode
from daftnb.telemetry.wire import PlanStage
from daftnb.text.redaction import redact, redact_plan
from daftnb.text.shorten import shortened

DETAIL = 2_000  # characters of one operator's expressions
DETAILS = 30_000  # of all operators of a plan together: they travel with every keyframe
LEAST_DETAIL = 80
LONGEST_NAME = 10_000  # characters that are looked at; far fewer are kept
LARGEST = 2_000  # operators of a logical plan; a join of a plan with itself doubles it each time
_NOT_DETAIL = frozenset(("children", "type", "id", "category", "approx_stats", "schema"))
_TOKEN = re.compile(r'\s*(?:([{}\[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|([^\s{}\[\],:"]+))', re.DOTALL)


def read_json(text: str) -> Any:
    """Return what JSON says, as ``json.loads``, however deep it is. ValueError if it cannot be read."""
    try:
        return json.loads(text)
    except RecursionError:
        return _read_deep(text)


def _read_deep(text: str) -> Any:
    root: list[Any] = []
    inside: Any = root
    key: str | None = None
    around: list[Any] = []
    end = 0
    for token in _TOKEN.finditer(text):
        sign, string, literal = token.groups()
        if token.start() != end or (sign in ("}", "]") and (sign == "}") != isinstance(inside, dict)):
            break
        end = token.end()
        if sign in ("}", "]"):
            inside, key = around.pop() if around else root, None
            continue
        if sign in (",", ":"):
            continue
        value: Any = {} if sign == "{" else [] if sign == "[" else json.loads(string or literal)
        if isinstance(inside, list):
            inside.append(value)
        elif key is None:
            key = str(value)
            continue
        else:
            inside[key], key = value, None
        if sign:
            around.append(inside)
            inside = value
    if around or len(root) != 1 or text[end:].strip():
        raise ValueError(f"not JSON at character {end}")
    return root[0]


def plan_nodes(plan: Mapping[str, Any]) -> Iterator[PlanNode]:
    """Yield the operators of a physical plan's JSON, inputs first.

    Its fields are ``id``, ``name``, ``type``, ``category`` and ``children``. An operator that feeds two others comes
    once.
    """
    seen: set[int] = set()
    for node in _inputs_first(plan):
        if node["id"] in seen:
            continue
        seen.add(node["id"])
        estimates = (node.get("approx_stats") or {}).get("approx_stats") or {}
        rows = estimates.get("num_rows")
        yield PlanNode(
            id=int(node["id"]),
            name=redact(str(node.get("name", "?"))[:LONGEST_NAME]),
            kind=str(node.get("category") or node.get("type") or ""),
            inputs=tuple(int(child["id"]) for child in node.get("children") or ()),
            detail=_detail(node, physical=True),
            estimated_rows=None if rows is None else int(rows),
        )


def logical_nodes(plan: Mapping[str, Any]) -> tuple[PlanNode, ...]:
    """Return the operators of a logical plan's JSON, inputs first, numbered in that order: it has no ids.

    None of them where there are more than ``LARGEST``.
    """
    nodes: list[PlanNode] = []
    open_: list[int] = []  # the operators whose consumer has not come yet
    for node in _inputs_first(plan):
        if len(nodes) == LARGEST:
            return ()
        count = len(node.get("children") or ())
        inputs = tuple(open_[len(open_) - count :])
        del open_[len(open_) - count :]
        kind = str(node.get("type", "?"))
        open_.append(len(nodes))
        nodes.append(PlanNode(len(nodes), kind, kind, inputs, _detail(node, physical=False)))
    return bounded(nodes)


def _inputs_first(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stack: list[tuple[Mapping[str, Any], bool]] = [(plan, False)]
    while stack:
        node, children_done = stack.pop()
        if children_done:
            yield node
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.get("children") or ()))


def _detail(node: Mapping[str, Any], physical: bool) -> str:
    """Return what an operator's JSON says beside its place in the plan: "name: a, b", one a line."""
    lines = []
    for name, value in node.items():
        # A physical operator's name is what it is called; a logical one that has a name says it of a subquery.
        if name in _NOT_DETAIL or value is None or value == [] or (physical and name == "name"):
            continue
        lines.append(f"{name.replace('_', ' ')}: {_value(value)}")
    return shortened(redact("\n".join(lines)), DETAIL)


def _value(value: Any) -> str:
    if isinstance(value, list):
        parts, length = [], 0
        for item in value:
            parts.append(_value(item))
            length += len(parts[-1])
            if length > DETAIL:
                break
        return ", ".join(parts)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text[: 10 * DETAIL]
    return text.replace("\r", "").replace("\n", "↵")


def bounded(nodes: Iterable[PlanNode]) -> tuple[PlanNode, ...]:
    """Return the operators with as much of their names and details as may travel: in a large plan each has less."""
    found = tuple(nodes)
    if sum(len(node.name) + len(node.detail) for node in found) <= DETAILS:
        return found
    each = max(LEAST_DETAIL, DETAILS // len(found))
    return tuple(replace(node, name=shortened(node.name, each), detail=shortened(node.detail, each)) for node in found)


def with_details_of(nodes: tuple[PlanNode, ...], others: Iterable[PlanNode]) -> tuple[PlanNode, ...]:
    """Return operators without details with those of ``others``, another form of the plan, where both have one shape.

    Where they do not, no operator can be told which other one it is, and ``nodes`` is returned.
    """
    twins = tuple(others)
    if len(twins) != len(nodes) or [n.detail for n in nodes if n.detail]:
        return nodes
    number = {node.id: index for index, node in enumerate(nodes)}
    other_number = {node.id: index for index, node in enumerate(twins)}
    for node, twin in zip(nodes, twins, strict=True):
        if [number[id_] for id_ in node.inputs] != [other_number[id_] for id_ in twin.inputs]:
            return nodes
        if (node.name == "Filter") != (twin.name == "Filter"):  # it is called the same in all forms
            return nodes
    return bounded(replace(node, detail=twin.detail) for node, twin in zip(nodes, twins, strict=True))


# -- the text that explain prints -------------------------------------------------------------------------------------
# As ``git log --graph`` draws (Daft: common/display, fmt_tree_gitstyle): "* " begins an operator; "| " before it, for
# each fork above; "|\\" says that two inputs follow, the right one first. What is wrapped is indented by two.

_OPERATOR = re.compile(r"((?:\| )*)\* (.*)")
_LINE = re.compile(r"((?:\| )*)\|(\\|   (?P<text>.*))?")
_ROWS = re.compile(r"Approx num rows = ([\d,]+)")
_NAMED = re.compile(r"^([A-Z][\w ]{0,30}) = ")
_NOISE = ("Stats = ", "Batch Size = ", "Resource request = None", "Null equals")


@dataclass(slots=True)
class _Drawn:
    lines: list[str]
    inputs: list[_Drawn] = field(default_factory=list)  # the right one first


def text_nodes(text: str) -> tuple[PlanNode, ...]:
    """Return the operators of a plan as ``explain`` prints it, inputs first, numbered in that order; () if none."""
    root = _drawn(text)
    return bounded(node for node, _ in _numbered(root)) if root is not None else ()


def nodes_with_lines(text: str) -> list[tuple[PlanNode, list[str]]]:
    """Return the operators as :func:`text_nodes` does, each with all lines that the plan's text has of it."""
    root = _drawn(text)
    return [] if root is None else list(_numbered(root))


def _drawn(text: str) -> _Drawn | None:
    """Return the root of a plan as ``explain`` prints it; None if there is none."""
    waiting: list[_Drawn] = []  # by depth, the latest operator there
    root = latest = None
    for line in redact_plan(text).splitlines():
        begun = _OPERATOR.fullmatch(line)
        if begun:
            depth = len(begun[1]) // 2
            latest = _Drawn([begun[2]])
            if root is None:
                root = latest
            elif depth < len(waiting):
                waiting[depth].inputs.append(latest)
            elif waiting:
                waiting[-1].inputs.append(latest)
            waiting[depth:] = [latest]
        elif latest is not None:
            more = _LINE.fullmatch(line)
            words = more["text"] if more else None
            if words is None:
                continue
            if words.startswith("  "):
                before = latest.lines[-1]
                latest.lines[-1] = before + ("" if before.endswith("-") else " ") + words[2:]
            else:
                latest.lines.append(words)
    return root


def _numbered(root: _Drawn) -> Iterator[tuple[PlanNode, list[str]]]:
    numbers: dict[int, int] = {}
    stack = [(root, False)]
    while stack:
        drawn, inputs_done = stack.pop()
        if not inputs_done:
            stack.append((drawn, True))
            stack.extend((child, False) for child in drawn.inputs)
            continue
        number = numbers[id(drawn)] = len(numbers)
        name, _, rest = drawn.lines[0].partition(":")
        told = [rest.strip(), *(line for line in drawn.lines[1:] if not line.startswith(_NOISE))]
        rows = next((found for line in drawn.lines if (found := _ROWS.search(line))), None)
        node = PlanNode(
            number,
            name.strip() or "?",
            "",
            tuple(numbers[id(child)] for child in reversed(drawn.inputs)),
            shortened("\n".join(_NAMED.sub(r"\1: ", line, count=1) for line in told if line), DETAIL),
            int(rows[1].replace(",", "")) if rows else None,
        )
        yield node, drawn.lines


# -- a dataframe that has not run -------------------------------------------------------------------------------------


def plans_of(dataframe: Any, name: str, runner: str) -> dict[PlanStage, tuple[PlanNode, ...]]:
    """Return the logical, optimised and physical plan of a dataframe, as ``explain`` gives them; nothing runs.

    ``runner`` (native, ray, or none: Daft's choice) decides which physical plan. DaftnbError if it is no dataframe.
    """
    import daft
    from daft.context import get_context

    if not isinstance(dataframe, daft.DataFrame):
        raise DaftnbError(
            f"{name} is of type {type(dataframe).__name__}, not a Daft dataframe: it has no plan.", "Try %daft plan df"
        )
    # Once a dataframe has run, its plan is its result; how that came about is kept beside it.
    builder = daftnames.source_builder(dataframe)
    config = get_context().daft_execution_config
    optimised = builder.optimize(config)
    if runner == "none":
        runner = os.environ.get("DAFT_RUNNER", "native").lower()
    if runner == "ray":
        plan = daft.daft.DistributedPhysicalPlan.from_logical_plan_builder(optimised._builder, "plan", config)
        physical = plan.repr_ascii(False)
    else:
        physical = daft.daft.NativeExecutor.repr_ascii(optimised._builder, config, False)
    texts: dict[PlanStage, str]
    texts = {"logical": builder.pretty_print(), "optimised": optimised.pretty_print(), "physical": physical}
    return {stage: text_nodes(text) for stage, text in texts.items()}
