"""From an event of the engine to the page, in a real JupyterLab and Chromium.

The cockpit is shown, and while a cell keeps the kernel busy (half of the time in Python, as a user's code may) counts
of tasks come in at random moments, each told apart by its number. The page notes, in the frame in which it is drawn,
when each number was first to be read. Kernel and browser are on one machine, so they share a clock.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.benchmarks.chromium import chromium
from tests.benchmarks.figures import Figure, Goal, Report
from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all
from tests.helpers.servers import serving

AREA = "pixel"
EVENTS = 150

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


def measure(report: Report) -> None:
    """Milliseconds from each event to the page."""
    with chromium() as browser, tempfile.TemporaryDirectory() as home, serving(Path(home)) as lab:
        notebook(lab, "pixel.ipynb", CELLS)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        open_notebook(page, lab, "pixel.ipynb")
        page.evaluate(WATCH)
        run_all(page)
        # JupyterLab goes to the last cell; a view that is out of sight is not drawn.
        page.locator(".root[data-view=cockpit] .head").scroll_into_view_if_needed(timeout=20_000)
        all_ran(page, 200)
        output = page.locator(".jp-OutputArea-output", has_text="TOLD").inner_text()
        seen = {int(number): t for number, t in page.evaluate("() => window.seen").items()}
    told = {int(number): t for number, t in json.loads(output.partition("TOLD ")[2]).items()}
    if len(seen) <= EVENTS / 3 or max(seen) < EVENTS:
        raise RuntimeError(
            f"{len(seen)} of {EVENTS} events were drawn by themselves, up to number {max(seen, default=0)}"
        )
    note = f"{len(seen)} of {EVENTS} drawn by themselves, the kernel half busy"
    report.add(Figure(AREA, "from an event to the page", "ms", delays(told, seen), goal=Goal("p95", 250), note=note))


def delays(told: dict[int, float], seen: dict[int, float]) -> tuple[float, ...]:
    """Milliseconds. A number that was never drawn was overtaken by a later one: when that was drawn, it was to be
    read."""
    return tuple(1e3 * (min(at for other, at in seen.items() if other >= number) - t) for number, t in told.items())
