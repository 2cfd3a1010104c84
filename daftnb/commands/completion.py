"""Completes a ``%daft`` line on Tab: verbs, modes, options and arguments.

It is one of IPython's matchers (``Completer.custom_matchers``, the API of version 2, since 8.6), which the terminal and
ipykernel both ask. It says itself what it completes, so that ``threshold=o`` or ``ray://he`` is one word.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from daftnb.clock import steady as time
from daftnb.commands import registry
from daftnb.commands.parsing import Parser, Place, split
from daftnb.errors import DaftnbError
from daftnb.telemetry import events as e

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.session import Session

IDENTIFIER = "daftnb"
_LINE = re.compile(r"\s*(%{1,2})daft\s+(.*)", re.DOTALL)


def complete(line: str, session: Session, variables: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the word at the end of a line up to the cursor, and what it may become; nothing where it is not ours."""
    found = _LINE.fullmatch(line)
    if found is None:
        return "", []
    rest = found[2]
    word = re.split(r"\s", rest)[-1]
    try:
        before = split(rest[: len(rest) - len(word)])
    except DaftnbError:  # inside quotes
        return word, []
    offered = _offered(found[1] == "%%", Place(word, session, variables, tuple(before)))
    return word, [text for text in dict.fromkeys(offered) if text.startswith(word)]


def _offered(cell: bool, place: Place) -> Iterable[str]:
    before = place.before
    if cell:
        names = [name for name in registry.modes() if name]
        if not before and not place.word.startswith("-"):
            return [*names, *_options(registry.modes()[""].parser())] if "" in registry.modes() else names
        name, words = ("", before) if not before or before[0].startswith("-") else (before[0], before[1:])
        known: Any = registry.modes()
    else:
        if not before:
            return list(registry.verbs())
        name, words, known = before[0], before[1:], registry.verbs()
    if name not in known:
        return ()
    return _arguments(known[name].parser(), list(words), place)


def _options(parser: Parser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings if option.startswith("--")]


def _arguments(parser: Parser, words: list[str], place: Place) -> Iterable[str]:
    """Return what may stand after ``words``: the value of an option that is open, the next argument, the options."""
    places = [action for action in parser._actions if not action.option_strings]
    open_: argparse.Action | None = None
    values = 0  # that the open option has, or the argument at whose place we are
    given: list[str] = []
    for word in words:
        option = next((action for action in parser._actions if word in action.option_strings), None)
        if option is not None:
            given += option.option_strings
            open_, values = (option, 0) if _most(option) else (None, 0)
        elif open_ is not None:
            values += 1
            if values >= _most(open_):
                open_, values = None, 0
        elif places:
            if isinstance(places[0], argparse._SubParsersAction):
                inner: Any = places[0].choices.get(word)
                return () if inner is None else _arguments(inner, words[words.index(word) + 1 :], place)
            values += 1
            if values >= _most(places[0]):
                places, values = places[1:], 0
    if open_ is not None:
        found = list(_values(parser, open_, place))
        if values == 0 or not place.word.startswith("-"):
            return found
    following = list(_values(parser, places[0], place)) if places and not place.word.startswith("-") else []
    repeated = {option for action in parser._actions if _most(action) > 1 for option in action.option_strings}
    return [*following, *(option for option in _options(parser) if option not in given or option in repeated)]


def _most(action: argparse.Action) -> float:
    """Return how many words an argument takes at most."""
    if isinstance(action.nargs, int):
        return action.nargs
    return {None: 1.0, "?": 1.0}.get(action.nargs, float("inf"))


def _values(parser: Parser, action: argparse.Action, place: Place) -> Iterable[str]:
    source = parser.sources.get(action.dest)
    if source is not None:
        return source(place)
    return [str(choice) for choice in action.choices or ()]


# -- IPython's side ---------------------------------------------------------------------------------------------------


def matcher_of(shell: InteractiveShell, session: Session) -> Callable[[Any], dict[str, Any]]:
    """Return a matcher for this shell.

    It never raises: an error is told as a problem, and nothing is offered.
    """
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher(identifier=IDENTIFIER)  # type: ignore[untyped-decorator]  # IPython is not typed here
    def matcher(context: Any) -> dict[str, Any]:
        word = ""
        found: list[str] = []
        try:
            line = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
            word, found = complete(line, session, shell.user_ns)
        except Exception as error:
            session.monitor.emit(e.ProblemFound.of(time.time(), "Tab in a %daft line failed", error))
        return {
            "completions": [SimpleCompletion(text, type="magic") for text in found],
            "matched_fragment": word,
            "ordered": True,
            "suppress": bool(found),
        }

    return matcher
