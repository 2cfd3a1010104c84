"""The line and the cockpit in a real Notebook 7: another shell than JupyterLab's, which takes keys in another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.celllines import ITS_OWN, cell, line, ran
from tests.helpers.notebooks import notebook, open_notebook, run_cell, shut_down_kernels
from tests.helpers.servers import Lab
from tests.helpers.slowly import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_line_opens_and_stops_and_the_cockpit_has_its_keys(lab: Lab, page: Any, artifacts: Path) -> None:
    name = "notebook7.ipynb"
    threshold_now = "import os; print(os.environ['DAFT_AUTOSCALING_THRESHOLD'])"
    notebook(lab, name, (SETUP, "run(5_000)", "%daft", threshold_now, "run(40)"))
    open_notebook(page, lab, name, "notebooks")
    ran(page, 0)
    run_cell(page, 1)
    line(page, 1).locator(".head[data-state=running]").wait_for()
    line(page, 1).locator("button.toggle").click()
    line(page, 1).get_by_role("tab", name="Overview").wait_for()
    line(page, 1).locator(".op").first.wait_for()
    line(page, 1).get_by_role("tab", name="Plan").click()
    assert cell(page, 1).locator(".jp-InputPrompt").inner_text().strip() == "[*]:", "all while it runs"
    line(page, 1).locator("button.stop").focus()
    page.keyboard.press("Enter")  # which begins to edit a cell
    line(page, 1).locator(".head[data-state=cancelled]").wait_for()
    cell(page, 1).locator(".jp-InputPrompt", has_text="[2]:").wait_for()
    page.screenshot(path=artifacts / "notebook7-stopped.png")
    # The cell's end has drawn it anew.
    line(page, 1).locator("[role=tab][aria-selected=true]", has_text="Plan").wait_for()

    ran(page, 2)
    cockpit = cell(page, 2).locator(".root[data-view=cockpit]")
    cockpit.get_by_role("tab", name="Settings").click()
    threshold = cockpit.get_by_label("Scale-up threshold")
    threshold.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.type("ddab1.75")  # "d d" deletes a cell, "a" and "b" make one
    expect(threshold).to_have_value("ddab1.75")
    expect(page.locator(".jp-Cell")).to_have_count(5)
    threshold.fill("1.75")
    threshold.press("Enter")
    ran(page, 3)
    assert cell(page, 3).locator(".jp-OutputArea-output").inner_text().strip() == "1.75"
    ran(page, 4)
    cockpit.locator(".head[data-state=finished]").wait_for()
    expect(cockpit.locator("[role=tab][aria-selected=true]")).to_have_text("Settings", use_inner_text=True)

    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    cell(page, 2).locator(".root[data-theme=dark]").wait_for()
    page.screenshot(path=artifacts / "notebook7-dark.png")
    assert [problem for problem in page.problems if problem not in ITS_OWN] == []
    shut_down_kernels(lab)
