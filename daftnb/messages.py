"""Checks values that a page sends. Each view has a closed grammar of its own.

A value of another type is never turned into the right one: true and false are no numbers.
"""

from __future__ import annotations

from typing import TypeGuard

LARGEST = 2**53 - 1  # a page's numbers are exact up to there


def is_integer(value: object, least: int = 0, most: int = LARGEST) -> TypeGuard[int]:
    """Return True for a whole number in the range."""
    return type(value) is int and least <= value <= most


def is_number(value: object, least: float, most: float) -> TypeGuard[float]:
    """Return True for a number in the range, which not-a-number is not."""
    return type(value) in (int, float) and least <= value <= most  # type: ignore[operator]  # a number by its type


def is_text(value: object, longest: int) -> TypeGuard[str]:
    """Return True for a text of at most so many characters.

    Half of a surrogate pair is none: JSON can bring it, and no column holds it.
    """
    return type(value) is str and len(value) <= longest and not any("\ud800" <= c <= "\udfff" for c in value)
