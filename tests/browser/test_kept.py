"""Views in a real JupyterLab after Run All: each has its cell's queries, live and saved, and may follow the latest."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Draw, everyone_can_read
from tests.helpers import scaling
from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all, shut_down_kernels
from tests.helpers.servers import Lab
from tests.helpers.shell import history

CELLS = (
    """
    %load_ext daftnb
    import threading, time
    import daft, daftnb
    daft.set_runner_native()

    @daft.func
    def slow(x: int) -> int:
        time.sleep(0.02)
        return x

    def run(name, rows=40):
        with daftnb.watch(name, quiet=True):
            daft.from_pydict({"x": list(range(rows))}).into_batches(10).select(slow(daft.col("x"))).collect()
    """,
    "view = daftnb.cockpit()\nview",
    "%daft cockpit\nrun('before it')",
    "run('after it')\n%daft plan",
    "%daft plan\nrun('first')\nrun('second')\n%daft cockpit",
    "display(view)\nrun('shown again')",
    """
    go = threading.Event()
    def background():
        go.wait()
        run("in the background")
    thread = threading.Thread(target=background)
    thread.start()
    %daft plan
    """,
    "%daft plan\nrun('beside it')\ngo.set()\nthread.join()",
    "run('the last')",
)
# By view, in the order of the page: the query that it has.
EXPECTED = (
    *("the last", "before it", "after it", "second", "second", "shown again", "in the background", "beside it"),
)


def titles(page: Any) -> list[str]:
    """What the views on the page are about, from top to bottom; each is scrolled to, as what is not in sight rests."""
    found = []
    for root in page.locator(".jp-OutputArea-output .root:not([data-view=line])").all():
        root.scroll_into_view_if_needed()
        found.append(root.locator(".head .title").inner_text().partition(" · ")[2])
    return found


def saved(lab: Lab, name: str) -> list[str]:
    """The first line of each view's text in the saved notebook."""
    document = nbformat.read(lab.folder / name, as_version=4)
    texts = [
        str(output.data["text/plain"]).splitlines()[0]
        for cell in document.cells
        for output in cell.get("outputs", ())
        if "data-daftnb-model" in output.get("data", {}).get("text/html", "")
        and "run('the last')" not in cell.source  # a line
    ]
    return [text.partition("(")[2].partition(")")[0] for text in texts]


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_after_run_all_each_view_has_its_cells_query(lab: Lab, page: Any, artifacts: Path) -> None:
    notebook(lab, "kept.ipynb", tuple(dedent(text).strip() for text in CELLS))
    page.set_viewport_size({"width": 1300, "height": 8000})
    open_notebook(page, lab, "kept.ipynb")
    run_all(page)
    all_ran(page, 90)
    page.locator(".root .head .title", has_text="the last").first.wait_for()
    calm = page.locator(".root", has=page.locator(".looking.calm"))
    calm.nth(6).wait_for()
    assert titles(page) == list(EXPECTED)
    page.screenshot(path=artifacts / "kept.png")

    # By keyboard, to the latest and back; the other views stay as they are.
    view = page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".root")
    view.locator("#follow").focus()
    page.keyboard.press("Enter")
    view.locator(".looking", has_text="Following the latest query.").wait_for()
    assert view.locator(".head .title").inner_text().endswith("the last")
    assert view.evaluate("root => root.getRootNode().activeElement.id") == "follow"
    page.keyboard.press("Enter")
    view.locator(".looking.calm").wait_for()
    assert titles(page) == list(EXPECTED)

    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    assert saved(lab, "kept.ipynb") == list(EXPECTED)
    assert json.loads((lab.folder / "kept.ipynb").read_text())["cells"]
    assert page.problems == []
    shut_down_kernels(lab)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "theme"), [(1100, "light"), (400, "dark")])
def test_a_view_says_that_it_stays_and_that_nothing_runs(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    snapshot = history(scaling.snapshot(over=True))
    t = scaling.T
    snapshot["backlog"] |= {
        "active": False,
        "thresholds": {"0": [t - 60, 100.0], "1": [t + 8, 1.25], "2": [t + 20, 30.0]},
    }
    page = draw(snapshot, width=width, theme=theme)
    own = snapshot | {"kept": {"number": 7, "still": True, "follows": False}}
    page.evaluate("(snapshot) => window.keyframe(snapshot)", own | {"seq": 1})
    everyone_can_read(page, artifacts / f"kept-{width}-{theme}.png")
    expect(page.locator(".looking span")).to_have_text("This view stays with query 7 of its cell.", use_inner_text=True)
    gutter = page.locator(".gutter", has_text="Backlog ratio")
    expect(gutter).to_contain_text("nothing runs", use_inner_text=True)
    expect(gutter).not_to_contain_text("pending", use_inner_text=True)
    expect(gutter).to_contain_text("peak 53", use_inner_text=True)
    assert "peak ratio 53 / 1.25" in page.locator(".head").inner_text().replace("\n", " ")
    page.evaluate("() => { window.sent.length = 0; }")
    page.locator("#follow").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => window.sent") == [{"type": "follow", "follow": True}]
    follows = snapshot | {"kept": {"number": 7, "still": False, "follows": True}}
    page.evaluate("(snapshot) => window.keyframe(snapshot)", follows | {"seq": 2})
    expect(page.locator(".looking span")).to_have_text("Following the latest query.", use_inner_text=True)
    page.keyboard.press("Enter")
    assert page.evaluate("() => window.sent")[1:] == [{"type": "follow", "follow": False}]
    page.evaluate("(snapshot) => window.keyframe(snapshot)", own | {"look": 4, "seq": 3})
    page.get_by_role("button", name="Back to query 7 of this cell").click()
    assert page.evaluate("() => window.sent")[2:] == [{"type": "look", "query": None}]


@pytest.mark.browser
def test_the_time_of_a_view_that_stays_stands_still(draw: Draw) -> None:
    snapshot = scaling.snapshot(over=True)
    page = draw(snapshot)
    page.evaluate("(snapshot) => window.keyframe(snapshot)", snapshot | {"seq": 1})
    words = page.locator(".worker", has_text="worker 2").locator(".words span").first
    before = words.inner_text()
    page.wait_for_function(
        "(before) => [...document.querySelector('#view > div').shadowRoot.querySelectorAll('.worker .words span')]"
        ".every((span) => span.innerText !== before)",
        arg=before,
    )
    page.evaluate(
        "(snapshot) => window.keyframe(snapshot)",
        snapshot | {"kept": {"number": 7, "still": True, "follows": False}, "seq": 2},
    )
    still = words.inner_text()
    assert still == "◐ warm 13 s, ends in 47 s · after 60 s idle"
    page.wait_for_timeout(2_500)  # nothing comes that could be waited for
    expect(words).to_have_text(still, use_inner_text=True)
