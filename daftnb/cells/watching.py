"""Watches a block of code for the user: gives its queries a name, settings of their own, and a line or none."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from daftnb import blocks, settings
from daftnb.cells.terminal import tell
from daftnb.errors import DaftnbError
from daftnb.telemetry.host import Host
from daftnb.text.spelling import shown

if TYPE_CHECKING:
    from daftnb.cells.lines import CellLines
    from daftnb.cells.terminal import TerminalLine

LONGEST_NAME = 60


class WatchHost(Host, Protocol):
    """What a watched block asks of a session: where its queries' lines are."""

    @property
    def lines(self) -> CellLines | None:
        """Return the lines under cells; None where there are no cells, as in a script."""

    @property
    def terminal(self) -> TerminalLine:
        """Return the line on the terminal."""


class Watch:
    """Watch a block of code: a context manager, whose ``with`` gives itself.

    Name and settings are for the queries of the thread or task that opened the block, and of the tasks and threads that
    are started in it. Blocks may overlap in threads and tasks, and end in any order; ``os.environ`` shows the settings
    of the latest that is open. When a block ends, what it set is taken back, also after an error or an interrupt. What
    the user sets meanwhile by ``%daft set``, in the panel or in ``os.environ`` holds at once, and stays;
    ``daftnb.settings.set`` in the block, on what the block sets, is for the block. In a notebook the queries have a
    line under the cell (also where ``%daft auto off`` is); elsewhere a terminal has a line while they run, and what
    became of them is told as text when the block has ended. It may be used again, also within itself.

    Parameters
    ----------
    session
        The session whose queries are watched.
    name
        What the queries are called, 1 to LONGEST_NAME printable characters; kept as an attribute. None: no name.
    quiet
        Show no line and no text.
    values
        Settings by name, for the block.

    Raises
    ------
    SettingError
        At once, if a setting is wrong.
    DaftnbError
        At once, if ``name`` cannot be.

    Examples
    --------
    >>> import daftnb
    >>> with daftnb.watch("orders", survivors=2) as watched:
    ...     daftnb.settings.current().survivors
    2
    >>> watched.queries
    []
    """

    def __init__(self, session: WatchHost, name: str | None = None, quiet: bool = False, **values: object) -> None:
        if name is not None and not (name.isprintable() and name.strip() and len(name) <= LONGEST_NAME):
            raise DaftnbError(
                f"A name has 1 to {LONGEST_NAME} characters, all printable (got {shown(name, LONGEST_NAME)}).",
                "Try name='orders'",
            )
        self.name = name
        self._session = session
        self._quiet = quiet
        self._in_cells = False
        self._variables = settings.check(**values)
        self._entered: list[tuple[blocks.Block, ExitStack]] = []  # those that are open, in the order of opening
        self._numbers: list[list[int]] = []  # of the blocks since it was last closed

    @property
    def queries(self) -> list[int]:
        """Return the numbers of the queries that began in the block.

        Returns
        -------
        list[int]
            In rising order: all of them once the block has ended, those so far before.
        """
        if self._entered:
            self._session.snapshot()  # what has been told is folded by now
        return sorted({number for numbers in self._numbers for number in numbers})

    def __enter__(self) -> Watch:
        if not self._entered:
            self._numbers = []
        self._in_cells = self._session.lines is not None
        with ExitStack() as stack:
            block = blocks.enter(self.name, self._variables, sys._getframe(1))
            stack.callback(blocks.leave, block)
            if self._session.lines is not None:
                stack.enter_context(self._session.lines.one_cell(not self._quiet))
            else:
                stack.enter_context(self._session.terminal.block(not self._quiet))
            self._entered.append((block, stack.pop_all()))
            self._numbers.append(block.numbers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        here = blocks.current()
        around = here.lineage() if here is not None else []
        entered = next((each for each in reversed(self._entered) if each[0] in around), self._entered[-1])
        block, stack = entered
        try:
            self._session.snapshot()  # every query that began in it has its number by now
        finally:
            self._entered.remove(entered)
            stack.close()
        if not self._in_cells and not self._quiet:
            tell(self._session, sorted(block.numbers))
            self._session.terminal.told(block.numbers)
