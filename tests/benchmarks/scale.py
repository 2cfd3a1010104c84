"""1,000 workers and 200 operators, from event to pixel.

No Ray: a generated stream (:mod:`tests.benchmarks.stream`) goes through the fold, the snapshots, a real view (its comm
writes nothing) and, in Chromium, the real bundle. Measured: events folded per second; what a snapshot, its part and its
patch cost; messages and bytes per view, in the query's own time, second by second; and how long the page works on what
it was sent, all tasks of its main thread: script, style, layout, paint. Times are those of the process and of that
thread (CPU time), so that what else the machine does does not count.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unittest import mock

from daftnb.built import built
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry.events import Event
from daftnb.telemetry.model import State
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.snapshots import LANES, LIVE_LANES, Snapshot, merge_patch, select, snapshot_of
from daftnb.telemetry.state import apply
from daftnb.widgets import base
from daftnb.widgets.views import Backlog, Cockpit, Plan, Workers
from tests.benchmarks.chromium import chromium
from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.stream import PULL_SECONDS, stream

AREA = "scale"
WORKERS, OPERATORS = 1_000, 200
ROUNDS = 3
WINDOW = 10.0  # seconds over which messages and bytes are counted
VIEWS = (Cockpit, Workers, Backlog, Plan)
DRAWN = (("cockpit", LIVE_LANES), ("plan", LANES))
DRAWN_LONG = (("cockpit", LIVE_LANES), ("cockpit", LANES), ("workers", LANES), ("backlog", LANES), ("plan", LANES))
Pulls = list[list[Event]]
DRAW = """async ([code, view, snapshot]) => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const {render} = await import(url);
    const traits = {snapshot, _view: view};
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


@dataclass(frozen=True, slots=True)
class Sent:
    """What a view sent while the query ran: messages and bytes a second, in each window of it, and the seconds between
    two messages."""

    messages: tuple[float, ...]
    bytes: tuple[float, ...]
    waits: tuple[float, ...]


def measure(report: Report) -> None:
    """50,000 tasks in half a minute, or somewhat more."""
    measured(report, 50_000, 30.0, 60, DRAWN)


def measure_long(report: Report) -> None:
    """100,000 tasks in a minute."""
    measured(report, 100_000, 60.0, 150, DRAWN_LONG)


def measured(report: Report, tasks: int, seconds: float, drawings: int, views: Iterable[tuple[str, int]]) -> None:
    """All of it. ``drawings``: snapshots drawn by Chromium, from the query's second half."""
    pulls = list(stream(WORKERS, OPERATORS, tasks, seconds))
    gc.freeze()  # a kernel does not hold the events
    note = f"generated: {WORKERS:,} workers, {OPERATORS} operators, {tasks:,} tasks, {sum(map(len, pulls)):,} events"

    def add(name: str, unit: str, ours: Iterable[float], goal: Goal | None = None) -> None:
        report.add(Figure(AREA, name, unit, tuple(ours), goal=goal, note=note))

    add("fold", "events/s", (fold(pulls) for _ in range(ROUNDS)), Goal("median", 200_000, "least"))
    made, parts = ticks(pulls)
    add("a snapshot in the kernel", "ms", made)
    add("a view's part and its patch", "ms", parts)
    for kind in VIEWS:
        found = sent(kind, pulls)
        add(f"messages to the page, {kind.view}", "1/s", found.messages, Goal("p95", 10))
        add(f"bytes to the page, {kind.view}", "kB/s", (each / 1e3 for each in found.bytes), Goal("p95", 50))
        add(f"between two messages, {kind.view}", "s", found.waits)
    with chromium() as browser:
        half = [snapshot for snapshot, _ in snapshots(pulls)][len(pulls) // 2 :][: drawings + 1]
        for view, lanes in views:
            add(
                f"a snapshot in the page, {view}, {lanes} lanes",
                "ms",
                drawn(browser, half, view, lanes),
                Goal("p95", 16),
            )


def fold(pulls: Pulls) -> float:
    """Events per second through ``apply``, the whole stream at once."""
    state = State()
    began = time.process_time()
    for pull in pulls:
        for event in pull:
            apply(event, state)
    return sum(map(len, pulls)) / (time.process_time() - began)


def snapshots(pulls: Pulls) -> Iterator[tuple[Snapshot, float]]:
    """The snapshot after each pull, and its time."""
    state = State()
    for pull in pulls:
        for event in pull:
            apply(event, state)
        began = time.process_time()
        snapshot = snapshot_of(state, pull[-1].t, "ray", AutoscalingSettings())
        yield snapshot, time.process_time() - began


def ticks(pulls: Pulls) -> tuple[list[float], list[float]]:
    """What a tick costs the kernel beside the fold, in ms: one snapshot, and for each view its part and the patch."""
    made, parts = [], []
    last: Snapshot = {}
    for snapshot, seconds in snapshots(pulls):
        began = time.process_time()
        part = select(snapshot, "cockpit", 0, LIVE_LANES)
        merge_patch(last, part)
        last = part
        made.append(1e3 * seconds)
        parts.append(1e3 * (time.process_time() - began))
    return made, parts


class _Session:
    """What a view asks of a session."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = lambda: snapshot
        self.monitor = Monitor(list, lambda state, now: snapshot, lambda: 0.0)


def sent(kind: type[base.View], pulls: Pulls) -> Sent:
    """Messages and bytes of a real view while the query runs, by the query's own clock."""
    clock = mock.Mock()
    clock.monotonic.return_value = 0.0
    messages: list[tuple[float, int]] = []

    def publish(kind: str, data: Any = None, **_rest: Any) -> None:
        if kind == "comm_msg":
            messages.append((clock.monotonic(), len(json.dumps(data, ensure_ascii=False).encode())))

    with mock.patch.object(base, "time", clock):
        view: base.View | None = None
        for snapshot, _ in snapshots(pulls):
            clock.monotonic.return_value += PULL_SECONDS
            if view is None:
                view = kind(_Session(snapshot))  # type: ignore[arg-type]
                view.comm.publish_msg = publish
            view.publish(snapshot)
        seconds = clock.monotonic()
        assert view is not None
        for _ in range(40):  # what is left of it, once it is over
            clock.monotonic.return_value += 1.2
            view.publish(snapshot)
        left = merge_patch(view._last, select(snapshot, view.view, 0, LIVE_LANES))
        assert left.keys() <= {"now"}, "the last state has arrived"
        view.close()
    starts = [WINDOW * number for number in range(max(1, int(seconds / WINDOW)))]
    windows = [[size for at, size in messages if start <= at < start + WINDOW] for start in starts]
    return Sent(
        tuple(len(each) / WINDOW for each in windows),
        tuple(sum(each) / WINDOW for each in windows),
        tuple(after - before for (before, _), (after, _) in pairwise(messages) if after <= seconds),
    )


def drawn(browser: Any, of: list[Snapshot], view: str, lanes: int) -> list[float]:
    """The page's work in the longest frame of the screen after each patch, in ms: as sent (a window of workers), or
    with all the lanes that a snapshot can have."""
    html = "<!doctype html><title>daftnb</title><body data-jp-theme-light=true><main id=view></main>"
    parts = [select(snapshot, view, 0, lanes) for snapshot in of]
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

    def busy() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return 1e3 * float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

    times = []
    for number in range(len(messages)):
        screens = [busy()]
        for message in (number, *[None] * (SCREENS - 1)):
            page.evaluate(FEED, message)
            screens.append(busy())
        times.append(max(after - before for before, after in pairwise(screens)))
    page.close()
    return times[5:]  # the first ones are compiled
