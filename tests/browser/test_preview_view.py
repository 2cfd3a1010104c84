"""The preview alone on a page, with a kernel that is played: rows, kinds of values, states and looks.

No Jupyter and no Daft. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import everyone_can_read, looks
from tests.browser.fakekernel import FakeKernel, every_kind, numbers, without_images
from tests.browser.previewpage import Show, cell, focused, header, scroll, until
from tests.browser.reading import text

TEN_MILLION = 10_000_000

pytestmark = [pytest.mark.browser]


@looks(1200)
def test_everyone_can_read_it(width: int, theme: str, show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(every_kind(5_000), 5_000), width, theme)
    cell(page, 3, 0).wait_for()
    page.locator(".head .bar").first.wait_for(state="attached")
    everyone_can_read(page, artifacts / f"preview-{width}-{theme}.png")


def test_each_kind_shows_its_values(show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(every_kind(5_000), 5_000), 3_400)
    cell(page, 3, 16).wait_for()
    page.locator(".head .bar").first.wait_for(state="attached")
    page.screenshot(path=artifacts / "preview-kinds.png")
    assert [text(cell(page, row, 0)) for row in (0, 1)] == ["9007199254740993", "9007199254740994"]
    expect(cell(page, 0, 0)).to_have_attribute("title", "9,007,199,254,740,993")
    shown = ["NaN", "+∞", "−∞", "0.3", "-0.0", "1e+300", "12345.7", "3.0", "null"]
    assert [text(cell(page, row, 1)) for row in range(9)] == shown
    expect(cell(page, 3, 1)).to_have_attribute("title", "0.30000000000000004")
    assert [text(cell(page, row, 2)) for row in (1, 3, 7)] == ["0.1", "0.3", "0.7"], "as 4-byte floats are written"
    assert [text(cell(page, row, 3)) for row in (0, 1, 4)] == ["✓ true", "✗ false", "null"]
    assert [text(cell(page, row, 4)) for row in (0, 1, 2)] == ["empty", "Lisboa", "東京"]
    expect(cell(page, 0, 5)).to_have_text("two⏎lines⇥and a tab", use_inner_text=True)
    assert text(cell(page, 1, 5)).endswith("5,000,001 chars")
    expect(cell(page, 0, 6)).to_have_text("12345678901234567890.07", use_inner_text=True)
    expect(cell(page, 0, 11)).to_have_text("89504e470d0a1a0a0000000d49484452… PNG image, 4.20 kB", use_inner_text=True)
    expect(cell(page, 3, 12)).to_have_text("‖ 1.3", use_inner_text=True)
    assert cell(page, 3, 12).locator("path").get_attribute("d").count("L") == 31
    expect(cell(page, 5, 12)).to_have_text("null", use_inner_text=True)
    picture = cell(page, 0, 13).locator("img")
    assert picture.evaluate("img => [img.naturalWidth, img.naturalHeight, img.src.slice(0, 5)]") == [48, 32, "blob:"]
    expect(cell(page, 0, 16)).to_have_text("null", use_inner_text=True)
    cut = page.locator(".rows .cell.right").evaluate_all(
        "cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length"
    )
    assert cut == 0, "numbers that are not shown whole"
    marks = page.locator(".rows .mark").evaluate_all(
        "all => [...new Set(all.map((one) => one.className + getComputedStyle(one).borderStyle))].length"
    )
    assert marks == 4, "null, NaN, infinity and the empty text are told apart by their marks"


def test_rows_by_the_million(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(40), TEN_MILLION)
    page = show(kernel, delay=15)
    assert kernel.of("page") == [] or kernel.of("page")[0]["start"] > 0, "the first page came with the table"
    cell(page, 0, 0).wait_for()
    assert page.locator(".rows .row").count() < 40
    grid = page.get_by_role("grid")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("10000001", "41")
    # The end of the scroll bar is the last row, and a turn of the wheel is a few rows there as anywhere.
    scroll(page, down=1)
    cell(page, TEN_MILLION - 1, 0).get_by_text("99999990000").wait_for()
    page.screenshot(path=artifacts / "preview-last-row.png")
    page.mouse.move(400, 300)
    page.mouse.wheel(0, -260)
    cell(page, TEN_MILLION - 25, 0).get_by_text("99999750000").wait_for()
    expect(cell(page, TEN_MILLION - 1, 0)).to_have_count(0)
    # What is sideways comes too.
    scroll(page, right=1)
    cell(page, TEN_MILLION - 20, 39).get_by_text("99999800039").wait_for()
    for request in kernel.of("page"):
        assert set(request) == {"type", "id", "view", "start", "count", "columns"}
        assert 1 <= request["count"] <= 500
        assert 1 <= len(request["columns"]) <= 40


def test_a_row_that_has_not_come_is_there_at_once(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(10), TEN_MILLION)
    page = show(kernel, delay=400)
    cell(page, 0, 0).wait_for()
    seen = page.evaluate("""async () => {
        const box = window.shadow().querySelector('.scroller');
        box.scrollTop = box.scrollHeight / 2;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        const rows = [...window.shadow().querySelectorAll('.rows .row:not([hidden])')];
        return [rows.length, rows.every((row) => row.querySelector('.number').textContent.length > 6),
            rows[3].querySelectorAll('.coming').length];
    }""")
    page.screenshot(path=artifacts / "preview-skeleton.png")
    assert seen[0] >= 15
    assert seen[1:] == [True, 10] or seen[1:] == [True, 9]
    page.wait_for_function("() => window.shadow().querySelector('.rows .row:not([hidden]) .coming') === null")


def test_pages_are_asked_for_once_and_a_passing_glance_asks_for_little(show: Show) -> None:
    kernel = FakeKernel(numbers(6), TEN_MILLION)
    page = show(kernel, delay=30)
    cell(page, 0, 0).wait_for()
    # Over a hundred places in less time than two answers take: what was passed is not asked for.
    page.evaluate("""async () => {
        const box = window.shadow().querySelector('.scroller');
        for (let i = 1; i <= 100; i++) {
            box.scrollTop = i * 50_000;
            await new Promise(requestAnimationFrame);
        }
    }""")
    page.wait_for_function("() => window.shadow().querySelector('.rows .row:not([hidden]) .coming') === null")
    asked = len(kernel.of("page"))
    assert asked < 130, "not for all that was passed, and not for what is ahead of each"
    places = [(request["start"], *request["columns"]) for request in kernel.of("page")]
    assert len(set(places)) == len(places)


def test_five_thousand_columns(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(5_000), 100_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    assert page.locator(".head [role=columnheader]").count() < 30
    assert all(len(request["columns"]) < 30 for request in kernel.of("summary"))
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("searchbox", name="Find a column").fill("column 4321")
    page.screenshot(path=artifacts / "preview-columns.png")
    expect(page.get_by_text("1 of 5,000 columns found")).to_have_count(1)
    page.keyboard.press("Enter")
    header(page, "column 4321").wait_for()
    assert focused(page) == (-1, 4321)
    cell(page, 3, 4321).get_by_text("34321").wait_for()
    page.keyboard.press("End")
    cell(page, 3, 4999).get_by_text("34999").wait_for()
    assert focused(page) == (-1, 4999)
    assert page.locator(".rows .cell").count() < 900


def test_values_in_full(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(every_kind(100), 100)
    page = show(kernel, 3_400)
    pane = page.locator(".detail-pane")
    cell(page, 1, 10).click()
    pane.get_by_text("2 fields").wait_for()
    expect(pane.locator(".tree")).to_have_text(
        "2 fields tags 3 items 0 a 1 null 2 empty at 1 entry lat 52.37", use_inner_text=True
    )
    page.screenshot(path=artifacts / "preview-tree.png")
    page.keyboard.press("ArrowRight")  # the pane follows
    pane.get_by_text("|.PNG|").wait_for()
    expect(pane).to_contain_text("PNG image, 4.20 kB", use_inner_text=True)
    cell(page, 1, 13).click()
    picture = pane.locator("img")
    picture.wait_for()
    page.wait_for_function("() => window.shadow().querySelector('img.full').naturalWidth === 160")
    page.screenshot(path=artifacts / "preview-image.png")
    cell(page, 1, 14).click()
    link = pane.get_by_role("link")
    link.wait_for()
    assert [link.get_attribute(name) for name in ("href", "target", "rel")] == [
        "https://example.org/picture.png?row=1", "_blank", "noopener noreferrer"
    ]  # fmt: skip
    cell(page, 1, 5).dblclick()
    pane.get_by_text("The first 9,000 of 5,000,000 characters").wait_for()
    page.keyboard.press("Escape")
    pane.wait_for(state="detached")
    assert focused(page) == (1, 5)
    page.keyboard.press("Enter")
    pane.wait_for()
    assert set(kernel.of("cell")[0]) == {"type", "id", "view", "row", "column"}


def test_statistics_say_how_they_are_known(show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(without_images(90_000), 90_000))
    page.get_by_role("button", name="Column price: sort, filter, statistics").click()
    panel = page.get_by_role("dialog", name="Column price")
    panel.locator(".statistics").wait_for()
    page.screenshot(path=artifacts / "preview-statistics.png")
    words = "rows => rows.map((row) => [...row.cells].map((cell) => cell.innerText))"
    rows = panel.locator(".statistics tr").evaluate_all(words)
    assert rows[:4] == [
        ["rows", "90,000", "exact"],
        ["nulls", "10,000 (11 %)", "exact"],
        ["distinct", "30,000", "approximate"],
        ["least", "0", "exact"],
    ]
    assert ["median", "45,000", "approximate"] in rows
    expect(panel).to_contain_text("20 bars, from a sample", use_inner_text=True)
    expect(header(page, "price").locator(".caption")).to_have_text("0 – 89,999 · 11 % null", use_inner_text=True)
    expect(header(page, "city").locator(".caption")).to_have_text("≈ 5 distinct · 13 % null", use_inner_text=True)


@looks(1200)
@pytest.mark.parametrize("what", ["column", "columns", "detail", "code", "lazy"])
def test_everyone_can_read_what_lies_over_it(what: str, width: int, theme: str, show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(every_kind(5_000), 5_000)
    if what == "lazy":
        kernel.table |= {"state": "lazy", "rows": None, "plan": "* Project\n|\n* Source: parquet, 8 files\n" * 9}
    page = show(kernel, width, theme)
    if what == "column":
        page.get_by_role("button", name="Column price: sort, filter, statistics").click()
        page.locator(".statistics").wait_for()
    elif what == "detail":
        header(page, "id").wait_for()
        cell(page, 1, 0).click()
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.locator(".tree").wait_for()
    elif what in ("columns", "code"):
        page.get_by_role("button", name="Columns" if what == "columns" else "Copy as code").click()
        page.locator(".columns, .source").first.wait_for()
    everyone_can_read(page, artifacts / f"preview-{what}-{width}-{theme}.png")


def test_forced_colours(show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(every_kind(500), 500), forced_colors="active", color_scheme="dark")
    cell(page, 1, 1).click()
    page.keyboard.press("Shift+ArrowDown")
    page.locator(".head .bar").first.wait_for(state="attached")
    page.screenshot(path=artifacts / "preview-forced-colours.png")
    colour = "cell => getComputedStyle(cell).backgroundColor"
    assert cell(page, 1, 1).evaluate(colour) != cell(page, 4, 1).evaluate(colour)


def test_a_dataframe_that_has_not_run(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(6), 1_000, state="lazy", rows=None, plan="* Limit: 5\n|\n* Source")
    page = show(kernel)
    page.get_by_text("It has not run, and showing it runs nothing.").wait_for()
    assert text(page.locator(".plan-text")).startswith("* Limit: 5")
    assert kernel.asked == [], "nothing runs to show it"
    page.get_by_role("button", name="Preview first 1,000 rows").click()
    page.get_by_text("1 of 8 partitions").wait_for()
    page.screenshot(path=artifacts / "preview-running.png")
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: kernel.of("cancel"), "the run is cancelled")
    assert kernel.of("cancel")[0]["id"] == kernel.of("run")[0]["id"]
    ready = kernel.table | {"state": "ready", "rows": 1_000, "limit": 1_000}
    kernel.table["state"] = "ready"
    page.evaluate("(changed) => window.change(changed)",
                  {"table": ready, "page": base64.b64encode(kernel.first_page()).decode()})  # fmt: skip
    cell(page, 0, 0).wait_for()
    page.get_by_text("first 1,000 rows × 6 columns").wait_for()


def test_a_view_drawn_anew_is_where_it_was(show: Show) -> None:
    kernel = FakeKernel(numbers(30), TEN_MILLION)
    page = show(kernel)
    cell(page, 0, 0).click()
    header(page, "column 1").click()
    page.locator("[aria-sort=ascending]").wait_for()
    in_sight = page.locator(".rows .row:not([hidden]) .number")
    first = in_sight.all_inner_texts()
    scroll(page, down=0.5)
    until(page, lambda: set(in_sight.all_inner_texts() or first).isdisjoint(first), "the rows in the middle")
    page.wait_for_function("() => window.shadow().querySelector('.rows .row:not([hidden]) .coming') === null")
    where = in_sight.all_inner_texts()
    page.wait_for_timeout(500)  # what was asked ahead comes too; an answer that is under way is lost with its view
    page.evaluate("() => window.redraw()")
    page.locator("[aria-sort=ascending]").wait_for()
    until(page, lambda: in_sight.all_inner_texts() == where, "the rows that were in sight")
    until(page, lambda: page.locator(".rows .row:not([hidden]) .coming").count() == 0, "their values")
    assert len(kernel.of("view")) == 1
    places = [(request["view"], request["start"], *request["columns"]) for request in kernel.of("page")]
    assert len(set(places)) == len(places), "what has come is asked for again"
