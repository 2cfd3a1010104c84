"""Numbers that the kernel and a live view's page go by; ``frontend/write_types.py`` writes them for the page."""

from __future__ import annotations

from typing import Final

#: Characters of a setting's value that a page may send.
LONGEST_SETTING: Final = 100
#: A cell has a line once a query of it takes so long; shorter ones are counted, not listed.
BRIEF_SECONDS: Final = 0.3
#: Charts begin so long before their query.
LEAD_SECONDS: Final = 1.0
#: Charts end so long after their query: what the engine then lets go of belongs to it.
TAIL_SECONDS: Final = 3.0
