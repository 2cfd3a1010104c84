"""Summaries of columns over all rows, what is quick first.

Where the rows are in this process, they are computed from the values as they lie there
(:mod:`daftnb.previews.figures`); the number of distinct ones by Daft. On Ray by Daft's aggregations, where the rows
are, and what these cannot do from a sample that is fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from daftnb.engine.partitions import LocalPartitions, Partitions
from daftnb.previews import figures as f
from daftnb.previews import writing as w
from daftnb.previews.figures import Summary
from daftnb.previews.kinds import Kind
from daftnb.previews.table import Column
from daftnb.previews.words import is_tellable, said

if TYPE_CHECKING:
    from daft import DataFrame, Expression

TOLD_SECONDS = 0.05  # between two messages
PIECE_ROWS = 1_000_000  # that are computed with at a time
SAMPLE_ROWS = 50_000
# Of these Daft tells approximately how many are distinct.
DISTINCT: frozenset[Kind] = frozenset(
    ("integer", "float", "decimal", "string", "boolean", "date", "time", "timestamp", "duration", "binary")
)

Found = dict[int, Summary]


def summarise(
    frame: DataFrame, rows: Partitions, columns: Sequence[Column], check: Callable[[], None]
) -> Iterator[Found]:
    """Summaries by the columns' numbers, in parts: a later part has more keys of the same columns.

    ``frame`` has run, and has ``rows``. ``check`` is called between steps, and may raise.
    """
    if isinstance(rows, LocalPartitions):
        yield from _local(frame, rows, columns, check)
    else:
        yield from _remote(frame, rows, columns, check)


def _local(
    frame: DataFrame, rows: LocalPartitions, columns: Sequence[Column], check: Callable[[], None]
) -> Iterator[Found]:
    arrays: dict[int, list[Any]] = {}
    first: Found = {}
    for column in columns:
        check()
        try:
            arrays[column.number] = list(f.pieces_of(rows.arrays(column.number), PIECE_ROWS))
            first[column.number] = f.counted(arrays[column.number], rows.rows, "exact")
        except BaseException as error:  # what Daft cannot give as Arrow
            if not is_tellable(error):
                raise
            first[column.number] = {"rows": f.figure(rows.rows, "exact"), "note": said(error)}
    yield first
    columns = [column for column in columns if column.number in arrays]
    counted: set[int] = set()
    for found in _parts(columns, arrays, "exact", check):
        counted |= {number for number, summary in found.items() if "distinct" in summary}
        yield found
    arrays.clear()
    left = [each for each in columns if each.kind in DISTINCT and each.number not in counted]
    yield _distinct(frame, left, {each.number: rows.rows - first[each.number]["nulls"]["value"] for each in left})


def _parts(
    columns: Sequence[Column], arrays: dict[int, list[Any]], how: f.How, check: Callable[[], None]
) -> Iterator[Found]:
    """What is computed from values, told now and then."""
    waiting: Found = {}
    told = time.monotonic()
    # Numbers are quicker than texts.
    for column in sorted(columns, key=lambda each: each.kind in f.COUNTED):
        check()
        pieces = [w.storage(array) for array in arrays[column.number]]
        if column.kind in f.MEASURED:
            waiting[column.number] = f.measured(pieces, column.kind, how, check)
        elif column.kind in f.COUNTED:
            waiting[column.number] = f.top(pieces, how, check)
        if time.monotonic() - told >= TOLD_SECONDS:
            yield waiting
            waiting, told = {}, time.monotonic()
    if waiting:
        yield waiting


def _distinct(frame: DataFrame, columns: Sequence[Column], values: dict[int, int]) -> Found:
    """``values``: how many there are of each column, by its number, without nulls."""
    from daft import col

    askable = [column for column in columns if column.alone and column.name != "*"]
    if not askable:
        return {}
    expressions = [col(column.name).approx_count_distinct().alias(f"d{column.number}") for column in askable]
    [counts] = frame.agg(*expressions).to_pylist()
    return {
        number: {"distinct": _estimated(counts[f"d{number}"], values[number])}
        for number in (column.number for column in askable)
    }


def _estimated(distinct: int | None, values: int) -> dict[str, Any]:
    """Daft's estimate, which may be some percent more than there are values (not null) at all."""
    return f.figure(min(distinct or 0, values), "approximate")


# -- on a cluster -----------------------------------------------------------------------------------------------------


def _remote(
    frame: DataFrame, rows: Partitions, columns: Sequence[Column], check: Callable[[], None]
) -> Iterator[Found]:
    askable = [column for column in columns if column.alone and column.name != "*" and column.dtype is not None]
    yield {column.number: {"rows": f.figure(rows.rows, "exact")} for column in columns}
    if not askable:
        return
    expressions = [expression for column in askable for expression in _aggregations(column)]
    [found] = frame.agg(*expressions).collect().to_pylist()
    check()
    yield {column.number: _aggregated(column, found, rows.rows) for column in askable}
    valued = [column for column in askable if column.kind in f.MEASURED | f.COUNTED]
    if not valued:
        return
    yield from _sampled(frame, rows, valued, check)


def _aggregations(column: Column) -> Iterator[Expression]:
    from daft import col
    from daft.functions import when

    value, number = col(column.name), column.number
    yield value.count("null").alias(f"n{number}")
    if column.kind in DISTINCT:
        yield value.approx_count_distinct().alias(f"d{number}")
    if column.kind == "float":  # NaN would be the most, and the mean
        value = when(~value.is_nan(), value).otherwise(None)
    if column.kind in f.MEASURED or column.kind == "string":
        yield value.min().alias(f"a{number}")
        yield value.max().alias(f"b{number}")
    if column.kind in ("integer", "float"):
        yield value.mean().alias(f"m{number}")


def _aggregated(column: Column, found: dict[str, Any], rows: int) -> Summary:
    number = column.number
    nulls = found[f"n{number}"]
    summary: Summary = {"nulls": f.figure(nulls, "exact")}
    if f"d{number}" in found:
        summary["distinct"] = _estimated(found[f"d{number}"], rows - nulls)
    for key, name in (("a", "min"), ("b", "max"), ("m", "mean")):
        value = found.get(f"{key}{number}")
        if value is not None:
            summary[name] = f.figure(value, "exact")
    return summary


def _sampled(
    frame: DataFrame, rows: Partitions, columns: Sequence[Column], check: Callable[[], None]
) -> Iterator[Found]:
    """Quantiles, histogram and commonest values of some rows."""
    share = min(1.0, SAMPLE_ROWS / rows.rows) if rows.rows else 1.0
    part = frame.select(*(column.name for column in columns))
    sample = (part if share == 1.0 else part.sample(share)).to_arrow()
    check()
    arrays = {column.number: sample.column(column.name).chunks for column in columns}
    how: f.How = "exact" if share == 1.0 else "sampled"
    for found in _parts(columns, arrays, how, check):
        for summary in found.values():
            if how == "sampled":  # those of all rows have been told
                for name in ("min", "max", "mean", "distinct", "note"):
                    summary.pop(name, None)
        yield found
