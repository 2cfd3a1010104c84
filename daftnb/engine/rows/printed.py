"""Prints a dataframe with Daft's own printer, from rows fetched for that, and its plan as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daftnb.engine import internals
from daftnb.engine.connection.standing import without_starting
from daftnb.engine.rows.partitions import LocalPartitions, Partitions
from daftnb.text.cleaning import without_escapes
from daftnb.text.redaction import redact_plan

PRINTED_ROWS = 8
PRINTED_COLUMNS = 200  # more than any printer has room for


def printed(frame: Any, rows: Partitions | None) -> str:
    """Return the text that Daft prints for a dataframe; for one that has not run, its schema. Runs nothing.

    On Ray Daft would fetch the whole first partition; here it is given the first rows.
    """
    if rows is None or isinstance(rows, LocalPartitions):
        return repr(frame)
    names = frame.schema().column_names()
    if not names or len(set(names)) < len(names) or internals.PRINTED in internals.missing("daft"):
        return f"({rows.rows:,} rows × {len(names):,} columns)"
    if frame._preview.partition is None and rows.rows:
        shown = range(min(len(names), PRINTED_COLUMNS))
        _, columns = rows.slice(0, PRINTED_ROWS, list(shown))
        return _printed(columns, [names[i] for i in shown], rows.rows)
    with without_starting():  # Daft may fetch what it prints
        return repr(frame)


def _printed(columns: Sequence[Any], names: Sequence[str], total: int) -> str:
    from daft.dataframe.preview import Preview, PreviewFormatter
    from daft.recordbatch import MicroPartition, RecordBatch

    batch = RecordBatch.from_pydict(dict(zip(names, columns, strict=True)))
    part = MicroPartition._from_record_batches([batch])
    return repr(PreviewFormatter(Preview(part, total), part.schema()))


def plan_text(frame: Any) -> str:
    """Return the plan of a dataframe that has not run, as ``explain`` prints it, without its secrets."""
    return redact_plan(without_escapes(str(frame._builder.pretty_print())))
