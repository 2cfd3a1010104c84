"""Cells with a line under them, in a real JupyterLab or Notebook 7."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers.notebooks import run_cell
from tests.helpers.servers import Lab

# Notebook 7.6 raises these at times, in its own settings of keys and in restoring what JupyterLab had open.
ITS_OWN = ("Cannot read properties of undefined (reading 'schema')", "Command 'filebrowser:open-path' not registered.")


def cell(page: Any, index: int) -> Any:
    return page.locator(".jp-Cell").nth(index)


def scrolled_to(page: Any, index: int) -> None:
    """Scroll until a cell is on the page, where JupyterLab takes those off it that are out of sight.

    A cell that draws its output again changes what is in sight, so that it is asked for again until it is there.
    """
    page.wait_for_function(
        """(index) => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            if (notebook.widgets[index].node.querySelector('.jp-InputPrompt')?.isConnected) return true;
            notebook.scrollToItem(index);
        }""",
        arg=index,
    )


def ran(page: Any, index: int, seconds: float = 60.0) -> None:
    """Run a cell and wait for its end, whether or not it is on the page."""
    count = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.length")
    assert index < count
    executed = "(index) => window.jupyterapp.shell.currentWidget.content.model.cells.get(index).executionCount"
    before = page.evaluate(executed, index)
    run_cell(page, index)
    page.wait_for_function(
        f"([index, before]) => ![null, before].includes(({executed})(index))",
        arg=[index, before],
        timeout=seconds * 1000,
    )


def saved(page: Any, lab: Lab, name: str) -> list[dict[str, Any]]:
    """Save the notebook; its cells."""
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    return list(json.loads((lab.folder / name).read_text())["cells"])


def line(page: Any, index: int) -> Any:
    return cell(page, index).locator(".root[data-view=line]")
