"""Columns of every type that Daft has, three values each, the middle one null; used by the tests of the preview."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa


class Unprintable:
    """A value whose repr fails, as those of broken classes do."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def every_type() -> dict[str, Any]:
    """Name → Series."""
    import daft
    from daft import DataType as T
    from daft import Series
    from daft.functions import file

    def arrow(values: list[Any], kind: Any) -> Any:
        return Series.from_arrow(pa.array(values, kind))

    files = daft.from_pydict({"p": ["/tmp/x", None, "https://a.example/b.png"]}).select(file(daft.col("p")))
    rgb = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    tensors = [np.arange(4.0).reshape(2, 2), None, np.ones((3, 1))]
    sparse = daft.from_pydict({"t": Series.from_pylist([np.eye(3), None, np.eye(3)])}).select(
        daft.col("t").cast(T.sparse_tensor(T.float64()))
    )
    return {
        "integer": arrow([2**62 + 1, None, -3], pa.int64()),
        "unsigned": arrow([2**64 - 1, None, 1], pa.uint64()),
        "small": arrow([-128, None, 1], pa.int8()),
        "float": arrow([float("nan"), None, float("inf")], pa.float64()),
        "single": arrow([1.5, None, float("-inf")], pa.float32()),
        "half": arrow([1.5, None, 2.5], pa.float32()).cast(T.float16()),
        "boolean": arrow([True, None, False], pa.bool_()),
        "decimal": arrow(
            [decimal.Decimal("12345678901234567890.12"), None, decimal.Decimal("-0.01")], pa.decimal128(38, 2)
        ),
        "string": Series.from_pylist(["é" * 300, None, "<b>&\n\t"]),
        "binary": Series.from_pylist([b"\x89PNG\r\n\x1a\n" + bytes(100), None, b""]),
        "fixed binary": arrow([b"abcd", None, b"efgh"], pa.binary(4)),
        "date": arrow([datetime.date(2020, 1, 2), None, datetime.date(1, 1, 1)], pa.date32()),
        "time": arrow([1, None, 86_399_999_999_999], pa.time64("ns")),
        "timestamp": arrow([1_577_934_245_123_456_789, None, 0], pa.timestamp("ns")),
        "zoned": arrow([1_577_934_245_123_456, None, 0], pa.timestamp("us", "Europe/Berlin")),
        "duration": arrow([93_784_500_000, None, -1], pa.duration("us")),
        "interval": arrow([(14, 3, 10**9), None, (0, 0, 0)], pa.month_day_nano_interval()),
        "list": Series.from_pylist([[1, None, 3], None, []]),
        "fixed list": arrow([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)),
        "struct": Series.from_pylist([{"a": 1, "b": {"c": "x"}}, None, {"a": None, "b": {"c": '"'}}]),
        "map": arrow([[("k", 1), ("l", None)], None, []], pa.map_(pa.string(), pa.int64())),
        "tensor": Series.from_pylist(tensors),
        "fixed tensor": Series.from_pylist([np.eye(2), None, np.eye(2)]).cast(T.tensor(T.float64(), (2, 2))),
        "sparse tensor": next(sparse.iter_partitions()).get_column(0),
        "embedding": Series.from_pylist([[3.0, 4.0], None, [0.0, 0.0]]).cast(T.embedding(T.float32(), 2)),
        "image": Series.from_pylist([rgb, None, rgb[:4]], dtype=T.image()),
        "fixed image": Series.from_pylist([rgb, None, rgb], dtype=T.image("RGB", 8, 6)),
        "images": Series.from_pylist([[rgb], None, []], dtype=T.list(T.image("RGB"))),
        "file": next(files.iter_partitions()).get_column(0),
        "python": Series.from_pylist([Unprintable(), None, {"a": [1, Unprintable()]}], dtype=T.python()),
        "null": arrow([None, None, None], pa.null()),
        "extension": arrow([1, None, 2], pa.int64()).cast(T.extension("a.b", T.int64())),
    }
