"""The preview alone on a page, with a kernel that is played: rows, keys, views, copies, hostile data, and its looks.

No Jupyter and no Daft. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PAGE, everyone_can_read
from tests.browser.fakekernel import FakeKernel, Made, every_kind, exact, numbers, without_images
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser]
TEN_MILLION = 10_000_000

# The widget's model: two traits, and a line to the kernel that answers after a while. Buffers come as they do from a
# socket: somewhere inside a larger one.
DRAW = """async ([code, table, first, delay]) => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const {render} = await import(url);
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const view = (part) => {
        const whole = new Uint8Array(part.length + 8);
        whole.set(part, 3);
        return new DataView(whole.buffer, 3, part.length);
    };
    const traits = {table, page: view(bytes(first)), _view: 'preview', layout: {}};
    const handlers = {};
    window.tell = (message, buffer) => [...(handlers['msg:custom'] ?? [])].forEach((one) =>
        one(message, buffer ? [view(bytes(buffer))] : []));
    window.change = (changed) => {
        Object.assign(traits, changed, changed.page === undefined ? {} : {page: view(bytes(changed.page))});
        for (const name of Object.keys(changed)) [...(handlers[`change:${name}`] ?? [])].forEach((one) => one());
    };
    const send = async (content) => {
        const [answers] = await Promise.all([window.kernel(JSON.stringify(content)),
            new Promise((done) => setTimeout(done, delay))]);
        for (const [message, buffer] of JSON.parse(answers)) window.tell(message, buffer);
    };
    const draw = () => render({el: document.getElementById('view'), model: {
        get: (name) => traits[name],
        on: (event, callback) => (handlers[event] ??= new Set()).add(callback),
        off: (event, callback) => handlers[event]?.delete(callback),
        send,
    }});
    window.undraw = draw();
    window.redraw = () => { window.undraw(); window.undraw = draw(); };
    window.shadow = () => document.querySelector('#view > div').shadowRoot;
}"""

Show = Callable[..., Any]


@pytest.fixture(scope="session")
def preview_bundle(frontend: Callable[..., str]) -> str:
    """The preview's bundle as the sources are now."""
    frontend("build.mjs")
    return (ROOT / "daftnb" / "static" / "preview.js").read_text(encoding="utf-8")


@pytest.fixture
def show(chromium: Any, preview_bundle: str) -> Iterator[Show]:
    """Shows a fake kernel's table on a page of its own; no page may have an uncaught error, or go anywhere."""
    contexts = []

    def shown(kernel: FakeKernel, width: int = 1200, theme: str = "light", delay: int = 5, **options: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 780 else 1100},
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8_000)
        page.problems, page.went = [], []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("dialog", lambda dialog: (page.went.append(f"dialog {dialog.message}"), dialog.dismiss()))
        context.on("page", lambda other: page.went.append(f"page {other.url}"))
        html = PAGE.replace("THEME", str(theme == "light").lower())
        html = html.replace("BACKGROUND", "#ffffff" if theme == "light" else "#111111")

        def answer(route: Any) -> None:
            if route.request.url != "https://daftnb.invalid/":
                page.went.append(f"request {route.request.url}")
            route.fulfill(body=html, content_type="text/html")

        context.route("**/*", answer)
        page.expose_function("kernel", kernel.talk)
        page.goto("https://daftnb.invalid/")
        page.on("framenavigated", lambda frame: page.went.append(f"navigation {frame.url}"))
        page.evaluate(DRAW, [preview_bundle, kernel.table, base64.b64encode(kernel.first_page()).decode(), delay])
        page.locator(".root[data-view=preview] > *").first.wait_for()
        return page

    yield shown
    for context in contexts:
        pages = [page for page in context.pages if hasattr(page, "problems")]
        found = [(page.problems, page.went) for page in pages]
        context.close()
        assert found == [([], [])]


def cell(page: Any, row: int, column: int) -> Any:
    """A cell by its row of the view and its column as shown."""
    return page.locator(f".rows [aria-rowindex='{row + 2}'] [aria-colindex='{column + 2}']")


def text(found: Any) -> str:
    return re.sub(r"\s+", " ", found.inner_text()).strip()


def focused(page: Any) -> tuple[int, int] | None:
    """Row (−1: the header) and column of the cell that has the focus."""
    found = page.evaluate("""() => {
        const cell = window.shadow().activeElement?.closest('[aria-colindex]');
        return cell && [cell.closest('[aria-rowindex]').ariaRowIndex - 2, cell.ariaColIndex - 2];
    }""")
    return found and tuple(found)


def until(page: Any, condition: Callable[[], Any], what: str, seconds: float = 10) -> Any:
    """Wait for something of the kernel's side, which is played between the page's own steps."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        page.wait_for_timeout(20)
    return value


def clipboard(page: Any) -> str:
    return str(page.evaluate("() => navigator.clipboard.readText()"))


def header(page: Any, name: str) -> Any:
    return page.locator(".head .cell", has=page.locator(f".name bdi:text-is('{name}')"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
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
    assert cell(page, 0, 0).get_attribute("title") == "9,007,199,254,740,993"
    shown = ["NaN", "+∞", "−∞", "0.3", "-0.0", "1e+300", "12345.7", "3.0", "null"]
    assert [text(cell(page, row, 1)) for row in range(9)] == shown
    assert cell(page, 3, 1).get_attribute("title") == "0.30000000000000004"
    assert [text(cell(page, row, 2)) for row in (1, 3, 7)] == ["0.1", "0.3", "0.7"], "as 4-byte floats are written"
    assert [text(cell(page, row, 3)) for row in (0, 1, 4)] == ["✓ true", "✗ false", "null"]
    assert [text(cell(page, row, 4)) for row in (0, 1, 2)] == ["empty", "Lisboa", "東京"]
    assert text(cell(page, 0, 5)) == "two⏎lines⇥and a tab"
    assert text(cell(page, 1, 5)).endswith("5,000,001 chars")
    assert text(cell(page, 0, 6)) == "12345678901234567890.07"
    assert text(cell(page, 0, 11)) == "89504e470d0a1a0a0000000d49484452… PNG image, 4.20 kB"
    assert text(cell(page, 3, 12)) == "‖ 1.3"
    assert cell(page, 3, 12).locator("path").get_attribute("d").count("L") == 31
    assert text(cell(page, 5, 12)) == "null"
    picture = cell(page, 0, 13).locator("img")
    assert picture.evaluate("img => [img.naturalWidth, img.naturalHeight, img.src.slice(0, 5)]") == [48, 32, "blob:"]
    assert text(cell(page, 0, 16)) == "null"
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
    page.evaluate("() => { const box = window.shadow().querySelector('.scroller'); box.scrollTop = box.scrollHeight; }")
    cell(page, TEN_MILLION - 1, 0).get_by_text("99999990000").wait_for()
    page.screenshot(path=artifacts / "preview-last-row.png")
    page.mouse.move(400, 300)
    page.mouse.wheel(0, -260)
    cell(page, TEN_MILLION - 25, 0).get_by_text("99999750000").wait_for()
    assert cell(page, TEN_MILLION - 1, 0).count() == 0
    # What is sideways comes too.
    page.evaluate("() => { const box = window.shadow().querySelector('.scroller'); box.scrollLeft = box.scrollWidth; }")
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
    page.wait_for_function("() => window.shadow().querySelector('.rows .coming') === null")


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
    page.wait_for_function("() => window.shadow().querySelector('.rows .coming') === null")
    asked = len(kernel.of("page"))
    assert asked < 130, "not for all that was passed, and not for what is ahead of each"
    places = [(request["start"], *request["columns"]) for request in kernel.of("page")]
    assert len(set(places)) == len(places)
    page.wait_for_function("(n) => true", arg=0)


def test_five_thousand_columns(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(5_000), 100_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    assert page.locator(".head [role=columnheader]").count() < 30
    assert all(len(request["columns"]) < 30 for request in kernel.of("summary"))
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("searchbox", name="Find a column").fill("column 4321")
    page.screenshot(path=artifacts / "preview-columns.png")
    assert page.get_by_text("1 of 5,000 columns found").count() == 1
    page.keyboard.press("Enter")
    header(page, "column 4321").wait_for()
    assert focused(page) == (-1, 4321)
    cell(page, 3, 4321).get_by_text("34321").wait_for()
    page.keyboard.press("End")
    cell(page, 3, 4999).get_by_text("34999").wait_for()
    assert focused(page) == (-1, 4999)
    assert page.locator(".rows .cell").count() < 900


def test_sorting_filtering_and_searching_ask_the_kernel(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(without_images(50_000), 50_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    everything = list(range(16))
    header(page, "id").click()
    until(page, lambda: kernel.view == 1, "the view is made")
    assert header(page, "id").get_attribute("aria-sort") == "ascending"
    header(page, "id").click()
    cell(page, 0, 0).get_by_text(str(2**53 + 1 + 49_999)).wait_for()
    assert header(page, "id").get_attribute("aria-sort") == "descending"
    header(page, "city").click(modifiers=["Shift"])
    page.locator(".chips").get_by_text("▲ city").wait_for()
    first, second, third = [{k: v for k, v in request.items() if k != "id"} for request in kernel.of("view")]
    assert first == {
        "type": "view", "sort": [{"column": 0, "descending": False}], "filters": [], "search": "", "columns": everything
    }  # fmt: skip
    assert second["sort"] == [{"column": 0, "descending": True}]
    assert third["sort"] == [{"column": 0, "descending": True}, {"column": 4, "descending": False}]
    page.get_by_role("button", name="Remove: ▼ id").click()
    page.get_by_role("button", name="Remove: ▲ city").click()

    page.get_by_role("button", name="Column city: sort, filter, figures").click()
    panel = page.get_by_role("dialog", name="Column city")
    panel.get_by_label("Value").fill("Lis")
    page.screenshot(path=artifacts / "preview-filter.png")
    page.keyboard.press("Enter")
    page.get_by_text("5,000 of 50,000 rows").wait_for()
    assert kernel.of("view")[-1]["filters"] == [{"column": 4, "op": "contains", "value": "Lis"}]
    assert focused(page) == (-1, 4)
    page.get_by_role("button", name="Column price: sort, filter, figures").click()
    panel = page.get_by_role("dialog", name="Column price")
    panel.get_by_label("Condition").select_option("nan")
    panel.get_by_role("button", name="Filter", exact=True).click()
    until(page, lambda: len(kernel.of("view")[-1]["filters"]) == 2, "the second filter is asked for")
    assert kernel.of("view")[-1]["filters"][1] == {"column": 1, "op": "nan"}
    page.get_by_role("searchbox", name="Search the rows").fill("two")
    until(page, lambda: kernel.of("view")[-1]["search"] == "two", "the search is asked for")
    page.screenshot(path=artifacts / "preview-chips.png")
    assert page.locator(".chip-item").all_inner_texts() == [
        "city contains Lis\n×", "price is NaN\n×", "contains “two”\n×"
    ]  # fmt: skip
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("50,000 rows × 16 columns").wait_for()
    assert page.locator(".chips").count() == 0
    for request in kernel.of("view"):
        assert set(request) == {"type", "id", "sort", "filters", "search", "columns"}


def test_a_view_that_the_kernel_refuses_leaves_the_one_before(show: Show) -> None:
    kernel = FakeKernel(without_images(1_000), 1_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    kernel.refuse["view"] = "price is a Float64: 'abc' is no number."
    page.get_by_role("button", name="Column price: sort, filter, figures").click()
    page.get_by_label("Value").fill("abc")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("'abc' is no number").wait_for()
    assert page.locator(".chips").count() == 0
    assert text(cell(page, 0, 0)) == str(2**53 + 1)
    page.get_by_role("button", name="Dismiss").click()
    assert page.get_by_role("alert").count() == 0


def test_a_long_view_can_be_stopped(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(5), 1_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    kernel.mute.add("view")
    header(page, "column 1").click()
    request = until(page, lambda: kernel.of("view"), "the view is asked for")[0]
    page.evaluate("(id) => window.tell({type: 'view', id, view: 1, state: 'running'})", request["id"])
    page.get_by_text("Making the view").wait_for()
    page.screenshot(path=artifacts / "preview-making.png")
    assert text(cell(page, 0, 1)) == "1", "the rows before stay to be read"
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: kernel.of("cancel"), "the view is cancelled")
    assert kernel.of("cancel") == [{"type": "cancel", "id": request["id"]}]
    page.evaluate("(id) => window.tell({type: 'view', id, view: 1, state: 'cancelled'})", request["id"])
    page.get_by_text("Making the view").wait_for(state="detached")
    assert header(page, "column 1").get_attribute("aria-sort") == "none"


def test_the_keyboard_reaches_every_cell(show: Show) -> None:
    page = show(FakeKernel(numbers(60), TEN_MILLION))
    cell(page, 0, 0).wait_for()
    tab_stops = "() => window.shadow().querySelectorAll('[role=grid] [tabindex=\"0\"], [role=grid][tabindex=\"0\"]').length"
    assert page.evaluate(tab_stops) == 1
    cell(page, 2, 2).click()
    for key, at in (
        ("ArrowDown", (3, 2)), ("ArrowRight", (3, 3)), ("ArrowUp", (2, 3)), ("ArrowLeft", (2, 2)), ("End", (2, 59)),
        ("Home", (2, 0)), ("Control+End", (TEN_MILLION - 1, 59)), ("ArrowDown", (TEN_MILLION - 1, 59)),
        ("ArrowRight", (TEN_MILLION - 1, 59)), ("Control+Home", (0, 0)), ("PageDown", (14, 0)), ("PageDown", (28, 0)),
        ("PageUp", (14, 0)), ("Control+ArrowRight", (14, 59)), ("Control+ArrowDown", (TEN_MILLION - 1, 59)),
        ("Control+Home", (0, 0)), ("ArrowUp", (-1, 0)), ("ArrowRight", (-1, 1)), ("ArrowDown", (0, 1)),
    ):  # fmt: skip
        page.keyboard.press(key)
        page.wait_for_function(
            "([row, column]) => { const cell = window.shadow().activeElement?.closest('[aria-colindex]');"
            " return cell && cell.closest('[aria-rowindex]').ariaRowIndex - 2 === row"
            " && cell.ariaColIndex - 2 === column; }", arg=at, timeout=3_000)  # fmt: skip
        box, found = page.locator(".pane").bounding_box(), cell(page, *at).bounding_box() if at[0] >= 0 else None
        if found:
            assert box["y"] + 80 <= found["y"]
            assert found["y"] + found["height"] <= box["y"] + box["height"] + 1
    assert page.evaluate(tab_stops) == 1
    # While the active cell is out of sight the grid keeps the focus, and the next key goes on from that cell.
    page.mouse.move(400, 300)
    page.mouse.wheel(0, 5_000)
    cell(page, 196, 0).wait_for()
    assert page.evaluate("() => window.shadow().activeElement.role") == "grid"
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => window.shadow().activeElement.role === 'gridcell'")
    assert focused(page) == (1, 1)


def test_keys_of_the_header(show: Show) -> None:
    kernel = FakeKernel(numbers(12), 1_000)
    page = show(kernel)
    cell(page, 0, 0).click()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => window.shadow().activeElement.role === 'columnheader'")
    page.keyboard.press("Space")
    page.locator("[aria-sort=ascending]").wait_for()
    assert focused(page) == (-1, 0)
    before = header(page, "column 0").bounding_box()["width"]
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function(
        "(was) => window.shadow().querySelector('.head [data-column=\"0\"]').offsetWidth === Math.round(was) + 16",
        arg=before,
    )
    page.keyboard.press("Alt+ArrowRight")
    page.wait_for_function("() => window.shadow().querySelector('.head .cells .cell .name').textContent === 'column 1'")
    assert focused(page) == (-1, 1)
    until(page, lambda: kernel.of("view")[-1]["columns"][:3] == [1, 0, 2], "the kernel is told of the order")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Column column 0").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.wait_for_function("() => window.shadow().activeElement.role === 'columnheader'")
    assert focused(page) == (-1, 1)


def test_columns_are_pinned_moved_hidden_and_resized(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(30), 1_000)
    page = show(kernel, 900)
    cell(page, 0, 0).wait_for()
    page.get_by_role("button", name="Column column 3: sort, filter, figures").click()
    page.get_by_role("button", name="Pin left").click()
    page.keyboard.press("Escape")
    page.evaluate("() => { window.shadow().querySelector('.scroller').scrollLeft = 1_200; }")
    page.wait_for_function("() => window.shadow().querySelector('.pane').classList.contains('shifted')")
    page.screenshot(path=artifacts / "preview-pinned.png")
    pinned = cell(page, 4, 0)
    assert text(pinned) == "40003"
    assert pinned.bounding_box()["x"] < 80
    page.evaluate("() => { window.shadow().querySelector('.scroller').scrollLeft = 0; }")
    # By hand: the edge is dragged, and then the header itself.
    page.wait_for_function("() => !window.shadow().querySelector('.pane').classList.contains('shifted')")
    box = header(page, "column 0").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 57, box["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_function("(to) => Math.abs(window.shadow().querySelector('.head [data-column=\"0\"]').offsetWidth - to) < 2",
                           arg=box["width"] + 60)  # fmt: skip
    until(page, lambda: kernel.of("view"), "the kernel is told of the pinned column")
    assert [request["sort"] for request in kernel.of("view")] == [[]], "to resize is not to sort"
    box = header(page, "column 1").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 30 + box["width"], box["y"] + 12, steps=5)
    page.mouse.up()
    until(page, lambda: kernel.of("view")[-1]["columns"][:4] == [3, 0, 2, 1], "the kernel is told of the order")
    assert kernel.of("view")[-1]["sort"] == [], "to move is not to sort"
    page.get_by_role("button", name="Column column 2: sort, filter, figures").click()
    page.get_by_role("button", name="Hide").click()
    page.get_by_text("1 column hidden").wait_for()
    until(page, lambda: kernel.of("view")[-1]["columns"][:3] == [3, 0, 1], "the kernel is told of what is hidden")
    assert text(cell(page, 4, 2)) == "40001"
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Show column 2", exact=True).check()
    page.get_by_text("1 column hidden").wait_for(state="detached")
    until(page, lambda: kernel.of("view")[-1]["columns"][:4] == [3, 0, 1, 2], "it is where it was in the table")


def test_values_in_full(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(every_kind(100), 100)
    page = show(kernel, 3_400)
    pane = page.locator(".detail-pane")
    cell(page, 1, 10).click()
    pane.get_by_text("2 fields").wait_for()
    assert text(pane.locator(".tree")) == "2 fields tags 3 items 0 a 1 null 2 empty at 1 entry lat 52.37"
    page.screenshot(path=artifacts / "preview-tree.png")
    page.keyboard.press("ArrowRight")  # the pane follows
    pane.get_by_text("|.PNG|").wait_for()
    assert "PNG image, 4.20 kB" in text(pane)
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
    assert [set(request) for request in kernel.of("cell")][0] == {"type", "id", "view", "row", "column"}


def test_addresses_that_are_not_of_the_web_are_not_opened(show: Show) -> None:
    bad = ("javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "vbscript:x", "//x", "JaVaScript:1")

    def value(row: int) -> str:
        return bad[row % len(bad)]

    def link(row: int) -> Any:
        return {"kind": "link", "text": value(row), "href": value(row)}

    page = show(FakeKernel([Made("url", "File", "file", value, cell=link)], 10))
    for row in range(len(bad)):
        cell(page, row, 0).click()
        page.locator(".detail-pane pre").get_by_text(bad[row]).wait_for()
        assert page.get_by_role("link").count() == 0
        page.get_by_text("Only http and https addresses are opened.").wait_for()


def test_cells_and_ranges_are_copied(show: Show) -> None:
    kernel = FakeKernel(numbers(8), 100_000)
    page = show(kernel)
    cell(page, 1, 1).click()
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page) == "10001", "one value")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("[role=gridcell][aria-selected=true]").count() == 4
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page) == "10001\t10002\n20001\t20002", "a range by the keyboard")
    cell(page, 4, 3).click(modifiers=["Shift"])
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page).count("\n") == 3 and clipboard(page).endswith("40003"), "a range by the mouse")
    cell(page, 2, 0).hover()
    page.mouse.down()
    cell(page, 3, 1).hover()
    page.mouse.up()
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page) == "20000\t20001\n30000\t30001", "a range that is dragged over")
    # More than one answer has: in parts, one after another.
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+Shift+ArrowDown")
    page.wait_for_function("() => window.shadow().activeElement.closest('.row').ariaRowIndex === '100001'")
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page).count("\n") == 99_999, "100,000 rows")
    assert clipboard(page).endswith("\n999980000\n999990000")
    assert len(kernel.of("copy")) == 4 + 10
    assert kernel.of("copy")[-1] | {"id": 0} == {
        "type": "copy", "id": 0, "view": 0, "start": 90_000, "count": 10_000, "columns": [0]
    }  # fmt: skip
    page.get_by_role("status").get_by_text("Copied 100000 rows × 1 column.").wait_for(state="attached")


def test_the_view_as_code_and_as_a_file(show: Show, tmp_path: Path, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(4), 1_000)
    page = show(kernel)
    page.get_by_role("button", name="Copy as code").click()
    page.get_by_text('df.where(col("a") > 1)').wait_for()
    page.screenshot(path=artifacts / "preview-code.png")
    page.get_by_role("button", name="Copy", exact=True).first.click()
    until(page, lambda: clipboard(page) == 'df.where(col("a") > 1)\n  .sort("a")', "the code is copied")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as coming:
        page.get_by_role("button", name="CSV").click()
    coming.value.save_as(tmp_path / "file")
    assert coming.value.suggested_filename == "df.csv"
    assert (tmp_path / "file").read_text() == "part 1\npart 2\npart 3\n"
    assert kernel.of("download")[0] | {"id": 0} == {"type": "download", "id": 0, "format": "csv"}
    page.went.clear()  # a download is told of as a navigation


def test_figures_say_how_they_are_known(show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(without_images(90_000), 90_000))
    page.get_by_role("button", name="Column price: sort, filter, figures").click()
    panel = page.get_by_role("dialog", name="Column price")
    panel.locator(".figures").wait_for()
    page.screenshot(path=artifacts / "preview-figures.png")
    rows = panel.locator(".figures tr").evaluate_all("rows => rows.map((row) => [...row.cells].map((c) => c.innerText))")
    assert rows[:4] == [
        ["rows", "90,000", "exact"],
        ["nulls", "10,000 (11 %)", "exact"],
        ["distinct", "30,000", "approximate"],
        ["least", "0", "exact"],
    ]
    assert ["median", "45,000", "approximate"] in rows
    assert "20 bars, from a sample" in text(panel)
    assert text(header(page, "price").locator(".caption")) == "0 – 89,999 · 11 % null"
    assert text(header(page, "city").locator(".caption")) == "≈ 5 distinct · 13 % null"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("what", ["column", "columns", "detail", "code", "lazy"])
def test_everyone_can_read_what_lies_over_it(what: str, width: int, theme: str, show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(every_kind(5_000), 5_000)
    if what == "lazy":
        kernel.table |= {"state": "lazy", "rows": None, "plan": "* Project\n|\n* Source: parquet, 8 files\n" * 9}
    page = show(kernel, width, theme)
    if what == "column":
        page.get_by_role("button", name="Column price: sort, filter, figures").click()
        page.locator(".figures").wait_for()
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
    chosen, other = (
        found.evaluate("cell => getComputedStyle(cell).backgroundColor") for found in (cell(page, 1, 1), cell(page, 4, 1))
    )
    assert chosen != other


def test_a_dataframe_that_has_not_run(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(6), 1_000, state="lazy", rows=None, plan="* Limit: 5\n|\n* Source")
    page = show(kernel)
    page.get_by_text("It has not run; nothing runs to show it.").wait_for()
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


@pytest.mark.parametrize(("state", "words", "button"), [
    ("failed", "It failed.", "Run again"),
    ("lost", "A part of its data is gone from the cluster.", "Recompute"),
])  # fmt: skip
def test_what_failed_or_is_gone(state: str, words: str, button: str, show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(6), 1_000, state=state, rows=None, note="FileNotFoundError: /data/x.parquet")
    page = show(kernel)
    page.get_by_text(words).wait_for()
    page.get_by_text("FileNotFoundError").wait_for()
    page.screenshot(path=artifacts / f"preview-{state}.png")
    kernel.refuse["run"] = "The file is still not there."
    page.get_by_role("button", name=button).click()
    page.get_by_role("alert").get_by_text("still not there").wait_for()
    assert len(kernel.of("run")) == 1


def test_a_kernel_that_does_not_answer(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(4), 100_000)
    page = show(kernel)
    cell(page, 0, 0).click()
    kernel.mute.add("page")
    page.keyboard.press("Control+End")
    page.get_by_text("The kernel has not answered for a few seconds").wait_for(timeout=8_000)
    page.screenshot(path=artifacts / "preview-silent.png")
    kernel.mute.clear()
    for request in kernel.of("page"):
        message, buffer = kernel.answers(request)[0]
        page.evaluate("([m, b]) => window.tell(m, b)", [message, base64.b64encode(buffer or b"").decode()])
    page.get_by_text("The kernel has not answered").wait_for(state="detached")
    cell(page, 99_999, 3).get_by_text("999990003").wait_for()


def test_rows_that_the_kernel_cannot_give(show: Show) -> None:
    kernel = FakeKernel(numbers(4), 100_000)
    page = show(kernel)
    cell(page, 0, 0).click()
    kernel.refuse["page"] = "A part of the data is gone: its worker has left."
    page.keyboard.press("Control+End")
    page.get_by_role("alert").get_by_text("its worker has left").wait_for()
    asked = len(kernel.of("page"))
    page.keyboard.press("Control+Home")
    cell(page, 0, 0).wait_for()
    assert len(kernel.of("page")) == asked, "it is not asked for over and over"
    kernel.refuse.clear()
    page.keyboard.press("Control+End")
    page.get_by_role("button", name="Try again").click()
    cell(page, 99_999, 0).get_by_text("999990000").wait_for()


@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (0, 5), (4, 0), (1, 1)])
def test_next_to_nothing(columns: int, rows: int, show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(numbers(columns), rows))
    words = "It has no columns." if columns == 0 else "It has no rows." if rows == 0 else "1 row × 1 column"
    page.get_by_text(words).wait_for()
    everyone_can_read(page, artifacts / f"preview-{columns}-columns-{rows}-rows.png") if columns else None
    if columns:
        header(page, "column 0").click()
        for key in ("ArrowDown", "ArrowUp", "Control+End", "PageDown", "Enter", "Escape", "Control+a"):
            page.keyboard.press(key)


HOSTILE = (
    "<script>window.hurt = 1</script>", "<img src=x onerror='window.hurt=1'>", "<svg onload=window.hurt=1>",
    "\"><iframe src='https://evil.invalid/'></iframe>", "javascript:window.hurt=1", "</style><script>hurt=1</script>",
    "<a href='javascript:window.hurt=1'>x</a>", "{{constructor.constructor('window.hurt=1')()}}", "${window.hurt=1}",
    "<link rel=stylesheet href=https://evil.invalid/x.css>", "<base href='https://evil.invalid/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.invalid/'>", "\u202egnp.exe\u202c", "\0\x1b[31m\x07",
    "<form action=https://evil.invalid/><button>", "' onmouseover='window.hurt=1", "url(https://evil.invalid/x.png)",
    "<template shadowrootmode=open><script>hurt=1</script></template>", "Z̴̛͎͇̩a̷l̶g̵o̸" * 20, "\ud7ff\uffff", "𝒳" * 300,
    "__proto__", "constructor", "toString", "<math><mtext></mtext><mglyph><svg><mtext><style><img src=x onerror=hurt=1>",
)  # fmt: skip


def test_hostile_strings_are_only_text(show: Show, artifacts: Path) -> None:
    def value(row: int) -> str:
        return HOSTILE[row % len(HOSTILE)]

    def tree(row: int) -> Any:
        node = {"t": "text", "v": value(row)}
        return {"kind": "tree", "tree": {"t": "struct", "n": 1, "items": [[value(row), node]]}}

    kinds = ("string", "list", "struct", "map", "file", "python", "decimal", "other", "timestamp")
    columns = [
        Made(value(i), value(i + 1), kind, lambda row, i=i: value(row + i), summary={
            "rows": exact(1000), "min": exact(value(i)), "max": exact(value(i + 2)), "distinct": exact(value(i)),
            "top": {"values": [{"value": value(k), "count": 9} for k in range(len(HOSTILE))], "how": "exact"},
            "note": value(i),
        }, cell=tree) for i, kind in enumerate(kinds * 3)
    ]  # fmt: skip
    kernel = FakeKernel(columns, 1_000, name=HOSTILE[0], note=HOSTILE[1])
    page = show(kernel, 2_400)
    cell(page, 0, 0).wait_for()
    page.locator(".head .track").first.wait_for(state="attached")
    page.screenshot(path=artifacts / "preview-hostile.png")
    for row in range(12):
        cell(page, row, 1).click()
        page.locator(".detail-pane .tree").wait_for()
    page.keyboard.press("Escape")
    page.locator(".head .more").first.click()
    page.locator(".frequent").wait_for()
    page.get_by_label("Value").fill(HOSTILE[1])
    page.keyboard.press("Enter")
    page.locator(".chips").wait_for()
    kernel.refuse["code"] = HOSTILE[2]
    page.get_by_role("button", name="Copy as code").click()
    page.locator(".popup .problem").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Columns").click()
    page.locator(".columns").wait_for()
    page.screenshot(path=artifacts / "preview-hostile-end.png")
    assert page.evaluate("() => window.hurt ?? null") is None
    allowed = page.evaluate("""() => [...window.shadow().querySelectorAll(
        'script, iframe, object, embed, link, meta, base, template, math, a')].length""")
    assert allowed == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "wider than the page"


def test_messages_that_no_kernel_sends_change_nothing(show: Show) -> None:
    kernel = FakeKernel(numbers(4), 1_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    before = text(page.locator(".rows"))
    page.evaluate("""() => {
        const odd = [null, 1, 'x', [], {}, {type: 'page'}, {type: 'page', id: 1}, {type: 'view', id: 1, view: -1},
            {type: 'error', id: 'x', message: 1}, {type: 'cell', id: 1, kind: 'tree', tree: {t: 'list', n: 1}},
            {type: 'summary', id: 2, view: 0, columns: {__proto__: {}}}, {type: 'download', id: 3, part: NaN}];
        for (const message of odd) window.tell(message);
        for (let id = 0; id < 3000; id++) window.tell({type: 'view', id, view: 9, state: 'ready', rows: 5});
    }""")
    assert text(page.locator(".rows")) == before


def test_a_view_drawn_anew_is_where_it_was(show: Show) -> None:
    kernel = FakeKernel(numbers(30), TEN_MILLION)
    page = show(kernel)
    cell(page, 0, 0).click()
    header(page, "column 1").click()
    page.locator("[aria-sort=ascending]").wait_for()
    page.evaluate("() => { const box = window.shadow().querySelector('.scroller'); box.scrollTop = box.scrollHeight / 2; }")
    page.wait_for_function("() => window.shadow().querySelector('.rows .coming') === null")
    where = page.locator(".rows .row:not([hidden]) .number").all_inner_texts()
    asked = len(kernel.asked)
    page.evaluate("() => window.redraw()")
    page.locator("[aria-sort=ascending]").wait_for()
    assert page.locator(".rows .row:not([hidden]) .number").all_inner_texts() == where
    assert page.locator(".rows .coming").count() == 0
    assert len(kernel.of("view")) == 1
    assert [request["type"] for request in kernel.asked[asked:] if request["type"] == "page"] == []


def test_nothing_is_left_behind(show: Show) -> None:
    page = show(FakeKernel(every_kind(100_000), 100_000))
    cell(page, 0, 0).wait_for()
    left = page.evaluate("""async () => {
        let made = 0;
        const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
        URL.createObjectURL = (of) => { made++; return create.call(URL, of); };
        URL.revokeObjectURL = (address) => { made--; revoke.call(URL, address); };
        window.redraw();
        await new Promise((done) => setTimeout(done, 300));
        const while_ = made;
        window.undraw();
        return [while_ > 0 || while_ === 0, made <= 0, document.querySelectorAll('#view > *').length];
    }""")
    assert left == [True, True, 0]
