"""The widget that shows a dataframe as a table of all its rows; :mod:`daftnb.previews.grammar` has its requests."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import traitlets

from daftnb.engine.rows.partitions import PartitionLost
from daftnb.engine.rows.printed import plan_text, printed
from daftnb.errors import explain, is_reportable
from daftnb.previews import encode
from daftnb.previews.limits import FIRST_COLUMNS
from daftnb.previews.service import PreviewService
from daftnb.previews.source import PLAN_CHARACTERS, Source
from daftnb.previews.static import static_html
from daftnb.previews.wire import SentAnswer, Table
from daftnb.text.cleaning import lines
from daftnb.text.plain import printable
from daftnb.text.shorten import first_lines, shortened
from daftnb.widgets.loading import PREVIEWS, Loaded, Reader, bundle_of, reader

if TYPE_CHECKING:
    from daft import DataFrame, Series

    from daftnb.previews.naming import Naming
    from daftnb.telemetry.host import Host

LONGEST_LINE, MOST_LINES = 1_000, 60  # of the text form
FIRST_ROWS = 100
KEPT = 20  # previews whose rows are kept for their pages
_kept: OrderedDict[str, Preview] = OrderedDict()


class Preview(Loaded):
    """A dataframe, or anything that speaks the Arrow stream, as a table that a browser scrolls through.

    Attributes
    ----------
    table
        What the browser knows of the table: name, rows, columns, state.
    page
        The first rows as an Arrow stream; empty where there are none yet.

    Parameters
    ----------
    session
        Where its queries on Ray can be ended.
    source
        What is shown.
    name
        What it is called. None: it has no name.
    text
        Its text form. None: the one that Daft prints for the dataframe.
    naming
        How code spells it. None: by its name.

    Examples
    --------
    >>> import daftnb
    >>> shown = daftnb.preview([{"a": 1}, {"a": 2}], name="orders")
    >>> shown
    <daftnb preview of orders>
    >>> shown.table["rows"]
    2
    >>> shown.close()
    """

    table = traitlets.Dict().tag(sync=True)
    page = traitlets.Bytes(b"").tag(sync=True)

    def __init__(
        self,
        session: Host,
        source: Source,
        name: str | None = None,
        text: str | None = None,
        naming: Naming | None = None,
    ) -> None:
        self._service = PreviewService(source, name, self._tell, self._changed, session.cancel_on_ray, naming)
        self._text = text
        self._sending = threading.Lock()  # several threads do
        self._first: list[Series] = []  # the rows of the first page
        page = self._first_page()
        super().__init__("preview", PREVIEWS, table=self._table(), page=page)
        self.on_msg(lambda _widget, content, _buffers: self._service.take(content))
        _keep(self)

    @property
    def df(self) -> DataFrame:
        """Return the view as a dataframe: filtered, sorted, and of the columns shown, as the browser has it now.

        Returns
        -------
        DataFrame
            A Daft dataframe, which runs when it is used.

        Raises
        ------
        DaftnbError
            Once its rows have been released.
        """
        return self._service.df

    def close(self) -> None:
        """Close the preview in the browser, and end what runs for it."""
        self._service.close()
        if self.comm is not None:  # Python closes each widget once more when nothing refers to it
            _kept.pop(self.model_id, None)
        with self._sending:
            super().close()

    def _tell(self, content: SentAnswer, buffers: list[bytes]) -> None:
        with self._sending:
            if self.comm is not None:
                self.send(content, buffers)

    def _changed(self) -> None:
        """Let the browser know what there is now."""
        page = self._first_page() if self._service.state == "ready" else b""
        with self._sending:
            if self.comm is not None:
                with self.hold_sync():
                    self.table, self.page = dict(self._table()), page

    def _table(self) -> Table:
        service, source = self._service, self._service.source
        lazy = source.rows is None and source.frame is not None
        return {
            "name": service.name,
            "rows": None if source.rows is None else source.rows.rows,
            "columns": [column.told for column in source.columns],
            "state": service.state,
            "runner": source.runner,
            "plan": plan_text(source.frame)[:PLAN_CHARACTERS] if lazy else None,
            "note": service.note,
            "limit": source.limit,
        }

    def _first_page(self) -> bytes:
        _, self._first = self._service.first_page(FIRST_ROWS, FIRST_COLUMNS)
        if self._first:
            return encode.encode_page(list(enumerate(self._first))).data
        columns = self._service.source.columns[:FIRST_COLUMNS]
        return encode.empty_page(columns).data if columns and self._service.state == "ready" else b""

    def __str__(self) -> str:
        """Return the preview as text, which ``print`` shows in a script, where there are no browsers."""
        return printable(self._printed(self._service.source))

    def release(self) -> None:
        """Let go of the rows: a browser that asks for more is told to run the cell again."""
        self._service.release()
        self._first = []

    # -- what stays in the notebook -----------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Return True while nothing runs for it: what it shows then changes only by what a page asks."""
        return not self._service.busy

    def _bundle(self, to: Reader | None = None) -> dict[str, Any]:
        source = self._service.source
        total = None if source.rows is None else source.rows.rows
        html = static_html(source.columns, self._first, total, source.limit, self.table["plan"] or "")
        return bundle_of(self._printed(source), html, self, to or reader())

    def _printed(self, source: Source) -> str:
        """Return the text form: nothing in it moves a terminal's cursor, whatever is in the cells and the names."""
        found = [shortened(line, LONGEST_LINE) for line in lines(self._print(source))]
        return "\n".join(first_lines(found, MOST_LINES))

    def _print(self, source: Source) -> str:
        if self._text is not None or source.frame is None:
            return self._text or repr(self)
        try:
            return printed(source.frame, source.rows)
        except BaseException as error:  # a value that Daft cannot print costs no more than the text
            if not is_reportable(error):
                raise
            return explain(error) if isinstance(error, PartitionLost) else f"{self!r}: {explain(error)}"

    def __repr__(self) -> str:
        return printable(f"<daftnb preview of {self._service.name or 'a dataframe'}>")


def preview_of(session: Host, value: Any, limit: int | None, name: str | None, text: str | None) -> Preview:
    """Return the preview of any value that has rows.

    Parameters
    ----------
    session
        Where its queries on Ray can be ended.
    value
        A Daft dataframe, or what :func:`daftnb.previews.incoming.frame_of` takes.
    limit
        Only the first so many rows, which run now. None: all rows.
    name
        What it is called. None: it has no name.
    text
        Python that gave the value, for copied code. None: it is not known.

    Returns
    -------
    Preview
        The preview, not displayed yet.

    Raises
    ------
    DaftnbError
        For a value without rows, and for a limit below 1.
    """
    from daftnb.previews.incoming import is_used_up
    from daftnb.previews.naming import Naming, current_cell
    from daftnb.previews.source import source_of_value

    naming = Naming(value, text, cell=current_cell(), again=not is_used_up(value))
    return Preview(session, source_of_value(value, limit), name, naming=naming)


def _keep(preview: Preview) -> None:
    """Keep this one, and release the rows of the oldest: what a notebook showed long ago must not fill its memory."""
    _kept[preview.model_id] = preview
    while len(_kept) > KEPT:
        _kept.popitem(last=False)[1].release()
