"""Whether a value of a page's message is what its request holds there."""

from __future__ import annotations

import math

from daftnb.messages import LARGEST, is_integer, is_number, is_text


def test_whole_numbers() -> None:
    assert [value for value in (0, 1, LARGEST) if not is_integer(value)] == []
    assert [value for value in (-1, LARGEST + 1, 10**400, True, 1.0, "1", None, [1]) if is_integer(value)] == []
    assert is_integer(5, 5, 5) and not is_integer(4, 5, 5) and not is_integer(6, 5, 5)


def test_numbers() -> None:
    assert [value for value in (-1, 0.5, 1) if not is_number(value, -1, 1)] == []
    assert [value for value in (-1.1, 2, math.nan, math.inf, 10**400, True, "0") if is_number(value, -1, 1)] == []


def test_texts() -> None:
    assert [value for value in ("", "ab", "𝒳𝒳") if not is_text(value, 2)] == []
    assert [value for value in ("abc", "\ud800", "\udfff", b"a", None) if is_text(value, 2)] == []
