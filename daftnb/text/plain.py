"""Prints text where not every character is available: terminals and pipes of ASCII or a code page.

A sign that the encoding lacks becomes one that is like it, or a question mark; printing never fails for that.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HANDLER = "daftnb.text.plain"  # the name of how it is encoded, for ``errors=``
_ALIKE = {
    "…": "...", "÷": "/", "·": "-", "•": "*", "–": "-", "—": "-", "−": "-", "→": "->", "←": "<-", "▲": "^", "▼": "v",
    "×": "x", "µ": "u", "μ": "u", "≥": ">=", "≤": "<=", "≈": "~", "“": '"', "”": '"', "‘": "'", "’": "'",
    "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ",
}  # fmt: skip
_STRICT = ("strict", "surrogateescape")


def _encoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_alike, error.object[error.start : error.end])), error.end


def _alike(sign: str) -> str:
    if sign in _ALIKE:
        return _ALIKE[sign]
    if 0x2500 <= ord(sign) <= 0x257F:  # the lines of a table
        name = unicodedata.name(sign)
        return "+" if " AND " in name else "-" if name.endswith("HORIZONTAL") else "|"
    return "?"


codecs.register_error(HANDLER, _encoded)


def printable(text: str) -> str:
    """Return a text with only what standard output can write."""
    encoding = getattr(sys.stdout, "encoding", None)
    if not isinstance(encoding, str):
        return text
    try:
        return text.encode(encoding, HANDLER).decode(encoding)
    except (LookupError, UnicodeError):  # an encoding that nobody knows, or that even lacks ASCII
        return text


def say(text: str) -> None:
    """Print a line at once, with what standard output can write."""
    print(printable(text), flush=True)


@contextmanager
def plainly() -> Iterator[None]:
    """Let standard output write everything within the context, if need be by signs that are like it."""
    stream: Any = sys.stdout
    errors = getattr(stream, "errors", None)
    if not hasattr(stream, "reconfigure") or errors not in _STRICT:
        yield
        return
    stream.reconfigure(errors=HANDLER)
    try:
        yield
    finally:
        if not stream.closed:
            stream.reconfigure(errors=errors)
