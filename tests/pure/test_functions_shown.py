"""Functions of the user's (UDFs) below a plan, as HTML and as text, and those of two runs side by side."""

from __future__ import annotations

import re

from daftnb.comparison import Comparison
from daftnb.settings import AutoscalingSettings
from daftnb.snapshots.static import static_html, static_text
from daftnb.telemetry import events as e
from daftnb.telemetry.functions import KEPT_FUNCTIONS
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import TOPICS, Snapshot, select, snapshot_of
from tests.helpers.called import PLAN, T, actor, begun, runs, scored
from tests.helpers.folding import folded
from tests.helpers.stricthtml import ATTRIBUTES, TAGS, check

TAGS |= {"svg", "title", "path", "text", "rect"}
ATTRIBUTES |= {"stroke-dasharray", "rx", "font-family", "font-size", "font-weight", "opacity", "text-anchor"}
ATTRIBUTES |= {"scope", "title"}
COUNTERS = (
    e.Counter("tokens", 12_000, (("model", "m"), ("kind", "input"))),
    *(e.Counter(f"c{i}", i) for i in range(5)),
)
FIGURES = e.UdfFigures(
    T + 10, "q", "score-0", 900, 890, 90, 1, 4.5, 2, 3.0, 3, "ValueError: no\nmore", 1, COUNTERS, 7, 1, T + 1
)


def shown(state: State, t: float = 11) -> Snapshot:
    return snapshot_of(state, T + t, "ray", AutoscalingSettings())


def lines(state: State, t: float = 11) -> list[str]:
    """The plan as text, its columns apart by one sign."""
    text = static_text(select(shown(state, t), "plan"), "plan")
    return [re.sub("  +", " | ", line.strip()) for line in text.splitlines()]


def test_the_functions_stand_below_the_plan() -> None:
    found = lines(folded(*begun(), FIGURES, actor(10, "0"), actor(10, "1")))
    assert found[-4:] == [
        "Functions that it called",
        "function | code | rows | calls | time in it | rows/s | errors | notes",
        "__main__.score | cell 3, line 2 | 900 | 90 | 4.50 s | 100 | 3 | latest error: ValueError: no · initialised in "
        "1.50 s × 2 · 1 retry · tokens 12.0 k (model m, kind input) · c0 0 · c1 1 …",
        "__main__.Model.__call__ | /home/me/models.py:40 | — | — | — | — | — | 2 actors",
    ]


def test_the_notes_say_what_is_left_out() -> None:
    few = e.UdfFigures(T + 10, "q", "score-0", 9, 9, 9, 0, 4.5, counters=COUNTERS[1:], left_out=7, lost=2)
    (row,) = [line for line in lines(folded(*begun(), few)) if line.startswith("__main__.score")]
    assert row.endswith(
        "| c0 0 · c1 1 · c2 2 · c3 3 · 8 more counters · counts may be too low: 2 processes ended untold"
    )
    again = e.UdfFigures(T + 10, "q", "score-0", 9, 9, 9, 0, 4.5, retries=2, waited=1.5, shared=True)
    (row,) = [line for line in lines(folded(*begun(), again)) if line.startswith("__main__.score")]
    assert row.endswith(
        "| 2 retries, 1.50 s between them · another query called functions at the same time: some of the calls may be "
        "its"
    )


def test_a_query_that_calls_no_function_has_no_table_of_them() -> None:
    state = folded(e.QueryStarted(T, "q", "native"), e.PlanReady(T, "q", PLAN))
    assert "Functions" not in static_text(select(shown(state), "cockpit"), "cockpit")
    assert "Functions" not in static_html(select(shown(state), "cockpit"), "cockpit")


def test_numbers_that_are_derived_say_so() -> None:
    state = folded(*begun(), *runs(1, 4, 1.0), scored(3, 1_500, 2.0, running=0))
    (row,) = [line for line in lines(state, 3) if line.startswith("UDF score")]
    assert "≈ 1.50 k" in row and "≈ 2.00 s (100%)" in row
    drawn = static_html(select(shown(state, 3), "plan"), "plan")
    assert "≈ 1.50 k rows" in drawn


def test_the_views_stay_small_and_proper_whatever_is_called() -> None:
    state = folded(*begun())
    for i in range(KEPT_FUNCTIONS):
        name = f"<b>$x$ {i} " + "n" * 300
        asked = e.Counter("requests", 10**9, (("model", name), ("provider", name)))
        folded(
            e.UdfKnown(T, "q", str(i), name, file="<f>" * 100, line=1, source="s" * 8_000),
            e.UdfFigures(T + 1, "q", str(i), 1, errors=1, error="<script>" * 300, counters=(asked, *COUNTERS)),
            state=state,
        )
    for view in TOPICS:
        html = static_html(select(shown(state), view), view)
        check(html)
        assert len(html) < 100_000 and "<script" not in html and "<b>$x$" not in html
        assert len(static_text(select(shown(state), view), view)) < 30_000


# -- two runs ---------------------------------------------------------------------------------------------------------


def compared() -> Comparison:
    """The second run is twice as fast, and calls another function besides."""
    before = folded(*begun(), scored(10.5, 100, 9.0), e.QueryFinished(T + 20, "q", "finished"))
    faster = e.UdfKnown(T, "q", "new", "__main__.new")
    after = folded(*begun(), faster, scored(5.5, 100, 4.5), e.QueryFinished(T + 10, "q", "finished"))
    return Comparison(before.queries["q"], after.queries["q"])


def test_the_functions_of_two_runs_side_by_side() -> None:
    table = compared().udfs
    assert list(table.columns) == [
        *("name", "in", "rows_a", "rows_b", "rows_ratio", "calls_a", "calls_b", "calls_ratio"),
        *("seconds_a", "seconds_b", "seconds_ratio", "rows_per_second_a", "rows_per_second_b"),
        *("rows_per_second_ratio", "errors_a", "errors_b", "errors_ratio"),
    ]
    assert table["name"].to_list() == ["__main__.score", "__main__.Model.__call__", "__main__.new"]
    assert table["in"].to_list() == ["both", "both", "b"]
    first = table.iloc[0]
    assert (first["seconds_a"], first["seconds_b"], first["seconds_ratio"]) == (9.0, 4.5, 0.5)
    assert (first["rows_per_second_a"], first["rows_per_second_b"], first["rows_per_second_ratio"]) == (10.0, 20.0, 2.0)
    assert table["rows_a"].isna().to_list() == [False, True, True], "nothing was told of the others' calls"


def test_it_is_shown_as_text_as_html_and_as_data() -> None:
    both = compared()
    text = [re.sub("  +", " | ", line) for line in repr(both).splitlines()]
    place = text.index("Functions")
    assert text[place + 1 : place + 3] == [
        "function | rows a | rows b | calls a | calls b | seconds a | seconds b | rows/s a | rows/s b | errors a | "
        "errors b",
        "__main__.score | 100 | 100 | 100 | 100 | 9.00 s | 4.50 s | 10 | 20 | 0 | 0",
    ]
    assert "[b only] __main__.new" in repr(both)
    html = both._repr_html_()
    check(html)
    assert "<p>Functions</p>" in html
    assert [row["name"] for row in both.as_dict()["udfs"]] == list(both.udfs["name"])


def test_runs_that_call_none_have_an_empty_table_of_the_same_columns() -> None:
    none = folded(e.QueryStarted(T, "q", "native"), e.QueryFinished(T + 1, "q", "finished")).queries["q"]
    both = Comparison(none, none)
    assert both.udfs.empty and list(both.udfs.columns) == list(compared().udfs.columns)
    assert "Functions" not in repr(both)


def test_functions_of_one_name_go_together_in_their_order() -> None:
    known = [e.UdfKnown(T, "q", key, "__main__.f") for key in ("1", "2")]
    counted = [e.UdfFigures(T + 1, "q", key, rows) for key, rows in (("1", 10), ("2", 20))]
    two = folded(e.QueryStarted(T, "q", "native"), *known, *counted).queries["q"]
    one = folded(e.QueryStarted(T, "q", "native"), known[0], counted[0]).queries["q"]
    table = Comparison(two, one).udfs
    assert (table["rows_a"].to_list(), table["in"].to_list()) == ([10, 20], ["both", "a"])
