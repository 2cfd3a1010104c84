"""The static views: HTML without script, and text. What a notebook still says when nothing runs any more.

GitHub removes styles and drawings from what it shows, so everything that matters is in words and tables; the
drawings (:mod:`daftnb.widgets.static_svg`) come beside them. Every text is escaped, and rows and texts are bounded: a
view takes less than 100 kB of the notebook, whatever the plan and the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping

from daftnb.settings import SETTINGS
from daftnb.telemetry.frames import Frame
from daftnb.widgets import format as f
from daftnb.widgets import static_tables as tables
from daftnb.widgets.static_svg import backlog_svg, cpus_svg, plan_svg
from daftnb.widgets.tables import clean, escape, table_html, table_text
from daftnb.widgets.words import (
    GLYPHS,
    NATIVE,
    SIGNS,
    cpu_words,
    pool_words,
)

MAX_BESIDE = 20  # rows of a table that stands beside others
MAX_PROBLEMS = 10
MAX_DECISIONS = 25
NO_QUERY = "No query has run yet."


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
        peak, threshold = f.ratio(history["peak_ratio"]), f.ratio(_threshold(frame, history["settings"]))
        parts.append(f"peak backlog ratio {peak} against threshold {threshold}")
    if history and history["workers_from"] is not None:
        parts.append(f"workers {history['workers_from']} → {history['workers_to']}")
    text = head + (": " + ", ".join(parts) if parts else "") + "."
    return text + (f" {clean(query['error'])[:300]}" if query["error"] else "")


def _threshold(frame: Frame, settings: Mapping[str, str] | None) -> float | None:
    """The threshold that the query ran with, where it is known; what is in effect now otherwise."""
    threshold = SETTINGS["threshold"]
    try:
        return float((settings or {})[threshold.env])
    except (KeyError, ValueError):
        return (frame.get("backlog") or {}).get("threshold")


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
        drawing += [
            part
            for stage, tree in trees.items()
            for part in table_html(f"{stage.capitalize()} plan", tables.not_run(tree))
        ]
        return drawing
    return [plan_svg(frame["plan"]), *table_html("Plan", tables.operators(frame))]


def _pool_summary(frame: Frame) -> str:
    pool = frame["workers"]
    if not pool["rows"]:
        return NATIVE if _on_native(frame) else "No workers yet."
    return pool_words(pool)


def _workers_html(frame: Frame) -> list[str]:
    rows = table_html(_pool_summary(frame), tables.pool(frame))
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
    return table_html("Decisions, the latest first", tables.decisions(frame))


def _history_html(frame: Frame) -> list[str]:
    return table_html("History, the latest first", tables.history(frame))


def _latest_html(frame: Frame) -> list[str]:
    return table_html("History, the latest first", tables.history(frame), MAX_BESIDE)


def _settings_html(frame: Frame) -> list[str]:
    return table_html("Settings", tables.settings(frame))


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
        parts = (
            [f"{stage} plan", *table_text(tables.not_run(tree)), ""] for stage, tree in frame["plan"]["plans"].items()
        )
        return [line for part in parts for line in part][:-1]
    return table_text(tables.operators(frame))


def _workers_text(frame: Frame) -> list[str]:
    return [_pool_summary(frame), *table_text(tables.pool(frame))]


def _backlog_text(frame: Frame) -> list[str]:
    drawn = sparkline(frame)
    return [_backlog_summary(frame), *drawn, *([cpu_words(frame["backlog"])] if drawn else [])]


def _cell_queries_html(frame: Frame) -> list[str]:
    """The other queries of a cell, where there are any; and those that were too short to be listed."""
    cell = frame.get("cell") or {"brief": 0}
    rows = []
    if len(frame["queries"]) > 1:
        rows = table_html("Queries of this cell, the latest first", tables.history(frame), MAX_BESIDE)
    if cell["brief"]:
        rows.append(f"<p>and {cell['brief']} shorter than 0.3 s</p>")
    return rows


def _operators_html(frame: Frame) -> list[str]:
    return table_html(f"Plan of query {frame['plan']['number']}", tables.operators(frame)) if frame.get("plan") else []


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
    "decisions": (lambda frame: table_text(tables.decisions(frame)),),
    "history": (lambda frame: table_text(tables.history(frame)),),
    "cockpit": (
        _plan_text,
        _backlog_text,
        _workers_text,
        lambda frame: table_text(tables.decisions(frame)),
        lambda frame: table_text(tables.settings(frame)),
    ),
}
