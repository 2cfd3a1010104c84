"""Dates, times, timestamps, durations and intervals in a preview: how cells show, filter and summarise them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from daftnb.previews.kinds.kind import CellKind, Search
from daftnb.previews.ticks import Ticks
from daftnb.previews.typed import Unreadable, Value, cast_value, plain_value
from daftnb.previews.writing import duration_words, storage, temporal_texts

if TYPE_CHECKING:
    from daft import DataType

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?")
_DURATION = re.compile(r"(-)?(?:(\d{1,9}) ?d(?:ays?)? ?)?(?:(\d{1,6}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?")
_SECONDS = re.compile(r"([+-]?\d{1,18})(?:\.(\d{1,9}))? ?s?")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](.+?))?\s*(Z|[+-]\d{2}:?\d{2})?")


def _texts(array: Any, dtype: DataType, room: int) -> Any:
    return temporal_texts(storage(array))


class _Times(Ticks):
    has_mean = False

    def arrow(self, array: Any) -> Any:
        return array.view(_whole(array.type))

    def value(self, number: Any, type_: Any) -> Any:
        return temporal_texts(pa.array([int(number)], _whole(type_)).view(type_))[0].as_py()


def _whole(type_: Any) -> Any:
    """Return the type of whole numbers that a type of times is made of."""
    return pa.int32() if type_.bit_width == 32 else pa.int64()


class _Durations(_Times):
    def value(self, number: Any, type_: Any) -> Any:
        return duration_words(int(number), type_.unit)


# -- typed values -----------------------------------------------------------------------------------------------------


def _read_date(text: str, dtype: DataType) -> Value:
    value = date.fromisoformat(text)
    found = plain_value(value)
    return Value(found.expression, f"lit(datetime.date({value.year}, {value.month}, {value.day}))", found.sql)


def _read_time(text: str, dtype: DataType) -> Value:
    ticks = _clock(text, _PER_SECOND[str(dtype.timeunit)])
    return cast_value(ticks, str(ticks), dtype, f'DataType.time("{dtype.timeunit}")')


def _clock(text: str, per_second: int) -> int:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ValueError
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    time(hour, minute, second)  # raises ValueError where there is no such time
    return (hour * 3600 + minute * 60 + second) * per_second + _fraction(found[4], per_second)


def _fraction(digits: str | None, per_second: int) -> int:
    """Return the digits after the point as ticks. Raises Unreadable for digits below a tick."""
    ticks, rest = divmod(int((digits or "").ljust(9, "0")) * per_second, 10**9)
    if rest:
        raise Unreadable("this type has fewer digits after the point")
    return ticks


def _read_timestamp(text: str, dtype: DataType) -> Value:
    """Read ISO text. Without an offset, it is local to the column's zone, if it has one, as its cells are."""
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError
    unit, zone = str(dtype.timeunit), dtype.timezone
    day = date.fromisoformat(found[1])
    ticks = _clock(found[2], _PER_SECOND[unit]) if found[2] else 0
    start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    ticks += (start - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1) * _PER_SECOND[unit]
    if found[3] and zone is None:
        raise Unreadable("the times of this type have no zone")
    if found[3] and found[3] != "Z":
        hours, minutes = int(found[3][1:3]), int(found[3][-2:])
        offset = (hours * 3600 + minutes * 60) * (-1 if found[3][0] == "-" else 1)
        ticks -= offset * _PER_SECOND[unit]
    elif not found[3] and zone is not None:
        moment = datetime(1970, 1, 1) + timedelta(seconds=ticks // _PER_SECOND[unit])
        ticks -= _offset(moment, zone) * _PER_SECOND[unit]
    if not -(2**63) <= ticks < 2**63:
        raise Unreadable("this type does not reach that far")
    words = f'DataType.timestamp("{unit}")' if zone is None else f'DataType.timestamp("{unit}", {zone!r})'
    return cast_value(ticks, str(ticks), dtype, words)


def _offset(moment: datetime, zone: str) -> int:
    """Return how many seconds a zone's clocks are ahead of UTC, at a local time.

    Raises Unreadable for a zone that is not known here.
    """
    fixed = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", zone)
    if fixed:
        return (int(fixed[2]) * 3600 + int(fixed[3]) * 60) * (-1 if fixed[1] == "-" else 1)
    try:
        offset = moment.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        raise Unreadable(f"the zone {zone} is not known here, so add an offset such as +00:00") from None
    assert offset is not None
    return offset // timedelta(seconds=1)


def _read_duration(text: str, dtype: DataType) -> Value:
    """Read a duration as cells show it (``1 d 02:03:04.5``), or as seconds."""
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
        raise Unreadable("this type does not reach that far")
    return cast_value(ticks, str(ticks), dtype, f'DataType.duration("{unit}")')


# -- the kinds --------------------------------------------------------------------------------------------------------

DATE = CellKind(
    "date",
    ("is_date",),
    texts=_texts,
    is_ordered=True,
    read=_read_date,
    search=Search(letters=frozenset("0123456789-")),
    ticks=_Times(),
    aggregates=("distinct", "min", "max"),
)
TIME = CellKind(
    "time",
    ("is_time",),
    texts=_texts,
    is_ordered=True,
    read=_read_time,
    search=Search(letters=frozenset("0123456789:.")),
    ticks=_Times(),
    aggregates=("distinct", "min", "max"),
)
TIMESTAMP = CellKind(
    "timestamp",
    ("is_timestamp",),
    texts=_texts,
    is_ordered=True,
    read=_read_timestamp,
    search=Search(letters=frozenset("0123456789-:. +z")),
    ticks=_Times(),
    aggregates=("distinct", "min", "max"),
)
DURATION = CellKind(
    "duration",
    ("is_duration",),
    is_ordered=True,
    read=_read_duration,
    search=Search(letters=frozenset("0123456789-:. d")),
    ticks=_Durations(),
    aggregates=("distinct", "min", "max"),
)
INTERVAL = CellKind(
    "interval",
    ("is_interval",),
    search=Search(letters=frozenset("0123456789-:. monthsdays")),
    is_text_in_files=True,
)
KINDS = (DATE, TIME, TIMESTAMP, DURATION, INTERVAL)
