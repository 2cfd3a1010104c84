"""The kernel's side of a preview for tests of the page: a table whose rows are made as they are asked for.

It answers as the contract says (pages as Arrow streams by pyarrow), and does no work of Daft: a sort turns the rows
around, a filter or a search keeps every tenth.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

FIRST_COLUMNS = 30
Value = Callable[[int], Any]


@dataclass
class Made:
    """A column: its values by row, with what is told beside them, as they go into a page."""

    name: str
    type: str
    kind: str
    value: Value
    arrow: pa.DataType = field(default_factory=pa.utf8)
    note: Value | None = None
    note_arrow: pa.DataType = field(default_factory=pa.int64)
    sniffed: Value | None = None
    summary: dict[str, Any] | None = None
    cell: Value | None = None


def png(width: int, height: int, red: int, green: int, blue: int) -> bytes:
    """A small picture: a slope of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(
        b"\0" + b"".join(bytes((red * x // width, green * y // height, blue)) for x in range(width))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def exact(value: Any) -> dict[str, Any]:
    return {"value": value, "how": "exact"}


def number_summary(rows: int, nulls: int = 0) -> dict[str, Any]:
    counts = [round(1000 * math.exp(-((i - 9) ** 2) / 20)) for i in range(20)]
    return {
        "rows": exact(rows), "nulls": exact(nulls), "distinct": {"value": rows // 3, "how": "approximate"},
        "min": exact(0), "max": exact(rows - 1), "mean": exact(rows / 2),
        "quantiles": [{"q": q, "value": rows * q, "how": "approximate"} for q in (0.25, 0.5, 0.75)],
        "histogram": {"edges": [rows * i / 20 for i in range(21)], "counts": counts, "how": "sampled"},
    }  # fmt: skip


def words_summary(rows: int, values: Sequence[str]) -> dict[str, Any]:
    top = [{"value": value, "count": rows // (2 + i)} for i, value in enumerate(values)]
    return {
        "rows": exact(rows),
        "nulls": exact(rows // 8),
        "distinct": {"value": len(values), "how": "approximate"},
        "top": {"values": top, "how": "sampled"},
    }


CITIES = ("Amsterdam", "Lisboa", "東京", "São Paulo", "Reykjavík", "New York", "Nairobi")
TEXT = "The quick brown fox jumps over the lazy dog. "


def every_kind(rows: int) -> list[Made]:
    """A column of each kind, with the values that are hard to show."""

    def sometimes(value: Value, each: int) -> Value:
        return lambda row: None if row % each == each - 1 else value(row)

    def floats(row: int) -> float:
        return (math.nan, math.inf, -math.inf, 0.1 + 0.2, -0.0, 1e300, 12345.678, 3.0)[row % 8]

    picture = [png(48, 32, 80 + 40 * i, 220 - 30 * i, 90 + 20 * i) for i in range(5)]
    point = [[math.sin(i / 3 + k) + k / 5 for i in range(32)] for k in range(7)]
    tree = {"t": "struct", "n": 2, "items": [
        ["tags", {"t": "list", "n": 3, "items": [{"t": "text", "v": "a"}, {"t": "null"}, {"t": "text", "v": ""}]}],
        ["at", {"t": "map", "n": 1, "items": [["lat", {"t": "number", "v": "52.37"}]]}],
    ]}  # fmt: skip
    link = "https://example.org/picture.png?row="
    return [
        Made("id", "Int64", "integer", lambda row: 2**53 + 1 + row, pa.int64(), summary=number_summary(rows)),
        Made("price", "Float64", "float", sometimes(floats, 9), pa.float64(), summary=number_summary(rows, rows // 9)),
        Made("ratio", "Float32", "float", lambda row: row / 10, pa.float32(), summary=number_summary(rows)),
        Made("ok", "Boolean", "boolean", sometimes(lambda row: row % 3 == 0, 5), pa.bool_(),
             summary=words_summary(rows, ("true", "false"))),
        Made("city", "String", "string", sometimes(lambda row: CITIES[row % 7] if row % 11 else "", 13),
             summary=words_summary(rows, CITIES[:5])),
        Made("story", "String", "string", lambda row: (TEXT * 5)[:200] if row % 2 else "two\nlines\tand a tab",
             note=lambda row: 5_000_000 + row if row % 2 else None,
             cell=lambda row: {"kind": "text", "text": TEXT * 200, "length": 5_000_000}),
        Made("cost", "Decimal(38, 2)", "decimal", lambda row: f"{12345678901234567890 + row}.07",
             summary=number_summary(rows)),
        Made("day", "Date", "date", lambda row: f"2026-{row % 12 + 1:02}-{row % 28 + 1:02}"),
        Made("when", "Timestamp(us, Europe/Lisbon)", "timestamp", lambda row: "2026-03-29 02:30:00.000001+01:00"),
        Made("tags", "List[String]", "list", lambda row: '["a","b",null]',
             cell=lambda row: {"kind": "tree", "tree": tree["items"][0][1]}),
        Made("place", "Struct[tags: List[String], at: Map]", "struct",
             lambda row: '{"tags":["a","b",null],"at":{"lat":52', note=lambda row: 71,
             cell=lambda row: {"kind": "tree", "tree": tree}),
        Made("raw", "Binary", "binary", lambda row: "89504e470d0a1a0a0000000d49484452", note=lambda row: 4_200 + row,
             sniffed=lambda row: "PNG image",
             cell=lambda row: {"kind": "bytes", "text": "00000000  89 50 4e 47  |.PNG|", "length": 4_200,
                               "sniffed": "PNG image"}),
        Made("vector", "Embedding[Float32; 768]", "embedding", sometimes(lambda row: point[row % 7], 6),
             pa.list_(pa.float32()), note=lambda row: 1.0 + row % 7 / 10, note_arrow=pa.float64()),
        Made("photo", "Image[RGB]", "image", lambda row: picture[row % 5], pa.binary(),
             note=lambda row: "640×480 RGB", note_arrow=pa.utf8()),
        Made("url", "File", "file", lambda row: f"{link}{row}",
             cell=lambda row: {"kind": "link", "text": f"{link}{row}", "href": f"{link}{row}"}),
        Made("thing", "Python", "python", lambda row: f"<object {row}>"),
        Made("void", "Null", "null", lambda row: None, pa.null()),
    ]  # fmt: skip


def without_images(rows: int) -> list[Made]:
    return [column for column in every_kind(rows) if column.kind != "image"]


def numbers(columns: int) -> list[Made]:
    """Columns whose every value names its row and column."""

    def value(column: int) -> Value:
        return lambda row: row * 10_000 + column

    return [Made(f"column {c}", "Int64", "integer", value(c), pa.int64()) for c in range(columns)]


class FakeKernel:
    """Holds a table and answers requests; ``asked`` keeps them."""

    def __init__(self, columns: list[Made], all_rows: int, **table: Any) -> None:
        self.columns, self.all = columns, all_rows
        self.asked: list[dict[str, Any]] = []
        self.view = 0
        self.rows = all_rows
        self.turned = False
        self.step = 1
        self.refuse: dict[str, str] = {}
        self.mute: set[str] = set()
        self.first: dict[str, Any] = {}
        self.table = {
            "name": "df",
            "rows": all_rows,
            "columns": [{"name": c.name, "type": c.type, "kind": c.kind} for c in columns],
            "state": "ready",
            "runner": "native",
            "plan": None,
            "note": None,
            "limit": None,
            **table,
        }

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [request for request in self.asked if request["type"] == type_]

    def row(self, row: int) -> int:
        """Which row of the data a row of the view is."""
        row *= self.step
        return self.all - 1 - row if self.turned else row

    def page(self, start: int, count: int, columns: Sequence[int]) -> bytes:
        rows = [self.row(row) for row in range(start, min(start + count, self.rows))]
        arrays, fields = [], []
        for number in columns:
            column = self.columns[number]
            parts = [("v", column.value, column.arrow), ("n", column.note, column.note_arrow)]
            for letter, value, arrow in [*parts, ("s", column.sniffed, pa.utf8())]:
                if value is not None:
                    arrays.append(pa.array([value(row) for row in rows], arrow))
                    fields.append(pa.field(f"{letter}{number}", arrow))
        batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()

    def first_page(self) -> bytes:
        columns = range(min(FIRST_COLUMNS, len(self.columns)))
        if self.table["state"] != "ready" or not self.rows or not self.columns:
            return b""
        return self.page(0, 100, columns)

    def answers(self, request: dict[str, Any]) -> list[tuple[dict[str, Any], bytes | None]]:
        """What is sent for a request, in order."""
        self.asked.append(request)
        kind, number = request["type"], request.get("id")
        if kind in self.mute:
            return []
        if kind in self.refuse:
            return [({"type": "error", "id": number, "message": self.refuse[kind]}, None)]
        found = getattr(self, f"_{kind}")(request)
        return [({"type": kind, "id": number, **message}, buffer) for message, buffer in found]

    def _page(self, request: dict[str, Any]) -> Any:
        if request["view"] != self.view:
            yield {"type": "error", "message": "This view was replaced."}, None
            return
        start, columns = request["start"], request["columns"]
        count = min(request["count"], self.rows - start)
        message = {"view": request["view"], "start": start, "count": count, "columns": columns, "rows": self.rows}
        yield message, self.page(start, count, columns)

    def _view(self, request: dict[str, Any]) -> Any:
        yield {"view": self.view, "state": "running"}, None
        turned = any(sort["descending"] for sort in request["sort"])
        step = 10 if request["filters"] or request["search"] else 1
        if (turned, step) != (self.turned, self.step) or request["sort"]:
            self.view += 1
        self.turned, self.step, self.rows = turned, step, -(-self.all // step)
        yield {"view": self.view, "state": "ready", "rows": self.rows}, None

    def _summary(self, request: dict[str, Any]) -> Any:
        found = {str(c): self.columns[c].summary for c in request["columns"] if self.columns[c].summary}
        quick = {c: {k: summary[k] for k in ("nulls", "rows") if k in summary} for c, summary in found.items()}
        yield {"view": self.view, "columns": quick, "done": False}, None
        yield {"view": self.view, "columns": found, "done": True}, None

    def _cell(self, request: dict[str, Any]) -> Any:
        column, row = self.columns[request["column"]], self.row(request["row"])
        if column.kind == "image":
            yield {"kind": "image", "text": "640×480 RGB"}, png(160, 120, 200, 120, 90)
        elif column.cell:
            yield column.cell(row), None
        else:
            text = str(column.value(row))
            yield {"kind": "text", "text": text, "length": len(text)}, None

    def _copy(self, request: dict[str, Any]) -> Any:
        rows = range(request["start"], request["start"] + request["count"])
        lines = ["\t".join(str(self.columns[c].value(self.row(row))) for c in request["columns"]) for row in rows]
        yield {"text": "\n".join(lines) + "\n"}, None

    def _code(self, request: dict[str, Any]) -> Any:
        yield {"python": 'df.where(col("a") > 1)\n  .sort("a")', "sql": "SELECT * FROM df WHERE a > 1"}, None

    def _download(self, request: dict[str, Any]) -> Any:
        for part in range(3):
            name = f"df.{request['format']}"
            yield {"part": part, "of": 3, "name": name, "mime": "text/csv"}, f"part {part}\n".encode()

    def _run(self, request: dict[str, Any]) -> Any:
        yield {"state": "running", "elapsed": 0.1, "text": "1 of 8 partitions"}, None

    def _cancel(self, request: dict[str, Any]) -> Any:
        return ()

    def talk(self, asked: str) -> str:
        """The same over a line that carries text."""
        told = self.answers(json.loads(asked))
        return json.dumps([[m, None if b is None else base64.b64encode(b).decode()] for m, b in told])
