"""What daftnb says of a cell's queries, compared with what is known of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.soakqueries import CANCELLED, FAILED, FINISHED, Cell, Known

CHECK = """
snapshot, history = session.snapshot(), daftnb.history()
query, plan = snapshot["query"], snapshot["plan"]
rows = history[history["number"] > {since}][["number", "name", "state", "rows", "tasks", "error"]]
answer = {{
    "got": globals().get("got"),
    "queries": json.loads(rows.to_json(orient="records")),
    "settings": {{
        number: {{name: (row["settings"] or {{}}).get(each.env) for name, each in daftnb.settings.SETTINGS.items()}}
        for number, row in snapshot["queries"].items()
    }},
    "last": query and {{"number": query["number"], "tasks": query["tasks"]}},
    "stages": {{
        each["name"]: each["tasks"] for each in (plan["operators"].values() if plan else ())
        if each["stage"] == each["id"]
    }},
    "workers": snapshot["workers"]["total"],
}}
"""


def differences(cell: Cell, found: dict[str, Any], outputs: list[dict[str, Any]] | None) -> Iterator[str]:
    """What is not as it is known to be, one text each."""
    queries = found["queries"]
    if len(queries) != len(cell.queries):
        yield f"{len(queries)} queries, not {len(cell.queries)}: {queries}"
        return
    for known, query in zip(cell.queries, queries, strict=True):
        yield from of_query(known, query, found["settings"][str(query["number"])])
    if queries and found["last"]["number"] == queries[-1]["number"]:
        yield from of_tasks(cell.queries[-1], found, queries[-1]["state"])
    outcome = queries[-1]["state"] if queries else FINISHED
    if outcome == FINISHED and found["got"] != cell.got:
        yield f"got {str(found['got'])[:200]}, not {str(cell.got)[:200]}"
    if cell.counter is not None and outcome == FINISHED:
        calls = cell.counter.stat().st_size
        if cell.calls not in (None, calls):
            yield f"{calls} calls, not {cell.calls}"
    if outputs is None:
        return
    raised = next((each["ename"] for each in outputs if each["output_type"] == "error"), None)
    told = FINISHED if raised is None else CANCELLED if raised == "KeyboardInterrupt" else FAILED
    if told != outcome:
        yield f"the cell shows {raised}, the query {outcome}"
    text = json.dumps(outputs)
    for part in cell.shows:
        if part not in text:
            yield f"{part!r} is not in the output: {text[:300]}"


def of_query(known: Known, query: dict[str, Any], settings: dict[str, str]) -> Iterator[str]:
    """Of one query's row in the history."""
    if query["state"] not in known.outcomes:
        yield f"{query['state']} ({query['error']}), not {' or '.join(known.outcomes)}"
    if known.error not in (query["error"] or ""):
        yield f"the error is {query['error']}"
    if query["name"] != known.name:
        yield f"called {query['name']}, not {known.name}"
    if query["state"] != FINISHED:
        return
    if known.rows is not None and query["rows"] != known.rows:
        yield f"{query['rows']} rows, not {known.rows}"
    if known.tasks is not None and query["tasks"] != sum(known.tasks.values()):
        yield f"{query['tasks']} tasks, not {known.tasks}"
    wrong = {name: settings[name] for name, text in known.settings.items() if settings[name] != text}
    if wrong:
        yield f"settings in effect {wrong}, not {known.settings}"


def of_tasks(known: Known, found: dict[str, Any], outcome: str) -> Iterator[str]:
    """Of the tasks of the query that was the last."""
    tasks = found["last"]["tasks"]
    if tasks is None:
        if known.tasks or outcome == FINISHED:
            yield "no tasks"
        return
    ended = tasks["finished"] + tasks["failed"] + tasks["cancelled"]
    if tasks["submitted"] != ended or tasks["pending"] or tasks["running"]:
        yield f"tasks that are not accounted for: {tasks}"
    if outcome == FINISHED and tasks["finished"] != tasks["submitted"]:
        yield f"finished, with other tasks: {tasks}"
    stages = {name: counts["submitted"] for name, counts in found["stages"].items()}
    if known.tasks is not None and outcome == FINISHED and stages != known.tasks:
        yield f"tasks {stages}, not {known.tasks}"
