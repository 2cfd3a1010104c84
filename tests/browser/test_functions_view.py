"""What the page says of functions: on the cards of the plan, in the details, of their actors, of the models they ask.

No Jupyter and no Ray. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.snapshots import Snapshot, merge_patch, snapshot_of
from daftnb.telemetry.state import apply
from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.browser.reading import text, texts
from tests.helpers import called, calling, plans
from tests.helpers.folding import folded

pytestmark = [pytest.mark.browser]
NASTY = '<img src=x onerror="window.hurt=1"> $\\unicode{x}$ \u202eאבג 🦆\n' + "<script>window.hurt = 1</script>" * 350


def card(page: Any, id_: int) -> Any:
    return page.locator(f".op[data-id='{id_}']")


def table(of: Any) -> list[list[str]]:
    return [[text(cell) for cell in row.locator("th, td").all()] for row in of.locator("tr").all()]


@looks(1100)
@pytest.mark.parametrize("form", ["running", "ended"])
@pytest.mark.parametrize("view", ["cockpit", "plan", "workers"])
def test_everyone_can_read_it(view: str, form: str, width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(calling.snapshot() if form == "running" else calling.ended(), view, width, theme)
    if view == "plan":
        card(page, 4 if form == "running" else 2).click()
        page.locator(".opinfo").wait_for()
        if form == "ended":
            page.get_by_text("Source, 4 lines").click()
    everyone_can_read(page, artifacts / f"functions-{view}-{form}-{width}-{theme}.png")


def test_a_card_says_what_its_function_does(draw: Draw) -> None:
    page = draw(calling.snapshot(), "plan")
    assert {id_: text(card(page, id_)) for id_ in (1, 2, 3, 4)} == {
        1: "● running ScanTaskSource 3 % Num Scan Tasks: 46 120 MB 1.50 M rows 20/40 tasks · 2 run 900 ms",
        2: "● running UDF score 32 % score(l_comment) as score 2.44 MB 30.5 k rows 20/40 tasks · 2 run 11.4 s "
        "ƒ function 1.20 k rows/s 11.4 s in its code 2 calls run",
        3: "● running ActorUDF 40 % Embedder(text) as vector ≈ 17.5 k rows 3/4 actors "
        "20/40 tasks · 2 run ≈ 14.2 s ƒ function 1.60 k rows/s 14.2 s in its code 12 batches wait · 2 calls run",
        4: "● running UDF prompt 26 % prompt(text) as answer 9.60 kB 120 rows 20/40 tasks · 2 run 9.10 s "
        "ƒ function 8.25 rows/s 58.1 s in its code "
        "✕ 2 errors 4 calls run · 5 retries · 63.3 k tokens · RateLimitError: 429 Too Many Requests",
    }
    for words in (
        "ƒ a function of yours: rows a second (derived), time in its code",
        "≈ derived: not told by the engine, or not yet",
    ):
        page.get_by_text(words).wait_for()


def test_only_the_cards_of_functions_are_higher_and_from_the_start(draw: Draw) -> None:
    def heights(page: Any) -> list[float]:
        return [card(page, id_).bounding_box()["height"] for id_ in (1, 2, 3, 4, 5)]

    page = draw(calling.without_functions(), "plan")
    before = [card(page, id_).bounding_box() for id_ in (1, 2, 3, 4, 5)]
    low, high = before[0]["height"], before[1]["height"]
    assert heights(page) == [low, high, high, high, low]
    assert high > low + 20
    expect(card(page, 3)).not_to_contain_text("function", use_inner_text=True)
    # The figures come: nothing moves.
    page.evaluate("(snapshot) => window.keyframe(snapshot)", calling.snapshot() | {"seq": 1})
    expect(card(page, 3)).to_contain_text("1.60 k rows/s", use_inner_text=True)
    assert [card(page, id_).bounding_box() for id_ in (1, 2, 3, 4, 5)] == before
    # Of a query that is over no function will be known any more.
    page = draw(calling.ended() | {"plan": calling.without_functions()["plan"]}, "plan")
    assert len(set(heights(page))) == 1


def test_what_a_card_has_no_room_for_is_cut_off(draw: Draw) -> None:
    page = draw(calling.snapshot(), "plan")
    lines = page.locator(".op .expr").evaluate_all(
        "all => all.map((one) => [one.classList.contains('cut'), one.scrollWidth > one.clientWidth + 1])"
    )
    assert [cut for cut, over in lines if over and not cut] == []
    assert [True, True] in lines, "the errors of the prompt"
    for id_ in (2, 3, 4):
        inside = card(page, id_).evaluate("one => [one.scrollHeight, one.clientHeight]")
        assert inside[0] <= inside[1], "a line is below the card's edge"


def test_new_figures_of_a_function_redraw_its_card_alone(draw: Draw) -> None:
    page = draw(calling.snapshot(), "plan")
    touched = page.evaluate(
        """async () => {
            const plan = document.querySelector('#view > div').shadowRoot.querySelector('.plan');
            const touched = new Set();
            new MutationObserver((changes) => changes.forEach(({target}) => touched.add(
                (target.nodeType === Node.TEXT_NODE ? target.parentElement : target).closest('.op')?.dataset.id
                    ?? target.nodeName))).observe(plan, {subtree: true, childList: true, attributes: true,
                characterData: true});
            window.tell({type: 'patch', base: 0, seq: 1, patch: {plan: {functions: {score: {rate: 77}}}}});
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)));
            return [...touched];
        }"""
    )
    assert touched == ["2"]
    expect(card(page, 2)).to_contain_text("77 rows/s", use_inner_text=True)


def test_the_details_of_a_function(draw: Draw) -> None:
    page = draw(calling.snapshot(), "plan")
    card(page, 4).click()
    details = page.get_by_role("region", name="Function prompt")
    said = text(details)
    for words in (
        "Function prompt async, a row at a time",
        "rows in 124 rows out 120 calls 124 calls now 4 time in its code 58.1 s",
        "rows/s now, derived 8.25 rows/s rows/s overall, derived 8 rows/s errors 2 retries 5 waited before them 12.5 s",
        "✕ the latest: RateLimitError: 429 Too Many Requests",
        "requests 96 input tokens 41.2 k output tokens 9.63 k total tokens 50.8 k",
        "counted pages 7 and 3 more counters",
        "Where it is, and its source, are not known.",
    ):
        assert words in said, (words, said)
    assert "counted: model gpt-5-mini, provider openai" in said.replace("\u2068", "").replace("\u2069", "")
    page.keyboard.press("ArrowUp")  # the details follow: those of the class
    said = text(page.get_by_role("region", name="Details of ActorUDF"))
    for words in (
        "⧖ 12 batches wait for 3 actors: what comes after is kept waiting.",
        "Function Embedder a batch at a time, by a class · features/embed.py:40",
        "initialised 2×, 7.00 s in all",
        "rows in, derived 17.5 k rows out, derived 17.5 k work, all threads 14.2 s of that, derived 14.2 s",
    ):
        assert words in said, (words, said)


def test_calls_that_may_be_of_another_query(draw: Draw) -> None:
    snapshot = calling.snapshot()
    for each in snapshot["plan"]["functions"].values():
        each["shared"] = True
    page = draw(snapshot, "plan")
    expect(card(page, 2)).to_contain_text("≈ 1.20 k rows/s", use_inner_text=True)
    card(page, 2).click()
    page.get_by_text("≈ Another query called functions at the same time: some of these calls may be its.").wait_for()
    page.get_by_role("region", name="Models").get_by_text("another query may have a part in it").wait_for()


def test_the_source_as_it_was(draw: Draw) -> None:
    page = draw(calling.snapshot(), "plan")
    card(page, 2).focus()
    page.keyboard.press("Enter")
    source = page.get_by_role("region", name="Source of score")
    expect(source).to_have_count(0)
    fold = page.get_by_text("Source, 4 lines")
    fold.focus()
    page.keyboard.press("Enter")
    expect(source).to_have_text(calling.SOURCE)
    # It stays open while the figures change, and scrolls by keyboard.
    page.evaluate("window.tell({type: 'patch', base: 0, seq: 1, patch: {plan: {functions: {score: {calls: 31000}}}}})")
    expect(page.get_by_role("region", name="Function score")).to_contain_text("calls 31.0 k", use_inner_text=True)
    expect(source).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('#view > div').shadowRoot.activeElement.tagName") == "PRE"


def test_the_actors_of_a_pool(draw: Draw) -> None:
    page = draw(calling.snapshot(), "workers")
    pool = page.get_by_role("region", name="Actors of Embedder")
    assert text(pool).startswith(
        "⚙ Embedder 3 actors of 4 asked, 1 initialising; waits at most 2 min 00 s for the rest · 12 batches wait "
    )
    head, *rows = table(pool)
    assert head == ["actor", "node", "state", "rows/s", "rows", "queue", "initialised in", "GPUs"]
    assert rows[:2] == [
        ["5f1c0a", "worker 1", "● busy", "812", "9.40 k", "7", "3.40 s", "0.5"],
        ["77ab31", "worker 2", "● busy", "790", "8.10 k", "5", "3.60 s", "0.5"],
    ]
    assert rows[2][:2] + rows[2][3:] == ["c2d9e4", "worker 3", "—", "0", "—", "—", "0.5"]
    assert rows[2][2].startswith("◌ initialising for ")
    expect(page.locator(".udf"), "said once").to_have_count(0)
    expect(page.get_by_role("region", name="Actors of score")).to_have_count(0)
    # An actor that has become idle.
    patch = {
        "plan": {"functions": {"embed": {"actors": {"77ab31": {"state": "idle", "since": calling.NOW, "queue": 0}}}}}
    }
    page.evaluate("(patch) => window.tell({type: 'patch', base: 0, seq: 1, patch})", patch)
    expect(pool).to_contain_text("3 actors of 4 asked, 1 initialising, 1 idle;", use_inner_text=True)
    expect(pool.locator("tr").nth(2)).to_contain_text("○ idle for", use_inner_text=True)


def test_of_many_actors_some_are_drawn_and_the_others_counted(draw: Draw, artifacts: Path) -> None:
    page = draw(calling.many(2_000), "workers")
    pool = page.get_by_role("region", name="Actors of Embedder")
    expect(pool.locator("tbody tr")).to_have_count(50)
    expect(pool).to_contain_text("1600 actors of 1600 asked, 400 idle, 400 ended", use_inner_text=True)
    expect(pool).to_contain_text("and 1950 more actors: 1550 live, 400 ended or died", use_inner_text=True)
    page.screenshot(path=artifacts / "functions-many-actors.png", full_page=True)


def test_actors_of_the_native_runner(draw: Draw, artifacts: Path) -> None:
    snapshot = calling.snapshot()
    snapshot["query"] |= {"runner": "native", "tasks": None}
    snapshot["workers"] |= {"total": 0, "busy": 0, "idle": 0, "slots": 0, "listed": 0, "rows": {}}
    for view in ("workers", "cockpit"):
        page = draw(snapshot, view)
        page.get_by_text("Daft's native runner runs queries in this process").first.wait_for()
        expect(page.get_by_role("region", name="Actors of Embedder").locator("tbody tr")).to_have_count(3)
        everyone_can_read(page, artifacts / f"functions-native-{view}.png")


def test_who_waits_for_whom(draw: Draw) -> None:
    snapshot = calling.snapshot()
    actors = snapshot["plan"]["functions"]["embed"]["actors"]
    del actors["c2d9e4"]
    page = draw(snapshot, "plan")
    card(page, 3).click()
    facts = page.locator(".opinfo dl").first
    place = facts.bounding_box()
    expect(card(page, 3)).to_contain_text("12 batches wait · 2 calls run", use_inner_text=True)
    for each in actors.values():
        each |= {"state": "idle", "since": calling.T + 9, "queue": 0}
    snapshot["plan"]["functions"]["embed"]["running"] = 0
    page.evaluate("(snapshot) => window.keyframe(snapshot)", snapshot | {"seq": 1})
    expect(card(page, 3)).to_contain_text("idle: its input is slow", use_inner_text=True)
    expect(page.locator(".opinfo")).to_contain_text(
        "⧖ All 2 actors are idle: the input, \u2068UDF score\u2069, is slow.", use_inner_text=True
    )
    assert facts.bounding_box() == place, "nothing below moves"
    patch = {"plan": {"functions": {"embed": {"actors": {"77ab31": {"state": "busy"}}}}}}
    page.evaluate("(patch) => window.tell({type: 'patch', base: 1, seq: 2, patch})", patch)
    expect(page.locator(".opinfo")).to_contain_text("neither wait for rows nor keep others", use_inner_text=True)
    assert facts.bounding_box() == place


def test_the_models_that_were_asked(draw: Draw) -> None:
    page = draw(calling.snapshot(), "plan")
    panel = page.get_by_role("region", name="Models")
    numbers = ["requests", "tokens in", "tokens out", "total tokens", "tokens/s, derived"]
    numbers += ["refused (429)", "made again", "waited", "errors"]
    assert table(panel) == [
        ["model", "provider", *numbers],
        ["gpt-5-mini", "openai", "96", "41.2 k", "9.63 k", "50.8 k", "3.28 k", "5", "5", "12.5 s", "—"],
        ["claude-sonnet", "anthropic", "24", "10.1 k", "2.40 k", "—", "806", "—", "—", "—", "—"],
    ]
    page = draw(calling.two_providers(), "plan")
    rows = table(page.get_by_role("region", name="Models"))[1:]
    assert [row[:3] + row[-4:] for row in rows] == [
        ["gpt-5-mini", "openai", "96", "—", "—", "—", "—"],
        ["gpt-5-mini", "azure", "31", "—", "—", "—", "—"],
        ["gpt-5-mini", "—", "—", "5", "5", "12.5 s", "—"],
        ["claude-sonnet", "anthropic", "24", "—", "—", "—", "—"],
    ]
    page = draw(plans.snapshot(), "plan")
    expect(page.get_by_role("region", name="Models")).to_have_count(0)


def test_what_is_folded_from_events_is_drawn_with_its_patches(draw: Draw, artifacts: Path) -> None:
    """From nothing told to a pool at work, its end included: in a patch, what is null is gone."""

    def at(t: float) -> Snapshot:
        return snapshot_of(state, called.T + t, "ray", AutoscalingSettings())

    state = folded(*called.begun(), *called.runs(1, 3, 0.5))
    snapshots = [at(1)]
    for event in (
        *(called.scored(t, 100 * t, 0.5 * t) for t in (2, 3)),
        called.actor(2, "a1", "initialising"),
        *(called.actor(t, "a0", rows=50 * t, queue=3, init_seconds=0.5) for t in (2, 3)),
        *(e.UdfFigures(called.T + t, "q", "model-0", 50 * t, 50 * t, t, 1, 0.9 * t, inits=1) for t in (2, 3)),
    ):
        apply(event, state)
    snapshots.append(at(3))
    apply(called.actor(3.1, "a0", "idle", rows=150), state)
    snapshots.append(at(5))
    apply(e.QueryFinished(called.T + 6, "q", "finished"), state)
    snapshots.append(at(6))

    page = draw(snapshots[0])
    expect(card(page, 3)).to_contain_text("rows/s not known", use_inner_text=True)
    expect(card(page, 3)).to_contain_text("rows not known", use_inner_text=True)
    pool = page.get_by_role("region", name="Actors of Model")
    said = (
        ("≈ 150 rows 2 actors", "ƒ function 50 rows/s 2.70 s in its code 3 batches wait", "2 actors, 1 initialising ·"),
        ("≈ 150 rows 2 actors, 1 idle", "ƒ function 16.7 rows/s", "2 actors, 1 initialising, 1 idle actor"),
        ("≈ 150 rows 0/1 tasks", "ƒ function 53.6 rows/s overall 2.70 s in its code", "2 actors: 2 ended actor"),
    )
    for seq, (before, after) in enumerate(pairwise(snapshots), 1):
        message = {"type": "patch", "base": seq - 1, "seq": seq, "patch": merge_patch(before, after)}
        page.evaluate("(message) => window.tell(message)", message)
        page.screenshot(path=artifacts / f"functions-folded-{seq}.png", full_page=True)
        *on_card, on_pool = said[seq - 1]
        for words in on_card:
            expect(card(page, 3)).to_contain_text(words, use_inner_text=True)
        expect(pool).to_contain_text(on_pool, use_inner_text=True)


def test_what_the_engine_has_not_told_is_not_known(draw: Draw) -> None:
    page = draw(calling.without_functions(), "plan")
    expect(card(page, 3)).to_contain_text("rows not known", use_inner_text=True)
    for zero in ("0 rows", "0 B", "0 %", "0 µs"):
        expect(card(page, 3)).not_to_contain_text(zero, use_inner_text=True)
    card(page, 3).click()
    expect(page.locator(".opinfo")).to_contain_text(
        re.compile(r"rows in\s+not known\s+rows out\s+not known\s+work, all threads\s+not known"), use_inner_text=True
    )


@pytest.mark.parametrize("view", ["plan", "workers", "cockpit"])
def test_any_text_is_only_text(view: str, draw: Draw, artifacts: Path) -> None:
    page = draw(calling.hostile(NASTY), view)
    if view != "workers":
        card(page, 2).click()
        page.locator(".function summary").click()
        page.locator(".function pre").wait_for()
        assert page.locator(".function pre").inner_text().startswith(NASTY[:40])
    page.screenshot(path=artifacts / f"functions-hostile-{view}.png", full_page=True)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "wider than the page"
    assert page.evaluate("() => window.hurt ?? null") is None
    root = "document.querySelector('#view > div').shadowRoot"
    assert page.evaluate(f"() => {root}.querySelectorAll('.root img, .root script').length") == 0
    longest = max(len(found) for found in texts(page, ".actors h4, .function h4, .op, .wide-table td, .counters td"))
    assert longest < 800
