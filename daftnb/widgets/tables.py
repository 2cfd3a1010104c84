"""Tables that need no script: as HTML, every text escaped, and as text. Bounded in rows and in characters."""

from __future__ import annotations

import html
from collections.abc import Sequence

MAX_ROWS = 40
MAX_LINES = 25  # of a table in text
MAX_CELL = 120  # characters
CELL = "text-align:left"  # notebooks align table cells to the right
NUMBER = "text-align:right"

Column = tuple[str, bool]  # its name, and whether it holds numbers
Table = tuple[Sequence[Column], list[list[str]]]


def clean(text: object) -> str:
    """Text that can stand in a line: control characters and lone surrogates replaced."""
    return "".join(c if c.isprintable() or c == " " else "�" for c in str(text))


def escape(text: object) -> str:
    """Text for HTML."""
    return html.escape(clean(text))


def table_html(title: str, table: Table, most: int = MAX_ROWS) -> list[str]:
    """A table with its title, for HTML; nothing where it has no rows."""
    columns, rows = table
    if not rows:
        return []
    head = "".join(f'<th style="{NUMBER if numeric else CELL}">{escape(name)}</th>' for name, numeric in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{NUMBER if numeric else CELL}">{indented(cell)}</td>'
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


def table_text(table: Table) -> list[str]:
    """A table as lines of text."""
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
