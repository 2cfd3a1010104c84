"""%%daft sql: values come through as they are and as nothing else; a slip is shown at its place."""

from __future__ import annotations

import datetime as dt
import enum
import itertools
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import daft
import numpy
import pandas
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as some

from daftnb import magics
from daftnb.errors import DaftnbError, SqlError
from daftnb.session import close_session, open_session
from daftnb.sql.binding import bind
from daftnb.sql.literals import Refused, list_literal, literal
from daftnb.sql.problems import offset, place, pointed
from daftnb.sql.statement import run
from daftnb.sql.tokens import scan
from tests.helpers.releases import is_before


@cache
def one() -> daft.DataFrame:
    """A dataframe; not made when the module is read: Daft keeps the runner that a process began with."""
    return daft.from_pydict({"one": [1]})


def rows(text: str, **variables: Any) -> list[dict[str, Any]]:
    outcome = run(text, variables)
    assert outcome.df is not None
    return outcome.df.to_pylist()


def slip(text: str, first_line: int = 1, **variables: Any) -> SqlError:
    with pytest.raises(SqlError) as caught:
        run(text, variables, first_line)
    return caught.value


# -- values -----------------------------------------------------------------------------------------------------------

texts = some.text(some.characters(codec="utf-8"))
tricky = some.text(some.sampled_from("'\"\\{}`-/*;$ \n\0aéE漢🦉"))
days = some.dates()
moments = some.datetimes()
zoned = some.datetimes(
    dt.datetime(2, 1, 1), dt.datetime(9998, 12, 31), timezones=some.timezones() | some.just(dt.timezone.utc)
)
decimals = some.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    some.integers(0, 1),
    some.lists(some.integers(0, 9), min_size=1, max_size=20).map(tuple),
    some.integers(-18, 18),
)
scalars = (
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**63 - 1)
    | some.floats(allow_nan=False)
    | texts
    | tricky
    | some.binary()
    | days
    | moments
    | zoned
    | some.times()
    | decimals
)


@given(scalars)
@example(-(2**63))
@example(2**63 - 1)
@example(-0.0)
@example(5e-324)
@example("it's")
@example("\\'; DROP TABLE x; --")
@example("\0")
@example("{value}")
@example(b"\xff\x00'")
@example(dt.date(1, 1, 1))
@example(dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
@example(Decimal("9" * 38))
@example(Decimal("-0." + "0" * 37 + "1"))
def test_a_value_comes_through_a_query_as_it_is(value: Any) -> None:
    [row] = rows("SELECT {value} AS v, one FROM frame", value=value, frame=one())
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.timezone.utc)  # a time that comes twice on a day in autumn equals none elsewhere
    assert row == {"v": value, "one": 1}
    assert row["v"] is None or isinstance(value, type(row["v"]))


@given(some.lists(texts | tricky, min_size=1, max_size=8))
def test_strings_are_found_by_comparison_and_in_a_list(wanted: list[str]) -> None:
    held = [*wanted, "none of them " + "".join(wanted)]
    frame = daft.from_pydict({"place": list(range(len(held))), "text": held})
    found = rows("SELECT place FROM frame WHERE text = {wanted[0]} ORDER BY place", frame=frame, wanted=wanted)
    assert [row["place"] for row in found] == [at for at, text in enumerate(held) if text == wanted[0]]
    found = rows("SELECT place FROM frame WHERE text IN {wanted} ORDER BY place", frame=frame, wanted=wanted)
    assert [row["place"] for row in found] == list(range(len(wanted)))


# What an author may put around a value, odd and broken as it may be: the value never becomes more than a value.
around = some.lists(
    some.sampled_from(["'", '"', "`", "\\", "E'", "U&'", "N'", "R'", "X'", "$$", "$a$", "--", "/*", "*/", "\n", " ",
                       ",", "(", ")", "a", "1", "+", "-", "=", "{'k': ", "}", "SELECT ", " FROM frame", " AND ", "%"]),
    max_size=6,
).map("".join)  # fmt: skip
MARK = "§"  # in no text around


@given(around, around)
def test_whatever_is_around_it_a_value_is_one_literal_or_refused(before: str, after: str) -> None:
    evil = f"' {MARK} \" ` */ \n {MARK} $$ $a$ -- {MARK}"
    harmless = "qqqq"
    text = f"SELECT {before}{{value}}{after}"
    try:
        bad = bind(text, {"value": evil}).text
    except SqlError:
        # It depends on the place alone, never on the value.
        with pytest.raises(SqlError):
            bind(text, {"value": harmless})
        return
    good = bind(text, {"value": harmless}).text
    written = literal(evil)
    assert bad.count(written) == bad.count(MARK) / 3 == good.count(literal(harmless))
    assert bad.replace(written, literal(harmless)) == good
    # Daft reads the rest of both texts alike: an error of the same kind, or none.
    assert _kind(bad, written) == _kind(good, literal(harmless))


def _kind(text: str, written: str) -> str:
    try:
        daft.sql(text, register_globals=False, frame=one())
    except Exception as error:
        said = str(error).partition("REASON: ")
        kind, inside = said[2] or said[0], written[1:-1].replace("''", "'")
        for shown in (written, f"'{inside}'", inside):  # Daft shows it with its quotes doubled, or as they are
            kind = kind.replace(shown, "?")
        return kind
    return "good"


class Colour(str, enum.Enum):
    RED = "red'"


class Loud(str):
    def replace(self, *_: Any) -> str:  # type: ignore[override]
        return "'"

    def __str__(self) -> str:
        return "' OR true --"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (numpy.int64(-4), "(-4)"),
        (numpy.float32(0.5), "0.5"),
        (numpy.bool_(True), "true"),
        (numpy.str_("a'b"), "'a''b'"),
        (pandas.Timestamp("2024-01-02 03:04:05"), "cast('2024-01-02 03:04:05.000000' as timestamp)"),
        (Colour.RED, "'red'''"),
        (Loud("a'b"), "'a''b'"),
        (float("nan"), "cast('nan' as double)"),
        (float("-inf"), "cast('-inf' as double)"),
    ],
)
def test_relatives_of_the_types_are_written_as_these(value: Any, written: str) -> None:
    assert literal(value) == written


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2**63, "is 9.223372e+18, which does not fit into 64 bits"),
        (2**2000, "is of 2001 bits, which does not fit into 64 bits"),
        ("\ud800", "has half of a surrogate pair, which UTF-8 text cannot have"),
        ([1], "is a list, which can be a value after IN only"),
        ({1}, "is of type set, which cannot be a SQL value"),
        (1j, "is of type complex, which cannot be a SQL value"),
        (dt.timedelta(1), "is of type datetime timedelta, which cannot be a SQL value"),
        (numpy.array([1]), "is of type numpy ndarray, which cannot be a SQL value"),
        (numpy.datetime64("2024-01-01"), "is of type numpy datetime64, which cannot be a SQL value"),
        (pandas.NaT, "is not a time (NaT)"),
        (pandas.NA, "is of type pandas NAType, which cannot be a SQL value"),
        (pandas.Timestamp(1), "has nanoseconds, which SQL would lose"),
        (dt.time(tzinfo=dt.timezone.utc), "is a time of day with a time zone, which Daft has no type for"),
        (
            dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "is outside the years 1 to 9999 in UTC",
        ),
        (Decimal("nan"), "is a Decimal that is not a number"),
        (Decimal("1e38"), "has 39 digits, and Daft's decimals have at most 38"),
        (Decimal("1e999999"), "has 1000000 digits, and Daft's decimals have at most 38"),
        pytest.param(one, "is a dataframe, not a value", id="dataframe"),
        (daft.col("a"), "is of type daft Expression, which cannot be a SQL value"),
        (print, "is of type builtin_function_or_method, which cannot be a SQL value"),
    ],
)
def test_everything_else_is_refused_by_name(value: Any, why: str) -> None:
    with pytest.raises(Refused) as caught:
        literal(value() if value is one else value)
    assert caught.value.why == why
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "is empty, and IN () is not SQL"),
        ("abc", "is of type str, where IN wants a list or a tuple"),
        ({1, 2}, "is of type set, where IN wants a list or a tuple"),
        ([[1]], "is a list, which can be a value after IN only"),
    ],
)
def test_lists_that_are_refused(values: Any, why: str) -> None:
    with pytest.raises(Refused) as caught:
        list_literal(values)
    assert caught.value.why == why


def test_expressions_are_python_with_the_notebooks_variables() -> None:
    frame = daft.from_pydict({"a": [1, 2, 3]})
    offered = {"frame": frame, "d": {"}": 2}, "base": 1}
    text = "SELECT a FROM frame WHERE a IN {[base + i for i in (0, 1)]} AND a = {d['}']} -- {not python at all"
    assert rows(text, **offered) == [{"a": 2}]
    assert rows("SELECT {'k': {base}} AS v, {max(\n 1,\n 2)} AS w", **offered) == [{"v": {"k": 1}, "w": 2}]
    assert rows("SELECT a -{-1} AS v FROM frame LIMIT {base}", **offered) == [{"v": 2}]
    assert "_" not in offered and set(offered) == {"frame", "d", "base"}, "what a value does stays in it"


def test_braces_in_strings_and_comments_are_text_and_that_is_noted() -> None:
    outcome = run("SELECT '{who}' AS v, '{nobody}' AS w /* {who} */", {"who": "x"})
    assert outcome.df is not None
    assert outcome.df.to_pylist() == [{"v": "{who}", "w": "{nobody}"}]
    assert outcome.notes == ("{who} inside quotes is text; without the quotes it is the value",)


@pytest.mark.parametrize(
    ("text", "what", "column"),
    [
        ("SELECT * FROM {x}", "'{x}' stands for the name of a table or a column, and a value is a literal", 15),
        ("SELECT * FROM frame, {x}", "'{x}' stands for the name of a table or a column, and a value is a literal", 22),
        ("SELECT * FROM frame JOIN {x} ON 1 = 1", "'{x}' stands for the name of a table or a column", 26),
        ("SELECT * FROM (SELECT 1 FROM {x})", "'{x}' stands for the name of a table or a column", 30),
        ("SELECT frame.{x} FROM frame", "'{x}' stands for the name of a table or a column", 14),
        ("SELECT 1 AS {x}", "'{x}' stands for the name of a table or a column", 13),
        ("DESCRIBE {x}", "'{x}' stands for the name of a table or a column", 10),
        ('SELECT "{x}" FROM frame', "'\"{x}\"' is a name, and a value cannot be part of a name", 8),
        ("SELECT `{x}` FROM frame", "'`{x}`' is a name, and a value cannot be part of a name", 8),
        ("SELECT t_{x}", "'{x}' touches the text beside it", 10),
        ("SELECT {x}{x}", "'{x}' touches the text beside it", 8),
        ("SELECT {x} {x}", "'{x}' stands where SQL expects an operator or a name", 12),
        ("SELECT one {x} FROM frame", "'{x}' stands where SQL expects an operator or a name", 12),
        ("SELECT one FROM frame {x}", "'{x}' stands where SQL expects an operator or a name", 23),
        ("SELECT abs(1) {x}", "'{x}' stands where SQL expects an operator or a name", 15),
        ("SELECT ''{x}", "'{x}' touches the text beside it", 10),
        ("SELECT E'\\' + {x} + '", "'{x}' is inside a string, a comment or a name, as Daft reads it", 15),
        ("SELECT $$ + {x} $$", "'{x}' is inside a string, a comment or a name, as Daft reads it", 13),
        ("SELECT {{x}}", "'{{x}}' is of type set, which cannot be a SQL value", 8),
        ("SELECT {x", "this brace is never closed", 8),
        ("SELECT {x y}", "this brace holds no Python expression (invalid syntax)", 8),
        ("SELECT {}", "this brace holds no Python expression (invalid syntax)", 8),
        ("SELECT {1/0}", "'{1/0}' cannot be evaluated: ZeroDivisionError: division by zero", 8),
        ("SELECT {xx}", "'{xx}' cannot be evaluated: NameError: name 'xx' is not defined", 8),
    ],
)
def test_a_value_where_none_can_stand(text: str, what: str, column: int) -> None:
    error = slip(text, x="v", frame=one())
    assert error.what.startswith(what)
    assert error.what.endswith(f" (line 1, column {column}).")
    assert error.place == (text, " " * (column - 1) + "^")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT extract(year FROM {day}) AS v",
        "SELECT abs({number}) AS v, {number} AS w FROM frame",
        "SELECT * FROM frame WHERE one IN (1, {number})",
        "SELECT [1, {number}] AS v FROM frame GROUP BY one, {number}",
        "SELECT date {'2024-01-02'} AS v",
    ],
)
def test_a_value_where_one_can_stand(text: str) -> None:
    assert bind(text, {"day": dt.date(2024, 1, 2), "number": 3}).text
    if "GROUP" not in text:
        rows(text, day=dt.date(2024, 1, 2), number=3, frame=one())


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def attached() -> Iterator[None]:
    catalog = daft.catalog.Catalog.from_pydict({"towns": {"town": ["Bern"], "people": [134]}}, name="atlas")
    daft.attach_catalog(catalog)
    daft.create_temp_table("loose", daft.from_pydict({"a": [7]}))
    yield
    daft.detach_table("loose")
    daft.set_catalog(None)
    daft.detach_catalog("atlas")


@pytest.mark.usefixtures("attached")
def test_tables_of_the_session_and_dataframes_in_front_of_them() -> None:
    assert rows("SELECT town FROM atlas.towns WHERE people < {limit}", limit=200) == [{"town": "Bern"}]
    assert rows("SELECT a FROM loose") == [{"a": 7}]
    assert rows("SELECT a FROM loose", loose=daft.from_pydict({"a": [8]})) == [{"a": 8}]
    assert slip("SELECT a FROM lose").remedy == "Did you mean loose?"
    assert run("USE atlas", {}).df is None
    assert rows("SELECT people FROM towns") == [{"people": 134}]
    assert rows("SHOW TABLES") == [{"catalog": "atlas", "namespace": None, "table": "towns"}]
    if is_before("daft", "0.7.22"):
        problem = slip("CREATE TABLE rivers (name string, metres bigint)")
        assert problem.what == "Daft's SQL has no CREATE TABLE (line 1, column 1)."
        assert problem.remedy == "It has SELECT, DESCRIBE, SHOW TABLES and USE. A dataframe writes: df.write_parquet(…)"
        return
    assert run("CREATE TABLE rivers (name string, metres bigint)", {}).df is None
    assert rows("DESCRIBE rivers") == [
        {"column_name": "name", "type": "String"},
        {"column_name": "metres", "type": "Int64"},
    ]


def test_only_dataframes_are_tables_and_with_names_its_own() -> None:
    frame = daft.from_pydict({"a": [1, 2]})
    assert rows('SELECT a FROM "frame" WHERE a > 1', frame=frame) == [{"a": 2}]
    assert rows("WITH frame AS (SELECT 5 AS x) SELECT x FROM frame", frame=frame) == [{"x": 5}]
    text = "WITH q AS (SELECT a AS x FROM frame), r AS (SELECT x FROM q WHERE x > 1) SELECT x FROM r"
    assert rows(text, frame=frame, q=frame, r=frame) == [{"x": 2}]
    error = slip("WITH frame AS (SELECT * FROM frame) SELECT * FROM frame", frame=frame)
    assert error.what.startswith("'frame' is the name that WITH gives its own query")
    error = slip("SELECT * FROM people", people=pandas.DataFrame({"a": [1]}))
    assert error.what.startswith("'people' is a pandas DataFrame, and tables are Daft dataframes (")
    assert error.remedy == "Try people = daft.from_pandas(people) first"
    error = slip("SELECT * FROM sql", sql=frame)
    assert error.what.startswith("a dataframe called 'sql' cannot be a table")
    assert rows("SELECT 1 AS v", sql=frame) == [{"v": 1}]


# -- slips ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("selct 1", "Daft expected an SQL statement, not 'selct' (line 2, column 1).", "Did you mean SELECT?"),
        ("SELECT a form t", "Daft expected end of statement, not 't' (line 2, column 15).", "Did you mean FROM?"),
        ("SELECT a\nFROM t\nWHERE (a >", "Daft expected an expression, not the end (line 4, column 11).", "Try %daft"),
        ("SELECT 'a FROM t", "unterminated string literal (line 2, column 8).", "Try %daft help sql"),
        ("SELECT {v} + , 1", "Daft expected an expression, not ',' (line 2, column 14).", "Try %daft help sql"),
        ("SELECT {v},\n {v} b c FROM t", "Daft expected end of statement, not 'c' (line 3, column 8).", "Try %daft"),
        ("SELECT zz FROM t", "there is no column 'zz' (line 2, column 8).", "There are alpha, beta"),
        ("SELECT t.alhpa FROM t", "there is no column 'alhpa' in 't' (line 2, column 10).", "Did you mean alpha?"),
        ("SELECT 1 FROM tt", "there is no table 'tt', neither a dataframe of the notebook nor", "Did you mean t?"),
        ("SELECT lenght('a')", "there is no function 'lenght' (line 2, column 8).", "Did you mean length?"),
        ("INSERT INTO t VALUES (1)", "Daft's SQL has no INSERT (line 2, column 1).", "It has SELECT, DESCRIBE"),
        ("DROP TABLE t", "Daft's SQL has no DROP (line 2, column 1).", "It has SELECT, DESCRIBE"),
        ("SET a = 1", "Daft's SQL has no SET (line 2, column 1).", "Daft's own settings"),
        ("EXPLAIN SELECT 1", "Daft's SQL has no EXPLAIN (line 2, column 1).", "Try %%daft sql --explain"),
        ("SELECT 1;\nSELECT 2", "a cell has one SQL statement, and here another one begins (line 3, column 1).", "Put"),
        ("-- nothing", "there is no SQL in this cell.", "Try SELECT * FROM df"),
        ("USE nowhere", "Catalog with name nowhere not found.", "Try %daft help sql"),
        ("SELECT 1 FROM t WHERE beta > 1", "Cannot perform comparison on types: String, Int64.", "Try %daft help sql"),
    ],
)  # fmt: skip
def test_a_slip_is_shown_at_its_place(text: str, what: str, remedy: str) -> None:
    error = slip(text, 2, t=daft.from_pydict({"alpha": [1], "beta": ["b"]}), v="long\nand ' longer")
    assert error.what.startswith(what)
    assert error.remedy.startswith(remedy)
    shown = error._render_traceback_()
    assert len(shown) == (4 if "column" in error.what.rpartition("(")[2] else 1)
    if len(shown) == 4:
        line, caret = shown[1:3]
        word = error.what.partition("'")[2].partition("'")[0]
        if error.what.startswith("Daft expected "):
            word = error.what.partition("not '")[2].partition("'")[0]
        if word and "has no" not in error.what:
            assert line[len(caret) - 1 :].startswith(word)


def test_a_panic_of_daft_is_told() -> None:
    class PanicException(BaseException):
        pass

    def fails(*_: Any, **__: Any) -> None:
        raise PanicException("not yet implemented: x")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daft, "sql", fails)
        error = slip("SELECT 1")
    assert error.what == "Daft crashed on this SQL (not yet implemented: x), which is a bug in Daft."


@given(some.text(some.sampled_from("a \n{}'\"-/*é")))
def test_places_and_tokens(text: str) -> None:
    for at in range(len(text) + 1):
        assert offset(text, *place(text, at)) == at
    try:
        tokens = scan(text)
    except ValueError:
        assume(False)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    gaps = [text[a.end : b.start] for a, b in itertools.pairwise(tokens)]
    assert "".join(gaps).strip() == ""


def test_a_long_line_is_cut_around_the_caret() -> None:
    line, caret = pointed("x" * 200 + "漢!" + "y" * 200, 202)
    assert line.startswith("…") and line.endswith("…")
    assert len(line) == 102
    assert line[60:63] == "漢!y"
    assert caret == " " * 62 + "^", "a wide character takes two columns"
    assert pointed("a\tb", 3) == ("a b", "  ^")


# -- the magic --------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A notebook's variables, and a session."""
    shell = SimpleNamespace(user_ns={}, session=SimpleNamespace(off={}))
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    return shell


def test_the_cell_names_its_result_and_shows_the_first_rows(
    shell: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns |= {"df": daft.from_pydict({"a": list(range(20))}), "least": 5}
    magics.run_cell("sql --as big --limit 3", "SELECT a FROM df WHERE a > {least} ORDER BY a;", shell.session)
    shown = capsys.readouterr().out
    assert "(Showing first 3 rows)" in shown and "│ 8 " in shown and "│ 9 " not in shown
    assert shell.user_ns["big"].count_rows() == 14, "what is shown does not limit the result"
    assert "_df" not in shell.user_ns
    magics.run_cell("sql", "SELECT a FROM big", shell.session)
    assert "(Showing first 10 rows)" in capsys.readouterr().out
    assert shell.user_ns["_df"].count_rows() == 14
    magics.run_cell("sql --limit 1", "SELECT '{least}' AS v FROM _df", shell.session)
    assert capsys.readouterr().out.endswith("note: {least} inside quotes is text; without the quotes it is the value\n")


def test_a_cell_that_is_explained_or_shows_no_rows_runs_nothing(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    @daft.func
    def fails(a: int) -> int:
        raise AssertionError("it ran")

    displayed: list[Any] = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    shell.user_ns["df"] = daft.from_pydict({"a": [1, 2]}).with_column("b", fails(daft.col("a")))
    magics.run_cell("sql --limit 0", "SELECT b FROM df", shell.session)
    assert displayed[0].column_names == ["b"]
    assert displayed[0] is shell.user_ns["_df"]
    magics.run_cell("sql --explain --as q", "SELECT b FROM df", open_session())
    assert "Plan of q, which has not run." in displayed[1]._bundle()["text/plain"]
    assert shell.user_ns["q"].column_names == ["b"]
    close_session()


def test_a_query_that_fails_is_told_without_a_traceback(shell: SimpleNamespace) -> None:
    shell.user_ns["df"] = daft.from_pydict({"a": ["1", "x"]})
    with pytest.raises(SqlError) as caught:
        magics.run_cell("sql", "SELECT to_date(a, '%Y-%m-%d') AS v FROM df", shell.session)
    assert caught.value.what.startswith("the query failed: ")
    assert "DaftError" not in caught.value.what


@pytest.mark.parametrize(
    ("line", "body", "what"),
    [
        ("sql --as for", "SELECT 1", "--as 'for' is not the name of a variable."),
        ("sql --as a.b", "SELECT 1", "--as 'a.b' is not the name of a variable."),
        ("sql --limit -1", "SELECT 1", "--limit must be at least 0 (got -1)."),
        ("sql --limt 1", "SELECT 1", "%%daft sql has no option '--limt'"),
        ("sql --as x", "USE y", "USE has no result for --as (line 2, column 1)."),
        ("sql --explain", "CREATE TABLE a (b int)", "CREATE has no result for --explain (line 2, column 1)."),
    ],
)
def test_slips_of_the_line(shell: SimpleNamespace, line: str, body: str, what: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run_cell(line, body, shell.session)
    assert caught.value.what.startswith(what)


# -- as it is written elsewhere ---------------------------------------------------------------------------------------

QUOTED = {
    "{city}": "{city}", "{cities[0]}": "{cities[0]}", "{row.city}": "{row.city}", "{d[''city'']}": "{d['city']}",
    '{d["city"]}': '{d["city"]}', "{city.lower()}": "{city.lower()}", "{city!r}": "{city!r}", "{city:>5}": "{city:>5}",
    "{ city }": "{ city }", "{city=}": "{city=}", "{{city}}": "{{city}}", "{d[''city'']!s:>{w}}": "{d['city']!s:>{w}}",
    "%{city}%": "{city}", "a {city} b {nothing}": "{city}",
}  # fmt: skip


@pytest.mark.parametrize("text", QUOTED)
def test_a_value_in_quotes_is_told_to_be_text(text: str) -> None:
    variables = {"city": "a", "cities": ["a"], "row": 1, "d": {"city": "a"}, "w": 5}
    (note,) = run(f"SELECT '{text}' AS x", variables).notes
    assert note.startswith(f"{QUOTED[text]} inside quotes is text; without the quotes it is the value")
    assert (": {f" in note) == (text in ("%{city}%", "a {city} b {nothing}"))


@pytest.mark.parametrize(
    "text", ["{nothing}", '{"a": 1}', "{}", "{0}", "{", "}{", "{1 +}", "a:city", "costs $5", "100%"]
)
def test_other_texts_have_no_note(text: str) -> None:
    assert run(f"SELECT '{text}' AS x", {"city": "a", "a": 1}).notes == ()


@pytest.mark.parametrize("text", [":city", "$city", "${city}", "%(city)s", "@city"])
def test_a_placeholder_in_quotes_is_told_to_be_text(text: str) -> None:
    assert (
        run(f"SELECT '{text}' AS x", {"city": "a"}).notes[-1].endswith("is text; the value is {city}, without quotes")
    )


FOREIGN = [
    ("SELECT * FROM df WHERE n = :x", "':x' is a placeholder of other libraries", "Try {x} in its place"),
    ("SELECT * FROM df LIMIT :x", "':x' is a placeholder", "Try {x} in its place"),
    ("SELECT * FROM df WHERE n IN (:x, 2)", "':x' is a placeholder", "Try {x} in its place"),
    ("SELECT * FROM df WHERE n=$x", "'$x' is a placeholder", "Try {x} in its place"),
    ("SELECT * FROM df WHERE n=$1", "'$1' is a placeholder", "Try {name} in its place"),
    ("SELECT * FROM df WHERE n = ?", "'?' is a placeholder", "Try {name} in its place"),
    ("SELECT * FROM df WHERE n = %(x)s", "'%(x)s' is a placeholder", "Try {x} in its place"),
    ("SELECT * FROM df WHERE n = %s", "'%s' is a placeholder", "Try {name} in its place"),
    ("SELECT * FROM df WHERE n = @x", "'@x' is a placeholder", "Try {x} in its place"),
    ("SELECT * FROM df WHERE n IN {{xs}}", "'{{xs}}' has two pairs of braces", "Try {xs}, with one pair"),
    ("res << SELECT * FROM df", "'res <<' is how other SQL cells name a result", "%%daft sql --as res"),
    ("res = SELECT * FROM df", "'res =' does not name a result in SQL", "%%daft sql --as res"),
    ("SELECT n INTO res FROM df", "Daft's SQL has no SELECT … INTO", "%%daft sql --as res"),
]


@pytest.mark.parametrize(("text", "what", "remedy"), FOREIGN)
def test_what_other_sql_cells_take_is_answered_with_what_to_type(text: str, what: str, remedy: str) -> None:
    import daft

    variables = {"df": daft.from_pydict({"n": [1]}), "x": 1, "xs": [1]}
    with pytest.raises(SqlError) as slip:
        run(text, variables)
    assert what in slip.value.what and remedy in slip.value.remedy


@pytest.mark.parametrize("text", ["n::int", "n % 1", "n %1", "':x'", '"n"', "{'a': 1}"])
def test_sql_of_dafts_own_is_taken_for_no_placeholder(text: str) -> None:
    import daft

    assert run(f"SELECT {text} AS y FROM df", {"df": daft.from_pydict({"n": [1]})}).df is not None
