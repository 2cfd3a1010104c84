"""What a page shows, as text with single spaces."""

from __future__ import annotations

import re
from typing import Any


def text(found: Any) -> str:
    """The visible text of an element."""
    return _single(found.inner_text())


def texts(page: Any, selector: str) -> list[str]:
    """The visible texts of all elements that a selector finds."""
    return [_single(found) for found in page.locator(selector).all_inner_texts()]


def _single(found: str) -> str:
    return re.sub(r"\s+", " ", found).strip()
