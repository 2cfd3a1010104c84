"""Previews in a real kernel, spoken to over comms as a page does."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.previewkernel import Page, kernel_page, rows_of


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with kernel_page() as page:
        page.run("df = daft.from_pydict({'a': list(range(1000)), 'b': [str(i) for i in range(1000)]}).collect()")
        yield page


def test_a_dataframe_as_a_cells_last_value_is_a_table_over_all_rows(page: Page) -> None:
    page.run("df")
    bundle = page.bundles[-1]
    assert bundle["text/plain"].startswith("╭") and "Showing first 8 of 1000 rows" in bundle["text/plain"]
    assert "<table" in bundle["text/html"] and "20 of 1,000 rows" in bundle["text/html"]
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


CENSUS = """
from collections import Counter
import ipywidgets
found = Counter(type(each).__name__ for each in ipywidgets.widgets.widget._instances.values())
print("WIDGETS", dict(sorted(found.items())))
"""


def widgets(page: Page) -> str:
    """How many there are of each kind in the kernel."""
    page.run(CENSUS)
    return page.texts[-1].partition("WIDGETS ")[2]


def test_a_cell_that_runs_again_lets_go_of_what_it_showed(page: Page) -> None:
    """A page lets go of a cell's output when it runs again, but not of the widgets in it."""
    shown = (
        "df",
        "df.show(3)",
        "for _ in range(3): display(df)",
        "%daft cockpit",
        "%daft plan df",
        "%daft preview df",
        "%daft controls",
        "%%daft sql --explain\nSELECT * FROM df",
    )
    page.run("df = daft.from_pydict({'a': list(range(1000)), 'b': [str(i) for i in range(1000)]}).collect()")
    page.run("import daftnb\ndaftnb.cockpit().close()\ndaftnb.preview(df).close()")  # a bundle is sent once
    before = widgets(page)
    for code in shown:
        page.run(code, cell="again")
        once = widgets(page)
        page.run(code, cell="again")
        assert widgets(page) == once, code
        assert page.errors == []
    page.run("other = daftnb.cockpit(); display(other)", cell="again")
    page.run("df", cell="again")
    page.run("assert other.comm is not None\nother.close()\nother.close()", cell="again")
    page.run("kept = daftnb.preview(df)\nkept.close()\nkept.close()", cell="again")
    assert page.errors == []
    assert widgets(page) == before


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


def view(page: Page, comm: str, **asked: Any) -> dict[str, Any]:
    """See the frame otherwise; the last answer."""
    request = {"sort": [], "filters": [], "search": "", "columns": [], **asked}
    return page.answer(page.ask(comm, "view", **request), lambda content: content["state"] != "running")[0]


def test_a_view_is_sorted_and_filtered_while_a_cell_runs(page: Page) -> None:
    page.run("df")
    comm = page.preview()
    cell = page.start("for _ in range(500): time.sleep(0.01)")
    answer = view(
        page, comm, sort=[{"column": 0, "descending": True}], filters=[{"column": 0, "op": "lt", "value": "700"}]
    )
    assert answer == {"type": "view", "id": answer["id"], "view": 1, "state": "ready", "rows": 700}
    assert page.rows(comm, 0, 3, [0, 1], view=1) == {"v0": [699, 698, 697], "v1": ["699", "698", "697"]}
    # Only other columns: the same view. Without anything: the frame itself.
    again = {"sort": [{"column": 0, "descending": True}], "filters": [{"column": 0, "op": "lt", "value": "700"}]}
    assert view(page, comm, **again, columns=[1])["view"] == 1
    code = page.answer(page.ask(comm, "code"))[0]
    assert "view = (\n    df\n" in code["python"] and code["sql"].startswith('SELECT "b" FROM df')
    assert page.answer(page.ask(comm, "page", view=0, start=0, count=1, columns=[0]))[0]["type"] == "error"
    assert cell not in page.idle
    page.finish(cell)
    page.run(f"from daftnb.widgets.preview import _kept\nprint(_kept[{comm!r}].df.limit(2).to_pydict())")
    assert page.texts[-1].strip() == "{'b': ['699', '698']}"
    assert view(page, comm) == {"type": "view", "id": page.number, "view": 0, "state": "ready", "rows": 1000}
    slip = view(page, comm, filters=[{"column": 0, "op": "eq", "value": "x"}])
    assert slip["type"] == "error" and "'x' is not a value of type Int64" in slip["message"]


def test_summaries_come_and_say_how_they_came_about(page: Page) -> None:
    page.run("df")
    id_ = page.ask(page.preview(), "summary", view=0, columns=[0, 1])
    page.answer(id_, lambda content: content["done"])
    found: dict[str, dict[str, Any]] = {"0": {}, "1": {}}
    for content, _ in page.answers(id_):
        for column, summary in content["columns"].items():
            found[column] |= summary
    assert found["0"]["rows"] == {"value": 1000, "how": "exact"} and found["0"]["max"]["value"] == 999
    assert sum(found["0"]["histogram"]["counts"]) == 1000
    assert found["0"]["distinct"]["how"] == "approximate" and found["1"]["distinct"] == {"value": 1000, "how": "exact"}


def test_a_frame_that_has_not_run_is_run_on_request_and_can_be_stopped(page: Page) -> None:
    page.run(
        textwrap.dedent("""
        import time
        @daft.func
        def slow(x: int) -> int:
            time.sleep(0.02)
            return x
        lazy = daft.range(100_000).with_column("y", slow(col("id")))
        lazy
    """)
    )
    comm = page.preview()
    id_ = page.ask(comm, "run")
    page.answer(id_, lambda content: content["state"] == "running")
    assert page.until(lambda: page.comms[comm]["table"]["state"] == "running", "it runs")
    page.ask(comm, "cancel")
    page.messages.clear()
    page.send(comm, {"type": "cancel", "id": id_})
    assert page.answer(id_, lambda content: content["state"] != "running")[0]["state"] == "cancelled"
    assert page.comms[comm]["table"]["state"] == "lazy"
    page.run("quick = df.where(col('a') >= 10)\nquick")
    comm = page.preview()
    page.answer(page.ask(comm, "run"), lambda content: content["state"] == "ready")
    table = page.comms[comm]["table"]
    assert table["state"] == "ready" and table["rows"] == 990 and table["limit"] is None
    assert rows_of(page.comms[comm]["page"])["v0"] == list(range(10, 110))
    page.run("print(quick._result is None, daft.range(5000).count_rows())")
    page.run("bad = df.with_column('x', col('b').cast(daft.DataType.int64()) // 0)\n"
             "@daft.func\ndef fail(x: int) -> int: raise ValueError('on purpose')\n"
             "df.with_column('x', fail(col('a')))")  # fmt: skip
    comm = page.preview()
    content, _ = page.answer(page.ask(comm, "run"), lambda content: content["state"] not in ("running",))
    assert content["type"] == "error" and page.comms[comm]["table"]["state"] == "failed"


def test_a_preview_is_no_query_of_the_user(page: Page) -> None:
    page.run("print('history', len(__import__('daftnb').history()))")
    before = page.texts[-1]
    page.run("df")
    comm = page.preview()
    assert view(page, comm, sort=[{"column": 0, "descending": True}])["state"] == "ready"
    id_ = page.ask(comm, "summary", view=1, columns=[0])
    page.answer(id_, lambda content: content.get("done"))
    page.run("print('history', len(__import__('daftnb').history()))")
    assert page.texts[-1] == before


def test_a_view_is_downloaded(page: Page) -> None:
    page.run("df")
    comm = page.preview()
    view(page, comm, filters=[{"column": 0, "op": "lt", "value": "3"}], columns=[1, 0])
    content, [data] = page.answer(page.ask(comm, "download", format="csv"))
    assert content["of"] == 1 and content["name"] == "dataframe.csv" and content["mime"] == "text/csv"
    assert data.decode() == "b,a\r\n0,0\r\n1,1\r\n2,2\r\n"
    content, [data] = page.answer(page.ask(comm, "download", format="parquet"))
    assert pq.read_table(io.BytesIO(data)).to_pydict() == {"b": ["0", "1", "2"], "a": [0, 1, 2]}


def test_unloading_gives_daft_its_display_back(page: Page) -> None:
    # Nothing is displayed while it is unloaded: Daft's own display listens on all interfaces.
    page.run(textwrap.dedent("""
        from daft.dataframe.preview import PreviewFormatter
        made = get_ipython().display_formatter.mimebundle_formatter
        def is_ours():
            served = PreviewFormatter._generate_interactive_html.__module__ != "daft.dataframe.preview"
            return served, daft.DataFrame in made.type_printers, PreviewFormatter in made.type_printers
        loaded = is_ours()
        %unload_ext daftnb
        print(loaded, is_ours())
        %load_ext daftnb
        df
    """))  # fmt: skip
    assert page.texts[-1].strip() == "(True, True, True) (False, False, False)"
    assert "application/vnd.jupyter.widget-view+json" in page.bundles[-1]


def test_the_verb_and_the_function(page: Page) -> None:
    page.run("import pandas, pyarrow, daftnb\npd = pandas.DataFrame({'x': [3, 1, 2], 'y': ['a', None, 'c']})")
    page.run("%daft preview pd")
    table = page.comms[page.preview()]["table"]
    assert (
        table["name"] == "pd" and table["rows"] == 3 and [c["kind"] for c in table["columns"]] == ["integer", "string"]
    )
    page.run('%daft preview df.where(col("a") > 5) --limit 10')
    table = page.comms[page.preview()]["table"]
    assert table["name"] == 'df.where(col("a") > 5)' and table["rows"] == table["limit"] == 10
    assert page.answer(page.ask(page.preview(), "code"))[0]["python"] == 'view = df.where(col("a") > 5).limit(10)'
    page.run("shown = daftnb.preview(pyarrow.table({'a': [1]}), name='one')\nshown")
    assert page.comms[page.preview()]["table"]["name"] == "one"
    page.run("print(shown.df.to_pydict())")
    assert page.texts[-1].strip() == "{'a': [1]}"
    for line, said in {
        "%daft preview nothing": "there is nothing called 'nothing' in this notebook",
        "%daft preview 1 +": "cannot read '1 +'",
        "%daft preview 7": "A value of type int has no rows to preview",
        "%daft preview": "the following arguments are required: EXPRESSION",
        "%daft preview df --limit 0": "at least 1 row",
    }.items():
        page.errors.clear()
        page.finish(page.start(line))
        assert said in page.errors[0] and "Traceback" not in page.errors[0], line
    page.errors.clear()


SETUP = """
import daftnb, pandas, pyarrow
from types import SimpleNamespace
orders = daft.from_pydict({'price': [1, 2, 3]}).collect()
df = daft.from_pydict({'price': [100, 200]}).collect()
pdf = pandas.DataFrame({'price': [1, 2, 3]})
categories = pandas.DataFrame({'price': pandas.Categorical([1, 2, 3])})
box = SimpleNamespace(df=daft.from_pydict({'price': [1, 2, 3]}).collect())
parts = {'k': daft.from_pydict({'price': [1, 2, 3]}).collect()}
some = [daft.from_pydict({'price': [1, 2, 3]}).collect()]
twin = other = daft.from_pydict({'price': [1, 2, 3]}).collect()
"""
# Each cell, how its dataframe is spelled in the copied code, and the rows of that code with price > 1.
SPELLED = {
    "orders": ("orders", 2),
    "orders  # and a comment": ("orders", 2),
    "orders.show(3)": ("orders", 2),
    "orders.show(2)": ("orders.limit(2)", 1),
    "display(orders)": ("orders", 2),
    "%daft preview orders": ("orders", 2),
    "%daft preview orders --limit 2": ("orders.limit(2)", 1),
    "%daft preview pdf": ("daft.from_arrow(pyarrow.table(pdf))", 2),
    "%daft preview categories": ("daftnb.preview(categories).df", 2),
    "daftnb.preview(orders)": ("orders", 2),
    "daftnb.preview(orders, name='mine')": ("orders", 2),
    "%%daft sql --as res\nSELECT * FROM orders": ("res", 2),
    "%%daft sql\nSELECT * FROM orders": ("_df", 2),
    "box.df": ("box.df", 2),
    "display(box.df)": ("box.df", 2),
    "%daft preview box.df": ("box.df", 2),
    "parts['k']": ("parts['k']", 2),
    "%daft preview parts['k']": ("parts['k']", 2),
    "some[0].show()": ("some[0]", 2),
    "some[-1]": ("some[-1]", 2),
    "for shown in parts.values(): display(shown)\ndel shown": ("parts['k']", 2),
    "twin": ("twin", 2),
    "other": ("other", 2),
    "other.show(3)": ("other", 2),
    "%daft preview orders.where(col('price') < 3).collect()": ("orders.where(col('price') < 3).collect()", 1),
    "%daft preview [{'price': 1}, {'price': 5}]": ("daftnb.preview([{'price': 1}, {'price': 5}]).df", 1),
    "orders\n_ = 1\ndisplay(orders)": ("orders", 2),
}


@pytest.fixture(scope="module")
def named(page: Page) -> Page:
    page.run(SETUP)
    return page


def code_of(page: Page, comm: str) -> dict[str, Any]:
    view(page, comm, filters=[{"column": 0, "op": "gt", "value": "1"}])
    return page.answer(page.ask(comm, "code"))[0]


@pytest.mark.parametrize("cell", SPELLED)
def test_copied_code_names_the_dataframe_that_is_shown(named: Page, cell: str) -> None:
    spelled, rows = SPELLED[cell]
    before = len(named.bundles)
    named.run(cell)
    assert len(named.bundles) > before
    code = code_of(named, named.preview())
    assert f"\n    {spelled}\n    .where(" in code["python"] and "#" not in code["python"]
    named.run(code["python"] + "\nprint(view.count_rows())")
    assert named.texts[-1].strip() == str(rows)
    assert (code["sql"] is not None) == spelled.isidentifier()
    if code["sql"]:
        named.run(f"print(daft.sql({code['sql']!r}).count_rows())")
        assert named.texts[-1].strip() == str(rows)


def test_a_dataframe_without_a_name_has_a_placeholder_that_says_so(named: Page) -> None:
    named.run("orders.where(col('price') < 3)")
    comm = named.preview()
    named.answer(named.ask(comm, "run"), lambda content: content["state"] == "ready")
    code = code_of(named, comm)["python"]
    assert code.startswith("# _") and "is a placeholder" in code.splitlines()[0]
    named.run(code + "\nprint(view.count_rows())")
    assert named.texts[-1].strip() == "1"
    named.run("orders.where(col('price') < 3).show()")
    code = code_of(named, named.preview())["python"]
    assert code.startswith("# your_dataframe is a placeholder") and "\n    your_dataframe\n" in code


def test_a_name_that_stands_for_another_dataframe_by_now_is_not_used(named: Page) -> None:
    named.run("passing = daft.from_pydict({'price': [1, 2, 3]}).collect()\ndisplay(passing)")
    comm = named.preview()
    assert "\n    passing\n" in code_of(named, comm)["python"]
    named.run("kept, passing = passing, df")
    assert "\n    kept\n" in named.answer(named.ask(comm, "code"))[0]["python"]
    named.run("del kept")
    code = named.answer(named.ask(comm, "code"))[0]["python"]
    assert "\n    your_dataframe\n" in code and "passing" not in code


def test_nothing_of_the_users_runs_to_find_a_name(named: Page) -> None:
    named.run(textwrap.dedent("""
        class Loud:
            made = 0
            @property
            def df(self):
                Loud.made += 1
                return orders.limit(1)
            def __getitem__(self, key):
                Loud.made += 1
                return orders
        loud = Loud()
        display(loud.df)
        display(loud[0])
        before = Loud.made
    """))  # fmt: skip
    assert "\n    orders\n" in code_of(named, named.preview())["python"]
    named.run("print(before, Loud.made)")
    assert named.texts[-1].strip() == "2 2"


def test_formatters_of_others_come_back_and_no_server_starts(page: Page) -> None:
    page.run(textwrap.dedent("""
        import psutil
        def listening():
            found = psutil.Process().net_connections()
            return sorted(each.laddr for each in found if each.status == "LISTEN")
        before = listening()
        df.show(3)
        display(df)
        df._repr_html_()
        %unload_ext daftnb
        def theirs(value, include=None, exclude=None):
            return {"text/plain": "theirs", "text/html": "theirs"}, {}
        made.for_type(daft.DataFrame, theirs)
        %load_ext daftnb
        display(df)
    """))  # fmt: skip
    assert "application/vnd.jupyter.widget-view+json" in page.bundles[-1]
    page.run("%unload_ext daftnb\ndf")
    assert page.bundles[-1] == {"text/plain": "theirs", "text/html": "theirs"}
    page.run("made.pop(daft.DataFrame)\n%load_ext daftnb\ndf")
    assert "application/vnd.jupyter.widget-view+json" in page.bundles[-1]
    page.run("print(listening() == before)")
    assert page.texts[-1].strip() == "True"
