"""Recognises how other SQL cells and libraries write values and results, and says what to type here.

It is asked only for what Daft has refused: nothing that is SQL of Daft's is taken for a placeholder.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from daftnb.errors import SqlError
from daftnb.sql.binding import Bound, leads_to_a_value
from daftnb.sql.tokens import Token, parse
from daftnb.text.spelling import shown

_QUOTED = re.compile(r":(\w+)|\$\{?(\w+)\}?|%\((\w+)\)s|@(\w+)")
_CONVERSION = re.compile(r"(?P<value>.*)![rsa]\s*(:.*)?", re.DOTALL)


def explain_foreign(bound: Bound, variables: Mapping[str, Any]) -> SqlError | None:
    """Return an error for what is written as in other libraries, which says how to write it here; None without any."""
    tokens = bound.tokens
    for index, token in enumerate(tokens):
        if token.text == "<" and tokens[index + 1 : index + 2] and tokens[index + 1].text == "<" and index == 1:
            name = tokens[0].text
            return bound.problem(
                f"{shown(name + ' <<')} is how other SQL cells name a result",
                f"Name it on the first line: %%daft sql --as {name}",
                tokens[0].start,
            )
        if token.text == "=" and index == 1 and len(tokens) > 2 and tokens[2].upper in ("SELECT", "WITH"):
            name = tokens[0].text
            return bound.problem(
                f"{shown(name + ' =')} does not name a result in SQL",
                f"Name it on the first line: %%daft sql --as {name}",
                tokens[0].start,
            )
        if token.upper == "INTO" and tokens[0].upper in ("SELECT", "WITH") and index + 1 < len(tokens):
            name = tokens[index + 1].identifier or "result"
            return bound.problem(
                "Daft's SQL has no SELECT … INTO",
                f"Leave INTO {name} out, and name the result on the first line: %%daft sql --as {name}",
                token.start,
            )
        found = _placeholder(tokens, index)
        if found is not None:
            written, name = found
            value = name if name in variables else name if name and not name.isdigit() else "name"
            return bound.problem(
                f"{shown(written)} is a placeholder of other libraries; here a value is Python in braces",
                f"Try {{{value}}} in its place, without quotes",
                token.start,
            )
    return None


def _placeholder(tokens: tuple[Token, ...], index: int) -> tuple[str, str] | None:
    """Return the placeholder at this token, as it is written, and the name in it; None if there is none."""
    token = tokens[index]
    before = tokens[index - 1] if index else None
    if before is None or not leads_to_a_value(before) or (before.text == ":" and before.end == token.start):
        return None
    if token.text == "?":
        return "?", ""
    if token.kind == "word" and token.text.startswith("@"):
        return token.text, token.text.lstrip("@")
    after = [each.text for each in _adjacent(tokens, index)]
    if token.text in (":", "$", "&") and after and re.fullmatch(r"\w+", after[0]):
        return token.text + after[0], after[0]
    if token.text in ("$", "#") and after and after[0].startswith("{"):
        return token.text + after[0], after[0].strip("{} ")
    if token.text == "%" and after[:1] == ["s"]:
        return "%s", ""
    if token.text == "%" and len(after) >= 4 and after[0] == "(" and after[2] == ")" and after[3] in ("s", "d", "f"):
        return "%" + "".join(after[:4]), after[1]
    return None


def _adjacent(tokens: tuple[Token, ...], index: int) -> Iterator[Token]:
    """Yield the tokens after one, as long as nothing is between them."""
    for here, following in zip(tokens[index:], tokens[index + 1 :], strict=False):
        if following.start != here.end:
            return
        yield following


# -- what is a text, and was perhaps not meant to be one --------------------------------------------------------------


def quoted_values(tokens: tuple[Token, ...], variables: Mapping[str, Any]) -> list[str]:
    """Return notes on strings that look like values of the notebook: Daft takes them as they are written."""
    notes: list[str] = []
    for token in tokens:
        if token.kind != "string":
            continue
        text = token.text[1:].removesuffix("'").replace("''", "'")
        for braces in _braces(text, variables):
            note = f"{braces} inside quotes is text; without the quotes it is the value"
            if braces != text and braces.strip("{} ") != text.strip("{} "):
                note += f": {{f{_quote(text)}}}"
            notes.append(note)
        found = _QUOTED.fullmatch(text)
        name = next(filter(None, found.groups()), "") if found else ""
        if name in variables:
            notes.append(f"{shown(text)} is text; the value is {{{name}}}, without quotes")
    return list(dict.fromkeys(notes))


def _quote(text: str) -> str:
    return '"' + text + '"' if "'" in text or '"' not in text else "'" + text + "'"


def _braces(text: str, variables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a text in braces that are Python with one of these variables, as f-strings have them."""
    at = text.find("{")
    while at >= 0:
        end = next((end for end in _ends(text, at) if _names(text[at : end + 1]) & variables.keys()), None)
        if end is not None:
            yield text[at : end + 1]
        at = text.find("{", at + 1 if end is None else end + 1)


def _ends(text: str, at: int) -> Iterator[int]:
    """Yield the places after which as many braces are closed as were opened, the nearest first."""
    end = text.find("}", at)
    while end >= 0:
        if text.count("{", at, end) == text.count("}", at, end + 1):
            yield end
        end = text.find("}", end + 1)


def _names(braces: str) -> set[str]:
    """Return the variables that braces name; none where they hold no Python."""
    inner = braces[1:-1]
    conversion = _CONVERSION.fullmatch(inner)
    candidates = [inner, conversion["value"] if conversion else "", inner.rstrip().removesuffix("=")]
    candidates += [inner[: colon.start()] for colon in re.finditer(":", inner)]
    for each in candidates:
        try:
            tree = parse("{" + each + "}")
        except SyntaxError:
            continue
        return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return set()
