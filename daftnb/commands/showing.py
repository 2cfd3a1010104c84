"""Displays a widget for a line of ``%daft``, and closes it when its cell runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daftnb.session import Session
    from daftnb.telemetry.host import Closable


def show(widget: Closable, session: Session) -> None:
    """Display a widget, and close it when its cell runs again."""
    from IPython.display import display

    display(widget)
    if session.lines is not None:
        session.lines.own(widget)
