"""What Daft's SQL knows by name, where only its private parts can tell."""

from __future__ import annotations

from daftnb.engine import internals


def functions() -> list[str]:
    """The names of its functions; none where they cannot be had (then no spelling is suggested)."""
    if internals.SQL_HINTS in internals.missing("daft"):
        return []
    from daft.daft import list_sql_functions

    return [stub.name for stub in list_sql_functions()]


def is_panic(error: BaseException) -> bool:
    """Whether Daft's Rust side gave up: PyO3's exception for that is no Exception, and cannot be imported."""
    return type(error).__name__ == "PanicException"
