"""Measures how wide a text is in a terminal, and in an error with a caret."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """Return how many columns a text of one line takes."""
    return sum(map(_columns, text))


def cut(text: str, most: int) -> str:
    """Return the text, or as much of its beginning as ``most`` columns hold, with three dots after it."""
    if columns(text) <= most:
        return text
    dots = "..."[: max(0, most)]
    kept, room = "", most - len(dots)
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept + dots


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
