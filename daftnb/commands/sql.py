"""``%%daft sql``: a SQL statement as a cell."""

from __future__ import annotations

import keyword
from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.verb import Mode
from daftnb.commands.views import notebook_variables
from daftnb.errors import DaftnbError, SqlError
from daftnb.spelling import shown

if TYPE_CHECKING:
    from daft import DataFrame

    from daftnb.session import Session

RESULT = "_df"  # the result's name where none was given
ROWS = 10
FIRST_LINE = 2  # of the SQL, as an editor numbers the cell's lines


def preview(df: DataFrame, rows: int) -> None:
    """Run as much of it as it takes to show its first rows; with 0 rows show its columns alone, and run nothing."""
    from IPython.display import display

    if rows:
        df.show(rows)
    else:
        display(df)


def _options(parser: Parser) -> None:
    parser.add_argument("--as", dest="name", default=RESULT, metavar="NAME", help=f"the result's name ({RESULT})")
    parser.add_argument("--limit", type=int, default=ROWS, metavar="N", help=f"rows to show ({ROWS}); 0: run nothing")
    parser.add_argument("--explain", action="store_true", help="show the plan, and run nothing")
    parser.sources["name"] = sources.dataframes


def _sql(arguments: Namespace, body: str, session: Session) -> None:
    from daftnb.sql import statement

    name = arguments.name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise DaftnbError(f"--as {shown(name)} is not the name of a variable.", "Try %%daft sql --as result")
    if arguments.limit < 0:
        raise DaftnbError(f"--limit must be at least 0 (got {arguments.limit}).", "Try %%daft sql --limit 10")
    variables = notebook_variables()
    option = "--explain" if arguments.explain else "--as" if name != RESULT else ""
    outcome = statement.run(body, variables, FIRST_LINE, option)
    if outcome.df is None:
        print(f"{outcome.word}: done")
        return
    variables[name] = outcome.df
    if arguments.explain:
        from daftnb.widgets.views import Plan

        show(Plan.of(session, outcome.df, name), session)
    else:
        _preview(outcome.df, arguments.limit)
    for note in outcome.notes:  # after the rows: Daft's display clears what is there
        print(f"note: {note}")


def _preview(df: DataFrame, rows: int) -> None:
    from daft.exceptions import DaftCoreException

    from daftnb.sql.said import clean

    try:
        preview(df, rows)
    except DaftCoreException as error:
        raise SqlError(
            f"the query failed: {clean(str(error))}.", "Its dataframe is kept; %%daft sql --explain"
        ) from error


MODES = (
    Mode(
        "sql", "SQL over the notebook's dataframes and Daft's tables; {python} is a value",
        _sql, _options,
        (
            "%%daft sql\nSELECT * FROM df WHERE price > {limit} AND city IN {cities}",
            "%%daft sql --as totals --limit 20\nSELECT city, sum(price) AS total FROM df GROUP BY city",
            "%%daft sql --explain\nSELECT * FROM read_parquet({path})",
        ),
    ),
)  # fmt: skip
