"""Chromium for a benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.figures import Missing
from tests.helpers.servers import browsing, chromium_path


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; raises Missing where there is none."""
    if chromium_path() is None:
        raise Missing("no Chromium on this machine")
    with browsing() as browser:
        yield browser
