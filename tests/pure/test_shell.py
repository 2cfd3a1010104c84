"""The cockpit's shell in the kernel: what a line, a comparison and a replay say, and what a page may ask."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.cells.lines import KEPT_LINES, CellLines
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.compare import MOST_ALIGNED, compare_queries
from daftnb.telemetry.focus import focus
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import Snapshot, select, snapshot_of
from daftnb.telemetry.state import apply
from daftnb.widgets.line import PATIENCE_SECONDS, Line, Span, queries_of
from daftnb.widgets.replay import Replay
from daftnb.widgets.views import Cockpit, History
from tests.conftest import await_that
from tests.helpers import story
from tests.helpers.fakesession import FakeSession, T, ask, native
from tests.helpers.mergepatch import rfc7386, without_none
from tests.helpers.stricthtml import check


def opened(view: Any) -> list[Any]:
    """What the view sends from now on."""
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append(content)
    return sent


@pytest.fixture
def session() -> Iterator[FakeSession]:
    made = FakeSession(*native(1, T, 0.1), *native(2, T + 1, 2.0), *native(3, T + 4, 1.0, state="failed"), now=T + 5)
    yield made
    made.monitor.stop()


# -- compared ---------------------------------------------------------------------------------------------------------


def query(*nodes: e.PlanNode, stats: dict[int, tuple[int, int]] | None = None, threshold: float = 1.25) -> Any:
    state = State()
    settings = tuple(AutoscalingSettings(threshold=threshold).environment().items())
    for event in (e.QueryStarted(T, "q", "ray"), e.PlanReady(T, "q", nodes), e.SettingsInEffect(T, "q", settings)):
        apply(event, state)
    for id_, (rows, duration) in (stats or {}).items():
        apply(e.OperatorStats(T, "q", id_, None, rows, None, 8 * rows, duration), state)
    return state.queries["q"]


def test_two_queries_operator_by_operator() -> None:
    before = query(
        e.PlanNode(1, "Scan", "", ()), e.PlanNode(2, "Project", "", (1,)), e.PlanNode(3, "Sort", "", (2,)),
        stats={1: (100, 1000), 2: (100, 50), 3: (100, 400)},
    )  # fmt: skip
    after = query(
        e.PlanNode(1, "Scan", "", ()), e.PlanNode(2, "Filter", "", (1,)), e.PlanNode(3, "Exchange", "", (2,)),
        e.PlanNode(4, "Sort", "", (3,)), stats={1: (100, 500), 2: (10, 20), 4: (10, 100)}, threshold=2.0,
    )  # fmt: skip
    found = compare_queries(before, after, T + 3)
    names = [(row["a"] and row["a"]["name"], row["b"] and row["b"]["name"]) for row in found["operators"].values()]
    assert names == [("Sort", "Sort"), ("Project", "Exchange"), (None, "Filter"), ("Scan", "Scan")]
    assert found["operators"]["0"]["ratio"] == {
        "rows": 0.1,
        "bytes": 0.1,
        "duration_us": 0.25,
        "tasks": None,
        "skew": None,
    }
    assert found["operators"]["1"]["ratio"] == dict.fromkeys(("rows", "bytes", "duration_us", "tasks", "skew"))
    assert found["operators"]["2"]["ratio"] is None
    assert found["settings"] == {"threshold": ["1.25", "2.0"]}
    assert found["totals"]["elapsed"] == [3.0, 3.0, 1.0]
    assert found["totals"]["rows"] == [100, 10, 0.1]
    assert found["totals"]["peak_ratio"] == [None, None, None]


def test_plans_that_are_too_large_to_align_are_matched_by_position() -> None:
    nodes = [e.PlanNode(i, f"op {i}", "", (i - 1,) if i else ()) for i in range(MOST_ALIGNED + 1)]
    found = compare_queries(query(*nodes), query(*nodes[:-1]), T)["operators"]
    assert len(found) == MOST_ALIGNED + 1
    assert found["0"]["a"]["name"] == f"op {MOST_ALIGNED}"
    assert found["0"]["b"]["name"] == f"op {MOST_ALIGNED - 1}"
    assert found[str(MOST_ALIGNED)]["b"] is None


def test_a_query_without_a_plan_has_no_operators() -> None:
    found = compare_queries(query(), query(e.PlanNode(1, "Scan", "", ())), T)
    assert [(row["a"], row["b"]["name"]) for row in found["operators"].values()] == [(None, "Scan")]


def test_a_frame_looks_at_another_query(session: FakeSession) -> None:
    snapshot, state = session.snapshot(), session.monitor.state
    looked = focus(state, snapshot, 2, (1, 3))
    assert (looked["look"], looked["query"]["number"], looked["plan"]["number"]) == (2, 2, 2)
    assert looked["compare"]["numbers"] == [1, 3]
    assert snapshot["look"] is None, "the snapshot itself is as it was"
    assert focus(state, snapshot, 99, (1, 99)) == snapshot


# -- the line ---------------------------------------------------------------------------------------------------------


def test_the_queries_of_a_cell(session: FakeSession) -> None:
    snapshot = session.snapshot()
    told = queries_of(snapshot, Span(T - 1))
    assert list(told.rows) == ["2", "3"]
    assert told.brief == 1, "one was shorter than 0.3 s"
    assert (told.headline, told.active) == (3, False)
    assert list(queries_of(snapshot, Span(T + 0.5, T + 2)).rows) == ["2"]
    session.tell(*native(4, T + 5, None))
    session.now = T + 6
    told = queries_of(session.snapshot(), Span(T + 3.5))
    assert (told.headline, told.active) == (4, True)
    # One that has begun 100 ms ago is not yet there, and not counted as short.
    session.now = T + 5.1
    assert list(queries_of(session.snapshot(), Span(T + 4.5)).rows) == []
    assert queries_of(session.snapshot(), Span(T + 4.5)).brief == 0


def test_a_closed_line_costs_little_and_an_open_one_is_the_cockpit(session: FakeSession) -> None:
    line = Line(session, Span(T - 1, T + 6))
    closed = dict(line.snapshot)
    assert set(closed) == {"seq", "now", "session", "query", "queries", "workers", "backlog", "cell"}
    assert closed["query"]["number"] == 3
    assert closed["cell"] == {"numbers": [2, 3], "brief": 1}
    assert closed["workers"]["rows"] == closed["backlog"]["points"] == {}
    assert not line.looking, "all is said"
    written: list[Any] = []
    line._displays = [SimpleNamespace(update=lambda bundle, raw: written.append(bundle))]  # type: ignore[list-item]
    line.rest()
    assert "Query 3" in written[0]["text/plain"], "what is left in the notebook is complete"
    line.rest()
    assert len(written) == 1
    line._displays = []
    assert session.monitor.listeners == []

    ask(line, type="open", open=True)
    assert (line.opened, line.looking, session.nudges) == (True, True, 1)
    session.monitor.tick()
    assert set(line._last) >= {"plan", "decisions", "settings"}
    assert len(line._last["queries"]) == 3, "the history is the session's"
    ask(line, type="look", query=2)
    line._resync = True
    session.monitor.tick()
    assert line._last["query"]["number"] == line._last["plan"]["number"] == line._last["look"] == 2
    ask(line, type="open", open=False)
    session.monitor.tick()
    assert "plan" not in line._last
    assert line._last["query"]["number"] == 3, "closed, it is about its cell's latest again"
    line.close()


def test_a_line_whose_page_is_not_heard_can_be_opened_all_the_same(session: FakeSession) -> None:
    span = Span(T - 1)  # its cell still runs
    line = Line(session, span, paged=True)
    assert "plan" not in line._last
    line.shown_at = time.time()
    session.monitor.tick()
    assert "plan" not in line._last, "it may be heard yet"
    line.shown_at -= PATIENCE_SECONDS
    session.monitor.tick()
    assert set(line._last) >= {"plan", "decisions", "settings"}
    assert not line.opened
    ask(line, type="resync")
    await_that(lambda: session.monitor.tick() or "plan" not in line._last, "it is sent little again", 5)
    line.close()
    # Who ran the cell is no page: nobody could open it.
    line = Line(session, span)
    line.shown_at = time.time() - PATIENCE_SECONDS
    session.monitor.tick()
    assert "plan" not in line._last
    line.close()


def test_a_line_keeps_what_it_said_when_the_history_has_dropped_its_queries(session: FakeSession) -> None:
    line = Line(session, Span(T - 1, T + 6))
    before = dict(line._last)
    for number in range(10, 120):
        session.tell(*native(number, T + number, 0.5))
    ask(line, type="open", open=True)
    session.monitor.tick()
    assert line._last == before
    line.close()


def test_the_lines_static_view_opens_without_script(session: FakeSession) -> None:
    bundle = Line(session, Span(T - 1))._bundle()
    html = bundle["text/html"]
    check(html)
    assert html.startswith(
        '<div class="mathjax_ignore tex2jax_ignore"><details><summary>✕ <b>Query 3 (q3) on Daft&#x27;s native runner '
        "failed after 1.00 s"
    )
    assert "Queries of this cell, the latest first" in html
    assert "<p>and 1 shorter than 0.3 s</p>" in html
    assert "Plan of query 3" in html
    assert len(html) < 4_000
    assert bundle["text/plain"] == "Query 3 (q3) on Daft's native runner failed after 1.00 s. boom"


# -- under the cells --------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[CellLines, list[float]]]:
    monkeypatch.delenv("DAFT_PROGRESS_BAR", raising=False)
    clock = [T + 10.0]
    monkeypatch.setattr("daftnb.cells.lines.time.time", lambda: clock[0])
    made = CellLines(session)  # type: ignore[arg-type]
    made.switch(True)
    yield made, clock
    made.close()


def test_a_cell_gets_one_line_once_a_query_has_run_for_long_enough(
    lines: tuple[CellLines, list[float]], session: FakeSession
) -> None:
    cells, clock = lines
    assert os.environ["DAFT_PROGRESS_BAR"] == "0"
    assert not cells.looking
    cells.begin("a")
    cells.query_began("q5")
    session.tell(*native(5, T + 10, None))
    session.now = clock[0] = T + 10.2
    session.monitor.tick()
    assert not cells._lines and not cells.looking
    session.now = clock[0] = T + 10.31
    session.monitor.tick()
    (line,) = cells._lines.values()
    assert not cells.looking, "there is nothing more to show"
    session.tell(e.QueryFinished(T + 11, "q5", "finished"))
    clock[0] = session.now = T + 12
    cells.end()
    session.monitor.tick()
    assert line.over
    assert line in session.monitor.listeners, "late details still come"
    cells.begin("b")
    cells.end()
    assert line not in session.monitor.listeners

    # The same cell again: its output was cleared, and its line is let go of.
    cells.begin("a")
    assert not cells._lines
    assert line.comm is None
    cells.end()


def test_a_query_between_two_looks_of_the_monitor_has_its_line_at_the_cells_end(
    lines: tuple[CellLines, list[float]], session: FakeSession
) -> None:
    cells, clock = lines
    cells.begin("a")
    session.tell(*native(5, T + 10, 0.1), *native(6, T + 10.2, 0.35))
    session.now = clock[0] = T + 11
    cells.end()
    (line,) = cells._lines.values()
    assert line.snapshot["cell"] == {"numbers": [5], "brief": 1}, "numbers are the session's"


def test_no_line_for_fast_queries_for_cells_with_a_view_and_when_it_is_off(
    lines: tuple[CellLines, list[float]], session: FakeSession
) -> None:
    cells, clock = lines
    cells.begin("fast")
    session.tell(*native(5, T + 10, 0.2))
    session.now = clock[0] = T + 11
    cells.end()
    cells.begin("view")
    view = Cockpit(session)  # type: ignore[arg-type]
    view.shown_at = T + 11.1
    session.tell(*native(6, T + 11, 2.0))
    session.now = clock[0] = T + 14
    cells.end()
    view.close()
    cells.begin("off")
    cells.switch(False)
    session.tell(*native(7, T + 14, 2.0))
    session.now = clock[0] = T + 17
    cells.end()
    assert "DAFT_PROGRESS_BAR" not in os.environ
    assert not cells._lines
    assert session.monitor.listeners == []


def test_a_cell_that_runs_another_is_one_cell_and_a_failure_of_ours_is_told(
    lines: tuple[CellLines, list[float]], session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, clock = lines
    cells.end()  # the cell that loaded us began before us
    cells.begin("outer")
    cells.begin("inner")
    session.tell(*native(5, T + 10, 0.5))
    session.now = clock[0] = T + 11
    cells.end()
    assert cells._cell is not None
    monkeypatch.setattr(cells, "_show", lambda span, snapshot: 1 / 0)
    cells.end()
    assert session.snapshot()["session"]["problems"]["0"].startswith("the line under a cell could not be shown: Zero")
    cells.begin("next")
    cells.query_began("q6")
    assert not cells.looking, "there is nothing to show yet"
    clock[0] += 0.5
    cells.query_ended("q6")
    assert cells.looking


def test_lines_are_bounded(lines: tuple[CellLines, list[float]], session: FakeSession) -> None:
    cells, clock = lines
    for number in range(KEPT_LINES + 3):
        cells.begin(f"cell {number}")
        session.tell(*native(10 + number, clock[0], 0.5))
        session.now = clock[0] = clock[0] + 1
        cells.end()
        session.monitor.tick()
    assert len(cells._lines) == KEPT_LINES
    assert len(session.monitor.listeners) <= 2
    cells.close()
    assert session.monitor.listeners == []


def test_lines_that_rest_cost_the_cells_that_follow_nothing(
    lines: tuple[CellLines, list[float]], session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, clock = lines
    for number in range(5):
        cells.begin(f"cell {number}")
        session.tell(*native(10 + number, clock[0], 0.5))
        session.now = clock[0] = clock[0] + 1
        cells.end()
        session.monitor.tick()
    for line in cells._lines.values():
        line._displays = [SimpleNamespace(update=lambda bundle, raw: None)]  # type: ignore[list-item]
    snapshot, asked = session.snapshot, []
    monkeypatch.setattr(session, "snapshot", lambda: asked.append(True) or snapshot())
    for number in range(3):
        cells.begin(f"no query {number}")
        cells.end()
    assert len(asked) == 1, "for the last one, which rests then"


def test_a_progress_variable_that_is_set_stands(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFT_PROGRESS_BAR", "persist")
    cells = CellLines(session)  # type: ignore[arg-type]
    cells.switch(True)
    assert os.environ["DAFT_PROGRESS_BAR"] == "persist"
    cells.close()
    assert os.environ["DAFT_PROGRESS_BAR"] == "persist"


# -- requests of the page ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean_settings")
def test_a_setting_is_set_or_refused(session: FakeSession) -> None:
    view = Cockpit(session)  # type: ignore[arg-type]
    sent = opened(view)
    ask(view, type="set", name="threshold", value="1.75")
    assert os.environ["DAFT_AUTOSCALING_THRESHOLD"] == "1.75"
    ask(view, type="set", name="threshold", value="0.5")
    ask(view, type="set", name="survivors", value="9" * 101)
    assert os.environ["DAFT_AUTOSCALING_THRESHOLD"] == "1.75"
    assert sent[0] == {"type": "setting", "name": "threshold", "error": None}
    assert sent[1]["error"].startswith("threshold cannot be '0.5': it must be at least 1.0")
    assert sent[2]["error"] == "survivors has at most 100 characters (got 101)."
    assert "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS" not in os.environ
    assert session.nudges == 3
    view.close()


@pytest.mark.usefixtures("clean_settings")
@pytest.mark.parametrize(
    "content",
    [
        {"type": "set", "name": "PATH", "value": "x"},
        {"type": "set", "name": "threshold", "value": 2},
        {"type": "set", "name": "threshold", "value": "2", "more": 1},
        {"type": "look", "query": "2"},
        {"type": "look", "query": True},
        {"type": "look"},
        {"type": "compare", "a": 1, "b": None},
        {"type": "compare", "a": 1.5, "b": 2},
        {"type": "open", "open": 1},
        {"type": "seek", "t": 1.0},
        {"type": "run", "code": "x"},
        "look",
        None,
    ],
)
def test_what_is_not_of_the_grammar_changes_nothing(session: FakeSession, content: Any) -> None:
    for made in (Cockpit(session), Line(session, Span(T - 1))):  # type: ignore[arg-type]
        sent = opened(made)
        before, environment = dict(made.snapshot), dict(os.environ)
        made._on_message(made, content, [])
        session.monitor.tick()
        assert sent == []
        assert {**made.snapshot, "seq": 0} == {**before, "seq": 0}
        assert dict(os.environ) == environment
        assert session.nudges == 0
        made.close()


def test_a_view_looks_back_and_compares(session: FakeSession) -> None:
    view = History(session)  # type: ignore[arg-type]
    assert view._last["plan"] is None
    ask(view, type="look", query=2)
    ask(view, type="compare", a=2, b=3)
    session.monitor.tick()
    assert (view._last["look"], view._last["query"]["number"], view._last["plan"]["number"]) == (2, 2, 2)
    assert view._last["compare"]["totals"]["elapsed"] == [2.0, 1.0, 0.5]
    ask(view, type="look", query=None)
    ask(view, type="compare", a=None, b=None)
    view._resync = True
    session.monitor.tick()
    assert (view._last["look"], view._last["query"]["number"], view._last["compare"]) == (None, 3, None)
    view.close()


# -- a recording ------------------------------------------------------------------------------------------------------


class FakeRecording:
    """The story's events, folded up to any moment."""

    start, end = T, T + 12

    def __init__(self) -> None:
        self.asked: list[float] = []

    def snapshot(self, t: float) -> Snapshot:
        self.asked.append(t)
        return snapshot_of(story.told(t - T), t, "ray", AutoscalingSettings())


def test_a_replay_is_the_cockpit_at_any_moment() -> None:
    recording = FakeRecording()
    replay = Replay(recording, "run.arrow")
    assert replay.snapshot["query"]["state"] == "finished", "a saved notebook shows the end"
    about = replay.snapshot["replay"]
    assert {key: about[key] for key in ("from", "to", "at", "title")} == {
        "from": T,
        "to": T + 12,
        "at": T + 12,
        "title": "run.arrow",
    }
    # Of one line of several decisions the first time stands: 1.1 asked, 2.1 over the maximum.
    assert [round(t - T, 1) for t in about["moments"]] == [0.5, 1.1, 2.1, 5.0, 10.0]
    assert "run.arrow" not in replay._bundle()["text/html"]
    sent = opened(replay)
    replay._keyframe_at = math.inf  # patches only
    page = dict(replay.snapshot)
    for t, at in ((T + 5.5, T + 5.5), (T - 100, T), (T + 10**9, T + 12), (int(T + 1), T + 1)):
        ask(replay, type="seek", t=t)
        page = rfc7386(page, sent.pop()["patch"])
        assert sent == []
        assert page["replay"] == {**about, "at": at}
        wanted = select(recording.snapshot(at), "cockpit") | {"replay": page["replay"]}
        assert without_none({**page, "seq": 0}) == without_none({**wanted, "seq": 0})
    for wrong in (math.nan, math.inf, True, "5", None):
        ask(replay, type="seek", t=wrong)
    assert sent == []
    replay.close()


def test_a_replay_sets_nothing_and_stops_nothing() -> None:
    replay = Replay(FakeRecording())
    sent = opened(replay)
    before = dict(os.environ)
    ask(replay, type="set", name="threshold", value="2")
    ask(replay, type="stop", query="calm-willow")
    assert sent == [
        {"type": "setting", "name": "threshold", "error": "A recording has the settings that it was made with."}
    ]
    assert dict(os.environ) == before
    replay.close()


# -- the bundle -------------------------------------------------------------------------------------------------------


def test_the_bundle_is_sent_again_to_a_page_that_asks(session: FakeSession) -> None:
    from daftnb.widgets.loading import Library

    shared = Library("the code")
    told: list[Any] = []
    shared._send = lambda message, buffers=None: told.append(message["state"])
    shared.leave_records()
    shared.leave_records()
    assert told == [{"code": ""}], "once"
    assert shared.code == "the code"
    shared._on_message(shared, {"type": "code", "more": 1}, [])
    for _ in range(3):  # it asked again and again while the kernel was busy
        shared._on_message(shared, {"type": "code"}, [])
    shared.leave_records()
    assert told == [{"code": ""}, {"code": "the code"}, {"code": ""}]
    shared.close()


def test_a_further_widget_weighs_little(session: FakeSession) -> None:
    for view in (Line(session, Span(T - 1)), Cockpit(session)):  # type: ignore[arg-type]
        assert len(json.dumps(view.get_state(), default=str)) < 20_000
        view.close()
