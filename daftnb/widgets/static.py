"""The static views: HTML without script, and text. What a notebook still says when nothing runs any more.

GitHub removes styles and drawings from what it shows, so everything that matters is in words and tables; the
drawings (:mod:`daftnb.widgets.static_svg`) come beside them. Every text is escaped, and rows and texts are bounded: a
view takes less than 100 kB of the notebook, whatever the plan and the cluster.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from daftnb.telemetry.frames import Frame
from daftnb.widgets import format as f
from daftnb.widgets.static_svg import backlog_svg, cpus_svg, plan_svg
from daftnb.widgets.words import (
    GLYPHS,
    NATIVE,
    SIGNS,
    cpu_words,
    decision_words,
    end_words,
    expression,
    has_paths,
    idle_words,
    operator_notes,
    pool_words,
    setting_words,
    state_words,
)

MAX_ROWS = 40
MAX_BESIDE = 20  # rows of a table that stands beside others
MAX_LINES = 25  # of a table in text
MAX_PROBLEMS = 10
MAX_DECISIONS = 25
MAX_CELL = 120  # characters
_CELL = "text-align:left"  # notebooks align table cells to the right
_NUMBER = "text-align:right"
NO_QUERY = "No query has run yet."


def clean(text: object) -> str:
    """Text that can stand in a line: control characters and lone surrogates replaced."""
    return "".join(c if c.isprintable() or c == " " else "�" for c in str(text))


def escape(text: object) -> str:
    """Text for HTML."""
    return html.escape(clean(text))


def headline(frame: Frame) -> str:
    """The state of the current query in one sentence."""
    query = frame.get("query")
    if query is None:
        plan = frame.get("plan") or {}
        return NO_QUERY if plan.get("of") is None else f"Plan of {clean(plan['of'])}, which has not run."
    where = "Ray" if query["runner"] == "ray" else "Daft's native runner"
    about = f"Query {query['number']} ({clean(query.get('name') or query['id'])}) on {where}"
    took = f.duration(query["elapsed"])
    if query["state"] in ("planning", "running"):
        head = f"{about} was {query['state']} at {f.clock(frame['now'])}, after {took}"
    else:
        head = f"{about} {query['state']} after {took}"
    parts = []
    tasks = query["tasks"]
    if tasks is not None:
        parts.append(f"{tasks['finished']} of {tasks['submitted']} tasks done")
    history = (frame.get("queries") or {}).get(str(query["number"]))
    if history and history["peak_ratio"] is not None:
        threshold = f.ratio((frame.get("backlog") or {}).get("threshold"))
        parts.append(f"peak backlog ratio {f.ratio(history['peak_ratio'])} against threshold {threshold}")
    if history and history["workers_from"] is not None:
        parts.append(f"workers {history['workers_from']} → {history['workers_to']}")
    text = head + (": " + ", ".join(parts) if parts else "") + "."
    return text + (f" {clean(query['error'])[:300]}" if query["error"] else "")


def static_html(frame: Frame, view: str) -> str:
    """The view as HTML without script."""
    parts = [part for section in _SECTIONS[view] for part in section(frame)]
    head = f"<b>{escape(headline(frame))}</b>"
    if view == "line" and parts:  # opens and closes without script
        parts = [f"<details><summary>{escape(_sign(frame))} {head}</summary>", *parts, "</details>"]
    else:
        parts.insert(0, f"<p>{head}</p>")
    problems = list(frame["session"]["problems"].values())
    parts += [f"<p>⚠ {escape(text[:300])}</p>" for text in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        parts.append(f"<p>⚠ and {len(problems) - MAX_PROBLEMS} more</p>")
    return f"<div>{''.join(parts)}</div>"


def _sign(frame: Frame) -> str:
    query = frame.get("query")
    return GLYPHS.get(query["state"], "·") if query else ""


def static_text(frame: Frame, view: str) -> str:
    """The view as plain text."""
    lines = [headline(frame)]
    for table in _TEXTS[view]:
        lines += ["", *table(frame)]
    lines += [f"! {clean(text)}" for text in list(frame["session"]["problems"].values())[:MAX_PROBLEMS]]
    return "\n".join(lines)


# -- tables: (heading, columns, rows), used by both -------------------------------------------------------------------

Column = tuple[str, bool]  # its name, and whether it holds numbers
Table = tuple[Sequence[Column], list[list[str]]]


def _operators(frame: Frame) -> Table:
    columns = [("operator", False), ("state", False), ("rows", True), ("bytes", True), ("time", True), ("tasks", True)]
    plan = frame["plan"]
    rows = []
    paths = bool(plan) and has_paths(plan["operators"].values())
    for depth, operator in walk(plan) if plan else ():
        tasks = operator["tasks"]
        duration = operator["duration_us"]
        share = f" ({operator['time_share']:.0%})" if operator["time_share"] is not None else ""
        name = "  " * depth + f"{operator['name']} {expression(operator['detail'])}".rstrip()
        rows.append(
            [
                name,
                state_words(operator["state"]),
                f.number(operator["rows_out"]),
                f.size(operator["bytes_out"]),
                (f.duration(duration / 1e6) + share) if duration is not None else f.UNKNOWN,
                f"{tasks['finished']}/{tasks['submitted']}" if tasks else f.UNKNOWN,
                operator_notes(operator, paths),
            ]
        )
    if any(row[-1] for row in rows):
        return [*columns, ("notes", False)], rows
    return columns, [row[:-1] for row in rows]


def _not_run(tree: Frame) -> Table:
    """A plan of which nothing runs."""
    rows = [
        [
            "  " * depth + f"{operator['name']} {expression(operator['detail'])}".rstrip(),
            f.number(operator["estimated_rows"]),
        ]
        for depth, operator in walk(tree)
    ]
    return [("operator", False), ("rows expected", True)], rows


def walk(plan: Frame) -> Iterable[tuple[int, Any]]:
    """The operators from the root down, each once, with its depth (at most 12, so that a deep plan stays readable)."""
    operators = plan["operators"]
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


def _pool(frame: Frame) -> Table:
    columns = [
        ("worker", False),
        ("state", False),
        ("running", True),
        ("done", True),
        ("memory", True),
        ("idle", False),
        ("ends", False),
    ]
    rows = []
    for worker in frame["workers"]["rows"].values():
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
            ]
        )
    return columns, rows


def _decisions(frame: Frame) -> Table:
    columns = [("at", False), ("what", False), ("why", False)]
    marks = list(frame["decisions"].values())[-MAX_DECISIONS:]
    rows = [[f.clock(m["t"]), decision_words(m), m["text"]] for m in reversed(marks)]
    return columns, rows


def _history(frame: Frame) -> Table:
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
        for past in reversed(frame["queries"].values())
    ]
    return columns, rows


def _settings(frame: Frame) -> Table:
    columns = [("setting", False), ("set", True), ("in effect", True)]
    rows = [
        [row["label"], setting_words(name, row["set"]), setting_words(name, row["in_effect"])]
        for name, row in frame["settings"]["rows"].items()
    ]
    return columns, rows


def _table_html(title: str, table: Table, most: int = MAX_ROWS) -> list[str]:
    columns, rows = table
    if not rows:
        return []
    head = "".join(f'<th style="{_NUMBER if numeric else _CELL}">{escape(name)}</th>' for name, numeric in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_NUMBER if numeric else _CELL}">{indented(cell)}</td>'
            for cell, (_, numeric) in zip(row, columns, strict=True)
        )
        + "</tr>"
        for row in rows[:most]
    )
    more = f"<p>and {len(rows) - most} more</p>" if len(rows) > most else ""
    return [f"<p>{escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"]


def indented(cell: str) -> str:
    """A cell whose leading spaces are kept."""
    bare = cell.lstrip(" ")
    return "&nbsp;&nbsp;" * ((len(cell) - len(bare)) // 2) + escape(short(bare))


def short(text: str) -> str:
    """A cell's text, cut where it is long."""
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _table_text(table: Table) -> list[str]:
    columns, rows = table
    if not rows:
        return []
    shown = [[name for name, _ in columns], *([short(clean(cell)) for cell in row] for row in rows[:MAX_LINES])]
    widths = [max(len(row[i]) for row in shown) for i in range(len(columns))]
    lines = [
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, (_, numeric) in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in shown
    ]
    return [*lines, f"and {len(rows) - MAX_LINES} more"] if len(rows) > MAX_LINES else lines


# -- views ------------------------------------------------------------------------------------------------------------


def _on_native(frame: Frame) -> bool:
    query = frame.get("query")
    return query is not None and query["runner"] == "native"


def _plan_html(frame: Frame) -> list[str]:
    if not frame["plan"]:
        return []
    if frame["plan"].get("of") is not None:
        trees = frame["plan"]["plans"]
        drawn = trees.get("optimised") or {}
        drawing = [plan_svg({"of": frame["plan"]["of"], **drawn})] if drawn.get("operators") else []
        tables = (_table_html(f"{stage.capitalize()} plan", _not_run(tree)) for stage, tree in trees.items())
        return [*drawing, *(part for table in tables for part in table)]
    return [plan_svg(frame["plan"]), *_table_html("Plan", _operators(frame))]


def _pool_summary(frame: Frame) -> str:
    pool = frame["workers"]
    if not pool["rows"]:
        return NATIVE if _on_native(frame) else "No workers yet."
    return pool_words(pool)


def _workers_html(frame: Frame) -> list[str]:
    rows = _table_html(_pool_summary(frame), _pool(frame))
    return rows or [f"<p>{escape(_pool_summary(frame))}</p>"]


def _backlog_summary(frame: Frame) -> str:
    backlog = frame["backlog"]
    if not backlog["points"]:
        return NATIVE if _on_native(frame) else "No backlog yet."
    return (
        f"Backlog ratio {f.ratio(backlog['ratio'])} ({backlog['pending']} pending ÷ {backlog['capacity']} worker CPUs)"
        f", threshold {f.ratio(backlog['threshold'])}, peak {f.ratio(backlog['peak'])}"
    )


def _backlog_html(frame: Frame) -> list[str]:
    backlog = frame["backlog"]
    summary = f"<p>{escape(_backlog_summary(frame))}</p>"
    if not backlog["points"]:
        return [summary]
    kinds = {mark["kind"] for mark in backlog["marks"].values()}
    legend = " · ".join(f"{sign} {word}" for kind, (sign, word) in SIGNS.items() if kind in kinds)
    drawings = [backlog_svg(backlog), f"<p>{escape(legend)}</p>", f"<p>{escape(cpu_words(backlog))}</p>"]
    return [summary, *drawings, cpus_svg(backlog)]


def _decisions_html(frame: Frame) -> list[str]:
    return _table_html("Decisions, the latest first", _decisions(frame))


def _history_html(frame: Frame) -> list[str]:
    return _table_html("History, the latest first", _history(frame))


def _latest_html(frame: Frame) -> list[str]:
    return _table_html("History, the latest first", _history(frame), MAX_BESIDE)


def _settings_html(frame: Frame) -> list[str]:
    return _table_html("Settings", _settings(frame))


def sparkline(frame: Frame, width: int = 60) -> list[str]:
    """The ratio over time in block characters: each stands for the highest of its share of the samples."""
    ratios = [point[1] or 0.0 for point in frame["backlog"]["points"].values()]
    if not ratios:
        return []
    step = max(1, -(-len(ratios) // width))
    peaks = [max(ratios[i : i + step]) for i in range(0, len(ratios), step)]
    top = max(peaks) or 1.0
    return ["".join("▁▂▃▄▅▆▇█"[min(7, int(peak / top * 7.999))] for peak in peaks) + f"  0 to {f.ratio(max(peaks))}"]


def _plan_text(frame: Frame) -> list[str]:
    if frame["plan"] and frame["plan"].get("of") is not None:
        parts = ([f"{stage} plan", *_table_text(_not_run(tree)), ""] for stage, tree in frame["plan"]["plans"].items())
        return [line for part in parts for line in part][:-1]
    return _table_text(_operators(frame))


def _workers_text(frame: Frame) -> list[str]:
    return [_pool_summary(frame), *_table_text(_pool(frame))]


def _backlog_text(frame: Frame) -> list[str]:
    drawn = sparkline(frame)
    return [_backlog_summary(frame), *drawn, *([cpu_words(frame["backlog"])] if drawn else [])]


def _cell_queries_html(frame: Frame) -> list[str]:
    """The other queries of a cell, where there are any; and those that were too short to be listed."""
    cell = frame.get("cell") or {"brief": 0}
    rows = []
    if len(frame["queries"]) > 1:
        rows = _table_html("Queries of this cell, the latest first", _history(frame), MAX_BESIDE)
    if cell["brief"]:
        rows.append(f"<p>and {cell['brief']} shorter than 0.3 s</p>")
    return rows


def _operators_html(frame: Frame) -> list[str]:
    return _table_html(f"Plan of query {frame['plan']['number']}", _operators(frame)) if frame.get("plan") else []


_SECTIONS = {
    "line": (_cell_queries_html, _operators_html),
    "plan": (_plan_html,),
    "workers": (_workers_html,),
    "backlog": (_backlog_html,),
    "decisions": (_decisions_html,),
    "history": (_history_html,),
    "cockpit": (_plan_html, _backlog_html, _workers_html, _decisions_html, _latest_html, _settings_html),
}
_TEXTS = {
    "line": (),
    "plan": (_plan_text,),
    "workers": (_workers_text,),
    "backlog": (_backlog_text,),
    "decisions": (lambda frame: _table_text(_decisions(frame)),),
    "history": (lambda frame: _table_text(_history(frame)),),
    "cockpit": (
        _plan_text,
        _backlog_text,
        _workers_text,
        lambda frame: _table_text(_decisions(frame)),
        lambda frame: _table_text(_settings(frame)),
    ),
}
