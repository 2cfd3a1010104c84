"""Parses what a page asks of a preview. The grammar is closed: everything else is no request.

Nothing that a page sends is ever run: a request names columns by number, operators by word, and values as text, which
:mod:`daftnb.previews.operations` reads by the column's type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args

from daftnb.messages import LARGEST, is_integer, is_text
from daftnb.previews.limits import (
    COPIED_AT_ONCE,
    LARGEST_ID,
    LONGEST_SEARCH,
    LONGEST_VALUE,
    MOST_COLUMNS,
    MOST_FILTERS,
    MOST_SORTS,
)
from daftnb.previews.wire import Format, PlainOperator, ValueOperator

COMPARES: Final[frozenset[str]] = frozenset(get_args(ValueOperator))
TESTS: Final[frozenset[str]] = frozenset(get_args(PlainOperator))
FORMATS: Final[frozenset[str]] = frozenset(get_args(Format))

MOST_ROWS, MOST_SHOWN = 500, 100_000


@dataclass(frozen=True, slots=True)
class Sort:
    """Order by a column."""

    column: int
    descending: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Keep the rows in which a column compares so with a value, which is text."""

    column: int
    op: ValueOperator
    value: str


@dataclass(frozen=True, slots=True)
class Check:
    """Keep the rows in which a column is null, is not, is not a number, is true, is false."""

    column: int
    op: PlainOperator


Filter: TypeAlias = Comparison | Check


@dataclass(frozen=True, slots=True)
class PageRequest:
    id: int
    view: int
    start: int
    count: int
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """How the frame is to be seen; ``columns`` are those shown, in order (none named: all as they are)."""

    id: int
    sort: tuple[Sort, ...]
    filters: tuple[Filter, ...]
    search: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    id: int
    view: int
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CellRequest:
    id: int
    view: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class CopyRequest:
    id: int
    view: int
    start: int
    count: int
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CodeRequest:
    id: int


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    id: int
    format: Format


@dataclass(frozen=True, slots=True)
class RunRequest:
    id: int


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """``id`` is that of the request to end."""

    id: int


Request: TypeAlias = (
    PageRequest
    | ViewRequest
    | SummaryRequest
    | CellRequest
    | CopyRequest
    | CodeRequest
    | DownloadRequest
    | RunRequest
    | CancelRequest
)
Reader: TypeAlias = Callable[[Any], Request]


class _Malformed(Exception):
    """Not in the grammar; never seen outside of this module."""


def parse(message: object) -> Request | None:
    """Return the request that a message is; None if it is none. Raises nothing, whatever the message."""
    try:
        if type(message) is not dict:
            return None
        kind = message.get("type")
        read = _READERS.get(kind) if type(kind) is str else None
        return None if read is None else read(message)
    except _Malformed:
        return None


def _fields(message: Any, *names: str) -> list[Any]:
    """Return the values of exactly these keys. Raises _Malformed if one is missing, or if there are others."""
    if type(message) is not dict or message.keys() != set(names):
        raise _Malformed
    return [message[name] for name in names]


def _integer(value: Any, least: int, most: int) -> int:
    if not is_integer(value, least, most):
        raise _Malformed
    return value


def _number(value: Any) -> int:
    return _integer(value, 1, LARGEST_ID)


def _place(value: Any) -> int:
    return _integer(value, 0, LARGEST_ID)


def _row(value: Any) -> int:
    return _integer(value, 0, LARGEST)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise _Malformed
    return value


def _text(value: Any, longest: int) -> str:
    if not is_text(value, longest):
        raise _Malformed
    return value


def _list(value: Any, most: int) -> list[Any]:
    if type(value) is not list or len(value) > most:
        raise _Malformed
    return value


def _columns(value: Any, least: int, most: int) -> tuple[int, ...]:
    columns = tuple(_place(each) for each in _list(value, most))
    if len(columns) < least or len(set(columns)) != len(columns):
        raise _Malformed
    return columns


def _part(request: Callable[[int, int, int, int, tuple[int, ...]], Request], most: int) -> Reader:
    """Return the reader of a request for rows and columns; ``most``: rows."""

    def read(message: Any) -> Request:
        _, id_, view, start, count, columns = _fields(message, "type", "id", "view", "start", "count", "columns")
        return request(
            _number(id_), _place(view), _row(start), _integer(count, 1, most), _columns(columns, 1, MOST_COLUMNS)
        )

    return read


def _alone(request: Callable[[int], Request]) -> Reader:
    """Return the reader of a request that holds its id alone."""
    return lambda message: request(_number(_fields(message, "type", "id")[1]))


def _sort(value: Any) -> Sort:
    column, descending = _fields(value, "column", "descending")
    return Sort(_place(column), _flag(descending))


def _filter(value: Any) -> Filter:
    if type(value) is not dict:
        raise _Malformed
    op = value.get("op")
    if type(op) is not str:
        raise _Malformed
    if op in COMPARES:
        column, op, text = _fields(value, "column", "op", "value")
        return Comparison(_place(column), op, _text(text, LONGEST_VALUE))
    if op in TESTS:
        column, op = _fields(value, "column", "op")
        return Check(_place(column), op)
    raise _Malformed


def _seen(message: Any) -> ViewRequest:
    _, id_, sort, filters, search, columns = _fields(message, "type", "id", "sort", "filters", "search", "columns")
    sorts = tuple(_sort(each) for each in _list(sort, MOST_SORTS))
    if len({each.column for each in sorts}) != len(sorts):
        raise _Malformed
    kept = tuple(_filter(each) for each in _list(filters, MOST_FILTERS))
    return ViewRequest(_number(id_), sorts, kept, _text(search, LONGEST_SEARCH), _columns(columns, 0, MOST_SHOWN))


def _summary(message: Any) -> SummaryRequest:
    _, id_, view, columns = _fields(message, "type", "id", "view", "columns")
    return SummaryRequest(_number(id_), _place(view), _columns(columns, 1, MOST_COLUMNS))


def _cell(message: Any) -> CellRequest:
    _, id_, view, row, column = _fields(message, "type", "id", "view", "row", "column")
    return CellRequest(_number(id_), _place(view), _row(row), _place(column))


def _download(message: Any) -> DownloadRequest:
    _, id_, format_ = _fields(message, "type", "id", "format")
    if type(format_) is not str or format_ not in FORMATS:
        raise _Malformed
    return DownloadRequest(_number(id_), "csv" if format_ == "csv" else "parquet")


_READERS: Final[dict[str, Reader]] = {
    "page": _part(PageRequest, MOST_ROWS),
    "view": _seen,
    "summary": _summary,
    "cell": _cell,
    "copy": _part(CopyRequest, COPIED_AT_ONCE),
    "code": _alone(CodeRequest),
    "download": _download,
    "run": _alone(RunRequest),
    "cancel": _alone(CancelRequest),
}
