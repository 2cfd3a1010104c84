"""What an output holds for whoever reads it: a page that mounts views, one that shows widgets, or none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest

from daftnb.widgets.loading import WIDGET_MIME, Reader, bundle_of, reader_of
from tests.helpers.previewkernel import Page, kernel_page

LAB = {"cellId": "0b2c1c9e-3f1c-4b52-9d70-1a2b3c4d5e6f", "deletedCells": [], "recordTiming": False, "trusted": True}
VS_CODE = {"cellId": "vscode-notebook-cell:/home/me/a.ipynb#W0sZmlsZQ%3D%3D"}


@pytest.mark.parametrize(
    ("metadata", "asks", "environment", "expected"),
    [
        (LAB, True, {}, "mounting"),
        (LAB, True, {"VSCODE_PID": "1"}, "mounting"),  # JupyterLab that was started in a terminal of VS Code
        ({**LAB, "deletedCells": ["x"]}, True, {}, "mounting"),
        (VS_CODE, True, {}, "widgets"),
        ({**VS_CODE, "deletedCells": []}, True, {}, "widgets"),
        ({"cellId": None, "deletedCells": []}, True, {}, "widgets"),
        ({"cellId": "c1"}, False, {}, "widgets"),  # another page
        ({}, True, {}, "widgets"),  # Colab, the classic notebook, a console
        ({}, False, {}, "none"),  # nbclient, papermill
        ({}, False, {"SERVER_SOFTWARE": "voila/0.5.8"}, "widgets"),
        ({}, False, {"VOILA_PREHEAT": "True"}, "widgets"),
        ({}, False, {"SERVER_SOFTWARE": "something else"}, "none"),
    ],
)
def test_who_reads_a_cell(metadata: dict[str, Any], asks: bool, environment: dict[str, str], expected: Reader) -> None:
    request = {"metadata": metadata, "content": {"code": "df", "allow_stdin": asks}}
    assert reader_of(request, environment) == expected
    assert reader_of({}, {}) == "widgets", "what says nothing of itself"


def test_what_each_is_given() -> None:
    widget = ipywidgets.IntSlider()
    id_ = widget.model_id
    forms = {"text/plain": "two rows", "text/html": "<div>two rows</div>"}
    assert bundle_of("two rows", "<div>two rows</div>", widget, "none") == forms
    view = {"version_major": 2, "version_minor": 0, "model_id": id_}
    assert bundle_of("two rows", "<div>two rows</div>", widget, "widgets") == {**forms, WIDGET_MIME: view}
    mounted = bundle_of("two rows", "<div>two rows</div>", widget, "mounting")
    place = f'<div data-daftnb-model="{id_}"><div>two rows</div></div>'
    assert mounted == {"text/plain": "two rows", "text/html": place}
    assert len(json.dumps(mounted)) < len(json.dumps({**forms, WIDGET_MIME: view})), "no larger than before"
    widget.close()
    for reader in ("none", "widgets", "mounting"):
        assert bundle_of("two rows", "<div>two rows</div>", widget, reader) == forms, "there is nothing to show live"


# As JupyterLab says it; a cell of VS Code has only the first, and nbclient's none.
SAID = {"deletedCells": [], "recordTiming": False}
SETUP = """
import time
import daftnb, ipywidgets
from daftnb.widgets.loading import Mounter
daft.set_runner_native()

@daft.func
def slow(x: int) -> int:
    time.sleep(0.02)
    return x

df = daft.from_pydict({"x": list(range(40))})
done = df.collect()

def slowly():
    df.into_batches(10).select(slow(daft.col("x"))).collect()
"""
MOUNTERS = "print([type(each).__name__ for each in ipywidgets.widgets.widget._instances.values()].count('Mounter'))"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with kernel_page(subshell=False) as page:
        page.run(SETUP)
        yield page


def run(page: Page, code: str, cell: str, **said: Any) -> dict[str, Any]:
    """Run a cell, of which a page says this; what it displayed last."""
    page.finish(page.start(code, cell, **said))
    assert not page.errors, page.errors
    return page.bundles[-1]


def place(page: Page, bundle: dict[str, Any]) -> dict[str, Any]:
    """The state of the model that a bundle's HTML has a place for."""
    found = re.match('<div data-daftnb-model="([0-9a-f]{32})"><div', bundle["text/html"])
    assert found, bundle["text/html"][:200]
    return page.comms[found[1]]


@pytest.mark.parametrize("code", ["done", "done.show(3)", "df.where(df['x'] > 3)", "%daft preview done"])
def test_a_preview_is_for_the_page_that_runs_its_cell(code: str, page: Page) -> None:
    bundle = run(page, code, "preview", **SAID)
    assert set(bundle) == {"text/plain", "text/html"}
    assert place(page, bundle)["_view"] == "preview"
    bundle = run(page, code, "preview")
    assert set(bundle) == {"text/plain", "text/html", WIDGET_MIME}
    assert "data-daftnb" not in bundle["text/html"]


@pytest.mark.parametrize("view", ["cockpit", "plan", "workers", "backlog", "decisions", "history"])
def test_so_is_a_view(view: str, page: Page) -> None:
    bundle = run(page, f"%daft {view}", "view", **SAID)
    assert set(bundle) == {"text/plain", "text/html"}
    assert place(page, bundle)["_view"] == view
    assert set(run(page, f"%daft {view}", "view")) == {"text/plain", "text/html", WIDGET_MIME}


def test_and_the_controls_and_a_recording(page: Page) -> None:
    bundle = run(page, "%daft controls", "controls", **SAID)
    assert set(bundle) == {"text/plain", "text/html"}
    assert place(page, bundle)["_model_name"] == "VBoxModel"
    recorded = "df.where(df['x'] > 3).collect()\n%daft save run.arrow\n%daft open run.arrow\n!rm run.arrow"
    assert place(page, run(page, recorded, "recording", **SAID))["_view"] == "cockpit"


def test_what_is_brought_up_to_date_is_for_the_same_page(page: Page) -> None:
    """Also when another one runs a cell meanwhile; and what lives no more has no place."""
    shown = place(page, run(page, "%daft plan", "plan", **SAID))
    del page.updates[:]
    run(page, "slowly()", "other")
    assert shown in [place(page, each) for each in page.updates if "data-daftnb-model" in each["text/html"]]
    line = place(page, run(page, "slowly()", "slow", **SAID))
    assert line["_view"] == "line"
    del page.updates[:]
    run(page, "%unload_ext daftnb", "unload", **SAID)
    retired = [each for each in page.updates if re.match("<div[^>]*><details", each["text/html"])]
    assert retired and all(set(each) == {"text/plain", "text/html"} for each in retired)
    page.run("%load_ext daftnb")


def test_one_model_mounts_all_of_a_kernels_views(page: Page) -> None:
    run(page, "done", "preview", **SAID)
    page.run(MOUNTERS)
    assert page.texts[-1].strip() == "1"
    page.run("ipywidgets.Widget.close_all()")
    run(page, "done", "preview", **SAID)
    page.run(MOUNTERS)
    assert page.texts[-1].strip() == "1", "it is made again where somebody has closed all widgets"


def test_html_that_is_asked_for_has_no_place(page: Page) -> None:
    code = "print('data-daftnb' in daftnb.plan()._repr_html_(), 'data-daftnb' in daftnb.preview(done)._repr_html_())"
    page.finish(page.start(code, "asked", **SAID))
    assert page.texts[-1].strip() == "False False"
