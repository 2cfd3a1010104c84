"""``pytest -s tests/benchmarks/pixel.py``: from an event of the engine to the page, in a real JupyterLab and Chromium.

The cockpit is shown, and while a cell keeps the kernel busy (half of the time in Python, as a user's code may) counts
of tasks come in at random moments, each told apart by its number. The page notes, in the frame in which it is drawn,
when each number was first to be read. Kernel and browser are on one machine, so they share a clock. Printed and left
in artifacts/pixel.json: median, 95th percentile and longest, in ms; the goal is 250 ms at the 95th percentile.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Lab, all_ran, chromium, lab, open_notebook, page, run_all, shut_down_kernels
from tests.browser.test_stop import notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
__all__ = ["chromium", "lab", "page"]  # the fixtures
EVENTS = 150
GOAL_MS = 250

CELLS = (
    "%load_ext daftnb\n%daft cockpit",
    f"""
    import json, random, time
    import daftnb
    from daftnb.telemetry import events as e

    monitor, chance = daftnb.get_session().monitor, random.Random(3)
    now = time.time()
    monitor.emit(e.QueryStarted(now, "measured", "ray"))
    monitor.emit(e.PlanReady(now, "measured", (e.PlanNode(1, "Scan", "Source", ()),)))
    told = {{}}
    for number in range(1, {EVENTS} + 1):
        until = time.monotonic() + chance.uniform(0.1, 0.4)
        while time.monotonic() < until:
            busy = time.monotonic() + 0.005
            while time.monotonic() < busy:
                pass
            time.sleep(0.005)
        told[number] = time.time()
        counts = e.TaskCounts(1000, 999 - number, 1, number, 0, 0)
        monitor.emit(e.StageCounts(told[number], "measured", 1, "Scan", counts))
    time.sleep(1)
    monitor.emit(e.QueryFinished(time.time(), "measured", "finished"))
    print("TOLD " + json.dumps(told))
    """,
)
WATCH = """() => {
    window.seen = {};
    const look = () => {
        for (const host of document.querySelectorAll('.jp-OutputArea-output div')) {
            const head = host.shadowRoot?.querySelector('.head');
            const found = head && /(\\d+) of 1000 tasks|(\\d+)\\/1000/.exec(head.textContent.replaceAll(',', ''));
            if (found) window.seen[found[1] ?? found[2]] ??= Date.now() / 1000;
        }
        requestAnimationFrame(look);
    };
    look();
}"""


def test_from_an_event_to_the_page(lab: Lab, page: Any, artifacts: Path) -> None:
    notebook(lab, "pixel.ipynb", CELLS)
    try:
        open_notebook(page, lab, "pixel.ipynb")
        page.evaluate(WATCH)
        run_all(page)
        # JupyterLab goes to the last cell; a view that is out of sight is not drawn.
        page.locator(".root[data-view=cockpit] .head").scroll_into_view_if_needed(timeout=20_000)
        all_ran(page, 200)
        output = page.locator(".jp-OutputArea-output", has_text="TOLD").inner_text()
    finally:
        shut_down_kernels(lab)
    told = {int(number): t for number, t in json.loads(output.partition("TOLD ")[2]).items()}
    seen = {int(number): t for number, t in page.evaluate("() => window.seen").items()}
    # A number that was never drawn was overtaken by the next: that one's drawing is when it was to be read.
    delays = []
    for number, t in told.items():
        drawn = min((at for other, at in seen.items() if other >= number), default=None)
        assert drawn is not None, f"event {number} was never drawn"
        delays.append((drawn - t) * 1000)
    figures = {
        "events": len(delays),
        "drawn by themselves": len(seen),
        "median ms": round(statistics.median(delays)),
        "95th percentile ms": round(statistics.quantiles(delays, n=20)[-1]),
        "longest ms": round(max(delays)),
        "goal ms": GOAL_MS,
    }
    (artifacts / "pixel.json").write_text(json.dumps(figures, indent=2))
    print(json.dumps(figures))
    assert len(seen) > EVENTS / 3
