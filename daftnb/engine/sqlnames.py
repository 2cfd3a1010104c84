"""Lists the names that Daft's SQL knows, from Daft's private parts."""

from __future__ import annotations

from daftnb.engine import internals


def functions() -> list[str]:
    """Return the names of SQL's functions; none where they cannot be had (then no spelling is suggested)."""
    if internals.SQL_HINTS in internals.missing("daft"):
        return []
    from daft.daft import list_sql_functions

    return [stub.name for stub in list_sql_functions()]
