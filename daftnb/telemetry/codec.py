"""Converts events to rows and back: plain values in columns, the rest of an event as one JSON object.

A row is read as if by a stranger: each value's type and range is checked against the event's own annotations, and
nothing in it is ever executed. ValueError says what is wrong; :mod:`daftnb.telemetry.recordfile` names the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from daftnb.settings import SETTINGS
from daftnb.telemetry import events as e
from daftnb.telemetry.scalingevents import Threshold
from daftnb.telemetry.tidy import tidy
from daftnb.text.spelling import shown

# An event's field, and the column it is in; every other field is in the column ``body``.
COLUMN_OF = {
    "t": "t",
    "query_id": "query",
    "operator_id": "operator",
    "last_id": "operator",
    "worker_id": "worker",
    "task_id": "task",
    "started": "started",
    "outcome": "outcome",
}
COLUMNS = ("t", "came", "event", "query", "operator", "worker", "task", "started", "outcome", "body")
KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(e.Event)}
LATEST = 2.5e11  # seconds since the epoch, in the year 9892: what a calendar can show
LARGEST = 2**63
MAX_BODY = 2**24  # bytes of an event's JSON

Columns = dict[str, list[Any]]
Reader = Callable[[Any], Any]


class NewerError(ValueError):
    """A recording holds what this version of daftnb does not know."""


# -- events → rows ----------------------------------------------------------------------------------------------------


def checked(events: Sequence[e.Event], moments: Sequence[float]) -> tuple[Columns, list[e.Event], list[float], int]:
    """Return the events as columns, the events and moments read back from those, and how many events were left out.

    An event that could not be read again (a number that is not finite or not of its type) must not spoil the others.
    """
    try:
        columns = to_columns(events, moments)
        if all(body is None or len(body) <= MAX_BODY // 4 for body in columns["body"]):
            return columns, *from_columns(columns), 0
        raise ValueError("one is too long")
    except _UNREADABLE:
        good = [pair for pair in zip(events, moments, strict=True) if _readable(*pair)]
    columns = to_columns([event for event, _ in good], [moment for _, moment in good])
    return columns, *from_columns(columns), len(events) - len(good)


_UNREADABLE = (ValueError, TypeError)


def _readable(event: e.Event, moment: float) -> bool:
    try:
        columns = to_columns([event], [moment])
        if len((columns["body"][0] or "").encode()) > MAX_BODY:
            return False
        from_columns(columns)
    except _UNREADABLE:
        return False
    return True


def to_columns(events: Iterable[e.Event], moments: Iterable[float]) -> Columns:
    """Return the events as columns of equal length.

    ``moments``: when each came; the column has only those that are not the event's own time. Raises ValueError or
    TypeError if an event holds a value that it cannot hold.
    """
    columns: Columns = {name: [] for name in COLUMNS}
    put = [columns[name].append for name in COLUMNS]
    for event, moment in zip(events, moments, strict=True):
        kind: Any = type(event)
        in_columns, in_body = _writers(kind)
        row: list[Any] = [None] * len(COLUMNS)
        row[1] = None if moment == event.t else moment
        row[2] = kind.__name__
        for name, column in in_columns:
            row[column] = getattr(event, name)
        body = {name: value for name, default in in_body if (value := getattr(event, name)) != default}
        if body:
            row[-1] = json.dumps(body, default=_plain, separators=(",", ":"), allow_nan=False)
        for append, value in zip(put, row, strict=True):
            append(value)
    return columns


@cache
def _writers(kind: Any) -> tuple[list[tuple[str, int]], list[tuple[str, Any]]]:
    in_columns = [(f.name, COLUMNS.index(COLUMN_OF[f.name])) for f in fields(kind) if f.name in COLUMN_OF]
    in_body = [(f.name, f.default) for f in fields(kind) if f.name not in COLUMN_OF]
    return in_columns, in_body


def _plain(value: Any) -> dict[str, Any]:
    """Return one of our facts inside an event as an object, without the fields that are at their default."""
    return {f.name: part for f in fields(value) if (part := getattr(value, f.name)) != f.default}


# -- rows → events ----------------------------------------------------------------------------------------------------


def from_columns(columns: Columns) -> tuple[list[e.Event], list[float]]:
    """Return the events of such columns, and when each came.

    Raises ValueError if anything is not as :func:`to_columns` writes it.
    """
    bodies = _bodies(columns["body"])
    inputs = [bodies if name == "body" else columns[name] for name in COLUMNS]
    events: list[e.Event] = []
    for row in zip(*inputs, strict=True):
        kind = KINDS.get(row[2])
        if kind is None:
            raise NewerError(f"it holds events of the kind {shown(str(row[2]))}")
        make, known, used = _readers(kind)
        body = row[-1]
        if body.keys() - known:
            raise NewerError(f"{kind.__name__} has {shown(min(body.keys() - known))}")
        for other in _PLACES - used:
            if row[other] is not None:
                raise ValueError(f"a {kind.__name__} has no {COLUMNS[other]}")
        values = []
        for name, place, default, read in make:
            value = row[place] if place is not None else body.get(name, default)
            if value is MISSING:
                raise ValueError(f"a {kind.__name__} has no {name}")
            # A default is what it is in the code; in the file it is left out.
            values.append(value if place is None and name not in body else _read(kind, name, read, value))
        events.append(_sound(kind(*values)))
    moments = [event.t if came is None else _number(came) for event, came in zip(events, columns["came"], strict=True)]
    return events, moments


_PLACES = frozenset(range(3, len(COLUMNS) - 1))


def _bodies(texts: Sequence[str | None]) -> list[dict[str, Any]]:
    """Return all bodies, read at once, which is several times as fast as one by one."""
    try:
        found: list[dict[str, Any]] = json.loads(
            "[" + ",".join(text or "{}" for text in texts) + "]", parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a body is not JSON ({str(error)[:80]})") from None
    if len(found) != len(texts) or not all(type(body) is dict for body in found):
        raise ValueError("a body is not one JSON object")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _read(kind: type, name: str, read: Reader, value: Any) -> Any:
    try:
        return read(value)
    except NewerError:
        raise
    except ValueError as error:
        raise ValueError(f"{name} of a {kind.__name__} {error}") from None


@cache
def _readers(kind: type) -> tuple[list[tuple[str, int | None, Any, Reader]], frozenset[str], frozenset[int]]:
    """Return how to make an event of this kind: its fields in order, the names of those in the body, the columns used.

    Each field comes with its column (None: it is in the body), its default and its reader.
    """
    hints = get_type_hints(kind, include_extras=True)
    places = [COLUMNS.index(COLUMN_OF[f.name]) if f.name in COLUMN_OF else None for f in fields(kind)]
    make = [(f.name, place, f.default, _reader(hints[f.name])) for f, place in zip(fields(kind), places, strict=True)]
    in_body = frozenset(f.name for f in fields(kind) if f.name not in COLUMN_OF)
    return make, in_body, frozenset(place for place in places if place is not None)


@cache
def _reader(hint: Any) -> Reader:
    """Return a function that turns a value of JSON or a column into one of this type, or raises ValueError."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return lambda value: value if type(value) is str and value in arguments else _wrong(value, "one of its words")
    if origin in (Union, UnionType):
        (inner,) = (_reader(argument) for argument in arguments if argument is not NoneType)
        return lambda value: None if value is None else inner(value)
    if origin is tuple and arguments[-1] is Ellipsis:
        each = _reader(arguments[0])
        return lambda value: tuple(map(each, value)) if type(value) is list else _wrong(value, "a list")
    if origin is tuple:
        readers = [_reader(argument) for argument in arguments]
        return lambda value: (
            tuple(read(part) for read, part in zip(readers, value, strict=True))
            if type(value) is list and len(value) == len(readers)
            else _wrong(value, f"a list of {len(readers)}")
        )
    if is_dataclass(hint):
        return lambda value: _fact(hint, value)
    raise TypeError(f"no reader for {hint}")


def _fact(kind: Any, value: Any) -> Any:
    if type(value) is not dict:
        _wrong(value, "an object")
    readers, needed = _parts(kind)
    if value.keys() - readers.keys():
        raise NewerError(f"{kind.__name__} has {shown(min(value.keys() - readers.keys()))}")
    if needed - value.keys():
        raise ValueError(f"has no {min(needed - value.keys())}")
    return kind(**{name: readers[name](part) for name, part in value.items()})


@cache
def _parts(kind: Any) -> tuple[dict[str, Reader], frozenset[str]]:
    """Return the readers of a fact's fields, and the names of the fields that must be there."""
    hints = get_type_hints(kind, include_extras=True)
    needed = frozenset(f.name for f in fields(kind) if f.default is MISSING)
    return {name: _reader(hint) for name, hint in hints.items()}, needed


def _text(value: Any) -> str:
    return value if type(value) is str else _wrong(value, "text")


def _flag(value: Any) -> bool:
    return value if type(value) is bool else _wrong(value, "true or false")


def _whole(value: Any) -> int:
    if type(value) is not int and not (type(value) is float and value.is_integer()):
        _wrong(value, "a whole number")
    number = int(value)
    return number if -LARGEST <= number < LARGEST else _wrong(value, "a number of 64 bits")


def _number(value: Any) -> float:
    number = _finite(value)
    return number if number <= LATEST else _wrong(value, f"between 0 and {LATEST:g}")


def _finite(value: Any) -> float:
    """Return what is no time and no number of seconds: a threshold may be as large as the settings allow."""
    if type(value) not in (float, int):
        _wrong(value, "a number")
    number: float = value
    return number if 0 <= number <= sys.float_info.max else _wrong(value, "a finite number, 0 or more")


def _wrong(value: Any, what: str) -> NoReturn:
    raise ValueError(f"is {repr(value)[:40]}, not {what}")


_PLAIN: dict[Any, Reader] = {str: _text, bool: _flag, int: _whole, float: _number, Threshold: _finite}


# -- what the types do not say ----------------------------------------------------------------------------------------


def _sound(event: Any) -> Any:
    """Return the event, tidy; raise ValueError if it lacks what the fold and the snapshots take for granted."""
    event = tidy(event)
    match event:
        case e.PlanReady(operators=operators) | e.LogicalPlan(operators=operators):
            seen: set[int] = set()
            for node in operators:
                if node.id in seen or not seen.issuperset(node.inputs):
                    raise ValueError("a plan's operators do not come after their inputs, each once")
                seen.add(node.id)
        case e.SettingsInEffect(values=values):
            _check_threshold(values)
        case e.WorldKnown(in_effect=in_effect, settings=settings, log=log, hold=hold):
            _check_threshold(in_effect or ())
            _check_threshold(settings)
            if hold is not None and not 0 <= hold[1] < len(log):
                raise ValueError("the hold of a WorldKnown is not in its log")
    return event


def _check_threshold(values: Iterable[tuple[str, str]]) -> None:
    for name, text in values:
        if name == SETTINGS["threshold"].env:
            _number_text(text)


def _number_text(text: str) -> None:
    try:
        value = float(text)
    except ValueError:
        _wrong(text, "a threshold")
    _finite(value)
