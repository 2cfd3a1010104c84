"""Shows what a person typed in an error, and finds the spelling that was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from daftnb.text.shorten import shortened

LONGEST_SHOWN = 40  # characters of what was typed, in an error


def shown(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Return what was typed, in quotes, cut to a readable length."""
    return repr(shortened(text, longest))


def nearest(text: str, valid: Iterable[str]) -> str | None:
    """Return the valid spelling that is most like ``text``; None where none is."""
    near = get_close_matches(text.lower(), list(valid), n=1, cutoff=0.5)
    return near[0] if near else None
