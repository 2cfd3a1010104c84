"""Counts the rows of a batch: those of the columns that a function is given, and of what it returns."""

from __future__ import annotations

import sys
from typing import Any

from daftnb.engine.meter.tally import Tally


def columns_in(arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
    """Return the columns of Daft's among the arguments of a call."""
    column = sys.modules["daft.series"].Series
    return [each for each in (*arguments, *options.values()) if isinstance(each, column)]


def begin_batch(tally: Tally, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Count the rows that a batch has: those of its longest column, as one of a single row is for all.

    A batch that failed, and is tried again, was counted before.
    """
    if tally.again:
        tally.again = False
        return
    column = sys.modules["daft.series"].Series
    if len(arguments) == 1 and not options and type(arguments[0]) is column:
        tally.rows_in += len(arguments[0]._series)
    else:
        tally.rows_in += max(map(len, columns_in(arguments, options)), default=0)


def end_batch(tally: Tally, output: Any) -> None:
    """Count the rows that came out; what has no length is none that Daft takes."""
    try:
        tally.rows_out += len(output)
    except Exception:  # whatever a user's object raises when it is asked for its length: Daft tells the user
        return
