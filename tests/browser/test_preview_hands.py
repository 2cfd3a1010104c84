"""The preview in a person's hands: keys, sorting, filtering, columns moved about, copies, code and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.fakekernel import FakeKernel, numbers, without_images
from tests.browser.previewpage import Show, cell, clipboard, focused, header, until

TEN_MILLION = 10_000_000

pytestmark = [pytest.mark.browser]


def test_sorting_filtering_and_searching_ask_the_kernel(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(without_images(50_000), 50_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    everything = list(range(16))
    header(page, "id").click()
    until(page, lambda: kernel.view == 1, "the view is made")
    expect(header(page, "id")).to_have_attribute("aria-sort", "ascending")
    header(page, "id").click()
    cell(page, 0, 0).get_by_text(str(2**53 + 1 + 49_999)).wait_for()
    expect(header(page, "id")).to_have_attribute("aria-sort", "descending")
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

    page.get_by_role("button", name="Column city: sort, filter, statistics").click()
    panel = page.get_by_role("dialog", name="Column city")
    panel.get_by_label("Value").fill("Lis")
    page.screenshot(path=artifacts / "preview-filter.png")
    page.keyboard.press("Enter")
    page.get_by_text("5,000 of 50,000 rows").wait_for()
    assert kernel.of("view")[-1]["filters"] == [{"column": 4, "op": "contains", "value": "Lis"}]
    assert focused(page) == (-1, 4)
    page.get_by_role("button", name="Column price: sort, filter, statistics").click()
    panel = page.get_by_role("dialog", name="Column price")
    panel.get_by_label("Condition").select_option("nan")
    panel.get_by_role("button", name="Filter", exact=True).click()
    until(page, lambda: len(kernel.of("view")[-1]["filters"]) == 2, "the second filter is asked for")
    assert kernel.of("view")[-1]["filters"][1] == {"column": 1, "op": "nan"}
    page.get_by_role("searchbox", name="Search the rows").fill("two")
    until(page, lambda: kernel.of("view")[-1]["search"] == "two", "the search is asked for")
    page.screenshot(path=artifacts / "preview-chips.png")
    expect(page.locator(".chip-item")).to_have_text([
        "city contains Lis\n×", "price is NaN\n×", "contains “two”\n×"
    ], use_inner_text=True)  # fmt: skip
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("50,000 rows × 16 columns").wait_for()
    expect(page.locator(".chips")).to_have_count(0)
    for request in kernel.of("view"):
        assert set(request) == {"type", "id", "sort", "filters", "search", "columns"}


def test_a_view_that_the_kernel_refuses_leaves_the_one_before(show: Show) -> None:
    kernel = FakeKernel(without_images(1_000), 1_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    kernel.refuse["view"] = "price is a Float64: 'abc' is no number."
    page.get_by_role("button", name="Column price: sort, filter, statistics").click()
    page.get_by_label("Value").fill("abc")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("'abc' is no number").wait_for()
    expect(page.locator(".chips")).to_have_count(0)
    expect(cell(page, 0, 0)).to_have_text(str(2**53 + 1), use_inner_text=True)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("alert")).to_have_count(0)


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
    expect(cell(page, 0, 1), "the rows before stay to be read").to_have_text("1", use_inner_text=True)
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: kernel.of("cancel"), "the view is cancelled")
    assert kernel.of("cancel") == [{"type": "cancel", "id": request["id"]}]
    page.evaluate("(id) => window.tell({type: 'view', id, view: 1, state: 'cancelled'})", request["id"])
    page.get_by_text("Making the view").wait_for(state="detached")
    expect(header(page, "column 1")).to_have_attribute("aria-sort", "none")


def test_the_keyboard_reaches_every_cell(show: Show) -> None:
    page = show(FakeKernel(numbers(60), TEN_MILLION))
    cell(page, 0, 0).wait_for()
    tab_stops = '() => shadow().querySelectorAll(\'[role=grid][tabindex="0"], [role=grid] [tabindex="0"]\').length'
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
            " && cell.ariaColIndex - 2 === column; }", arg=at)  # fmt: skip
        box, found = page.locator(".pane").bounding_box(), cell(page, *at).bounding_box() if at[0] >= 0 else None
        if found:
            assert box["y"] + 80 <= found["y"]
            assert found["y"] + found["height"] <= box["y"] + box["height"] + 1
    assert page.evaluate(tab_stops) == 1
    # While the active cell is out of sight the grid keeps the focus, and the next key goes on from that cell.
    page.mouse.move(400, 300)
    page.mouse.wheel(0, 5_000)
    cell(page, 196, 0).wait_for()
    assert page.evaluate("() => window.shadow().activeElement?.role") == "grid"
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => window.shadow().activeElement?.role === 'gridcell'")
    assert focused(page) == (1, 1)


def test_keys_of_the_header(show: Show) -> None:
    kernel = FakeKernel(numbers(12), 1_000)
    page = show(kernel)
    cell(page, 0, 0).click()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => window.shadow().activeElement?.role === 'columnheader'")
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
    page.wait_for_function("() => window.shadow().activeElement?.role === 'columnheader'")
    assert focused(page) == (-1, 1)


def test_columns_are_pinned_moved_hidden_and_resized(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(30), 1_000)
    page = show(kernel, 900)
    cell(page, 0, 0).wait_for()
    page.get_by_role("button", name="Column column 3: sort, filter, statistics").click()
    page.get_by_role("button", name="Pin left").click()
    page.keyboard.press("Escape")
    page.evaluate("() => { window.shadow().querySelector('.scroller').scrollLeft = 1_200; }")
    page.wait_for_function("() => window.shadow().querySelector('.pane').classList.contains('shifted')")
    page.screenshot(path=artifacts / "preview-pinned.png")
    pinned = cell(page, 4, 0)
    expect(pinned).to_have_text("40003", use_inner_text=True)
    assert pinned.bounding_box()["x"] < 80
    page.evaluate("() => { window.shadow().querySelector('.scroller').scrollLeft = 0; }")
    # By hand: the edge is dragged, and then the header itself.
    page.wait_for_function("() => !window.shadow().querySelector('.pane').classList.contains('shifted')")
    box = header(page, "column 0").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 57, box["y"] + 20, steps=4)
    page.mouse.up()
    wide = "(to) => Math.abs(shadow().querySelector('.head [data-column=\"0\"]').offsetWidth - to) < 2"
    page.wait_for_function(wide, arg=box["width"] + 60)
    until(page, lambda: kernel.of("view"), "the kernel is told of the pinned column")
    assert [request["sort"] for request in kernel.of("view")] == [[]], "to resize is not to sort"
    box = header(page, "column 1").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 30 + box["width"], box["y"] + 12, steps=5)
    page.mouse.up()
    until(page, lambda: kernel.of("view")[-1]["columns"][:4] == [3, 0, 2, 1], "the kernel is told of the order")
    assert kernel.of("view")[-1]["sort"] == [], "to move is not to sort"
    page.get_by_role("button", name="Column column 2: sort, filter, statistics").click()
    page.get_by_role("button", name="Hide").click()
    page.get_by_text("1 column hidden").wait_for()
    until(page, lambda: kernel.of("view")[-1]["columns"][:3] == [3, 0, 1], "the kernel is told of what is hidden")
    expect(cell(page, 4, 2)).to_have_text("40001", use_inner_text=True)
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Show column 2", exact=True).check()
    page.get_by_text("1 column hidden").wait_for(state="detached")
    until(page, lambda: kernel.of("view")[-1]["columns"][:4] == [3, 0, 1, 2], "it is where it was in the table")


def test_cells_and_ranges_are_copied(show: Show) -> None:
    kernel = FakeKernel(numbers(8), 100_000)
    page = show(kernel)
    cell(page, 1, 1).click()
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page) == "10001", "one value")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[role=gridcell][aria-selected=true]")).to_have_count(4)
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
    assert (tmp_path / "file").read_text() == "part 0\npart 1\npart 2\n"
    assert kernel.of("download")[0] | {"id": 0} == {"type": "download", "id": 0, "format": "csv"}
    page.went.clear()  # a download is told of as a navigation


def test_whoever_brings_a_cell_into_view_moves_header_and_rows_alike(show: Show) -> None:
    page = show(FakeKernel(numbers(30), 1_000), 700)
    cell(page, 0, 0).wait_for()
    page.evaluate("""() => { const cells = window.shadow().querySelectorAll('.rows .row:first-child .cell');
        cells[cells.length - 1].scrollIntoView({block: 'nearest', inline: 'end'}); }""")
    page.wait_for_function("() => window.shadow().querySelectorAll('.rows .coming').length === 0")
    left = (
        page.locator(".rows .row:not([hidden])")
        .first.locator(".cell")
        .evaluate_all(
            "cells => Object.fromEntries(cells.map((cell) => [cell.ariaColIndex, cell.getBoundingClientRect().left]))"
        )
    )
    heads = page.locator(".head .cell").evaluate_all(
        "cells => Object.fromEntries(cells.map((cell) => [cell.ariaColIndex, cell.getBoundingClientRect().left]))"
    )
    assert {column: heads[column] for column in left} == left
