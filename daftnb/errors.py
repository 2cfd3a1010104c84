"""Errors a person sees: what happened, why, and what to type next. Never a traceback for a slip."""

from __future__ import annotations

LONGEST_LINE = 120  # characters of an error that is shown in one line
LONGEST_PART = 1000  # characters of what and of remedy; what a person typed or a file holds may be any text


class DaftnbError(Exception):
    """An error with a remedy.

    ``what`` names the value or the action and why it cannot be; ``remedy`` is the next thing to type or do. In
    IPython it is shown as its :attr:`lines`, without a traceback.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    @property
    def lines(self) -> list[str]:
        """As it is shown: what and remedy in one line where they fit in there, else in two."""
        what, remedy = f"daftnb: {_cut(self.what)}", _cut(self.remedy)
        stop = "" if what.endswith((".", "?", "!", "…")) else "."  # what another has said ends in any way
        one = f"{what}{stop} {remedy}"
        return [one] if len(one) <= LONGEST_LINE and "\n" not in one else [what, f"        {remedy}"]

    def _render_traceback_(self) -> list[str]:
        # IPython's hook for exceptions that know how they want to be shown.
        return self.lines


def _cut(text: str) -> str:
    """Without the middle of a text that is too long: its ends say what it is about, and what is wrong with it."""
    half = LONGEST_PART // 2
    return text if len(text) <= LONGEST_PART else f"{text[:half]} … {text[-half:]}"


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
        """As it is shown: with a place what, the line, the caret and the remedy, each in a line of its own."""
        if not self.place:
            return super().lines
        return [f"daftnb: {_cut(self.what)}", *(f"        {line}" for line in (*self.place, self.remedy))]
