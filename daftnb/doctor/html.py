"""What ``doctor`` has found, as an HTML table without script."""

from __future__ import annotations

from collections.abc import Sequence

from daftnb.doctor.finding import GLYPHS, Finding
from daftnb.doctor.report import PARTS, summary
from daftnb.text.shorten import shortened
from daftnb.text.tables import ROOT, escape

MAX_TEXT = 400  # characters of a cell
_CELL = "text-align:left;vertical-align:top;white-space:normal;overflow-wrap:anywhere"
_STATE = "text-align:left;vertical-align:top;white-space:nowrap"


def findings_html(findings: Sequence[Finding]) -> str:
    """Return the table: one row for each finding, under its part; every text escaped, each rank a sign and a word."""
    body = []
    for part, title in PARTS.items():
        rows = [finding for finding in findings if finding.part == part]
        if rows:
            body.append(f'<tr><th colspan="4" scope="rowgroup" style="{_STATE}">{escape(title)}</th></tr>')
            body += [_row(row) for row in rows]
    head = "".join(
        f'<th scope="col" style="{_STATE}">{name}</th>' for name in ("state", "what", "as it is", "what to do")
    )
    return (
        f"{ROOT}<p><b>{escape(summary(findings))}</b></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _row(row: Finding) -> str:
    rank = f"{GLYPHS[row.rank]} {row.rank}"
    state = escape(rank) if row.rank == "ok" else f"<b>{escape(rank)}</b>"
    cells = [shortened(text, MAX_TEXT) for text in (row.detail, row.remedy)]
    return (
        f'<tr><td style="{_STATE}">{state}</td><td style="{_STATE}">{escape(shortened(row.name, MAX_TEXT))}</td>'
        + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
    )
