"""Functions of the user's (UDFs) and their actors: what is folded of them, and which operators call them."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from daftnb.recordings import Recording
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.callers import callers
from daftnb.telemetry.functions import KEPT_ACTORS, KEPT_FUNCTIONS, RATE_SECONDS, STEP_SECONDS, Rate
from daftnb.telemetry.functiontopic import MOST_ACTORS, SOURCES
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.telemetry.thinning import says_nothing
from daftnb.telemetry.tidy import ATTRIBUTES, COUNTERS, SOURCE, tidy
from daftnb.telemetry.wire import Function, UdfActor
from tests.helpers.called import MODEL, PLAN, SCORE, T, actor, begun, scored
from tests.helpers.folding import folded
from tests.helpers.recorded import recorded

FINISHED = e.QueryFinished(T + 20, "q", "finished")


def functions(state: State, t: float) -> dict[str, Function]:
    """What a snapshot at ``T + t`` says of the functions."""
    plan = snapshot_of(state, T + t, "ray", AutoscalingSettings())["plan"]
    assert plan is not None
    return json.loads(json.dumps(plan["functions"]))  # type: ignore[no-any-return]


def actors(state: State, t: float) -> dict[str, UdfActor]:
    return functions(state, t)["model-0"]["actors"]


def test_a_function_that_is_known_and_not_told_of_has_no_zeros() -> None:
    found = functions(folded(*begun()), 1)["score-0"]
    assert found == {
        "name": "__main__.score",
        "kind": "row",
        "is_class": False,
        "operators": [2],
        "file": "notebook.ipynb",
        "cell": 3,
        "line": 2,
        "source": "def score(x):\n    return x\n",
        **dict.fromkeys(
            (
                "rows_in",
                "rows_out",
                "calls",
                "running",
                "seconds",
                "inits",
                "init_seconds",
                "errors",
                "retries",
                "waited",
            )
        ),
        "error": "",
        "shared": False,
        "rate": None,
        "rate_overall": None,
        "counters": [],
        "left_out": 0,
        "lost": 0,
        "actors": {},
        "actors_left_out": 0,
    }


def test_figures_that_come_without_a_word_of_what_they_are_of() -> None:
    state = folded(e.QueryStarted(T, "q", "ray"), e.PlanReady(T, "q", PLAN[:2]), scored(1, 5, 0.5))
    found = functions(state, 1)["score-0"]
    assert (found["name"], found["kind"], found["rows_in"], found["operators"]) == ("score-0", None, 5, [2])


def test_what_a_function_has_done_so_far() -> None:
    tokens = e.Counter("tokens", 350, (("model", "m"),))
    figures = e.UdfFigures(
        T + 2, "q", "score-0", 10, 9, 3, 2, 1.5, 2, 0.25, 1, "ValueError: no", 4, (tokens,), left_out=7, lost=1
    )
    found = functions(folded(*begun(), figures), 2)["score-0"]
    expected = {
        **{"rows_in": 10, "rows_out": 9, "calls": 3, "running": 2, "seconds": 1.5, "inits": 2, "init_seconds": 0.25},
        **{"errors": 1, "error": "ValueError: no", "retries": 4, "left_out": 7, "lost": 1},
        "counters": [{"name": "tokens", "attributes": {"model": "m"}, "value": 350}],
    }
    assert {name: found[name] for name in expected} == expected  # type: ignore[literal-required]


def test_older_figures_never_take_the_place_of_newer_ones() -> None:
    newer = [scored(3, 30, 3.0), actor(3, "0", "idle", 30), SCORE]
    older = [scored(2, 20, 2.0), actor(2, "0", "busy", 20), e.UdfKnown(T, "q", "score-0", "other")]
    state, same = folded(*begun(), *newer), folded(*begun(), *newer)
    assert folded(*older, state=state) == same
    assert all(says_nothing(event, same) for event in older)


def test_what_is_told_again_says_nothing_new_and_changes_nothing() -> None:
    state = folded(*begun(), scored(1, 10, 0.5), actor(1, "0"))
    query = state.queries["q"]
    told = query.functions["score-0"].figures
    again = [scored(2, 10, 0.5), e.UdfKnown(T + 2, **{n: getattr(SCORE, n) for n in SCORE.__slots__ if n != "t"})]
    assert all(says_nothing(event, state) for event in again)
    assert not says_nothing(scored(2, 11, 0.5), state)
    folded(*again, state=state)
    assert query.functions["score-0"].figures is told


def test_figures_of_queries_that_are_not_known_are_left_alone() -> None:
    strangers = [SCORE, scored(1, 1, 1.0), actor(1, "0")]
    state = folded(*strangers)
    assert state == State()
    assert all(says_nothing(event, state) for event in strangers)


def test_functions_and_actors_are_bounded() -> None:
    state = folded(e.QueryStarted(T, "q", "ray"))
    for i in range(KEPT_FUNCTIONS + 50):
        folded(e.UdfKnown(T, "q", str(i), f"f{i}"), e.UdfFigures(T, "q", str(i), 1), state=state)
    assert list(state.queries["q"].functions) == [str(i) for i in range(KEPT_FUNCTIONS)]
    assert says_nothing(e.UdfFigures(T + 1, "q", "more"), state)
    for i in range(KEPT_ACTORS + 50):
        folded(e.UdfActorFigures(T, "q", str(i % 3), str(i), "a", "busy", T), state=state)
    assert sum(len(f.actors) for f in state.queries["q"].functions.values()) == KEPT_ACTORS
    assert says_nothing(e.UdfActorFigures(T + 1, "q", "0", "more", "a", "busy", T), state)


def test_of_very_many_actors_those_that_live_go_to_the_page_first() -> None:
    state = folded(*begun())
    for i in range(MOST_ACTORS + 10):
        folded(actor(1, str(i), "died" if i < 10 else "busy"), state=state)
    folded(actor(1, "last", "died"), state=state)
    found = functions(state, 1)["model-0"]
    assert list(found["actors"]) == [str(i) for i in range(10, MOST_ACTORS + 10)]
    assert found["actors_left_out"] == 11
    other = e.UdfActorFigures(T + 1, "q", "last", "x", "a", "busy", T + 1)
    (*_, last) = functions(folded(other, state=state), 1).values()
    assert (last["actors"], last["actors_left_out"]) == ({}, 1), "there is room for so many of all functions"


def test_sources_go_to_the_page_as_far_as_there_is_room() -> None:
    long = "x" * 8_000
    known = [e.UdfKnown(T, "q", str(i), f"f{i}", source=long) for i in range(20)]
    found = functions(folded(*begun(), *known), 1)
    room = (SOURCES - len(SCORE.source)) // len(long)
    assert [bool(each["source"]) for key, each in found.items() if key.isdigit()] == [i < room for i in range(20)]


# -- rates ------------------------------------------------------------------------------------------------------------


def test_rows_a_second_are_those_of_the_last_few_seconds() -> None:
    state = folded(*begun(), scored(1, 10, 0.5))
    assert functions(state, 1)["score-0"]["rate"] is None, "told once: not known"
    folded(scored(2, 30, 1.5), state=state)
    assert functions(state, 2)["score-0"]["rate"] == 20.0
    for second in range(3, 13):  # then ten a second
        folded(scored(second, 30 + 10 * (second - 2), second), state=state)
    found = functions(state, 12)["score-0"]
    assert found["rate"] == 10.0
    assert found["rate_overall"] == pytest.approx(130 / 11.5, rel=1e-3), "from its first call on"


def test_when_a_function_began_is_derived_where_it_is_not_told() -> None:
    def overall(*figures: e.UdfFigures) -> float | None:
        return functions(folded(*begun(), *figures), 9)["score-0"]["rate_overall"]

    assert overall(e.UdfFigures(T + 4, "q", "score-0", 30, calls=30, seconds=1.5)) == 20.0, "one call after another"
    assert overall(e.UdfFigures(T + 4, "q", "score-0", 30, calls=30, seconds=99.0)) == 7.5, "not before the query"
    later = e.UdfFigures(T + 6.5, "q", "score-0", 80, calls=80, seconds=4.0)
    assert overall(e.UdfFigures(T + 4, "q", "score-0", 30, calls=30, seconds=1.5), later) == 20.0
    assert overall(e.UdfFigures(T + 4, "q", "score-0")) is None, "it has not been called"


def test_a_function_that_gives_no_rows_any_more_has_a_rate_that_goes_to_0() -> None:
    state = folded(*begun(), scored(1, 0, 0.5), scored(2, 100, 1.5))
    rates = [functions(state, t)["score-0"]["rate"] for t in (2, 3, 4, 6.5, 8)]
    assert rates == [100.0, 100.0, pytest.approx(100 / 3, rel=1e-2), pytest.approx(100 / 5.5, rel=1e-2), 0.0]


def test_once_the_query_is_over_there_is_no_rate_now() -> None:
    state = folded(*begun(), scored(1, 10, 0.5), scored(2, 30, 1.5), actor(1, "0"), actor(2, "0", rows=9), FINISHED)
    found = functions(state, 20)
    assert (found["score-0"]["rate"], found["score-0"]["rate_overall"]) == (None, 20.0)
    assert (found["score-0"]["running"], found["model-0"]["actors"]["0"]["rate"]) == (0, None)


def test_a_rate_keeps_few_points_however_often_it_is_told() -> None:
    rate = Rate()
    for i in range(100_000):
        rate.add(i / 1_000, i)
    assert len(rate.points) <= RATE_SECONDS / STEP_SECONDS
    assert rate.at(100) == pytest.approx(1_000, rel=0.01)


def test_rows_that_become_fewer_are_no_rate_below_0() -> None:
    rate = Rate()
    rate.add(1, 10)
    rate.add(2, 5)
    assert rate.at(2) == 0


def test_actors_with_their_rates_and_workers() -> None:
    state = folded(*begun(), actor(1, "0", rows=10, queue=3, gpus=0.5), actor(3, "0", rows=50, init_seconds=1.25))
    assert actors(state, 3) == {
        "0": {
            **{"worker": "a", "label": "worker 1", "state": "busy", "since": T + 3, "rows": 50, "calls": 0},
            **{"seconds": 0.0, "init_seconds": 1.25, "rate": 20.0, "queue": None, "gpus": None},
        }
    }


# -- actors at the end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["finished", "failed", "cancelled"])
def test_no_actor_outlives_its_query(outcome: e.Outcome) -> None:
    state = folded(*begun(), actor(1, "0", "idle", queue=2), actor(2, "1", "died"), actor(2, "2", "starting"))
    folded(e.QueryFinished(T + 20, "q", outcome), state=state)
    found = {key: (each["state"], each["since"], each["queue"]) for key, each in actors(state, 21).items()}
    assert found == {"0": ("ended", T + 20, None), "1": ("died", T + 2, None), "2": ("ended", T + 20, None)}
    folded(actor(20.5, "0", "busy", 99), actor(20.5, "3", "busy", 1), state=state)  # asked for before, told after
    found_later = actors(state, 21)
    assert (found_later["0"]["state"], found_later["0"]["rows"]) == ("ended", 99)
    assert found_later["3"]["state"] == "ended"


def test_the_idle_actors_of_a_pool_are_those_that_say_so() -> None:
    pools = [e.UdfActors(T + 1, "q", f"m.{name}.call-1-0(col(0: x)) as y", 3) for name in ("A", "B")]
    known = [e.UdfKnown(T, "q", name, f"m.{name}.call") for name in ("A", "B", "Apart")]
    states = [e.UdfActorFigures(T + 1, "q", "A", str(i), "a", s, T) for i, s in enumerate(("idle", "busy", "idle"))]
    state = folded(*begun(), *pools, *known, *states)
    plan = snapshot_of(state, T + 2, "ray", AutoscalingSettings())["plan"]
    assert plan is not None
    assert [udf["idle"] for udf in plan["udfs"].values()] == [2, None]


# -- the operators that call a function -------------------------------------------------------------------------------


def matched(*known: tuple[str, str], plan: tuple[e.PlanNode, ...] = PLAN) -> dict[str, list[int]]:
    """The operators of functions, given by key and name."""
    events = [e.UdfKnown(T, "q", key, name) for key, name in known]
    state = folded(e.QueryStarted(T, "q", "ray"), e.PlanReady(T, "q", plan), *events)
    return callers(state.queries["q"])


def test_a_function_is_found_by_its_whole_name_its_key_or_the_last_part_of_its_name() -> None:
    assert matched(("a", "__main__.score"), ("b", "__main__.Model.__call__")) == {"a": [2], "b": [3]}
    assert matched(("__main__.score-264212-0", "anything.else")) == {"__main__.score-264212-0": [2]}
    bare = (PLAN[0], e.PlanNode(2, "UDF score", "", (1,)), e.PlanNode(3, "UDF other", "", (2,)))
    assert matched(("a", "package.module.score"), plan=bare) == {"a": [2]}


def test_a_longer_name_is_another_function() -> None:
    plan = (
        e.PlanNode(1, "UDF score_all", "", (), "UDF __main__.score_all:"),
        e.PlanNode(2, "UDF x", "", (1,), "UDF __main__.score.x:"),
        e.PlanNode(3, "UDF f", "", (2,), "UDF my__main__.score:"),
    )
    assert matched(("a", "__main__.score"), ("b", "__main__.score_all"), plan=plan) == {"a": [], "b": [1]}


def test_one_function_and_one_operator_that_are_left_belong_together() -> None:
    plan = (*PLAN[:2], e.PlanNode(3, "embed", "", (2,), "Builtin UDF embed:"), PLAN[3])
    assert matched(("a", "__main__.score"), ("b", "daft.ai.Embedder.call"), plan=plan) == {"a": [2], "b": [3]}
    two = (*plan[:3], e.PlanNode(4, "UDF other", "", (3,)))
    assert matched(("a", "__main__.score"), ("b", "daft.ai.Embedder.call"), plan=two) == {"a": [2], "b": []}
    assert matched(("a", "f"), ("b", "g"), plan=PLAN[:2]) == {"a": [], "b": []}


def test_two_functions_with_the_same_last_part_are_not_guessed_at() -> None:
    plan = (e.PlanNode(1, "UDF __call__", "", ()), e.PlanNode(2, "UDF __call__", "", (1,)))
    assert matched(("a", "m.A.__call__"), ("b", "m.B.__call__"), plan=plan) == {"a": [], "b": []}


def test_a_function_may_be_called_by_several_operators() -> None:
    plan = (*PLAN[:2], e.PlanNode(3, "UDF score", "", (2,), "UDF __main__.score:"))
    assert matched(("a", "__main__.score"), plan=plan) == {"a": [2, 3]}


def test_names_that_mean_something_to_a_pattern_are_names() -> None:
    plan = (e.PlanNode(1, "UDF <lambda>", "", (), "UDF __main__.f.<locals>.<lambda>:"),)
    assert matched(("a", "__main__.f.<locals>.<lambda>"), ("b", "(.*)+"), plan=plan) == {
        "a": [1], "b": []
    }  # fmt: skip


# -- recorded ---------------------------------------------------------------------------------------------------------


def test_secrets_are_in_no_event_that_is_kept() -> None:
    source = 'def f(x):\n    return call(x, api_key="sk-proj-abcdefgh1234567890")\n'
    known = tidy(e.UdfKnown(T, "q", "f", "__main__.f", source=source + "#" * 2 * SOURCE))
    assert known.source.startswith('def f(x):\n    return call(x, api_key="***")\n')
    assert len(known.source) == SOURCE
    error = "AuthError: password='hunter22' was refused"
    counter = e.Counter("token=abcdefgh12345678", 1, (("api_key", "abcdefgh12345678"), ("model", "m")))
    figures = tidy(e.UdfFigures(T, "q", "f", errors=1, error=error, counters=(counter,)))
    assert "hunter22" not in figures.error and "abcdefgh12345678" not in str(figures)
    assert figures.counters[0].attributes == (("api_key", "***"), ("model", "m"))
    assert tidy(figures) is figures and tidy(known) is known


def test_counters_are_bounded_in_number_and_in_size() -> None:
    many = tuple(e.Counter("n" * 1_000, i, tuple((f"a{k}", "v" * 1_000) for k in range(50))) for i in range(1_000))
    figures = tidy(e.UdfFigures(T, "q", "f", counters=many, left_out=5))
    assert (len(figures.counters), figures.left_out) == (COUNTERS, 5 + 1_000 - COUNTERS)
    assert all(len(each.name) == 200 and len(each.attributes) == ATTRIBUTES for each in figures.counters)
    assert max(len(value) for each in figures.counters for _, value in each.attributes) == 200


def of_a_query() -> Recording:
    tokens = e.Counter("tokens", 350, (("model", "m"), ("kind", "input")))
    figures = e.UdfFigures(
        T + 10.5, "q", "score-0", 100, 90, 100, 0, 9.5, 2, 0.5, 3, "ValueError: no", 1, (tokens,), 2, 1, T + 0.5, 1.5
    )
    held = actor(9, "0", "idle", 40, calls=4, seconds=2.0, init_seconds=1.0, gpus=0.5)
    events = [*begun(), scored(1, 5, 0.4), figures, held, FINISHED]
    return Recording([recorded(events).reel(1)], "a test")


def test_functions_of_a_recording_as_a_table() -> None:
    table = of_a_query().udfs()
    attributes = pa.map_(pa.string(), pa.string())
    counter = pa.struct([("name", pa.string()), ("value", pa.int64()), ("attributes", attributes)])
    assert table.schema.field("counters").type == pa.list_(counter)
    score, model = table.to_pylist()
    assert score == {
        **{"query": 1, "udf": "score-0", "name": "__main__.score", "operator": "UDF score", "operators": [2]},
        **{"kind": "row", "is_class": False, "file": "notebook.ipynb", "cell": 3, "line": 2},
        **{"rows_in": 100, "rows_out": 90, "calls": 100, "seconds": 9.5, "init_seconds": 0.5, "inits": 2},
        **{"errors": 3, "error": "ValueError: no", "retries": 1, "lost": 1, "left_out": 2, "rows_per_second": 10.0},
        **{"waited": 1.5, "shared": False},
        "counters": [{"name": "tokens", "value": 350, "attributes": [("model", "m"), ("kind", "input")]}],
        "source": SCORE.source,
    }
    assert (model["operator"], model["operators"], model["file"], model["line"]) == ("ActorUDF", [3], MODEL.file, 40)
    unknown = ("cell", "rows_in", "rows_out", "calls", "seconds", "errors", "error", "counters", "rows_per_second")
    assert [model[name] for name in unknown] == [None] * len(unknown), "nothing was told of its calls"


def test_actors_of_a_recording_as_a_table() -> None:
    (row,) = of_a_query().actors().to_pylist()
    assert row.pop("since").timestamp() == T + 20
    assert row == {
        **{"query": 1, "udf": "model-0", "name": "__main__.Model.__call__", "actor": "0", "worker": "a"},
        **{"label": "worker 1", "state": "ended", "rows": 40, "calls": 4, "seconds": 2.0, "init_seconds": 1.0},
        **{"queue": None, "gpus": 0.5},
    }


def test_a_query_without_functions_has_empty_tables_of_the_same_columns() -> None:
    none = Recording([recorded([e.QueryStarted(T, "q", "native"), FINISHED]).reel(1)], "a test")
    assert (none.udfs().num_rows, none.actors().num_rows) == (0, 0)
    assert (none.udfs().schema, none.actors().schema) == (of_a_query().udfs().schema, of_a_query().actors().schema)
