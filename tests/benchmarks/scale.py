"""``python -m tests.benchmarks.scale``: 1,000 workers, 200 operators, 100,000 tasks, from event to pixel.

No Ray: a generated stream (:mod:`tests.benchmarks.stream`) goes through the fold, the frames, a real view (its comm
writes nothing) and, in Chromium, the real bundle. Measured: events folded per second; what a frame, its part and its
patch cost; messages and bytes per view, in the query's own time; and how long the page works on what it was sent,
all tasks of its main thread: script, style, layout, paint. Times are those of the process and of that thread (CPU
time), so that what else the machine does does not count.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry.events import Event
from daftnb.telemetry.frames import LANES, LIVE_LANES, Frame, frame_of, merge_patch, select
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.state import apply
from daftnb.widgets import base
from daftnb.widgets.loading import built
from daftnb.widgets.views import Backlog, Cockpit, Plan, Workers
from tests.benchmarks.stream import PULL_SECONDS, stream

WORKERS, OPERATORS, TASKS = 1_000, 200, 100_000
SECONDS = 60.0  # of the query, about
ROUNDS = 5
FRAMES = 150  # drawn by Chromium, from the query's second half
DRAWN = (("cockpit", LIVE_LANES), ("cockpit", LANES), ("workers", LANES), ("backlog", LANES), ("plan", LANES))
VIEWS = (Cockpit, Workers, Backlog, Plan)
DRAW = """async ([code, view, frame]) => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const {render} = await import(url);
    const traits = {frame, _view: view};
    const handlers = {};
    const on = (event, handler) => { handlers[event] = handler; };
    window.tell = handlers;
    render({model: {get: (name) => traits[name], on, off() {}, send() {}}, el: document.getElementById('view')});
}"""
# One message (or none), and the next frame of the screen. The messages are in the page beforehand, as text: to be
# parsed is a part of what they cost, to be brought there by the debugger is not.
FEED = """async (number) => {
    if (number !== null) tell['msg:custom'](JSON.parse(messages[number]));
    await new Promise((done) => requestAnimationFrame(done));
    await new Promise((done) => setTimeout(done));
}"""
SCREENS = 6  # frames of the screen looked at after each message; a long plan is drawn in several


def main() -> int:
    """Measure, print, and leave the figures in artifacts/scale.json."""
    pulls = list(stream(WORKERS, OPERATORS, TASKS, SECONDS))
    gc.freeze()  # a kernel does not hold the events
    figures: dict[str, Any] = {"events": sum(map(len, pulls)), "seconds": len(pulls) * PULL_SECONDS}
    print(
        f"{WORKERS} workers, {OPERATORS} operators, {TASKS} tasks: {figures['events']} events in "
        f"{figures['seconds']:.0f} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    figures["fold"] = fold(pulls)
    figures["tick"] = ticks(pulls)
    figures["sent"] = {view.view: sent(view, pulls) for view in VIEWS}
    figures["page"] = drawn(pulls)
    artifacts = Path(__file__).resolve().parent.parent.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / "scale.json").write_text(json.dumps(figures, indent=1))
    return 0


def spread(name: str, values: list[float], unit: str) -> dict[str, float]:
    """Print and give the median, the 95th percentile and the extremes."""
    ordered = sorted(values)
    found = {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
        "least": ordered[0],
        "most": ordered[-1],
    }
    print(
        f"  {name:<34} median {found['median']:10,.2f} {unit}, 95 % {found['p95']:10,.2f}, "
        f"from {found['least']:,.2f} to {found['most']:,.2f}"
    )
    return found


def fold(pulls: list[list[Event]]) -> dict[str, float]:
    """Events per second through ``apply``, the whole stream at once."""
    rates = []
    for _ in range(ROUNDS):
        state = State()
        began = time.process_time()
        count = 0
        for pull in pulls:
            for event in pull:
                apply(event, state)
            count += len(pull)
        rates.append(count / (time.process_time() - began))
    return spread("fold", rates, "events/s")


def frames(pulls: list[list[Event]]) -> Any:
    """The frame after each pull, and its time."""
    state = State()
    for pull in pulls:
        for event in pull:
            apply(event, state)
        began = time.process_time()
        frame = frame_of(state, pull[-1].t, "ray", AutoscalingSettings())
        yield frame, time.process_time() - began


def ticks(pulls: list[list[Event]]) -> dict[str, dict[str, float]]:
    """What a tick costs the kernel beside the fold: the frame once, and for each view its part and the patch."""
    made, parts = [], []
    last: Frame = {}
    for frame, seconds in frames(pulls):
        began = time.process_time()
        part = select(frame, "cockpit", 0, LIVE_LANES)
        merge_patch(last, part)
        last = part
        made.append(1e3 * seconds)
        parts.append(1e3 * (time.process_time() - began))
    return {"frame": spread("a frame", made, "ms"), "part": spread("a view's part and its patch", parts, "ms")}


class _Session:
    """What a view asks of a session."""

    def __init__(self, frame: Frame) -> None:
        self.frame = lambda: frame
        self.monitor = Monitor(list, lambda state, now: frame, lambda: 0.0)


def sent(kind: type[base.View], pulls: list[list[Event]]) -> dict[str, float]:
    """Messages and bytes of a real view while the query runs, by the query's own clock."""
    clock = mock.Mock()
    clock.monotonic.return_value = 0.0
    messages: list[tuple[float, int]] = []

    def publish(kind: str, data: Any = None, **_rest: Any) -> None:
        if kind == "comm_msg":
            messages.append((clock.monotonic(), len(json.dumps(data, ensure_ascii=False).encode())))

    with mock.patch.object(base, "time", clock):
        view: base.View | None = None
        for frame, _ in frames(pulls):
            clock.monotonic.return_value += PULL_SECONDS
            if view is None:
                view = kind(_Session(frame))  # type: ignore[arg-type]
                view.comm.publish_msg = publish
            view.publish(frame)
        seconds = clock.monotonic()
        assert view is not None
        for _ in range(40):  # what is left of it, once it is over
            clock.monotonic.return_value += 1.2
            view.publish(frame)
        left = merge_patch(view._last, select(frame, view.view, 0, LIVE_LANES))
        assert left.keys() <= {"now"}, "the last state has arrived"
        view.close()
    during = [(at, size) for at, size in messages if at <= seconds]
    tens = [sum(size for at, size in during if from_ <= at < from_ + 10) / 10 for from_ in range(int(seconds) - 9)]
    found = {
        "messages/s": len(during) / seconds,
        "bytes/s": sum(size for _, size in during) / seconds,
        "most bytes/s in 10 s": max(tens),
        "longest wait": max(b - a for (a, _), (b, _) in pairwise(during)),
    }
    print(
        f"  {kind.view:<10} {found['messages/s']:5.2f} messages/s, {found['bytes/s'] / 1e3:6.1f} kB/s "
        f"(at most {found['most bytes/s in 10 s'] / 1e3:.1f} in 10 s), at most {found['longest wait']:.1f} s apart"
    )
    return found


def drawn(pulls: list[list[Event]]) -> dict[str, dict[str, float]]:
    """The page's work in the longest frame of the screen after each patch: as sent (a window of workers), and with all
    the lanes that a frame can have."""
    from playwright.sync_api import sync_playwright

    from tests.browser.servers import CHROMIUM_FLAGS

    half = [frame for frame, _ in frames(pulls)][len(pulls) // 2 :][: FRAMES + 1]
    html = "<!doctype html><title>daftnb</title><body data-jp-theme-light=true><main id=view></main>"
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        for view, lanes in DRAWN:
            parts = [select(frame, view, 0, lanes) for frame in half]
            page = browser.new_page(viewport={"width": 1500, "height": 1400})
            page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
            page.goto("http://daftnb.invalid/")
            page.evaluate(DRAW, [built("daftnb.js"), view, {**parts[0], "seq": 0}])
            page.locator(".panel").first.wait_for()
            messages = [
                {"type": "patch", "base": number, "seq": number + 1, "patch": merge_patch(before, after)}
                for number, (before, after) in enumerate(pairwise(parts))
            ]
            texts = [json.dumps(message, ensure_ascii=False) for message in messages]
            page.evaluate("(texts) => { window.messages = texts; }", texts)
            devtools = page.context.new_cdp_session(page)
            devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

            def busy(devtools: Any = devtools) -> float:
                metrics = devtools.send("Performance.getMetrics")["metrics"]
                return 1e3 * next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

            times = []
            for number in range(len(messages)):
                screens = [busy()]
                for message in (number, *[None] * (SCREENS - 1)):
                    page.evaluate(FEED, message)
                    screens.append(busy())
                times.append(max(after - before for before, after in pairwise(screens)))
            name = f"page, {view}, {lanes} lanes"
            found[name] = spread(name, times[5:], "ms")  # the first ones are compiled
            page.close()
        browser.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
