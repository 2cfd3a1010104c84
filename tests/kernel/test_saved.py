"""What stays in a notebook that ran without a page: the line, in every rendering that takes scripts and styles out."""

from __future__ import annotations

import re
from typing import Any

import bleach
import nbclient
import nbformat
import pytest
from nbconvert import HTMLExporter

from daftnb.snapshots.static import static_html, static_text
from daftnb.telemetry.snapshots import TOPICS, select
from tests.helpers import scaling
from tests.helpers.slowly import SETUP

# What GitHub leaves of HTML in a notebook: words, lists and tables; no style, no drawing, no script.
GITHUB_TAGS = {
    "div",
    "p",
    "b",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "span",
    "br",
    "ul",
    "li",
}

CELLS = (
    SETUP,
    "run(40)\nrun(40)",
    "run(1)",
    "raise ValueError('the cell fails by itself')",
    """
    import os
    print(os.environ.get("DAFT_PROGRESS_BAR"))
    %unload_ext daftnb
    print(os.environ.get("DAFT_PROGRESS_BAR"))
    """,
    "run(40)",
)


@pytest.fixture(scope="module")
def executed() -> Any:
    """The notebook, run by nbclient."""
    from textwrap import dedent

    document = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(dedent(text).strip()) for text in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    client = nbclient.NotebookClient(document, timeout=60, kernel_name="python3", allow_errors=True)
    client.execute()
    return document


def test_the_line_stays_in_the_cell_that_ran_the_queries(executed: Any) -> None:
    outputs = [cell.outputs for cell in executed.cells]
    assert [len(outputs[index]) for index in range(4)] == [0, 1, 0, 1], outputs
    (line,) = outputs[1]
    assert line.output_type == "display_data"
    html = line.data["text/html"]
    outer = '<div class="mathjax_ignore tex2jax_ignore">'
    headline = r"<details><summary>✓ <b>Query 2 \([^)]+\) on Daft&#x27;s native runner finished after"
    assert re.match(outer + headline, html)
    assert "Queries of this cell, the latest first" in html
    assert len(str(line)) < 10_000
    # Also with the state of all models, which nbclient keeps.
    assert executed.metadata.widgets
    assert len(nbformat.writes(executed)) < 30_000
    assert outputs[3][0].ename == "ValueError"
    assert [output.text for output in outputs[4]] == ["0\n", "None\n"], "Daft's progress bars are put back"
    # Unloaded, there is no line, and Daft's own progress bar is there again.
    assert outputs[5][0].data["text/plain"].startswith("[00:0")
    assert "text/html" not in outputs[5][0].data


def test_it_can_be_read_when_styles_and_scripts_are_taken_out(executed: Any) -> None:
    html = executed.cells[1].outputs[0].data["text/html"]
    bare = bleach.clean(html, tags=GITHUB_TAGS, attributes={}, strip=True)
    for word in ("Query 2", "finished", "UDF slow", "40", "<details>", "<table>"):
        assert word in bare
    for sanitize in (False, True):
        exporter = HTMLExporter(sanitize_html=sanitize)
        exporter.display_data_priority = ["text/html", "text/plain"]
        page, _ = exporter.from_notebook_node(executed)
        assert "Query 2" in page
        assert "Queries of this cell, the latest first" in page


@pytest.mark.parametrize("view", sorted(TOPICS))
def test_a_view_takes_less_than_100_kb_whatever_there_is(view: str) -> None:
    snapshot = scaling.snapshot(over=True)
    text = "🦆 a <b>name</b> that is long " * 400
    operator = snapshot["plan"]["operators"]["8"] | {"name": text, "detail": text}
    decision = {"t": scaling.T, "kind": "request", "text": text, "count": 3}
    point = list(snapshot["backlog"]["points"].values())[-1]
    past = snapshot["queries"]["7"]
    for operators in (40, 1_000):
        snapshot["plan"]["operators"] = {
            str(i): operator | {"id": i, "inputs": [i - 1] if i > 1 else []} for i in range(1, operators + 1)
        }
        snapshot["plan"]["root"] = operators
        snapshot["workers"]["rows"] = {
            f"w{i}": snapshot["workers"]["rows"]["b"] | {"id": f"w{i}", "label": f"worker {i}"} for i in range(1_000)
        } | {"b": snapshot["workers"]["rows"]["b"]}
        snapshot["workers"]["listed"] = 1_001
        snapshot["decisions"] = {str(i): decision for i in range(50)}
        snapshot["backlog"]["marks"] = {str(i): decision | {"label": ""} for i in range(50)}
        snapshot["backlog"]["points"] = {
            str(i): [scaling.T + i / 4, 1234.5678 + i % 7, i, *point[3:6], 1 + i % 40, 2 + i % 39, 3 + i % 38]
            for i in range(600)
        }
        snapshot["queries"] = {str(i): past | {"number": i, "error": text} for i in range(100)} | {"7": past}
        snapshot["query"] |= {"error": text, "state": "failed"}
        snapshot["session"]["problems"] = {str(i): text[:300] for i in range(50)}
        snapshot["cell"] = {"numbers": list(range(20)), "brief": 10**6}
        part = select(snapshot, view) | ({"plan": snapshot["plan"]} if view == "line" else {})
        size = len((static_html(part, view) + static_text(part, view)).encode())
        print(view, operators, size)
        assert size < 100_000
