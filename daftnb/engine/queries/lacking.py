"""Warns the user when a UDF asks for more than any node has.

Daft sends a task to a worker that has the CPUs that the task asks for and, if it asks for GPUs, any GPU free
(``WorkerSnapshot::can_schedule_task``, ``daft-distributed``); it looks at no memory. Ray starts an actor on a node that
has all that it asks for. Where there is none, the query waits without a word, or fails. The plan's text says what is
asked.

It also says which GPUs tasks ask for, which Daft does not tell of a task (:func:`gpus_of_tasks`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daftnb.engine.queries.plans import nodes_with_lines
from daftnb.telemetry.events import PlanNode
from daftnb.text.numbers import noun

Resources = Mapping[str, float]

_OPERATOR = re.compile(r"^[|\s\\]*\* (.*)$", re.MULTILINE)
_WRAPPED = re.compile(r"(?<=\S)\n\|     (?=\S)")
_REQUEST = re.compile(r"Resource request = \{([^}]*)\}")
_AMOUNT = re.compile(r"(num_cpus|num_gpus|memory_bytes)\s*=\s*([0-9.]+(?:e[+-]?[0-9]+)?)")
_OPTIONS = re.compile(r"ray_options = (\{.*?\}) ?\}\s*\n", re.DOTALL)
_NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory_bytes": "memory", "memory": "memory"}
_IN_TASKS = re.compile(r"(?:Builtin )?UDF ")
_MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What one UDF asks of the node that runs it, by Ray's names of resources; memory in bytes.

    ``in_tasks``: it runs in the tasks themselves, and not in actors.
    """

    name: str
    resources: dict[str, float]
    in_tasks: bool = False


def asked(text: str) -> list[Asked]:
    """Return what the UDFs of a plan's text ask for, where that is more than one CPU."""
    text = _WRAPPED.sub(" ", re.sub(r"^(?:\| )+(?=\|)", "", text, flags=re.MULTILINE))
    heads = list(_OPERATOR.finditer(text))
    found = []
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        part = text[head.end() : after.start() if after is not None else len(text)]
        resources = _resources(part)
        if any(amount > (1 if kind == "CPU" else 0) for kind, amount in resources.items()):
            name = re.sub(r"^(?:ActorUDF:|UDF) *", "", head.group(1)).rstrip(":")
            name = "".join(name.split())  # a long one is broken anywhere
            name = name.removeprefix("__main__.").rpartition("<locals>.")[2].removesuffix(".__call__")
            found.append(Asked(name[:_MOST_NAME], resources, bool(_IN_TASKS.match(head.group(1)))))
    return found


def gpus_of_tasks(text: str, operators: Sequence[PlanNode]) -> dict[int, float] | None:
    """Return what each operator that runs a UDF in its tasks asks for, by its id, as the plan's text says it.

    ``operators``: of the same plan, with the ids that tasks are told by. One that runs a UDF in actors is not among
    them: its tasks ask for no GPU. Empty where none asks for GPUs; None where the two forms differ in shape.
    """
    written = nodes_with_lines(text)
    if len(written) != len(operators):
        return None
    number = {node.id: place for place, node in enumerate(operators)}
    for node, (twin, _) in zip(operators, written, strict=True):
        if [number[id_] for id_ in node.inputs] != list(twin.inputs):
            return None
    found = {
        node.id: _resources("\n".join(lines)).get("GPU", 0.0)
        for node, (_, lines) in zip(operators, written, strict=True)
        if _IN_TASKS.match(lines[0])
    }
    return found if any(found.values()) else {}


def _resources(part: str) -> dict[str, float]:
    request = _REQUEST.search(part)
    found = {_NAMES[name]: float(amount) for name, amount in _AMOUNT.findall(request.group(1) if request else "")}
    options = _OPTIONS.search(part)
    if options is not None:
        try:
            given = ast.literal_eval(options.group(1))
        except (ValueError, SyntaxError):
            given = {}
        named = {_NAMES[name]: amount for name, amount in given.items() if name in _NAMES}
        for kind, amount in {**named, **(given.get("resources") or {})}.items():
            if isinstance(amount, (int, float)):
                found[kind] = float(amount)
    return {kind: amount for kind, amount in found.items() if amount}


def has(node: Resources, wanted: Resources) -> bool:
    """Return True if a node has all that is asked for."""
    return all(node.get(kind, 0) >= amount for kind, amount in wanted.items())


def runs_on(node: Resources, one: Asked) -> bool:
    """Return True if a UDF runs on a node, which is for tasks less than what they ask for."""
    if not one.in_tasks:
        return has(node, one.resources)
    looked_at = {kind: amount for kind, amount in one.resources.items() if kind not in ("GPU", "memory")}
    return has(node, looked_at) and (not one.resources.get("GPU") or node.get("GPU", 0) > 0)


def reason(one: Asked) -> str:
    """Return why a UDF's tasks wait, as the log of decisions says it."""
    return f"no node has {words(one.resources)}, which {one.name} asks for"


def warning(one: Asked, nodes: Sequence[Resources], kinds: Sequence[Resources] | None, embedded: bool) -> str | None:
    """Return what a person must know of a UDF that no node can run; None where one can.

    ``kinds``: the kinds of nodes that the cluster may start, None where that is not known; ``embedded``: it is the
    cluster of ``%daft start``.
    """
    if any(has(node, one.resources) for node in nodes):
        return None
    lacking = [kind for kind, amount in one.resources.items() if not any(n.get(kind, 0) >= amount for n in nodes)]
    kept = lacking or list(one.resources)
    largest = {kind: max((node.get(kind, 0) for node in nodes), default=0) for kind in kept}
    what = f"{one.name} asks for {words(one.resources)}, and no node has {'that' if lacking else 'all of it'}: "
    what += f"the largest has {words(largest, embedded)}" if nodes else "there is no node"
    if any(runs_on(node, one) for node in nodes):
        looks = "only whether a worker has any GPU free" if "GPU" in kept else "at CPUs and GPUs, and not at memory"
        return f"{what}. Its tasks run all the same, as Daft looks {looks}"
    if kinds is None:
        return (
            f"{what}. daftnb does not know whether the cluster can start one that does. {remedy(one, kept, embedded)}"
        )
    if any(has(kind, one.resources) for kind in kinds):
        return f"{what}. The cluster can start one that does; until then the query may wait, or fail"
    return f"{what}, and the cluster can start none that does. {remedy(one, kept, embedded)}"


def remedy(one: Asked, lacking: Sequence[str], embedded: bool) -> str:
    """Return what a person can do about a UDF that no node can run."""
    cpus = one.resources.get("CPU", 0)
    if embedded and set(lacking) <= {"CPU", "GPU"}:
        options = [f" --{kind.lower()}s {-(-one.resources[kind] // 1):.0f}" for kind in lacking]
        fewer = " and ".join(f"{kind}s" for kind in lacking)
        logical = " (logical GPUs)" if "GPU" in lacking else ""
        return f"Try %daft stop and %daft start{''.join(options)}{logical}, or ask for fewer {fewer}"
    where = {"CPU": f"nodes of {cpus:g} CPUs", "GPU": "GPUs", "memory": "larger nodes"}
    return f"Try a cluster with {' and '.join(where.get(kind, kind) for kind in lacking)}, or ask for less"


def words(resources: Resources, logical: bool = False) -> str:
    """Return amounts of resources in words: ``8 CPUs, 1 GPU, 2 GiB of memory``. ``logical``: the GPUs are."""
    parts = []
    for kind, amount in resources.items():
        if kind == "memory":
            parts.append(f"{amount / 2**30:.3g} GiB of memory")
        elif kind in ("CPU", "GPU"):
            which = "logical " if logical and kind == "GPU" else ""
            parts.append(f"{amount:g} {which}{noun(amount, kind)}")
        else:
            parts.append(f"{amount:g} of {kind}")
    return ", ".join(parts) or "nothing"
