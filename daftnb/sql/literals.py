"""Writes Python values as SQL literals: a closed set of types, each of which Daft reads back as the same value.

Daft's SQL has no parameters (``sqlparser``'s placeholders are refused in ``daft-sql/src/planner.rs``, value_to_lit), so
a value travels as a literal of the text. Of a string only the quote has a meaning in there, and is doubled; everything
else is written from checked parts: digits, ISO dates, hexadecimal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

TYPES = "int, float, bool, None, str, bytes, date, datetime, time, Decimal, and a list or tuple of these after IN"
SMALLEST, LARGEST = -(2**63), 2**63 - 1  # Daft's integers in SQL
DIGITS = 38  # of its decimals


class Refused(ValueError):
    """A value that is not written: why, and what to do instead."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


def literal(value: object) -> str:
    """Return the SQL literal whose value is ``value``.

    Raises Refused for every type that is not in TYPES, and for a value that Daft's SQL cannot hold exactly.
    """
    value = _plain(value)
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    raise _refusal(value)


def list_literal(values: object) -> str:
    """Return ``(…, …)``, for IN. Raises Refused for what is no list or tuple, an empty one, and one inside one."""
    if not isinstance(values, list | tuple):
        raise Refused(
            f"is of type {type_name(values)}, where IN wants a list or a tuple", "Try {list(…)}, or ({…}) for one value"
        )
    if not values:
        raise Refused("is empty, and IN () is not SQL", "Leave out the condition if there is nothing to look for")
    return "(" + ", ".join(literal(value) for value in values) + ")"


def type_name(value: object) -> str:
    """Return a type's name with its package, as people know it: ``pandas DataFrame``, ``set``."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__name__ if package in ("builtins", "__main__") else f"{package} {kind.__name__}"


def _plain(value: object) -> object:
    """Return a scalar of NumPy as Python's own, where that is the same value; all else as it is."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.bool_ | numpy.integer | numpy.floating):
        return value.item()
    return value


def _refusal(value: object) -> Refused:
    name = type_name(value)
    if isinstance(value, list | tuple):
        return Refused("is a list, which can be a value after IN only", "Try … IN {…}, or [{…}, {…}] for a list")
    if name == "daft DataFrame":
        return Refused("is a dataframe, not a value", "Name it without braces: FROM name")
    return Refused(f"is of type {name}, which cannot be a SQL value", f"A value may be {TYPES}")


def _number(text: str) -> str:
    # The minus after a minus would begin a comment.
    return f"({text})" if text.startswith("-") else text


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _int(value: int) -> str:
    whole = int.__int__(value)
    if not SMALLEST <= whole <= LARGEST:
        raise Refused(f"is {_short(whole)}, which does not fit into 64 bits", "Try {Decimal(…)} or {float(…)}")
    # Daft reads the digits before it sees the minus: those of the smallest would become a float.
    return f"(-{LARGEST} - 1)" if whole == SMALLEST else _number(int.__repr__(whole))


def _float(value: float) -> str:
    text = float.__repr__(float.__float__(value))
    return f"cast('{text}' as double)" if text in ("nan", "inf", "-inf") else _number(text)


def _str(value: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("has half of a surrogate pair, which UTF-8 text cannot have", "Clean the text first") from None
    return "'" + text.replace("'", "''") + "'"


def _bytes(value: bytes) -> str:
    return f"decode(cast('{bytes.hex(value)}' as binary), 'hex')"


def _datetime(value: datetime) -> str:
    if value != value:  # pandas' NaT is a datetime, too
        raise Refused("is not a time (NaT)", "Try {None}, or IS NULL")
    if getattr(value, "nanosecond", 0):  # pandas' Timestamp
        raise Refused("has nanoseconds, which SQL would lose", "Try {….floor('us')}")
    aware = value.utcoffset() is not None
    try:
        moment = value.astimezone(timezone.utc) if aware else value
    except OverflowError:
        raise Refused("is outside the years 1 to 9999 in UTC", "Try a later or an earlier one") from None
    # From the parts: a subclass may show itself in any way.
    text = _date_text(moment) + " " + _time_text(moment)
    naive = f"cast('{text}' as timestamp)"
    return f"replace_time_zone({naive}, 'UTC')" if aware else naive


def _date(value: date) -> str:
    return f"cast('{_date_text(value)}' as date)"


def _time(value: time) -> str:
    if value.tzinfo is not None:
        raise Refused("is a time of day with a time zone, which Daft has no type for", "Try {….replace(tzinfo=None)}")
    return f"cast('{_time_text(value)}' as time)"


def _date_text(value: date) -> str:
    return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"


def _time_text(value: datetime | time) -> str:
    return f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}.{value.microsecond:06d}"


def _decimal(value: Decimal) -> str:
    sign, digits, exponent = Decimal.as_tuple(value)
    if not isinstance(exponent, int):
        raise Refused("is a Decimal that is not a number", "Try {float('nan')}")
    scale = max(0, -exponent)
    # Zeros before the point of 0.001 count too, as the type's precision is at least its scale.
    precision = max(1, scale, len(digits) + max(0, exponent))
    if precision > DIGITS:
        raise Refused(f"has {precision} digits, and Daft's decimals have at most {DIGITS}", "Try {round(…, 6)}")
    figures = "".join(map(str, digits)) + "0" * max(0, exponent)
    figures = figures.rjust(scale + 1, "0")
    whole, fraction = figures[: len(figures) - scale], figures[len(figures) - scale :]
    return f"cast('{'-' * sign}{whole}{'.' * bool(fraction)}{fraction}' as decimal({precision}, {scale}))"


def _short(number: int) -> str:
    return f"{number:.6e}" if abs(number) < 10**300 else f"of {number.bit_length()} bits"


# In this order: a bool is an int, a datetime a date.
_WRITERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (type(None), lambda value: "NULL"),
    (bool, _bool),
    (int, _int),
    (float, _float),
    (str, _str),
    (bytes, _bytes),
    (datetime, _datetime),
    (date, _date),
    (time, _time),
    (Decimal, _decimal),
)
