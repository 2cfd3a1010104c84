"""Turns Daft's errors about a SQL text into errors that point at the place and name the nearest spelling.

The sentences are those of ``daft-sql/src/error.rs`` and ``planner.rs``; one that is not known is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from daftnb.engine.sqlnames import functions
from daftnb.errors import SqlError, is_panic
from daftnb.sql.binding import Bound, own_names
from daftnb.sql.literals import type_name
from daftnb.sql.problems import offset
from daftnb.sql.tokens import Token
from daftnb.text.shorten import listed
from daftnb.text.spelling import nearest, shown

if TYPE_CHECKING:
    from daft import DataFrame

LISTED = 8  # names in an error
CONVERTIBLE = {"pandas DataFrame": "from_pandas", "pyarrow Table": "from_arrow", "polars DataFrame": "from_arrow"}
_KEYWORDS = ("SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "ORDER", "LIMIT", "OFFSET", "JOIN", "LEFT", "INNER",
             "OUTER", "UNION", "WITH", "AS", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "CASE", "WHEN", "THEN",
             "ELSE", "END", "DISTINCT", "DESCRIBE", "SHOW", "TABLES", "USE", "CREATE", "TABLE")  # fmt: skip


def explain(
    error: BaseException, bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    """Return what Daft said of a statement as an error that points at the place, where it can be found."""
    said = str(error)
    if is_panic(error):
        return bound.problem(
            f"Daft crashed on this SQL ({clean(said)}), which is a bug in Daft",
            "Try to write the SQL in another way",
            None,
        )
    for pattern, explained in (
        (r"SQL error at Line: (\d+), Column: (\d+)\n.*?\n *\^\nREASON: (.*)", _syntax),
        (r"Table not found: (.*)", _no_table),
        (r"Column (.*) not found in (.*)", _no_column),
        (r"Unsupported SQL: 'Function `(.*)` not found'", _no_function),
        (r"Unsupported SQL: 'unsupported statement, (\w+)\b.*", _no_statement),
        (r"Unsupported SQL: 'Only exactly one SQL statement allowed, found \d+'", _several),
    ):
        found = re.fullmatch(pattern, said, re.DOTALL)
        if found is not None:
            return explained(found, bound, variables, tables)
    return bound.problem(clean(said), "Try %daft help sql", None)


def clean(said: str) -> str:
    """Return Daft's sentence without the names of its own error types, and without its full stop."""
    lines = [re.sub(r"(Daft error: |DaftError::\w+ )", "", line).strip() for line in said.splitlines()]
    lines = [line for line in lines if line and line != "Details:"]
    causes = [line.removeprefix("Due to: ") for line in lines if line.startswith("Due to: ")]
    text = re.sub(
        r"^(Invalid operation|Parse error|Unsupported SQL): ", "", (causes or lines or ["no reason given"])[0]
    )
    return (text.strip("'") if text.startswith("'") else text).rstrip(".!")


def _syntax(
    found: re.Match[str], bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    at = min(bound.source_place(offset(bound.text, int(found[1]), int(found[2]))), len(bound.source.rstrip()))
    reason = found[3].rstrip(".")
    wrong = re.fullmatch(r"Expected: (.*), found: (.*)", reason, re.DOTALL)
    if wrong is None:
        return bound.problem(reason[:1].lower() + reason[1:], "Try %daft help sql", at)
    expected, instead = wrong[1], wrong[2]
    # Daft notices at the word after a keyword that is misspelt: SELECT a FORM df.
    meant = _misspelt_before(bound, at) or (_keyword(instead) if instead != "EOF" else None)
    instead = "the end" if instead == "EOF" else shown(instead)
    return bound.problem(
        f"Daft expected {expected}, not {instead}", f"Did you mean {meant}?" if meant else "Try %daft help sql", at
    )


def _misspelt_before(bound: Bound, at: int) -> str | None:
    before = [token for token in bound.tokens if token.end <= at]
    return _keyword(before[-1].upper) if before else None


def _keyword(word: str) -> str | None:
    """Return the keyword that a misspelt word means; None if it is a keyword, or near none."""
    if len(word) < 3 or not word.isalpha() or word.upper() in _KEYWORDS:
        return None
    near = get_close_matches(word.upper(), _KEYWORDS, n=1, cutoff=0.7)
    return near[0] if near else None


def _no_table(
    found: re.Match[str], bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    import daft

    name = found[1]
    at = _place_of(name.split("."), bound)
    if name in own_names(bound) and isinstance(variables.get(name), daft.DataFrame):
        what = f"{shown(name)} is the name that WITH gives its own query, so it is not the dataframe there"
        return bound.problem(what, "Give it another name: WITH other AS (…)", at)
    value = variables.get(name)
    convert = CONVERTIBLE.get(type_name(value))
    if convert is not None:
        argument = f"{name}.to_arrow()" if "polars" in type_name(value) else name
        return bound.problem(
            f"{shown(name)} is a {type_name(value)}, and tables are Daft dataframes",
            f"Try {name} = daft.{convert}({argument}) first",
            at,
        )
    there = [each for each, value in variables.items() if isinstance(value, daft.DataFrame) and each[0] != "_"]
    there += [str(table) for table in daft.current_session().list_tables()]
    near = nearest(name, there)
    known = listed(there, LISTED)
    return bound.problem(
        f"there is no table {shown(name)}, neither a dataframe of the notebook nor a table of Daft's session",
        f"Did you mean {near}?" if near else f"There are {known}" if known else "Try df = daft.read_parquet(…) first",
        at,
    )


def _no_column(
    found: re.Match[str], bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    name, scope = found[1], found[2]
    columns = list(dict.fromkeys(column for df in tables.values() for column in df.column_names))
    if scope in tables:
        columns = tables[scope].column_names
    near = nearest(name, columns)
    where = "" if scope == "current scope" else f" in {shown(scope)}"
    return bound.problem(
        f"there is no column {shown(name)}{where}",
        _remedy(near, columns, "DESCRIBE name lists the columns"),
        _place_of([name] if scope == "current scope" else [scope, name], bound),
    )


def _no_function(
    found: re.Match[str], bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    near = nearest(found[1], functions())
    return bound.problem(
        f"there is no function {shown(found[1])}",
        f"Did you mean {near}?" if near else "Daft's documentation lists its SQL functions",
        _place_of([found[1]], bound, then="("),
    )


def _no_statement(
    found: re.Match[str], bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    creates_table = [token.text.upper() for token in bound.tokens[:2]] == ["CREATE", "TABLE"]  # before Daft 0.7.22
    tables_too = "SHOW TABLES and USE" if creates_table else "SHOW TABLES, USE and CREATE TABLE"
    return bound.problem(
        f"Daft's SQL has no {'CREATE TABLE' if creates_table else found[1]}",
        f"It has SELECT, DESCRIBE, {tables_too}. A dataframe writes: df.write_parquet(…)",
        bound.tokens[0].start,
    )


def _several(
    found: re.Match[str], bound: Bound, variables: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> SqlError:
    end = next((index for index, token in enumerate(bound.tokens) if token.text == ";"), len(bound.tokens))
    after = bound.tokens[end + 1 : end + 2]
    return bound.problem(
        "a cell has one SQL statement, and here another one begins",
        "Put it into a cell of its own",
        after[0].start if after else None,
    )


def _remedy(near: str | None, there: list[str], otherwise: str) -> str:
    """Return the nearest spelling as a remedy; else what there is; else ``otherwise``."""
    if near:
        return f"Did you mean {near}?"
    return f"There are {listed(there, LISTED)}" if there else otherwise


def _place_of(parts: list[str], bound: Bound, then: str = "") -> int | None:
    """Return where a name of these parts (``table.column``) first stands, or its last part alone; None if nowhere."""
    for wanted in (parts, parts[-1:]):
        for index in range(len(bound.tokens)):
            span = bound.tokens[index : index + 2 * len(wanted) - 1]
            after = bound.tokens[index + len(span) : index + len(span) + 1]
            if [_folded(token) for token in span[::2]] == [part.lower() for part in wanted] and all(
                token.text == "." for token in span[1::2]
            ):
                if then and not (after and after[0].text == then):
                    continue
                return span[-1].start
    return None


def _folded(token: Token) -> str | None:
    name = token.identifier
    return None if name is None else name.lower()
