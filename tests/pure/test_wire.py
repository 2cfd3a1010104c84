"""The wire between kernel and page: its types are the page's too, and what is sent is of these types."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Iterator
from dataclasses import fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from daftnb.frontend import write_types
from daftnb.previews import grammar
from daftnb.previews import wire as previews
from daftnb.previews.source import source_of
from daftnb.telemetry import wire
from daftnb.telemetry.focus import focus
from daftnb.telemetry.snapshots import TOPICS, select
from daftnb.text.states import DECISIONS, GLYPHS, SIGNS
from daftnb.widgets import base, line, replay
from daftnb.widgets.line import Line, Span
from daftnb.widgets.preview import Preview
from daftnb.widgets.replay import Replay
from daftnb.widgets.views import Cockpit
from tests.helpers import calling, plans, scaling, shell, story
from tests.helpers.fakesession import FakeSession, ask, native
from tests.helpers.frames import every_type
from tests.helpers.previewservice import Asked
from tests.helpers.rayqueries import CLUSTER, on_ray

T = story.T
PLAIN = {str: "a text", bool: "true or false", int: "a whole number", NoneType: "None"}


def faults(value: Any, type_: Any, place: str) -> Iterator[str]:
    """Where a value is not of a type, key by key: what mypy would say, had it seen the value."""
    origin, parts = get_origin(type_), get_args(type_)
    if type_ is Any:
        return
    if type_ in PLAIN:
        if type(value) is not type_:
            yield f"{place} is {value!r}, not {PLAIN[type_]}"
    elif type_ is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            yield f"{place} is {value!r}, not a number"
    elif is_typeddict(type_):
        yield from _faults_of_keys(value, type_, place)
    elif origin is Literal:
        if value not in parts:
            yield f"{place} is {value!r}, not one of its words"
    elif origin in (Union, UnionType):
        found = [list(faults(value, part, place)) for part in parts]
        if all(found):
            yield from min(found, key=lambda each: (each[0].startswith(f"{place} is "), len(each)))
    elif origin is Annotated:
        yield from faults(value, parts[0], place)
        yield from faults(tuple(value), parts[1], place)
    elif origin is tuple:
        if type(value) not in (tuple, list) or len(value) != len(parts):
            yield f"{place} is {value!r}, not {len(parts)} values"
        else:
            for number, (each, part) in enumerate(zip(value, parts, strict=True)):
                yield from faults(each, part, f"{place}[{number}]")
    elif type(value) is not origin:
        yield f"{place} is {value!r}, not a {origin.__name__}"
    else:
        each = value.items() if origin is dict else enumerate(value)
        for key, inner in each:
            yield from faults(inner, parts[-1], f"{place}[{key!r}]")


def _faults_of_keys(value: Any, type_: Any, place: str) -> Iterator[str]:
    if type(value) is not dict:
        yield f"{place} is {value!r}, not a {type_.__name__}"
        return
    hints = get_type_hints(type_, include_extras=True)
    yield from (f"{place} has no {key}" for key in sorted(type_.__required_keys__ - value.keys()))
    for key, inner in value.items():
        if key in hints:
            yield from faults(inner, hints[key], f"{place}.{key}")
        else:
            yield f"{place} has {key}, which a {type_.__name__} has not"


@pytest.mark.parametrize("path", write_types.written(), ids=lambda path: path.name)
def test_the_pages_types_are_those_of_the_kernel(path: Any) -> None:
    assert path.read_text() == write_types.written()[path], "run python -m daftnb.frontend.write_types"


def test_what_is_written_fits_the_front_ends_style() -> None:
    for path, text in write_types.written().items():
        for row in text.partition(write_types.BY_HAND)[0].splitlines():
            assert len(row) <= write_types.WIDTH and row == row.rstrip(), f"{path.name}: {row}"


def test_types_are_written_in_the_words_of_typescript() -> None:
    source = '''
Word: TypeAlias = Literal["a", "b"]
WORDS: Final = get_args(Word)
#: One of two.
Either: TypeAlias = A | B
Row: TypeAlias = Annotated[list[Any], tuple[float, int | None]]
Replay = TypedDict("Replay", {"from": float})
class _Base(TypedDict):
    a: int
class A(_Base, total=False):
    """It may lack ``b``, or be None."""

    #: Why.
    b: str | None
class B(A):
    rows: list[str | None]
    by: dict[str, "B"]
'''
    assert (
        write_types.typescript(source)
        == """\
export const WORDS = ["a", "b"] as const;
export type Word = (typeof WORDS)[number];

/** One of two. */
export type Either = A | B;

export type Row = [number, number | null];

export interface Replay {
  from: number;
}

/** It may lack `b`, or be null. */
export interface A {
  a: number;
  /** Why. */
  b?: string | null;
}

export interface B extends A {
  rows: (string | null)[];
  by: Record<string, B>;
}
"""
    )


def test_limits_are_written_as_constants() -> None:
    source = "#: Rows.\nMOST: Final = 10_000\nSECONDS: Final = 1.0\nLOCAL = 3\n"
    written = "/** Rows. */\nexport const MOST = 10_000;\nexport const SECONDS = 1;\n"
    assert write_types.constants(source) == written


def test_states_and_decisions_have_their_words() -> None:
    kinds = (wire.QueryState, wire.OperatorState, wire.WorkerState, wire.ActorState)
    states = {state for kind in kinds for state in get_args(kind)}
    assert states == GLYPHS.keys()
    assert set(get_args(wire.DecisionKind)) == DECISIONS.keys() and SIGNS.keys() < DECISIONS.keys()


def test_a_fault_is_told_with_its_place() -> None:
    snapshot = story.snapshot()
    snapshot["query"]["stat"] = snapshot["query"].pop("state")
    snapshot["workers"]["rows"]["a"]["slots"] = "1"
    snapshot["backlog"]["points"]["0"].append(1)
    snapshot["session"]["runner"] = "dask"
    snapshot["session"]["cluster"]["idle_timeout"] = math.nan
    del snapshot["now"]
    assert sorted(faults(snapshot, wire.Snapshot, "snapshot")) == [
        "snapshot has no now",
        f"snapshot.backlog.points['0'] is {tuple(snapshot['backlog']['points']['0'])!r}, not 9 values",
        "snapshot.query has no state",
        "snapshot.query has stat, which a Query has not",
        "snapshot.session.cluster.idle_timeout is nan, not a number",
        "snapshot.session.runner is 'dask', not one of its words",
        "snapshot.workers.rows['a'].slots is '1', not a whole number",
    ]


def snapshots() -> Iterator[tuple[str, wire.Snapshot]]:
    """Snapshots that are made of events."""
    yield "nothing", story.snapshot(-20)
    for upto in (0, 0.015, 1, 3.5, 6, 9.5, 12):
        yield f"a query after {upto} s", story.snapshot(upto)
    session = FakeSession(*native(1, T, 1), *native(2, T + 2, 1, state="failed"), *native(3, T + 4, None), now=T + 5)
    yield "queries of the native runner", session.snapshot()
    state = session.monitor.state
    yield "two queries compared, one of them looked at", focus(state, session.snapshot(), 2, (1, 3))
    two = FakeSession(*CLUSTER, *on_ray(1, T, 4, 1.5, 8), *on_ray(2, T + 5, 4, 2.0, 3), now=T + 9.5)
    yield "an earlier query of Ray's", focus(two.monitor.state, two.snapshot(), 1, None)


def stand_ins() -> Iterator[tuple[str, wire.Snapshot]]:
    """The snapshots that are made up for tests of the page."""
    yield "a dataframe that has not run", plans.not_run()
    for over in (False, True):
        yield f"plans, {over}", plans.snapshot(over)
        yield f"scaling, {over}", scaling.snapshot(over)
    yield "functions", calling.snapshot()
    yield "functions of the past", calling.ended()
    yield "functions of which nothing is told", calling.without_functions()
    yield "a recording", shell.replayed(T + 3)
    yield "a line", shell.line("running")


@pytest.mark.parametrize(("name", "snapshot"), list(snapshots()), ids=lambda value: value if type(value) is str else "")
def test_a_frame_is_of_its_type(name: str, snapshot: wire.Snapshot) -> None:
    assert list(faults(snapshot, wire.Snapshot, "snapshot")) == []


LEFT_OUT = (
    *("active", "coming", "place", "stages", "thresholds"),
    *("gpus", "gpu_use", "gpus_used", "logical", "pending_gpus", "wanted_gpus", "most_gpus"),
)


@pytest.mark.parametrize(("name", "snapshot"), list(stand_ins()), ids=lambda value: value if type(value) is str else "")
def test_a_frame_that_is_made_up_is_of_its_type_as_far_as_it_goes(name: str, snapshot: wire.Snapshot) -> None:
    left_out = tuple(f" has no {key}" for key in LEFT_OUT)
    assert [fault for fault in faults(snapshot, wire.Snapshot, "snapshot") if not fault.endswith(left_out)] == []


def test_the_comparison_that_pages_are_tested_with_is_of_its_type() -> None:
    assert list(faults(shell.compared(), wire.Comparison, "comparison")) == []


@pytest.mark.parametrize("view", TOPICS)
def test_what_a_view_selects_is_of_the_frames_type(view: wire.ViewName) -> None:
    assert list(faults(select(story.snapshot(), view), wire.Snapshot, view)) == []


def test_keyframes_and_messages_are_of_their_types() -> None:
    session = FakeSession(*native(1, T, 1), *native(2, T + 2, None), now=T + 3)
    for view in (Cockpit(session), Line(session, Span(T, None)), Replay(Recorded())):  # type: ignore[arg-type]
        sent: list[Any] = []
        view.send = sent.append  # type: ignore[method-assign,assignment]
        ask(view, type="stop", query="q2")
        ask(view, type="set", name="threshold", value="0.5")
        ask(view, type="look", query=1)
        ask(view, type="open", open=True)
        ask(view, type="seek", t=T + 1)
        view._pace.__init__(lambda: 0.0)  # type: ignore[misc]
        session.tell(*native(3, T + 4, None))
        session.monitor.tick()
        assert {message["type"] for message in sent} >= {"setting"}
        for message in sent:
            assert list(faults(message, wire.Message, "message")) == []
        assert list(faults(view.snapshot, wire.Keyframe, "snapshot")) == []


class Recorded:
    """A recording of one moment."""

    start, end = T, T + 3

    def snapshot(self, t: float) -> wire.Snapshot:
        return story.snapshot(3)


def requests(union: Any) -> set[tuple[str, ...]]:
    """The requests of the wire: the type of each, and its keys."""
    found = set()
    for each in get_args(union):
        hints = get_type_hints(each)
        found.add((get_args(hints["type"])[0], *sorted(hints.keys() - {"type"})))
    return found


def test_the_kernel_takes_the_requests_of_the_wire_and_no_others() -> None:
    taken = set()
    for module in (base, line, replay):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.MatchMapping) and node.rest is not None:
                keys = [ast.literal_eval(key) for key in node.keys]
                kind: Any = dict(zip(keys, node.patterns, strict=True)).pop("type")
                taken.add((ast.literal_eval(kind.value), *sorted(set(keys) - {"type"})))
    assert taken == requests(wire.Request)


# -- previews ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers() -> list[tuple[Any, list[bytes]]]:
    """Every answer to one request of each type, over columns of every type."""
    import daft

    asked = Asked(daft.from_pydict(every_type()))
    columns = list(range(len(asked.service.source.columns)))
    sort = [{"column": 0, "descending": True}]
    numbers = [
        asked.ask("view", sort=sort, filters=[{"column": 0, "op": "not_null"}], search="", columns=[]),
        asked.ask("view", sort=[], filters=[], search="", columns=[]),
        asked.ask("page", view=0, start=0, count=3, columns=columns),
        asked.ask("copy", view=0, start=0, count=3, columns=columns[:3]),
        asked.ask("summary", view=0, columns=columns),
        asked.ask("code"),
        asked.ask("download", format="csv"),
        asked.ask("run"),
        *(asked.ask("cell", view=0, row=row, column=column) for column in columns for row in range(3)),
    ]
    for number in numbers:
        asked.answer(number)
    never_run = Asked(daft.from_pydict({"a": [1, 2]}).with_column("b", daft.col("a")))
    never_run.answer(never_run.ask("run"))
    return [*asked.told, *never_run.told]


def test_answers_are_of_their_types(answers: list[tuple[Any, list[bytes]]]) -> None:
    found = [fault for content, _ in answers if content["type"] != "cell" for fault in faults_of_answer(content)]
    assert found == []
    types = {get_args(get_type_hints(each)["type"])[0] for each in get_args(previews.SentAnswer)}
    assert {content["type"] for content, _ in answers} == types


def faults_of_answer(content: dict[str, Any]) -> Iterator[str]:
    return faults(content, previews.SentAnswer, content["type"])


def test_cells_are_of_their_types_beside_what_an_answer_has(answers: list[tuple[Any, list[bytes]]]) -> None:
    kinds = set()
    for content, buffers in answers:
        if content["type"] == "cell":
            head = {key: content[key] for key in ("type", "id")}
            cell = {key: value for key, value in content.items() if key not in head}
            assert list(faults(head, previews.CellAnswer, "answer")) == []
            assert list(faults(cell, previews.SentCell, "cell")) == []
            assert len(buffers) == (cell["kind"] == "image")
            kinds.add(cell["kind"])
    assert kinds == {get_args(get_type_hints(each)["kind"])[0] for each in get_args(previews.SentCell)}


def test_the_table_is_of_its_type() -> None:
    import daft

    session = FakeSession()
    for snapshot in (daft.from_pydict(every_type()), daft.from_pydict({"a": [1]}).with_column("b", daft.col("a"))):
        preview = Preview(session, source_of(snapshot), "df")  # type: ignore[arg-type]
        assert list(faults(preview.table, previews.Table, "table")) == []
        preview.close()


def sample(type_: Any) -> Any:
    """A value of a type: of a union, of its first; 1 for a number."""
    if is_typeddict(type_):
        return {key: sample(hint) for key, hint in get_type_hints(type_).items()}
    if get_origin(type_) is list:
        return [sample(get_args(type_)[0])]
    if get_origin(type_) in (Literal, Union, UnionType):
        first = get_args(type_)[0]
        return first if get_origin(type_) is Literal else sample(first)
    return {int: 1, str: "a", bool: True}[type_]


def test_the_grammar_takes_the_requests_of_the_wire_to_the_last_key() -> None:
    types = {get_args(get_type_hints(each)["type"])[0]: each for each in get_args(previews.SentRequest)}
    assert types.keys() == grammar._READERS.keys()
    for each in types.values():
        parsed = grammar.parse(sample(each))
        assert type(parsed).__name__ == each.__name__
        assert {field.name for field in fields(parsed)} == each.__annotations__.keys() - {"type"}  # type: ignore[arg-type]
        assert grammar.parse({**sample(each), "more": 1}) is None
