"""Widgets of old cells are retired: what a notebook keeps does not grow with the number of its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest

from daftnb.cells import lines
from daftnb.telemetry.host import Still
from daftnb.widgets.loading import WIDGET_MIME
from daftnb.widgets.preview import preview_of
from daftnb.widgets.views import Cockpit, Plan
from tests.helpers.cellbycell import Notebook
from tests.helpers.fakesession import FakeSession

KEPT = 4


@pytest.fixture
def notebook(frontend: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    if not (files("daftnb") / "static" / "daftnb.js").is_file():
        frontend("build.mjs")
    monkeypatch.setattr(lines, "KEPT_OWNED", KEPT)
    made = Notebook(monkeypatch)
    yield made
    for listener in list(made.session.monitor.listeners):
        listener.close()
    made.session.monitor.stop()


def plans(notebook: Notebook, cells: int) -> list[Any]:
    """So many cells, each with a query and its plan, which are closed when their cell runs again."""
    found: list[Any] = []
    for number in range(1, cells + 1):
        view = Plan(notebook.session)
        found.append(view)
        notebook.cell(
            notebook.query(number), view.show, lambda view=view: notebook.lines.own(view), key=f"cell {number}"
        )
    return found


def live(widgets: list[Any]) -> list[bool]:
    return [each.comm is not None for each in widgets]


def owned(notebook: Notebook) -> int:
    return sum(map(len, notebook.lines._owned.values()))


def test_the_oldest_are_closed_and_leave_what_needs_no_kernel(notebook: Notebook) -> None:
    before = len(notebook.session.monitor.listeners)
    views = plans(notebook, 7)
    assert live(views) == [False, False, False, True, True, True, True]
    assert owned(notebook) == KEPT
    assert len(notebook.session.monitor.listeners) == before + KEPT, "the monitor has let go of the others"
    for place in range(7):
        assert notebook.said(place).startswith(f"Query {place + 1} ")
        assert (WIDGET_MIME in notebook.shown[place]) == (place >= 3)


def test_a_page_that_puts_views_into_places_has_the_static_form_already(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daftnb.widgets.base.reader", lambda: "mounting")
    views = plans(notebook, 6)
    assert live(views) == [False, False, True, True, True, True]
    assert all("data-daftnb-model" in shown["text/html"] for shown in notebook.shown), "the page looks after it"


def test_what_a_page_shows_stays_until_there_are_twice_as_many(notebook: Notebook) -> None:
    views: list[Any] = []
    for number in range(1, 2 * KEPT + 1):
        view = Plan(notebook.session)
        view._view_count = 1
        views.append(view)
        notebook.cell(
            notebook.query(number), view.show, lambda view=view: notebook.lines.own(view), key=f"cell {number}"
        )
    assert all(live(views))
    views += plans(notebook, 1)
    assert live(views) == [False] + [True] * 8


def test_what_changes_by_itself_stays(notebook: Notebook) -> None:
    follows, always = Plan(notebook.session), Cockpit(notebook.session)
    notebook.cell(always.show, lambda: notebook.lines.own(always), key="always")
    notebook.cell(notebook.query(1), follows.show, lambda: notebook.lines.own(follows), key="follows")
    follows._follows = True  # as its page asked for
    views = plans(notebook, 6)
    assert live([always, follows]) == [True, True], "the cell has no query; the latest query is followed"
    assert live(views) == [False, False, False, False, True, True]


def test_a_preview_is_over_while_nothing_runs_for_it() -> None:
    preview = preview_of(FakeSession(), [{"a": 1}], None, None, None)  # type: ignore[arg-type]
    assert not preview.retire(), "what it is displayed in cannot be changed: it would be an error there"
    preview._reader = "mounting"
    preview._view_count = 1
    assert not preview.retire()
    preview._service.state = "running"
    assert not preview.retire(though_shown=True)
    preview._service.state = "ready"
    assert preview.retire(though_shown=True) and preview.comm is None
    assert preview.retire(), "it has closed"


def test_so_is_a_plan_that_has_not_run() -> None:
    view = Plan(Still(FakeSession().snapshot()))
    assert view.over
    view.close()
