"""One line of what ``doctor`` has found, and how a check that fails becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

Rank = Literal["ok", "warning", "problem"]
GLYPHS: dict[Rank, str] = {"ok": "✓", "warning": "⚠", "problem": "✕"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at (``part``, ``name``), how it is, and what to do about it ("" where it is ok).

    ``warning``: it works, but less well or less safely than it could; ``problem``: something does not work.
    """

    part: str
    name: str
    rank: Rank
    detail: str
    remedy: str = ""


def guarded(part: str, name: str, check: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    """What a check finds; where it fails, that is what was found."""
    try:
        found = check()
        return [found] if isinstance(found, Finding) else list(found)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return [Finding(part, name, "problem", f"this could not be looked at: {said}", "Look at it by hand.")]
