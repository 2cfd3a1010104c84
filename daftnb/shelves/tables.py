"""A shelf's runs as an Arrow table, as a dataframe of Daft's, and as text to look at."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from daftnb import files
from daftnb.shelves.index import Shelf, folder_of, list_shelf, uncollected
from daftnb.shelves.runs import COLUMNS, MARKS, ROW, marked, marks_of
from daftnb.text import numbers as f
from daftnb.text.numbers import plural
from daftnb.text.shorten import shortened
from daftnb.text.tables import clean

if TYPE_CHECKING:
    import daft

SHOWN = 20  # runs, the latest
LONGEST_NAME = 30  # characters
_SCHEMA = {**COLUMNS, **MARKS, "file": "string"}


@uncollected()
def table_of(rows: Sequence[Sequence[Any]]) -> Any:
    """Return runs with their marks as a pyarrow.Table, in the order in which they began."""
    import pyarrow as pa

    order, marks = marks_of(rows)
    ordered = zip(*(rows[index] for index in order), strict=True) if rows else [()] * len(ROW)
    columns: dict[str, Sequence[Any]] = {**dict(zip(ROW, ordered, strict=True)), **marks}
    arrays = {}
    for name, kind in _SCHEMA.items():
        values = columns[name]
        if kind == "timestamp":
            arrays[name] = pa.array([round(value * 1e6) for value in values], pa.timestamp("us", "UTC"))
        elif kind == "string":
            arrays[name] = _texts(values)
        else:
            arrays[name] = pa.array(values, pa.type_for_alias(kind))
    return pa.table(arrays)


def _texts(values: Sequence[str | None]) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half a character (a surrogate) in one of them
        clean = [None if value is None else value.encode("utf-8", "replace").decode() for value in values]
        return pa.array(clean, pa.string())


def dataframe_of(path: str | os.PathLike[str]) -> daft.DataFrame:
    """Return the runs of a shelf as a dataframe of Daft's; warn, in one line each, of what is left out."""
    import daft

    shelf = list_shelf(path)
    for line in problems_of(shelf, path):
        warnings.warn(line, stacklevel=3)
    return daft.from_arrow(table_of(shelf.rows))


def problems_of(shelf: Shelf, path: str | os.PathLike[str]) -> list[str]:
    """Return what is wrong with a shelf, one line each."""
    lines = [] if shelf.problem is None else [shelf.problem]
    if shelf.left_out:
        name, why = min(shelf.left_out.items())
        what = plural(len(shelf.left_out), "file")
        are = "is no recording and is" if len(shelf.left_out) == 1 else "are no recordings and are"
        lines.append(f"{what} in {files.words(folder_of(path))} {are} left out, such as {clean(name)}: {clean(why)}")
    return lines


def shelf_text(path: str | os.PathLike[str], most: int = SHOWN) -> str:
    """Return the latest runs of a shelf as a table of text; a run that is a regression has a ▲ before its time."""
    shelf = list_shelf(path)
    rows = marked(shelf.rows)[::-1]
    if not rows:
        return "\n".join([f"No runs in {files.words(folder_of(path))} yet.", *problems_of(shelf, path)])
    heading = ["started (UTC)", "name", "plan", "status", "time", "÷ usual", "rows", "file"]
    cells = [
        [
            _when(row["started"]),
            shortened(clean(row["name"] or row["id"] or ""), LONGEST_NAME),
            (row["plan"] or f.UNKNOWN)[:8],
            clean(row["status"] or f.UNKNOWN),
            f"{'▲ ' if row['regression'] else ''}{f.duration(row['seconds'])}",
            f.UNKNOWN if row["slower"] is None else f"{f.ratio(row['slower'])} ×",
            f.number(row["rows"]),
            clean(row["file"]),
        ]
        for row in rows[:most]
    ]
    widths = [max(map(len, column)) for column in zip(heading, *cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [heading, *cells]
    ]
    if len(rows) > most:
        lines.append(f"and {len(rows) - most:,} earlier")
    slow = sum(row["regression"] is True for row in rows)
    if slow:
        lines.append(f"▲ {plural(slow, 'run')} more than 1.5 × as long as the runs of the same plan before it")
    return "\n".join([*lines, *problems_of(shelf, path)])


def _when(t: float) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(t, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
