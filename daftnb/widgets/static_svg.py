"""The static drawings: the plan and the backlog ratio as SVG without script, style sheets or references.

Colours are presentation attributes that have contrast on light and on dark; text takes the page's own colour.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from daftnb.widgets import format as f

MAX_DRAWN = 60
BLUE, GREEN, RED, GREY = "#4a86d8", "#2e9e5b", "#d9534f", "#8a94a3"
_STATES = {
    "running": ("●", BLUE),
    "finished": ("✓", GREEN),
    "failed": ("✕", RED),
    "cancelled": ("⊘", RED),
    "waiting": ("○", GREY),
}
_BOX = (190, 50)
_GAP = (20, 28)
_TEXT = 'font-family="system-ui, sans-serif" font-size="12" fill="currentColor"'


def _escape(text: object) -> str:
    return html.escape("".join(c if c.isprintable() or c == " " else "�" for c in str(text)))


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def layers(operators: Mapping[str, Any], root: int) -> list[list[int]]:
    """Operators by their longest way to a source, sources first; each operator once."""
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
    """The plan with its sources on top; beyond 60 operators only the table that comes with it is readable."""
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
    for id_, (x, y) in places.items():
        operator = operators[str(id_)]
        for child in operator["inputs"]:
            if child in places:
                from_x, from_y = places[child][0] + _BOX[0] / 2, places[child][1] + _BOX[1]
                to_x = x + _BOX[0] / 2
                middle = (from_y + y) / 2
                edges.append(
                    f'<path d="M{from_x:.0f} {from_y:.0f}C{from_x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} '
                    f'{to_x:.0f} {y:.0f}" fill="none" stroke="{GREY}"/>'
                )
        boxes.append(_box(operator, x, y))
    title = f"Plan of query {plan['number']}: {len(operators)} operators"
    return (
        f'<svg role="img" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{_escape(title)}</title>{"".join(edges)}{"".join(boxes)}</svg>'
    )


def _box(operator: Mapping[str, Any], x: float, y: float) -> str:
    glyph, colour = _STATES.get(operator["state"], ("", GREY))
    tasks = operator["tasks"]
    parts = [f.rows(operator["rows_out"]) if operator["rows_out"] is not None else operator["state"]]
    if operator["bytes_out"] is not None:
        parts.append(f.size(operator["bytes_out"]))
    if tasks:
        parts.append(f"{tasks['finished']}/{tasks['submitted']} tasks")
    facts = _escape(_shortened(" · ".join(parts), 31))
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{_BOX[0]}" height="{_BOX[1]}" rx="5" fill="none" stroke="{colour}" '
        f'stroke-width="1.5"/><text x="{x + 10:.0f}" y="{y + 20:.0f}" {_TEXT} font-weight="600">'
        f"{glyph} {_escape(_shortened(operator['name'], 22))}</text>"
        f'<text x="{x + 10:.0f}" y="{y + 38:.0f}" {_TEXT} opacity="0.8">{facts}</text>'
    )


def backlog_svg(backlog: Mapping[str, Any]) -> str:
    """The backlog ratio over time, the threshold dashed, requests ▼ and arrivals ▲ marked."""
    points = list(backlog["points"].values())
    width, height, left, top, bottom = 560, 170, 44, 22, 24
    first, last = points[0][0], max(points[-1][0], points[0][0] + 1)
    highest = max([point[1] or 0 for point in points] + [backlog["threshold"] * 1.5])

    def x(t: float) -> float:
        return left + (min(max(t, first), last) - first) / (last - first) * (width - left - 8)

    def y(ratio: float) -> float:
        return top + (1 - ratio / highest) * (height - top - bottom)

    line = " ".join(f"{'L' if i else 'M'}{x(p[0]):.1f} {y(p[1] or 0):.1f}" for i, p in enumerate(points))
    marks = "".join(
        f'<text x="{x(m["t"]):.1f}" y="14" {_TEXT} text-anchor="middle">'
        f"{'▼' if m['kind'] == 'request' else '▲'}<title>{_escape(m['text'])}</title></text>"
        for m in backlog["marks"].values()
        if m["kind"] in ("request", "arrival") and first <= m["t"] <= last
    )
    threshold = y(backlog["threshold"])
    title = f"Backlog ratio, peak {f.ratio(backlog['peak'])}, threshold {f.ratio(backlog['threshold'])}"
    return (
        f'<svg role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{_escape(title)}</title>'
        f'<path d="M{left} {height - bottom}H{width - 8}" stroke="{GREY}" fill="none"/>'
        f'<path d="{line}" stroke="{BLUE}" stroke-width="2" fill="none"/>'
        f'<path d="M{left} {threshold:.1f}H{width - 8}" stroke="{RED}" stroke-dasharray="6 4" fill="none"/>'
        f'<text x="{width - 8}" y="{threshold - 4:.1f}" {_TEXT} text-anchor="end">threshold '
        f"{f.ratio(backlog['threshold'])}</text>{marks}"
        f'<text x="{left - 6}" y="{top + 6}" {_TEXT} text-anchor="end">{f.ratio(highest)}</text>'
        f'<text x="{left - 6}" y="{height - bottom}" {_TEXT} text-anchor="end">0</text>'
        f'<text x="{left}" y="{height - 6}" {_TEXT}>{_escape(f.clock(first))}</text>'
        f'<text x="{width - 8}" y="{height - 6}" {_TEXT} text-anchor="end">{_escape(f.duration(last - first))}'
        "; ▼ asked Ray for workers, ▲ a worker came</text></svg>"
    )
