"""Daft's notebook display, replaced while daftnb is loaded.

Daft's own starts a server on all interfaces, without authentication, and its page puts values into ``innerHTML``.
Ours is a static table: no server, no script, every value escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SHOWN_ROWS = 50


def preview_html(formatter: Any) -> str:
    """The HTML of one of Daft's ``PreviewFormatter``s: the rows it holds, or the schema where it holds none."""
    from daftnb.preview.static import table_html

    preview, schema = formatter._preview, formatter._schema
    names = schema.column_names()
    types = [str(schema[name].dtype) for name in names]
    rows: list[list[Any]] = []
    if preview.partition is not None:
        columns = preview.partition.slice(0, SHOWN_ROWS).to_pydict()
        rows = [list(row) for row in zip(*(columns[name] for name in names), strict=True)] if names else []
    note = "" if preview.partition is not None else "not materialized: .collect() or .show() runs the query"
    return table_html(names, types, rows, preview.total_rows, note)


def replace_display() -> Callable[[], None]:
    """Put our display in place of Daft's; call what is returned to undo it."""
    from daft.dataframe.preview import PreviewFormatter

    before = {name: getattr(PreviewFormatter, name) for name in ("_generate_interactive_html", "_repr_html_")}

    def render(self: Any) -> str:
        try:
            return preview_html(self)
        except Exception:  # a value we cannot show must not cost the user the display: Daft's static one it is
            return str(before["_repr_html_"](self))

    for name in before:
        setattr(PreviewFormatter, name, render)

    def undo() -> None:
        for name, method in before.items():
            setattr(PreviewFormatter, name, method)

    return undo
