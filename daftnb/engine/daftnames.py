"""Names of Daft that are elsewhere, or missing, in one of its releases: under one name each.

:mod:`daftnb.engine.internals` has them in its table.
"""

from __future__ import annotations

from typing import Any


def source_builder(frame: Any) -> Any:
    """Return the plan that a dataframe's rows come from: as it was written, also once it has run.

    Up to Daft 0.7.22 that is the dataframe's own plan. From 0.7.23 on a dataframe that has been written somewhere has
    a plan of what was written, and the other beside it.
    """
    return getattr(frame, "_source_builder", None) or frame._get_current_builder()
