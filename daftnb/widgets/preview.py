"""A dataframe as a table over all of its rows: the widget. What a page may ask is :mod:`daftnb.preview.grammar`.

A page's requests come on the thread of the messages, beside a cell that runs where the kernel can do that. What takes
longer than a page of rows, and all that asks a cluster, is done on threads of the preview's own. Whatever goes wrong
is an answer in words.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import traitlets

from daftnb.engine import printed
from daftnb.engine.partitions import PartitionLost, Partitions
from daftnb.errors import DaftnbError
from daftnb.preview import cell, encode
from daftnb.preview import grammar as g
from daftnb.preview.copying import tsv
from daftnb.preview.source import PLAN_CHARACTERS, Source
from daftnb.preview.static import static_html
from daftnb.preview.words import is_tellable, said
from daftnb.widgets.lane import Lane
from daftnb.widgets.loading import PREVIEWS, WIDGET_MIME, Loaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from daft import DataFrame, Series

    from daftnb.session import Session

FIRST_ROWS, FIRST_COLUMNS = 100, 30
KEPT = 20  # previews whose rows are kept for their pages
_kept: OrderedDict[str, Preview] = OrderedDict()


class Preview(Loaded):
    """A dataframe, or anything that speaks the Arrow stream, as a table that a page scrolls through.

    ``name``: what it is called. ``text``: its text form, where it is not the one that Daft prints for the dataframe.
    """

    table = traitlets.Dict().tag(sync=True)
    page = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, session: Session, source: Source, name: str | None = None, text: str | None = None) -> None:
        self._session = session
        self._source = source
        self._name = name
        self._text = text
        self._released = False
        self._state = "lazy" if source.rows is None else "ready"
        self._note: str | None = None
        self._guard = threading.RLock()  # the source, the view, what runs
        self._lane = Lane("daftnb-preview")
        self._first: tuple[int, list[Series]] = (0, [])  # the rows of the first page
        page = self._first_page()
        super().__init__("preview", PREVIEWS, table=self._table(), page=page)
        self.on_msg(self._on_message)
        _keep(self)

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def df(self) -> DataFrame:
        """The view as a dataframe."""
        frame: DataFrame = self._source.frame
        return frame

    def _table(self) -> dict[str, Any]:
        source = self._source
        plan = None
        if source.rows is None:
            plan = printed.plan_text(source.frame)[:PLAN_CHARACTERS]
        return {
            "name": self._name,
            "rows": None if source.rows is None else source.rows.rows,
            "columns": [column.told for column in source.columns],
            "state": self._state,
            "runner": source.runner,
            "plan": plan,
            "note": self._note,
            "limit": source.limit,
        }

    def _first_page(self) -> bytes:
        rows, columns = self._source.rows, self._source.columns[:FIRST_COLUMNS]
        self._first = (0, [])
        if rows is None or not columns:
            return b""
        try:
            self._first = self._rows(rows, 0, FIRST_ROWS, tuple(column.number for column in columns))
        except PartitionLost as lost:
            self._state, self._note = "lost", said(lost)
            return b""
        return encode.encode_page(list(enumerate(self._first[1]))).data

    def _rows(self, rows: Partitions, start: int, count: int, columns: tuple[int, ...]) -> tuple[int, list[Series]]:
        """Rows from ``start``; where there are none, columns without rows."""
        found, series = rows.slice(start, count, columns)
        if series:
            return found, series
        from daft import DataType
        from daft import Series as MadeSeries

        known = self._source.columns
        return 0, [MadeSeries.from_pylist([], dtype=known[number].dtype or DataType.null()) for number in columns]

    # -- what a page asks ---------------------------------------------------------------------------------------------

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        request = g.parse(content)
        if request is not None:
            self._guarded(request, self._take)

    def _guarded(self, request: g.Request, action: Callable[[Any], None]) -> None:
        """Do it; what goes wrong is an answer."""
        try:
            action(request)
        except PartitionLost as lost:
            self._lost(said(lost))
            self._error(request.id, said(lost))
        except BaseException as error:
            if not is_tellable(error):
                raise
            self._error(request.id, said(error))

    def _error(self, id_: int, message: str) -> None:
        self.send({"type": "error", "id": id_, "message": message})

    def _lost(self, why: str) -> None:
        with self._guard:
            self._state, self._note = "lost", why
        self.table = self._table()

    def _take(self, request: g.Request) -> None:
        match request:
            case g.PageRequest() | g.CellRequest() | g.CopyRequest():
                # What a cluster is asked may take its time, which is not the kernel's.
                if self._source.is_local:
                    self._answer_rows(request)
                else:
                    self._lane.do(lambda: self._guarded(request, self._answer_rows))
            case _:
                raise DaftnbError("This preview cannot do that yet.", "")

    def _view_rows(self, view: int) -> Partitions:
        rows = self._source.rows
        if self._released:
            raise DaftnbError(f"Only the rows of the last {KEPT} previews are kept.", "Run the cell again to see more.")
        if rows is None:
            raise DaftnbError("This dataframe has not run.", "Run the preview first.")
        if view != 0:
            raise DaftnbError("That view was replaced by another.", "Look at the present one.")
        return rows

    def _answer_rows(self, request: g.PageRequest | g.CellRequest | g.CopyRequest) -> None:
        with self._guard:
            rows = self._view_rows(request.view)
        wanted = (request.column,) if isinstance(request, g.CellRequest) else request.columns
        if max(wanted) >= len(self._source.columns):
            raise DaftnbError(f"There is no column {max(wanted)}.", "")
        if isinstance(request, g.CellRequest):
            if request.row >= rows.rows:
                raise DaftnbError(f"There is no row {request.row:,}.", "")
            content, buffers = cell.detail(rows.slice(request.row, 1, wanted)[1][0])
            self.send({"type": "cell", "id": request.id, **content}, buffers)
        elif isinstance(request, g.CopyRequest):
            text = tsv(self._rows(rows, request.start, request.count, wanted)[1])
            self.send({"type": "copy", "id": request.id, "text": text})
        else:
            _, series = self._rows(rows, request.start, request.count, wanted)
            page = encode.encode_page(list(zip(wanted, series, strict=True)))
            self.send(
                {
                    "type": "page",
                    "id": request.id,
                    "view": request.view,
                    "start": request.start,
                    "count": page.count,
                    "columns": list(wanted),
                    "rows": rows.rows,
                },
                [page.data],
            )

    # -- what stays in the notebook -----------------------------------------------------------------------------------

    def _bundle(self) -> dict[str, Any]:
        source = self._source
        total = None if source.rows is None else source.rows.rows
        return {
            "text/plain": self._printed(),
            "text/html": static_html(source.columns, self._first[1], total, source.limit, self.table["plan"] or ""),
            WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }

    def _printed(self) -> str:
        if self._text is not None:
            return self._text
        try:
            return printed.printed(self._source.frame, self._source.rows)
        except PartitionLost as lost:
            return said(lost)

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(), {}

    def _repr_html_(self) -> str:
        return str(self._bundle()["text/html"])

    def __repr__(self) -> str:
        return f"<daftnb preview of {self._name or 'a dataframe'}>"

    def release(self) -> None:
        """Let go of the rows: a page that asks for more is told to run the cell again."""
        with self._guard:
            self._released = True
            self._source = replace(self._source, frame=None, rows=None)
            self._first = (0, [])


def _keep(preview: Preview) -> None:
    """Keep this one, and let go of the rows of the oldest: what a notebook showed long ago must not fill its memory."""
    _kept[preview.model_id] = preview
    while len(_kept) > KEPT:
        _kept.popitem(last=False)[1].release()
