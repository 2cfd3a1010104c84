"""Workers and backlog on a page: lanes, table, and one moment through them all; by pointer and by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.telemetry.snapshots import LIVE_LANES, merge_patch, select
from tests.browser import crowd
from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.browser.reading import texts

pytestmark = [pytest.mark.browser]
T = crowd.T
AXIS, END = 38, 12  # of a chart's box: window.ts

CURSORS = """() => [...document.querySelector('#view > div').shadowRoot.querySelectorAll('.cursor')]
    .map((line) => line.getBoundingClientRect().x)"""


def facts(page: Any) -> dict[str, str]:
    """The moment as it is told; its time is under "t"."""
    found = texts(page, ".moment .facts > *")
    return {"t": found[0], **dict(fact.split(" ", 1) for fact in found[1:])}


def point_at(page: Any, selector: str, seconds: float, until: float, y: float = 40) -> float:
    """Move the pointer to a time on a chart (``until``: at its right end); gives the x of it."""
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    axis = 0 if "lane" in selector else AXIS
    end = 0 if "lane" in selector else END
    x = box["x"] + axis + (box["width"] - axis - end) * (seconds + 1) / (until + 1)
    page.mouse.move(x, box["y"] + y)
    return x


@looks(1100)
def test_everyone_can_read_it(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    for view, over in (("cockpit", False), ("workers", True)):
        page = draw(crowd.scaled(over), view, width=width, theme=theme)
        point_at(page, ".lane[data-id=b]", 12.2, 33 if over else 16, y=8)
        page.locator(".tip").wait_for()
        for form in ("lanes", "table"):
            everyone_can_read(page, artifacts / f"lanes-{view}-{form}-{width}-{theme}.png")
            page.get_by_role("button", name="table").click()


def test_one_line_through_all_charts_and_lanes_tells_the_moment(draw: Draw) -> None:
    page = draw(crowd.scaled(True))
    assert facts(page) == {
        "t": "nothing runs", "ratio": "—", "threshold": "1.25", "pending": "—", "running": "—", "capacity": "—",
        "wanted": "—", "granted": "4", "observed": "3", "busy": "0, idle 3",
    }  # fmt: skip
    for selector in (".chart", ".chart.tasks", ".chart.small", ".lane[data-id=a]"):
        x = point_at(page, selector, 12.6, 33, y=8)
        lines = page.evaluate(CURSORS)
        assert len(lines) == 4
        assert all(abs(line - x) <= 1 for line in lines), (selector, x, lines)
        point = next(p for p in reversed(crowd.scaled(True)["backlog"]["points"].values()) if p[0] <= T + 12.6)
        told = facts(page)
        assert told.pop("t") in ("12.5 s", "12.6 s", "12.7 s")
        assert told == {
            "ratio": f"{point[1]:.3g} ↑", "threshold": "1.25", "pending": str(point[2]), "running": str(point[3]),
            "capacity": str(point[4]), "wanted": str(point[6]), "granted": str(point[7]), "observed": str(point[8]),
            "busy": "3, idle 0",
        }  # fmt: skip
    page.mouse.move(5, 5)
    assert page.evaluate(CURSORS) == []
    assert facts(page)["t"] == "nothing runs"


def test_what_is_below_the_readout_stays_where_it_is(draw: Draw) -> None:
    for width in (1100, 400):
        page = draw(crowd.scaled(True), width=width)
        before = page.locator(".workers .bar").bounding_box()
        told = set()
        for seconds in (1.7, 2.0, 4.05, 12.0, 20.0, 30.0, 31.0):
            point_at(page, ".chart", seconds, 33)
            told.add(texts(page, ".moment .told")[0])
            assert page.locator(".workers .bar").bounding_box() == before
        assert len(told) > 4


def test_the_moment_by_keyboard(draw: Draw) -> None:
    page = draw(crowd.scaled(True))
    slider = page.locator(".moment")
    slider.focus()
    said = lambda: slider.get_attribute("aria-valuetext")  # noqa: E731
    page.keyboard.press("Home")
    assert (said() or "").startswith("−1.0 s, ratio —")
    page.keyboard.press("PageDown")
    assert (said() or "").endswith(", ratio 0.8 ≤ 1.25 (4 pending ÷ 5 CPUs) ×4")
    expect(slider).to_have_attribute("aria-valuenow", "0.6")
    expect(page.locator(".decision.pointed .tag")).to_have_text("not asked", use_inner_text=True)
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    expect(slider).to_have_attribute("aria-valuenow", "0.6")
    for key, moved in (("ArrowRight", "0.9"), ("Shift+ArrowRight", "4.3"), ("ArrowLeft", "4"), ("End", "33")):
        page.keyboard.press(key)
        expect(slider).to_have_attribute("aria-valuenow", moved)
    assert len(page.evaluate(CURSORS)) == 4
    page.keyboard.press("Escape")
    assert page.evaluate(CURSORS) == []


def test_decisions_and_their_marks_are_linked(draw: Draw) -> None:
    page = draw(crowd.scaled(True))
    x = point_at(page, ".chart", 9.6, 33) + 3
    page.mouse.move(x, page.locator(".chart").first.bounding_box()["y"] + 5)
    expect(page.locator(".decision.pointed .why")).to_have_text(
        ["the node of worker 3 came, 5.1 s after it was asked for"], use_inner_text=True
    )
    expect(page.locator(".moment .told")).to_have_text(
        ["△ granted the node of worker 3 came, 5.1 s after it was asked for"], use_inner_text=True
    )
    box, row = page.locator(".decision.pointed").bounding_box(), page.locator(".scroll").first.bounding_box()
    assert row["y"] <= box["y"] <= box["y"] + box["height"] <= row["y"] + row["height"] + 1, "it came into sight"
    page.locator(".decision", has_text="3 idle workers").hover()
    expect(page.locator(".cursor.pointed")).to_have_count(4)
    assert facts(page)["t"] == "30.0 s"
    assert texts(page, ".moment .told")[0].startswith("· swept 3 idle workers at the query's end")
    page.mouse.move(5, 5)
    page.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = page.get_by_role("listbox").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}[aria-selected=true] .tag")).to_have_text("withdrawn", use_inner_text=True)
    assert facts(page)["t"] == "30.1 s"
    page.keyboard.press("Tab")
    expect(page.locator(".decision.pointed")).to_have_count(0)


def test_each_task_says_what_it_is(draw: Draw) -> None:
    snapshot = crowd.scaled(True)
    page = draw(snapshot, "workers")
    tasks = snapshot["workers"]["rows"]["b"]["tasks"]
    for key in ("0", "6", str(len(tasks) - 1)):
        task, stage, query, start, end, outcome = tasks[key]
        point_at(page, ".lane[data-id=b]", (start + end) / 2 - T, 33, y=8)
        name = crowd.STAGES[str(stage)]
        took = f"{end - start:.2f} s" if end - start >= 1 else f"{1000 * (end - start):.0f} ms"
        words = f"{name} · task {task} · query {query} · {outcome} in {took}, from {start - T:.1f} s on worker 2"
        expect(page.locator(".tip")).to_have_text([words], use_inner_text=True)
        tip, lanes = page.locator(".tip").bounding_box(), page.locator(".lanes").bounding_box()
        assert lanes["x"] <= tip["x"] and tip["x"] + tip["width"] <= lanes["x"] + lanes["width"] + 1
    legend = " ".join(texts(page, ".workers .legend span"))
    for word in (*crowd.STAGES.values(), "✕ failed", "↯ lost", "⊘ cancelled", "warm", "idle"):
        assert word in legend
    # A failed task is not told by its colour alone: in the middle of its bar there is the sign.
    failed = tasks["6"]
    share = ((failed[3] + failed[4]) / 2 - T + 1) / 34
    colours = page.locator(".lane[data-id=b] canvas").evaluate(
        """(canvas, share) => {
            const at = Math.round(canvas.width * share);
            const { data } = canvas.getContext('2d').getImageData(at - 4, 0, 9, canvas.height);
            const found = new Set();
            for (let i = 0; i < data.length; i += 4) found.add([...data.slice(i, i + 3)].map((c) => c >> 6).join());
            return [...found];
        }""",
        share,
    )
    assert {"0,0,0", "3,3,3"} <= set(colours), "the sign, dark on light"


def test_tasks_by_keyboard(draw: Draw) -> None:
    page = draw(crowd.scaled(False), "workers")
    page.locator(".lane[data-id=h]").focus()
    now = "document.querySelector('#view > div').shadowRoot.activeElement"
    said = lambda: page.evaluate(f"() => {now}.getAttribute('aria-valuetext')")  # noqa: E731

    def press(key: str, worker: str) -> str:
        before = said()
        page.keyboard.press(key)
        page.wait_for_function(
            f"([before, label]) => {now}?.getAttribute('aria-valuetext') !== before"
            f" && {now}.getAttribute('aria-label') === label",
            arg=[before, f"tasks of {worker}"],
        )
        return str(said())

    # The head comes first, then worker 1, at the task of now.
    assert "running for" in press("ArrowDown", "worker 1")
    assert "finished in" in press("ArrowLeft", "worker 1")
    expect(page.locator(".tip")).to_have_text([said()], use_inner_text=True)
    assert "on worker 2" in press("ArrowDown", "worker 2")
    assert len(page.evaluate(CURSORS)) == 1
    assert press("Home", "worker 2").startswith("Filter l_shipdate")
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_have_count(0)


def test_lanes_stand_below_the_charts_whatever_scrolls(draw: Draw) -> None:
    page = draw(crowd.many(60, 2_000), width=1100)
    chart, lane = page.locator(".chart").first.bounding_box(), page.locator(".lane").first.bounding_box()
    assert page.locator(".pool").evaluate("box => box.scrollHeight > box.clientHeight + 500"), "it scrolls"
    assert abs(lane["x"] - chart["x"] - AXIS) <= 1
    assert abs(lane["x"] + lane["width"] - chart["x"] - chart["width"] + END) <= 1


def test_the_table(draw: Draw) -> None:
    snapshot = crowd.scaled(True)
    busy = {"state": "busy", "running": 1, "now": [[77, 5, snapshot["now"] - 2]], "retires_at": None}
    snapshot["workers"]["rows"]["a"] |= busy
    page = draw(snapshot, "workers")
    page.get_by_role("button", name="table").press("Enter")
    texts = "rows => rows.map((row) => [...row.children].map((cell) => cell.innerText))"
    rows = page.locator(".workers tbody tr").evaluate_all(texts)
    assert [row[:6] for row in rows] == [
        ["head", "– no CPU", "0/0", "—", "0", "—"],
        ["worker 1", "● busy", "1/1", "HashJoin #77", "77", "1.20 GB (60 %)"],
        ["worker 2", "◐ warm", "0/1", "—", "12", "1.30 GB (65 %)"],
        ["worker 3", "○ idle", "0/1", "—", "12", "1.40 GB (70 %)"],
        ["worker 4", "– retired", "0/1", "—", "4", "of 2.00 GB"],
        ["worker 5", "– gone", "0/1", "—", "0", "—"],
    ]
    assert rows[2][6] == "100 MB (20 %)"
    assert [row[7:9] for row in rows][1] == ["—", "—"]
    for _ in range(2):  # it ticks, by the rule that it names
        row = page.locator(".workers tbody tr", has_text="worker 2")
        idle, ends, up, since = row.evaluate(
            "row => [...[7, 8, 9].map((n) => row.children[n].innerText), performance.now() / 1000 - drawnAt]"
        )
        at = snapshot["now"] + since
        worker = snapshot["workers"]["rows"]["b"]
        assert abs(int(idle.split()[0]) - (at - worker["idle_since"])) <= 1
        left = re.fullmatch(r"(\d+) s · after 60 s idle", ends)
        assert left and abs(int(left[1]) - (worker["retires_at"] - at)) <= 1
        assert abs(int(up.split()[0]) - (at - worker["started"])) <= 1
        page.wait_for_function("() => performance.now() / 1000 - drawnAt > 1.6")
    expect(page.locator(".workers td", has_text="stays")).to_have_count(0)
    page.get_by_role("button", name="lanes").press("Enter")
    expect(page.locator(".lane")).to_have_count(6)


def test_udf_actors_are_counted_with_the_idle_ones(draw: Draw) -> None:
    expect(draw(crowd.scaled(False)).locator(".udf")).to_have_text(
        ["⚙ UDF score: 4 UDF actors, 1 idle"], use_inner_text=True
    )
    snapshot = crowd.scaled(False)
    snapshot["plan"]["udfs"] = {"UDF a": {"count": 0, "idle": None}, "UDF b": {"count": 1}}
    expect(draw(snapshot).locator(".udf")).to_have_text(["⚙ UDF b: 1 UDF actor"], use_inner_text=True)


def test_other_workers_are_asked_for(draw: Draw, artifacts: Path) -> None:
    whole = crowd.many(1_000, 9_000, 0.8)
    first = {**select(whole, "cockpit", 0, LIVE_LANES), "seq": 0}
    page = draw(first)
    page.screenshot(path=artifacts / "lanes-thousand.png", full_page=True)
    expect(page.locator(".pager")).to_have_text(["‹ 1–40 of 1,001 nodes ›"], use_inner_text=True)
    page.get_by_role("button", name="the nodes before").click(force=True)  # it is disabled
    page.get_by_role("button", name="the nodes after").press("Enter")
    assert page.evaluate("() => window.sent.slice(1)") == [{"type": "window", "first": 40}]
    # The kernel sends the others, some of which are here already, as it does near the end of the list.
    for start in (20, 10):
        second = {**select(whole, "cockpit", start, LIVE_LANES), "seq": 0}
        message = {"type": "patch", "base": 0 if start == 20 else 1, "seq": 1 if start == 20 else 2}
        page.evaluate("(message) => tell(message)", {**message, "patch": merge_patch(first, second)})
        first = second
        page.locator(".pager", has_text=f"{start + 1}–{start + 40} of").wait_for()
        assert texts(page, ".worker .who")[:3] == [f"worker {start + n}" for n in range(3)], "in their order"
        expect(page.locator(".worker").first).to_have_attribute("aria-posinset", str(start + 1))


def test_only_what_is_in_sight_is_drawn_and_only_when_it_changed(draw: Draw) -> None:
    snapshot = crowd.many(100, 8_000)  # the query is over: its time stands still
    snapshot["workers"]["listed"] = 40
    page = draw({**snapshot, "seq": 0}, "workers")
    painted = """() => {
        window.painted = [];
        const clear = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, 'width');
        Object.defineProperty(HTMLCanvasElement.prototype, 'width', {
            ...clear, set(value) { window.painted.push(this.parentElement.dataset.id); clear.set.call(this, value); },
        });
    }"""
    page.evaluate(painted)
    ids = page.locator(".lane").evaluate_all("lanes => lanes.map((lane) => lane.dataset.id)")
    assert 5 <= len(ids) <= 10
    rows = {ids[2]: {"finished": 4_000}, list(snapshot["workers"]["rows"])[30]: {"finished": 4_000}}
    page.evaluate("(rows) => tell({type: 'patch', base: 0, seq: 1, patch: {workers: {rows}}})", rows)
    page.get_by_text("4000 tasks done").wait_for()
    assert page.evaluate("() => window.painted") == [ids[2]]


def test_a_burst_a_hidden_page_and_the_end(draw: Draw) -> None:
    snapshot = crowd.scaled(False)
    page = draw(snapshot)
    page.evaluate(
        """(now) => {
            for (let seq = 1; seq <= 1000; seq++) {
                const patch = {now: now + seq / 1000, backlog: {pending: seq}};
                tell({type: 'patch', base: seq - 1, seq, patch});
            }
        }""",
        snapshot["now"],
    )
    page.locator(".gutter", has_text="1000 pending").wait_for()
    assert page.evaluate("() => window.sent") == [{"type": "resync"}]
    # Out of sight nothing is drawn; in sight again, the last state is there.
    page.evaluate("""() => {
        document.body.style.paddingTop = '5000px';
        window.changes = 0;
        const root = document.querySelector('#view > div').shadowRoot.querySelector('.root');
        const all = {subtree: true, childList: true, characterData: true};
        new MutationObserver(() => window.changes++).observe(root, all);
    }""")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    page.evaluate("() => { window.changes = 0; }")
    page.evaluate("() => tell({type: 'patch', base: 1000, seq: 1001, patch: {backlog: {pending: 7}}})")
    page.evaluate("() => new Promise((done) => setTimeout(done, 700))")  # longer than the page's clock ticks
    assert page.evaluate("() => window.changes") == 0
    page.locator(".moment").scroll_into_view_if_needed()
    page.locator(".gutter", has_text="7 pending").first.wait_for()
    page.evaluate("() => window.undraw()")
    page.evaluate("() => tell({type: 'patch', base: 1001, seq: 1002, patch: {backlog: {pending: 8}}})")
    assert page.locator("#view").inner_html() == ""


def test_before_anything_is_known(draw: Draw) -> None:
    snapshot = crowd.scaled(False)
    snapshot["query"] = snapshot["plan"] = None
    snapshot["backlog"] |= {"points": {}, "marks": {}, "ratio": None, "wanted": None}
    for worker in snapshot["workers"]["rows"].values():
        worker |= {"tasks": {}, "now": [], "busy_spans": []}
        for name in ("idle_since", "usage", "memory", "retires_at", "started"):
            worker.pop(name, None)
    page = draw(snapshot, "workers")
    expect(page.locator(".lane")).to_have_count(5)
    page.get_by_role("button", name="table").click()
    page = draw(snapshot, "backlog")
    expect(page.get_by_text("No backlog yet")).to_have_count(1)
