"""Replaces Daft's notebook display while daftnb is loaded.

Daft's own starts a server on all interfaces, without authentication, and its page puts values into ``innerHTML``. Ours
is a widget that speaks over the kernel's own connection, with a static table beside it: no server, every value escaped.
What is not displayed by IPython, or in no notebook, stays as Daft has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from daftnb.clock import steady as time
from daftnb.errors import explain, is_reportable
from daftnb.text.shorten import shortened

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.telemetry.host import Host

Undo = Callable[[], None]
Bundle = tuple[dict[str, Any], dict[str, Any]]


def show_widgets(shell: InteractiveShell, session: Host) -> Undo:
    """Show dataframes, and what ``df.show()`` displays, as previews in this shell; call what is returned to undo it.

    Undoing puts back what others had registered for them.
    """
    import daft

    from daftnb.engine.rows.dashboard import shown_class

    formatter: Any = shell.display_formatter.mimebundle_formatter
    # IPython gives what was registered before, by type or by name; None where nothing was.
    kinds: dict[type, Callable[[Any, Host], Any]] = {daft.DataFrame: _frame, shown_class(): _shown}
    before = {kind: formatter.for_type(kind, _bundle_of(make, session)) for kind, make in kinds.items()}

    def undo() -> None:
        for kind, theirs in before.items():
            if theirs is not None:
                formatter.for_type(kind, theirs)
            else:
                formatter.pop(kind, None)

    return undo


def _bundle_of(make: Callable[[Any, Host], Any], session: Host) -> Callable[..., Bundle | None]:
    def bundle(value: Any, include: Any = None, exclude: Any = None) -> Bundle | None:
        try:
            preview = make(value, session)
            found: Bundle = preview._repr_mimebundle_()
            if session.lines is not None:
                session.lines.own(preview)
            return found
        except BaseException as error:
            if not is_reportable(error):
                raise
            from daftnb.telemetry import events as e

            # A value that we cannot show must not cost the user the display: Daft's own it is, and why is told.
            text = shortened(f"a dataframe could not be previewed: {explain(error)}", e.LONGEST_PROBLEM)
            session.monitor.emit(e.ProblemFound(time.time(), text))
            return None

    return bundle


def _frame(frame: Any, session: Host) -> Any:
    from daftnb.previews.naming import Naming, current_cell
    from daftnb.previews.source import source_of
    from daftnb.widgets.preview import Preview

    return Preview(session, source_of(frame), naming=Naming(frame, cell=current_cell()))


def _shown(formatter: Any, session: Host) -> Any:
    import daft

    from daftnb.previews.naming import Naming, current_cell, shown_by
    from daftnb.previews.source import source_of_shown
    from daftnb.widgets.preview import Preview

    naming = Naming(shown_by(daft.DataFrame, "show"), cell=current_cell())
    return Preview(session, source_of_shown(formatter), text=repr(formatter), naming=naming)
