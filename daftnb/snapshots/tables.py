"""Makes the columns and rows of the tables in static views, for HTML and for text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from daftnb.telemetry.models import is_of_model
from daftnb.telemetry.wire import Function, Plan, Snapshot, Tree
from daftnb.text import numbers as f
from daftnb.text.shorten import shortened
from daftnb.text.states import (
    decision_words,
    device_words,
    end_words,
    expression,
    has_paths,
    idle_words,
    operator_notes,
    setting_words,
    state_words,
)
from daftnb.text.tables import Table, clean

MAX_DECISIONS = 25
MAX_COUNTERS = 4  # of a function, in its notes
MAX_ERROR = 60  # characters of its latest error there


def operators(snapshot: Snapshot) -> Table:
    """Return the operators of the current query, from the root down."""
    columns = [("operator", False), ("state", False), ("rows", True), ("bytes", True), ("time", True), ("tasks", True)]
    plan = snapshot["plan"]
    rows = []
    paths = plan is not None and has_paths(plan["operators"].values())
    for depth, operator in walk(plan) if plan else ():
        tasks = operator["tasks"]
        duration, derived = operator["duration_us"], operator["derived_us"]
        time = (
            f.UNKNOWN if duration is None and derived is None else f.duration(((duration or 0) + (derived or 0)) / 1e6)
        )
        share = f" ({operator['time_share']:.0%})" if operator["time_share"] is not None else ""
        name = "  " * depth + f"{operator['name']} {expression(operator['detail'])}".rstrip()
        rows.append(
            [
                name,
                state_words(operator["state"]),
                ("≈ " if operator["derived_rows"] else "") + f.number(operator["rows_out"]),
                f.size(operator["bytes_out"]),
                ("≈ " if derived else "") + time + share,
                f"{tasks['finished']}/{tasks['submitted']}" if tasks else f.UNKNOWN,
                operator_notes(operator, paths),
            ]
        )
    if any(row[-1] for row in rows):
        return [*columns, ("notes", False)], rows
    return columns, [row[:-1] for row in rows]


def functions(plan: Plan) -> Table:
    """Return the functions of the user's (UDFs) that a query called."""
    columns = [("function", False), ("code", False), ("rows", True), ("calls", True), ("time in it", True)]
    columns += [("rows/s", True), ("errors", True)]
    rows = [
        [
            function["name"],
            _place(function),
            f.number(function["rows_in"]),
            f.number(function["calls"]),
            f.duration(function["seconds"]),
            f.number(function["rate"] if function["rate"] is not None else function["rate_overall"]),
            f.number(function["errors"]),
            _function_notes(function),
        ]
        for function in plan["functions"].values()
    ]
    if any(row[-1] for row in rows):
        return [*columns, ("notes", False)], rows
    return columns, [row[:-1] for row in rows]


def models(plan: Plan) -> Table:
    """Return the models that the functions of a query have asked; a column for the function where there are several."""
    uses = plan["models"].values()
    several = len({use["function"] for use in uses}) > 1
    columns = [("model", False), ("provider", False), *([("function", False)] if several else [])]
    columns += [
        (name, True)
        for name in (
            *("requests", "tokens in", "tokens out", "total tokens", "tokens/s, derived"),
            *("refused (429)", "made again", "waited", "errors"),
        )
    ]
    rows = [
        [
            use["model"],
            use["provider"] or f.UNKNOWN,
            *([plan["functions"][use["function"]]["name"]] if several else []),
            *(f.number(use[name]) for name in ("requests", "input_tokens", "output_tokens", "total_tokens", "rate")),
            *(f.number(use[name]) for name in ("refused", "again")),
            f.duration(use["waited"]),
            f.number(use["errors"]),
        ]
        for use in uses
    ]
    return columns, rows


def _place(function: Function) -> str:
    """Return where a function's code is: "cell 12, line 3", "score.py:40"; — where that is not known."""
    line = function["line"]
    if function["cell"] is not None:
        return f"cell {function['cell']}" + (f", line {line}" if line is not None else "")
    if not function["file"]:
        return f.UNKNOWN
    return function["file"] + (f":{line}" if line is not None else "")


def _function_notes(function: Function) -> str:
    """Return what is worth knowing of a function beside its numbers: actors, start, counters, the latest error."""
    notes = []
    if function["error"]:
        notes.append(f"latest error: {shortened(clean(function['error'].partition(chr(10))[0]), MAX_ERROR)}")
    count = len(function["actors"]) + function["actors_left_out"]
    if count:
        notes.append(f.plural(count, "actor"))
    if function["init_seconds"]:
        times = f" × {function['inits']}" if function["inits"] and function["inits"] > 1 else ""
        each = function["init_seconds"] / (function["inits"] or 1)
        notes.append(f"initialised in {f.duration(each)}{times}")
    if function["retries"]:
        waited = f", {f.duration(function['waited'])} between them" if function["waited"] else ""
        notes.append(f.plural(function["retries"], "retry", "retries") + waited)
    counters = [counter for counter in function["counters"] if not is_of_model(counter)]
    for counter in counters[:MAX_COUNTERS]:
        about = ", ".join(f"{name} {value}" for name, value in counter["attributes"].items())
        notes.append(f"{counter['name']} {f.number(counter['value'])}" + (f" ({about})" if about else ""))
    more = max(0, len(counters) - MAX_COUNTERS) + function["left_out"]
    if more > 0:
        notes.append(f"{more} more counters")
    if function["shared"]:
        notes.append("another query called functions at the same time: some of the calls may be its")
    if function["lost"]:
        notes.append(f"counts may be too low: {f.plural(function['lost'], 'process', 'processes')} ended untold")
    return " · ".join(notes)


def not_run(tree: Tree) -> Table:
    """Return a plan of which nothing runs."""
    rows = [
        [
            "  " * depth + f"{operator['name']} {expression(operator['detail'])}".rstrip(),
            f.number(operator["estimated_rows"]),
        ]
        for depth, operator in walk(tree)
    ]
    return [("operator", False), ("rows expected", True)], rows


def walk(plan: Plan | Tree) -> Iterable[tuple[int, Any]]:
    """Yield the operators from the root down, each once, with its depth.

    The depth is at most 12, so that a deep plan stays readable.
    """
    operators: Mapping[str, Any] = plan["operators"]
    stack = [(plan["root"], 0)]
    seen = set()
    while stack:
        id_, depth = stack.pop()
        if id_ in seen or str(id_) not in operators:
            continue
        seen.add(id_)
        operator = operators[str(id_)]
        yield min(depth, 12), operator
        stack.extend((child, depth + 1) for child in reversed(operator["inputs"]))


def pool(snapshot: Snapshot) -> Table:
    """Return the worker pool; a column for GPUs where the cluster has some, and one for their devices if known."""
    pool = snapshot["workers"]
    with_gpus = bool(pool.get("gpus"))
    uses: list[Mapping[str, Any]] = [worker.get("gpu_use") or {} for worker in pool["rows"].values()]
    with_devices = any(use.get("devices") for use in uses)
    columns = [
        ("worker", False),
        ("state", False),
        ("running", True),
        ("done", True),
        ("memory", True),
        ("idle", False),
        ("ends", False),
        *([("logical GPUs" if pool["logical"] else "GPUs", True)] if with_gpus else []),
        *([("devices", False)] if with_devices else []),
    ]
    rows = []
    for worker, use in zip(pool["rows"].values(), uses, strict=True):
        note = f" ({worker['note']})" if worker["note"] else ""
        rows.append(
            [
                worker["label"],
                state_words(worker["state"]) + note,
                f"{worker['running']} of {worker['slots']}",
                str(worker["finished"]),
                f.size(worker["memory"]),
                idle_words(worker),
                end_words(worker),
                *([_gpus(worker["gpus"], use.get("used"))] if with_gpus else []),
                *(["; ".join(map(device_words, use.get("devices") or ())) or f.UNKNOWN] if with_devices else []),
            ]
        )
    return columns, rows


def _gpus(total: float | None, used: float | None) -> str:
    if not total:
        return f.UNKNOWN if total is None else "0"
    return f"{f.UNKNOWN if used is None else f'{used:g}'} of {total:g}"


def decisions(snapshot: Snapshot) -> Table:
    """Return the decision log, the latest first."""
    columns = [("at", False), ("what", False), ("why", False)]
    marks = list(snapshot["decisions"].values())[-MAX_DECISIONS:]
    rows = [[f.clock(m["t"]), decision_words(m), m["text"]] for m in reversed(marks)]
    return columns, rows


def history(snapshot: Snapshot) -> Table:
    """Return the session's queries, the latest first."""
    columns = [("query", True), ("state", False), ("time", True), ("rows", True), ("tasks", True)]
    columns += [("peak ratio", True), ("workers", False), ("node-seconds", True)]
    rows = [
        [
            f"{past['number']} · {clean(past['name'])}" if past.get("name") else str(past["number"]),
            state_words(past["state"]),
            f.duration(past["elapsed"]),
            f.number(past["rows"]),
            f.number(past["tasks"]),
            f.ratio(past["peak_ratio"]),
            f.UNKNOWN if past["workers_from"] is None else f"{past['workers_from']} → {past['workers_to']}",
            f.number(past["node_seconds"]),
        ]
        for past in reversed(snapshot["queries"].values())
    ]
    return columns, rows


def settings(snapshot: Snapshot) -> Table:
    """Return the autoscaling settings, set and in effect."""
    columns = [("setting", False), ("set", True), ("in effect", True)]
    rows = [
        [row["label"], setting_words(row, "set"), setting_words(row, "in_effect")]
        for name, row in snapshot["settings"]["rows"].items()
    ]
    return columns, rows
