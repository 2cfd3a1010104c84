"""A dataframe as a table over all of its rows, also one of pandas, polars, pyarrow or duckdb."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError
from daftnb.spelling import nearest, shown

if TYPE_CHECKING:
    from daftnb.session import Session

LONGEST_NAME = 60  # characters of an expression that a preview is called by


def _options(parser: Parser) -> None:
    parser.add_argument("frame", metavar="EXPRESSION", help="a dataframe: its name, or Python that gives one")
    parser.sources["frame"] = sources.dataframes
    parser.add_argument("--limit", type=int, metavar="N", help="its first N rows, which run now")


def _preview(arguments: Namespace, session: Session) -> None:
    import daftnb

    text = arguments.frame
    name = text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
    show(daftnb.preview(value_of(text), limit=arguments.limit, name=name), session)


def value_of(text: str) -> Any:
    """What an expression gives in the notebook. DaftnbError if it is none, or names what is not there.

    What the expression itself raises goes through: it is the user's code.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    variables: dict[str, Any] = {} if shell is None else shell.user_ns
    if text.isidentifier() and text not in variables:
        near = nearest(text, sources.dataframe_names(variables))
        raise DaftnbError(
            f"there is nothing called {shown(text)} in this notebook.", f"Try %daft preview {near or 'df'}"
        )
    try:
        code = compile(text, "<%daft preview>", "eval")
    except (SyntaxError, ValueError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise DaftnbError(
            f"%daft preview cannot read {shown(text)}: {reason}.", 'Try %daft preview df, or df.where(col("a") > 1)'
        ) from None
    return eval(code, variables)


VERBS = (
    Verb(
        "preview", "data", "a dataframe as a table over all of its rows: scroll, sort, filter, summarise",
        _preview, _options,
        ("%daft preview df", '%daft preview df.where(col("a") > 1)', "%daft preview df --limit 100"),
        verbatim=True,
    ),
)  # fmt: skip
