"""Names of Daft that are elsewhere, or missing, in one of its releases: under one name each.

:mod:`daftnb.engine.internals` has them in its table.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

# Read by Daft's own reaper, which retires idle workers between queries too: the one name by which a Daft that has it
# can be told (its ``daft-distributed``, ``scheduling/downscale.rs``). Nothing of it can be seen from Python.
REAPER_INTERVAL = "DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS"


def source_builder(frame: Any) -> Any:
    """Return the plan that a dataframe's rows come from: as it was written, also once it has run.

    Up to Daft 0.7.22 that is the dataframe's own plan. From 0.7.23 on a dataframe that has been written somewhere has
    a plan of what was written, and the other beside it.
    """
    return getattr(frame, "_source_builder", None) or frame._get_current_builder()


def has_reaper() -> bool:
    """Return True if this Daft retires idle workers by itself, during queries and between them."""
    import daft.daft

    return is_named_in(REAPER_INTERVAL, Path(str(daft.daft.__file__)))


def is_named_in(name: str, program: Path) -> bool:
    """Return True if a name is written in a compiled program; 150 MB take about 50 ms."""
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        return code.find(name.encode()) >= 0
