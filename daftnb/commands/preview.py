"""The verb ``preview``: shows a dataframe of Daft, pandas, polars, pyarrow or duckdb as a table of all its rows."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.values import short_name, value_of
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError

if TYPE_CHECKING:
    from daftnb.session import Session


def _options(parser: Parser) -> None:
    parser.add_argument("frame", metavar="EXPRESSION", help="a dataframe: its name, or Python code that gives one")
    parser.sources["frame"] = sources.dataframes
    parser.add_argument("--limit", type=int, metavar="N", help="run its first N rows now, and show them")


def _preview(arguments: Namespace, session: Session) -> None:
    from daftnb.engine import internals
    from daftnb.widgets.preview import preview_of

    if internals.RICH in session.off:
        raise DaftnbError(session.off[internals.RICH], "Use Daft's own: df.show().")
    text = arguments.frame
    show(preview_of(session, value_of(text), arguments.limit, short_name(text), text), session)


VERBS = (
    Verb(
        "preview", "data", "show a dataframe as a table over all of its rows: scroll, sort, filter, summarise",
        _preview, _options,
        ("%daft preview df", '%daft preview df.where(col("a") > 1)', "%daft preview df --limit 100"),
        verbatim=True,
    ),
)  # fmt: skip
