"""Summarises columns over all rows, the quick ones first.

Where the rows are in this process, they are computed from the values as they lie there
(:mod:`daftnb.previews.statistics`); the number of distinct ones by Daft. On Ray by Daft's aggregations, where the rows
are, and what these cannot do from a sample that is fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from daftnb.engine.rows.partitions import LocalPartitions, Partitions
from daftnb.errors import explain, is_reportable
from daftnb.previews import statistics as f
from daftnb.previews import writing as w
from daftnb.previews.table import Column
from daftnb.previews.wire import Figure, How, Summary

if TYPE_CHECKING:
    from daft import DataFrame, Expression

TOLD_SECONDS = 0.05  # between two messages
PIECE_ROWS = 1_000_000  # that are computed with at a time
SAMPLE_ROWS = 50_000
Found = dict[int, Summary]


def summarise(
    frame: DataFrame, rows: Partitions, columns: Sequence[Column], check: Callable[[], None]
) -> Iterator[Found]:
    """Yield summaries by the columns' numbers, in parts: a later part has more keys of the same columns.

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
            if not is_reportable(error):
                raise
            first[column.number] = {"rows": f.figure(rows.rows, "exact"), "note": explain(error)}
    yield first
    columns = [column for column in columns if column.number in arrays]
    counted: set[int] = set()
    for found in _parts(columns, arrays, "exact", check):
        counted |= {number for number, summary in found.items() if "distinct" in summary}
        yield found
    arrays.clear()
    left = [each for each in columns if "distinct" in each.record.aggregates and each.number not in counted]
    yield _distinct(frame, left, {each.number: rows.rows - int(first[each.number]["nulls"]["value"]) for each in left})


def _parts(
    columns: Sequence[Column], arrays: dict[int, list[Any]], how: How, check: Callable[[], None]
) -> Iterator[Found]:
    """Compute summaries from values, and yield what there is every TOLD_SECONDS or later."""
    waiting: Found = {}
    told = time.monotonic()
    # Numbers are quicker than texts.
    for column in sorted(columns, key=lambda each: each.record.is_counted):
        check()
        pieces = [w.storage(array) for array in arrays[column.number]]
        if column.record.ticks is not None:
            waiting[column.number] = f.measured(pieces, column.kind, how, check)
        elif column.record.is_counted:
            waiting[column.number] = f.top(pieces, how, check)
        if time.monotonic() - told >= TOLD_SECONDS:
            yield waiting
            waiting, told = {}, time.monotonic()
    if waiting:
        yield waiting


def _distinct(frame: DataFrame, columns: Sequence[Column], values: dict[int, int]) -> Found:
    """Ask Daft how many distinct values each column has, approximately.

    ``values``: how many there are of each column, by its number, without nulls.
    """
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


def _estimated(distinct: int | None, values: int) -> Figure:
    """Return Daft's estimate, which may be some percent too high, but at most the number of values (not null)."""
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
    valued = [column for column in askable if column.record.ticks is not None or column.record.is_counted]
    if not valued:
        return
    yield from _sampled(frame, rows, valued, check)


def _aggregations(column: Column) -> Iterator[Expression]:
    from daft import col
    from daft.functions import when

    value, number, kind = col(column.name), column.number, column.record
    yield value.count("null").alias(f"n{number}")
    if "distinct" in kind.aggregates:
        yield value.approx_count_distinct().alias(f"d{number}")
    if kind.ticks is not None and kind.ticks.has_nan:  # NaN would be the most, and the mean
        value = when(~value.is_nan(), value).otherwise(None)
    if "min" in kind.aggregates:
        yield value.min().alias(f"a{number}")
    if "max" in kind.aggregates:
        yield value.max().alias(f"b{number}")
    if "mean" in kind.aggregates:
        yield value.mean().alias(f"m{number}")


_ASKED: tuple[tuple[str, Literal["min", "max", "mean"]], ...] = (("a", "min"), ("b", "max"), ("m", "mean"))
_OF_ALL: tuple[Literal["min", "max", "mean", "distinct", "note"], ...] = ("min", "max", "mean", "distinct", "note")


def _aggregated(column: Column, found: dict[str, Any], rows: int) -> Summary:
    number = column.number
    nulls = found[f"n{number}"]
    summary: Summary = {"nulls": f.figure(nulls, "exact")}
    if f"d{number}" in found:
        summary["distinct"] = _estimated(found[f"d{number}"], rows - nulls)
    for key, name in _ASKED:
        value = found.get(f"{key}{number}")
        if value is not None:
            summary[name] = f.figure(value, "exact")
    return summary


def _sampled(
    frame: DataFrame, rows: Partitions, columns: Sequence[Column], check: Callable[[], None]
) -> Iterator[Found]:
    """Yield quantiles, histogram and commonest values of some rows."""
    share = min(1.0, SAMPLE_ROWS / rows.rows) if rows.rows else 1.0
    part = frame.select(*(column.name for column in columns))
    sample = (part if share == 1.0 else part.sample(share)).to_arrow()
    check()
    arrays = {column.number: sample.column(column.name).chunks for column in columns}
    how: How = "exact" if share == 1.0 else "sampled"
    for found in _parts(columns, arrays, how, check):
        for summary in found.values():
            if how == "sampled":  # those of all rows have been told
                for name in _OF_ALL:
                    summary.pop(name, None)
        yield found
