"""Recordings as Arrow: compressed bytes in memory, and a file that pyarrow and pandas read without daftnb.

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

``daftnb.format``, ``daftnb.format_version``, ``daftnb.version``, ``daftnb.settings``, ``daftnb.dropped`` and
``daftnb.digest`` are in the schema's metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daftnb.errors import RecordingError
from daftnb.telemetry import events as e
from daftnb.telemetry.codec import COLUMNS, Columns, NewerError, checked, from_columns, to_columns

FORMAT = "daftnb recording"
FORMAT_VERSION = 1
MAGIC = b"ARROW1"
MAX_FILE = 2**30  # bytes; a session's recordings are 64 MB at most
MAX_EVENTS = 20_000_000
ANOTHER = "Try a file that %daft save has written"
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
    """Events and when they came as compressed bytes for :func:`decode`, and how many events had to be left out."""
    import pyarrow as pa

    columns, _, _, failed = checked(events, moments)
    table = _table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes(), failed


def decode(data: bytes) -> tuple[list[e.Event], list[float]]:
    """The events of such bytes, and when they came."""
    import pyarrow as pa

    return from_columns(_columns(pa.ipc.open_stream(data).read_all()))


def write(path: str | os.PathLike[str], reels: Sequence[Reel], version: str, settings: Mapping[str, str]) -> int:
    """Write recordings to a file, whole or not at all, over one that is there; gives its size in bytes.

    RecordingError, in one line, where that cannot be.
    """
    import pyarrow as pa

    target = Path(path).expanduser()
    if target.is_dir():
        raise RecordingError(f"{target} is a folder.", f"Try %daft save {target / 'run.arrow'}")
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
    }
    table = table.replace_schema_metadata(about)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.", suffix=".part")
    except OSError as error:
        raise _cannot("written", target, error, "Try a folder of your own") from None
    try:
        with os.fdopen(handle, "wb") as file:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_file(file, table.schema, options=options) as writer:
                writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except OSError as error:
        raise _cannot("written", target, error, "Try another place") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
    return size


def read(path: str | os.PathLike[str]) -> list[Reel]:
    """The recordings in a file; RecordingError, in one line that names the file and the reason, if it has none."""
    source = Path(path).expanduser()
    data = _bytes(source)
    try:
        return _reels(data)
    except NewerError as error:
        raise RecordingError(
            f"{source} was written by a newer daftnb: {error}.", "Try pip install --upgrade daftnb"
        ) from None
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise RecordingError(f"{source} cannot be read: {reason}.", ANOTHER) from None


# Arrow's own errors, and JSON's of what is nested without end, are of these types.
_UNREADABLE = (ValueError, KeyError, TypeError, OSError, MemoryError, ArithmeticError, RuntimeError)


def _bytes(source: Path) -> bytes:
    try:
        if source.is_dir():
            raise RecordingError(f"{source} is a folder.", ANOTHER)
        size = source.stat().st_size
        if not source.is_file():
            raise RecordingError(f"{source} is not a file.", ANOTHER)
        if size > MAX_FILE:
            raise RecordingError(f"{source} has {size} bytes: recordings are smaller.", ANOTHER)
        data = source.read_bytes()
    except FileNotFoundError:
        raise RecordingError(f"There is no file {source}.", ANOTHER) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise _cannot("read", source, error, ANOTHER) from None
    if not data.startswith(MAGIC):
        what = "is empty" if not data else "is not an Arrow file"
        raise RecordingError(f"{source} {what}.", ANOTHER)
    if not data.endswith(MAGIC):
        raise RecordingError(f"{source} is cut off: its end is missing.", "Try to copy it again from where it is whole")
    return data


def _reels(data: bytes) -> list[Reel]:
    import pyarrow as pa

    with pa.ipc.open_file(pa.py_buffer(data)) as reader:
        about = {key.decode(): value.decode() for key, value in (reader.schema.metadata or {}).items()}
        if about.get("daftnb.format") != FORMAT:
            raise ValueError("it is an Arrow file, but not a recording of daftnb's")
        version = int(about["daftnb.format_version"])
        if version > FORMAT_VERSION:
            raise NewerError(f"its format is number {version}, this daftnb ({FORMAT_VERSION}) does not know it")
        if not reader.schema.equals(_schema(), check_metadata=False):
            raise ValueError("its columns are not those of a recording")
        batches, count = [], 0
        for index in range(reader.num_record_batches):
            batches.append(reader.get_batch(index))
            count += batches[-1].num_rows
            if count > MAX_EVENTS:
                raise ValueError(f"it has more than {MAX_EVENTS} events")
    table = pa.Table.from_batches(batches, _schema())
    table.validate(full=True)
    if _digest(table) != about["daftnb.digest"]:
        raise ValueError("it is damaged, its content is not what was written")
    dropped = json.loads(about["daftnb.dropped"])
    if type(dropped) is not dict:
        raise ValueError("what was left out of it is not an object")
    columns = _columns(table)
    numbers = table.column("recording").to_pylist()
    events, moments = from_columns(columns)
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
    import pyarrow as pa

    plain = {name: table.column(name) for name in COLUMNS}
    return {
        name: (column.cast(pa.string()) if name in _TEXTS else column).to_pylist() for name, column in plain.items()
    }


def _digest(table: Any) -> str:
    """Of what the table says, however it is laid out: a damaged byte seldom makes a file that cannot be read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digest = hashlib.blake2b(digest_size=16)
    for name in table.column_names:
        column = table.column(name)
        digest.update(f"{name} {len(column)} ".encode())
        if name in _TEXTS:
            column = column.cast(pa.string())
        if pa.types.is_string(column.type):
            lengths = pc.fill_null(pc.binary_length(column), -1)
            digest.update(lengths.to_numpy().astype("<i8").tobytes())
            digest.update("".join(text for text in column.to_pylist() if text is not None).encode())
        else:
            digest.update(column.is_valid().to_numpy().tobytes())
            exact = "<f8" if pa.types.is_floating(column.type) else "<i8"
            digest.update(pc.fill_null(column, 0).to_numpy().astype(exact).tobytes())
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _cannot(done: str, path: Path, error: Exception, remedy: str) -> RecordingError:
    reason = getattr(error, "strerror", None) or str(error)
    return RecordingError(f"{path} cannot be {done}: {reason}.", remedy)
