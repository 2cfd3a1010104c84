"""A block of code, watched: a name for its queries, settings for it alone, and a line about them or none."""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from daftnb import settings
from daftnb.errors import DaftnbError
from daftnb.terminal import tell

if TYPE_CHECKING:
    from daftnb.session import Session

LONGEST_NAME = 60


class Watch:
    """A context manager; ``with`` gives itself.

    Settings and name are the whole process's, as ``os.environ`` is: a query that another thread starts meanwhile has
    them too. The settings are put back as they were at the end, also after an error or an interrupt. In a notebook the
    queries have a line under the cell (also where ``%daft auto off`` is); elsewhere a terminal has a line while they
    run, and what became of them is told as text when the block has ended; ``quiet``: nothing of that. Raises
    DaftnbError (SettingError) at once where a value cannot be.
    """

    def __init__(self, session: Session, name: str | None = None, quiet: bool = False, **values: object) -> None:
        if name is not None and not (name.isprintable() and name.strip() and len(name) <= LONGEST_NAME):
            raise DaftnbError(
                f"A name has 1 to {LONGEST_NAME} characters, all printable (got {name[:LONGEST_NAME]!r}).",
                "Try name='orders'",
            )
        settings.check(**values)
        self.name = name
        self._session = session
        self._quiet = quiet
        self._values = values
        self._stack = ExitStack()
        self._first = 0
        self._last: int | None = 0

    @property
    def queries(self) -> list[int]:
        """The numbers of the queries that began in the block: all of them when it has ended, before that so far."""
        last = _count(self._session) if self._last is None else self._last
        return list(range(self._first + 1, last + 1))

    def __enter__(self) -> Watch:
        self._first, self._last = _count(self._session), None
        with ExitStack() as stack:
            for name in self._values:
                variable = settings.find(name).env
                stack.callback(_put_back, variable, os.environ.get(variable))
            settings.set(**self._values)
            if self.name is not None:
                self._session.names.append(self.name)
                stack.callback(self._forget, self.name)
            if self._session.lines is not None:
                stack.enter_context(self._session.lines.one_cell(not self._quiet))
            else:
                stack.enter_context(self._session.terminal.block(not self._quiet))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._last = _count(self._session)
        finally:
            self._stack.close()
        if self._session.lines is None and not self._quiet:
            tell(self._session, self.queries)
            self._session.terminal.told(self.queries)

    def _forget(self, name: str) -> None:
        names = self._session.names
        del names[len(names) - 1 - names[::-1].index(name)]  # the innermost of that name


def _count(session: Session) -> int:
    """How many queries there were so far."""
    session.frame()  # what has been told is folded by now
    return session.monitor.read(lambda state: state.query_count)


def _put_back(variable: str, text: str | None) -> None:
    if text is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = text
