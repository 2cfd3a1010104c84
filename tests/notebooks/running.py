"""Run a notebook from top to bottom in a kernel of its own, as a person would, and look at what it shows."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat

NOTEBOOKS = Path(__file__).resolve().parent.parent.parent / "notebooks"
CELL_SECONDS = 170
LIVE = "application/vnd.jupyter.widget-view+json"
# Of a machine: its paths, and what is new in each run of the kernel, of Ray, or of a pointer in a repr.
PATHS = re.compile(r"(?<![\w/.])/(?:home|root|tmp|work|Users|var|opt|usr|mnt|data)/[\w./-]*")
MEMORY = re.compile(r"\b0x[0-9a-f]{6,}\b")


class Ran:
    """A notebook with its outputs; ``seconds``: how long it took, without the start of its kernel."""

    def __init__(self, document: Any, seconds: float) -> None:
        self.document = document
        self.seconds = seconds

    def cell(self, part: str) -> Any:
        """The code cell whose source has this part."""
        [found] = [cell for cell in self.document.cells if cell.cell_type == "code" and part in cell.source]
        return found

    def text(self, part: str) -> str:
        """All that the cell shows as text: its streams, and each display's text form."""
        return "\n".join(_texts(self.cell(part).outputs))

    def html(self, part: str) -> str:
        """All static views of the cell."""
        return "\n".join(output.data.get("text/html", "") for output in self.cell(part).outputs if "data" in output)

    def everything(self) -> str:
        """Every output, in every form."""
        shown = []
        for cell in self.document.cells:
            for output in cell.get("outputs", ()):
                shown.extend(_texts([output]))
                shown.append(str(output.get("data", {}).get("text/html", "")))
        return "\n".join(shown)


def _texts(outputs: Any) -> Iterator[str]:
    for output in outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield "\n".join(output.traceback)
        else:
            yield str(output.data.get("text/plain", ""))


def run(name: str, folder: Path | None = None) -> Ran:
    """Run ``notebooks/NAME.ipynb`` in ``folder`` (a temporary one); what it raises is raised here."""
    document = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    for cell in document.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    place = folder or Path(tempfile.mkdtemp(prefix="daftnb-notebook-"))
    client = nbclient.NotebookClient(
        document,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(place)}},
    )
    try:
        with client.setup_kernel():
            began = time.monotonic()
            for index, cell in enumerate(document.cells):
                client.execute_cell(cell, index)
            seconds = time.monotonic() - began
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    return Ran(document, seconds)


def tidy(document: Any) -> Any:
    """For keeping: without the live views, which need a kernel, and without what is of this machine alone."""
    for cell in document.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(LIVE, None)
            if output.output_type == "stream":
                output.text = _tidied(output.text)
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output.data[kind] = _tidied(value)
    document.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return document


def _tidied(text: str) -> str:
    return MEMORY.sub("0x…", PATHS.sub("…", text))
