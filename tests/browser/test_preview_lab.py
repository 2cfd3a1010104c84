"""The preview in a real JupyterLab, on Daft's native runner: all rows of a dataframe that has run, sorted and filtered
by the kernel; values of each kind; a lazy one that runs when it is asked to; its keys are not the notebook's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.celllines import ITS_OWN
from tests.browser.previewpage import SHADOW, cell, header
from tests.browser.reading import text
from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]
ROWS = 1_000_000
BIG = f"""
    %load_ext daftnb
    import daft, pyarrow as pa, pyarrow.compute as pc
    from daft import col
    daft.set_runner_native()
    numbers = pa.array(range({ROWS}), pa.int64())
    big = daft.from_arrow(pa.table({{
        "id": numbers, "third": pc.divide(pc.cast(numbers, pa.float64()), 3.0),
        "name": pc.binary_join_element_wise("name", pc.cast(numbers, pa.utf8()), " "),
        "large": pc.add(numbers, 2**53 + 1),
    }})).collect()
    big
"""
LAZY = """
    lazy = daft.range(5_000).with_column("square", col("id") * col("id"))
    lazy
"""
KINDS = """
    %load_ext daftnb
    import datetime, decimal, daft, numpy as np
    from daft import col, DataType
    daft.set_runner_native()
    class Thing:
        def __repr__(self): return "<a thing>"
    kinds = daft.from_pydict({
        "float": [float("nan"), float("inf"), None], "text": ["", "x" * 5000, "two\\nlines"],
        "decimal": [decimal.Decimal("12345678901234567890.07"), None, decimal.Decimal("0.00")],
        "day": [datetime.date(2026, 3, 29)] * 3, "lasts": [datetime.timedelta(seconds=1.5)] * 3,
        "list": [[1, None], [], None], "struct": [{"a": {"b": [1, 2]}, "c": "x"}] * 3,
        "bytes": [b"\\x89PNG\\r\\n\\x1a\\n" + b"0" * 90, b"", None],
        "vector": [np.sin(np.arange(64) / 5).astype("float32") for _ in range(3)],
        "picture": [np.full((48, 64, 3), 40 + 80 * i, dtype=np.uint8) for i in range(3)],
        "thing": [Thing(), None, Thing()], "url": ["https://example.org/a.png", "javascript:alert(1)", "x"],
    }).with_column("vector", col("vector").cast(DataType.embedding(DataType.float32(), 64)))
    kinds = kinds.with_column("picture", col("picture").cast(DataType.image("RGB"))).collect()
    kinds
"""
FOREIGN = """
    %load_ext daftnb
    import datetime, decimal, daft, numpy as np, pandas as pd, pyarrow as pa
    daft.set_runner_native()
    word = pa.array(["b", "a", None]).dictionary_encode()
    arrow = pa.table({
        "category": word, "of numbers": pa.array([7, 5, None]).dictionary_encode(),
        "view": pa.array(["x", "y", None], pa.string_view()),
        "ends": pa.RunEndEncodedArray.from_arrays([2, 3], pa.array(["r", "s"])),
        "wide": pa.array([decimal.Decimal("2.50"), decimal.Decimal("1.50"), None], pa.decimal256(60, 2)),
        "time": pa.array([7200, 3600, None], pa.time32("s")), "half": pa.array(np.array([2.5, 1.5, 0], np.float16)),
        "lasts": pa.array([7200, 3600, None], pa.duration("s")),
        "words": pa.ListArray.from_arrays(pa.array([0, 1, 3, 3]), pa.array(["a", "b", "c"]).dictionary_encode()),
        "pair": pa.StructArray.from_arrays([word], ["c"]),
        "third": pa.array([1 / 3, 2 / 3, 250000.25]),
        "yes": pa.array([True, False, None]),
    })
    %daft preview arrow
"""


def opened(lab: Lab, page: Any, name: str, cells: tuple[str, ...], path: str = "lab/tree") -> Any:
    """Runs a notebook of these cells; gives the first preview."""
    notebook(lab, name, cells)
    page.set_default_timeout(15_000)
    open_notebook(page, lab, name, path)
    run_all(page)
    all_ran(page, 90)
    page.evaluate(SHADOW, 0)
    preview = page.locator(".root[data-view=preview]").first
    preview.scroll_into_view_if_needed()
    return preview


@pytest.mark.parametrize("path", ["lab/tree", "notebooks"])
def test_all_rows_of_a_dataframe_that_has_run(path: str, lab: Lab, page: Any, artifacts: Path) -> None:
    try:
        preview = opened(lab, page, "preview.ipynb", (BIG,), path)
        cell(preview, 0, 0).wait_for()
        preview.get_by_text("1,000,000 rows × 4 columns").wait_for()
        page.screenshot(path=artifacts / f"preview-{path[:3]}.png")
        assert [text(cell(preview, 3, column)) for column in range(4)] == ["3", "1.0", "name 3", "9007199254740996"]
        cell(preview, 3, 0).click()
        page.keyboard.press("Control+End")
        cell(preview, ROWS - 1, 3).get_by_text(str(ROWS - 1 + 2**53 + 1)).wait_for()
        page.screenshot(path=artifacts / f"preview-{path[:3]}-end.png")

        # Keys that are the notebook's in command mode (d d deletes the cell, b adds one, z undoes) are not meant here.
        count = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
        before = page.evaluate(count)
        for key in (
            "d",
            "d",
            "b",
            "a",
            "x",
            "z",
            "0",
            "0",
            "ArrowUp",
            "ArrowUp",
            "Control+Home",
            "m",
            "y",
            "Shift+ArrowDown",
        ):
            page.keyboard.press(key)
        assert page.evaluate(count) == before
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        assert page.evaluate("() => window.jupyterapp.shell.currentWidget.content.mode") == "command"
        expect(preview.locator("[role=gridcell][aria-selected=true]")).to_have_count(2)
        assert [problem for problem in page.problems if problem not in ITS_OWN] == []
    finally:
        shut_down_kernels(lab)


def test_sorted_and_filtered_by_the_kernel(lab: Lab, page: Any, artifacts: Path, tmp_path: Path) -> None:
    try:
        preview = opened(lab, page, "preview-view.ipynb", (BIG,))
        cell(preview, 0, 0).wait_for()
        header(preview, "id").click()
        preview.locator("[aria-sort=ascending]").wait_for()
        header(preview, "id").click()
        cell(preview, 0, 0).get_by_text(str(ROWS - 1), exact=True).wait_for()
        preview.get_by_role("button", name="Column name: sort, filter, statistics").click()
        preview.get_by_label("Value").fill("999")
        page.keyboard.press("Enter")
        preview.get_by_text("3,700 of 1,000,000 rows").wait_for()
        cell(preview, 0, 2).get_by_text("name 999999").wait_for()
        preview.locator(".head .bar").first.wait_for(state="attached")
        page.screenshot(path=artifacts / "preview-lab-filter.png")
        assert cell(preview, 0, 2).evaluate("cell => cell.scrollWidth <= cell.clientWidth"), (
            "it is cut, with room for it"
        )
        preview.get_by_role("button", name="Copy as code").click()
        preview.locator(".source").first.wait_for()
        expect(preview.locator(".source").first).to_contain_text("999", use_inner_text=True)
        page.screenshot(path=artifacts / "preview-lab-code.png")
        page.keyboard.press("Escape")
        preview.get_by_role("button", name="Download").click()
        with page.expect_download() as coming:
            preview.get_by_role("button", name="CSV").click()
        coming.value.save_as(tmp_path / "view.csv")
        lines = (tmp_path / "view.csv").read_text().splitlines()
        assert (len(lines), lines[1].split(",")[0]) == (3_701, "999999")
        preview.get_by_role("button", name="Column large: sort, filter, statistics").click()
        preview.get_by_label("Value").fill("abc")
        page.keyboard.press("Enter")
        preview.get_by_role("alert").get_by_text("abc").wait_for()
        preview.get_by_text("3,700 of 1,000,000 rows").wait_for()
        assert page.problems == []
    finally:
        shut_down_kernels(lab)


def test_values_of_each_kind(lab: Lab, page: Any, artifacts: Path) -> None:
    page.set_viewport_size({"width": 2600, "height": 900})
    try:
        preview = opened(lab, page, "preview-kinds.ipynb", (KINDS,))
        cell(preview, 0, 0).wait_for()
        page.screenshot(path=artifacts / "preview-lab-kinds.png")
        assert [text(cell(preview, row, 0)) for row in range(3)] == ["NaN", "+∞", "null"]
        assert [text(cell(preview, row, 1)) for row in (0, 2)] == ["empty", "two⏎lines"]
        assert text(cell(preview, 1, 1)).endswith("5,000 chars")
        expect(cell(preview, 0, 2)).to_have_text("12345678901234567890.07", use_inner_text=True)
        expect(cell(preview, 0, 7)).to_contain_text("PNG image", use_inner_text=True)
        assert cell(preview, 0, 8).locator("path").get_attribute("d").count("L") > 6
        assert cell(preview, 1, 9).locator("img").evaluate("img => img.naturalWidth") == 64
        expect(cell(preview, 0, 10)).to_have_text("<a thing>", use_inner_text=True)
        pane = preview.locator(".detail-pane")
        cell(preview, 0, 6).click()
        pane.locator(".tree").get_by_text("b", exact=True).wait_for()
        cell(preview, 1, 9).click()
        pane.locator("img").wait_for()
        cell(preview, 0, 11).dblclick()
        expect(pane.get_by_role("link")).to_have_attribute("href", "https://example.org/a.png")
        page.keyboard.press("ArrowDown")
        pane.get_by_text("javascript:alert(1)").wait_for()
        expect(pane.get_by_role("link")).to_have_count(0)
        page.screenshot(path=artifacts / "preview-lab-kinds-end.png")
        assert page.problems == []
    finally:
        shut_down_kernels(lab)


def test_values_that_are_cast_on_their_way_in(lab: Lab, page: Any, artifacts: Path) -> None:
    page.set_viewport_size({"width": 2400, "height": 900})
    try:
        preview = opened(lab, page, "preview-foreign.ipynb", (FOREIGN,))
        cell(preview, 0, 0).wait_for()
        page.screenshot(path=artifacts / "preview-lab-foreign.png")
        shown = [text(cell(preview, 0, column)) for column in range(12)]
        assert " | ".join(shown) == (
            'b | 7 | x | r | 2.50 | 02:00:00.000000 | 2.5 | 02:00:00 | ["a"] | {"c": "b"} | 0.333333 | ✓ true'
        )
        search = preview.get_by_label("Search the rows")
        for typed, first in (
            ('"b", "c"', "a"),
            ("0.666667", "a"),
            ("250000.3", "null"),
            ("✗ false", "a"),
            ("02:00", "b"),
        ):
            search.fill(typed)
            preview.get_by_text(f"contains “{typed}”").wait_for()
            page.wait_for_function(
                "([cell, text]) => cell.textContent === text", arg=[cell(preview, 0, 0).element_handle(), first]
            )
        page.screenshot(path=artifacts / "preview-lab-foreign-found.png")
        assert page.problems == []
    finally:
        shut_down_kernels(lab)


def test_a_lazy_dataframe_runs_when_it_is_asked_to(lab: Lab, page: Any, artifacts: Path) -> None:
    try:
        preview = opened(lab, page, "preview-lazy.ipynb", (BIG.rsplit("big", 1)[0], LAZY))
        preview.get_by_text("It has not run, and showing it runs nothing.").wait_for()
        page.screenshot(path=artifacts / "preview-lab-lazy.png")
        preview.get_by_role("button", name="Preview first 1,000 rows").click()
        preview.get_by_text("first 1,000 rows × 2 columns").wait_for()
        cell(preview, 3, 1).get_by_text("9", exact=True).wait_for()
        page.screenshot(path=artifacts / "preview-lab-first.png")
        assert page.problems == []
    finally:
        shut_down_kernels(lab)
