"""Cuts texts and lists to a length, with "…" for what is left out."""

from __future__ import annotations

from collections.abc import Sequence


def shortened(text: str, longest: int) -> str:
    """Return the text, with "…" as its last character where it is longer than ``longest``."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def without_middle(text: str, longest: int) -> str:
    """Return the text; where it is longer, both of its ends, together as long as ``longest``, with "…" between them."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} … {text[-half:]}"


def first_lines(lines: Sequence[str], most: int) -> list[str]:
    """Return the lines; where there are more, the first ones, and "…" as one more."""
    return list(lines) if len(lines) <= most else [*lines[:most], "…"]


def listed(names: Sequence[str], most: int) -> str:
    """Return names with commas between them; where there are more, the first ones, and "…" after them."""
    return ", ".join(names[:most]) + ("…" if len(names) > most else "")
