"""The line under a cell in a real JupyterLab, on Daft's native runner: when it shows, that it opens, what is saved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.celllines import cell, line, ran, saved
from tests.helpers.notebooks import READY, all_ran, notebook, open_notebook, run_all, run_cell, shut_down_kernels
from tests.helpers.servers import Lab
from tests.helpers.slowly import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SLOW = "run(250)"
FAST = 'daft.from_pydict({"x": [1, 2]}).select(daft.col("x") + 1).collect(); print("done")'


def test_a_line_under_slow_cells_only_which_opens_and_stays(lab: Lab, page: Any, artifacts: Path) -> None:
    name = "line.ipynb"
    several = "run(40)\nrun(45)\nfor _ in range(3):\n    run(1)"
    own = "%daft plan\nrun(50)"
    off = "%daft auto off\nrun(50)"
    notebook(lab, name, (SETUP, SLOW, FAST, several, own, off))
    open_notebook(page, lab, name)
    ran(page, 0)
    run_cell(page, 1)
    head = line(page, 1).locator(".head[data-state=running]")
    head.wait_for()
    assert cell(page, 1).locator(".jp-InputPrompt").inner_text().strip() == "[*]:", "while it runs"
    expect(head).to_contain_text("operators", use_inner_text=True)
    page.screenshot(path=artifacts / "line-lab-running.png")
    line(page, 1).locator("button.toggle").click()
    line(page, 1).get_by_role("tab", name="Overview").wait_for()
    line(page, 1).locator(".op").first.wait_for()
    line(page, 1).locator(".head[data-state=finished]").wait_for()
    # The cell's end draws the view anew; it is still open.
    cell(page, 1).locator(".jp-InputPrompt", has_text="[2]:").wait_for()
    line(page, 1).get_by_role("tab", name="Overview").wait_for()
    page.screenshot(path=artifacts / "line-lab-open.png")
    line(page, 1).locator("button.toggle").click()
    expect(line(page, 1).locator(".panel")).to_have_count(1)

    ran(page, 2)
    ran(page, 3)
    ran(page, 4)
    ran(page, 5)
    expect(line(page, 2), "a fast query shows nothing").to_have_count(0)
    expect(line(page, 3), "several queries of a cell are one line").to_have_count(1)
    assert "+ 4 more" in " ".join(line(page, 3).locator(".head").inner_text().split())
    expect(cell(page, 4).locator(".root[data-view=plan]")).to_have_count(1)
    expect(line(page, 4), "the cell has a view of its own").to_have_count(0)
    expect(line(page, 5), "it was turned off").to_have_count(0)
    line(page, 3).locator("button.toggle").click()
    listed = line(page, 3).get_by_role("listitem")
    listed.first.wait_for()
    assert [" ".join(text.split())[:18] for text in listed.all_inner_texts()] == [
        "✓ finished Query 4",
        "✓ finished Query 3",
        "3 queries shorter ",
    ]
    # An old line, of a query long over, opens as it was.
    line(page, 1).locator("button.toggle").click()
    line(page, 1).locator(".op").first.wait_for()
    expect(line(page, 1).locator(".head")).to_contain_text("Query 1", use_inner_text=True)
    page.screenshot(path=artifacts / "line-lab-several.png")

    cells = saved(page, lab, name)
    outputs = cells[1]["outputs"]
    assert len(outputs) == 1, "one line, and no progress bar of Daft's"
    html = "".join(outputs[0]["data"]["text/html"])
    assert re.search(r"<summary>✓ <b>Query 1 \([^)]+\) on Daft&#x27;s native runner finished after [\d.]+ s", html), (
        html
    )
    assert "<table>" in html
    assert "<script" not in html
    assert len(json.dumps(outputs)) < 10_000
    assert cells[2]["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["done\n"]}]
    assert page.problems == []
    shut_down_kernels(lab)


@pytest.mark.slow
def test_a_hundred_runs_do_not_grow_the_notebook(lab: Lab, page: Any) -> None:
    name = "hundred.ipynb"
    count = """
import gc
import threading
from daftnb.widgets.line import Line
print(sum(isinstance(o, Line) and o.comm is not None for o in gc.get_objects()), "lines",
      len(daftnb.get_session().monitor.listeners), "listeners", threading.active_count(), "threads")
"""
    notebook(lab, name, (SETUP + "\nimport daftnb", "run(25)", count))
    open_notebook(page, lab, name)
    ran(page, 0)
    ran(page, 1)
    line(page, 1).wait_for()
    ran(page, 2)
    after_one = cell(page, 2).locator(".jp-OutputArea-output").inner_text().strip()
    once = len(json.dumps(saved(page, lab, name)[1]))
    for _ in range(99):
        ran(page, 1)
    line(page, 1).locator(".head[data-state=finished]").wait_for()
    hundredth = saved(page, lab, name)[1]
    assert len(hundredth["outputs"]) == 1
    # "Query 100" is two digits longer than "Query 1", in a few places; names and times differ by some characters.
    assert len(json.dumps(hundredth)) <= once + 60
    ran(page, 2)
    after_hundred = cell(page, 2).locator(".jp-OutputArea-output").inner_text().strip()
    print(after_one, "|", after_hundred, "|", once, len(json.dumps(hundredth)))
    assert after_one.split(" threads")[0].rsplit(" ", 1)[0] == after_hundred.split(" threads")[0].rsplit(" ", 1)[0]
    assert page.problems == []
    shut_down_kernels(lab)


def test_each_line_is_in_the_cell_of_its_query_when_all_are_run(lab: Lab, page: Any) -> None:
    name = "all.ipynb"
    # A query that a thread starts while the second cell runs, and that goes on after it, is in that cell's line.
    thread = (
        "import threading\nother = threading.Thread(target=run, args=(80,))\nother.start()\nrun(20)\ntime.sleep(0.5)"
    )
    notebook(lab, name, (SETUP, thread, "run(2)", "other.join()", "run(25)", 'print("x")', "run(30)"))
    open_notebook(page, lab, name)
    run_all(page)
    all_ran(page, 60)
    for index in (1, 4, 6):
        line(page, index).locator(".head[data-state=finished]").wait_for()
    # Beside the thread's query the short one, of the third cell, may take long enough for a line, which is its own.
    short = line(page, 2).count()
    assert [line(page, index).count() for index in range(7)] == [0, 1, short, 0, 1, 0, 1]
    heads = [" ".join(line(page, index).locator(".head").inner_text().split()) for index in (1, 2)[: 1 + short]]
    assert all(("+ 1 more" in head) == (index == 0) for index, head in enumerate(heads)), heads
    cells = saved(page, lab, name)
    texts = ["".join(cells[index]["outputs"][0]["data"]["text/plain"]) for index in (1, 4, 6)]
    assert all("finished after" in text for text in texts), texts
    assert [len(c["outputs"]) for c in cells] == [0, 1, short, 0, 1, 1, 1]
    # The page is loaded again: it asks the kernel for the bundle, and the lines are there.
    page.reload()
    page.wait_for_function(READY, timeout=90_000)
    line(page, 4).locator(".head[data-state=finished]").wait_for()
    assert page.problems == []
    shut_down_kernels(lab)


def test_the_cockpit_is_steered_in_a_notebook(lab: Lab, page: Any, artifacts: Path) -> None:
    name = "steer.ipynb"
    setup = SETUP + "\nrun(20)\nrun(30)"
    replay = """
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.model import State
from daftnb.telemetry.state import apply
from daftnb.widgets.replay import Replay

told = [e.QueryStarted(1e9, "old", "native"), e.PlanReady(1e9, "old", (e.PlanNode(1, "Scan of a recording", "", ()),)),
        e.OperatorStarted(1e9 + 1, "old", 1), e.QueryFinished(1e9 + 9, "old", "finished")]

class Recording:
    start, end, queries = 1e9, 1e9 + 10, ()

    def snapshot(self, t):
        state = State()
        for event in told:
            if event.t <= t:
                apply(event, state)
        return snapshot_of(state, t, "native", AutoscalingSettings())

Replay(Recording(), "a recording")
"""
    notebook(lab, name, (setup, "%daft", "import os; print(os.environ['DAFT_AUTOSCALING_THRESHOLD'])", replay))
    open_notebook(page, lab, name)
    ran(page, 0)
    ran(page, 1)
    cockpit = cell(page, 1).locator(".root[data-view=cockpit]")
    cockpit.wait_for()
    cockpit.get_by_role("tab", name="Settings").click()
    threshold = cockpit.get_by_label("Scale-up threshold")
    # Typed, in a notebook in command mode, whose own keys these are: "d d" deletes a cell.
    threshold.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.type("ddab0.5")
    expect(threshold).to_have_value("ddab0.5")
    expect(page.locator(".jp-Cell")).to_have_count(4)
    threshold.fill("0.5")
    threshold.press("Enter")
    cockpit.get_by_role("alert").wait_for()
    expect(cockpit.get_by_role("alert")).to_contain_text("threshold cannot be '0.5'", use_inner_text=True)
    threshold.fill("1.75")
    threshold.press("Enter")
    cockpit.get_by_role("alert").wait_for(state="detached")
    ran(page, 2)
    assert cell(page, 2).locator(".jp-OutputArea-output").inner_text().strip() == "1.75"

    cockpit.get_by_role("tab", name="History").click()
    cockpit.get_by_role("checkbox", name="compare query 1").check()
    cockpit.get_by_role("checkbox", name="compare query 2").check()
    cockpit.locator(".compare").wait_for()
    expect(cockpit.locator(".compare tbody tr", has_text="UDF slow")).to_have_count(1)
    cell(page, 1).screenshot(path=artifacts / "lab-compare.png")
    cockpit.get_by_role("button", name="Look at query 1").click()
    cockpit.locator(".looking").wait_for()
    expect(cockpit.locator(".head")).to_contain_text("Query 1", use_inner_text=True)
    cockpit.get_by_role("button", name="Back to the latest").click()
    cockpit.locator(".looking").wait_for(state="detached")
    expect(cockpit.locator(".head")).to_contain_text("Query 2", use_inner_text=True)

    ran(page, 3)
    played = cell(page, 3).locator(".root[data-view=cockpit]")
    played.locator(".head[data-state=finished]").wait_for()
    slider = played.get_by_role("slider", name="time")
    slider.focus()
    page.keyboard.press("Home")
    played.locator(".op[data-state=waiting]").wait_for()
    played.get_by_label("speed").select_option("16×")
    played.get_by_role("button", name="Play").click()
    played.locator(".head[data-state=running]").wait_for()
    played.locator(".head[data-state=finished]").wait_for()
    played.get_by_role("button", name="▶ Play").wait_for()
    expect(slider).to_have_attribute("aria-valuetext", "10.0 s of 10.0 s")
    cell(page, 3).screenshot(path=artifacts / "lab-replay.png")
    assert page.problems == []
    shut_down_kernels(lab)
