"""The plan's view alone on a page: its three forms, moving in it, its details, what stands out, and plans of any size.

No Jupyter and no Ray. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.telemetry.snapshots import Snapshot
from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.browser.reading import text
from tests.helpers import plans

pytestmark = [pytest.mark.browser]
NASTY = '<img src=x onerror="window.hurt=1"> \u202eאבג 🦆' + "<script>window.hurt = 1</script>" * 350


def scale(page: Any) -> float:
    stage = page.locator(".plan .stage")
    return float(stage.evaluate("stage => stage.getBoundingClientRect().width / stage.offsetWidth"))


def focused(page: Any) -> str | None:
    return page.evaluate(
        "() => document.querySelector('#view > div').shadowRoot.activeElement?.getAttribute('data-id') ?? null"
    )


def selected(page: Any) -> list[str]:
    return page.locator(".op[aria-pressed=true]").evaluate_all("cards => cards.map((card) => card.dataset.id)")


def large(count: int, name: str = "Project") -> Snapshot:
    """A plan of so many operators, two joined chains."""
    snapshot = plans.snapshot()
    one = snapshot["plan"]["operators"]["6"]
    half = count // 2
    snapshot["plan"]["operators"] = {
        str(i): one | {"id": i, "name": f"{name} {i}", "inputs": [] if i in (1, half) else [i - 1]}
        for i in range(1, count)
    } | {str(count): one | {"id": count, "inputs": [count - 1, half - 1]}}
    return snapshot


@looks(1100)
@pytest.mark.parametrize("form", ["physical", "optimised", "not run"])
def test_everyone_can_read_it(form: str, width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(plans.not_run() if form == "not run" else plans.snapshot(), "plan", width, theme)
    if form == "optimised":
        page.get_by_role("tab", name="optimised").click()
    if width == 400 or theme == "dark":
        page.locator(".op[data-id='6']").click()
        page.locator(".opinfo").wait_for()
    everyone_can_read(page, artifacts / f"plan-{form.replace(' ', '-')}-{width}-{theme}.png")


def test_a_card_says_what_it_is_and_what_became_of_it(draw: Draw) -> None:
    page = draw(plans.snapshot(), "plan")
    said = {id_: text(page.locator(f".op[data-id='{id_}']")) for id_ in "24678"}
    assert said == {
        "2": "✓ finished Filter 1 % o_orderdate < 1995-03-15 30.0 MB "
        "1.50 M → 730 k rows · 49 % kept 12/12 tasks 300 ms",
        "4": "✓ finished Filter ⚑ slowest path 3 % l_shipdate > 1995-03-15 116 MB "
        "5.98 M → 3.24 M rows · 54 % kept 46/46 tasks 700 ms",
        "6": "● running UDF score ⚑ slowest path 51 % score(l_comment) as score 3.10 MB "
        "30.5 k rows ⚠ 7.5× median 20/40 tasks · 2 run 11.4 s",
        "7": "● running Grouped Aggregation ⚑ slowest path 5 % sum(score) 800 kB "
        "11.6 k → 4.10 k rows · 35 % kept 4/16 tasks · 2 failed 1.10 s",
        "8": "○ waiting TopN 10 ⚑ slowest path score, descending about 10 rows expected",
    }
    page = draw(plans.snapshot(over=True), "plan")
    expect(page.locator(".op[data-id='5']")).to_contain_text("3.97 M → 30.5 k · 3.10 M expected", use_inner_text=True)


def test_the_forms_of_a_plan_are_tabs(draw: Draw) -> None:
    page = draw(plans.snapshot(), "plan")
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_text(["Physical", "Optimised", "Logical"], use_inner_text=True)
    page.get_by_role("tab", name="physical").focus()
    page.keyboard.press("ArrowLeft")  # from the first to the last
    page.get_by_role("tab", name="logical", selected=True).wait_for()
    expect(page.locator(".op")).to_have_count(8)
    expect(page.locator(".op[data-id='3']")).to_contain_text(
        "[o_orderdate < 1995-03-15] & [l_shipdate", use_inner_text=True
    )
    page.keyboard.press("ArrowLeft")
    page.get_by_role("tab", name="optimised", selected=True).wait_for()
    expect(page.locator(".op[data-id='4']")).to_contain_text("about 3.10 M rows expected", use_inner_text=True)
    assert page.evaluate("() => document.querySelector('#view > div').shadowRoot.activeElement.textContent") == (
        "optimised"
    )


def test_a_form_that_the_engine_has_not_told_is_not_offered(draw: Draw) -> None:
    snapshot = plans.snapshot()
    snapshot["plan"]["plans"] = {}
    page = draw(snapshot, "plan")
    expect(page.get_by_role("tab")).to_have_count(0)
    snapshot["plan"]["plans"] = {"logical": {"root": None, "operators": {}}}
    page = draw(snapshot, "plan")
    page.get_by_role("tab", name="logical").click()
    page.get_by_text("more operators than can be drawn").wait_for()


def test_a_dataframe_that_has_not_run(draw: Draw) -> None:
    page = draw(plans.not_run(), "plan")
    expect(page.locator(".head")).to_have_text(
        "Plan of top It has not run, and showing it runs nothing.", use_inner_text=True
    )
    expect(page.get_by_role("tab", selected=True)).to_have_text("Optimised", use_inner_text=True)


def test_details_have_everything(draw: Draw) -> None:
    page = draw(plans.snapshot(), "cockpit")
    page.locator(".op[data-id='6']").click()
    details = page.get_by_role("region", name="Details of UDF score")
    said = text(details)
    for words in (
        "● running · ⚑ on the slowest path",
        "⚠ Uneven tasks: longest 8.20 s, median ≈ 1.10 s, 40 tasks",
        "rows in 30.5 k",
        "rows expected 3.10 M",
        "bytes out 3.10 MB",
        "work, all threads 11.4 s",
        "of the query's work 51 %",
        "tasks 20 of 40 done, 2 running, 18 pending",
        "UDF actors 2 actors, 1 idle",
        "task 731 8.20 s worker 2",
        "Expressions score(col(3: l_comment)) as score",
    ):
        assert words in said, words
    # What is selected is not covered by its details.
    box, card = page.locator(".plan").bounding_box(), page.locator(".op[data-id='6']").bounding_box()
    assert box["y"] <= card["y"]
    assert card["y"] + card["height"] <= box["y"] + box["height"]
    page.get_by_role("button", name="Close the details").click()
    expect(details).to_have_count(0)
    assert focused(page) == "6"


def test_all_by_keyboard(draw: Draw) -> None:
    page = draw(plans.snapshot(), "plan")
    page.locator(".plan").focus()
    page.keyboard.press("Tab")
    first = focused(page)
    assert first in ("1", "3")
    suppressed = "() => document.querySelector('#view > div').hasAttribute('data-lm-suppress-shortcuts')"
    assert page.evaluate(suppressed), "JupyterLab would take the keys"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "5"
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Details of HashJoin").wait_for()
    page.keyboard.press("ArrowDown")  # the details follow
    page.get_by_role("region", name="Details of UDF score").wait_for()
    assert (focused(page), selected(page)) == ("6", ["6"])
    page.keyboard.press("c")  # what is above is hidden
    page.wait_for_function(
        "() => document.querySelector('#view > div').shadowRoot.querySelectorAll('.op').length === 3"
    )
    expect(page.locator(".twig.shut")).to_have_text("+5", use_inner_text=True)
    assert focused(page) == "6"
    page.keyboard.press("c")
    page.wait_for_function(
        "() => document.querySelector('#view > div').shadowRoot.querySelectorAll('.op').length === 8"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".opinfo")).to_have_count(0)
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.25)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert scale(page) == pytest.approx(0.8)
    page.keyboard.press("0")
    assert page.locator(".plan").evaluate("b => b.scrollHeight === b.clientHeight && b.scrollWidth === b.clientWidth")
    page.get_by_role("tab", selected=True).focus()
    assert not page.evaluate(suppressed)


def test_panned_and_zoomed_by_mouse(draw: Draw) -> None:
    page = draw(large(60), "plan")
    box = page.locator(".plan").bounding_box()
    at = (box["x"] + 20, box["y"] + 300)
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0], at[1] - 40, steps=4)
    page.mouse.move(at[0], at[1] - 200, steps=4)
    page.mouse.up()
    assert page.locator(".plan").evaluate("box => box.scrollTop") == 200
    expect(page.locator(".opinfo")).to_have_count(0)
    # A drag that begins on a card moves the plan, and does not select.
    card = page.locator(".op").nth(6).bounding_box()
    page.mouse.move(card["x"] + 50, card["y"] + 20)
    page.mouse.down()
    page.mouse.move(card["x"] + 50, card["y"] + 70, steps=4)
    page.mouse.up()
    assert page.locator(".plan").evaluate("box => box.scrollTop") == 150
    assert selected(page) == []
    # What is under the pointer stays there.
    before = page.locator(".op").nth(6).bounding_box()
    page.mouse.move(before["x"], before["y"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function(
        "(was) => document.querySelector('#view > div').shadowRoot.querySelector('.op').getBoundingClientRect().width"
        " > was + 20", arg=before["width"]
    )  # fmt: skip
    after = page.locator(".op").nth(6).bounding_box()
    assert abs(after["y"] - before["y"]) < 2
    assert page.evaluate("() => [scrollY, visualViewport.scale]") == [0, 1], "the page was zoomed or moved"


@pytest.mark.parametrize("name", ["Project", NASTY])
def test_a_thousand_operators_with_any_names(name: str, draw: Draw, artifacts: Path) -> None:
    snapshot = large(1_000, name)
    for operator in snapshot["plan"]["operators"].values():
        operator["detail"] = f"predicate: {name[:1000]}"
    page = draw(snapshot, "plan")
    kind = "plain" if name == "Project" else "nasty"
    page.screenshot(path=artifacts / f"plan-thousand-{kind}.png")
    expect(page.locator(".plans .sub").first).to_have_text("1000 operators", use_inner_text=True)
    assert page.locator(".op").count() < 60, "cards that nobody sees"
    page.locator(".op").nth(1).click()
    page.locator(".opinfo").wait_for()
    page.screenshot(path=artifacts / f"plan-thousand-{kind}-details.png")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "wider than the page"
    assert page.evaluate("() => window.hurt ?? null") is None
    # The keyboard reaches what is not drawn yet.
    start = int(focused(page) or 0)
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    assert int(focused(page) or 0) >= start + 40
    page.get_by_role("button", name="Fit").click()
    page.screenshot(path=artifacts / f"plan-thousand-{kind}-fit.png")
    assert scale(page) < 0.1


def test_new_numbers_neither_lay_out_again_nor_redraw_the_others(draw: Draw) -> None:
    """1,000 operators, one of which changes: nothing else of the page is touched."""
    page = draw(large(1_000), "plan")
    times, touched = page.evaluate(
        """async () => {
            const box = document.querySelector('#view > div').shadowRoot;
            const {port1, port2} = new MessageChannel();
            const drawn = () => new Promise((done) => { port1.onmessage = done; port2.postMessage(0); });
            const touched = new Set();
            const watcher = new MutationObserver((changes) => changes.forEach(({target}) => touched.add(
                (target.nodeType === Node.TEXT_NODE ? target.parentElement : target).closest('.op')?.dataset.id
                    ?? target.nodeName)));
            watcher.observe(box.querySelector('.plan'), {subtree: true, childList: true, attributes: true,
                characterData: true});
            const found = [];
            for (let seq = 1; seq <= 100; seq++) {
                const began = performance.now();
                window.tell({type: 'patch', base: seq - 1, seq, patch: {plan: {operators: {2: {rows_out: seq}}}}});
                await drawn();
                box.querySelector('.plan').scrollHeight;  // lays the page out
                found.push(performance.now() - began);
                const shown = box.querySelector('[data-id="2"]').textContent;
                if (!shown.includes(`→ ${seq} row`)) throw new Error(`not ${seq}: ${shown}`);
            }
            return [found.sort((a, b) => a - b), [...touched]];
        }"""
    )
    print(f"a snapshot of 1,000 operators: median {times[50]:.1f} ms, 95th percentile {times[95]:.1f} ms")
    assert touched == ["2"]
    assert times[50] < 16


def test_many_new_numbers_are_drawn_over_several_frames_of_the_screen(draw: Draw) -> None:
    """200 operators, all of which change: few cards in each snapshot, and soon all that are in sight."""
    page = draw(large(200), "plan")
    snapshots, old = page.evaluate(
        """async () => {
            const plan = document.querySelector('#view > div').shadowRoot.querySelector('.plan');
            const changed = new Set();
            new MutationObserver((all) => all.forEach(({target}) => changed.add(target.parentElement?.closest('.op'))))
                .observe(plan, {subtree: true, childList: true, characterData: true});
            const operators = {};
            for (let id = 1; id <= 200; id++) operators[id] = {rows_out: 77};
            tell({type: 'patch', base: 0, seq: 1, patch: {plan: {operators}}});
            const snapshots = [];
            for (let snapshot = 0; snapshot < 15; snapshot++) {
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                snapshots.push(changed.size);
                changed.clear();
            }
            const box = plan.getBoundingClientRect();
            const old = [...plan.querySelectorAll('.op')].filter((card) => {
                const {top, bottom} = card.getBoundingClientRect();
                return bottom > box.top && top < box.bottom && !card.textContent.includes('→ 77 rows');
            });
            return [snapshots, old.map((card) => card.dataset.id)];
        }"""
    )
    assert old == []
    assert sum(snapshots) > 10
    assert snapshots[0] <= 1 and max(snapshots) <= 13, (
        "six at a time, and the current one; twice as many when they are late"
    )
    assert snapshots[-1] == 0


def test_only_what_is_too_long_is_cut_off(draw: Draw) -> None:
    snapshot = plans.snapshot()
    snapshot["plan"]["operators"]["4"]["detail"] = "predicate: " + "a_long_name > " * 20
    page = draw(snapshot, "plan")
    texts = page.locator(".op .name, .op .expr").evaluate_all(
        "texts => texts.map((text) => [text.classList.contains('cut'), text.scrollWidth > text.clientWidth])"
    )
    assert [cut for cut, over in texts if over and not cut] == []
    assert [True, True] in texts
    assert sum(cut for cut, _ in texts) < len(texts) / 3, "what fits has no clip"
