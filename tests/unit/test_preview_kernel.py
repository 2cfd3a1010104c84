"""Previews in a real kernel, spoken to over comms as a page does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.previewkernel import Page, kernel_page, rows_of


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with kernel_page() as page:
        yield page


def test_a_dataframe_as_a_cells_last_value_is_a_table_over_all_rows(page: Page) -> None:
    page.run("df = daft.from_pydict({'a': list(range(1000)), 'b': [str(i) for i in range(1000)]}).collect()\ndf")
    bundle = page.bundles[-1]
    assert bundle["text/plain"].startswith("╭") and "Showing first 8 of 1000 rows" in bundle["text/plain"]
    assert "<table" in bundle["text/html"] and "50 of 1,000 rows" in bundle["text/html"]
    comm = page.preview()
    state = page.comms[comm]
    assert state["_view"] == "preview"
    assert state["table"] == {
        "name": None, "rows": 1000, "state": "ready", "runner": "native", "plan": None, "note": None, "limit": None,
        "columns": [
            {"name": "a", "type": "Int64", "kind": "integer"}, {"name": "b", "type": "String", "kind": "string"},
        ],
    }  # fmt: skip
    assert rows_of(state["page"])["v0"] == list(range(100))
    assert page.rows(comm, 990, 500, [1, 0]) == {"v1": [str(i) for i in range(990, 1000)], "v0": list(range(990, 1000))}
    assert page.rows(comm, 5000, 10, [0]) == {"v0": []}
    content, _ = page.answer(page.ask(comm, "cell", view=0, row=7, column=1))
    assert content == {"type": "cell", "id": content["id"], "kind": "text", "text": "7", "length": 1}
    content, _ = page.answer(page.ask(comm, "copy", view=0, start=1, count=2, columns=[0, 1]))
    assert content["text"] == "1\t1\n2\t2"


def test_what_show_displays_is_a_table_of_its_rows(page: Page) -> None:
    before = len(page.bundles)
    page.run("df.where(col('a') > 500).show(20)")
    assert len(page.bundles) == before + 1
    state = page.comms[page.preview()]
    assert state["table"]["rows"] == 20 and state["table"]["limit"] == 20
    assert rows_of(state["page"])["v0"] == list(range(501, 521))
    assert "501" in page.bundles[-1]["text/plain"]


def test_a_frame_that_has_not_run_is_not_run(page: Page) -> None:
    page.run("lazy = df.where(col('a') > 10)\nlazy")
    state = page.comms[page.preview()]
    assert state["table"]["state"] == "lazy" and state["table"]["rows"] is None
    assert "Filter" in state["table"]["plan"] and state["page"] == b""
    assert "not run" in page.bundles[-1]["text/html"] and "<script" not in page.bundles[-1]["text/html"]
    page.run("print('ran', lazy._result is not None)")
    assert page.texts[-1].strip() == "ran False"


def test_a_page_comes_while_a_cell_runs(page: Page) -> None:
    page.run("df")
    comm = page.preview()
    cell = page.start("import time\nfor _ in range(300): time.sleep(0.01)")
    assert page.rows(comm, 500, 1, [0]) == {"v0": [500]}
    assert cell not in page.idle
    page.finish(cell)


def test_mistakes_are_answers(page: Page) -> None:
    page.run("df")
    comm = page.preview()
    for content in (
        page.answer(page.ask(comm, "page", view=7, start=0, count=1, columns=[0]))[0],
        page.answer(page.ask(comm, "page", view=0, start=0, count=1, columns=[99]))[0],
        page.answer(page.ask(comm, "cell", view=0, row=10**6, column=0))[0],
    ):
        assert content["type"] == "error" and content["message"] and "Traceback" not in content["message"]
    page.send(comm, {"type": "page", "id": "x"})
    page.send(comm, {"type": "sql", "id": 1, "text": "drop"})
    assert page.rows(comm, 0, 1, [0]) == {"v0": [0]}
    assert not page.errors


def test_unloading_gives_daft_its_display_back(page: Page) -> None:
    page.run("%unload_ext daftnb\ndf")
    assert "application/vnd.jupyter.widget-view+json" not in page.bundles[-1]
    page.run("%load_ext daftnb\ndf")
    assert "application/vnd.jupyter.widget-view+json" in page.bundles[-1]
