"""Computes, before decompressing, how much memory an Arrow stream will take.

Each compressed buffer begins with its length, and Arrow allocates exactly that. Where the buffers are stands in each
message's metadata, which is a flatbuffer (Arrow's ``Message.fbs``, ``Schema.fbs``); of it only what is needed is read.
"""

from __future__ import annotations

import struct
from typing import Any

_RECORD_BATCH, _DICTIONARY_BATCH = "record batch", "dictionary"


def decompressed(stream: Any, most: int) -> int:
    """Return the bytes of all the buffers of an Arrow stream, or some number above ``most`` where there are more.

    Raises ValueError if it is no such stream.
    """
    import pyarrow as pa

    size = 0
    messages = pa.ipc.MessageReader.open_stream(stream)
    while size <= most:
        try:
            message = messages.read_next_message()
        except StopIteration:
            break
        if message.type not in (_RECORD_BATCH, _DICTIONARY_BATCH):
            continue
        try:
            size += _of(memoryview(message.metadata), memoryview(message.body or b""), message.type)
        except (struct.error, IndexError) as error:
            raise ValueError(f"one of its messages is damaged ({error})") from None
    return size


def _of(metadata: memoryview, body: memoryview, kind: str) -> int:
    message = _target(metadata, 0)
    header = _target(metadata, _field(metadata, message, 2))
    if kind == _DICTIONARY_BATCH:
        header = _target(metadata, _field(metadata, header, 1))
    is_compressed = _place(metadata, header, 3) is not None
    buffers = _place(metadata, header, 2)
    if buffers is None:
        return 0
    vector = _target(metadata, buffers)
    (count,) = struct.unpack_from("<I", metadata, vector)
    if vector + 4 + 16 * count > len(metadata):
        raise ValueError("one of its messages is damaged")
    size = 0
    for offset, length in struct.iter_unpack("<qq", metadata[vector + 4 : vector + 4 + 16 * count]):
        if length < 0 or offset < 0 or offset + length > len(body):
            raise ValueError("one of its messages is damaged")
        if is_compressed and length >= 8:
            (told,) = struct.unpack_from("<q", body, offset)
            size += length - 8 if told == -1 else told
            if told < -1:
                raise ValueError("one of its messages is damaged")
        else:
            size += length
    return size


def _target(data: memoryview, place: int) -> int:
    """Return where the offset that stands at a place points to."""
    (offset,) = struct.unpack_from("<I", data, place)
    return place + int(offset)


def _place(data: memoryview, table: int, index: int) -> int | None:
    """Return where a table's field stands; None where it is left out."""
    (back,) = struct.unpack_from("<i", data, table)
    fields = table - back
    if fields < 0:
        raise ValueError("one of its messages is damaged")
    (size,) = struct.unpack_from("<H", data, fields)
    if 4 + 2 * index + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", data, fields + 4 + 2 * index)
    return table + int(offset) if offset else None


def _field(data: memoryview, table: int, index: int) -> int:
    place = _place(data, table, index)
    if place is None:
        raise ValueError("one of its messages is damaged")
    return place
