"""Turns a text that a person typed into a literal for Daft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daftnb.sql.literals import Refused, literal

if TYPE_CHECKING:
    from daft import DataType, Expression


@dataclass(frozen=True, slots=True)
class Value:
    """A literal in three forms that mean the same; ``sql`` is None where SQL has none that does."""

    expression: Expression
    python: str
    sql: str | None


class Unreadable(Exception):
    """Why a text is no value of a type."""


def plain_value(value: Any) -> Value:
    """Return a Python value as the literal that Daft makes of it."""
    from daft import lit

    try:
        sql = literal(value)
    except Refused:
        sql = None
    return Value(lit(value), f"lit({value!r})", sql)


def cast_value(value: Any, python: str, dtype: DataType, words: str, sql: str | None = None) -> Value:
    """Return a literal cast to a type, where Daft's own literal of the value would have another."""
    from daft import lit

    return Value(lit(value).cast(dtype), f"lit({python}).cast({words})", sql)
