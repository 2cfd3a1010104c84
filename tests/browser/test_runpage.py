"""A recording's HTML file in a real browser, from the disk: no kernel, no server, no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.export import page as runpage
from daftnb.recordings import Recording
from daftnb.telemetry import events as e
from daftnb.telemetry.recorder import Recorder
from daftnb.text.numbers import duration
from tests.browser.conftest import everyone_can_read, looks
from tests.helpers import crowd
from tests.helpers.recorded import recorded, tiny

EVIL = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"
TABS = ("Overview", "Plan", "Workers", "Backlog", "Decisions", "History", "Settings")

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording([recorded(crowd.query(1, 600, 3, 2, 3, 0.05, crowd.T, 1)).reel(1)], "run.arrow")


@pytest.fixture
def opened(chromium: Any, bundle: str, tmp_path: Path) -> Iterator[Opened]:
    """Saves a recording, and opens its file; the page may have no error, break no policy and ask for nothing."""
    contexts = []

    def open(recording: Recording, width: int = 1100, theme: str = "light", bypass_csp: bool = False) -> Any:
        path = tmp_path / "run.html"
        recording.save(path)
        viewport = {"width": width, "height": 1000 if width > 780 else 2000}
        context = chromium.new_context(viewport=viewport, color_scheme=theme, offline=True, bypass_csp=bypass_csp)
        page = context.new_page()
        page.problems, page.asked = [], []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: page.asked.append(request.url))
        contexts.append((context, page, path.as_uri()))
        page.goto(path.as_uri())
        page.locator(".root[data-view=cockpit] .replay").wait_for()
        return page

    runpage.built.cache_clear()  # what the fixture has built
    yield open
    for context, page, url in contexts:
        context.close()
        assert page.problems == []
        assert page.asked == [url]


def test_each_moment_of_the_page_is_the_kernels(opened: Opened, recording: Recording) -> None:
    page = opened(recording)
    kernel = json.loads(json.dumps(runpage.snapshots_of(recording)))
    assert page.evaluate("daftnbRun.length") == len(kernel)
    backwards = "[...Array(daftnbRun.length).keys()].reverse().map((place) => daftnbRun.at(place))"
    assert page.evaluate(backwards) == kernel[::-1]
    assert page.evaluate("[...Array(daftnbRun.length).keys()].map((place) => daftnbRun.at(place))") == kernel


@looks(1300)
def test_all_tabs_can_be_read(opened: Opened, recording: Recording, width: int, theme: str, artifacts: Path) -> None:
    page = opened(recording, width, theme, bypass_csp=True)  # which the checks of accessibility need
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
        everyone_can_read(page, artifacts / f"runpage-{tab}-{width}-{theme}.png")


def test_the_slider_goes_by_keys_and_the_page_shows_that_moment(opened: Opened, recording: Recording) -> None:
    page = opened(recording)
    slider = page.get_by_role("slider", name="time")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".replay .said")).to_contain_text("0 µs of")
    step = (recording.end - recording.start) / 200
    for place in range(1, 6):
        page.keyboard.press("ArrowRight")
        expect(page.locator(".replay .said")).to_have_text(f"{duration(place * step)} of {duration(200 * step)}")
        at = page.evaluate("daftnbRun.get('snapshot').replay.at")
        assert at == pytest.approx(recording.start + place * step, abs=step / 100)
    page.get_by_role("button", name="the next decision").click()
    page.get_by_role("combobox", name="speed").select_option("16")
    page.get_by_role("button", name="▶ Play").click()
    expect(page.locator(".replay .said")).to_have_text(f"{duration(200 * step)} of {duration(200 * step)}")
    expect(page.get_by_role("button", name="▶ Play")).to_be_visible()
    assert page.evaluate("daftnbRun.get('snapshot').now") == recording.end


def test_a_query_of_several_is_looked_at(opened: Opened) -> None:
    recorder = Recorder()
    recorded([*tiny(1, 1000.0), *tiny(2, 1005.0)], recorder)
    page = opened(Recording([recorder.reel(1), recorder.reel(2)], "two.arrow"))
    page.get_by_role("tab", name="History", exact=True).click()
    page.get_by_role("button", name="Look at query 1").click()
    expect(page.locator("#run")).to_contain_text("Query 1")
    assert page.evaluate("daftnbRun.get('snapshot').query.number") == 1
    assert page.evaluate("daftnbRun.get('snapshot').query.state") == "finished"


def test_texts_of_others_stay_text(opened: Opened) -> None:
    recorder = Recorder()
    nodes = (e.PlanNode(0, EVIL, "Source", (), EVIL),)
    recorded([e.QueryStarted(1000.0, EVIL, "native", EVIL), e.PlanReady(1000.1, EVIL, nodes)], recorder)
    page = opened(Recording([recorder.reel(1)], "run.arrow"))
    expect(page.get_by_text(EVIL).first).to_be_visible()
    assert page.evaluate("[window.hurt, document.title.includes('<img')]") == [None, True]


def test_without_script_its_end_is_there_as_text(chromium: Any, recording: Recording, tmp_path: Path) -> None:
    recording.save(tmp_path / "run.html")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "run.html").as_uri())
    expect(page.locator("#run pre")).to_contain_text("600 tasks")
    context.close()
