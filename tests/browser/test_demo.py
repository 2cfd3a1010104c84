"""The whole product: the demo notebook in a real JupyterLab, watched in a real browser, on a really scaling Ray."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.helpers.notebooks import all_ran, open_notebook, run_all, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parent.parent.parent

# Runs in the page: what the views say now, and how often they have changed.
WATCH = """() => {
    window.seen = {ratio: [], workers: [], changes: [], states: new Set(), settings: []};
    const look = () => {
        for (const host of document.querySelectorAll('.jp-OutputArea-output *')) {
            const root = host.shadowRoot?.querySelector('.root');
            if (!root || root.dataset.view !== 'cockpit') continue;
            const ratio = root.querySelector('[data-ratio]')?.dataset;
            const value = ratio?.ratio === '' ? null : Number(ratio?.ratio);
            if (ratio) window.seen.ratio.push([value, Number(ratio.threshold)]);
            const workers = root.querySelector('[data-workers]')?.dataset.workers;
            if (workers !== undefined) window.seen.workers.push(Number(workers));
            for (const card of root.querySelectorAll('.op')) window.seen.states.add(card.dataset.state);
            if (!root.watched) {
                root.watched = true;
                new MutationObserver(() => window.seen.changes.push(performance.now()))
                    .observe(root, {subtree: true, childList: true, characterData: true, attributes: true});
            }
        }
    };
    window.watching = setInterval(look, 100);
}"""


def seen_so_far(page: Any, artifacts: Path) -> dict[str, Any]:
    seen = page.evaluate(
        "() => ({...window.seen, states: [...window.seen.states], changes: window.seen.changes.length})"
    )
    (artifacts / "demo-seen.json").write_text(json.dumps(seen))
    return seen


def replayed(page: Any) -> Any:
    """The recording's cockpit, moved by its slider to where the backlog has brought workers."""
    root = page.locator(".jp-OutputArea-output .root", has=page.locator(".replay"))
    slider = root.locator("input[type=range]")
    slider.scroll_into_view_if_needed()
    expect(root.locator(".head"), "it begins at the end").to_have_attribute("data-state", "finished")
    for percent in range(10, 100, 3):
        slider.evaluate(
            """(slider, share) => {
                slider.value = Number(slider.min) + (slider.max - slider.min) * share;
                slider.dispatchEvent(new Event('input', {bubbles: true, composed: true}));
            }""",
            percent / 100,
        )
        page.wait_for_timeout(300)  # what is there at this moment is not known, so there is nothing to wait for
        ratio, workers = root.locator("[data-ratio]").first, root.locator("[data-workers]").first
        if not (root.locator(".head[data-state=running]").count() and ratio.count() and workers.count()):
            continue
        above = float(ratio.get_attribute("data-ratio") or 0) > float(ratio.get_attribute("data-threshold") or 0)
        if (
            above
            and int(workers.get_attribute("data-workers") or 0) >= 2
            and root.locator(".op[data-state=running]").count()
        ):
            return root
    raise AssertionError("no moment of the recording shows a query that runs with a backlog on two workers")


def screenshots(page: Any, root: Any, artifacts: Path) -> None:
    """Take the README's pictures (``.github/pictures``), in both themes: the recorded cockpit amid the backlog."""
    pictures = artifacts / "pictures"
    pictures.mkdir(exist_ok=True)
    page.set_viewport_size({"width": 1280, "height": 1500})
    for theme in ("dark", "light"):
        name = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
        page.evaluate(f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: {name!r}}})")
        page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(theme == 'light').lower()}'")
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        root.and_(page.locator(f"[data-theme={theme}]")).wait_for()
        root.scroll_into_view_if_needed()
        page.wait_for_timeout(
            500
        )  # what is out of sight is not drawn, and what comes in sight is drawn snapshot by snapshot
        path = pictures / f"cockpit-{theme}.png"
        root.screenshot(path=path)
        with Image.open(path) as taken:
            few = taken.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(path, optimize=True)  # a third of the bytes, no colour is off by more than a few steps


def cockpit(page: Any) -> Any:
    return page.locator(".jp-OutputArea-output .root[data-view=cockpit]")


def test_demo_notebook(lab: Lab, page: Any, artifacts: Path) -> None:
    shutil.copy(ROOT / "notebooks" / "demo.ipynb", lab.folder / "demo.ipynb")
    open_notebook(page, lab, "demo.ipynb")
    page.evaluate(WATCH)
    run_all(page)
    page.wait_for_function("() => window.seen.workers.length > 0", timeout=200_000)
    cockpit(page).first.scroll_into_view_if_needed()
    # In the middle of the backlog, while the cell is busy.
    page.wait_for_function("() => window.seen.ratio.some(([ratio, threshold]) => ratio > threshold)", timeout=45_000)
    page.wait_for_function("() => Math.max(...window.seen.workers) >= 2", timeout=60_000)
    busy_from = time.monotonic()
    before = page.evaluate("() => window.seen.changes.length")
    page.wait_for_timeout(2000)  # the length of the measurement of the rate
    rate = (page.evaluate("() => window.seen.changes.length") - before) / (time.monotonic() - busy_from)
    cockpit(page).first.screenshot(path=artifacts / "cockpit-running.png")
    page.screenshot(path=artifacts / "lab-running.png")
    all_ran(page, 200)
    cockpit(page).first.scroll_into_view_if_needed()
    cockpit(page).locator(".head[data-state=finished]").first.wait_for()
    # What is watched is looked at every 100 ms, and a cell's end is known to the page before the snapshot after it.
    page.wait_for_function("() => window.seen.ratio.at(-1)[0] === null", timeout=10_000)
    cockpit(page).first.screenshot(path=artifacts / "cockpit-finished.png")
    seen = seen_so_far(page, artifacts)

    workers = [count for count in seen["workers"]]
    assert max(workers) >= 2, workers
    assert min(workers) <= 1, workers
    ratios = [ratio for ratio, _threshold in seen["ratio"] if ratio is not None]
    assert max(ratios) > 1.25
    assert seen["ratio"][-1][0] is None, "nothing runs any more"
    assert {"running", "finished"} <= set(seen["states"])
    assert rate >= 4, f"{rate:.1f} changes a second while the cell was busy"
    states = cockpit(page).first.locator(".op").evaluate_all("cards => cards.map((card) => card.dataset.state)")
    assert states
    assert set(states) == {"finished"}, states

    # The changed threshold was in effect for the last query: read back, in the panel and in the text.
    settings = page.locator(".jp-OutputArea-output pre", has_text="Scale-up threshold")
    expect(settings.last).to_contain_text("Scale-up threshold   2.0      2.0", use_inner_text=True)
    panel = page.locator(".jp-OutputArea-output", has_text="Back to defaults").last
    panel.scroll_into_view_if_needed()
    expect(panel).to_contain_text("in effect: 2.0", use_inner_text=True)
    panel.screenshot(path=artifacts / "controls.png")
    plan = page.locator(".jp-OutputArea-output .root[data-view=plan]").first
    plan.scroll_into_view_if_needed()
    plan.locator(".head .title").get_by_text("Query 1", exact=True).wait_for()  # each stays with its cell's query
    plan.locator(".op").get_by_text("l_returnflag").first.wait_for()
    expect(cockpit(page).first.locator("[data-threshold]").first).to_have_attribute("data-threshold", "1.25")
    plan.screenshot(path=artifacts / "plan.png")
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    cockpit(page).first.scroll_into_view_if_needed()
    page.locator(".jp-OutputArea-output .root[data-view=cockpit][data-theme=dark]").first.wait_for()
    cockpit(page).first.screenshot(path=artifacts / "cockpit-dark.png")
    screenshots(page, replayed(page), artifacts)
    wrong = ["vnd.jupyter.stderr", "vnd.jupyter.error"]
    errors = page.locator(", ".join(f".jp-RenderedText[data-mime-type='application/{kind}']" for kind in wrong))
    expect(errors).to_have_text([], use_inner_text=True)
    assert page.problems == []
    shut_down_kernels(lab)
