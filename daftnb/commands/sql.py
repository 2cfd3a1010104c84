"""The cell magic ``%%daft sql``: runs a SQL statement as a cell."""

from __future__ import annotations

import keyword
from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.verb import Mode
from daftnb.errors import DaftnbError, SqlError
from daftnb.previews.naming import notebook_variables
from daftnb.text.spelling import shown

if TYPE_CHECKING:
    from daft import DataFrame

    from daftnb.session import Session

RESULT = "_df"  # the result's name where none was given
ROWS = 10
FIRST_WORDS = ("SELECT", "WITH", "SHOW", "DESCRIBE", "USE", "CREATE", "INSERT", "FROM", "VALUES")
FIRST_LINE = 2  # of the SQL, as an editor numbers the cell's lines


def preview(df: DataFrame, rows: int) -> None:
    """Run as much of a dataframe as it takes to show its first rows; with 0 rows show its columns, and run nothing."""
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
    parser.instead = _instead


def _instead(words: list[str]) -> DaftnbError | None:
    """Return the error for a first line that is written as in other SQL cells; None where it is not."""
    first, *rest = words
    name, _, joined = first.partition("<<")
    if joined or "<<" in first or rest[:1] == ["<<"] or (rest and rest[0].startswith("<<")):
        what = f"{shown(name + ' <<')} is how other SQL cells name a result."
        return DaftnbError(what, f"Try %%daft sql --as {name or 'result'}, with the SQL on the next line")
    if first.upper() in FIRST_WORDS:
        return DaftnbError("The SQL begins on the cell's second line.", "Try %%daft sql alone on the first")
    if first in ("-o", "--output", "--out", "--into", "--save", "-r", "--result"):
        return DaftnbError(
            f"%%daft sql has no option {shown(first)}.", f"Try %%daft sql --as {(rest or ['result'])[0]}"
        )
    if first.isidentifier():
        return DaftnbError(f"%%daft sql does not take {shown(first)}.", f"Try %%daft sql --as {first}")
    return None


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

        show(Plan.of(session, session.off, outcome.df, name), session)
    else:
        _preview(outcome.df, arguments.limit)
    for note in outcome.notes:  # after the rows: Daft's display clears what is there
        print(f"note: {note}")


def _preview(df: DataFrame, rows: int) -> None:
    from daft.exceptions import DaftCoreException

    from daftnb.sql.said import clean
    from daftnb.text.reasons import reason_of

    try:
        preview(df, rows)
    except DaftCoreException as error:
        text = str(error)
        wrapped = "ray::" in text or "DaftError::PyO3Error" in text  # a UDF's own exception, far down in it
        why = reason_of(error).first if wrapped else clean(text)
        raise SqlError(f"the query failed: {why}.", "Its dataframe is kept: try %%daft sql --explain") from error


MODES = (
    Mode(
        "sql", "run SQL over the notebook's dataframes and Daft's tables; {python} is a value",
        _sql, _options,
        (
            "%%daft sql\nSELECT * FROM df WHERE price > {limit} AND city IN {cities}",
            "%%daft sql --as totals --limit 20\nSELECT city, sum(price) AS total FROM df GROUP BY city",
            "%%daft sql --explain\nSELECT * FROM read_parquet({path})",
        ),
    ),
)  # fmt: skip
