"""Notebooks in a real JupyterLab or Notebook 7: written, opened, run."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers.servers import Lab

READY = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    return Boolean(context?.isReady && context.session?.kernel?.connectionStatus === "connected"
        && context.session.kernel.status === "idle");
}"""


def open_notebook(page: Any, lab: Lab, name: str, path: str = "lab/tree") -> None:
    """Open a notebook in JupyterLab (in Notebook 7 where ``path`` is "notebooks") and wait for its kernel."""
    page.goto(f"{lab.url}/{path}/{name}?token={lab.token}" + ("&reset" if path == "lab/tree" else ""))
    page.wait_for_function(READY, timeout=90_000)


def run_all(page: Any) -> None:
    """Start Run All Cells, and return at once; see :func:`all_ran`."""
    page.evaluate("""() => {
        window.allRan = false;
        window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.allRan = true; });
    }""")


def all_ran(page: Any, seconds: float) -> None:
    """Wait until the last cell has run."""
    page.wait_for_function("() => window.allRan", timeout=seconds * 1000)


def shut_down_kernels(lab: Lab) -> None:
    """End every kernel of the server, as closing the notebooks does."""
    for session in lab.call("GET", "/api/sessions"):
        lab.call("DELETE", f"/api/sessions/{session['id']}")


def notebook(lab: Lab, name: str, texts: tuple[str, ...]) -> None:
    """A notebook of these cells in the server's folder."""
    from textwrap import dedent

    cells = [
        {"cell_type": "code", "id": f"cell-{i}", "source": dedent(text).strip(), "metadata": {}, "outputs": []}
        | {"execution_count": None}
        for i, text in enumerate(texts)
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (lab.folder / name).write_text(json.dumps(content))


def run_cell(page: Any, index: int) -> None:
    """Run one cell, and return at once."""
    page.evaluate(
        """(index) => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = index;
            notebook.deselectAll();
            window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        index,
    )
