"""Cleans text that others wrote: removes terminal escapes and control characters, and bounds it.

Everything here is pure. What is secret in a text is taken out by :mod:`daftnb.text.redaction`.
"""

from __future__ import annotations

import re
import unicodedata

from daftnb.text.shorten import shortened

NAME = 200  # characters of a name or a label, whoever gave it
MARKS = 4  # combining marks that may follow one another; more would run over the lines above and below
BREAK = "⏎"  # a line break where there is one line only

# ECMA-48: CSI sequences, OSC and other strings up to their end, two-character escapes; the same with 8-bit C1 codes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,100}[ -/]{0,10}[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]{0,10}[0-~]?"
)
_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def without_escapes(text: str) -> str:
    """Return the text without the sequences that a terminal obeys."""
    return _ESCAPES.sub("", text) if any(c in text for c in "\x1b\x9b\x9d\x90\x98\x9e\x9f") else text


def visible(text: str) -> str:
    """Return the text with only characters that can be seen; U+FFFD stands for every other one.

    Others are control characters, lone surrogates, and what is invisible or changes the direction of what follows.
    Of many combining marks in a row the first few are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    found = []
    marks = 0
    for c in text:
        marks = marks + 1 if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me") else 0
        if marks <= MARKS:
            found.append(c if c.isprintable() or c == " " else "�")
    return "".join(found)


def lines(text: str) -> list[str]:
    """Return the lines of a text, each fit to be shown; a tab is four spaces."""
    return [visible(line.replace("\t", "    ")) for line in _BREAKS.split(without_escapes(text))]


def one_line(text: str, longest: int | None = None) -> str:
    """Return the text in one line: line breaks as a sign, lines that are empty left out; cut where it is too long."""
    if longest is not None:
        text = text[: 4 * longest + 4_000]  # what is cut off need not be looked at
    text = f" {BREAK} ".join(line for each in lines(text) if (line := each.strip())) if not _fits(text) else text
    return text if longest is None else shortened(text, longest)


def _fits(text: str) -> bool:
    return text.isascii() and text.isprintable()
