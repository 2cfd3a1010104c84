"""What went wrong, in words for a person at a page."""

from __future__ import annotations

from daftnb.errors import DaftnbError

LONGEST = 400  # characters


def is_tellable(error: BaseException) -> bool:
    """Whether an error is to be said, not raised: all but interrupts and the like. Rust's panics are no Exceptions."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def said(error: BaseException) -> str:
    """An error in one or two sentences."""
    if isinstance(error, DaftnbError):
        return f"{error.what} {error.remedy}".strip()
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
