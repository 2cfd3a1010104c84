"""The views alone on a page, fed with snapshots: what they say, how they look, and that everyone can read them.

No Jupyter and no Ray. The pictures are left in artifacts/, to be looked at.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.browser.reading import texts
from tests.helpers import scaling

pytestmark = [pytest.mark.browser]


@looks(1100)
@pytest.mark.parametrize("over", [False, True], ids=["running", "over"])
def test_everyone_can_read_it(over: bool, width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(scaling.snapshot(over), width=width, theme=theme)
    everyone_can_read(page, artifacts / f"views-{'over' if over else 'running'}-{width}-{theme}.png")


def test_the_first_line_has_its_bar_and_a_tag_is_as_high_as_its_text(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=False), width=1100)
    assert page.locator(".head .meter").first.bounding_box()["width"] >= 120
    heights = page.locator(".decision .tag").evaluate_all("tags => tags.map((tag) => tag.offsetHeight)")
    assert len(heights) > 1
    assert set(heights) == {20}


def test_each_worker_says_its_state_its_wait_and_why(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=False))
    expect(page.locator(".worker .words span:first-child")).to_have_text(
        [
            "– no CPU",
            "● busy 1/1",
            "● busy 1/1",
            re.compile(r"^○ idle \d+ s · downscale is off$"),
            "◌ starting",
        ],
        use_inner_text=True,
    )
    page = draw(scaling.snapshot(over=True))
    words = texts(page, ".worker .words span:first-child")
    assert [re.sub(r"\d+ s(?! idle)", "N s", word) for word in words] == [
        "– no CPU",
        "◐ warm N s · survivor",
        "◐ warm N s, ends in N s · after 60 s idle",
        "○ idle N s, ends in N s · after 60 s idle",
        "– retired",
        "– gone",
    ]
    expect(page.get_by_text("3 workers · 0 busy · 3 idle (2 warm) · 3 CPU slots")).to_have_count(1)


def test_the_countdown_is_true_within_a_second(draw: Draw) -> None:
    snapshot = scaling.snapshot(over=True)
    page = draw(snapshot)
    for worker, label in (("b", "worker 2"), ("c", "worker 3")):
        row = page.locator(".worker", has_text=label)
        for later in (0, 2, 4):
            # What is shown is read together with the time since the snapshot came: the truth has no other source here.
            page.wait_for_function("(later) => performance.now() / 1000 - drawnAt >= later", arg=later)
            shown, since = row.evaluate("row => [row.innerText, performance.now() / 1000 - drawnAt]")
            left = snapshot["workers"]["rows"][worker]["retires_at"] - snapshot["now"] - since
            idle = snapshot["now"] + since - snapshot["workers"]["rows"][worker]["idle_since"]
            found = re.search(r"(?:warm|idle) (\d+) s, ends in (\d+) s", shown)
            assert found, shown
            assert abs(int(found[2]) - left) <= 1.0
            assert abs(int(found[1]) - idle) <= 1.0


def test_wanted_granted_observed_and_what_there_can_be(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=False))
    expect(page.locator(".gutter:has-text('Worker CPUs') div")).to_have_text(
        [
            "wanted 12 ↑",
            "granted 4",
            "observed 3",
            "maximum 4, least 1",
        ],
        use_inner_text=True,
    )
    expect(page.locator(".legend .over")).to_have_text(
        ["asked 12 CPUs: the most that this cluster may have is 4"], use_inner_text=True
    )
    label = page.locator(".chart.small").get_attribute("aria-label")
    assert label == "Worker CPUs over time, now: wanted 12 ↑, granted 4, observed 3, maximum 4, least 1"
    # Nothing is asked for any more, and a member that is null comes as one that is gone.
    snapshot = scaling.snapshot(over=True)
    del snapshot["backlog"]["wanted"]
    page = draw(snapshot)
    assert texts(page, ".gutter:has-text('Worker CPUs') div")[:2] == ["wanted —", "granted 4"]
    expect(page.locator(".legend .over")).to_have_text([], use_inner_text=True)


def test_marks_have_a_legend_and_decisions_their_words(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=True))
    expect(page.locator(".legend span:has(span)")).to_have_text(
        [
            "▼ asked Ray",
            "▽ asked above the maximum",
            "△ node granted",
            "▲ worker runs",
            "◆ worker retired",
            "✕ worker died",
        ],
        use_inner_text=True,
    )
    rows = page.locator(".decision").evaluate_all(
        "rows => rows.map((row) => [...row.children].map((c) => c.innerText))"
    )
    assert rows[0] == ["30.2 s", "rebalance", "a kind that the page does not know"]
    assert rows[-1] == ["0.6 s", "not asked", "ratio 0.8 ≤ 1.25 (4 pending ÷ 5 CPUs) ×4"]
    assert {row[1] for row in rows} == {
        "rebalance", "withdrawn", "kept", "swept", "retired", "node gone", "died", "over max",
        "runs", "granted", "not asked", "asked", "reused",
    }  # fmt: skip


def test_what_is_below_the_edge_is_said(draw: Draw) -> None:
    snapshot = scaling.snapshot(over=True)
    operators = snapshot["plan"]["operators"]
    for id_ in range(9, 31):
        operators[str(id_)] = operators["8"] | {"id": id_, "inputs": [id_ - 1], "name": f"Project {id_}"}
    page = draw(snapshot)
    more = page.locator(".plans .fold button")
    below = page.locator(".plan").evaluate(
        """box => [...box.querySelectorAll('.op')]
            .filter((card) => card.getBoundingClientRect().bottom > box.getBoundingClientRect().bottom).length"""
    )
    assert below > 10
    expect(more).to_have_text(f"↓ {below} more operators", use_inner_text=True)
    words = """() => document.querySelector('#view > div').shadowRoot.querySelector('.plans .fold')?.innerText"""
    while said := page.evaluate(words):
        more.click()
        page.wait_for_function(f"(said) => ({words})() !== said", arg=said)
    assert page.locator(".op", has_text="Project 30").evaluate(
        "card => card.getBoundingClientRect().bottom <= card.closest('.plan').getBoundingClientRect().bottom"
    )


def test_the_panels_of_a_row_end_together(draw: Draw) -> None:
    for over in (False, True):
        page = draw(scaling.snapshot(over))
        plan, backlog, decisions, settings = (
            page.locator(f".panel[aria-label='{name}']").bounding_box()
            for name in ("Plan", "Backlog and workers", "Decisions", "Settings")
        )
        assert plan["height"] == backlog["height"]
        assert decisions["height"] == settings["height"]
        last = page.locator(".worker").last.bounding_box()
        empty = backlog["y"] + backlog["height"] - last["y"] - last["height"]
        assert empty < 30, "an empty area below the workers"


def test_stop_by_keyboard(draw: Draw) -> None:
    page = draw(scaling.snapshot(over=False))
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('#view > div').shadowRoot.activeElement.className") == "stop"
    page.keyboard.press("Enter")
    assert page.evaluate("() => window.sent") == [{"type": "resync"}, {"type": "stop", "query": "sleek-bear-f8a695"}]


def test_many_workers_and_operators(draw: Draw, artifacts: Path) -> None:
    snapshot = scaling.snapshot(over=True)
    rows = snapshot["workers"]["rows"]
    for number in range(1_000):
        rows[f"w{number}"] = rows["b"] | {"id": f"w{number}", "label": f"worker {number + 6}"}
    snapshot["workers"]["listed"] = len(rows)
    operators = snapshot["plan"]["operators"]
    for id_ in range(9, 209):
        operators[str(id_)] = operators["8"] | {"id": id_, "inputs": [id_ - 1] if id_ % 7 else [id_ - 1, id_ - 2]}
    page = draw(snapshot)
    assert 8 <= page.locator(".worker").count() <= 12, "those in sight"
    expect(page.get_by_text("208 operators")).to_have_count(1)
    first, box = page.locator(".op").first.bounding_box(), page.locator(".plan").bounding_box()
    assert box["x"] <= first["x"] <= box["x"] + box["width"] - first["width"]
    expect(page.locator(".pool + .fold")).to_have_text(["↓ more of 100 nodes"], use_inner_text=True)
    assert page.locator(".panel[aria-label='Plan']").bounding_box()["height"] < 860
    page.screenshot(path=artifacts / "views-many.png")


@pytest.mark.parametrize("view", ["plan", "workers", "backlog"])
@pytest.mark.parametrize("width", [1100, 400])
def test_each_view_alone(view: str, width: int, draw: Draw, artifacts: Path) -> None:
    page = draw(scaling.snapshot(over=True), view, width)
    page.screenshot(path=artifacts / f"views-{view}-{width}.png")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "wider than the page"


def test_without_workers_there_is_one_column(draw: Draw, artifacts: Path) -> None:
    snapshot = scaling.snapshot(over=True)
    snapshot["query"] |= {"runner": "native", "tasks": None, "progress": None}
    snapshot["workers"] |= {"rows": {}, "total": 0, "idle": 0, "warm": 0}
    page = draw(snapshot)
    page.screenshot(path=artifacts / "views-native.png")
    plan, backlog = (page.locator(f".panel[aria-label^='{name}']").bounding_box() for name in ("Plan", "Backlog"))
    assert plan["width"] == backlog["width"] > 1_000
    assert page.locator(".plan").evaluate("box => box.scrollHeight === box.clientHeight")
    expect(page.get_by_text("Daft's native runner runs queries in this process")).to_have_count(1)


def test_a_view_that_jupyterlab_has_left_behind_ends(draw: Draw) -> None:
    """An output that is updated is drawn once more, and what was drawn before is taken out of the page, undisposed."""
    page = draw(scaling.snapshot(over=True))
    page.evaluate("""async () => {
        const seconds = (n) => new Promise((done) => setTimeout(done, 1000 * n));
        window.el = document.getElementById('view');
        window.area = document.createElement('div');
        area.className = 'jp-OutputArea';
        el.replaceWith(area);
        area.append(el);
        await seconds(1.5);
        area.remove();  // the cell is scrolled out of sight
        await seconds(3.5);
        window.kept = el.childElementCount;
        document.body.append(area);
        await seconds(1.5);
        el.remove();  // the output is drawn anew
    }""")
    assert page.evaluate("() => window.kept") == 1, "a view that is out of sight lives"
    page.wait_for_function("() => el.childElementCount === 0")


def test_a_view_that_jupyterlab_leaves_behind_at_once_ends(draw: Draw) -> None:
    """Of a cell that is over soon: no look has found it in an output."""
    page = draw(scaling.snapshot(over=True))
    page.evaluate("() => { window.el = document.getElementById('view'); el.remove(); }")
    page.wait_for_function("() => el.childElementCount === 0")
