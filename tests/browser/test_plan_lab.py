"""The plan in a real JupyterLab: of a dataframe that has not run, then of its query; the keyboard is the plan's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]
CELLS = (
    """
    %load_ext daftnb
    import daft
    from daft import col
    daft.set_runner_native()
    left = daft.from_pydict({"k": list(range(20_000)), "v": [i % 7 for i in range(20_000)]})
    right = daft.from_pydict({"k": list(range(0, 20_000, 3))})
    df = left.where(col("v") > 2).join(right, on="k").groupby("v").agg(col("k").sum())
    """,
    "%daft plan df",
    "%daft plan",
    "df.collect(); alive = True",
)


def test_a_plan_before_and_while_it_runs(lab: Lab, page: Any, artifacts: Path) -> None:
    notebook(lab, "plan.ipynb", CELLS)
    open_notebook(page, lab, "plan.ipynb")
    try:
        run_all(page)
        all_ran(page, 90)
        before, after = (page.locator(".root[data-view=plan]").nth(i) for i in (0, 1))
        before.get_by_text("Plan of df").wait_for()
        expect(before.get_by_role("tab", selected=True)).to_have_text("Optimised", use_inner_text=True)
        expect(before.locator(".op", has_text="Filter").first).to_be_visible()
        before.locator(".op", has_text="v > 2").first.wait_for()
        after.locator(".op", has_text="Hash Join").wait_for()
        filter_ = after.locator(".op", has_text="v > 2").first
        filter_.wait_for()  # the native runner does not say this; the optimised plan does
        after.get_by_role("tab", name="logical").wait_for()

        # 0 0 restarts a kernel in JupyterLab's command mode, arrows select cells, Enter edits one.
        active = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
        filter_.scroll_into_view_if_needed()
        filter_.click()
        page.screenshot(path=artifacts / "plan-lab.png")
        cell = page.evaluate(active)
        for key in ("0", "0", "ArrowDown", "ArrowDown", "ArrowUp", "+", "Enter"):
            page.keyboard.press(key)
        assert page.evaluate(active) == cell
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        mode = "() => window.jupyterapp.shell.currentWidget.content.mode"
        assert page.evaluate(mode) == "command"
        page.screenshot(path=artifacts / "plan-lab-keys.png")
        assert page.problems == []
    finally:
        shut_down_kernels(lab)
