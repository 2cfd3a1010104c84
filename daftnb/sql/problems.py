"""Says what is wrong with a SQL text and where: the line, a caret under the place, what to type next."""

from __future__ import annotations

from daftnb.errors import SqlError
from daftnb.text.width import columns

WIDTH = 100  # characters of a line that are shown
BEFORE = 60  # of them before the caret, at most


def problem(what: str, remedy: str, text: str, at: int | None, first_line: int = 1) -> SqlError:
    """Return the error at place ``at`` of ``text`` (characters from its start; None: nowhere in it).

    ``what`` is a clause without its full stop. ``first_line`` is the number of the text's first line, as the reader
    counts: in a cell it is the second one.
    """
    if at is None:
        return SqlError(f"{what}.", remedy)
    line, column = place(text, at)
    return SqlError(
        f"{what} (line {line + first_line - 1}, column {column}).", remedy, pointed(text.split("\n")[line - 1], column)
    )


def place(text: str, at: int) -> tuple[int, int]:
    """Return line and column of a place, both from 1."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def offset(text: str, line: int, column: int) -> int:
    """Return the place of a line and a column, both from 1; the end of the line where the column is beyond it."""
    lines = text.split("\n")
    line = min(max(line, 1), len(lines))
    return sum(len(each) + 1 for each in lines[: line - 1]) + min(max(column - 1, 0), len(lines[line - 1]))


def pointed(line: str, column: int) -> tuple[str, str]:
    """Return the line, or the part of it around the column if it is long, and the line with the caret."""
    start = max(0, column - 1 - BEFORE) if len(line) > WIDTH else 0
    cut = line[start : start + WIDTH]
    shown = ("…" if start else "") + "".join(c if c.isprintable() else " " for c in cut)
    shown += "…" if start + WIDTH < len(line) else ""
    before = shown[: column - 1 - start + (1 if start else 0)]
    return shown.rstrip(), " " * columns(before) + "^"
