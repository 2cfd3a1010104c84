"""Keeps Daft's notebook display from starting its dashboard server while daftnb is loaded.

That server listens on all interfaces, without authentication, and its page puts values into ``innerHTML``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_SERVED = "_generate_interactive_html"
Undo = Callable[[], None]


class NoServer(Exception):
    """Stops Daft on its way to its server; it goes on with the display that needs none."""


def shown_class() -> type:
    """Return the class of what ``df.show()`` displays."""
    from daft.dataframe.preview import PreviewFormatter

    return PreviewFormatter


def without_server() -> Undo:
    """Keep Daft's displays from starting its dashboard's server; call what is returned to undo it."""
    from daft.dataframe.preview import PreviewFormatter

    before: Any = getattr(PreviewFormatter, _SERVED)

    def refuse(_self: Any) -> str:
        # Both of its callers catch this, and show what needs no server (``daft/dataframe/dataframe.py``).
        raise NoServer("daftnb displays dataframes itself, without a server")

    setattr(PreviewFormatter, _SERVED, refuse)

    def undo() -> None:
        setattr(PreviewFormatter, _SERVED, before)

    return undo
