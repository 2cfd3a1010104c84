"""Writes the first rows of a dataframe as an HTML table without script, of at most 64 kB. Values never become markup.

It is what a saved notebook shows on GitHub, in nbviewer and after ``nbconvert``. Colours are those around it, so that
it can be read on dark as on light.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daftnb.errors import explain, is_reportable
from daftnb.previews.images import Picture
from daftnb.previews.kinds.kind import Sign
from daftnb.previews.kinds.registry import record_of
from daftnb.previews.table import Column
from daftnb.previews.writing import arrow_named
from daftnb.text.cleaning import visible
from daftnb.text.numbers import noun
from daftnb.text.shorten import shortened

if TYPE_CHECKING:
    from daft import Series

MOST_BYTES = 64_000
LONGEST_PLAN = 8_000  # characters
# GitHub takes styles away and leaves attributes; a cell is to be short, as there are many.
_TABLE = '<table cellpadding="4" style="border-collapse:collapse;white-space:nowrap;font-variant-numeric:tabular-nums">'
# Notebooks typeset $…$ in HTML, and follow what is in there: not in an element of these classes.
_ROOT = '<div class="mathjax_ignore tex2jax_ignore" style="overflow-x:auto">'
_ROW = '<tr style="border-top:1px solid rgba(128,128,128,.25)">'
_SIGNS = str.maketrans({"\n": "↵", "\t": "⇥", "\r": "␍"})


@dataclass(frozen=True, slots=True)
class Size:
    """How much is shown: rows, columns, characters of a cell and of its tooltip, pixels of a picture (0: none)."""

    rows: int
    columns: int
    cell: int
    title: int
    pixels: int


SIZES = (
    Size(20, 30, 60, 300, 48), Size(20, 30, 60, 0, 32), Size(15, 30, 40, 0, 24), Size(10, 30, 30, 0, 0),
    Size(10, 20, 20, 0, 0), Size(5, 10, 10, 0, 0), Size(3, 6, 8, 0, 0),
)  # fmt: skip


def clean(text: str) -> str:
    """Replace control characters and lone surrogates; show line breaks and tabs as signs."""
    if text.isascii() and text.isprintable():
        return text
    return visible(text.translate(_SIGNS))


def static_html(
    columns: Sequence[Column], series: Sequence[Series], total: int | None, limit: int | None = None, plan: str = ""
) -> str:
    """Return the first columns' ``series`` under their names, with a caption that says how much of what it is.

    ``total``: rows in all; None where the frame has not run (then ``plan`` is shown). ``limit``: the rows come from a
    limit.
    """
    if total is None:
        return _not_run(columns, plan)
    shown = [Shown(each) for each in series[: SIZES[0].columns]]
    found = ""
    for size in SIZES:
        found = _table(shown, columns, total, limit, size)
        if len(found.encode()) <= MOST_BYTES:
            break
    return found


def _not_run(columns: Sequence[Column], plan: str) -> str:
    found = ""
    for size in SIZES:
        shown = min(len(columns), size.rows * 4)
        rows = "".join(
            f"{_ROW}<td>{_escaped(column.told['name'], size.cell)}</td>"
            f'<td style="opacity:.7">{_escaped(column.told["type"], size.cell)}</td></tr>'
            for column in columns[:shown]
        )
        rest = f", the first {shown} shown" if shown < len(columns) else ""
        lines = plan[: LONGEST_PLAN * size.rows // SIZES[0].rows].split("\n")
        text = html.escape("\n".join(clean(line) for line in lines))
        found = (
            f"{_ROOT}{_TABLE}<tbody>{rows}</tbody></table>"
            f'<p style="opacity:.75">{_count(len(columns), "column")}{rest}; not run: .collect() or .show() runs it</p>'
            f"<details><summary>Plan</summary><pre>{text}</pre></details></div>"
        )
        if len(found.encode()) <= MOST_BYTES:
            break
    return found


def _table(shown: Sequence[Shown], columns: Sequence[Column], total: int, limit: int | None, size: Size) -> str:
    shown = shown[: size.columns]
    head = "".join(
        f'<th scope="col" align="{each.side}">{_escaped(column.told["name"], size.cell)}'
        f'<br><span style="font-weight:400;opacity:.7">{_escaped(column.told["type"], size.cell)}</span></th>'
        for each, column in zip(shown, columns, strict=False)
    )
    cells = [each.cells(size) for each in shown]
    body = "".join(_ROW + "".join(row) + "</tr>" for row in zip(*cells, strict=True))
    return (
        f"{_ROOT}{_TABLE}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<p style="opacity:.75">'
        f"{html.escape(caption(len(cells[0]) if cells else 0, total, limit, len(shown), len(columns)))}</p></div>"
    )


class Shown:
    """A column's first values, made ready once: texts, signs, or pictures."""

    def __init__(self, series: Series) -> None:
        series = arrow_named(series.slice(0, min(len(series), SIZES[0].rows)))
        room, dtype = SIZES[0].title, series.datatype()
        kind = record_of(dtype)
        self.side = "right" if kind.is_right else "left"
        self.pictures: list[Picture | None] | None = None
        self.texts: list[str] = []
        try:
            if kind.pictures is not None:
                self.pictures = kind.pictures(kind.arrow(series, room), dtype)
            else:
                self.texts = [NULL if text is None else text or EMPTY for text in kind.static_words(series, room)]
        except BaseException as error:
            if not is_reportable(error):
                raise
            self.texts = [f"<unreadable: {explain(error)}>"] * len(series)

    def cells(self, size: Size) -> list[str]:
        """Return the cells as HTML."""
        if self.pictures is not None:
            return [_picture(picture, size) for picture in self.pictures[: size.rows]]
        start = '<td align="right"' if self.side == "right" else "<td"
        found = []
        for text in self.texts[: size.rows]:
            if isinstance(text, Sign):
                found.append(f"{start}>{_sign(text)}</td>")
                continue
            title = f' title="{_escaped(text, size.title)}"' if size.title and len(text) > size.cell else ""
            found.append(f"{start}{title}>{_escaped(text, size.cell)}</td>")
        return found


NULL, EMPTY = Sign("null"), Sign("empty")


def _sign(text: str) -> str:
    return f'<i style="opacity:.6">{html.escape(text)}</i>'


def _picture(picture: Picture | None, size: Size) -> str:
    if picture is None:
        return f"<td>{_sign(NULL)}</td>"
    words = html.escape(picture.words)
    if not size.pixels:
        return f"<td>{words}</td>"
    data = base64.b64encode(picture.png(size.pixels)).decode()
    return f'<td><img alt="{words}" title="{words}" src="data:image/png;base64,{data}"></td>'


def _escaped(text: str, room: int) -> str:
    text = clean(text[: room + 1])
    return html.escape(shortened(text, room))


def _count(number: int, what: str) -> str:
    return f"{number:,} {noun(number, what)}"


def caption(shown: int, total: int, limit: int | None, columns_shown: int, columns: int) -> str:
    """Return in words how many of how many rows and columns are shown."""
    of = f"the first {_count(total, 'row')}" if limit is not None else _count(total, "row")
    rows = of if shown >= total else f"{shown:,} of {of}"
    width = _count(columns, "column") + (f" ({columns_shown} shown)" if columns_shown < columns else "")
    return f"{rows} × {width}"
