"""Reads and writes recordings as Arrow: in memory, and as a file that pyarrow and pandas read without daftnb.

A file is one Arrow IPC *file* (Feather version 2) with one table, a row per event, in the order in which they came:

======================  ==========================  ===================================================================
column                  type                        what
======================  ==========================  ===================================================================
recording               int64                       number of the query whose recording this row belongs to
t                       float64                     when it happened, seconds since the epoch
came                    float64                     when that was told, where it was told late (else null)
event                   dictionary of strings       its kind: a class of :mod:`daftnb.telemetry.events`
query, worker, outcome  dictionary of strings       ids of the query and the worker (its node), and how it ended
operator, task          int64                       the operator's (of a task: its last one) and the task's id
started                 float64                     when a task or a worker began, seconds since the epoch
body                    string                      all else as a JSON object; what is at its default is left out
======================  ==========================  ===================================================================

``daftnb.format``, ``daftnb.format_version``, ``daftnb.version``, ``daftnb.settings``, ``daftnb.dropped``,
``daftnb.digest`` and, where it is known, ``daftnb.engine`` are in the schema's metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daftnb import files
from daftnb.errors import RecordingError
from daftnb.files import FileProblem
from daftnb.telemetry import events as e
from daftnb.telemetry.arrowsize import decompressed
from daftnb.telemetry.codec import COLUMNS, MAX_BODY, Columns, NewerError, checked, from_columns, to_columns
from daftnb.telemetry.savedfiles import put, target_of
from daftnb.text.reasons import first_line

FORMAT = "daftnb recording"
FORMAT_VERSION = 1
MAGIC = b"ARROW1"
FILE_HEAD = 8  # bytes of an Arrow file before its stream
# A session's recordings are 64 MB at most. These keep a file that was made to do harm below 2 GB of memory.
MAX_FILE = 2**29  # bytes
MAX_BYTES = 2**29  # decompressed
MAX_EVENTS = 20_000_000
MAX_ABOUT = 2**22
MAX_TEXT = 2**12  # bytes of an id
MAX_SAID = 2**30  # bytes of all ids, each as often as it is said
MAX_MEMORY = 3 * 2**29  # of the events, by this estimate: for each, for its body's bytes, and for each part of one
EVENT_BYTES, PART_BYTES = 200, 64
PIECE_ROWS, PIECE_BYTES = 16_384, 2**24  # that are made into events at a time
ANOTHER = "Try a file that %daft save has written"
EXAMPLE = "run.arrow"
VERSIONS = ("daftnb", "daft", "ray")
_TEXTS = ("event", "query", "worker", "outcome")


@dataclass(frozen=True, slots=True)
class Reel:
    """The events of one query's recording in the order in which they came, and when that was (seconds since the epoch).

    ``dropped``: details that were left out for want of room.
    """

    number: int
    events: Sequence[e.Event]
    moments: Sequence[float]
    dropped: int = 0


def encode(events: Sequence[e.Event], moments: Sequence[float]) -> tuple[bytes, int]:
    """Return events and when they came as compressed bytes for :func:`decode`, and how many events were left out."""
    import pyarrow as pa

    columns, _, _, failed = checked(events, moments)
    table = _table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes(), failed


def decode(data: bytes) -> tuple[list[e.Event], list[float]]:
    """Return the events of such bytes, and when each came."""
    import pyarrow as pa

    return from_columns(_columns(pa.ipc.open_stream(data).read_all()))


def write(
    path: str | os.PathLike[str],
    reels: Sequence[Reel],
    version: str,
    settings: Mapping[str, str],
    engine: Mapping[str, str] | None = None,
) -> int:
    """Write recordings to a file, whole or not at all, over one that is there; return its size in bytes.

    ``version`` is daftnb's, ``engine`` the versions of Daft and Ray (None: not known). Raises RecordingError, in one
    line, where that cannot be done.
    """
    import pyarrow as pa

    target = target_of(path, EXAMPLE)
    tables = []
    for reel in reels:
        columns = to_columns(reel.events, reel.moments)
        number = pa.array([reel.number] * len(columns["t"]), pa.int64())
        tables.append(_table(columns).add_column(0, "recording", number))
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    about = {
        "daftnb.format": FORMAT,
        "daftnb.format_version": str(FORMAT_VERSION),
        "daftnb.version": version,
        "daftnb.settings": json.dumps(dict(settings)),
        "daftnb.dropped": json.dumps({str(reel.number): reel.dropped for reel in reels if reel.dropped}),
        "daftnb.digest": _digest(table),
        **({} if engine is None else {"daftnb.engine": json.dumps(dict(engine))}),
    }
    table = table.replace_schema_metadata(about)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    put(target, memoryview(data), EXAMPLE)
    return int(data.size)


def versions_in(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the versions of ``daftnb``, ``daft`` and ``ray`` that a file names; those that it does not are left out.

    Raises RecordingError where :func:`read` does for the file as such; its events are not looked at.
    """
    import pyarrow as pa

    try:
        source = files.place(path, "read")
        data = files.read(source, MAX_FILE)
    except FileProblem as error:
        raise RecordingError(error.what, ANOTHER) from None
    try:
        with pa.ipc.open_stream(pa.py_buffer(memoryview(data)[FILE_HEAD:])) as reader:
            about = reader.schema.metadata or {}
        named = json.loads(about.get(b"daftnb.engine", b"{}"))
        named = {**named, "daftnb": about[b"daftnb.version"].decode()}
    except _UNREADABLE as error:
        raise RecordingError(f"{files.words(source)} cannot be read: {first_line(error)}.", ANOTHER) from None
    return {
        name: text for name, text in named.items() if name in VERSIONS and isinstance(text, str) and len(text) <= 100
    }


def read(path: str | os.PathLike[str]) -> list[Reel]:
    """Return the recordings in a file.

    Raises RecordingError, in one line that names the file and the reason, if it has none.
    """
    try:
        source = files.place(path, "read")
        data = files.read(source, MAX_FILE)
    except FileProblem as error:
        raise RecordingError(error.what, ANOTHER) from None
    named = files.words(source)
    if not data.startswith(MAGIC):
        what = "is empty" if not data else "is not an Arrow file"
        raise RecordingError(f"{named} {what}.", ANOTHER)
    if not data.endswith(MAGIC):
        raise RecordingError(f"{named} is cut off: its end is missing.", "Copy it again from a place where it is whole")
    try:
        return _reels(data)
    except NewerError as error:
        raise RecordingError(
            f"{named} was written by a newer daftnb: {error}.", "Try pip install --upgrade daftnb"
        ) from None
    except _UNREADABLE as error:
        raise RecordingError(f"{named} cannot be read: {first_line(error)}.", ANOTHER) from None


# Arrow's own errors, and JSON's of what is nested without end, are of these types.
_UNREADABLE = (ValueError, LookupError, TypeError, OSError, MemoryError, ArithmeticError, RuntimeError)


def _reels(data: bytes) -> list[Reel]:
    table, about = _table_in(data)
    if _digest(table) != about["daftnb.digest"]:
        raise ValueError("it is damaged: its content is not what daftnb wrote")
    dropped = json.loads(about["daftnb.dropped"])
    if type(dropped) is not dict:
        raise ValueError("its counts of what was left out are not an object")
    numbers = table.column("recording").to_pylist()
    events: list[e.Event] = []
    moments: list[float] = []
    for start, stop in _pieces(table.column("body")):
        some, their = from_columns(_columns(table.slice(start, stop - start)))
        events += some
        moments += their
    starts = [i for i, number in enumerate(numbers) if i == 0 or number != numbers[i - 1]]
    if not starts:
        raise ValueError("it has no events")
    reels = [
        Reel(numbers[start], events[start:end], moments[start:end], int(dropped.get(str(numbers[start]), 0)))
        for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True)
    ]
    if len({reel.number for reel in reels}) < len(reels):
        raise ValueError("the events of its recordings are mixed")
    return reels


def _table_in(data: bytes) -> tuple[Any, dict[str, str]]:
    """Return the table in a file, and the texts that describe it.

    Raises ValueError if it is no recording, or would take too much memory. A few bytes may be compressed ones of any
    size, so what it takes is known before it is decompressed. It is read as the stream that an Arrow file has between
    its first bytes and its footer.
    """
    import pyarrow as pa

    stream = pa.py_buffer(memoryview(data)[FILE_HEAD:])
    with pa.ipc.open_stream(pa.BufferReader(stream)) as reader:
        metadata = reader.schema.metadata or {}
        if sum(map(len, [*metadata.keys(), *metadata.values()])) > MAX_ABOUT:
            raise ValueError("its description of itself is too long")
        about = {key.decode(): value.decode() for key, value in metadata.items()}
        if about.get("daftnb.format") != FORMAT:
            raise ValueError("it is an Arrow file, but not a recording of daftnb's")
        version = int(about["daftnb.format_version"])
        if version > FORMAT_VERSION:
            raise NewerError(f"its format has the number {version}, and this daftnb knows {FORMAT_VERSION} at most")
        if not reader.schema.equals(_schema(), check_metadata=False):
            raise ValueError("its columns are not those of a recording")
        if decompressed(pa.BufferReader(stream), MAX_BYTES) > MAX_BYTES:
            raise ValueError(f"decompressed it has more than {MAX_BYTES // 2**20} MiB")
        batches, count = [], 0
        for batch in reader:
            batches.append(batch)
            count += batch.num_rows
            if count > MAX_EVENTS:
                raise ValueError(f"it has more than {MAX_EVENTS} events")
    table = pa.Table.from_batches(batches, _schema())
    table.validate(full=True)
    _check_memory(table)
    return table, about


def _check_memory(table: Any) -> None:
    """Raise ValueError if the events would take too much memory: their bodies as JSON, and all that refers to texts."""
    import pyarrow.compute as pc

    body = table.column("body")
    longest = pc.max(pc.binary_length(body)).as_py() or 0
    if longest > MAX_BODY:
        raise ValueError(f"one of its events has {longest:,} bytes, and at most {MAX_BODY:,} are allowed")
    parts = pc.sum(pc.count_substring(body, ",")).as_py() or 0
    size = table.num_rows * EVENT_BYTES + (pc.sum(pc.binary_length(body)).as_py() or 0) + parts * PART_BYTES
    said = 0
    for name in _TEXTS:
        for chunk in table.column(name).chunks:
            lengths = pc.binary_length(chunk.dictionary)
            if (pc.max(lengths).as_py() or 0) > MAX_TEXT:
                raise ValueError(f"a text in its column {name} has more than {MAX_TEXT:,} bytes")
            said += pc.sum(lengths.cast("int64").take(chunk.indices)).as_py() or 0
    if said > MAX_SAID:
        raise ValueError(f"its ids have {said:,} bytes in all")
    if size > MAX_MEMORY:
        raise ValueError(f"to open it would take about {size / 2**30:.1f} GiB of memory")


def _pieces(body: Any) -> Iterator[tuple[int, int]]:
    """Yield the first and the last row (excluded) of each piece whose bodies are not too much JSON at a time."""
    import pyarrow.compute as pc

    start, size = 0, 0
    for row, length in enumerate(pc.fill_null(pc.binary_length(body), 0).to_numpy().tolist()):
        if row > start and (size + length > PIECE_BYTES or row - start >= PIECE_ROWS):
            yield start, row
            start, size = row, 0
        size += length
    if len(body):
        yield start, len(body)


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([("recording", pa.int64()), *_types().items()])


def _types() -> dict[str, Any]:
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    types = {"t": pa.float64(), "came": pa.float64(), "started": pa.float64(), "body": pa.string()}
    return {name: types.get(name, text if name in _TEXTS else pa.int64()) for name in COLUMNS}


def _table(columns: Columns) -> Any:
    import pyarrow as pa

    arrays = {}
    for name, type_ in _types().items():
        values = columns[name]
        if name in _TEXTS:
            clean = [None if text is None else text.encode("utf-8", "replace").decode() for text in values]
            arrays[name] = pa.array(clean, pa.string()).dictionary_encode().cast(type_)
        else:
            arrays[name] = pa.array(values, type_)
    return pa.table(arrays)


def _columns(table: Any) -> Columns:
    return {name: _texts(table.column(name)) if name in _TEXTS else table.column(name).to_pylist() for name in COLUMNS}


def _texts(column: Any) -> list[str | None]:
    """Return a column of texts from a dictionary; equal ones are one object."""
    found: list[str | None] = []
    for chunk in column.chunks:
        texts = chunk.dictionary.to_pylist()
        found += [None if index is None else texts[index] for index in chunk.indices.to_pylist()]
    return found


def _digest(table: Any) -> str:
    """Return a digest of what the table says, however it is laid out.

    A damaged byte seldom makes a file that cannot be read, so the digest has to show it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    digest = hashlib.blake2b(digest_size=16)
    for name in table.column_names:
        column = table.column(name)
        digest.update(f"{name} {len(column)} ".encode())
        if name in _TEXTS or pa.types.is_string(column.type):
            # Texts in pieces: one that is said a million times would be a million times as large.
            pieces = [column.slice(start, PIECE_ROWS) for start in range(0, len(column), PIECE_ROWS)]
            for piece in pieces:
                lengths = pc.fill_null(pc.binary_length(piece.cast(pa.string())), -1)
                digest.update(lengths.to_numpy().astype("<i8").tobytes())
            for piece in pieces:
                for chunk in piece.cast(pa.string()).drop_null().chunks:
                    digest.update(_characters(chunk))
        else:
            digest.update(column.is_valid().to_numpy().tobytes())
            exact = "<f8" if pa.types.is_floating(column.type) else "<i8"
            digest.update(pc.fill_null(column, 0).to_numpy().astype(exact).tobytes())
    return digest.hexdigest()


def _characters(array: Any) -> memoryview:
    """Return the UTF-8 of all the texts of an array without nulls, one after the other, not copied."""
    import pyarrow as pa

    if not len(array):
        return memoryview(b"")
    offsets = pa.Array.from_buffers(pa.int32(), len(array) + 1, [None, array.buffers()[1]], offset=array.offset)
    first, last = offsets[0].as_py(), offsets[len(array)].as_py()
    return memoryview(array.buffers()[2])[first:last] if last > first else memoryview(b"")
