"""Recordings made to take all memory: each is told by what it says of itself, before it is decompressed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from daftnb.errors import RecordingError
from daftnb.recordings import open_recording
from daftnb.telemetry import codec, recordfile
from daftnb.telemetry import events as e
from daftnb.telemetry.arrowsize import decompressed
from daftnb.telemetry.recordfile import Reel

T = 1.7e9
BEGUN: list[e.Event] = [e.QueryStarted(T, "q", "native"), e.PlanReady(T, "q", (e.PlanNode(1, "op", "", ()),))]


def crafted(path: Path, table: Any, about: dict[str, str] | None = None, batch: int | None = None) -> Path:
    """A file of these rows, as one that daftnb has written."""
    known = {
        "daftnb.format": "daftnb recording", "daftnb.format_version": "1", "daftnb.version": "0",
        "daftnb.settings": "{}", "daftnb.dropped": "{}", "daftnb.digest": recordfile._digest(table),
    }  # fmt: skip
    table = table.replace_schema_metadata({**known, **(about or {})})
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=batch)
    return path


def rows(bodies: Sequence[str], kind: str = "ProblemFound", query: str | None = None) -> Any:
    """A recording with events that have these bodies."""
    base = recordfile._table(codec.to_columns(BEGUN, [T, T]))
    base = base.add_column(0, "recording", pa.array([1, 1], pa.int64()))
    schema, count = recordfile._schema(), len(bodies)
    own = {"recording": pa.array([1] * count, pa.int64()), "t": pa.array([T] * count), "body": pa.array(bodies)}
    own["event"] = pa.array([kind] * count).dictionary_encode()
    own["query"] = pa.array([query] * count, pa.string()).dictionary_encode()
    arrays = [
        own[field.name].cast(field.type) if field.name in own else pa.nulls(count, field.type) for field in schema
    ]
    return pa.concat_tables([base.cast(schema), pa.table(arrays, schema=schema)]).unify_dictionaries().combine_chunks()


def refused(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        open_recording(path)
    (line,) = caught.value.what.splitlines()
    return line.removeprefix(f"{path} cannot be read: ")


def test_one_text_that_is_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = crafted(tmp_path / "x", rows(['{"text": "' + "a" * 40_000_000 + '"}']))
    assert path.stat().st_size < 10_000
    assert refused(path) == "one of its events has 40,000,012 bytes, and at most 16,777,216 are allowed."
    monkeypatch.setattr(recordfile, "MAX_BYTES", 2**24)
    assert refused(path) == "decompressed it has more than 16 MiB."


def test_what_is_too_large_is_not_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = crafted(tmp_path / "x", rows(['{"text": "' + "a" * 40_000_000 + '"}']))
    monkeypatch.setattr(recordfile, "MAX_BYTES", 2**24)

    before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.system_memory_pool())
    pa.set_memory_pool(pool)
    try:
        assert refused(path) == "decompressed it has more than 16 MiB."
    finally:
        pa.set_memory_pool(before)
    assert pool.max_memory() < 1_000_000


def test_many_bodies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordfile, "MAX_BYTES", 2**22)
    monkeypatch.setattr(recordfile, "MAX_MEMORY", 2**21)
    body = '{"text": "' + "a" * 1_000 + '"}'
    assert refused(crafted(tmp_path / "x", rows([body] * 5_000))) == "decompressed it has more than 4 MiB."
    assert refused(crafted(tmp_path / "x", rows([body] * 2_500))) == "to open it would take about 0.0 GiB of memory."
    assert len(open_recording(crafted(tmp_path / "x", rows([body] * 500))).queries) == 1


@pytest.mark.parametrize("batch", [None, 7])
def test_many_batches_are_counted_together(batch: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordfile, "MAX_BYTES", 2**20)
    path = crafted(tmp_path / "x", rows(['{"text": "' + "a" * 1_000 + '"}'] * 2_000), batch=batch)
    assert refused(path) == "decompressed it has more than 1 MiB."


def test_many_small_parts_of_a_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordfile, "MAX_MEMORY", 2**26)
    body = '{"running": 1, "finished": 1, "idle_since": null, "tasks": [' + ",".join(["[1,1,1]"] * 400_000) + "]}"
    assert (
        refused(crafted(tmp_path / "x", rows([body], "WorkerCounts")))
        == "to open it would take about 0.1 GiB of memory."
    )


@pytest.mark.parametrize(
    "deep", ['{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", '{"a":' * 50_000 + "1" + "}" * 50_000]
)
def test_json_without_end(deep: str, tmp_path: Path) -> None:
    assert "recursion" in refused(crafted(tmp_path / "x", rows([deep])))


def test_a_text_of_a_dictionary_that_is_said_a_million_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "q" * (recordfile.MAX_TEXT + 1)
    path = crafted(tmp_path / "x", rows(['{"text": "a"}'] * 3, query=text))
    assert refused(path) == "a text in its column query has more than 4,096 bytes."
    monkeypatch.setattr(recordfile, "MAX_SAID", 10_000)
    path = crafted(tmp_path / "x", rows(['{"text": "a"}'] * 3, query="q" * 4_000))
    assert refused(path) == "its ids have 12,059 bytes in all."


def test_what_it_says_of_itself_without_end(tmp_path: Path) -> None:
    path = crafted(tmp_path / "x", rows([]), {"daftnb.settings": "{" + " " * recordfile.MAX_ABOUT + "}"})
    assert refused(path) == "its description of itself is too long."


@pytest.mark.parametrize("size", [10_000, pytest.param(150_000, marks=pytest.mark.slow)])
def test_a_large_recording_opens(tmp_path: Path, size: int) -> None:
    """As a long query has it: 150,000 events."""
    tasks = [e.TaskEnded(T + i / 1e3, "q", 1, f"worker-{i % 20}", i, T, "finished") for i in range(size * 2 // 3)]
    counts = [
        e.WorkerCounts(T + 100 + i / 1e3, f"worker-{i % 20}", 2, i, None, tasks=((i, 1, T), (i + 1, 1, T)))
        for i in range(size // 3)
    ]
    events: list[e.Event] = [*BEGUN, *tasks, *counts, e.QueryFinished(T + 500, "q", "finished", rows=5)]
    path = tmp_path / "large.arrow"
    recordfile.write(path, [Reel(1, events, [event.t for event in events])], "0", {})
    (reel,) = recordfile.read(path)
    assert reel.events == events


def test_the_digest_is_that_of_the_files_of_before() -> None:
    """What earlier versions wrote is found whole: the digest of a table does not depend on how it is made."""
    table = rows(['{"text": "ä"}', '{"text": "b"}'], query="q")
    assert recordfile._digest(table) == recordfile._digest(pa.concat_tables([table.slice(0, 1), table.slice(1)]))
    assert recordfile._digest(table) == "3d3ca713bf01ceebcab88e5b0fa1bdee"


@pytest.mark.parametrize("compression", ["zstd", "lz4", None])
def test_the_size_is_told_before_it_is_decompressed(compression: str | None) -> None:
    table = pa.table({
        "a": pa.array(["x" * 1_000, "y"] * 500).dictionary_encode(), "b": ["z" * 100] * 1_000,
        "c": pa.array(range(1_000)), "d": [None] * 1_000,
    })  # fmt: skip
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    exact = decompressed(data, 2**30)
    assert 100_000 + 8_000 + 4_000 + 4_004 + 1_001 <= exact <= 120_000
    assert decompressed(data, 1_000) > 1_000


def test_a_damaged_stream_is_said_to_be_that(tmp_path: Path) -> None:
    sink = pa.BufferOutputStream()
    table = rows(['{"text": "b"}'] * 50)
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    good, chance, found = sink.getvalue().to_pybytes(), random.Random(1), 0
    for _ in range(2_000):
        bad = bytearray(good)
        for _ in range(chance.choice([1, 4])):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            assert decompressed(pa.py_buffer(bytes(bad)), 2**30) >= 0
        except (ValueError, OSError):  # pyarrow's own are these too
            found += 1
    assert found > 100
