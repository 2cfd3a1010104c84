"""Daft's notebook display, replaced while daftnb is loaded.

Daft's own starts a server on all interfaces, without authentication, and its page puts values into ``innerHTML``. Ours
is a widget that speaks over the kernel's own connection, with a static table beside it: no server, every value escaped.
What is not displayed by IPython, or in no notebook, stays as Daft has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from daftnb.previews.words import is_tellable, said

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.session import Session

_SERVED = "_generate_interactive_html"
Undo = Callable[[], None]
Bundle = tuple[dict[str, Any], dict[str, Any]]


class NoServer(Exception):
    """Stops Daft on its way to its server; it goes on with the display that needs none."""


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


def show_widgets(shell: InteractiveShell, session: Session) -> Undo:
    """Show dataframes, and what ``df.show()`` displays, as previews in this shell; call what is returned to undo it.

    What others have registered for them is put back then.
    """
    import daft
    from daft.dataframe.preview import PreviewFormatter

    formatter: Any = shell.display_formatter.mimebundle_formatter
    # IPython gives what was registered before, by type or by name; None where nothing was.
    kinds: dict[type, Callable[[Any, Session], Any]] = {daft.DataFrame: _frame, PreviewFormatter: _shown}
    before = {kind: formatter.for_type(kind, _bundle_of(make, session)) for kind, make in kinds.items()}

    def undo() -> None:
        for kind, theirs in before.items():
            if theirs is not None:
                formatter.for_type(kind, theirs)
            else:
                formatter.pop(kind, None)

    return undo


def _bundle_of(make: Callable[[Any, Session], Any], session: Session) -> Callable[..., Bundle | None]:
    def bundle(value: Any, include: Any = None, exclude: Any = None) -> Bundle | None:
        try:
            preview = make(value, session)
            found: Bundle = preview._repr_mimebundle_()
            if session.lines is not None:
                session.lines.own(preview)
            return found
        except BaseException as error:
            if not is_tellable(error):
                raise
            from daftnb.telemetry import events as e

            # A value that we cannot show must not cost the user the display: Daft's own it is, and why is told.
            session.monitor.emit(
                e.ProblemFound(time.time(), f"a dataframe could not be previewed: {said(error)}"[:300])
            )
            return None

    return bundle


def _frame(frame: Any, session: Session) -> Any:
    from daftnb.previews.source import source_of
    from daftnb.widgets.preview import Preview

    return Preview(session, source_of(frame))


def _shown(formatter: Any, session: Session) -> Any:
    from daftnb.previews.source import source_of_shown
    from daftnb.widgets.preview import Preview

    return Preview(session, source_of_shown(formatter), text=repr(formatter))
