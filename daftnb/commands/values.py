"""Evaluates an expression of a ``%daft`` line with the notebook's variables."""

from __future__ import annotations

from typing import Any

from daftnb.commands import sources
from daftnb.errors import DaftnbError
from daftnb.previews.naming import notebook_variables
from daftnb.text.shorten import shortened
from daftnb.text.spelling import nearest, shown

LONGEST_NAME = 60  # characters of an expression that a view is called by


def value_of(text: str, verb: str = "preview", what: str = "nothing") -> Any:
    """Return what an expression gives in the notebook.

    ``what``: what is missed, in the error. Raises DaftnbError if the text is no expression, or names what is not there.
    What the expression itself raises goes through: it is the user's code.
    """
    variables = notebook_variables()
    if text.isidentifier() and text not in variables:
        raise no_such(text, verb, what)
    try:
        code = compile(text, f"<%daft {verb}>", "eval")
    except (SyntaxError, ValueError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise DaftnbError(
            f"%daft {verb} cannot read {shown(text)}: {reason}.", f'Try %daft {verb} df, or df.where(col("a") > 1)'
        ) from None
    return eval(code, variables)


def no_such(name: str, verb: str, what: str) -> DaftnbError:
    """Return the error for a name that is not there, with the dataframe that is nearest."""
    near = nearest(name, sources.dataframe_names(notebook_variables()))
    return DaftnbError(f"there is {what} called {shown(name)} in this notebook.", f"Try %daft {verb} {near or 'df'}")


def short_name(text: str) -> str:
    """Return an expression as the name of a view, cut where it is long."""
    return shortened(text, LONGEST_NAME)
