"""Encodes a page of rows for the browser: an uncompressed Arrow IPC stream of at most 256 kB.

The columns are made ready by their kinds (:mod:`daftnb.previews.fields` says as what). Numbers travel as they are; what
a browser could not hold exactly travels as text. Where a page would be too large, texts are cut shorter and pictures
made smaller, and if that does not do, fewer rows come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from daftnb.errors import explain, is_reportable
from daftnb.previews.fields import LEVELS, Field, Level, Prepared, strings
from daftnb.previews.kinds.registry import record_of
from daftnb.previews.table import Column
from daftnb.previews.writing import arrow_named

if TYPE_CHECKING:
    from daft import Series

PAGE_BYTES = 256_000
READ_BYTES = 64 * 2**20  # of texts that are read for a page: to tell how long each is


@dataclass(frozen=True, slots=True)
class Page:
    """The IPC stream, and how many rows are in it."""

    data: bytes
    count: int


def encode_page(columns: Sequence[tuple[int, Series]], most: int = PAGE_BYTES) -> Page:
    """Return a page of these columns, each with its number; all have as many rows. One row comes in any case."""
    rows = len(columns[0][1])
    columns = [(number, arrow_named(series)) for number, series in columns]
    heavy = sum(series.to_arrow().nbytes for _, series in columns if series.datatype().is_string())
    if heavy > READ_BYTES and rows > 1:
        count = max(1, min(rows - 1, rows * READ_BYTES // heavy))
        return encode_page([(number, series.slice(0, count)) for number, series in columns], most)
    prepared = [prepare(number, series) for number, series in columns]
    pictures = sum(column.pictures for column in prepared)
    smallest = pictures * _share(LEVELS[-1])
    if smallest > most and rows > 1:
        count = max(1, min(rows - 1, int(rows * most / smallest)))
        return encode_page([(number, series.slice(0, count)) for number, series in columns], most)
    data, batch = b"", None
    for level in LEVELS:
        if pictures * _share(level) > most and level is not LEVELS[-1]:
            continue
        fields = [field for column in prepared for field in column.at(level)]
        batch = pa.record_batch([array for _, array in fields], names=[name for name, _ in fields])
        data = _stream(batch)
        if len(data) <= most:
            return Page(data, batch.num_rows)
    assert batch is not None
    count = batch.num_rows
    while len(data) > most and count > 1:
        count = max(1, min(count - 1, int(count * most / len(data))))
        data = _stream(batch.slice(0, count))
    return Page(data, count)


def empty_page(columns: Sequence[Column]) -> Page:
    """Return a page without rows, made from the columns' kinds: Daft has no values to make one of."""
    fields: list[Field] = [(f"v{column.number}", pa.array([], column.record.empty)) for column in columns]
    return Page(_stream(pa.record_batch([array for _, array in fields], names=[name for name, _ in fields])), 0)


def _share(level: Level) -> float:
    """Return the size of a picture at a level as a share of its size at the first level."""
    return (level.pixels / LEVELS[0].pixels) ** 2


def _stream(batch: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def prepare(number: int, series: Series) -> Prepared:
    """Make one column ready, once for all levels. Where Daft cannot give its values, the cells say why."""
    try:
        return record_of(series.datatype()).prepared(number, arrow_named(series))
    except BaseException as error:
        if not is_reportable(error):
            raise
        return strings(number, pa.array([f"<unreadable: {explain(error)}>"] * len(series), pa.string()))
