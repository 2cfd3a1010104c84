"""What stands out in a plan, by the same numbers in text and on a page; ``frontend/write_types.py`` writes them."""

from __future__ import annotations

from typing import Final

#: A task stands out that took so many times the median ...
SKEW_TIMES: Final = 2
#: ... and so many seconds more.
SKEW_SECONDS: Final = 0.5
