"""%daft doctor in a real JupyterLab: the page is really asked, also where it can answer only after the cell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.helpers.notebooks import notebook, open_notebook, run_cell, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

# Other work in the cell, after the table: the answer must not depend on the cell's end, or must wait for it.
CELL = """
%load_ext daftnb
%daft doctor
import time
began = time.monotonic()
while time.monotonic() - began < 3:
    time.sleep(0.1)
print("the cell ends")
"""


@pytest.fixture
def comms_disabled(lab: Lab) -> Iterator[None]:
    """JupyterLab keeps the page's messages off subshells, as a user may have set it."""
    folder = lab.folder.parent / "settings" / "@jupyterlab" / "apputils-extension"
    path = folder / "kernels-settings.jupyterlab-settings"
    path.write_text('{\n    // Kernels\n    "commsOverSubshells": "disabled",\n}')
    yield
    path.unlink()


def rows(page: Any) -> dict[str, list[str]]:
    """What the table says: the name of each finding → its state, how it is, what to do."""
    table = page.locator(".jp-OutputArea-output table").first
    cells = table.evaluate(
        "table => [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"
    )
    return {row[1]: [row[0], *row[2:]] for row in cells if len(row) == 4}


def answered(page: Any) -> None:
    page.locator(".jp-OutputArea-output td", has_text="live views work").wait_for()


def begin(page: Any, lab: Lab, name: str, cell: str = CELL) -> None:
    notebook(lab, f"{name}.ipynb", (cell,))
    open_notebook(page, lab, f"{name}.ipynb")
    run_cell(page, 0)
    page.locator(".jp-OutputArea-output table").first.wait_for()


def test_the_page_answers_while_the_cell_runs(lab: Lab, page: Any, artifacts: Path) -> None:
    begin(page, lab, "doctor")
    answered(page)
    expect(page.locator(".jp-OutputArea-output", has_text="the cell ends")).to_have_count(0)
    found = rows(page)
    state, how, remedy = found["the page's answer"]
    assert (state, remedy) == ("✓ ok", "")
    assert re.fullmatch(r"JupyterLab 4\.\S+ answered after .*, while the cell ran: live views work", how), how
    assert found["kernel's subshells"][0] == "✓ ok"
    assert found["comms over subshells"][0] == "✓ ok"
    assert found["internals"][0] == "✓ ok"
    page.locator(".jp-OutputArea-output td", has_text="Daft's telemetry").scroll_into_view_if_needed()
    page.screenshot(path=artifacts / "doctor.png")
    page.locator(".jp-OutputArea-output", has_text="the cell ends").wait_for()
    expect(page.locator(".jp-OutputArea-output table")).to_have_count(1)
    assert page.problems == []
    shut_down_kernels(lab)


def test_where_it_cannot_the_table_says_so_and_is_brought_up_to_date(
    lab: Lab, page: Any, artifacts: Path, comms_disabled: None
) -> None:
    begin(page, lab, "doctor-late")
    found = rows(page)
    assert found["comms over subshells"][0] == "⚠ warning"
    state, how, _ = found["the page's answer"]
    assert (state, how) == ("⚠ warning", "none within 1.5 s while the cell runs, so daftnb cannot tell yet")
    expect(page.locator(".jp-OutputArea-output", has_text="the cell ends")).to_have_count(0)
    page.locator(".jp-OutputArea-output td", has_text="Daft's telemetry").scroll_into_view_if_needed()
    page.screenshot(path=artifacts / "doctor-waiting.png")
    answered(page)
    expect(page.locator(".jp-OutputArea-output", has_text="the cell ends")).to_have_count(1)
    state, how, _ = rows(page)["the page's answer"]
    assert state == "✓ ok"
    assert how.endswith("once the cell was over: live views work"), how
    assert page.problems == []

    # What is saved is the table as it is now.
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    outputs = json.loads((lab.folder / "doctor-late.ipynb").read_text())["cells"][0]["outputs"]
    saved = "".join("".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    assert "live views work" in saved
    assert "cannot tell yet" not in saved
    shut_down_kernels(lab)


def test_a_page_that_cannot_draw_widgets_is_found_out(lab: Lab, page: Any, artifacts: Path) -> None:
    """anywidget's part of the page does not come, as where it is not installed beside Jupyter."""
    page.route("**/extensions/anywidget/**", lambda route: route.abort())
    begin(page, lab, "doctor-none", "%load_ext daftnb\n%daft doctor")
    page.locator(".jp-OutputArea-output td", has_text="live views do not work in this page").wait_for()
    state, how, remedy = rows(page)["the page's answer"]
    assert (state, how) == ("✕ problem", "none within 5 s after the cell: live views do not work in this page")
    assert "pip install ipywidgets anywidget" in remedy
    summary = page.locator(".jp-OutputArea-output b").first  # the machine may have problems of its own
    expect(summary).to_have_text(re.compile(r"^\d+ problems? \([^)]*the page's answer\)"))
    page.screenshot(path=artifacts / "doctor-none.png")
    shut_down_kernels(lab)
