"""How a preview scrolls in Chromium; the kernel takes 15 ms.

Ten million rows of 20 columns (whole numbers, floats, texts, with nulls), pages encoded by pyarrow and answered in the
page after 15 ms, one after another. The page notes each frame of the screen, and for each cell how long it was there
before its value was. Four ways of scrolling: by wheel a few rows at a time; with the scroll bar dragged over all
rows in ten seconds; leaps to random places; and sideways.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from daftnb.built import built
from tests.benchmarks.chromium import chromium
from tests.benchmarks.figures import Figure, Goal, Report
from tests.browser.fakekernel import FakeKernel, Made, number_summary
from tests.browser.previewpage import PAGE

AREA = "scrolling"
ROWS = 10_000_000
COLUMNS = 20
ANSWER_MS = 15
LEAPS = 60
WAYS = {"wheel": 6_000, "drag": 10_000, "leaps": LEAPS * 20 * 16, "sideways": 5_000}  # ms

DRAW = """async ([code, table, pages, summary, delay]) => {
    const {render} = await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const data = pages.map((one) => bytes(one));
    const traits = {table, page: new DataView(data[0].buffer), _view: 'preview', layout: {}};
    const handlers = {};
    let free = 0;
    window.asked = 0;
    const send = (content) => {
        const now = performance.now();
        free = Math.max(now, free) + delay;  // a kernel does one thing at a time
        setTimeout(() => {
            const tell = handlers['msg:custom'];
            if (content.type === 'page') {
                window.asked += 1;
                const copy = data[content.start / 100 % data.length].slice();
                const {id, view, start, count, columns} = content;
                tell({type: 'page', id, view, start, count, columns, rows: table.rows}, [new DataView(copy.buffer)]);
            } else if (content.type === 'summary') {
                tell({type: 'summary', id: content.id, view: content.view, done: true,
                    columns: Object.fromEntries(content.columns.map((column) => [column, summary]))}, []);
            }
        }, free - now);
    };
    render({el: document.getElementById('view'), model: {get: (name) => traits[name], off() {}, send,
        on: (event, callback) => { handlers[event] = callback; }}});
    window.scroller = document.querySelector('#view > div').shadowRoot.querySelector('.scroller');
}"""

# Moves for some time, one step for each frame, and notes frames and blanks; then waits until all is there.
WATCH = """async ([kind, ms]) => {
    const rows = window.scroller.querySelector('.rows');
    const frames = [], blanks = [], coming = new Map();
    const look = (now) => {
        const seen = new Set();
        for (const row of rows.children) {
            if (row.hidden) continue;
            for (const cell of row.querySelectorAll('.coming')) {
                const place = `${row.getAttribute('aria-rowindex')} ${cell.getAttribute('aria-colindex')}`;
                seen.add(place);
                if (!coming.has(place)) coming.set(place, now);
            }
        }
        for (const [place, since] of coming) {
            if (seen.has(place)) continue;
            blanks.push(now - since);
            coming.delete(place);
        }
    };
    const began = performance.now();
    let last = began, step = 0;
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    while (performance.now() - began < ms) {
        const now = await frame();
        if (step++ > 1) frames.push(now - last);
        last = now;
        look(performance.now());
        const share = (performance.now() - began) / ms;
        if (kind === 'wheel') window.scroller.dispatchEvent(new WheelEvent('wheel', {deltaY: 90, cancelable: true}));
        else if (kind === 'drag') window.scroller.scrollTop = share * (window.scroller.scrollHeight - 600);
        else if (kind === 'sideways') {
            window.scroller.scrollLeft = (1 - Math.cos(share * 12)) / 2 * window.scroller.scrollWidth;
        } else if (step % 20 === 1) window.scroller.scrollTop = Math.random() * window.scroller.scrollHeight;
    }
    while (rows.querySelector('.row:not([hidden]) .coming')) { await frame(); look(performance.now()); }
    look(performance.now());
    return {frames, blanks};
}"""


def measure(report: Report) -> None:
    """Frames a second and the longest blank, of each way."""
    kernel, encoded = pages()
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        html = PAGE.replace("THEME", "true").replace("BACKGROUND", "#ffffff")
        page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto("https://daftnb.invalid/")
        page.evaluate(DRAW, [built("preview.js"), kernel.table, encoded, number_summary(ROWS), ANSWER_MS])
        for way, ms in WAYS.items():
            found = page.evaluate(WATCH, [way, ms])
            frames, blanks = tuple(found["frames"]), tuple(found["blanks"]) or (0.0,)
            rate = 1000 * len(frames) / sum(frames)
            report.add(
                Figure(AREA, f"frames, {way}", "1/s", (rate,), goal=Goal("median", 50, "least")),
                Figure(AREA, f"longest frame, {way}", "ms", (max(frames),)),
                Figure(AREA, f"longest blank, {way}", "ms", (max(blanks),), goal=Goal("median", 150)),
            )


def pages() -> tuple[FakeKernel, list[str]]:
    """Twenty pages, used over and over."""

    def sometimes(value: Callable[[int], Any], each: int) -> Callable[[int], Any]:
        return lambda row: None if row % each == 0 else value(row)

    def column(number: int) -> Made:
        kind = number % 4
        if kind == 0:
            return Made(f"whole {number}", "Int64", "integer", lambda row: row * 977 + number, pa.int64())
        if kind == 1:
            return Made(f"float {number}", "Float64", "float", sometimes(lambda row: row / 7 + number, 9), pa.float64())
        if kind == 2:
            return Made(f"text {number}", "String", "string", sometimes(lambda row: f"value {row} of {number}", 11))
        return Made(f"long {number}", "String", "string", lambda row: "lorem ipsum " * 16, note=lambda row: 4000 + row)

    kernel = FakeKernel([column(number) for number in range(COLUMNS)], ROWS)
    every = range(COLUMNS)
    return kernel, [base64.b64encode(kernel.page(start * 100, 100, every)).decode() for start in range(20)]
