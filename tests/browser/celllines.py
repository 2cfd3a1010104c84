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
