"""Pages, cells and copies of columns of every type: exact, and never larger than they may be."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from daftnb.previews import cell, encode
from daftnb.previews.copying import tsv
from daftnb.previews.images import eight_bit, png, shrunk
from daftnb.previews.kinds.registry import kind_of
from daftnb.previews.sniff import sniffed
from daftnb.previews.table import type_words
from daftnb.previews.tree import DEEPEST, MOST_NODES
from daftnb.previews.writing import duration_words, interval_words
from tests.helpers.frames import Unprintable, every_type


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    return every_type()


def read(page: encode.Page) -> dict[str, list[Any]]:
    table = pa.ipc.open_stream(page.data).read_all()
    assert table.num_rows == page.count
    found: dict[str, list[Any]] = table.to_pydict()
    return found


def page_of(series: Any) -> dict[str, list[Any]]:
    return read(encode.encode_page([(7, series)]))


KINDS = {
    "integer": "integer", "unsigned": "integer", "small": "integer", "float": "float", "single": "float",
    "half": "float", "boolean": "boolean", "decimal": "decimal", "string": "string", "binary": "binary",
    "fixed binary": "binary", "date": "date", "time": "time", "timestamp": "timestamp", "zoned": "timestamp",
    "duration": "duration", "interval": "interval", "list": "list", "fixed list": "list", "struct": "struct",
    "map": "map", "tensor": "tensor", "fixed tensor": "tensor", "sparse tensor": "tensor", "embedding": "embedding",
    "image": "image", "fixed image": "image", "images": "list", "file": "file", "python": "python", "null": "null",
    "extension": "other",
}  # fmt: skip


def test_each_dtype_has_its_kind(columns: dict[str, Any]) -> None:
    assert {name: kind_of(series.datatype()) for name, series in columns.items()} == KINDS


TEXTS: dict[str, tuple[str | None, str | None, str | None]] = {
    "decimal": ("12345678901234567890.12", None, "-0.01"),
    "date": ("2020-01-02", None, "0001-01-01"),
    "time": ("00:00:00.000000001", None, "23:59:59.999999999"),
    "timestamp": ("2020-01-02 03:04:05.123456789", None, "1970-01-01 00:00:00.000000000"),
    "zoned": ("2020-01-02 04:04:05.123456+0100", None, "1970-01-01 01:00:00.000000+0100"),
    "duration": ("1 d 02:03:04.5", None, "-00:00:00.000001"),
    "interval": ("14 months 3 days 00:00:01", None, "00:00:00"),
    "list": ("[1, null, 3]", None, "[]"),
    "fixed list": ("[1, 2]", None, "[3, 4]"),
    "struct": ('{"a": 1, "b": {"c": "x"}}', None, '{"a": null, "b": {"c": "\\""}}'),
    "map": ('{"k": 1, "l": null}', None, "{}"),
    "tensor": ("[[0.0, 1.0], [2.0, 3.0]]", None, "[[1.0], [1.0], [1.0]]"),
    "fixed tensor": ("[[1.0, 0.0], [0.0, 1.0]]", None, "[[1.0, 0.0], [0.0, 1.0]]"),
    "images": ("[6×8 RGB]", None, "[]"),
    "file": ("/tmp/x", None, "https://a.example/b.png"),
    "python": ("<unprintable Unprintable>", None, "<unprintable dict>"),
    "extension": ("1", None, "2"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_travels_as_text_is_exact(columns: dict[str, Any], name: str) -> None:
    assert page_of(columns[name]) == {"v7": list(TEXTS[name])}


def test_numbers_travel_as_they_are(columns: dict[str, Any]) -> None:
    assert page_of(columns["integer"]) == {"v7": [2**62 + 1, None, -3]}
    assert page_of(columns["unsigned"]) == {"v7": [2**64 - 1, None, 1]}
    assert page_of(columns["small"]) == {"v7": [-128, None, 1]}
    assert page_of(columns["boolean"]) == {"v7": [True, None, False]}
    assert page_of(columns["null"]) == {"v7": [None, None, None]}
    assert page_of(columns["half"]) == {"v7": [1.5, None, 2.5]}
    assert page_of(columns["single"]) == {"v7": [1.5, None, float("-inf")]}
    not_a_number, missing, infinite = page_of(columns["float"])["v7"]
    assert not_a_number != not_a_number and missing is None and infinite == float("inf")
    assert str(pa.ipc.open_stream(encode.encode_page([(0, columns["half"])]).data).schema.field("v0").type) == "float"


def test_a_long_text_is_cut_and_its_length_is_told(columns: dict[str, Any]) -> None:
    assert page_of(columns["string"]) == {"v7": ["é" * 200, None, "<b>&\n\t"], "n7": [300, None, None]}


def test_bytes_are_their_beginning_their_number_and_what_they_are(columns: dict[str, Any]) -> None:
    assert page_of(columns["binary"]) == {
        "v7": ["89504e470d0a1a0a0000000000000000", None, ""],
        "n7": [108, None, 0],
        "s7": ["PNG image", None, None],
    }
    assert page_of(columns["fixed binary"])["v7"] == ["61626364", None, "65666768"]
    assert (
        sniffed(b"RIFF\x00\x00\x00\x00WEBPVP8 ") == "WebP image" and sniffed(b"\x00\x00\x00\x20ftypisom") == "MP4 video"
    )
    assert sniffed(b"") is None and sniffed(b"hello") is None


def test_an_embedding_is_a_few_points_and_its_norm(columns: dict[str, Any]) -> None:
    import daft
    from daft import DataType, Series

    assert page_of(columns["embedding"]) == {"v7": [[3.0, 4.0], None, [0.0, 0.0]], "n7": [5.0, None, 0.0]}
    long = Series.from_pylist([list(range(100)), None, [1.0] * 100, None]).cast(
        DataType.embedding(DataType.float32(), 100)
    )
    found = page_of(long.slice(1, 4))
    assert found["v7"] == [None, [1.0] * 32, None] and found["n7"] == [None, 10.0, None]
    first = page_of(long)["v7"][0]
    assert len(first) == 32 and first[0] == 1.0 and first == sorted(first)
    assert daft.__version__


def test_an_image_is_a_small_png_and_its_size(columns: dict[str, Any]) -> None:
    for name in ("image", "fixed image"):
        found = page_of(columns[name])
        assert found["n7"][:2] == ["6×8 RGB", None]
        assert np.array_equal(unpacked(found["v7"][0]), np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3))
    assert page_of(columns["image"])["n7"][2] == "6×4 RGB"
    # Of a slice of the column, the right ones.
    assert page_of(columns["fixed image"].slice(1, 3))["v7"][0] is None
    assert np.array_equal(unpacked(page_of(columns["image"].slice(2, 3))["v7"][0])[0, 0], [0, 1, 2])


def unpacked(data: bytes) -> Any:
    """The pixels of one of our PNGs, by the format's own rules."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack(">I", data[place + 8 + size : place + 12 + size])[0]
        chunks[name] = body
        place += 12 + size
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    assert bits == 8 and list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    assert (lines[:, 0] == 2).all()
    return np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, channels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pngs_of_each_number_of_channels(channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    assert np.array_equal(unpacked(png(pixels)), pixels)
    assert unpacked(png(pixels[:0])).shape == (1, 1, 1)


def test_a_large_image_is_made_small_whatever_its_sides() -> None:
    for height, width in ((1, 5000), (5000, 1), (1000, 1500), (65, 64), (64, 64)):
        small = shrunk(np.full((height, width, 3), 9, np.uint8), 64)
        assert max(small.shape[:2]) <= 64 and min(small.shape[:2]) >= 1 and (small == 9).all()
    assert eight_bit(np.array([0, 65535], np.uint16)).tolist() == [0, 255]
    assert eight_bit(np.array([-1.0, 0.5, 2.0, np.nan], np.float32)).tolist() == [0, 127, 255, 0]


# -- size -------------------------------------------------------------------------------------------------------------


def test_a_page_is_small_whatever_is_in_it() -> None:
    from daft import DataType, Series

    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    kinds: list[tuple[Any, int]] = [
        (Series.from_pylist(["x" * 1_000_000] * 8), 8),
        (Series.from_pylist(["\U0001f600" * 300] * 500), 500),
        (Series.from_pylist([noise] * 20, dtype=DataType.image("RGB")), 20),
        (Series.from_pylist([[1.0] * 512] * 500).cast(DataType.embedding(DataType.float32(), 512)), 500),
        (Series.from_pylist([[["deep"] * 50] * 50] * 20), 20),
        (Series.from_pylist([bytes(1000)] * 500), 500),
    ]
    for series, rows in kinds:
        page = encode.encode_page([(number, series) for number in range(64)])
        assert len(page.data) <= encode.PAGE_BYTES
        assert 1 <= page.count <= rows
        read(page)
    wide = Series.from_pylist(list(range(500)))
    page = encode.encode_page([(number, wide) for number in range(64)])
    assert len(page.data) <= encode.PAGE_BYTES and page.count > 400
    assert read(page)["v63"] == list(range(page.count))


def test_texts_of_many_megabytes_are_not_read_for_one_page() -> None:
    from daft import Series

    page = encode.encode_page([(0, Series.from_pylist(["x" * 5_000_000] * 30))])
    assert page.count == 13 and read(page)["n0"] == [5_000_000] * 13
    assert encode.encode_page([(0, Series.from_pylist(["x" * 100_000_000] * 2))]).count == 1


def test_texts_are_cut_shorter_before_rows_are_left_out() -> None:
    from daft import Series

    page = encode.encode_page([(number, Series.from_pylist(["y" * 1000] * 100)) for number in range(30)])
    found = read(page)
    assert page.count == 100 and {len(value) for value in found["v29"]} == {50} and found["n0"] == [1000] * 100


def test_no_rows_make_a_page(columns: dict[str, Any]) -> None:
    page = encode.encode_page([(i, series.slice(0, 0)) for i, series in enumerate(columns.values())])
    assert page.count == 0 and all(not values for values in read(page).values())


def test_all_types_side_by_side_and_only_nulls(columns: dict[str, Any]) -> None:
    found = read(encode.encode_page(list(enumerate(columns.values()))))
    assert all(values[1] is None for name, values in found.items() if name[0] == "v")
    nulls = read(encode.encode_page([(i, s.slice(1, 2)) for i, s in enumerate(columns.values())]))
    assert all(values == [None] for name, values in nulls.items())


def test_a_list_of_a_million_is_looked_at_no_further_than_it_is_shown() -> None:
    from daft import Series

    series = Series.from_arrow(pa.array([list(range(1_000_000))] * 20, pa.list_(pa.int64())))
    found = page_of(series)
    assert found["v7"][0].startswith("[0, 1, 2, ") and len(found["v7"][0]) == 200 and found["n7"][0] == 201


def test_a_types_words_are_short() -> None:
    from daft import DataType

    wide = DataType.struct({f"field {i}": DataType.int64() for i in range(1000)})
    assert len(type_words(wide)) == 200 and type_words(DataType.int64()) == "Int64"


# -- one cell ---------------------------------------------------------------------------------------------------------


def test_a_cell_of_each_kind(columns: dict[str, Any]) -> None:
    assert cell.detail(columns["integer"]) == ({"kind": "text", "text": str(2**62 + 1), "length": 19}, [])
    assert cell.detail(columns["string"])[0] == {"kind": "text", "text": "é" * 300, "length": 300}
    assert cell.detail(columns["float"])[0]["text"] == "nan"
    assert cell.detail(columns["zoned"])[0]["text"] == "2020-01-02 04:04:05.123456+0100"
    assert cell.detail(columns["file"])[0] == {"kind": "link", "text": "/tmp/x", "href": None}
    assert cell.detail(columns["file"], 2)[0]["href"] == "https://a.example/b.png"
    assert cell.detail(columns["python"])[0]["text"] == "<unprintable Unprintable>"
    content, [picture] = cell.detail(columns["image"], 2)
    assert content == {"kind": "image", "text": "6×4 RGB"} and unpacked(picture).shape == (4, 6, 3)
    bytes_ = cell.detail(columns["binary"])[0]
    assert bytes_["length"] == 108 and bytes_["sniffed"] == "PNG image"
    assert bytes_["text"].splitlines()[0] == (
        "00000000  89 50 4e 47 0d 0a 1a 0a  00 00 00 00 00 00 00 00  |.PNG............|"
    )
    for series in columns.values():
        assert cell.detail(series, 1) == ({"kind": "tree", "tree": {"t": "null"}}, [])


def test_nested_cells_are_trees(columns: dict[str, Any]) -> None:
    number = lambda v: {"t": "number", "v": v}  # noqa: E731
    assert cell.detail(columns["list"])[0]["tree"] == {
        "t": "list",
        "n": 3,
        "items": [number("1"), {"t": "null"}, number("3")],
    }
    assert cell.detail(columns["struct"])[0]["tree"] == {
        "t": "struct", "n": 2,
        "items": [["a", number("1")], ["b", {"t": "struct", "n": 1, "items": [["c", {"t": "text", "v": "x"}]]}]],
    }  # fmt: skip
    assert cell.detail(columns["map"])[0]["tree"]["items"] == [["k", number("1")], ["l", {"t": "null"}]]
    assert cell.detail(columns["tensor"], 2)[0]["tree"] == {
        "t": "list", "n": 3, "items": [{"t": "list", "n": 1, "items": [number("1.0")]}] * 3,
    }  # fmt: skip
    assert cell.detail(columns["embedding"])[0]["tree"]["items"] == [number("3.0"), number("4.0")]
    assert cell.detail(columns["images"])[0]["tree"]["items"] == [{"t": "other", "v": "6×8 RGB"}]


def nodes(node: dict[str, Any]) -> tuple[int, int]:
    """How many nodes a tree has, and how deep it is."""
    inner = [nodes(item[1] if isinstance(item, list) else item) for item in node.get("items", [])]
    return 1 + sum(count for count, _ in inner), 1 + max((depth for _, depth in inner), default=0)


def test_trees_are_bounded() -> None:
    from daft import Series

    deep: Any = 1
    for _ in range(40):
        deep = [deep, deep] if _ < 8 else [deep]
    for value, n in ((list(range(10**5)), 10**5), (deep, 1), ([[["x" * 10**5] * 10] * 10] * 10, 10)):
        tree = cell.detail(Series.from_pylist([value]))[0]["tree"]
        count, depth = nodes(tree)
        assert count <= MOST_NODES and depth <= DEEPEST and tree["n"] == n
        assert len(str(tree)) < 300_000


def test_only_web_addresses_become_links() -> None:
    from daft import Series

    for text in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://a b", " https://a", "//a",
                 "https://", "HTTPS://a\nb", "https://a\x00b"):  # fmt: skip
        assert cell.detail(Series.from_pylist([text]))[0]["kind"] == "text"
    assert cell.detail(Series.from_pylist(["https://a/?b#c"]))[0] == {
        "kind": "link", "text": "https://a/?b#c", "href": "https://a/?b#c",
    }  # fmt: skip
    long = cell.detail(Series.from_pylist(["é" * 5_000_000]))[0]
    assert len(long["text"].encode()) <= 200_000 and long["length"] == 5_000_000


def test_copies_are_tab_separated_and_in_full() -> None:
    from daft import Series

    columns = [Series.from_pylist(["a\tb", None, 'say "x"']), Series.from_pylist([2**62 + 1, None, 3])]
    assert tsv(columns) == f'"a\tb"\t{2**62 + 1}\n\t\n"say ""x"""\t3'
    assert tsv([Series.from_pylist(["z" * 1000])]) == "z" * 1000
    from daftnb.errors import DaftnbError

    for values in (["x" * 5_000_000] * 3, [["x" * 5_000_000]] * 3):
        with pytest.raises(DaftnbError, match="Select fewer"):
            tsv([Series.from_pylist(values)])


def test_durations_and_intervals_in_words() -> None:
    assert duration_words(0, "s") == "00:00:00" and duration_words(86_400, "s") == "1 d 00:00:00"
    assert duration_words(-1500, "ms") == "-00:00:01.5" and duration_words(1, "ns") == "00:00:00.000000001"
    assert interval_words(1, -1, 0) == "1 month -1 day"
    with pytest.raises(RuntimeError):
        repr(Unprintable())
