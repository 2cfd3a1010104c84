"""The notebooks as they are kept: run, whole, and without a word of the machine they ran on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent.parent / "notebooks").glob("*.ipynb"))
MAX_BYTES = 600_000
KEPT = [path for path in NOTEBOOKS if path.stem != "demo"]  # the demo is opened to be run


def outputs(path: Path) -> list[dict[str, Any]]:
    """All but those of cells that are there to show an error."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    shown = [cell for cell in cells if "raises-exception" not in cell["metadata"].get("tags", ())]
    return [output for cell in shown for output in cell["outputs"]]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_it_is_kept_with_its_outputs(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = outputs(path)
    assert [output for output in shown if output["output_type"] == "error"] == []
    assert any("text/html" in output.get("data", {}) for output in shown), "static views, for GitHub"
    assert path.stat().st_size < MAX_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_in_it_is_of_a_machine(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"(?<![\w/.<])/(?:home|root|tmp|work|Users|opt|mnt)/[^\s\"'<]*", text) == []
    assert "widget-view+json" not in text, "a live view needs a kernel"
    hosts = set(re.findall(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", text))
    assert hosts <= {"127.0.0.1", "0.0.0.0"}
