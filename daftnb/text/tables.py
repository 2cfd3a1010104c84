"""Writes tables as HTML without script, every text escaped, and as text. Bounded in rows and in characters."""

from __future__ import annotations

import html
from collections.abc import Sequence

from daftnb.text.reasons import told_line
from daftnb.text.shorten import shortened

MAX_ROWS = 40
MAX_LINES = 25  # of a table in text
MAX_CELL = 120  # characters
CELL = "text-align:left"  # notebooks align table cells to the right
NUMBER = "text-align:right"

Column = tuple[str, bool]  # its name, and whether it holds numbers
Table = tuple[Sequence[Column], list[list[str]]]


LONGEST = 4_000  # characters of any text in a line
PLAIN = 'class="mathjax_ignore tex2jax_ignore"'  # notebooks typeset $…$ in HTML: not in an element of this class
ROOT = f"<div {PLAIN}>"  # the outer element of all HTML that is shown


def clean(text: object) -> str:
    """Return text that can stand in a line: without terminal escapes, an engine's error by its reason.

    Line breaks become a sign. U+FFFD stands for control characters, lone surrogates and what is invisible.
    """
    return shortened(told_line(str(text)), LONGEST)


def escape(text: object) -> str:
    """Return text for HTML, clean and escaped."""
    return html.escape(clean(text))


def table_html(title: str, table: Table, most: int = MAX_ROWS) -> list[str]:
    """Return a table with its title, for HTML; nothing where it has no rows."""
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
    """Return a cell for HTML whose leading spaces are kept."""
    bare = cell.lstrip(" ")
    return "&nbsp;&nbsp;" * ((len(cell) - len(bare)) // 2) + html.escape(shortened(clean(bare), MAX_CELL))


def _kept(cell: str) -> str:
    """Return a cell for text, clean, with its leading spaces, cut where it is long."""
    bare = cell.lstrip(" ")
    return shortened(" " * (len(cell) - len(bare)) + clean(bare), MAX_CELL)


def table_text(table: Table, most: int = MAX_LINES) -> list[str]:
    """Return a table as lines of text; none where it has no rows."""
    columns, rows = table
    if not rows:
        return []
    shown = [[name for name, _ in columns], *([_kept(cell) for cell in row] for row in rows[:most])]
    widths = [max(len(row[i]) for row in shown) for i in range(len(columns))]
    lines = [
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, (_, numeric) in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in shown
    ]
    return [*lines, f"and {len(rows) - most} more"] if len(rows) > most else lines
