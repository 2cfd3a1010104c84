"""A saved notebook in a real JupyterLab and Notebook 7: live while its kernel lives, also when the page is loaded
again; opened after that, trusted or not, each output is its static form, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.celllines import ITS_OWN, cell, ran, saved, scrolled_to
from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all, shut_down_kernels
from tests.helpers.servers import Lab
from tests.helpers.slowly import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# Each cell shows something of ours: what its live view says only when it is live, and its static form, once.
SHOWN = {
    "df": ("Copy as code", "2 rows × 2 columns"),
    "df.show(1)": ("Copy as code", "the first 1 row × 2 columns"),
    "df.where(df['a'] > 1)": ("It has not run", "2 columns; not run: .collect() or .show() runs it"),
    "run(60)": ("operators 60 rows", "on Daft's native runner finished after"),
    "%daft": ("Fit", "on Daft's native runner finished after"),
    "%daft plan": ("Fit", "on Daft's native runner finished after"),
    "%daft plan df": ("Fit", "Plan of df, which has not run."),
    "%daft workers": ("operators 60 rows", "on Daft's native runner finished after"),
    "%daft backlog": ("operators 60 rows", "on Daft's native runner finished after"),
    "%daft history": ("Node-seconds", "History, the latest first"),
    "%daft decisions": ("operators 60 rows", "on Daft's native runner finished after"),
    "%daft controls": ("Back to defaults", "Idle seconds"),
    "%daft save run.arrow\n%daft open run.arrow": ("Fit", "on Daft's native runner finished after"),
}
FIRST = SETUP + '\ndf = daft.from_pydict({"a": [1, 2], "s": ["row one", "row two"]}).collect()'
DOCTOR = "%daft doctor"
LIVE = "[data-daftnb-model] > .lm-Widget"
# The text of each cell's outputs as a person sees it: also in the shadow of a live view, without the sheets in there.
TEXTS = """() => [...document.querySelectorAll('.jp-Cell')].map((cell) => {
    const texts = (node) => node.nodeType === Node.TEXT_NODE ? [node.data]
        : node.localName === 'style' ? [] : [...(node.shadowRoot ?? node).childNodes].flatMap(texts);
    return [...cell.querySelectorAll('.jp-OutputArea-output')].flatMap(texts).join(' ').replace(/\\s+/g, ' ');
})"""


def live(page: Any, cells: int) -> list[str]:
    """Wait until a live view is drawn in each cell of SHOWN, and nothing beside it; the texts of the cells."""
    page.wait_for_function(
        """([live, cells]) => {
            const views = [...document.querySelectorAll(live)];
            const alone = (view) => view.hasChildNodes() && view.parentElement.childNodes.length === 1;
            return views.length === cells && views.every(alone);
        }""",
        arg=[LIVE, cells],
    )
    # What a view says may come a moment after it.
    page.wait_for_function(
        f"(words) => {{ const texts = ({TEXTS})(); return words.every((word, i) => texts[i + 1].includes(word)); }}",
        arg=[words for words, _ in SHOWN.values()],
    )
    return list(page.evaluate(TEXTS))


def static(page: Any) -> None:
    """Each cell has its static form once, and nothing that is live, or an error."""
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea-output').length > 12")
    # The widgets are restored, or are known not to be there.
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo()")
    texts = page.evaluate(TEXTS)
    expect(page.locator(LIVE)).to_have_count(0)
    for (source, (alive, words)), text in zip(SHOWN.items(), texts[1:], strict=False):
        assert text.count(words) == 1, (source, text)
        assert alive not in text, (source, text)
    assert "live views work" in texts[-1], "what the doctor has found"
    assert not [text for text in texts if "model not found" in text or "Error" in text or "Loading" in text]


@contextmanager
def pictured(page: Any, path: Path) -> Iterator[None]:
    yield
    page.screenshot(path=path)


@pytest.mark.parametrize("path", ["lab/tree", "notebooks"])
def test_a_notebook_that_is_opened_again(path: str, lab: Lab, page: Any, artifacts: Path) -> None:
    name = f"reopened-{path[:3]}.ipynb"
    page.set_viewport_size({"width": 1300, "height": 2500})
    notebook(lab, name, (FIRST, *SHOWN, DOCTOR))
    try:
        open_notebook(page, lab, name, path)
        run_all(page)
        all_ran(page, 90)
        with pictured(page, artifacts / f"reopened-{path[:3]}-live.png"):
            texts = live(page, len(SHOWN))
        assert "History, the latest first" not in texts[10], "the static form does not stand beside the live one"
        outputs = [output for each in saved(page, lab, name) for output in each["outputs"] if "data" in output]
        assert len(outputs) == len(SHOWN) + 1
        for output in outputs:
            assert set(output["data"]) == {"text/plain", "text/html"}

        open_notebook(page, lab, name, path)  # the page is loaded again, and the kernel lives
        with pictured(page, artifacts / f"reopened-{path[:3]}-reloaded.png"):
            live(page, len(SHOWN))
        cell(page, 10).get_by_role("button", name="Look at query 1").click()
        cell(page, 10).locator(".op").first.wait_for()  # the kernel has answered

        shut_down_kernels(lab)
        open_notebook(page, lab, name, path)
        with pictured(page, artifacts / f"reopened-{path[:3]}-trusted.png"):
            static(page)

        shut_down_kernels(lab)
        document = json.loads((lab.folder / name).read_text())
        document["metadata"]["author"] = "somebody else"  # so nobody here has signed it
        (lab.folder / f"untrusted-{name}").write_text(json.dumps(document))
        open_notebook(page, lab, f"untrusted-{name}", path)
        with pictured(page, artifacts / f"reopened-{path[:3]}-untrusted.png"):
            static(page)
        assert [problem for problem in page.problems if problem not in ITS_OWN] == []
    finally:
        shut_down_kernels(lab)


# ipywidgets 8.1 says this where a kernel closes a widget that is shown more than once.
TWICE = "no comm channel defined"
LATER = (
    FIRST,
    "df",
    "import ipywidgets, daftnb\nipywidgets.VBox([daftnb.plan(), ipywidgets.IntSlider()])",
    "out = ipywidgets.Output()\nwith out:\n    display(df)\nout",
    "%daft plan\nrun(60)",
    *(f"print({i})\n" * 15 for i in range(4)),
)
COUNT = """import ipywidgets
widgets = ipywidgets.widgets.widget._instances.values()
print("views", [widget._view_count for widget in widgets if type(widget).__name__ == "Preview"])"""


@pytest.mark.parametrize("windowing", ["full", pytest.param("contentVisibility", marks=pytest.mark.slow)])
def test_what_a_page_does_with_its_outputs(windowing: str, lab: Lab, page: Any, artifacts: Path) -> None:
    """Copied, shown a second time, scrolled out of sight and back, in a box, run again, closed."""
    name = f"outputs-{windowing}.ipynb"
    settings = lab.folder.parent / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": windowing}))
    notebook(lab, name, (*LATER, COUNT))
    run = "(id) => window.jupyterapp.commands.execute(id)"
    preview = page.locator(".root[data-view=preview]")
    page.set_viewport_size({"width": 1300, "height": 5000})  # all cells are on the page at first
    try:
        open_notebook(page, lab, name)
        for index in range(len(LATER)):
            ran(page, index)
        views = cell(page, 1).locator(LIVE)
        views.get_by_text("2 rows × 2 columns").wait_for()
        cell(page, 2).locator(".root[data-view=plan] .panel").first.wait_for()
        expect(cell(page, 2).locator(".widget-slider")).to_have_count(1)
        cell(page, 3).get_by_text("2 rows × 2 columns").wait_for()
        # At the query's end the static form of the plan is brought up to date, and the live one is in its place.
        cell(page, 4).locator(f"{LIVE} .op").first.wait_for()
        expect(cell(page, 4).locator("[data-daftnb-model] > *")).to_have_count(1)
        assert "finished" in "".join(saved(page, lab, name)[4]["outputs"][0]["data"]["text/plain"])

        page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
        page.evaluate(run, "notebook:copy-cell")
        page.evaluate(run, "notebook:paste-cell-below")
        cell(page, 2).locator(LIVE).get_by_text("2 rows × 2 columns").wait_for()
        page.evaluate(run, "notebook:delete-cell")
        page.wait_for_function(
            "() => !document.querySelectorAll('.jp-Cell')[2].innerText.includes('2 rows × 2 columns')"
        )
        cell(page, 1).locator(".jp-OutputArea-output").first.click(button="right", position={"x": 4, "y": 4})
        page.get_by_role("menuitem", name="Create New View for Cell Output").click()
        second = page.locator(".jp-LinkedOutputView").locator(LIVE)
        second.get_by_text("2 rows × 2 columns").wait_for()
        page.screenshot(path=artifacts / f"outputs-{windowing}.png")
        page.locator(".lm-TabBar-tab", has_text="Output View").locator(".lm-TabBar-tabCloseIcon").click()
        second.wait_for(state="detached")

        searched = views.get_by_placeholder("Search the rows")
        searched.fill("two")
        views.get_by_text("row one").wait_for(state="detached")
        page.set_viewport_size({"width": 1300, "height": 700})
        for index in (len(LATER) - 1, 1):
            # Asked for again until it is so: what is drawn meanwhile moves it away.
            page.wait_for_function(
                """([index, live]) => {
                    const box = document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect();
                    const view = document.querySelector(live)?.getBoundingClientRect();
                    const inSight = Boolean(view && view.top < box.bottom && view.bottom > box.top);
                    if (inSight === (index === 1)) return true;
                    window.jupyterapp.shell.currentWidget.content.scrollToItem(index);
                }""",
                arg=[index, f".jp-Notebook {LIVE}"],
            )
        views.get_by_text("row two").first.wait_for()
        expect(searched, "it is the same view").to_have_value("two")

        page.set_viewport_size({"width": 1300, "height": 5000})
        expect(page.locator(".jp-Notebook .jp-Cell"), "all are on the page again").to_have_count(len(LATER) + 1)
        ran(page, 1)
        views.get_by_text("row one").wait_for()
        expect(preview, "what was there before has gone").to_have_count(2)
        ran(page, len(LATER))
        scrolled_to(page, len(LATER))
        printed = page.locator(f".jp-Cell[data-windowed-list-index='{len(LATER)}']")
        expect(printed).to_contain_text("views [1, 1]", use_inner_text=True)
        assert [problem for problem in page.problems if problem != TWICE] == []
    finally:
        (settings / "tracker.jupyterlab-settings").unlink()
        shut_down_kernels(lab)
