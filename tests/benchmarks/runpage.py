"""The HTML file of a recording: how large it is, how long it takes to write, and how quick it opens in Chromium.

Generated events of large queries. No Ray, no server.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from daftnb.recordings import Recording
from daftnb.telemetry.recorder import Recorder
from tests.benchmarks.chromium import chromium
from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.recording import NOTE, QUERIES, fold
from tests.helpers import crowd

AREA = "runpage"
OPENINGS = 5


def measure(report: Report) -> None:
    """The HTML file of each query, opened from the disk in Chromium: until its slider is drawn."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, sizes in QUERIES.items():
            path = Path(folder) / "run.html"
            recorder, events = Recorder(), list(crowd.query(**sizes))
            fold(events, recorder)
            recording = Recording([recorder.reel(1)], "run.arrow")
            began = time.perf_counter()
            size = recording.save(path)
            wrote = time.perf_counter() - began
            took = [opening(browser, path) for _ in range(OPENINGS)]
            for what, unit, ours, goal in (
                ("page", "MB", [size / 1e6], Goal("median", 1.5)),
                ("writing the page", "s", [wrote], None),
                ("opening the page", "s", took, Goal("median", 1.0)),
            ):
                report.add(Figure(AREA, f"{what}, {name}", unit, tuple(ours), goal=goal, note=NOTE))


def opening(browser: Any, path: Path) -> float:
    """Seconds from the start of the page's navigation until its slider is on the screen, by the page's own clock."""
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator(".replay [aria-label=time]").wait_for()
    took: float = page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000))))"
    )
    page.close()
    return took
