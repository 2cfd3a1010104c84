"""Writes the static views, as HTML without script and as text: what a notebook shows without a kernel.

GitHub removes styles and drawings from what it shows, so everything that matters is in words and tables; the
drawings (:mod:`daftnb.snapshots.svg`) come beside them. Every text is escaped, and rows and texts are bounded: a
view takes less than 100 kB of the notebook, whatever the plan and the cluster.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from daftnb.settings import SETTINGS
from daftnb.snapshots import actors
from daftnb.snapshots import tables as tables
from daftnb.snapshots.svg import backlog_svg, cpus_svg, plan_svg
from daftnb.telemetry.events import LONGEST_PROBLEM
from daftnb.telemetry.limits import BRIEF_SECONDS
from daftnb.telemetry.plantopic import trees_of
from daftnb.telemetry.wire import Plan, Snapshot, ViewName
from daftnb.text import cleaning
from daftnb.text import numbers as f
from daftnb.text.reasons import reason_of_text
from daftnb.text.shorten import first_lines, shortened
from daftnb.text.states import (
    GLYPHS,
    NATIVE,
    NOT_KEPT,
    SIGNS,
    backlog_words,
    cpu_words,
    pool_words,
)
from daftnb.text.tables import ROOT, Table, clean, escape, table_html, table_text

MAX_BESIDE = 20  # rows of a table that stands beside others
MAX_PROBLEMS = 10
LONGEST_REASON = 300  # characters of an error in the headline
MAX_ERROR_LINES = 12  # of an error after its first line
MAX_DECISIONS = 25
NO_QUERY = "No query has run yet."
FUNCTIONS = "Functions that it called"
ACTORS = "Actors that functions run in"
MODELS = "Models that they asked"


def headline(snapshot: Snapshot) -> str:
    """Return the state of the current query in one sentence."""
    query = snapshot.get("query")
    if query is None:
        plan = snapshot.get("plan")
        name = None if plan is None else plan.get("of")
        return NO_QUERY if name is None else f"Plan of {clean(name)}, which has not run."
    where = "Ray" if query["runner"] == "ray" else "Daft's native runner"
    about = f"Query {query['number']} ({clean(query.get('name') or query['id'])}) on {where}"
    took = f.duration(query["elapsed"])
    if query["state"] in ("planning", "running"):
        head = f"{about} was {query['state']} at {f.clock(snapshot['now'])}, after {took}"
    else:
        head = f"{about} {query['state']} after {took}"
    parts = []
    tasks = query["tasks"]
    if tasks is not None:
        parts.append(f"{tasks['finished']} of {tasks['submitted']} tasks done")
    history = (snapshot.get("queries") or {}).get(str(query["number"]))
    if history and history["peak_ratio"] is not None:
        peak, threshold = f.ratio(history["peak_ratio"]), f.ratio(_threshold(snapshot, history["settings"]))
        parts.append(f"peak backlog ratio {peak} against threshold {threshold}")
    if history and history["workers_from"] is not None:
        parts.append(f"workers {history['workers_from']} → {history['workers_to']}")
    text = head + (": " + ", ".join(parts) if parts else "") + "."
    return text + (f" {shortened(told_lines(query['error'])[0], LONGEST_REASON)}" if query["error"] else "")


def told_lines(error: str) -> list[str]:
    """Return the lines of an error, the reason first; each fit to be shown."""
    reason = reason_of_text(error)
    return [clean(reason.first), *(line for each in reason.rest for line in cleaning.lines(each))]


def _more_of_error(snapshot: Snapshot) -> list[str]:
    """Return what the current query's error says after its first line."""
    query = snapshot.get("query")
    more = told_lines(query["error"])[1:] if query is not None and query["error"] else []
    return first_lines(more, MAX_ERROR_LINES)


def _threshold(snapshot: Snapshot, settings: Mapping[str, str] | None) -> float | None:
    """Return the threshold that the query ran with, where it is known; what is in effect now otherwise."""
    threshold = SETTINGS["threshold"]
    try:
        return float((settings or {})[threshold.env])
    except (KeyError, ValueError):
        backlog = snapshot.get("backlog")
        return None if backlog is None else backlog["threshold"]


def static_html(snapshot: Snapshot, view: ViewName) -> str:
    """Return the view as HTML without script."""
    parts = [part for section in _SECTIONS[view] for part in section(snapshot)]
    head = f"<b>{escape(headline(snapshot))}</b>"
    parts = _error_html(snapshot) + parts
    if view == "line" and parts:  # opens and closes without script
        parts = [f"<details><summary>{escape(_sign(snapshot))} {head}</summary>", *parts, "</details>"]
    else:
        parts.insert(0, f"<p>{head}</p>")
    problems = list(snapshot["session"]["problems"].values())
    parts += [f"<p>⚠ {escape(shortened(text, LONGEST_PROBLEM))}</p>" for text in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        parts.append(f"<p>⚠ and {len(problems) - MAX_PROBLEMS} more</p>")
    return f"{ROOT}{''.join(parts)}</div>"


def _error_html(snapshot: Snapshot) -> list[str]:
    more = [html.escape(line) for line in _more_of_error(snapshot)]
    return [f'<p style="white-space:pre-wrap">{"<br>".join(more)}</p>'] if more else []


def _sign(snapshot: Snapshot) -> str:
    query = snapshot.get("query")
    return GLYPHS.get(query["state"], "·") if query else ""


def static_text(snapshot: Snapshot, view: ViewName) -> str:
    """Return the view as plain text."""
    lines = [headline(snapshot), *(f"    {line}" for line in _more_of_error(snapshot))]
    for table in _TEXTS[view]:
        lines += ["", *table(snapshot)]
    lines += [f"! {clean(text)}" for text in list(snapshot["session"]["problems"].values())[:MAX_PROBLEMS]]
    return "\n".join(lines)


# -- views ------------------------------------------------------------------------------------------------------------


def _on_native(snapshot: Snapshot) -> bool:
    query = snapshot.get("query")
    return query is not None and query["runner"] == "native"


def _plan_html(snapshot: Snapshot) -> list[str]:
    plan = snapshot["plan"]
    if plan is None:
        return []
    if plan.get("of") is not None:
        drawn = plan["plans"].get("optimised")
        drawing = [plan_svg({"of": plan["of"], **drawn})] if drawn and drawn["operators"] else []
        drawing += [
            part
            for stage, tree in trees_of(plan)
            for part in table_html(f"{stage.capitalize()} plan", tables.not_run(tree))
        ]
        return drawing
    return [plan_svg(plan), *table_html("Plan", tables.operators(snapshot)), *_called_html(plan)]


def _called(plan: Plan) -> tuple[tuple[str, Table], ...]:
    """Return the tables of the functions that a query called, and of what these asked, with their titles."""
    listed, left_out = len(plan["models"]), plan["models_left_out"]
    models = MODELS + (f", the first {listed} of {listed + left_out}" if left_out else "")
    return (FUNCTIONS, tables.functions(plan)), (models, tables.models(plan))


def _called_html(plan: Plan) -> list[str]:
    return [part for title, table in _called(plan) for part in table_html(title, table, MAX_BESIDE)]


def _pool_summary(snapshot: Snapshot) -> str:
    pool = snapshot["workers"]
    if not pool["rows"]:
        return NATIVE if _on_native(snapshot) else "No workers yet."
    return pool_words(pool)


def _workers_html(snapshot: Snapshot) -> list[str]:
    rows = table_html(_pool_summary(snapshot), tables.pool(snapshot))
    said = [f"<p>{escape(text)}</p>" for text in actors.sentences(snapshot)[:MAX_BESIDE]]
    in_actors = table_html(ACTORS, actors.table(snapshot), MAX_BESIDE)
    return [*(rows or [f"<p>{escape(_pool_summary(snapshot))}</p>"]), *said, *in_actors]


def _backlog_summary(snapshot: Snapshot) -> str:
    backlog = snapshot["backlog"]
    if not backlog["points"]:
        return NATIVE if _on_native(snapshot) else NOT_KEPT if backlog.get("lost") else "No backlog yet."
    return backlog_words(snapshot)


def _backlog_html(snapshot: Snapshot) -> list[str]:
    backlog = snapshot["backlog"]
    summary = f"<p>{escape(_backlog_summary(snapshot))}</p>"
    if not backlog["points"]:
        return [summary]
    kinds = {mark["kind"] for mark in backlog["marks"].values()}
    legend = " · ".join(f"{sign} {word}" for kind, (sign, word) in SIGNS.items() if kind in kinds)
    drawings = [backlog_svg(backlog), f"<p>{escape(legend)}</p>", f"<p>{escape(cpu_words(backlog))}</p>"]
    return [summary, *drawings, cpus_svg(backlog)]


def _decisions_html(snapshot: Snapshot) -> list[str]:
    return table_html("Decisions, the latest first", tables.decisions(snapshot))


def _history_html(snapshot: Snapshot) -> list[str]:
    return table_html("History, the latest first", tables.history(snapshot))


def _latest_html(snapshot: Snapshot) -> list[str]:
    return table_html("History, the latest first", tables.history(snapshot), MAX_BESIDE)


def _settings_html(snapshot: Snapshot) -> list[str]:
    return table_html("Settings", tables.settings(snapshot))


def sparkline(snapshot: Snapshot, width: int = 60) -> list[str]:
    """Return the ratio over time in block characters: each stands for the highest of its share of the samples."""
    ratios = [point[1] or 0.0 for point in snapshot["backlog"]["points"].values()]
    if not ratios:
        return []
    step = max(1, -(-len(ratios) // width))
    peaks = [max(ratios[i : i + step]) for i in range(0, len(ratios), step)]
    highest = (
        max(peaks) if snapshot["backlog"]["peak"] is None else snapshot["backlog"]["peak"]
    )  # as it is said elsewhere
    top = highest or 1.0
    return ["".join("▁▂▃▄▅▆▇█"[min(7, int(peak / top * 7.999))] for peak in peaks) + f"  0 to {f.ratio(highest)}"]


def _plan_text(snapshot: Snapshot) -> list[str]:
    plan = snapshot["plan"]
    if plan is not None and plan.get("of") is not None:
        parts = ([f"{stage} plan", *table_text(tables.not_run(tree)), ""] for stage, tree in trees_of(plan))
        return [line for part in parts for line in part][:-1]
    lines = table_text(tables.operators(snapshot))
    for title, table in _called(plan) if plan is not None else ():
        rows = table_text(table, MAX_BESIDE)
        lines += ["", title, *rows] if rows else []
    return lines


def _workers_text(snapshot: Snapshot) -> list[str]:
    lines = [_pool_summary(snapshot), *table_text(tables.pool(snapshot)), *actors.sentences(snapshot)[:MAX_BESIDE]]
    in_actors = table_text(actors.table(snapshot), MAX_BESIDE)
    return [*lines, *(["", ACTORS, *in_actors] if in_actors else [])]


def _backlog_text(snapshot: Snapshot) -> list[str]:
    drawn = sparkline(snapshot)
    return [_backlog_summary(snapshot), *drawn, *([cpu_words(snapshot["backlog"])] if drawn else [])]


def _cell_queries_html(snapshot: Snapshot) -> list[str]:
    """Return the other queries of a cell, where there are any, and how many were too short to be listed."""
    cell = snapshot.get("cell") or {"brief": 0}
    rows = []
    if len(snapshot["queries"]) > 1:
        rows = table_html("Queries of this cell, the latest first", tables.history(snapshot), MAX_BESIDE)
    if cell["brief"]:
        rows.append(f"<p>and {cell['brief']} shorter than {BRIEF_SECONDS:g} s</p>")
    return rows


def _operators_html(snapshot: Snapshot) -> list[str]:
    plan = snapshot.get("plan")
    if plan is None:
        return []
    return [*table_html(f"Plan of query {plan['number']}", tables.operators(snapshot)), *_called_html(plan)]


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
    "decisions": (lambda snapshot: table_text(tables.decisions(snapshot)),),
    "history": (lambda snapshot: table_text(tables.history(snapshot)),),
    "cockpit": (
        _plan_text,
        _backlog_text,
        _workers_text,
        lambda snapshot: table_text(tables.decisions(snapshot)),
        lambda snapshot: table_text(tables.settings(snapshot)),
    ),
}
