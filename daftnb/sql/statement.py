"""Runs one SQL statement over a notebook's dataframes and the session's catalogs, as ``daft.sql`` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daftnb.errors import is_panic
from daftnb.sql.binding import Bound, bind, own_names
from daftnb.sql.foreign import explain_foreign, quoted_values
from daftnb.sql.said import explain

if TYPE_CHECKING:
    from daft import DataFrame

RESERVED = ("sql", "register_globals")  # parameters of daft.sql
WITHOUT_RESULT = ("USE", "CREATE")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``df``: the result, which has not run; None after a statement that has none (USE, CREATE TABLE).

    ``word``: the statement's first one. ``notes``: what is good, but perhaps not meant.
    """

    df: DataFrame | None
    word: str
    notes: tuple[str, ...] = ()


def run(source: str, variables: Mapping[str, Any], first_line: int = 1, option: str = "") -> Outcome:
    """Plan one statement. USE and CREATE TABLE take effect; no query runs.

    ``variables``: the notebook's. Those that are Daft dataframes are tables, in front of the session's; ``{…}`` is
    evaluated with them. ``option``: what was asked for that only a result can give. Raises SqlError, which points into
    the source; its first line counts as ``first_line``.
    """
    import daft

    bound = bind(source, variables, first_line)
    if not bound.tokens:
        raise bound.problem("there is no SQL in this cell", "Try SELECT * FROM df", None)
    word = bound.tokens[0].upper
    _refuse(bound, word, option)
    tables = tables_of(bound, variables)
    try:
        df = daft.sql(bound.text, register_globals=False, **tables)
    except BaseException as error:
        if not (is_panic(error) or type(error).__module__.startswith("daft.")):
            raise
        raise explain_foreign(bound, variables) or explain(error, bound, variables, tables) from error
    return Outcome(None if word in WITHOUT_RESULT else df, word, tuple(quoted_values(bound.tokens, variables)))


def tables_of(bound: Bound, variables: Mapping[str, Any]) -> dict[str, DataFrame]:
    """Return the notebook's dataframes that the statement names, but for names that it gives itself (WITH name AS …).

    Those are left out because Daft takes a name of WITH that is also a dataframe's for one that is given twice. Raises
    SqlError for a dataframe with the name of a parameter of ``daft.sql``.
    """
    from daft import DataFrame

    own = own_names(bound)
    found = {}
    for token in bound.tokens:
        name = token.identifier
        if name is None or name in own or not isinstance(variables.get(name), DataFrame):
            continue
        if name in RESERVED:
            raise bound.problem(
                f"a dataframe called {name!r} cannot be a table, as daft.sql has a parameter of that name",
                f"Give it another name: frame = {name}",
                token.start,
            )
        found[name] = variables[name]
    return found


def _refuse(bound: Bound, word: str, option: str) -> None:
    """Raise SqlError for what Daft refuses badly: SET ends in a panic (daft-sql/src/statement.rs)."""
    at = bound.tokens[0].start
    if option and word in WITHOUT_RESULT:
        raise bound.problem(f"{word} has no result for {option}", f"Leave {option} out", at)
    if word == "SET":
        raise bound.problem("Daft's SQL has no SET", "Daft's own settings: daft.set_execution_config(…)", at)
    if word in ("EXPLAIN", "DESC"):
        raise bound.problem(
            f"Daft's SQL has no {word}",
            "Try %%daft sql --explain, with the query alone" if word == "EXPLAIN" else "Try DESCRIBE",
            at,
        )
