"""Puts Python values into a SQL text: each ``{expression}`` becomes exactly one literal.

What proves it is Daft's own reader of SQL: before a literal is put in, the text up to there is read with one quote
after it, which must be the start of a string, unclosed; after it, again. So a literal never stands inside a string, a
comment or a name, however those are written, and never runs into what is beside it.
"""

from __future__ import annotations

import builtins
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daftnb.errors import SqlError
from daftnb.sql.literals import Refused, list_literal, literal
from daftnb.sql.problems import place, problem
from daftnb.sql.tokens import NotPython, Token, code, parse, scan
from daftnb.text.spelling import nearest, shown

BESIDE = "_$@#'\"`\\"  # with letters and digits: what would be one token with a literal, or a part of a name


@dataclass(frozen=True, slots=True)
class Bound:
    """A text as it is sent to Daft, and the way back to what was written."""

    source: str
    text: str
    tokens: tuple[Token, ...]  # of the source, without comments
    first_line: int
    _sent: tuple[int, ...]  # starts of pieces in the text, ascending,
    _written: tuple[int, ...]  # where they are in the source,
    _fixed: tuple[bool, ...]  # and whether the piece is a literal, all of which is at that one place

    def source_place(self, at: int) -> int:
        """Return the place in the source of a place in the text."""
        piece = bisect_right(self._sent, at) - 1
        return self._written[piece] + (0 if self._fixed[piece] else at - self._sent[piece])

    def problem(self, what: str, remedy: str, at: int | None) -> SqlError:
        """Return the error at a place of the source; None: nowhere in it."""
        return problem(what, remedy, self.source, at, self.first_line)


def bind(source: str, variables: Mapping[str, Any], first_line: int = 1) -> Bound:
    """Return the source with its values put in. Raises SqlError, at its place, for one that cannot be."""
    try:
        tokens = scan(source)
    except NotPython as error:
        raise _not_python(error, source, first_line) from None
    plain = tuple(code(tokens))
    text, sent, written, fixed = "", [0], [0], [False]
    done = 0
    for index, token in enumerate(plain):
        if token.kind == "name" and "{" in token.text:
            raise problem(
                f"{shown(token.text)} is a name, and a value cannot be part of a name",
                "Write the name out: values in braces are literals",
                *(source, token.start, first_line),
            )
        if token.kind != "value":
            continue
        _check_position(plain, index, source, first_line)
        written_literal = _literal(token, plain[index - 1] if index else None, variables, source, first_line)
        text += source[done : token.start] + " "
        # The literal's own spaces keep it apart from an operator or a prefix of a string before it.
        _prove(text, token, source, first_line)
        sent += [len(text), len(text) + len(written_literal) + 1]
        written += [token.start, token.end]
        fixed += [True, False]
        text += written_literal + " "
        _prove(text, token, source, first_line)
        done = token.end
    return Bound(source, text + source[done:], plain, first_line, tuple(sent), tuple(written), tuple(fixed))


def own_names(bound: Bound) -> set[str]:
    """Return the names that a statement gives itself: ``WITH name AS (``, ``name (columns) AS (``."""
    names = set()
    tokens = bound.tokens
    for index, token in enumerate(tokens):
        if token.upper != "WITH" and not (token.text == "," and index):
            continue
        for end in range(index + 2, len(tokens) - 1):
            if tokens[end].upper == "AS" and tokens[end + 1].text == "(":
                name = tokens[index + 1].identifier
                between = tokens[index + 2 : end]
                columns = not between or (between[0].text == "(" and between[-1].text == ")")
                if name is not None and columns and "SELECT" not in {each.upper for each in between}:
                    names.add(name)
                break
            if end > index + 2 and tokens[end].text == ")" and tokens[end + 1].upper != "AS":
                break
    return names


def _not_python(error: NotPython, source: str, first_line: int) -> SqlError:
    return problem(
        f"this brace {error}",
        "{name} and {any + expression} are Python values; {'key': 1} is a SQL struct",
        *(source, error.start, first_line),
    )


def _check_position(tokens: tuple[Token, ...], index: int, source: str, first_line: int) -> None:
    """Raise SqlError where no value can stand: in the place of a name, or as a part of something."""
    token = tokens[index]
    before, after = source[token.start - 1 : token.start], source[token.end : token.end + 1]
    beside = any(each and (each.isalnum() or each in BESIDE) for each in (before, after))
    beside = beside or before == "}" or after == "{"
    if before == "." or after == "." or _names_a_table(tokens, index):
        raise problem(
            f"{shown(token.text)} stands for the name of a table or a column, and a value is a literal",
            "Write the name out: FROM df. A file's path is a value in a function: FROM read_parquet({path})",
            *(source, token.start, first_line),
        )
    if beside:
        raise problem(
            f"{shown(token.text)} touches the text beside it",
            "Put one pair of braces around the whole value, without quotes: … = {name}",
            *(source, token.start, first_line),
        )
    if index and not leads_to_a_value(tokens[index - 1]):
        raise problem(
            f"{shown(token.text)} stands where SQL expects an operator or a name",
            "A value follows an operator, a comma or a word such as WHERE; write the name of a column out",
            *(source, token.start, first_line),
        )


def leads_to_a_value(token: Token) -> bool:
    """Return True if an expression may begin after the token: after others, a literal would be taken for an alias."""
    if token.kind == "word":
        return token.upper in _BEFORE_VALUES
    return token.kind == "sign" and token.text not in (")", "]", "}")


def _names_a_table(tokens: tuple[Token, ...], index: int) -> bool:
    """Return True if a table's name, or an alias, is expected there."""
    previous = tokens[index - 1] if index else None
    if previous is None:
        return False
    if previous.upper in ("JOIN", "INTO", "UPDATE", "TABLE", "DESCRIBE", "USE", "VIEW", "AS"):
        return True
    if previous.upper != "FROM" and previous.text != ",":
        return False
    # In the FROM of a SELECT, not in that of extract(year FROM …) or of IS DISTINCT FROM: back to its beginning.
    clause, depth = "", 0
    for at in range(index - 1, -1, -1):
        token = tokens[at]
        depth += (token.text in (")", "]")) - (token.text in ("(", "["))
        if depth < 0:
            return False  # the arguments of a function
        if depth > 0:
            continue
        distinct = token.upper == "FROM" and at > 0 and tokens[at - 1].upper == "DISTINCT"
        if not clause and not distinct and token.upper in _CLAUSES:
            clause = token.upper
        if token.upper == "SELECT":
            return clause in ("FROM", "JOIN")
    return False


_BEFORE_VALUES = {
    *("SELECT", "DISTINCT", "ALL", "WHERE", "HAVING", "QUALIFY", "ON", "BY", "LIMIT", "OFFSET", "VALUES", "FROM"),
    *("AND", "OR", "NOT", "XOR", "DIV", "IN", "IS", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "TO", "ESCAPE"),
    *("CASE", "WHEN", "THEN", "ELSE", "ANY", "SOME", "FOR", "DATE", "TIME", "TIMESTAMP", "INTERVAL"),
    *("ROWS", "RANGE", "FETCH", "FIRST", "NEXT", "SAMPLE", "TABLESAMPLE"),
}
_CLAUSES = {
    *("FROM", "JOIN", "SELECT", "WHERE", "ON", "USING", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "QUALIFY"),
    *("WINDOW", "UNION", "INTERSECT", "EXCEPT", "VALUES"),
}


def _literal(token: Token, previous: Token | None, variables: Mapping[str, Any], source: str, first_line: int) -> str:
    name = shown(token.text)
    try:
        value = _evaluate(token, variables)
    except Exception as error:
        near = nearest(error.name, [*variables]) if isinstance(error, NameError) and error.name else None
        if token.text.startswith("{{") and token.text.endswith("}}"):
            what = f"{name} has two pairs of braces, as the templates of other SQL cells have"
            raise problem(what, f"Try {token.text[1:-1]}, with one pair", source, token.start, first_line) from error
        raise problem(
            f"{name} cannot be evaluated: {type(error).__name__}: {_first_line(str(error))}",
            f"Did you mean {{{near}}}?" if near else "daftnb evaluates it as Python, with the notebook's variables",
            *(source, token.start, first_line),
        ) from error
    try:
        if previous is not None and previous.upper == "IN":
            return list_literal(value)
        return literal(value)
    except Refused as refused:
        remedy = refused.remedy
        if token.text.startswith("{{"):
            remedy = f"Try {token.text[1:-1]}, with one pair of braces"
        raise problem(f"{name} {refused.why}", remedy, source, token.start, first_line) from None


def _evaluate(token: Token, variables: Mapping[str, Any]) -> Any:
    # As a cell's own code: its globals are the notebook's variables. A copy, as ``eval`` and := would write to them.
    return eval(compile(parse(token.text), "<value in SQL>", "eval"), {"__builtins__": builtins, **variables})


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "no reason given"


def _prove(text: str, token: Token, source: str, first_line: int) -> None:
    """Raise SqlError unless a string may begin at the end of ``text``, as Daft reads it."""
    import daft

    line, column = place(text, len(text))
    try:
        daft.sql_expr(text + "'")
    except Exception as error:  # the class of its SQL errors cannot be imported; what is said is what counts
        said = str(error)
        if said.startswith(f"SQL error at Line: {line}, Column: {column}\n") and said.endswith(_UNCLOSED):
            return
    raise problem(
        f"{shown(token.text)} is inside a string, a comment or a name, as Daft reads it",
        "Write a value by itself, outside quotes, and a string in plain 'quotes'",
        *(source, token.start, first_line),
    )


_UNCLOSED = "REASON: Unterminated string literal"
