"""The text of a filter's value as a value of a column's type: exact, or refused in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from daftnb.errors import DaftnbError
from daftnb.previews.kinds import type_words
from daftnb.previews.table import Column
from daftnb.sql.literals import Refused, literal

if TYPE_CHECKING:
    from daft import DataType, Expression

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?")
_DURATION = re.compile(r"(-)?(?:(\d{1,9}) ?d(?:ays?)? ?)?(?:(\d{1,6}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?")
_SECONDS = re.compile(r"([+-]?\d{1,18})(?:\.(\d{1,9}))? ?s?")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](.+?))?\s*(Z|[+-]\d{2}:?\d{2})?")


@dataclass(frozen=True, slots=True)
class Value:
    """A literal in three forms that mean the same; ``sql`` is None where SQL has none that does."""

    expression: Expression
    python: str
    sql: str | None


class Unreadable(Exception):
    """Why a text is no value of a type."""


def read(text: str, column: Column) -> Value:
    """The value that ``text`` is for a column. Raises DaftnbError, which names the value and the type."""
    dtype = column.dtype
    assert dtype is not None
    reader = _READERS.get(column.kind)
    shown = repr(text if len(text) <= 60 else text[:59] + "…")
    if reader is None:
        raise DaftnbError(f"A column of type {type_words(dtype)} cannot be compared with {shown}.", "Filter by null.")
    try:
        return reader(text if column.kind == "string" else text.strip(), dtype)
    except (Unreadable, ValueError, OverflowError, InvalidOperation) as error:
        why = f": {error}" if isinstance(error, Unreadable) else ""
        raise DaftnbError(
            f"{shown} is no value of type {type_words(dtype)}{why}.", "Write it as the cells have it."
        ) from None


def _plain(value: Any) -> Value:
    """A Python value that Daft takes as a literal of its own."""
    from daft import lit

    try:
        sql = literal(value)
    except Refused:
        sql = None
    return Value(lit(value), f"lit({value!r})", sql)


def _cast(value: Any, python: str, dtype: DataType, words: str, sql: str | None = None) -> Value:
    """A literal as a type: where Daft's own literal of the value would be another."""
    from daft import lit

    return Value(lit(value).cast(dtype), f"lit({python}).cast({words})", sql)


def _integer(text: str, dtype: DataType) -> Value:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    number = int(text)
    if dtype.is_uint64():
        if not 0 <= number < 2**64:
            raise Unreadable("it holds 0 to 18446744073709551615")
        # Daft would compare it with a small literal as floats.
        return _cast(number, str(number), dtype, "DataType.uint64()")
    if not -(2**63) <= number < 2**63:
        raise Unreadable("64 bits do not hold it")
    return _plain(number)


def _float(text: str, dtype: DataType) -> Value:
    if "_" in text:
        raise ValueError
    number = float(text)
    plain = _plain(number)
    return plain if number == number and abs(number) != float("inf") else Value(
        plain.expression, f'lit(float("{number}"))', plain.sql
    )  # fmt: skip


def _decimal(text: str, dtype: DataType) -> Value:
    number = Decimal(text)
    if not number.is_finite() or "_" in text:
        raise ValueError
    precision, scale = dtype.precision, dtype.scale
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if -exponent > scale and any(digits[len(digits) + exponent + scale :]):
        raise Unreadable(f"it has {scale} digits after the point")
    if number.adjusted() + 1 > precision - scale:
        raise Unreadable(f"it has {precision - scale} digits before the point")
    exact = format(number.quantize(Decimal(1).scaleb(-scale)) if scale else number.to_integral_value(), "f")
    type_ = f"DataType.decimal128({precision}, {scale})"
    value = Decimal(exact)
    return _cast(value, repr(value), dtype, type_, f"cast('{exact}' as decimal({precision}, {scale}))")


def _boolean(text: str, dtype: DataType) -> Value:
    found = {"true": True, "false": False}.get(text.lower())
    if found is None:
        raise Unreadable("it is true or false")
    return _plain(found)


def _date(text: str, dtype: DataType) -> Value:
    value = date.fromisoformat(text)
    found = _plain(value)
    return Value(found.expression, f"lit(datetime.date({value.year}, {value.month}, {value.day}))", found.sql)


def _clock(text: str, per_second: int) -> int:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ValueError
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    time(hour, minute, second)  # raises ValueError where there is no such time
    return (hour * 3600 + minute * 60 + second) * per_second + _fraction(found[4], per_second)


def _fraction(digits: str | None, per_second: int) -> int:
    """Digits after the point as so many ticks."""
    ticks, rest = divmod(int((digits or "").ljust(9, "0")) * per_second, 10**9)
    if rest:
        raise Unreadable("it has fewer digits after the point")
    return ticks


def _time(text: str, dtype: DataType) -> Value:
    ticks = _clock(text, _PER_SECOND[str(dtype.timeunit)])
    return _cast(ticks, str(ticks), dtype, f'DataType.time("{dtype.timeunit}")')


def _timestamp(text: str, dtype: DataType) -> Value:
    """ISO text; without an offset, it is local to the column's zone, if it has one, as its cells are."""
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError
    unit, zone = str(dtype.timeunit), dtype.timezone
    day = date.fromisoformat(found[1])
    ticks = _clock(found[2], _PER_SECOND[unit]) if found[2] else 0
    start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    ticks += (start - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1) * _PER_SECOND[unit]
    if found[3] and zone is None:
        raise Unreadable("its times have no zone")
    if found[3] and found[3] != "Z":
        hours, minutes = int(found[3][1:3]), int(found[3][-2:])
        offset = (hours * 3600 + minutes * 60) * (-1 if found[3][0] == "-" else 1)
        ticks -= offset * _PER_SECOND[unit]
    elif not found[3] and zone is not None:
        moment = datetime(1970, 1, 1) + timedelta(seconds=ticks // _PER_SECOND[unit])
        ticks -= _offset(moment, zone) * _PER_SECOND[unit]
    if not -(2**63) <= ticks < 2**63:
        raise Unreadable("it does not reach that far")
    words = f'DataType.timestamp("{unit}")' if zone is None else f'DataType.timestamp("{unit}", {zone!r})'
    return _cast(ticks, str(ticks), dtype, words)


def _offset(moment: datetime, zone: str) -> int:
    """Seconds that a zone's clocks are ahead of UTC, at a local time."""
    fixed = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", zone)
    if fixed:
        return (int(fixed[2]) * 3600 + int(fixed[3]) * 60) * (-1 if fixed[1] == "-" else 1)
    try:
        offset = moment.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        raise Unreadable(f"the zone {zone} is not known here, so add an offset such as +00:00") from None
    assert offset is not None
    return offset // timedelta(seconds=1)


def _duration(text: str, dtype: DataType) -> Value:
    """As cells have it (``1 d 02:03:04.5``), or seconds."""
    unit = str(dtype.timeunit)
    per_second = _PER_SECOND[unit]
    seconds = _SECONDS.fullmatch(text)
    if seconds:
        fraction = _fraction(seconds[2], per_second)
        ticks = int(seconds[1]) * per_second + (-fraction if text.startswith("-") else fraction)
    else:
        found = _DURATION.fullmatch(text)
        if not text or not found or text == "-":
            raise ValueError
        days, hours, minutes, rest = (int(part or 0) for part in found.groups()[1:5])
        ticks = (days * 86_400 + hours * 3600 + minutes * 60 + rest) * per_second + _fraction(found[6], per_second)
        ticks = -ticks if found[1] else ticks
    if not -(2**63) <= ticks < 2**63:
        raise Unreadable("it does not reach that far")
    return _cast(ticks, str(ticks), dtype, f'DataType.duration("{unit}")')


_READERS = {
    "integer": _integer,
    "float": _float,
    "decimal": _decimal,
    "boolean": _boolean,
    "string": lambda text, dtype: _plain(text),
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "duration": _duration,
}
