"""Describes a verb of ``%daft`` and a mode of ``%%daft``.

::

    def _options(parser: Parser) -> None:
        parser.add_argument("query", nargs="?", metavar="ID", help="the query's id (the latest that is running)")
        parser.sources["query"] = sources.running  # what Tab offers for it; argparse's choices need no source

    def _run(arguments: Namespace, session: Session) -> None:
        ...  # prints and displays; raises DaftnbError for a slip

    VERBS = (Verb("cancel", "queries", "end a query that runs", _run, _options, ("%daft cancel",)),)
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daftnb.commands.parsing import Parser

if TYPE_CHECKING:
    from daftnb.session import Session

# The groups of the help, in its order, with their headings.
GROUPS = {
    "cluster": "Where queries run",
    "views": "See what a query does",
    "settings": "Autoscaling settings (they act on the next query)",
    "queries": "Queries and recordings",
    "data": "Data",
    "jobs": "Jobs, which outlive the kernel",
    "about": "About",
}


def no_options(parser: Parser) -> None:
    """Add no options to the parser: for a verb that takes none."""


def _parser(title: str, options: Callable[[Parser], None]) -> Parser:
    parser = Parser(title)
    options(parser)
    return parser


@dataclass(frozen=True, slots=True)
class Verb:
    """``%daft NAME …``. ``help`` is one line without a full stop; ``examples`` are lines as they are typed.

    ``options`` gives the verb's arguments to a fresh parser, by argparse's own means. ``verbatim``: its argument is
    code, which is not read as a shell would; only options before and after it are.
    """

    name: str
    group: str
    help: str
    run: Callable[[Namespace, Session], None]
    options: Callable[[Parser], None] = no_options
    examples: tuple[str, ...] = ()
    verbatim: bool = False

    @property
    def title(self) -> str:
        """Return the verb as it is typed."""
        return f"%daft {self.name}"

    def parser(self) -> Parser:
        """Return a parser of what comes after the name."""
        return _parser(self.title, self.options)


@dataclass(frozen=True, slots=True)
class Mode:
    """``%%daft NAME …``, the rest of the cell being ``body``; the mode without a name is that of a Python cell."""

    name: str
    help: str
    run: Callable[[Namespace, str, Session], None]
    options: Callable[[Parser], None] = no_options
    examples: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return the mode as it is typed."""
        return f"%%daft {self.name}".rstrip()

    def parser(self) -> Parser:
        """Return a parser of what comes after the name."""
        return _parser(self.title, self.options)
