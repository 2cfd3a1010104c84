"""The Stop button in a real JupyterLab, pressed while the cell that runs the query is busy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.helpers.notebooks import notebook, open_notebook, run_cell, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
# Two seconds are promised of a machine that has time for it; what it took is printed. These queries take minutes.
STOP_SECONDS = 20.0
NEXT_SECONDS = 20.0

# 5,000 rows of 20 ms: longer than the test waits for anything. In batches of 10: Daft ends a query between two batches.
NATIVE = (
    """
    %load_ext daftnb
    import time
    import daft
    import ipykernel
    daft.set_runner_native()
    rows = 0

    @daft.func
    def slow(x: int) -> int:
        global rows
        rows += 1
        time.sleep(0.02)
        return x

    %daft cockpit
    """,
    """daft.from_pydict({"x": list(range(5_000))}).into_batches(10).select(slow(daft.col("x"))).collect()""",
    """
    time.sleep(1)  # the last batch takes 0.2 s
    before = rows
    time.sleep(0.5)
    print("rows after the end:", rows - before, "of", rows)
    print("the next query:", daft.from_pydict({"x": [1, 2]}).select(daft.col("x") + 1).to_pydict())
    print("ipykernel", ipykernel.__version__)
    """,
)

# One worker and 120 tasks of a second.
RAY = (
    """
    %load_ext daftnb
    import time
    import daft
    import ipykernel
    %daft start --min 1 --max 1

    @daft.func
    def slow(x: int) -> int:
        time.sleep(1)
        return x

    def warm_up():
        daft.from_pydict({"x": [1]}).select(daft.col("x") + 1).collect()

    warm_up()
    %daft cockpit
    """,
    """daft.from_pydict({"x": list(range(120))}).into_partitions(120).select(slow(daft.col("x"))).collect()""",
    """
    began = time.monotonic()
    print("the next query:", daft.from_pydict({"x": [1, 2]}).select(daft.col("x") + 1).to_pydict())
    print("seconds:", time.monotonic() - began)
    print("ipykernel", ipykernel.__version__)
    """,
)


def press_by_mouse(page: Any, stop: Any) -> None:
    stop.click()


def press_by_keyboard(page: Any, stop: Any) -> None:
    """From the notebook's cells: Tab until Stop has the focus, then Enter."""
    page.locator(".jp-Notebook .jp-Cell").first.locator(".jp-OutputArea-output").last.focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if stop.evaluate("button => button.getRootNode().activeElement === button"):
            page.keyboard.press("Enter")
            return
    raise AssertionError("Tab does not reach Stop")


@pytest.mark.parametrize("press", [press_by_mouse, press_by_keyboard])
def test_stop_ends_the_query_while_its_cell_runs(
    press: Callable[[Any, Any], None], lab: Lab, page: Any, artifacts: Path
) -> None:
    said = stopped(press, NATIVE, f"stop-native-{press.__name__}", lab, page, artifacts)
    assert "rows after the end: 0 of" in said


@pytest.mark.slow
@pytest.mark.cluster
def test_stop_ends_the_query_on_the_cluster(lab: Lab, page: Any, artifacts: Path) -> None:
    said = stopped(press_by_mouse, RAY, "stop-ray", lab, page, artifacts)
    seconds = re.search(r"seconds: ([\d.]+)", said)
    assert seconds, said
    assert float(seconds[1]) <= NEXT_SECONDS, "the next query waited for the cancelled one"


def stopped(
    press: Callable[[Any, Any], None], texts: tuple[str, ...], name: str, lab: Lab, page: Any, artifacts: Path
) -> str:
    """Runs the first cell, stops the second one's query, and gives what the third says."""
    notebook(lab, f"{name}.ipynb", texts)
    open_notebook(page, lab, f"{name}.ipynb")
    run_cell(page, 0)
    cockpit = page.locator(".jp-OutputArea-output .root[data-view=cockpit]")
    cockpit.wait_for(timeout=120_000)
    page.locator(".jp-Cell").first.locator(".jp-InputPrompt", has_text="[1]:").wait_for()
    follow = cockpit.locator("#follow")
    if "warm_up()" in texts[0]:  # the view stays with the query of its cell
        follow.click()
    run_cell(page, 1)
    stop = cockpit.locator("button.stop")
    stop.wait_for()
    cell = page.locator(".jp-Cell").nth(1)
    assert cell.locator(".jp-InputPrompt").inner_text().strip() == "[*]:"

    pressed = time.monotonic()
    press(page, stop)
    sent = time.monotonic()
    cockpit.locator(".head[data-state=cancelled]").wait_for()
    cancelled = time.monotonic() - sent
    cell.locator(".jp-OutputArea-output", has_text="KeyboardInterrupt").first.wait_for()
    told = time.monotonic() - sent
    # The cell's end brings the static view up to date, and the page draws the live one anew.
    cell.locator(".jp-InputPrompt", has_text="[2]:").wait_for()
    cockpit.locator(".head[data-state=cancelled]").wait_for()
    page.screenshot(path=artifacts / f"{name}.png")
    expect(stop).to_have_count(0)
    print(f"pressed {sent - pressed:.2f} s, cancelled {cancelled:.2f} s, KeyboardInterrupt {told:.2f} s")
    assert cancelled <= STOP_SECONDS
    assert told <= STOP_SECONDS

    run_cell(page, 2)
    after = page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea", has_text="ipykernel").first
    after.wait_for()
    print(after.inner_text())
    expect(after).to_contain_text("the next query: {'x': [2, 3]}", use_inner_text=True)
    cockpit.scroll_into_view_if_needed()  # a view that is out of sight does not draw
    cockpit.locator(".head[data-state=finished]").wait_for()
    assert page.problems == []
    said = str(after.inner_text())
    shut_down_kernels(lab)
    return said
