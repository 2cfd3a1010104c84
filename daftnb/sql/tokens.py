"""Splits a SQL text into tokens with their places: text, names, comments and Python values.

Only as much of SQL as it takes to find things. Where it would read a text other than Daft does (string literals with
a prefix, which Daft refuses), :mod:`daftnb.sql.binding` notices, because it asks Daft before it puts a value anywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "name", "string", "number", "comment", "value", "sign"]

_PLAIN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*)
    | (?P<string>'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z) | `(?:[^`]|``)*(?:`|\Z))
    | (?P<word>(?:[^\W\d]|[@\#])[\w@$\#]*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# {'a': 1} and {a: 1} are Daft's own literals of structs. (A Python slice or lambda needs more before its colon.)
_STRUCT = re.compile(r"""\{\s*(?:'(?:[^']|'')*'|"[^"]*"|\w+)\s*:""")


@dataclass(frozen=True, slots=True)
class Token:
    """``start`` counts characters of the text. A ``name`` is a quoted one, a ``value`` is Python in braces."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Return the place after the token."""
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """Return a word as a keyword is written; empty for any other token."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def identifier(self) -> str | None:
        """Return the name that the token may stand for; None if it can be no name."""
        if self.kind == "name":
            quote = self.text[0]
            return self.text[1:].removesuffix(quote).replace(quote * 2, quote)
        return self.text if self.kind == "word" else None


class NotPython(ValueError):
    """The braces at ``start`` hold no Python expression."""

    def __init__(self, start: int, reason: str) -> None:
        super().__init__(reason)
        self.start = start


def scan(text: str) -> list[Token]:
    """Return the tokens of a text, but for white space.

    Raises NotPython for braces that hold neither Python nor a struct.
    """
    return list(_scan(text))


def code(tokens: Iterable[Token]) -> list[Token]:
    """Return the tokens that are no comments."""
    return [token for token in tokens if token.kind != "comment"]


def _scan(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        kind: Kind
        if text.startswith("/*", at):
            kind, end = "comment", _after_comment(text, at)
        elif text[at] == "{" and not _STRUCT.match(text, at):
            kind, end = "value", _after_value(text, at)
        else:
            found = _PLAIN.match(text, at)
            assert found is not None and found.lastgroup is not None
            end = found.end()
            if found.lastgroup == "space":
                at = end
                continue
            kind = found.lastgroup  # type: ignore[assignment]  # the names of the groups are the kinds
        yield Token(kind, text[at:end], at)
        at = end


def _after_comment(text: str, at: int) -> int:
    """Return the end of a /* comment */; they nest."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def _after_value(text: str, at: int) -> int:
    """Return the end of ``{a Python expression}``: the first closing brace that makes it one.

    Raises NotPython if none does.
    """
    closing = text.find("}", at)
    if closing < 0:
        raise NotPython(at, "is never closed")
    reason = ""
    while closing >= 0:
        try:
            parse(text[at : closing + 1])
            return closing + 1
        except SyntaxError as error:
            reason = reason or str(error.msg)
        closing = text.find("}", closing + 1)
    raise NotPython(at, f"holds no Python expression ({reason})")


def parse(value: str) -> ast.Expression:
    """Return the expression in a pair of braces. Raises SyntaxError, whatever is wrong with it."""
    try:
        return ast.parse(value[1:-1].strip(), mode="eval")
    except (ValueError, RecursionError, MemoryError) as error:  # a null character; parentheses a thousand deep
        raise SyntaxError(str(error) or "too deep") from error
