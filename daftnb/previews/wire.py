"""What a preview and its page send each other: the one source of these types.

``frontend/write_types.py`` writes ``frontend/src/preview/wire.ts`` from this file; run it after a change here. What a
page asks is read by :mod:`daftnb.previews.grammar`, to the last key. Bytes (rows, pictures, parts of files) travel as
buffers beside a message. ``Annotated[list[...], tuple[...]]`` is a list here, of just these parts.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias, TypedDict, get_args

#: What kind of column it is: a page draws each in its own way.
Kind: TypeAlias = Literal[
    "integer",
    "float",
    "boolean",
    "decimal",
    "string",
    "binary",
    "date",
    "time",
    "timestamp",
    "duration",
    "interval",
    "list",
    "struct",
    "map",
    "tensor",
    "embedding",
    "image",
    "file",
    "python",
    "null",
    "other",
]
KINDS: Final = get_args(Kind)
TableState: TypeAlias = Literal["lazy", "running", "ready", "failed", "lost"]
TABLE_STATES: Final = get_args(TableState)
#: How far a view or a run is.
Progress: TypeAlias = Literal["running", "ready", "cancelled"]
#: How a figure came about: of all values, of all by a sketch or in floats, of some.
How: TypeAlias = Literal["exact", "approximate", "sampled"]
HOWS: Final = get_args(How)
ValueOperator: TypeAlias = Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "starts", "ends"]
PlainOperator: TypeAlias = Literal["null", "not_null", "nan", "true", "false"]
Format: TypeAlias = Literal["csv", "parquet"]


# -- the table, a trait of the widget ---------------------------------------------------------------------------------


class Column(TypedDict):
    """A column; its number is its place."""

    name: str
    type: str
    kind: Kind


class Table(TypedDict):
    """What there is to see."""

    name: str | None
    rows: int | None
    columns: list[Column]
    state: TableState
    runner: Literal["native", "ray"]
    plan: str | None
    note: str | None
    #: The rows come from a limit: the first so many.
    limit: int | None


# -- what a page asks the kernel for ----------------------------------------------------------------------------------


class Sort(TypedDict):
    """Order by a column."""

    column: int
    descending: bool


class ValueFilter(TypedDict):
    """Keep the rows in which a column compares so with a value."""

    column: int
    op: ValueOperator
    value: str


class PlainFilter(TypedDict):
    """Keep the rows in which a column is so."""

    column: int
    op: PlainOperator


Filter: TypeAlias = ValueFilter | PlainFilter


class PageRequest(TypedDict):
    """Rows of a view; the answer may have fewer."""

    type: Literal["page"]
    id: int
    view: int
    start: int
    count: int
    columns: list[int]


class ViewRequest(TypedDict):
    """How the frame is to be seen; ``columns`` are those shown, in order."""

    type: Literal["view"]
    id: int
    sort: list[Sort]
    filters: list[Filter]
    search: str
    columns: list[int]


class SummaryRequest(TypedDict):
    """Summaries of these columns, in several answers."""

    type: Literal["summary"]
    id: int
    view: int
    columns: list[int]


class CellRequest(TypedDict):
    """One cell in full."""

    type: Literal["cell"]
    id: int
    view: int
    row: int
    column: int


class CopyRequest(TypedDict):
    """Rows as tab-separated text."""

    type: Literal["copy"]
    id: int
    view: int
    start: int
    count: int
    columns: list[int]


class CodeRequest(TypedDict):
    """The view as Python and SQL."""

    type: Literal["code"]
    id: int


class DownloadRequest(TypedDict):
    """The view as a file, in several answers."""

    type: Literal["download"]
    id: int
    format: Format


class RunRequest(TypedDict):
    """Run the frame, or what is lost of it again."""

    type: Literal["run"]
    id: int


class CancelRequest(TypedDict):
    """End the request of this ``id``."""

    type: Literal["cancel"]
    id: int


SentRequest: TypeAlias = (
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


# -- what summaries and cells are made of -----------------------------------------------------------------------------

#: What a page's numbers cannot hold exactly is text.
Value: TypeAlias = float | str


class Figure(TypedDict):
    """A number or a text, with how it came about."""

    value: Value
    how: How


class Quantile(Figure):
    """The value below which this share of them is."""

    q: float


class Histogram(TypedDict):
    """Counts between edges, of which there is one more."""

    edges: list[Value]
    counts: list[int]
    how: How


class Commonest(TypedDict):
    """A value, and how often it is there."""

    value: str
    count: int


class Top(TypedDict):
    """The commonest values."""

    values: list[Commonest]
    how: How


class Summary(TypedDict, total=False):
    """What is known of a column's values; a later part of the answer has more of it."""

    rows: Figure
    nulls: Figure
    distinct: Figure
    min: Figure
    max: Figure
    mean: Figure
    quantiles: list[Quantile]
    histogram: Histogram
    top: Top
    note: str


class NullNode(TypedDict):
    """A null inside a nested value."""

    t: Literal["null"]


class LeafNode(TypedDict):
    """A value inside a nested one, as text."""

    t: Literal["text", "number", "bool", "other"]
    v: str


class ListNode(TypedDict):
    """A list of ``n`` values; those that there was room for are in ``items``."""

    t: Literal["list"]
    n: int
    items: list[Node]


class PairsNode(TypedDict):
    """A struct or map of ``n`` values with their names; those that there was room for are in ``items``."""

    t: Literal["struct", "map"]
    n: int
    items: list[Annotated[list[Any], tuple[str, Node]]]


Node: TypeAlias = NullNode | LeafNode | ListNode | PairsNode


class TextCell(TypedDict):
    """A text, which may be cut, and its length."""

    kind: Literal["text"]
    text: str
    length: int


class TreeCell(TypedDict):
    """A nested value, or null."""

    kind: Literal["tree"]
    tree: Node


class ImageCell(TypedDict):
    """A picture in words; a PNG comes as the buffer."""

    kind: Literal["image"]
    text: str


class BytesCell(TypedDict):
    """A dump of the first bytes, how many there are, and what they seem to be."""

    kind: Literal["bytes"]
    text: str
    length: int
    sniffed: str | None


class LinkCell(TypedDict):
    """An address; ``href`` is there where a page may open it."""

    kind: Literal["link"]
    text: str
    href: str | None


SentCell: TypeAlias = TextCell | TreeCell | ImageCell | BytesCell | LinkCell


# -- the kernel's answers ---------------------------------------------------------------------------------------------


class ErrorAnswer(TypedDict):
    """Why a request failed."""

    type: Literal["error"]
    id: int
    message: str


class PageAnswer(TypedDict):
    """Rows from ``start`` on, of all ``rows`` of the view; their values are the buffer."""

    type: Literal["page"]
    id: int
    view: int
    start: int
    count: int
    columns: list[int]
    rows: int


class _ViewAnswer(TypedDict):
    type: Literal["view"]
    id: int
    view: int
    state: Progress


class ViewAnswer(_ViewAnswer, total=False):
    """The number of a view that is made."""

    #: Where it is ready.
    rows: int


class SummaryAnswer(TypedDict):
    """A part of the summaries, by the columns' numbers; the last one is ``done``."""

    type: Literal["summary"]
    id: int
    view: int
    columns: dict[str, Summary]
    done: bool


class CellAnswer(TypedDict):
    """The keys of a cell stand beside these."""

    type: Literal["cell"]
    id: int


class CopyAnswer(TypedDict):
    """Rows as text."""

    type: Literal["copy"]
    id: int
    text: str


class CodeAnswer(TypedDict):
    """The view as code; None where SQL has none for it."""

    type: Literal["code"]
    id: int
    python: str
    sql: str | None


class DownloadAnswer(TypedDict):
    """A part of a file, from 0; its bytes are the buffer."""

    type: Literal["download"]
    id: int
    part: int
    of: int
    name: str
    mime: str


class RunAnswer(TypedDict):
    """How far a run is."""

    type: Literal["run"]
    id: int
    state: Progress
    elapsed: float
    text: str


SentAnswer: TypeAlias = (
    ErrorAnswer
    | PageAnswer
    | ViewAnswer
    | SummaryAnswer
    | CellAnswer
    | CopyAnswer
    | CodeAnswer
    | DownloadAnswer
    | RunAnswer
)
