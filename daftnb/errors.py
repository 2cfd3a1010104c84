"""The errors that users see: what happened, why, and what to type next."""

from __future__ import annotations

from daftnb.text.cleaning import one_line, without_escapes
from daftnb.text.plain import printable
from daftnb.text.reasons import describe_error
from daftnb.text.redaction import redact
from daftnb.text.shorten import shortened, without_middle

LONGEST_LINE = 120  # characters of an error that is shown in one line
LONGEST_EXPLANATION = 400  # characters
LONGEST_PART = 1000  # characters of what and of remedy; what a person typed or a file holds may be any text


class DaftnbError(Exception):
    """An error with a remedy.

    ``what`` names the value or the action and why it cannot be; ``remedy`` is the next thing to type or do. In
    IPython it is shown as its :attr:`lines`, without a traceback.

    Parameters
    ----------
    what
        The value or the action, and why it cannot be; secrets in it are redacted.
    remedy
        The next thing to type or do, redacted too.

    Examples
    --------
    >>> DaftnbError("There is no query 9.", "Try %daft history").lines
    ['daftnb: There is no query 9. Try %daft history']
    """

    def __init__(self, what: str, remedy: str) -> None:
        what, remedy = redact(what), redact(remedy)
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    @property
    def lines(self) -> list[str]:
        """Return the lines as they are shown: what and remedy in one where they fit in there, else in two."""
        what, remedy = f"daftnb: {_cut(self.what)}", _cut(self.remedy)
        stop = "" if what.endswith((".", "?", "!", "…")) else "."  # what another has said ends in any way
        one = f"{what}{stop} {remedy}"
        return [one] if len(one) <= LONGEST_LINE and "\n" not in one else [what, f"        {remedy}"]

    def _render_traceback_(self) -> list[str]:
        # IPython's hook for exceptions that know how they want to be shown; it prints them on standard output.
        return [printable(line) for line in self.lines]


def _cut(text: str) -> str:
    """Return a text, without its middle where it is too long: its ends say what it is about and what is wrong."""
    return without_middle(without_escapes(text), LONGEST_PART)


# What is raised with, wherever Ray is needed and is not there.
NO_RAY = ("Ray is not installed in this environment.", 'Try: pip install "daftnb[ray]" and restart the kernel.')


class SettingError(DaftnbError, ValueError):
    """A setting's value is not one the engine may be given.

    Examples
    --------
    >>> isinstance(SettingError("threshold cannot be 0.5.", "Try 1.25"), ValueError)
    True
    """


class ClusterError(DaftnbError):
    """The embedded cluster cannot be started, or what was asked needs one that runs."""


class RecordingError(DaftnbError):
    """A recording cannot be read or written, or there is none of what was asked for."""


class QueryCancelled(DaftnbError):
    """A query was cancelled from another thread or cell than its own.

    Parameters
    ----------
    query_id
        Daft's id of the query; kept as an attribute.

    Examples
    --------
    >>> str(QueryCancelled("q1"))
    'Query q1 was cancelled. If you did not mean to cancel it, run it again.'
    """

    def __init__(self, query_id: str) -> None:
        super().__init__(f"Query {query_id} was cancelled.", "If you did not mean to cancel it, run it again.")
        self.query_id = query_id


class SqlError(DaftnbError):
    r"""A SQL text cannot be run.

    Parameters
    ----------
    what, remedy
        As in :class:`DaftnbError`.
    place
        Where: the line of the text, and a caret under it. Empty: nowhere in particular.

    Examples
    --------
    >>> print(*SqlError("There is no column b.", "Try a", ("SELECT b", "       ^")).lines, sep="\n")
    daftnb: There is no column b.
            SELECT b
                   ^
            Try a
    """

    def __init__(self, what: str, remedy: str, place: tuple[str, ...] = ()) -> None:
        super().__init__(what, remedy)
        self.place = place

    @property
    def lines(self) -> list[str]:
        """Return the lines as they are shown: with a place what, the line, the caret and the remedy, a line each."""
        if not self.place:
            return super().lines
        return [f"daftnb: {_cut(self.what)}", *(f"        {line}" for line in (*self.place, self.remedy))]


def is_reportable(error: BaseException) -> bool:
    """Return True if an error is to be told, not raised: all but interrupts and the like.

    Rust's panics are told too, though they are no Exceptions.

    Parameters
    ----------
    error
        What was caught.

    Returns
    -------
    bool
        False for KeyboardInterrupt, SystemExit and the like, which are to go on.
    """
    return isinstance(error, Exception) or is_panic(error)


def is_panic(error: BaseException) -> bool:
    """Return True if Daft's Rust side gave up: PyO3's exception for that is no Exception, and cannot be imported.

    Parameters
    ----------
    error
        What was caught.

    Returns
    -------
    bool
        True for PyO3's PanicException (the crate ``pyo3``, ``src/panic.rs``).
    """
    return type(error).__name__ == "PanicException"


def explain(error: BaseException) -> str:
    """Return an error in one or two sentences: the reason first, which is the last exception's.

    Parameters
    ----------
    error
        Of daftnb, of Daft, of Ray or of the user's code.

    Returns
    -------
    str
        One line, without secrets and terminal escapes; of others' errors at most 400 characters.

    Examples
    --------
    >>> explain(ValueError("no such column"))
    'ValueError: no such column'
    """
    if isinstance(error, DaftnbError):
        return one_line(redact(f"{error.what} {error.remedy}".strip()))
    if is_panic(error) and "NulError" in str(error):
        return "A name has a null character, which Arrow does not allow. Rename it: df.with_column_renamed(…)"
    return shortened(describe_error(error), LONGEST_EXPLANATION)
