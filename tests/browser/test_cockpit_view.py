"""The cockpit's shell alone on a page, fed with snapshots: the line, the tabs, history, comparison, settings, replay.

No Jupyter and no Ray. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import Snapshot, snapshot_of
from daftnb.telemetry.state import apply
from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.helpers import scaling
from tests.helpers.shell import compared, history, line, replayed

pytestmark = [pytest.mark.browser]
TABS = ["Overview", "Plan", "Workers", "Backlog", "Decisions", "History", "Settings"]


def sent(page: Any) -> list[Any]:
    """What the page has asked for since the last time."""
    return [m for m in page.evaluate("() => window.sent.splice(0)") if m["type"] != "resync"]


def active(page: Any) -> str:
    """The text of what has the focus in the view."""
    return str(page.evaluate("() => document.querySelector('#view > div').shadowRoot.activeElement?.innerText ?? ''"))


@looks(1100)
@pytest.mark.parametrize("tab", TABS)
def test_every_tab(tab: str, width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(history(scaling.snapshot(over=True)), width=width, theme=theme)
    page.get_by_role("tab", name=tab).click()
    expect(page.get_by_role("tabpanel", name=tab)).to_have_count(1)
    everyone_can_read(page, artifacts / f"tab-{tab.lower()}-{width}-{theme}.png")


def test_tabs_by_keyboard(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=True))
    page.keyboard.press("Tab")
    assert active(page) == "Overview"
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        seen.append(active(page))
        expect(page.locator("[role=tab][aria-selected=true]")).to_have_text(seen[-1], use_inner_text=True)
    assert seen == ["Plan", "Workers", "Plan", "Settings", "Overview", "Settings", "Overview"]
    # One stop in the tab order: the next one is in the panel.
    page.keyboard.press("Tab")
    assert active(page) not in TABS


def test_the_tab_is_kept_when_the_page_draws_the_widget_anew(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=True))
    page.get_by_role("tab", name="Decisions").click()
    page.evaluate("() => window.redraw()")
    expect(page.locator("[role=tab][aria-selected=true]")).to_have_text("Decisions", use_inner_text=True)


def test_what_is_typed_is_kept_when_the_page_draws_the_widget_anew(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=True))
    page.get_by_role("tab", name="Settings").click()
    threshold = page.get_by_label("Scale-up threshold")
    threshold.fill("2.")
    page.evaluate("() => window.redraw()")
    page.locator("input:focus").wait_for()
    page.keyboard.type("5")
    expect(threshold).to_have_value("2.5")
    # The focus is not taken from where a person has put it.
    page.mouse.click(2, 2)
    page.evaluate("() => window.redraw()")
    page.keyboard.type("7")
    expect(threshold).to_have_value("2.5")


@looks(1100)
@pytest.mark.parametrize("state", ["running", "native", "finished", "failed", "several"])
def test_the_line(state: str, width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(line(state), "line", width=width, theme=theme)
    toggle = page.locator("button.toggle")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".root .panel")).to_have_count(1)
    if width == 1100:
        assert page.locator(".panel.line").bounding_box()["height"] <= 42, "more than a line"
    everyone_can_read(page, artifacts / f"line-{state}-{width}-{theme}.png")
    assert sent(page) == []


def test_the_line_says_state_progress_rows_workers_ratio_and_time(draw: Draw) -> None:
    said = " ".join(draw(line("running"), "line").locator(".head").inner_text().split())
    for part in ("● running", "Query 7", "82/114 tasks", "3 workers · 3 CPUs", "ratio 2 / 1.25", "16.", "Stop"):
        assert part in said, said
    said = " ".join(draw(line("native"), "line").locator(".head").inner_text().split())
    for part in ("● running", "2/3 operators", "1.20 M rows", "native runner", "Stop"):
        assert part in said, said


@looks(1100)
def test_the_line_opens_by_keyboard(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(line("several"), "line", width=width, theme=theme)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("button.toggle")).to_have_attribute("aria-expanded", "true")
    assert sent(page) == [{"type": "open", "open": True}]
    # The kernel answers with the cockpit's topics.
    page.evaluate(
        "(snapshot) => window.keyframe(snapshot)", history(scaling.snapshot(over=False)) | {"cell": CELL, "seq": 1}
    )
    expect(page.get_by_role("tab")).to_have_text(TABS, use_inner_text=True)
    rows = page.get_by_role("list", name="queries of this cell, the latest first").get_by_role("listitem")
    assert [" ".join(row.split()) for row in rows.all_inner_texts()] == [
        "● running Query 7 16.0 s",
        "✓ finished Query 6 12.0 s · 9.40 k rows",
        "✕ failed Query 5 3.10 s · DaftError: no such column: price",
        "4 queries shorter than 0.3 s",
    ]
    everyone_can_read(page, artifacts / f"line-open-{width}-{theme}.png")
    rows.nth(1).get_by_role("button").click()
    assert sent(page) == [{"type": "look", "query": 6}]
    page.locator("button.toggle").click()
    assert sent(page) == [{"type": "open", "open": False}]
    expect(page.get_by_role("tab")).to_have_count(0)


CELL = {"numbers": [5, 6, 7], "brief": 4}


def test_history_is_sorted_by_keyboard(draw: Draw) -> None:
    page = draw(history(scaling.snapshot(over=True)), "history")

    def column(number: int) -> list[str]:
        return page.locator(f"tbody tr td:nth-child({number})").all_inner_texts()

    assert column(3) == ["7", "6", "5", "4", "3"]
    time = page.get_by_role("columnheader", name="Time").get_by_role("button")
    time.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Time")).to_have_attribute("aria-sort", "descending")
    assert column(6) == ["30.0 s", "12.0 s", "11.0 s", "3.10 s", "450 ms"]
    page.keyboard.press("Enter")
    assert column(6) == ["450 ms", "3.10 s", "11.0 s", "12.0 s", "30.0 s"]
    peak = page.get_by_role("columnheader", name="Peak ratio").get_by_role("button")
    peak.focus()
    page.keyboard.press("Enter")
    assert column(10) == ["53", "18", "9.4", "—", "—"]
    page.keyboard.press("Enter")
    assert column(10) == ["9.4", "18", "53", "—", "—"], "what is not known stays last"
    assert column(12)[0] == "threshold 1.5, downscale off"


@looks(1100)
def test_two_queries_side_by_side(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    snapshot = history(scaling.snapshot(over=True))
    page = draw(snapshot, width=width, theme=theme)
    page.get_by_role("tab", name="History").click()
    for number in (6, 4, 7):  # a third one replaces the first
        page.get_by_role("checkbox", name=f"compare query {number}").check()
    assert sent(page) == [
        {"type": "compare", "a": None, "b": None},
        {"type": "compare", "a": 4, "b": 6},
        {"type": "compare", "a": 4, "b": 7},
    ]
    page.evaluate("(snapshot) => window.keyframe(snapshot)", snapshot | {"compare": compared(), "seq": 1})
    tables = page.locator(".compare table")
    rows = [
        [" ".join(cell.split()) for cell in row.locator("th, td").all_inner_texts()]
        for row in tables.first.locator("tr").all()
    ]
    assert rows == [
        ["in all", "time", "rows", "tasks", "peak backlog ratio", "workers", "node-seconds", "threshold"],
        ["✓ query 4", "11.0 s", "30.5 k", "60", "18", "3", "25", "1.5"],
        ["✓ query 7", "30.0 s", "10", "114", "53", "4", "81", "1.25"],
        ["ratio", "↑ ×2.73", "<×0.01", "×1.90", "↑ ×2.94", "×1.33", "↑ ×3.31", "differs"],
    ]
    first = [" ".join(c.split()) for c in tables.nth(1).locator("tbody tr").nth(1).locator("td").all_inner_texts()]
    assert first == [
        "HashJoin o_orderkey",
        "2.00 s | 6.00 s",
        "↑ ×3.00",
        "30.5 k | 30.5 k",
        "2.40 MB | 2.40 MB",
        "20 | 40",
    ]
    expect(tables.nth(1).locator("tbody tr").last).to_contain_text("(only 7)", use_inner_text=True)
    everyone_can_read(page, artifacts / f"compare-{width}-{theme}.png")
    page.get_by_role("button", name="Close the comparison").click()
    assert sent(page) == [{"type": "compare", "a": None, "b": None}]
    expect(page.locator(".compare")).to_have_count(0)


def test_a_query_is_looked_at_again_and_left(draw: Draw) -> None:
    snapshot = history(scaling.snapshot(over=True))
    page = draw(snapshot)
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="Look at query 4").click()
    assert sent(page) == [{"type": "look", "query": 4}]
    expect(page.locator("[role=tab][aria-selected=true]")).to_have_text("Overview", use_inner_text=True)
    page.evaluate("(snapshot) => window.keyframe(snapshot)", snapshot | {"look": 4, "seq": 1})
    page.get_by_role("button", name="Back to the latest").click()
    assert sent(page) == [{"type": "look", "query": None}]


def test_settings_are_changed_and_refused_at_their_field(draw: Draw, artifacts: Path) -> None:
    snapshot = history(scaling.snapshot(over=True))
    page = draw(snapshot)
    page.get_by_role("tab", name="Settings").click()
    threshold = page.get_by_label("Scale-up threshold")
    threshold.fill("0.5")
    threshold.press("Enter")
    assert sent(page) == [{"type": "set", "name": "threshold", "value": "0.5"}]
    why = "threshold cannot be '0.5': it must be at least 1.0: below that the engine's scheduler stops with a panic."
    page.evaluate("(error) => window.tell({type: 'setting', name: 'threshold', error})", why)
    expect(threshold).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_have_text(f"✕ {why}", use_inner_text=True)
    expect(threshold, "what was typed stays, to be mended").to_have_value("0.5")
    everyone_can_read(page, artifacts / "settings-refused.png")
    threshold.fill("1.75")
    threshold.press("Tab")
    assert sent(page) == [{"type": "set", "name": "threshold", "value": "1.75"}]
    page.evaluate("() => window.tell({type: 'setting', name: 'threshold', error: null})")
    expect(page.get_by_role("alert")).to_have_count(0)
    rows = snapshot["settings"]["rows"]
    rows = rows | {"threshold": rows["threshold"] | {"set": "1.75"}}
    page.evaluate(
        "(snapshot) => window.keyframe(snapshot)", snapshot | {"settings": {"number": 1, "rows": rows}, "seq": 1}
    )
    expect(threshold).to_have_value("1.75")
    expect(page.locator(".field", has=threshold)).to_contain_text("next query: 1.75", use_inner_text=True)
    page.get_by_label("Downscale").select_option("off")
    assert sent(page) == [{"type": "set", "name": "downscale", "value": "0"}]


@looks(1100)
def test_a_replay(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(replayed(at=16.0), width=width, theme=theme)
    everyone_can_read(page, artifacts / f"replay-{width}-{theme}.png")
    slider = page.get_by_role("slider", name="time")
    expect(slider).to_have_attribute("aria-valuetext", "16.0 s of 42.0 s")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_replay_by_keyboard_and_from_decision_to_decision(draw: Draw) -> None:
    snapshots: list[Snapshot] = [replayed(at=at) for at in (16.0, 16.21, 14.0)]
    t = snapshots[0]["replay"]["from"]
    page = draw(snapshots[0])
    slider = page.get_by_role("slider", name="time")
    slider.focus()
    page.keyboard.press("ArrowRight")
    (asked,) = sent(page)
    assert asked["type"] == "seek"
    assert asked["t"] - t == pytest.approx(16.21, abs=0.2)
    page.keyboard.press("ArrowRight")
    assert sent(page) == [], "one request at a time"
    page.evaluate(
        "(snapshot) => window.keyframe(snapshot)",
        snapshots[1] | {"seq": 1, "replay": snapshots[1]["replay"] | {"at": asked["t"]}},
    )
    (asked,) = sent(page)
    assert asked["t"] - t == pytest.approx(16.42, abs=0.2)
    page.evaluate(
        "(snapshot) => window.keyframe(snapshot)",
        snapshots[0] | {"seq": 2, "replay": snapshots[0]["replay"] | {"at": asked["t"]}},
    )
    page.get_by_role("button", name="the decision before").click()
    (asked,) = sent(page)
    assert asked["t"] - t == pytest.approx(14.0)
    page.evaluate("(snapshot) => window.keyframe(snapshot)", snapshots[2] | {"seq": 3})
    page.get_by_role("button", name="the next decision").click()
    (asked,) = sent(page)
    assert asked["t"] - t == pytest.approx(19.5)


def test_a_replay_plays(draw: Draw) -> None:
    page = draw(replayed(at=16.0))
    t = replayed(at=16.0)["replay"]["from"]
    page.get_by_label("speed").select_option("16×")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => window.sent.some((m) => m.type === 'seek')")
    assert sent(page)[0]["t"] > t + 16.0
    page.get_by_role("button", name="Pause").click()


def test_a_theme_is_followed_live(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=True))
    for change, theme in (
        ("document.body.dataset.jpThemeLight = 'false'", "dark"),
        ("delete document.body.dataset.jpThemeLight; document.body.className = 'vscode-light'", "light"),
        ("document.body.className = 'vscode-dark'", "dark"),
    ):
        page.evaluate(f"() => {{ {change} }}")
        page.locator(f".root[data-theme={theme}]").wait_for()
    page.evaluate("() => { document.body.className = ''; }")
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.locator(f".root[data-theme={theme}]").wait_for()


def test_every_action_is_reached_by_tab(draw: Draw, frontend: Callable[..., str]) -> None:
    """In each tab: whatever can be pressed is reached, or belongs to a group with one stop and arrow keys."""
    page = draw(history(scaling.snapshot(over=False)))
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        missed = page.evaluate(
            """() => [...document.querySelector('#view > div').shadowRoot.querySelectorAll('button, input, select')]
                .filter((e) => e.tabIndex < 0 && !e.closest('[role=tablist], .plan, [role=tree], [role=group]'))
                .map((e) => e.outerHTML)"""
        )
        assert missed == []


@looks(1100)
def test_a_failed_query_says_why_and_where(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    state = State()
    nodes = (
        e.PlanNode(1, "In Memory Scan", "Source", ()),
        e.PlanNode(2, "UDF embed", "Intermediate", (1,), "col(0: text)"),
        e.PlanNode(3, "Sort", "BlockingSink", (2,)),
    )
    error = "ValueError: no such model: US$5 to $\\unicode{x}$\nline two of the message\nUDFException: function `embed`"
    for event in (
        e.QueryStarted(1.0, "q", "native", "prices"),
        e.PlanReady(1.1, "q", nodes),
        *(e.OperatorStarted(1.2, "q", node.id) for node in nodes),
        e.OperatorFinished(1.3, "q", 1),
        e.OperatorStats(1.4, "q", 1, None, 8, None, 64, 20),
        e.OperatorStats(1.4, "q", 2, 8, 0, 64, 0, 90),
        e.QueryFinished(2.0, "q", "failed", error, raised_in=2),
    ):
        apply(event, state)
    page = draw(snapshot_of(state, 3.0, "native", AutoscalingSettings()), width=width, theme=theme)
    shown = page.locator(".error")
    expect(shown).to_have_text("ValueError: no such model: US$5 to $\\unicode{x}$", use_inner_text=True)
    expect(shown).to_have_attribute("title", error)
    page.get_by_role("tab", name="Plan").click()
    said = page.get_by_role("tabpanel", name="Plan").inner_text()
    assert "none kept" not in said
    page.screenshot(path=artifacts / f"failed-{width}-{theme}.png")
    states = page.locator(".op").evaluate_all(
        "all => Object.fromEntries(all.map(o => [o.dataset.id, o.dataset.state]))"
    )
    assert dict(states) == {"1": "finished", "2": "failed", "3": "stopped"}
