"""Draws the static plan, backlog ratio and CPUs as SVG without script, style sheets or references.

Colours are presentation attributes that have contrast on light and on dark; text takes the page's own colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daftnb.text import numbers as f
from daftnb.text.shorten import shortened
from daftnb.text.states import GLYPHS, SIGNS, expression, has_paths, skew_words
from daftnb.text.tables import clean, escape

MAX_DRAWN = 40
MAX_POINTS = 240  # a drawing is 560 pixels wide
BLUE, GREEN, RED, GREY = "#4a86d8", "#2e9e5b", "#d9534f", "#8a94a3"
_STATES = {"running": BLUE, "finished": GREEN, "failed": RED, "cancelled": RED, "stopped": GREY, "waiting": GREY}
_BOX = (240, 50)
_BROAD = ' stroke-width="3"'
_GAP = (20, 28)
_TEXT = 'font-family="system-ui, sans-serif" font-size="12" fill="currentColor"'


def _escape(text: object) -> str:
    return escape(text)


def layers(operators: Mapping[str, Any], root: int) -> list[list[int]]:
    """Return operators by their longest way to a source, sources first; each operator once."""
    depth: dict[int, int] = {}
    stack = [(root, False)]
    while stack:
        id_, inputs_done = stack.pop()
        if id_ in depth or str(id_) not in operators:
            continue
        inputs = [child for child in operators[str(id_)]["inputs"] if str(child) in operators]
        if not inputs_done:
            stack.append((id_, True))
            stack.extend((child, False) for child in reversed(inputs))
        else:
            depth[id_] = 1 + max((depth.get(child, 0) for child in inputs), default=-1)
    found: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for id_, layer in depth.items():
        found[layer].append(id_)
    return found


def plan_svg(plan: Mapping[str, Any]) -> str:
    """Return the plan with its sources on top; beyond 40 operators a sentence, as only the table is readable."""
    operators = plan["operators"]
    if len(operators) > MAX_DRAWN:
        return f"<p>The plan has {len(operators)} operators; they are in the table.</p>"
    rows = layers(operators, plan["root"])
    width = max(len(row) for row in rows) * (_BOX[0] + _GAP[0]) + _GAP[0]
    height = len(rows) * (_BOX[1] + _GAP[1]) + 4
    places = {}
    for level, row in enumerate(rows):
        left = (width - len(row) * (_BOX[0] + _GAP[0]) + _GAP[0]) / 2
        for place, id_ in enumerate(row):
            places[id_] = (left + place * (_BOX[0] + _GAP[0]), 2 + level * (_BOX[1] + _GAP[1]))
    edges, boxes = [], []
    paths = has_paths(operators.values())
    for id_, (x, y) in places.items():
        operator = operators[str(id_)]
        for child in operator["inputs"]:
            if child in places:
                from_x, from_y = places[child][0] + _BOX[0] / 2, places[child][1] + _BOX[1]
                to_x = x + _BOX[0] / 2
                middle = (from_y + y) / 2
                slow = paths and operator["slowest"] and operators[str(child)]["slowest"]
                edges.append(
                    f'<path d="M{from_x:.0f} {from_y:.0f}C{from_x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} '
                    f'{to_x:.0f} {y:.0f}" fill="none" stroke="{RED if slow else GREY}"{_BROAD if slow else ""}/>'
                )
        boxes.append(_box(operator, x, y, paths and operator["slowest"]))
    what = f"query {plan['number']}" if plan.get("of") is None else plan["of"]
    title = f"Plan of {what}: {len(operators)} operators" + (", the slowest path broad and with ⚑" if paths else "")
    return (
        f'<svg role="img" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{_escape(title)}</title>{"".join(edges)}{"".join(boxes)}</svg>'
    )


def _box(operator: Mapping[str, Any], x: float, y: float, slow: bool) -> str:
    if "state" not in operator:  # of a plan that has not run
        colour, sign = GREY, ""
        rows = operator["estimated_rows"]
        parts = [f"about {f.rows(rows)}" if rows is not None else expression(operator["detail"])]
    else:
        colour, sign = _STATES.get(operator["state"], GREY), GLYPHS.get(operator["state"], "·") + " "
        about = "≈ " if operator.get("derived_rows") else ""
        parts = [about + f.rows(operator["rows_out"]) if operator["rows_out"] is not None else operator["state"]]
        if operator["bytes_out"] is not None:
            parts.append(f.size(operator["bytes_out"]))
        if tasks := operator["tasks"]:
            parts.append(f"{tasks['finished']}/{tasks['submitted']} tasks")
    sign += "⚑ " if slow else ""
    sign += "⚠ " if skew_words(operator.get("skew")) else ""
    facts = _escape(shortened(" · ".join(parts), 35))
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{_BOX[0]}" height="{_BOX[1]}" rx="5" fill="none" stroke="{colour}" '
        f'stroke-width="1.5"/><text x="{x + 10:.0f}" y="{y + 20:.0f}" {_TEXT} font-weight="600">'
        f"{sign}{_escape(shortened(clean(operator['name']), 22))}</text>"
        f'<text x="{x + 10:.0f}" y="{y + 38:.0f}" {_TEXT} opacity="0.8">{facts}</text>'
    )


_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 44, 8, 22, 24


def thinned(backlog: Mapping[str, Any]) -> list[Sequence[Any]]:
    """Return at most ``MAX_POINTS`` of the backlog's points.

    Of those that fall together it is the one with the highest ratio.
    """
    points = list(backlog["points"].values())
    step = max(1, -(-len(points) // MAX_POINTS))
    kept = [max(points[i : i + step], key=lambda point: point[1] or 0) for i in range(0, len(points), step)]
    return [*kept, points[-1]] if step > 1 else kept


class _Plot:
    """Where a time and a value stand in a drawing of the backlog's points."""

    def __init__(self, backlog: Mapping[str, Any], height: int, highest: float) -> None:
        points = thinned(backlog)
        self.first, self.last = points[0][0], max(points[-1][0], points[0][0] + 1)
        self.height, self.highest = height, highest

    def x(self, t: float) -> float:
        share = (min(max(t, self.first), self.last) - self.first) / (self.last - self.first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _TOP + (1 - value / self.highest) * (self.height - _TOP - _BOTTOM)

    def level(self, value: float, colour: str, dash: str) -> str:
        """Return a line across at ``value``."""
        return (
            f'<path d="M{_LEFT} {self.y(value):.1f}H{_WIDTH - _RIGHT}" stroke="{colour}" '
            f'stroke-dasharray="{dash}" fill="none"/>'
        )

    def svg(self, title: str, inner: str) -> str:
        """Return the whole drawing: axes, their ends in words, and what is in it."""
        bottom = self.height - _BOTTOM
        return (
            f'<svg role="img" width="{_WIDTH}" height="{self.height}" viewBox="0 0 {_WIDTH} {self.height}" '
            f'xmlns="http://www.w3.org/2000/svg"><title>{_escape(title)}</title>'
            f'<path d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}" stroke="{GREY}" fill="none"/>{inner}'
            f'<text x="{_LEFT - 6}" y="{_TOP + 6}" {_TEXT} text-anchor="end">{f.ratio(self.highest)}</text>'
            f'<text x="{_LEFT - 6}" y="{bottom}" {_TEXT} text-anchor="end">0</text>'
            f'<text x="{_LEFT}" y="{self.height - 6}" {_TEXT}>{_escape(f.clock(self.first))}</text>'
            f'<text x="{_WIDTH - _RIGHT}" y="{self.height - 6}" {_TEXT} text-anchor="end">'
            f"{_escape(f.duration(self.last - self.first))}</text></svg>"
        )


def backlog_svg(backlog: Mapping[str, Any]) -> str:
    """Return the backlog ratio over time, the threshold dashed, marks for what the scheduler and Ray decided."""
    points = thinned(backlog)
    steps = _steps(backlog, points[0][0], points[-1][0])
    known = [value for _, value in steps if value is not None]
    plot = _Plot(backlog, 170, max([point[1] or 0 for point in points] + [value * 1.5 for value in known]))
    line = " ".join(f"{'L' if i else 'M'}{plot.x(p[0]):.1f} {plot.y(p[1] or 0):.1f}" for i, p in enumerate(points))
    marks = "".join(
        f'<text x="{plot.x(m["t"]):.1f}" y="14" {_TEXT} text-anchor="middle">'
        f"{SIGNS[m['kind']][0]}<title>{_escape(shortened(m['text'], 100))}</title></text>"
        for m in backlog["marks"].values()
        if m["kind"] in SIGNS and plot.first <= m["t"] <= plot.last
    )
    stairs = _stairs(plot, [*steps, (plot.last, None)])
    threshold = " → ".join(dict.fromkeys(f.ratio(value) for value in known)) or f.UNKNOWN
    label = (
        f'<text x="{_WIDTH - _RIGHT}" y="{plot.y(known[-1]) - 4:.1f}" {_TEXT} text-anchor="end">'
        f"threshold {f.ratio(known[-1])}</text>"
    )
    return plot.svg(
        f"Backlog ratio, peak {f.ratio(backlog['peak'])}, threshold {threshold}",
        f'<path d="{line}" stroke="{BLUE}" stroke-width="2" fill="none"/>'
        f'<path d="{stairs}" stroke="{RED}" stroke-dasharray="6 4" fill="none"/>'
        f"{label if known else ''}{marks}",
    )


def _steps(backlog: Mapping[str, Any], first: float, last: float) -> list[tuple[float, float | None]]:
    """Return the thresholds from ``first`` to ``last``, each with the time since when.

    Where no change of the threshold is known, the one that is known holds from ``first`` on.
    """
    steps = [(t, value) for t, value in (backlog.get("thresholds") or {}).values()]
    if not steps:
        return [(first, backlog["threshold"])]
    before = [(first, value) for t, value in steps if t <= first]
    return [*before[-1:], *(step for step in steps if first < step[0] <= last)]


def cpus_svg(backlog: Mapping[str, Any]) -> str:
    """Return the CPUs wanted (dashed), granted and observed over time, and the maximum; at most twice that is drawn."""
    points = thinned(backlog)
    most = backlog.get("most")
    words = "dashed: wanted · green: granted · thick: observed"
    series = (("wanted", RED, "5 4", 6), ("granted", GREEN, "", 7), ("observed", BLUE, "", 8))
    highest = max([1] + [value for point in points for *_, i in series for value in point[i : i + 1] if value])
    plot = _Plot(backlog, 120, min(highest, most * 2) if most else highest)
    lines = ""
    for name, colour, dash, index in series:
        path = _stairs(plot, [(point[0], point[index]) for point in points])
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        width = 2.5 if name == "observed" else 1.5
        lines += f'<path d="{path}" stroke="{colour}" stroke-width="{width}" fill="none"{dashed}/>' if path else ""
    limit = plot.level(most, GREY, "1 3") if most else ""
    words += (" · dotted: maximum" if most else "") + (
        f" · above {plot.highest} not drawn" if plot.highest < highest else ""
    )
    return plot.svg("Worker CPUs: " + words, f'{limit}{lines}<text x="{_LEFT}" y="14" {_TEXT}>{words}</text>')


def _stairs(plot: _Plot, values: Sequence[tuple[float, float | None]]) -> str:
    """Return a path that stays at a value until the next; nothing where there is none, or it is off the drawing."""
    path, before = "", None
    for t, value in values:
        if value is not None and value > plot.highest:
            value = None
        x = f"{plot.x(t):.1f}"
        if before is not None:
            path += f"H{x}"
        if value is not None:
            path += f"V{plot.y(value):.1f}" if before is not None else f"M{x} {plot.y(value):.1f}"
        before = value
    return path
