"""The line under a cell in a real JupyterLab, on Daft's native runner: when it shows, that it opens, what is saved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Lab, open_notebook, shut_down_kernels
from tests.browser.test_stop import notebook, run_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SETUP = """
%load_ext daftnb
import time
import daft
daft.set_runner_native()

@daft.func
def slow(x: int) -> int:
    time.sleep(0.02)
    return x

def run(rows):
    daft.from_pydict({"x": list(range(rows))}).into_batches(10).select(slow(daft.col("x"))).collect()
"""
SLOW = "run(150)"
FAST = 'daft.from_pydict({"x": [1, 2]}).select(daft.col("x") + 1).collect(); print("done")'


def cell(page: Any, index: int) -> Any:
    return page.locator(".jp-Cell").nth(index)


def ran(page: Any, index: int, seconds: float = 60.0) -> None:
    """Run a cell and wait for its end."""
    count = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.length")
    assert index < count
    before = cell(page, index).locator(".jp-InputPrompt").first.inner_text()
    run_cell(page, index)
    page.wait_for_function(
        """([index, before]) => {
            const prompt = document.querySelectorAll('.jp-Cell')[index].querySelector('.jp-InputPrompt').innerText;
            return /\\[\\d+\\]:/.test(prompt) && prompt !== before;
        }""",
        arg=[index, before],
        timeout=seconds * 1000,
    )


def saved(page: Any, lab: Lab, name: str) -> list[dict[str, Any]]:
    """Save the notebook; its cells."""
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    return list(json.loads((lab.folder / name).read_text())["cells"])


def line(page: Any, index: int) -> Any:
    return cell(page, index).locator(".root[data-view=line]")


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
    head.wait_for(timeout=20_000)
    assert cell(page, 1).locator(".jp-InputPrompt").inner_text().strip() == "[*]:", "while it runs"
    assert "operators" in head.inner_text()
    page.screenshot(path=artifacts / "line-lab-running.png")
    line(page, 1).locator("button.toggle").click()
    line(page, 1).get_by_role("tab", name="Overview").wait_for(timeout=5_000)
    line(page, 1).locator(".op").first.wait_for(timeout=5_000)
    line(page, 1).locator(".head[data-state=finished]").wait_for(timeout=20_000)
    # The cell's end draws the view anew; it is still open.
    cell(page, 1).locator(".jp-InputPrompt", has_text="[2]:").wait_for(timeout=20_000)
    line(page, 1).get_by_role("tab", name="Overview").wait_for(timeout=5_000)
    page.screenshot(path=artifacts / "line-lab-open.png")
    line(page, 1).locator("button.toggle").click()
    assert line(page, 1).locator(".panel").count() == 1

    ran(page, 2)
    ran(page, 3)
    ran(page, 4)
    ran(page, 5)
    assert line(page, 2).count() == 0, "a fast query shows nothing"
    assert line(page, 3).count() == 1, "several queries of a cell are one line"
    assert "+ 4 more" in " ".join(line(page, 3).locator(".head").inner_text().split())
    assert cell(page, 4).locator(".root[data-view=plan]").count() == 1
    assert line(page, 4).count() == 0, "the cell has a view of its own"
    assert line(page, 5).count() == 0, "it was turned off"
    line(page, 3).locator("button.toggle").click()
    listed = line(page, 3).get_by_role("listitem")
    listed.first.wait_for(timeout=5_000)
    assert [" ".join(text.split())[:18] for text in listed.all_inner_texts()] == [
        "✓ finished Query 4",
        "✓ finished Query 3",
        "3 queries shorter ",
    ]
    # An old line, of a query long over, opens as it was.
    line(page, 1).locator("button.toggle").click()
    line(page, 1).locator(".op").first.wait_for(timeout=5_000)
    assert "Query 1" in line(page, 1).locator(".head").inner_text()
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
    line(page, 1).wait_for(timeout=5_000)
    ran(page, 2)
    after_one = cell(page, 2).locator(".jp-OutputArea-output").inner_text().strip()
    once = len(json.dumps(saved(page, lab, name)[1]))
    for _ in range(99):
        ran(page, 1)
    line(page, 1).locator(".head[data-state=finished]").wait_for(timeout=5_000)
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
