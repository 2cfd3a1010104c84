"""A dataframe as a table over all of its rows: the widget. What a page may ask is :mod:`daftnb.previews.grammar`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import traitlets

from daftnb.engine.partitions import PartitionLost
from daftnb.engine.printed import plan_text, printed
from daftnb.previews import encode
from daftnb.previews.source import PLAN_CHARACTERS, Source
from daftnb.previews.static import static_html
from daftnb.previews.words import is_tellable, said
from daftnb.widgets.desk import Desk
from daftnb.widgets.loading import PREVIEWS, WIDGET_MIME, Loaded

if TYPE_CHECKING:
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
        self._desk = Desk(source, name, self._tell, self._changed, session.cancel_on_ray)
        self._text = text
        self._sending = threading.Lock()  # several threads do
        self._first: list[Series] = []  # the rows of the first page
        page = self._first_page()
        super().__init__("preview", PREVIEWS, table=self._table(), page=page)
        self.on_msg(lambda _widget, content, _buffers: self._desk.take(content))
        _keep(self)

    @property
    def df(self) -> DataFrame:
        """The view as a dataframe: filtered, sorted, and of the columns shown, as the page has it now."""
        return self._desk.df

    def close(self) -> None:
        """Let go of the page, and of what runs for it."""
        self._desk.close()
        if self.comm is not None:  # Python closes each widget once more when nothing refers to it
            _kept.pop(self.model_id, None)
        with self._sending:
            super().close()

    def _tell(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self._sending:
            if self.comm is not None:
                self.send(content, buffers)

    def _changed(self) -> None:
        """Have the page know what there is now."""
        page = self._first_page() if self._desk.state == "ready" else b""
        with self._sending:
            if self.comm is not None:
                with self.hold_sync():
                    self.table, self.page = self._table(), page

    def _table(self) -> dict[str, Any]:
        desk, source = self._desk, self._desk.source
        lazy = source.rows is None and source.frame is not None
        return {
            "name": desk.name,
            "rows": None if source.rows is None else source.rows.rows,
            "columns": [column.told for column in source.columns],
            "state": desk.state,
            "runner": source.runner,
            "plan": plan_text(source.frame)[:PLAN_CHARACTERS] if lazy else None,
            "note": desk.note,
            "limit": source.limit,
        }

    def _first_page(self) -> bytes:
        _, self._first = self._desk.first_page(FIRST_ROWS, FIRST_COLUMNS)
        if self._first:
            return encode.encode_page(list(enumerate(self._first))).data
        columns = self._desk.source.columns[:FIRST_COLUMNS]
        return encode.empty_page(columns).data if columns and self._desk.state == "ready" else b""

    def __str__(self) -> str:
        """As text: what ``print`` shows in a script, where there are no pages."""
        return self._printed(self._desk.source)

    def release(self) -> None:
        """Let go of the rows: a page that asks for more is told to run the cell again."""
        self._desk.release()
        self._first = []

    # -- what stays in the notebook -----------------------------------------------------------------------------------

    def _bundle(self) -> dict[str, Any]:
        source = self._desk.source
        total = None if source.rows is None else source.rows.rows
        return {
            "text/plain": self._printed(source),
            "text/html": static_html(source.columns, self._first, total, source.limit, self.table["plan"] or ""),
            WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }

    def _printed(self, source: Source) -> str:
        if self._text is not None or source.frame is None:
            return self._text or repr(self)
        try:
            return printed(source.frame, source.rows)
        except BaseException as error:  # a value that Daft cannot print costs no more than the text
            if not is_tellable(error):
                raise
            return said(error) if isinstance(error, PartitionLost) else f"{self!r}: {said(error)}"

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(), {}

    def _repr_html_(self) -> str:
        return str(self._bundle()["text/html"])

    def __repr__(self) -> str:
        return f"<daftnb preview of {self._desk.name or 'a dataframe'}>"


def _keep(preview: Preview) -> None:
    """Keep this one, and let go of the rows of the oldest: what a notebook showed long ago must not fill its memory."""
    _kept[preview.model_id] = preview
    while len(_kept) > KEPT:
        _kept.popitem(last=False)[1].release()
