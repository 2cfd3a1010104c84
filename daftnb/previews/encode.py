"""A page of rows for the browser: a slice of a partition as an uncompressed Arrow IPC stream of at most 256 kB.

Column number c has a field ``v<c>``, where there is more to say ``n<c>``, and for bytes ``s<c>``; what each kind has in
them is told at its function here. Numbers travel as they are; what a browser could not hold exactly travels as text. A
null is an Arrow null in ``v<c>``. Where a page would be too large, texts are cut shorter and pictures made smaller, and
if that does not do, fewer rows come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews import writing as w
from daftnb.previews.images import Picture, pictures, shrunk
from daftnb.previews.kinds import kind_of
from daftnb.previews.sniff import LONGEST, sniffed
from daftnb.previews.table import Column
from daftnb.previews.words import is_tellable, said

if TYPE_CHECKING:
    import numpy as np
    from daft import DataType, Series

PAGE_BYTES = 256_000
READ_BYTES = 64 * 2**20  # of texts that are read for a page: to tell how long each is
HEX_BYTES = 16


@dataclass(frozen=True, slots=True)
class Level:
    """How much of each value is sent: characters of a text, pixels of a picture's side, points of an embedding."""

    characters: int
    pixels: int
    points: int


LEVELS = (
    Level(200, 64, 32), Level(100, 48, 32), Level(50, 32, 16), Level(25, 24, 16), Level(12, 16, 8), Level(8, 16, 8),
)  # fmt: skip

Field = tuple[str, Any]
Fields = Callable[[Level], Iterator[Field]]  # a column at a level
SAMPLE = 4  # pictures of a column from which the size of all is guessed: making all of them first would take too long


@dataclass(frozen=True, slots=True)
class Prepared:
    """A column made ready: ``at`` a level; ``pictures``: the bytes that its PNGs will take at the first one."""

    at: Fields
    pictures: float = 0.0


@dataclass(frozen=True, slots=True)
class Page:
    """The IPC stream, and how many rows are in it."""

    data: bytes
    count: int


def encode_page(columns: Sequence[tuple[int, Series]], most: int = PAGE_BYTES) -> Page:
    """A page of these columns, each with its number; all have as many rows. One row comes in any case."""
    rows = len(columns[0][1])
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
    """A page without rows: Daft has no values to make one of."""
    fields: list[Field] = []
    for column in columns:
        kind = {"integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(), "null": pa.null(),
                "image": pa.binary(), "embedding": pa.list_(pa.float32())}.get(column.kind, pa.string())  # fmt: skip
        fields.append((f"v{column.number}", pa.array([], kind)))
    return Page(_stream(pa.record_batch([array for _, array in fields], names=[name for name, _ in fields])), 0)


def _share(level: Level) -> float:
    """How large a picture is at a level, against the first."""
    return (level.pixels / LEVELS[0].pixels) ** 2


def _stream(batch: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def prepare(number: int, series: Series) -> Prepared:
    """One column, made ready once; then given at any level. Of one that Daft cannot give, the cells say why."""
    try:
        return _prepared(number, series)
    except BaseException as error:
        if not is_tellable(error):
            raise
        return Prepared(_texts(number, pa.array([f"<unreadable: {said(error)}>"] * len(series), pa.string())))


def _prepared(number: int, series: Series) -> Prepared:
    dtype = series.datatype()
    if kind_of(dtype) == "image":
        return _images(number, pictures(w.storage(series.to_arrow()), dtype))
    return Prepared(_fields(number, series, dtype))


def _fields(number: int, series: Series, dtype: DataType) -> Fields:
    kind = kind_of(dtype)
    if kind == "python":
        return _texts(number, _objects(series))
    array = series.to_arrow()
    if kind in ("integer", "boolean", "null"):
        return lambda _level: iter([(f"v{number}", array)])
    if kind == "float":
        # The browser has no halves.
        whole = array.cast(pa.float32()) if pa.types.is_float16(array.type) else array
        return lambda _level: iter([(f"v{number}", whole)])
    if kind == "string" and w.is_string(array.type):
        return _strings(number, array)
    if kind == "binary" and w.is_binary(array.type):
        return _binary(number, array)
    if kind == "embedding":
        return _embedding(number, w.storage(array))
    return _texts(number, texts(array, dtype))


def texts(array: Any, dtype: DataType, room: int = LEVELS[0].characters) -> Any:
    """The values of a column that travels as text: an Arrow array of strings; by one longer than ``room`` where cut."""
    kind = kind_of(dtype)
    array = array if kind in ("list", "struct", "map", "tensor", "file", "other") else w.storage(array)
    if kind in ("date", "time", "timestamp"):
        return w.temporal_texts(array)
    if kind == "file":
        found = [w.file_address(w.storage(array), i) if array[i].is_valid else None for i in range(len(array))]
        return pa.array(found, pa.string())
    return pa.array([w.written(array, i, room, dtype) if array[i].is_valid else None for i in range(len(array))])


def _objects(series: Series) -> Any:
    room = LEVELS[0].characters
    found = [None if value is None else w.object_words(value, room) for value in series]
    return pa.array(found, pa.string())


def _texts(number: int, array: Any) -> Fields:
    """``v``: text; ``n``: its length, or that written at least, where it was cut."""
    return _strings(number, array if len(array) else array.cast(pa.string()))


def _strings(number: int, array: Any) -> Fields:
    if not w.is_string(array.type):
        array = array.cast(pa.string())
    lengths = pc.utf8_length(array).cast(pa.int64())
    longest = pc.max(lengths).as_py() or 0
    first = pc.utf8_slice_codeunits(array, 0, LEVELS[0].characters).cast(pa.string())

    def at(level: Level) -> Iterator[Field]:
        if longest <= level.characters:
            yield f"v{number}", first
            return
        yield f"v{number}", pc.utf8_slice_codeunits(first, 0, level.characters)
        cut = pc.greater(lengths, level.characters)
        yield f"n{number}", pc.if_else(cut, lengths, pa.scalar(None, pa.int64()))

    return at


def _binary(number: int, array: Any) -> Fields:
    """``v``: the first bytes in hexadecimal; ``n``: bytes; ``s``: what they are, probably."""
    starts = [bytes(value.as_buffer()[:LONGEST]) if value.is_valid else None for value in array]
    shown = pa.array([None if start is None else start[:HEX_BYTES].hex() for start in starts], pa.string())
    sizes = pa.array([value.as_buffer().size if value.is_valid else None for value in array], pa.int64())
    names = pa.array([None if start is None else sniffed(start) for start in starts], pa.string())
    fields = [(f"v{number}", shown), (f"n{number}", sizes), (f"s{number}", names)]
    return lambda _level: iter(fields)


def _embedding(number: int, array: Any) -> Fields:
    """``v``: a few points, each the average of its part; ``n``: the norm."""
    import numpy as np

    size = array.type.list_size
    missing = ~np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    flat = array.values.slice(array.offset * size, len(array) * size).to_numpy(zero_copy_only=False)
    rows = np.where(missing[:, None], 0.0, flat.reshape(len(array), size).astype(np.float64))
    norms = pa.array(np.sqrt((rows * rows).sum(axis=1)), pa.float64(), mask=missing)

    def at(level: Level) -> Iterator[Field]:
        points = min(size, level.points)
        begins = np.arange(points) * size // points if points else np.arange(0)
        values = np.add.reduceat(rows, begins, axis=1) if points and len(rows) else np.zeros((len(rows), points))
        counts = np.diff(np.append(begins, size)) if points else np.ones(0)
        averages: np.ndarray[Any, Any] = (values / counts).astype(np.float32)
        offsets = pa.array(np.arange(len(rows) + 1) * points, pa.int32())
        flat_averages = pa.array(averages.ravel(), pa.float32())
        yield f"v{number}", pa.ListArray.from_arrays(offsets, flat_averages, mask=pa.array(missing))
        yield f"n{number}", norms

    return at


def _images(number: int, images: list[Picture | None]) -> Prepared:
    """``v``: a PNG; ``n``: its size and mode in words."""
    small = [None if image is None else Picture(shrunk(image.pixels, LEVELS[0].pixels), image.mode) for image in images]
    words = pa.array([None if image is None else image.words for image in images], pa.string())

    def at(level: Level) -> Iterator[Field]:
        thumbnails = [None if image is None else image.png(level.pixels) for image in small]
        yield f"v{number}", pa.array(thumbnails, pa.binary())
        yield f"n{number}", words

    there = [image for image in small if image is not None]
    sample = [len(image.png(LEVELS[0].pixels)) for image in there[:: max(1, len(there) // SAMPLE)][:SAMPLE]]
    return Prepared(at, len(there) * sum(sample) / len(sample) if sample else 0.0)
