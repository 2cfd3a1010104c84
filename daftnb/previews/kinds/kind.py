"""Defines the record that describes a kind of cell.

::

    def _link(array: Any, dtype: DataType) -> Detail:
        return link_cell(str(array[0].as_py())), []

    URL = CellKind("url", ("is_url",), ordered=True, detail=_link)  # all else is as for any value: its words

Functions of a kind take the column's values as an Arrow array (``CellKind.arrow`` makes it) and its dtype, and give
whole columns: nothing is asked for a cell at a time, but for one that is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.columnwords import column_words
from daftnb.previews.fields import LEVELS, Prepared, strings
from daftnb.previews.forms import Detail, scalar_detail
from daftnb.previews.images import Picture
from daftnb.previews.ticks import Ticks
from daftnb.previews.tree import NodeMaker, written_leaf
from daftnb.previews.typed import Value
from daftnb.previews.wire import Kind, PlainOperator
from daftnb.previews.writing import Writer, storage, written

if TYPE_CHECKING:
    from daft import DataType, Series

Aggregate: TypeAlias = Literal["distinct", "min", "max", "mean"]


TEXT = pa.string()


class Sign(str):
    """Stands for a value that could be taken for a text: null, an empty string, NaN. In italics, as no text is."""


def to_arrow(series: Series, room: int) -> Any:
    """Return the values of a column as Daft gives them."""
    return series.to_arrow()


def in_words(array: Any, dtype: DataType) -> list[Any]:
    """Return what the cells of a column show, for the search: their words."""
    return [column_words(array, dtype)]


def as_it_stands(array: Any, dtype: DataType) -> list[Any]:
    """Return what the cells of a column show, for the search: the texts that it is made of."""
    return [array]


def cast_to_text(array: Any, dtype: DataType, room: int) -> Any:
    """Return the values as Arrow's own cast writes them."""
    return pc.cast(array, pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How cells of a kind are searched.

    ``is_cast``: Daft casts the values to the text that cells show. Else ``texts`` gives, as arrays, what cells show, by
    their ``letters`` (in lower case; None: any). It is sent to where the rows are, with all that it calls: functions of
    this package and of the modules that it stands on, imported by their names (a module would be sent whole).
    """

    is_cast: bool = False
    letters: frozenset[str] | None = None
    texts: Callable[[Any, DataType], list[Any]] = in_words


SHOWN = Search()
CAST = Search(is_cast=True)


@dataclass(frozen=True, slots=True)
class CellKind:
    """A kind of cell. Only what differs from any value's own is to be given.

    ``tests``: the methods of Daft's DataType of which one says yes. The first kind of the registry has the column.
    """

    name: Kind
    tests: tuple[str, ...]

    # -- the values -------------------------------------------------------------------------------
    #: The values as an Arrow array; where they are Python's, as texts of at most that many characters and one more.
    arrow: Callable[[Series, int], Any] = to_arrow
    #: All values as an array of texts, each of at most that many characters and one more. None: written one by one.
    texts: Callable[[Any, DataType, int], Any] | None = None
    #: The values are texts: taken as they are typed, and in full.
    is_text: bool = False
    #: For a type that only Daft has: how a value is written, also within others; and its node in a tree.
    write: Writer | None = None
    node: NodeMaker = written_leaf

    # -- what is shown ----------------------------------------------------------------------------
    #: A column of a page, by its number. None: as texts.
    page: Callable[[int, Any, DataType], Prepared] | None = None
    #: The Arrow type of a page's column that has no rows.
    empty: Any = TEXT
    #: What the page is sent when a cell is opened, and its buffers.
    detail: Callable[[Any, DataType], Detail] = scalar_detail
    #: Pictures for the static form, and its texts in at most that many characters; None: those of ``texts``.
    pictures: Callable[[Any, DataType], list[Picture | None]] | None = None
    static: Callable[[Any, DataType, int], list[str | None]] | None = None
    #: A number: its digits stand below one another.
    is_right: bool = False

    # -- what can be asked ------------------------------------------------------------------------
    #: Its order means something to a person: a view can be sorted by it.
    is_ordered: bool = False
    #: A typed value as a literal. Raises Unreadable or ValueError. None: nothing compares with it.
    read: Callable[[str, DataType], Value] | None = None
    #: Why a filter cannot say less or greater, where it can say equal.
    no_less: str = ""
    #: The conditions that it has beside null and not null.
    checks: frozenset[PlainOperator] = frozenset()
    #: None: its cells show no text.
    search: Search | None = SHOWN

    # -- its summary ------------------------------------------------------------------------------
    #: Least, most, quantiles and histogram are of these numbers.
    ticks: Ticks | None = None
    #: The commonest values are told.
    is_counted: bool = False
    #: What Daft computes of it.
    aggregates: tuple[Aggregate, ...] = ()

    # -- a file -----------------------------------------------------------------------------------
    #: Parquet has no such type: it gets the texts.
    is_text_in_files: bool = False

    def words(self, array: Any, dtype: DataType, room: int) -> Any:
        """Return the values as an array of texts; one that is cut is one character longer than ``room``."""
        if self.texts is not None:
            return self.texts(array, dtype, room)
        array = storage(array)
        return pa.array([written(array, i, room, dtype) if array[i].is_valid else None for i in range(len(array))])

    def prepared(self, number: int, series: Series) -> Prepared:
        """Return a column made ready for a page."""
        room, dtype = LEVELS[0].characters, series.datatype()
        array = self.arrow(series, room)
        return strings(number, self.words(array, dtype, room)) if self.page is None else self.page(number, array, dtype)

    def static_words(self, series: Series, room: int) -> list[str | None]:
        """Return the values in words for the static form; None for a null."""
        dtype = series.datatype()
        array = self.arrow(series, room)
        if self.static is not None:
            return self.static(array, dtype, room)
        found: list[str | None] = self.words(array, dtype, room).to_pylist()
        return found
