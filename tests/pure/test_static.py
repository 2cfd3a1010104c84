"""What a notebook still says without a kernel: exact where it is short, and safe whatever the names are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.settings import AutoscalingSettings
from daftnb.snapshots.static import headline, static_html, static_text
from daftnb.snapshots.svg import cpus_svg
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import TOPICS, select, snapshot_of
from daftnb.telemetry.state import apply
from daftnb.text import numbers as f
from daftnb.text.states import DECISIONS, GLYPHS, NOT_KEPT, NOTHING_RUNS, SIGNS, over_max
from daftnb.widgets.controls import controls_html, controls_text
from tests.conftest import ROOT
from tests.helpers import plans, scaling, story
from tests.helpers.stricthtml import ATTRIBUTES, TAGS, check

TAGS |= {"svg", "title", "path", "text", "rect"}
ATTRIBUTES |= {"stroke-dasharray", "rx", "font-family", "font-size", "font-weight", "opacity", "text-anchor"}
ATTRIBUTES |= {"scope", "title"}


def test_numbers_as_people_read_them() -> None:
    assert [f.number(v) for v in (None, 0, 1, 999, 1000, 999_600, 5_980_000)] == [
        "—",
        "0",
        "1",
        "999",
        "1.00 k",
        "1.00 M",
        "5.98 M",
    ]
    assert [f.plural(v, "worker") for v in (0, 1, 2)] == ["0 workers", "1 worker", "2 workers"]
    assert [f.plural(v, "query", "queries") for v in (1, 2)] == ["1 query", "2 queries"]
    assert [f.size(v) for v in (None, 0, 512, 61_000_000)] == ["—", "0 B", "512 B", "61.0 MB"]
    assert [f.duration(v) for v in (None, 0.00035, 0.012, 1.25, 59.97, 125, 3720)] == [
        "—",
        "350 µs",
        "12.0 ms",
        "1.25 s",
        "1 min 00 s",
        "2 min 05 s",
        "1 h 02 min",
    ]
    assert [f.ratio(v) for v in (None, 0, 1.25, 2.8, 11, 56.04)] == ["—", "0", "1.25", "2.8", "11", "56"]


def test_the_headline_says_it_all() -> None:
    assert headline(story.snapshot()) == (
        "Query 1 (calm-willow) on Ray finished after 10.0 s: 21 of 21 tasks done, "
        "peak backlog ratio 20 against threshold 1.5, workers 1 → 2."
    )
    assert headline(story.snapshot(upto=5.5)).startswith(
        "Query 1 (calm-willow) on Ray was running at 08:00:05 UTC, after 5.50 s"
    )
    assert headline(snapshot_of(State(), 0.0, "none", AutoscalingSettings())) == "No query has run yet."


def test_the_plan_as_text() -> None:
    assert static_text(select(story.snapshot(), "plan"), "plan").splitlines()[2:] == [
        "operator            state       rows    bytes           time  tasks  notes",
        "Sort                ✓ finished     —        —              —    1/1",
        "  UDF score         ✓ finished   150  1.20 kB  3.00 ms (75%)  20/20  75% kept",
        "    ScanTaskSource  ✓ finished   200  1.60 kB  1.00 ms (25%)  20/20",
    ]


def test_the_plan_says_what_stands_out() -> None:
    snapshot = select(plans.snapshot(over=True), "plan")
    notes = {line.split("  ")[-1] for line in static_text(snapshot, "plan").splitlines()[3:]}
    assert notes == {
        "⚑ slowest path",
        "⚑ slowest path · 2.98 k rows expected, 2× too few",
        "⚑ slowest path · 11.6 k rows expected, 2.8× too many · 35% kept",
        "⚑ slowest path · ⚠ longest task 8.20 s, median ≈ 1.10 s, 40 tasks · 3.10 M rows expected, 102× too many",
        "⚑ slowest path · 3.10 M rows expected, 102× too many · 1% kept",
        "⚑ slowest path · 54% kept",
        "49% kept",
        "—",
    } - {"⚑ slowest path · 2.98 k rows expected, 2× too few", "—"} | {"12/12"}
    html = static_html(snapshot, "plan")
    check(html)
    assert "the slowest path broad and with ⚑" in html
    assert html.count('stroke-width="3"') == 5
    # Without another path, the slowest one is not worth a mark.
    for operator in snapshot["plan"]["operators"].values():
        operator["slowest"] = True
    assert "⚑" not in static_html(snapshot, "plan") + static_text(snapshot, "plan")


def test_the_plans_of_a_dataframe_that_has_not_run() -> None:
    snapshot = select(plans.not_run(), "plan")
    lines = static_text(snapshot, "plan").splitlines()
    assert lines[0] == "Plan of top, which has not run."
    assert [line for line in lines if line.endswith(" plan")] == ["logical plan", "optimised plan", "physical plan"]
    assert re.sub("  +", " | ", lines[lines.index("optimised plan") + 2]) == "TopN score | 10"
    html = static_html(snapshot, "plan")
    check(html)
    assert "<title>Plan of top: 8 operators</title>" in html
    assert len(html) < 12_000


@pytest.mark.parametrize("view", sorted(TOPICS))
@pytest.mark.parametrize("upto", [-5.0, 0.0, 1.5, 5.5, 100.0])
def test_every_view_at_every_moment(view: str, upto: float) -> None:
    snapshot = select(story.snapshot(upto=upto), view)
    html = static_html(snapshot, view)
    check(html)
    assert len(html) < 60_000
    assert static_text(snapshot, view)


def test_the_cockpit_says_workers_decisions_and_settings() -> None:
    text = static_text(select(story.snapshot(), "cockpit"), "cockpit")
    for line in (
        "Backlog: nothing runs; threshold 1.5, peak 20",
        "Workers: 1, 0 busy, 1 idle, 1 CPU slots",
        "ratio 19 (19 pending ÷ 1 CPUs): asked Ray for 2 × 1 CPU",
        "asked 4 CPUs: the most that this cluster may have is 2",
    ):
        assert line in text, text


def test_workers_say_since_when_they_are_idle_when_they_end_and_why() -> None:
    lines = static_text(select(scaling.snapshot(over=True), "workers"), "workers").splitlines()[2:]
    assert [re.sub("  +", " | ", line) for line in lines] == [
        "Workers: 3, 0 busy, 3 idle (2 warm), 3 CPU slots",
        "worker | state | running | done | memory | idle | ends",
        "head | – no worker (no CPU for Daft) | 0 of 0 | 0 | — | — | —",
        "worker 1 | ◐ warm | 0 of 1 | 77 | 2.00 GB | since 08:00:28 UTC | kept: survivor",
        "worker 2 | ◐ warm | 0 of 1 | 12 | 2.00 GB | since 08:00:29 UTC | 08:01:29 UTC, after 60 s idle",
        "worker 3 | ○ idle | 0 of 1 | 12 | 2.00 GB | since 08:00:20 UTC | 08:01:20 UTC, after 60 s idle",
        "worker 4 | – retired | 0 of 1 | 4 | 2.00 GB | — | —",
        "worker 5 | – gone | 0 of 1 | 0 | — | — | —",
    ]


def test_the_demand_and_what_came_of_it() -> None:
    snapshot = select(scaling.snapshot(over=False), "backlog")
    words = (
        "Worker CPUs: wanted 12, granted 4, observed 3, maximum 4, least 1; "
        "asked 12 CPUs: the most that this cluster may have is 4"
    )
    assert static_text(snapshot, "backlog").splitlines()[-1] == words
    html = static_html(snapshot, "backlog")
    assert f"<p>{words}</p>" in html
    assert "dashed: wanted · green: granted · thick: observed · dotted: maximum" in html
    assert "<p>▼ asked Ray · ▽ asked above the maximum · △ node granted · ▲ worker runs · ✕ worker died</p>" in html
    assert [over_max({"wanted": w, "most": m}) for w, m in ((4, 4), (None, 4), (5, None), (1, 0))] == [
        *[""] * 3,
        "asked 1 CPU: the most that this cluster may have is 0",
    ]


@pytest.mark.parametrize("upto", [9.5, 100.0])
def test_between_queries_nothing_runs_whatever_was_sampled_last(upto: float) -> None:
    snapshot = story.snapshot(upto)
    snapshot["backlog"] |= {"ratio": None, "pending": 0, "capacity": 0}
    text = static_text(select(snapshot, "backlog"), "backlog").splitlines()[2]
    if upto < 10:
        assert text == "Backlog ratio — (0 pending ÷ 0 worker CPUs), threshold 1.5, peak 20"
    else:
        assert text == "Backlog: nothing runs; threshold 1.5, peak 20"
    assert f"<p>{text}</p>" in static_html(select(snapshot, "backlog"), "backlog")


def test_a_drawing_says_what_it_leaves_out() -> None:
    backlog = scaling.snapshot(over=True)["backlog"]
    assert "above 8 not drawn" in cpus_svg(backlog)
    assert "not drawn" not in cpus_svg({**backlog, "most": 8})
    # What is not known is not drawn.
    unknown = {key: [*point[:7], None, point[8]] for key, point in backlog["points"].items()}
    svg = cpus_svg({"points": unknown})
    check(svg)
    assert svg.count("<path") == 3  # the axis, wanted, observed


def test_decisions_in_words_also_those_of_a_kind_that_is_not_known() -> None:
    lines = static_text(select(scaling.snapshot(over=True), "cockpit"), "cockpit").splitlines()
    assert "08:00:30 UTC  rebalance      a kind that the page does not know" in lines
    assert "08:00:12 UTC  over max ×9    asked 7 CPUs: the most that this cluster may have is 4" in lines
    assert "08:00:04 UTC  not asked ×12  the interval of 5 s is not over" in lines


@pytest.mark.parametrize("view", sorted(TOPICS))
@pytest.mark.parametrize("over", [False, True])
def test_every_view_of_a_cluster_that_scales(view: str, over: bool) -> None:
    snapshot = select(scaling.snapshot(over), view)
    check(static_html(snapshot, view))


def test_the_page_uses_the_same_words() -> None:
    source = (ROOT / "daftnb" / "frontend" / "src" / "words.ts").read_text(encoding="utf-8")

    def block(name: str) -> str:
        return source.split(f"const {name}:")[1].split("= {")[1].split("\n};")[0]

    pairs = re.compile(r'(?:"([^"]+)"|(\w+)): "([^"]+)"')
    for name, mine in (("GLYPHS", GLYPHS), ("DECISIONS", DECISIONS)):
        assert {quoted or bare: word for quoted, bare, word in pairs.findall(block(name))} == mine
    for name, words in (("NOTHING_RUNS", NOTHING_RUNS), ("NOT_KEPT", NOT_KEPT)):
        assert f'export const {name} = "{words}";' in source
    signs = re.findall(r'(?:"([^"]+)"|(\w+)): \{ sign: "(.)", colour: "[^"]+", word: "([^"]+)" \}', block("SIGNS"))
    assert {quoted or bare: (sign, word) for quoted, bare, sign, word in signs} == SIGNS


@given(st.text(), st.text())
def test_no_name_becomes_markup(name: str, error: str) -> None:
    state = State()
    for event in (
        e.QueryStarted(1.0, name, "ray"),
        e.PlanReady(1.1, name, (e.PlanNode(1, name, "", (), error),)),
        e.WorkerStarted(1.2, name, 1, 1),
        e.ProblemFound(1.2, error),
        e.QueryFinished(2.0, name, "failed", error),
    ):
        apply(event, state)
    snapshot = snapshot_of(state, 3.0, "ray", AutoscalingSettings())
    for worker in snapshot["workers"]["rows"].values():
        worker |= {"state": name, "rule": error, "retires_at": 60.0}
    decision = {"t": 2.0, "kind": name, "text": error, "count": 2}
    point = [1.0, 1.0, 1, 1, 1, 1, 1, None, 1]
    snapshot |= {"decisions": {"0": decision}, "backlog": snapshot["backlog"] | {"points": {"0": point}}}
    snapshot["backlog"]["marks"] = {"0": {**decision, "t": 1.0, "kind": "request", "label": name}}
    for view in TOPICS:
        check(static_html(select(snapshot, view), view))
        assert all(c.isprintable() or c in " \n" for c in static_text(select(snapshot, view), view))


def test_the_controls_as_text_and_table() -> None:
    settings = story.snapshot()["settings"]
    assert controls_text(settings).splitlines()[:2] == [
        "setting              set      in effect (read back at query 1)",
        "Scale-up threshold   1.25     1.5",
    ]
    check(controls_html(settings))
    assert "next query changes it" in controls_html(settings)
