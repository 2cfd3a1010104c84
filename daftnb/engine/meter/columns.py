"""Counts the rows of a batch: those of the columns that a function is given, and of what it returns."""

from __future__ import annotations

import sys
from typing import Any

from daftnb.engine.meter.tally import Tally

# What Daft takes from a function of batches (call_batch_func of daft/udf/execution.py, run_udf of daft/udf/legacy.py).
TAKEN = (
    ("builtins", "list"),
    ("daft.series", "Series"),
    ("numpy", "ndarray"),
    ("pyarrow", "Array"),
    ("pyarrow", "ChunkedArray"),
)


def columns_in(arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
    """Return the columns of Daft's among the arguments of a call."""
    column = sys.modules["daft.series"].Series
    return [each for each in (*arguments, *options.values()) if issubclass(type(each), column)]


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
    """Count the rows that came out, where they are of a kind that Daft takes."""
    tally.rows_out += rows_of_output(output)


def rows_of_output(output: Any) -> int:
    """Return the length of what a function has returned; 0 of what Daft does not take.

    The kind that Daft takes tells the length: a class of the user's that is one may have another idea of it, or raise.
    """
    if type(output) is sys.modules["daft.series"].Series:
        return len(output._series)
    for kind in type(output).__mro__:
        for module, name in TAKEN:
            if kind is getattr(sys.modules.get(module), name, None):
                try:
                    return kind.__len__(output)
                except TypeError:  # an array without dimensions
                    return 0
    return 0
