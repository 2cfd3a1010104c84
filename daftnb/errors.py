"""Errors a person sees: what happened, why, and what to type next. Never a traceback for a slip."""

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
    """A setting's value is not one the engine may be given."""


class ClusterError(DaftnbError):
    """The embedded cluster cannot be started, or what was asked needs one that runs."""


class RecordingError(DaftnbError):
    """A recording cannot be read or written, or there is none of what was asked for."""


class QueryCancelled(DaftnbError):
    """A query was cancelled from another thread or cell than its own."""

    def __init__(self, query_id: str) -> None:
        super().__init__(f"Query {query_id} was cancelled.", "Run it again if it was not meant to be.")
        self.query_id = query_id


class SqlError(DaftnbError):
    """A SQL text cannot be run. ``place`` shows where: the line of the text, and a caret under it; or nothing."""

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
    """
    return isinstance(error, Exception) or is_panic(error)


def is_panic(error: BaseException) -> bool:
    """Return True if Daft's Rust side gave up: PyO3's exception for that is no Exception, and cannot be imported."""
    return type(error).__name__ == "PanicException"


def explain(error: BaseException) -> str:
    """Return an error in one or two sentences: the reason first, which is the last exception's."""
    if isinstance(error, DaftnbError):
        return one_line(redact(f"{error.what} {error.remedy}".strip()))
    if is_panic(error) and "NulError" in str(error):
        return "A name in it has a null character, which Arrow cannot have. Rename it: df.with_column_renamed(…)"
    return shortened(describe_error(error), LONGEST_EXPLANATION)
