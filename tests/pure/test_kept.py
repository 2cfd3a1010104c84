"""A view stays with the queries of the cell that displays it: live, on the page, and as it is saved."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

import pytest

from daftnb.cells.lines import CellLines
from daftnb.settings import AutoscalingSettings
from daftnb.snapshots.svg import backlog_svg
from daftnb.telemetry import events as e
from daftnb.telemetry.focus import focus
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.recordfile import Reel, decode, encode
from daftnb.telemetry.replay import Replay
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.span import Span
from daftnb.telemetry.state import apply
from daftnb.widgets.line import Line
from daftnb.widgets.views import Backlog, Cockpit, Decisions, Plan, Workers
from tests.conftest import run_async
from tests.helpers.cellbycell import Notebook
from tests.helpers.fakesession import ask, native
from tests.helpers.rayqueries import on_ray
from tests.helpers.story import T
from tests.helpers.threads import in_thread


@pytest.fixture
def notebook(frontend: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    if not (files("daftnb") / "static" / "daftnb.js").is_file():
        frontend("build.mjs")
    made = Notebook(monkeypatch)
    yield made
    for listener in list(made.session.monitor.listeners):
        listener.close()
    made.session.monitor.stop()


def page(view: Any) -> Any:
    """What the view's page has, once there is time to send it."""
    return view._part(view._session.snapshot())


def query_in(view: Any) -> int | None:
    """The number of the query that the view's page has."""
    query = page(view)["query"]
    return None if query is None else int(query["number"])


@pytest.mark.parametrize("first", [True, False], ids=["view before query", "view after query"])
def test_a_view_stays_with_the_query_of_its_cell(notebook: Notebook, first: bool) -> None:
    views = [Cockpit(notebook.session), Plan(notebook.session), Workers(notebook.session), Backlog(notebook.session)]
    show = [view.show for view in views]
    notebook.cell(notebook.query(1))
    notebook.cell(*(show if first else ()), notebook.query(2, threshold=2.5, pending=17), *(() if first else show))
    saved = [dict(bundle) for bundle in notebook.shown]
    notebook.cell(notebook.query(3, threshold=1000, pending=30))
    notebook.cell(notebook.query(4))
    assert notebook.shown == saved, "nothing is written over what is saved"
    for place, view in enumerate(views):
        assert notebook.said(place).startswith("Query 2 (name 2) on Ray finished after 4.00 s"), view
        assert query_in(view) == 2
        assert page(view)["kept"] == {"number": 2, "still": True, "follows": False}
    text = saved[0]["text/plain"]
    assert "peak backlog ratio 17 against threshold 2.5" in text
    assert "Backlog: nothing runs; threshold 2.5, peak 17" in text
    assert "0 to 17" in text
    assert "25" in text and "35" not in text, "the tasks that the worker had done by then"
    assert "asked Ray for 3 × 1 CPU" in text
    assert "asked Ray for 2 × 1 CPU" not in text, "of the query before"
    backlog = page(views[0])["backlog"]
    assert (backlog["threshold"], backlog["peak"]) == (2.5, 17.0)
    assert [value for _, value in backlog["thresholds"].values()] == [1.25, 2.5]
    assert [mark["text"] for mark in backlog["marks"].values()] == [
        "ratio 17 (17 pending ÷ 1 CPUs): asked Ray for 3 × 1 CPU"
    ]
    began = page(views[0])["query"]["started"]
    assert all(began - 1 <= point[0] <= began + 7 for point in backlog["points"].values())
    assert page(views[0])["workers"]["rows"]["a"]["finished"] == 25
    rows = page(views[0])["settings"]["rows"]["threshold"]
    assert (rows["set"], rows["in_effect"]) == ("1.25", "2.5"), "what is set is of now: it can be changed here"
    assert list(page(views[0])["queries"]) == ["1", "2", "3", "4"], "the history too"


def test_while_it_runs_it_is_live_and_before_it_the_latest_is_there(notebook: Notebook) -> None:
    view = Cockpit(notebook.session)
    notebook.cell(notebook.query(1))
    seen: list[tuple[int | None, Any, bool]] = []

    def step(*events: e.Event) -> Callable[[], None]:
        def tell() -> None:
            notebook.tell([*events])
            seen.append((query_in(view), page(view)["backlog"]["pending"], (page(view).get("kept") or {}).get("still")))

        return tell

    t = notebook.session.now + 10
    first, *rest = on_ray(2, t + 1, 4.0, 1.25, 8)
    notebook.cell(view.show, step(), step(first), step(*rest[:4]), step(*rest[4:-1]), step(rest[-1]))
    assert [number for number, *_ in seen] == [1, 2, 2, 2, 2]
    assert [pending for _, pending, _ in seen[2:]] == [8, 1, 0]
    assert [still for *_, still in seen] == [None, False, False, False, False]
    notebook.session.now += 3.5
    assert page(view)["kept"]["still"]
    assert page(view)["now"] == t + 5, "its time stands still"


def test_a_view_in_a_cell_without_queries_follows_the_latest(notebook: Notebook) -> None:
    view = Cockpit(notebook.session)
    notebook.cell(view.show)
    assert notebook.said(0) == "No query has run yet."
    for number in (1, 2):
        notebook.cell(notebook.query(number))
        assert notebook.said(0).startswith(f"Query {number} (name {number})")
        assert query_in(view) == number
        assert "kept" not in page(view)


def test_of_several_queries_and_views_each_view_has_the_latest(notebook: Notebook) -> None:
    plan, decisions = Plan(notebook.session), Decisions(notebook.session)
    notebook.cell(plan.show, notebook.query(1), decisions.show, notebook.query(2))
    notebook.cell(notebook.query(3))
    assert [notebook.said(place).split(")")[0] for place in (0, 1)] == ["Query 2 (name 2"] * 2
    assert "asked Ray for 4 × 1 CPU" not in notebook.shown[1]["text/plain"]
    assert "asked Ray for 3 × 1 CPU" in notebook.shown[1]["text/plain"]


def test_a_view_that_two_cells_display_is_of_each(notebook: Notebook) -> None:
    view = Plan(notebook.session)
    notebook.cell(view.show, notebook.query(1))
    notebook.cell(view.show, notebook.query(2), view.show)
    notebook.cell(notebook.query(3))
    assert [notebook.said(place).split(")")[0] for place in range(3)] == ["Query 1 (name 1", *["Query 2 (name 2"] * 2]
    others = [listener for listener in notebook.session.monitor.listeners if listener is not view]
    assert [query_in(other) for other in others] == [2, 2]
    view.close()
    assert notebook.session.monitor.listeners == []


def test_a_cell_that_runs_again_has_its_view_anew(notebook: Notebook) -> None:
    view = Plan(notebook.session)
    notebook.cell(view.show, notebook.query(1), key="a")
    notebook.cell(notebook.query(2), key="b")
    notebook.cell(view.show, notebook.query(3), key="a")
    notebook.cell(notebook.query(4), key="b")
    assert [notebook.said(place).split(")")[0] for place in (0, 1)] == ["Query 1 (name 1", "Query 3 (name 3"]
    assert query_in(view) == 3
    assert notebook.session.monitor.listeners == [view]


def test_the_page_follows_the_latest_and_goes_back(notebook: Notebook) -> None:
    view = Cockpit(notebook.session)
    notebook.cell(view.show, notebook.query(1))
    saved = dict(notebook.shown[0])
    ask(view, type="follow", follow=True)
    notebook.cell(notebook.query(2))
    assert query_in(view) == 2
    assert page(view)["kept"] == {"number": 1, "still": False, "follows": True}
    ask(view, type="look", query=1)
    assert (page(view)["look"], query_in(view)) == (1, 1)
    ask(view, type="follow", follow=False)
    assert (page(view)["look"], query_in(view)) == (None, 1)
    assert page(view)["kept"] == {"number": 1, "still": True, "follows": False}
    assert notebook.shown == [saved], "what the page shows is not saved"
    before = page(view)
    for wrong in ({"follow": 1}, {"follow": None}, {}, {"follow": True, "more": 1}):
        ask(view, type="follow", **wrong)
    assert page(view)["kept"] == before["kept"]


def test_a_comparison_and_the_workers_window_go_on_in_a_view_that_stays(notebook: Notebook) -> None:
    view = Cockpit(notebook.session)
    notebook.cell(view.show, notebook.query(1))
    notebook.cell(notebook.query(2))
    ask(view, type="compare", a=1, b=2)
    assert page(view)["compare"]["numbers"] == [1, 2]
    assert query_in(view) == 1


def test_what_is_final_is_made_once_until_a_thread_of_the_cell_runs_another_query(notebook: Notebook) -> None:
    view = Plan(notebook.session)
    spans: list[Any] = []
    notebook.cell(view.show, lambda: spans.append(notebook.lines.span), notebook.query(1))
    notebook.cell(notebook.query(2))
    cell = view._cell
    assert cell is not None and cell.is_final
    snapshot = notebook.session.snapshot()
    assert cell.of(notebook.session, snapshot) is cell.of(notebook.session, snapshot)
    notebook.session.now += 10
    events = on_ray(3, notebook.session.now, 4.0, 1.25, 8)
    spans[0].begun += 1
    notebook.lines._owners["q3"] = spans[0]
    notebook.session.tell(*events)
    assert query_in(view) == 3
    notebook.session.now += 60
    notebook.cell()
    assert notebook.said(0).startswith("Query 3 (name 3)")


def test_what_the_history_has_dropped_stays_as_it_was(notebook: Notebook) -> None:
    view = Cockpit(notebook.session)
    notebook.cell(view.show, notebook.query(1))
    saved = dict(notebook.shown[0])
    notebook.session.tell(*(event for number in range(2, 120) for event in native(number, T + 100, 0.1)))
    notebook.session.now += 50
    notebook.cell()
    assert notebook.shown == [saved]
    assert query_in(view) == 1


def test_a_closed_line_says_the_threshold_and_the_peak_of_its_query(notebook: Notebook) -> None:
    spans: list[Span] = []
    notebook.cell(lambda: spans.append(notebook.lines.span), notebook.query(1, pending=17))  # type: ignore[arg-type]
    line = Line(notebook.session, spans[0], notebook.session.snapshot())
    assert "kept" not in page(line)
    notebook.cell(notebook.query(2, threshold=1000))
    backlog = line._part(notebook.session.snapshot())["backlog"]
    assert (backlog["threshold"], backlog["peak"], backlog["active"]) == (1.25, 17.0, False)
    assert (backlog["ratio"], backlog["pending"], backlog["running"]) == (None, 0, 0)
    assert line._part(notebook.session.snapshot())["kept"] == {"number": None, "still": True, "follows": False}


def test_what_is_no_longer_kept_of_the_backlog_is_said(notebook: Notebook) -> None:
    notebook.cell(notebook.query(1))
    notebook.cell(notebook.query(2))
    notebook.session.monitor.state.samples.clear()
    notebook.session.monitor.state.demand.clear()
    view = Backlog(notebook.session)
    view._looked_at = 1
    text = view._bundle()["text/plain"]
    assert text.splitlines()[2] == "The backlog of that time is no longer kept."
    assert "The backlog of that time is no longer kept." in view._bundle()["text/html"]
    assert "0 pending" not in text


# -- whose a query is --------------------------------------------------------------------------------------------------


def owner(lines: CellLines, query_id: str) -> Span | None:
    return lines._owners.get(query_id)


def test_a_query_is_of_the_cell_that_began_its_thread(notebook: Notebook) -> None:
    lines, go, done = notebook.lines, threading.Event(), threading.Event()

    def background() -> None:
        lines.query_began("early")
        assert go.wait(10)
        lines.query_began("late")
        done.set()

    lines.begin("a")
    first = lines.span
    thread = in_thread(background)
    lines.end()
    lines.begin("b")
    second = lines.span
    lines.query_began("own")
    go.set()
    assert done.wait(10)
    thread.join()
    in_thread(lambda: lines.query_began("of a new thread")).join()
    lines.end()
    found = [owner(lines, id_) for id_ in ("early", "late", "own", "of a new thread")]
    assert found == [first, first, second, second]
    assert found[0] is first and found[2] is second
    assert first is not None and second is not None
    assert first.has({"id": "late", "started": T + 1e6})
    assert not second.has({"id": "late", "started": second.began})
    assert second.has({"id": "not known", "started": second.began})


def test_a_pools_thread_does_what_the_cell_that_runs_gives_it(notebook: Notebook) -> None:
    lines = notebook.lines
    with ThreadPoolExecutor(1) as pool:
        lines.begin("a")
        pool.submit(lines.query_began, "first").result()
        first = lines.span
        lines.end()
        lines.begin("b")
        pool.submit(lines.query_began, "second").result()
        pool.submit(contextvars.copy_context().run, lines.query_began, "with its context").result()
        second = lines.span
        lines.end()
    assert owner(lines, "first") is first
    assert owner(lines, "second") is second
    assert owner(lines, "with its context") is second


def test_a_task_of_an_earlier_cell_goes_on_being_its(notebook: Notebook) -> None:
    lines = notebook.lines

    async def cells() -> Span | None:
        go = asyncio.Event()

        async def background() -> None:
            await go.wait()
            await asyncio.to_thread(lines.query_began, "in the background")

        lines.begin("a")
        span, task = lines.span, asyncio.ensure_future(background())
        await asyncio.sleep(0)
        lines.end()
        lines.begin("b")
        go.set()
        await task
        lines.end()
        return span

    first = run_async(cells())
    assert first is not None
    assert owner(lines, "in the background") is first


def test_between_cells_a_query_is_of_none(notebook: Notebook) -> None:
    notebook.lines.query_began("of nobody")
    assert owner(notebook.lines, "of nobody") is None


def test_owners_are_bounded_and_a_failure_is_told(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook.lines.begin("a")
    for number in range(1000):
        notebook.lines.query_began(f"q{number}")
    assert len(notebook.lines._owners) == 200
    monkeypatch.setattr("daftnb.cells.lines._is_of_a_pool", lambda _: 1 / 0)
    notebook.lines.end()
    notebook.lines.query_began("fails")
    assert any("ZeroDivisionError" in text for text in notebook.session.snapshot()["session"]["problems"].values())


# -- the threshold and the peak ----------------------------------------------------------------------------------------


def settings(threshold: float | str) -> tuple[tuple[str, str], ...]:
    return (("DAFT_AUTOSCALING_THRESHOLD", str(threshold)),)


def test_the_threshold_is_kept_as_it_was_at_each_moment() -> None:
    state = State()
    for event in (
        e.QueryStarted(1.0, "a", "ray"),
        e.SettingsInEffect(1.1, "a", settings(100.0)),
        e.BacklogSample(1.2, 9, 9, 1, 1, 1),
        e.QueryStarted(2.0, "b", "ray"),
        e.SettingsInEffect(2.1, "b", settings(100.0)),  # the same: no step
        e.QueryStarted(3.0, "c", "ray"),
        e.SettingsInEffect(3.1, "c", settings(1.25)),
        e.QueryFinished(3.5, "a", "finished"),
        e.BacklogSample(4.0, 30, 30, 1, 1, 1),
        e.QueryStarted(5.0, "d", "ray"),
        e.SettingsInEffect(5.1, "d", settings("not a number")),
    ):
        apply(event, state)
    steps = {id_: query.thresholds for id_, query in state.queries.items()}
    assert steps == {
        "a": [(1.1, 100.0), (3.1, 1.25)],
        "b": [(1.1, 100.0), (3.1, 1.25), (5.1, None)],
        "c": [(1.1, 100.0), (3.1, 1.25), (5.1, None)],
        "d": [(3.1, 1.25), (5.1, None)],
    }
    # Two that ran at the same time had the same backlog, and each its own threshold.
    assert {id_: query.peak_ratio for id_, query in state.queries.items()} == {
        "a": 9.0,
        "b": 30.0,
        "c": 30.0,
        "d": None,
    }
    snapshot = snapshot_of(state, 6.0, "ray", AutoscalingSettings())
    looked = focus(state, snapshot, 1, None)
    assert looked["backlog"]["thresholds"] == {"0": [1.1, 100.0], "1": [3.1, 1.25]}
    assert (looked["backlog"]["threshold"], looked["backlog"]["peak"]) == (100.0, 9.0)
    assert looked["backlog"]["active"], "another query ran at its end"
    assert looked["settings"]["rows"]["threshold"]["in_effect"] == "100.0"


def test_thresholds_are_bounded() -> None:
    state = State()
    apply(e.QueryStarted(0.0, "a", "ray"), state)
    for number in range(200):
        apply(e.QueryStarted(1.0 + number, f"q{number}", "ray"), state)
        apply(e.SettingsInEffect(1.0 + number, f"q{number}", settings(1.0 + number)), state)
    assert [value for _, value in state.queries["q150"].thresholds] == [float(value) for value in range(151, 201)]


def test_the_drawing_has_the_threshold_in_steps() -> None:
    points = {str(i): [100.0 + i, 5.0, 5, 1, 1, 1, None, 1, 1] for i in range(11)}
    backlog = {"points": points, "marks": {}, "peak": 5.0, "threshold": 10.0}
    thresholds = {"0": [50.0, 99.0], "1": [90.0, 2.0], "2": [104.0, None], "3": [106.0, 10.0], "4": [200.0, 77.0]}
    svg = backlog_svg({**backlog, "thresholds": thresholds})
    # From 44 to 552 in 10 s, and from 146 up to 22 for 15, half as much again as the highest threshold.
    assert '<path d="M44.0 129.5H247.2M348.8 63.3H552.0" stroke="#d9534f" stroke-dasharray="6 4" fill="none"/>' in svg
    assert "<title>Backlog ratio, peak 5, threshold 2 → 10</title>" in svg
    assert ">threshold 10</text>" in svg
    one = backlog_svg(backlog)
    assert 'd="M44.0 63.3H552.0" stroke="#d9534f"' in one, "a snapshot that has one threshold only"


def test_a_recording_of_before_says_the_threshold_that_was_in_effect_when_it_began() -> None:
    events: list[e.Event] = [
        e.WorldKnown(100.0, 4, 1, in_effect=settings(3.0), in_effect_number=4),  # without since when
        e.QueryStarted(100.0, "q", "ray"),
        e.BacklogSample(100.5, 9, 9, 1, 1, 1),
        e.SettingsInEffect(101.0, "q", settings(1.5)),
        e.QueryFinished(110.0, "q", "finished"),
    ]
    replay = Replay(Reel(5, events, [event.t for event in events], 0))
    assert replay.snapshot(100.6)["backlog"]["thresholds"] == {"0": [100.0, 3.0]}
    assert replay.snapshot()["backlog"]["thresholds"] == {"0": [100.0, 3.0], "1": [101.0, 1.5]}


def test_a_recording_says_since_when_the_threshold_is_in_effect() -> None:
    state, recorder = State(), Recorder()
    for event in (
        *(e.QueryStarted(1.0, "a", "ray"), e.SettingsInEffect(1.1, "a", settings(100.0))),
        *(e.QueryFinished(2.0, "a", "finished"), e.QueryStarted(50.0, "b", "ray")),
        *(e.SettingsInEffect(50.1, "b", settings(2.0)), e.QueryFinished(60.0, "b", "finished")),
    ):
        recorder.record(event, state)
        apply(event, state)
    reel = recorder.reel(2)
    chunk, failed = encode(reel.events, reel.moments)
    events, moments = decode(chunk)
    assert failed == 0
    for told in (reel, Reel(2, events, moments, 0)):
        assert Replay(told).snapshot()["backlog"]["thresholds"] == {"0": [1.1, 100.0], "1": [50.1, 2.0]}
