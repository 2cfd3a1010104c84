"""What is left out where a text or a list is long."""

from __future__ import annotations

from daftnb.text.shorten import first_lines, listed, shortened, without_middle


def test_what_fits_is_as_it_was_and_what_does_not_says_so() -> None:
    assert [shortened(text, 4) for text in ("", "abcd", "abcde")] == ["", "abcd", "abc…"]
    assert [without_middle(text, 4) for text in ("abcd", "abcde")] == ["abcd", "ab … de"]
    assert [first_lines(lines, 2) for lines in ([], ["a", "b"], ["a", "b", "c"])] == [[], ["a", "b"], ["a", "b", "…"]]
    assert [listed(names, 2) for names in ([], ["a", "b"], ["a", "b", "c"])] == ["", "a, b", "a, b…"]
