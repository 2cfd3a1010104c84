"""Splits a ``%daft`` line into words and parses them; a mistake becomes a DaftnbError that says what to type."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from daftnb.commands.meant import harmless
from daftnb.errors import DaftnbError
from daftnb.text.spelling import nearest, shown

if TYPE_CHECKING:
    from daftnb.session import Session


@dataclass(frozen=True, slots=True)
class Place:
    """Where Tab was pressed: the word so far, the notebook's variables, the words before it on the line."""

    word: str
    session: Session
    variables: dict[str, Any]
    before: tuple[str, ...] = ()


Source = Callable[[Place], Iterable[str]]


def split(line: str) -> list[str]:
    """Return the words of a line, as a shell reads them, without a comment at its end.

    Raises DaftnbError for an open quote.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars="")
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        while (word := lexer.get_token()) is not None and not word.startswith("#"):
            words.append(word)
    except ValueError as error:
        reason = str(error)[:1].lower() + str(error)[1:]
        raise DaftnbError(f"%daft cannot read {shown(line)}: {reason}.", "Try %daft help") from None
    return words


def around(text: str) -> list[str]:
    """Return the words of a line with code in it; the code is one word, as it is.

    Options with a value each may stand before the code or after it.
    """
    before: list[str] = []
    after: list[str] = []
    while found := _FIRST_OPTION.match(text):
        before += found.group(1).replace("=", " ", 1).split()
        text = text[found.end() :]
    while found := _LAST_OPTION.search(text):
        after = [*found.group(1).replace("=", " ", 1).split(), *after]
        text = text[: found.start()]
    return [*before, *([text.strip()] if text.strip() else []), *after]


_FIRST_OPTION = re.compile(r"\s*(--[a-z]+(?:=|\s+)[^\s-]\S*)\s+")
_LAST_OPTION = re.compile(r"\s(--[a-z]+(?:=|\s+)[^\s-]\S*)\s*$")


class Parser(argparse.ArgumentParser):
    """argparse's, but that a slip is a DaftnbError which says what to type, and that Tab can be told what there is.

    ``sources``: for an argument (by its ``dest``) what may stand there; argparse's ``choices`` need none. ``instead``:
    of words that cannot be read, the error that says what to type, where it is known what was meant.
    """

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog=prog, **{"add_help": False, "exit_on_error": False, **options})
        self.sources: dict[str, Source] = {}
        self.instead: Callable[[list[str]], DaftnbError | None] | None = None

    def parse(self, words: list[str]) -> argparse.Namespace:
        """Return the arguments; raise DaftnbError if the words cannot be read."""
        try:
            arguments, left = self.parse_known_args(words)
        except argparse.ArgumentError as slip:
            self.error(str(slip).removeprefix("argument "))
        if left:
            known = self.instead and self.instead(left)
            if known:
                raise known
            self._unknown(left[0])
        return arguments

    def error(self, message: str) -> NoReturn:
        """Raise a DaftnbError with this message."""
        raise DaftnbError(f"{self.prog}: {message}.", f"Try {self._help_line()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise a DaftnbError: nothing ends a kernel from here."""
        self.error(message or "that is all")

    def _help_line(self) -> str:
        magic, *names = self.prog.split()
        return " ".join([magic.replace("%%", "%"), "help", *names[:1]])

    def _unknown(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            raise DaftnbError(f"{self.prog} does not take {shown(word)}.", f"Try {self._help_line()}")
        options = [option for action in self._actions for option in action.option_strings]
        name = word.partition("=")[0]
        near = nearest(name, options)
        there = f" (there are {', '.join(options)})" if options else " (it has none)"
        raise DaftnbError(
            f"{self.prog} has no option {shown(name)}{there}.",
            f"Try {self.prog} {near}" if near else f"Try {self._help_line()}",
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse's own message ends in a list; ours in the nearest.
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            name = action.option_strings[0] if action.option_strings else (action.metavar or action.dest)
            near = harmless(str(value), choices)
            option = f" {name}" if action.option_strings else ""
            raise DaftnbError(
                f"{self.prog}: {name} cannot be {shown(str(value))}: it must be one of {', '.join(choices)}.",
                f"Try {self.prog}{option} {near or choices[0]}",
            )

    def _get_value(self, action: argparse.Action, text: str) -> Any:
        kind = action.type
        if kind is not int and kind is not float:
            return super()._get_value(action, text)  # type: ignore[misc]  # argparse's, not in its stubs
        try:
            return kind(text)
        except ValueError:
            name = action.option_strings[0] if action.option_strings else (action.metavar or action.dest)
            number = "a whole number" if kind is int else "a number"
            raise DaftnbError(
                f"{self.prog}: {name} cannot be {shown(text)}: it is not {number}.", f"Try {self._help_line()}"
            ) from None
