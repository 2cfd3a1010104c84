"""Runs a dataframe that has not run, or runs it again: its first rows, or all of it."""

from __future__ import annotations

from typing import Any

from daftnb.engine import daftnames


def first_rows(frame: Any, count: int) -> Any:
    """Return the first rows of a dataframe, lazily, as ``show()`` gets them: few partitions are touched."""
    import daft

    return daft.DataFrame(frame._builder.limit(count, eager=True))


def uncollected(frame: Any) -> Any:
    """Return the same dataframe as it was before it ran, so that its result can be made again."""
    import daft

    return daft.DataFrame(daftnames.source_builder(frame))
