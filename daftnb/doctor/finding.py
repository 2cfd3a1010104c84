"""One line of what ``doctor`` has found, and how a check that fails becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from daftnb.text.reasons import reason_of
from daftnb.text.redaction import redact
from daftnb.text.shorten import shortened

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

    def __post_init__(self) -> None:
        """Take secrets out, because findings are printed, shown, and sent to others as JSON."""
        for name in ("name", "detail", "remedy"):
            object.__setattr__(self, name, redact(getattr(self, name)))


def guarded(part: str, name: str, check: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    """Return the findings of a check; a check that raises becomes a finding of its own."""
    try:
        found = check()
        return [found] if isinstance(found, Finding) else list(found)
    except Exception as error:
        said = shortened(" ".join(reason_of(error).text.split()), 300)
        return [Finding(part, name, "problem", f"this could not be checked: {said}", "Check it by hand.")]
