"""Rows out of the partitions of a collected dataframe, in this process."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.engine.rows.partitions import LocalPartitions, Piece, Spans
from daftnb.engine.rows.results import is_collected, partitions_of
from daftnb.engine.rows.slicing import cut
from daftnb.previews.encode import PAGE_BYTES, encode_page
from tests.helpers.frames import every_type


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 30), st.integers(0, 30))
def test_rows_are_found_in_their_partitions(lengths: list[int], start: int, count: int) -> None:
    spans = Spans(lengths)
    every = [(number, row) for number, length in enumerate(lengths) for row in range(length)]
    assert spans.rows == len(every)
    found = [(piece.partition, row) for piece in spans.pieces(start, count) for row in range(piece.start, piece.end)]
    assert found == every[start : start + count]
    assert all(piece.start < piece.end for piece in spans.pieces(start, count))
    assert Spans([3, 4]).pieces(2, 2) == [Piece(0, 2, 3), Piece(1, 0, 1)]


def test_pages_of_many_partitions_and_of_none() -> None:
    import daft

    frame = daft.from_pydict({"a": list(range(10)), "b": [str(i) for i in range(10)]})
    lazy = frame.where(daft.col("a") >= 0)
    assert is_collected(frame) and not is_collected(lazy)
    parts = [part.slice(0, 4) for part in frame.iter_partitions()] * 3
    parts.insert(1, parts[0].slice(0, 0))
    local = LocalPartitions(parts)
    assert local.rows == 12
    rows, [b, a] = local.slice(3, 6, [1, 0])
    assert rows == 6 and a.to_pylist() == [3, 0, 1, 2, 3, 0] and b.to_pylist() == ["3", "0", "1", "2", "3", "0"]
    assert local.slice(12, 5, [0]) == (0, []) and local.slice(11, 5, [0])[0] == 1
    assert partitions_of(frame).slice(8, 100, [0])[1][0].to_pylist() == [8, 9]
    assert partitions_of(daft.from_pydict({})).rows == 0


def test_two_columns_of_one_name_are_told_apart_by_number() -> None:
    import daft

    twins = daft.from_pydict({"a": [1], "b": [2]}).select(daft.col("a"), daft.col("b").alias("a")).collect()
    assert [column.to_pylist() for column in partitions_of(twins).slice(0, 1, [0, 1])[1]] == [[1], [2]]


def test_what_is_cut_out_on_a_cluster_is_all_that_travels() -> None:
    import daft

    n = 200_000
    table = pa.table({"l": [[i, i] for i in range(n)], "s": [f"{i:50d}" for i in range(n)]})
    [part] = daft.from_arrow(table).iter_partitions()
    rows, columns = cut(part, 1000, 1100, [1, 0], 10**6)
    assert rows == 100 and columns[1].to_pylist()[0] == [1000, 1000]
    assert len(pickle.dumps(columns)) < 20_000
    assert cut(part, n - 10, n + 90, [0], 10**6)[0] == 10
    # Too large a slice comes in part, never none of it.
    assert cut(part, 0, 100, [1], 1_000)[0] == 12 and cut(part, 0, 100, [1], 1)[0] == 1


@pytest.mark.parametrize("name", [
    "integer", "decimal", "interval", "tensor", "image", "fixed image", "file", "map", "embedding", "sparse tensor",
])  # fmt: skip
def test_every_type_survives_being_cut_out(name: str) -> None:
    from daft.recordbatch import MicroPartition, RecordBatch

    series = every_type()[name]
    part = MicroPartition._from_record_batches([RecordBatch.from_pydict({"c": series})])
    rows, [came] = pickle.loads(pickle.dumps(cut(part, 0, 2, [0], 10**6)))
    assert rows == 2 and came.datatype() == series.datatype()
    pages = [encode_page([(0, each)]).data for each in (came, series.slice(0, 2))]
    assert pa.ipc.open_stream(pages[0]).read_all() == pa.ipc.open_stream(pages[1]).read_all()


def test_a_page_of_ten_million_rows_is_small_wherever_it_is() -> None:
    import daft

    n = 10_000_000
    chance = np.random.default_rng(0)
    words = pa.array([f"word {i}" for i in range(1000)])
    columns: dict[str, Any] = {
        "integer": chance.integers(0, 2**40, n),
        "float": chance.random(n),
        "word": words.take(pa.array(chance.integers(0, 1000, n))),
        "time": pa.array(chance.integers(0, 2**50, n), pa.timestamp("us", "Europe/Berlin")),
    }
    frame = daft.from_arrow(pa.table(columns)).where(daft.col("float") < 0.9).collect()
    partitions = partitions_of(frame)
    for start in chance.integers(0, partitions.rows - 100, 200):
        rows, series = partitions.slice(int(start), 100, [0, 1, 2, 3])
        page = encode_page(list(enumerate(series)))
        assert rows == page.count == 100 and len(page.data) <= PAGE_BYTES
