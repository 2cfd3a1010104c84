"""Reads values that a person typed as an engine written in Rust reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

_TRUE = ("1", "true", "on", "yes")
_FALSE = ("0", "false", "off", "no")


def parse_bool(text: str) -> bool:
    """Return what 1, true, on or yes means, or their opposites; ValueError with the reason for any other text."""
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("it is neither 1/true nor 0/false")


def parse_integer(text: str) -> int:
    """Return the whole number that ASCII digits mean; ValueError with the reason for any other text."""
    stripped = text.strip()
    # int() also takes "1_000" and other alphabets' digits; the engine does not.
    if not (stripped.isascii() and stripped.removeprefix("-").isdigit()):
        raise ValueError("it is not a whole number")
    return int(stripped)


def parse_number(text: str) -> float:
    """Return the finite number that a text means; ValueError with the reason for any other text."""
    stripped = text.strip()
    if not stripped.isascii() or "_" in stripped:
        raise ValueError("it is not a number")
    try:
        value = float(stripped)
    except ValueError:
        raise ValueError("it is not a number") from None
    if not math.isfinite(value):
        raise ValueError("it is not a finite number")
    return value


def parse_word(text: str, words: Sequence[str]) -> str:
    """Return the one of some words that a text means; ValueError with the reason for any other text."""
    lowered = text.strip().lower()
    if lowered in words:
        return lowered
    raise ValueError(f"it is none of {', '.join(words[:-1])} and {words[-1]}")
