"""Tells a call that Daft makes again after an exception (``max_retries``) from the call of the next rows.

Daft does not say which it is. It waits 75 ms at least before it tries again, and then gives the same rows: the same
objects, or, of a batch, columns with the same memory.
"""

from __future__ import annotations

from typing import Any

from daftnb.engine.meter.columns import columns_in
from daftnb.engine.meter.tally import LEAST_WAIT, Tally, ns

LONGEST_WAIT = 80_000_000_000  # nanoseconds; Daft waits 60 s and a quarter more at most (MAX_DELAY_MS)
MOST_FAILURES = 8  # of a thread, that may be tried again
PLAIN = (int, float, str, bytes, bool, type(None))


def arguments_of(kind: str, names: dict[str, Any]) -> Any:
    """Return what a call was given, from the variables of the function of Daft's that makes it."""
    if kind.endswith("batch"):
        return [_place_of(series) for series in columns_in(names["args"], names["kwargs"])]
    return [(names["args"], names["kwargs"])]


def note_failure(tally: Tally, given: Any) -> None:
    """Note that a call failed, which may be tried again."""
    tally.failures.append((ns(), given))
    del tally.failures[:-MOST_FAILURES]


def _place_of(series: Any) -> tuple[Any, ...]:
    """Return where a column is in memory, as far as that can be said."""
    place: tuple[Any, ...] = (series.name(), len(series))
    if series.datatype().is_python():
        return place
    return (*place, tuple(buffer.address for buffer in series.to_arrow().buffers() if buffer is not None))


def is_retry(tally: Tally, given: Any) -> bool:
    """Return True if a call was made before with what it is given, and failed; count that."""
    now = ns()
    for failure in tally.failures:
        failed_at, before = failure
        if now - failed_at >= LEAST_WAIT and _same(before, given):
            tally.failures.remove(failure)
            tally.retries += len(given) if tally.function.kind == "async" else 1
            tally.waited += now - failed_at
            return True
    if tally.function.kind.startswith("async"):
        tally.failures[:] = [failure for failure in tally.failures if now - failure[0] < LONGEST_WAIT]
    else:
        tally.failures.clear()  # a thread tries again before it goes on
    return False


def _same(before: Any, given: Any) -> bool:
    if type(before) is not type(given):
        return False
    if isinstance(before, list | tuple):
        return len(before) == len(given) and all(map(_same, before, given))
    if isinstance(before, dict):
        return before.keys() == given.keys() and all(_same(before[name], given[name]) for name in before)
    return before is given or (type(before) in PLAIN and bool(before == given))
