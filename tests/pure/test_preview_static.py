"""The static form of a preview: escaped, bounded, and saying how much of what it is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daftnb.previews.source import source_of
from daftnb.previews.static import MOST_BYTES, caption, clean, static_html
from daftnb.previews.table import columns_of
from tests.helpers.frames import Unprintable, every_type

ALLOWED = {
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "br",
    "span",
    "p",
    "i",
    "img",
    "details",
    "summary",
    "pre",
}
ATTRIBUTES = {"style", "scope", "align", "title", "cellpadding", "alt", "src", "class"}


class Checker(HTMLParser):
    """Nothing but what the form is made of; ``said`` is all text in it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED and {name for name, _ in attrs} <= ATTRIBUTES, (tag, attrs)
        for name, value in attrs:
            if name == "src":
                assert value is not None and value.startswith("data:image/png;base64,")
            if name == "style":
                assert value is not None and "url" not in value
            if name == "class":
                assert value == "mathjax_ignore tex2jax_ignore"

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def checked(html: str) -> list[str]:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert len(html.encode()) <= MOST_BYTES
    return checker.said


def html_of(frame: Any) -> str:
    source = source_of(frame)
    if source.rows is None:
        from daftnb.engine.rows.printed import plan_text

        return static_html(source.columns, [], None, None, plan_text(frame))
    _, series = source.rows.slice(0, 100, list(range(min(30, len(source.columns)))))
    return static_html(source.columns, series, source.rows.rows, source.limit)


cells = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
    | st.builds(Unprintable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@settings(deadline=None)
@given(st.text(), cells)
def test_no_cell_becomes_markup(name: str, cell: Any) -> None:
    import daft
    from daft import DataType, Series

    name = name.encode(errors="replace").decode()
    frame = daft.from_pydict({name: Series.from_pylist([cell], dtype=DataType.python())})
    checked(html_of(frame))


def test_every_type_is_shown() -> None:
    import daft

    said = checked(html_of(daft.from_pydict(every_type())))
    for text in (
        str(2**62 + 1), "2020-01-02 04:04:05.123456+0100", "null", "NaN", "<unprintable Unprintable>",
        "12345678901234567890.12", "<b>&↵⇥", '{"k": 1, "l": null}', "(30 shown)",
    ):  # fmt: skip
        assert any(text in part for part in said), text


def test_what_could_be_taken_for_a_text_is_told_from_it() -> None:
    import daft

    values = {
        "text": ["null", None, "", "NaN"], "float": [float("nan"), float("inf"), float("-inf"), None],
        "bytes": [b"\x89PNG\r\n\x1a\n" + bytes(100), b"", None, b"ab"],
    }  # fmt: skip
    html = html_of(daft.from_pydict(values))
    signs = re.findall(r"<i [^>]*>([^<]*)</i>", html)
    assert sorted(signs) == sorted(["null"] * 3 + ["empty"] * 2 + ["NaN", "+∞", "−∞"])
    assert "<td>null</td>" in html and "<td>NaN</td>" in html, "the texts"
    assert "PNG image, 108 bytes: 89504e470d0a1a0a" + "0" * 16 + "…<" in html and ">2 bytes: 6162<" in html


def test_it_is_small_whatever_the_rows() -> None:
    import daft
    from daft import DataType, Series

    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    for columns in (
        {f"s{i}": ["<" * 5_000_000] for i in range(8)},
        {"s": ["&" * 5_000_000] * 8},
        {"i": Series.from_pylist([noise] * 8, dtype=DataType.image("RGB"))},
        {"&" * 10_000 + str(i): ["\U0001f600" * 1000] * 50 for i in range(40)},
        {f"c{i}": [i] for i in range(5000)},
    ):
        checked(html_of(daft.from_pydict(columns)))
    wide = daft.from_pydict({f"{'<' * 500}{i}": [i] for i in range(1000)})
    checked(html_of(wide.where(daft.col(wide.column_names[0]) > 0)))


def test_nothing_to_show() -> None:
    import daft

    assert "0 rows × 0 columns" in "".join(checked(html_of(daft.from_pydict({}))))
    assert "0 rows × 1 column" in "".join(checked(html_of(daft.from_pydict({"a": []}))))
    lazy = "".join(checked(html_of(daft.from_pydict({"a": [1]}).where(daft.col("a") > 0))))
    assert "1 column; not run" in lazy and "Filter" in lazy


def test_the_caption_says_how_much_of_what() -> None:
    assert caption(20, 1000, None, 30, 60) == "20 of 1,000 rows × 60 columns (30 shown)"
    assert caption(1, 1, None, 1, 1) == "1 row × 1 column"
    assert caption(20, 1000, 1000, 2, 2) == "20 of the first 1,000 rows × 2 columns"
    assert caption(8, 8, 8, 2, 2) == "the first 8 rows × 2 columns"
    assert clean("a\nb\x00\ud800") == "a↵b��"


def test_columns_of_one_name_are_each_told() -> None:
    import daft

    twins = daft.from_pydict({"a": [1], "b": ["x"]}).select(daft.col("a"), daft.col("b").alias("a"))
    told = [column.told for column in columns_of(twins.schema(), lambda _number: None)]
    assert told == [{"name": "a", "type": "?", "kind": "other"}] * 2
    ran = source_of(twins.collect()).columns
    assert [column.kind for column in ran] == ["integer", "string"] and not any(column.alone for column in ran)
    long = daft.from_pydict({"n" * 5000: [1]})
    assert len(source_of(long).columns[0].told["name"]) == 1000
