"""Registers ``%daft`` and ``%%daft`` with IPython, and hands each line to its verb or mode."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from daftnb.commands import registry
from daftnb.commands.cell import plain_cell
from daftnb.commands.completion import matcher_of
from daftnb.commands.helping import WHOLE_CELL
from daftnb.commands.parsing import split
from daftnb.engine import internals
from daftnb.text.plain import plainly

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.session import Session

_CALLBACKS, _MATCHER, _PREVIEWS = "_daftnb_callbacks", "_daftnb_matcher", "_daftnb_previews"
_HELP = ("-h", "--help")


def run(line: str, session: Session) -> None:
    """Carry out one ``%daft`` line, and display views and texts at once; raise DaftnbError for a slip."""
    name, words = registry.words_of(line)
    if name in _HELP:
        name = "help"
    verb = registry.find_verb(name, words)
    if any(word in _HELP for word in words):
        verb, words = registry.find_verb("help"), [name]
    verb.run(verb.parser().parse(words), session)


def run_cell(line: str, body: str, session: Session) -> None:
    """Carry out one ``%%daft`` cell; raise DaftnbError for a slip.

    ``line`` is what follows ``%%daft``, ``body`` the rest.
    """
    mode, words = registry.find_mode(split(line))
    if any(word in _HELP for word in words):
        run(f"help {mode.name or WHOLE_CELL}", session)
        return
    mode.run(mode.parser().parse(words), body, session)


def register(shell: InteractiveShell, session: Session) -> None:
    """Give the shell ``%daft`` and ``%%daft``, lines under cells, and static views that are up to date after each cell.

    A second call replaces the first. In IPython's terminal, where no line can be under a cell, there is one while it
    runs.
    """
    from daftnb.cells.lines import CellLines

    unregister(shell)

    def daft(line: str, cell: str | None = None) -> None:
        """See and steer Daft on Ray; %daft help."""
        with plainly():
            if cell is None:
                run(line, session)
            else:
                run_cell(line, cell, session)

    def before_cell(info: Any) -> None:
        if session.lines is None:
            session.terminal.begin()
        elif info.store_history:
            session.lines.begin(getattr(info, "cell_id", None))

    def after_cell(result: Any) -> None:
        if session.lines is None:
            session.terminal.end()
        elif result.info.store_history:
            session.lines.end()
        for listener in list(session.monitor.listeners):
            keep_static = getattr(listener, "keep_static", None)
            if keep_static is not None:
                keep_static()
        by_a_page = getattr(result.info, "cell_id", None) is not None  # pages name the cell, nbclient does not
        if not by_a_page and "daftnb.widgets.loading" in sys.modules:
            from daftnb.widgets.loading import leave_records

            leave_records()

    shell.register_magic_function(daft, "line_cell", "daft")
    matcher = matcher_of(shell, session)
    shell.Completer.custom_matchers.append(matcher)
    shell.input_transformers_cleanup.append(plain_cell)
    callbacks = {"pre_run_cell": before_cell, "post_run_cell": after_cell}
    for event, callback in callbacks.items():
        shell.events.register(event, callback)
    shell.user_ns_hidden[_CALLBACKS] = callbacks
    shell.user_ns_hidden[_MATCHER] = matcher
    if getattr(shell, "kernel", None) is not None:
        if not {internals.PREVIEWS, internals.RICH} & session.off.keys():
            from daftnb.widgets.display import show_widgets

            shell.user_ns_hidden[_PREVIEWS] = show_widgets(shell, session)
        session.lines = CellLines(session)
        session.lines.switch(True)
        parent = shell.get_parent()
        if parent.get("msg_type") == "execute_request":  # the cell that loads us
            session.lines.begin(parent.get("metadata", {}).get("cellId"))
    else:
        session.terminal.switch(True)


def unregister(shell: InteractiveShell) -> None:
    """Undo :func:`register`; do nothing if it was not called."""
    from daftnb.session import current_session

    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("daft", None)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if each is not shell.user_ns_hidden.get(_MATCHER)]
    shell.user_ns_hidden.pop(_MATCHER, None)
    while plain_cell in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(plain_cell)
    for event, callback in shell.user_ns_hidden.pop(_CALLBACKS, {}).items():
        shell.events.unregister(event, callback)
    put_back = shell.user_ns_hidden.pop(_PREVIEWS, None)
    if put_back is not None:
        put_back()
    session = current_session()
    if session is None:
        return
    session.terminal.switch(False)
    if session.lines is not None:
        session.lines.close()
        session.lines = None
