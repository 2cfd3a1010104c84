"""The cockpit's shell alone on a page, fed with frames: the line, the tabs, history, comparison, settings, replay.

No Jupyter and no Ray. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daftnb.telemetry.frames import Frame
from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.unit import scaling
from tests.unit.shell import compared, history, line, replayed

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
    page = draw(history(scaling.frame(over=True)), width=width, theme=theme)
    page.get_by_role("tab", name=tab).click()
    assert page.get_by_role("tabpanel", name=tab).count() == 1
    everyone_can_read(page, artifacts / f"tab-{tab.lower()}-{width}-{theme}.png")


def test_tabs_by_keyboard(draw: Draw) -> None:
    page = draw(scaling.frame(over=True))
    page.keyboard.press("Tab")
    assert active(page) == "Overview"
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        seen.append(active(page))
        assert page.locator("[role=tab][aria-selected=true]").inner_text() == seen[-1]
    assert seen == ["Plan", "Workers", "Plan", "Settings", "Overview", "Settings", "Overview"]
    # One stop in the tab order: the next one is in the panel.
    page.keyboard.press("Tab")
    assert active(page) not in TABS


def test_the_tab_is_kept_when_the_page_draws_the_widget_anew(draw: Draw) -> None:
    page = draw(scaling.frame(over=True))
    page.get_by_role("tab", name="Decisions").click()
    page.evaluate("() => window.redraw()")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Decisions"


def test_what_is_typed_is_kept_when_the_page_draws_the_widget_anew(draw: Draw) -> None:
    page = draw(scaling.frame(over=True))
    page.get_by_role("tab", name="Settings").click()
    threshold = page.get_by_label("Scale-up threshold")
    threshold.fill("2.")
    page.evaluate("() => window.redraw()")
    page.locator("input:focus").wait_for(timeout=5_000)
    page.keyboard.type("5")
    assert threshold.input_value() == "2.5"
    # The focus is not taken from where a person has put it.
    page.mouse.click(2, 2)
    page.evaluate("() => window.redraw()")
    page.keyboard.type("7")
    assert threshold.input_value() == "2.5"


@looks(1100)
@pytest.mark.parametrize("state", ["running", "native", "finished", "failed", "several"])
def test_the_line(state: str, width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(line(state), "line", width=width, theme=theme)
    toggle = page.locator("button.toggle")
    assert toggle.get_attribute("aria-expanded") == "false"
    assert page.locator(".root .panel").count() == 1
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
    assert page.locator("button.toggle").get_attribute("aria-expanded") == "true"
    assert sent(page) == [{"type": "open", "open": True}]
    # The kernel answers with the cockpit's topics.
    page.evaluate("(frame) => window.keyframe(frame)", history(scaling.frame(over=False)) | {"cell": CELL, "seq": 1})
    assert page.get_by_role("tab").all_inner_texts() == TABS
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
    assert page.get_by_role("tab").count() == 0


CELL = {"numbers": [5, 6, 7], "brief": 4}


def test_history_is_sorted_by_keyboard(draw: Draw) -> None:
    page = draw(history(scaling.frame(over=True)), "history")

    def column(number: int) -> list[str]:
        return page.locator(f"tbody tr td:nth-child({number})").all_inner_texts()

    assert column(3) == ["7", "6", "5", "4", "3"]
    time = page.get_by_role("columnheader", name="Time").get_by_role("button")
    time.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("columnheader", name="Time").get_attribute("aria-sort") == "descending"
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
    frame = history(scaling.frame(over=True))
    page = draw(frame, width=width, theme=theme)
    page.get_by_role("tab", name="History").click()
    for number in (6, 4, 7):  # a third one replaces the first
        page.get_by_role("checkbox", name=f"compare query {number}").check()
    assert sent(page) == [
        {"type": "compare", "a": None, "b": None},
        {"type": "compare", "a": 4, "b": 6},
        {"type": "compare", "a": 4, "b": 7},
    ]
    page.evaluate("(frame) => window.keyframe(frame)", frame | {"compare": compared(), "seq": 1})
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
    assert "(only 7)" in tables.nth(1).locator("tbody tr").last.inner_text()
    everyone_can_read(page, artifacts / f"compare-{width}-{theme}.png")
    page.get_by_role("button", name="Close the comparison").click()
    assert sent(page) == [{"type": "compare", "a": None, "b": None}]
    assert page.locator(".compare").count() == 0


def test_a_query_is_looked_at_again_and_left(draw: Draw) -> None:
    frame = history(scaling.frame(over=True))
    page = draw(frame)
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="Look at query 4").click()
    assert sent(page) == [{"type": "look", "query": 4}]
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Overview"
    page.evaluate("(frame) => window.keyframe(frame)", frame | {"look": 4, "seq": 1})
    page.get_by_role("button", name="Back to the latest").click()
    assert sent(page) == [{"type": "look", "query": None}]


def test_settings_are_changed_and_refused_at_their_field(draw: Draw, artifacts: Path) -> None:
    frame = history(scaling.frame(over=True))
    page = draw(frame)
    page.get_by_role("tab", name="Settings").click()
    threshold = page.get_by_label("Scale-up threshold")
    threshold.fill("0.5")
    threshold.press("Enter")
    assert sent(page) == [{"type": "set", "name": "threshold", "value": "0.5"}]
    why = "threshold cannot be '0.5': it must be at least 1.0: below that the engine's scheduler stops with a panic."
    page.evaluate("(error) => window.tell({type: 'setting', name: 'threshold', error})", why)
    assert threshold.get_attribute("aria-invalid") == "true"
    assert page.get_by_role("alert").inner_text() == f"✕ {why}"
    assert threshold.input_value() == "0.5", "what was typed stays, to be mended"
    everyone_can_read(page, artifacts / "settings-refused.png")
    threshold.fill("1.75")
    threshold.press("Tab")
    assert sent(page) == [{"type": "set", "name": "threshold", "value": "1.75"}]
    page.evaluate("() => window.tell({type: 'setting', name: 'threshold', error: null})")
    assert page.get_by_role("alert").count() == 0
    rows = frame["settings"]["rows"]
    rows = rows | {"threshold": rows["threshold"] | {"set": "1.75"}}
    page.evaluate("(frame) => window.keyframe(frame)", frame | {"settings": {"number": 1, "rows": rows}, "seq": 1})
    assert threshold.input_value() == "1.75"
    assert "next query: 1.75" in page.locator(".field", has=threshold).inner_text()
    page.get_by_label("Downscale").select_option("off")
    assert sent(page) == [{"type": "set", "name": "downscale", "value": "0"}]


@looks(1100)
def test_a_replay(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(replayed(at=16.0), width=width, theme=theme)
    everyone_can_read(page, artifacts / f"replay-{width}-{theme}.png")
    slider = page.get_by_role("slider", name="time")
    assert slider.get_attribute("aria-valuetext") == "16.0 s of 42.0 s"
    assert page.get_by_role("button", name="Stop").count() == 0


def test_a_replay_by_keyboard_and_from_decision_to_decision(draw: Draw) -> None:
    frames: list[Frame] = [replayed(at=at) for at in (16.0, 16.21, 14.0)]
    t = frames[0]["replay"]["from"]
    page = draw(frames[0])
    slider = page.get_by_role("slider", name="time")
    slider.focus()
    page.keyboard.press("ArrowRight")
    (asked,) = sent(page)
    assert asked["type"] == "seek"
    assert asked["t"] - t == pytest.approx(16.21, abs=0.2)
    page.keyboard.press("ArrowRight")
    assert sent(page) == [], "one request at a time"
    page.evaluate(
        "(frame) => window.keyframe(frame)", frames[1] | {"seq": 1, "replay": frames[1]["replay"] | {"at": asked["t"]}}
    )
    (asked,) = sent(page)
    assert asked["t"] - t == pytest.approx(16.42, abs=0.2)
    page.evaluate(
        "(frame) => window.keyframe(frame)", frames[0] | {"seq": 2, "replay": frames[0]["replay"] | {"at": asked["t"]}}
    )
    page.get_by_role("button", name="the decision before").click()
    (asked,) = sent(page)
    assert asked["t"] - t == pytest.approx(14.0)
    page.evaluate("(frame) => window.keyframe(frame)", frames[2] | {"seq": 3})
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
    page = draw(scaling.frame(over=True))
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
    page = draw(history(scaling.frame(over=False)))
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        missed = page.evaluate(
            """() => [...document.querySelector('#view > div').shadowRoot.querySelectorAll('button, input, select')]
                .filter((e) => e.tabIndex < 0 && !e.closest('[role=tablist], .plan, [role=tree], [role=group]'))
                .map((e) => e.outerHTML)"""
        )
        assert missed == []
