"""A page of a dataframe as an HTML table without script. Nothing from a cell ever becomes markup."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

MAX_COLUMNS = 50
MAX_CELL = 60
MAX_TITLE = 500
_LINE = "padding:2px 10px;border-bottom:1px solid rgba(128,128,128,.25);vertical-align:top;white-space:nowrap"


def clean(text: str) -> str:
    """Control characters and lone surrogates replaced; line breaks and tabs shown as signs."""
    signs = {"\n": "↵", "\t": "⇥", "\r": "␍"}
    return "".join(signs.get(c) or (c if c.isprintable() or c == " " else "�") for c in text)


def cell_text(value: Any) -> str:
    """One value in words, at most MAX_TITLE characters; a value whose repr fails is named by its type."""
    try:
        if isinstance(value, str):
            text = value[: MAX_TITLE + 1]
        elif isinstance(value, (bytes, bytearray)):
            text = repr(bytes(value[:MAX_TITLE]))
        elif hasattr(value, "isoformat"):
            text = value.isoformat()
        else:
            text = str(value) if isinstance(value, (bool, int, float)) or _is_decimal(value) else repr(value)
    except Exception:  # whatever a value's own repr may raise; the cell says so
        text = f"<unprintable {type(value).__name__}>"
    text = clean(text[: MAX_TITLE + 1])
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1] + "…"


def _is_decimal(value: Any) -> bool:
    return type(value).__module__ == "decimal"


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)) or _is_decimal(value)


def _cell(value: Any) -> str:
    if value is None:
        return f'<td style="{_LINE};opacity:.55">None</td>'
    text = cell_text(value)
    align = "text-align:right;font-variant-numeric:tabular-nums" if _is_number(value) else "text-align:left"
    if len(text) <= MAX_CELL:
        return f'<td style="{_LINE};{align}">{html.escape(text)}</td>'
    short = html.escape(text[: MAX_CELL - 1]) + "…"
    return f'<td style="{_LINE};{align}" title="{html.escape(text)}">{short}</td>'


def table_html(
    names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], total_rows: int | None, note: str = ""
) -> str:
    """``rows`` of values under their column names and types, with a caption that says how much of what it is."""
    shown = list(range(len(names)))
    if len(names) > MAX_COLUMNS:
        shown = [*shown[: MAX_COLUMNS // 2], *shown[-MAX_COLUMNS // 2 :]]
    head = "".join(
        f'<th scope="col" style="{_LINE};text-align:left">{html.escape(cell_text(names[i]))}'
        f'<br><span style="font-weight:400;opacity:.7">{html.escape(cell_text(types[i]))}</span></th>'
        for i in shown
    )
    body = "".join("<tr>" + "".join(_cell(row[i]) for i in shown) + "</tr>" for row in rows)
    return (
        f'<div style="overflow-x:auto"><table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f'<tbody>{body}</tbody></table><p style="opacity:.75">'
        f"{html.escape(caption(len(rows), total_rows, len(names), note))}</p></div>"
    )


def caption(shown: int, total: int | None, columns: int, note: str) -> str:
    """How many of how many rows and columns are shown."""
    width = f"{columns:,} column" + ("" if columns == 1 else "s")
    if columns > MAX_COLUMNS:
        width += f" (the first and last {MAX_COLUMNS // 2} shown)"
    if total is None:
        rows = f"first {shown:,} rows" if shown else "no rows shown"
    elif total <= shown:
        rows = f"{total:,} row" + ("" if total == 1 else "s")
    else:
        rows = f"first {shown:,} of {total:,} rows"
    return f"{rows} × {width}" + (f"; {note}" if note else "")
