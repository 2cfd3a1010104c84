"""The autoscaling settings from a line: they act on the next query."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb.commands.parsing import Parser, shown
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError
from daftnb.settings import find

if TYPE_CHECKING:
    from daftnb.session import Session


def assignments(words: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as name → text; DaftnbError where one is not that, or names no setting."""
    values = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise DaftnbError(f"{shown(word)} is not NAME=VALUE.", f"Try %daft set {find(name).name}=…")
        values[find(name).name] = text
    return values


def settings_text(session: Session) -> str:
    """What is set, and what is in effect."""
    from daftnb.widgets.controls import controls_text

    return controls_text(session.frame()["settings"])


def _set_options(parser: Parser) -> None:
    parser.add_argument("assignments", nargs="+", metavar="NAME=VALUE", help="threshold=1.5, downscale=off, …")


def _set(arguments: Namespace, session: Session) -> None:
    values = assignments(arguments.assignments)
    session.set(**values)
    print(settings_text(session))


def _settings(arguments: Namespace, session: Session) -> None:
    print(settings_text(session))


VERBS = (
    Verb(
        "settings", "settings", "what is set, and what is in effect: read back from the cluster at the last query",
        _settings, examples=("%daft settings",),
    ),
    Verb(
        "set", "settings", "set one or more: %daft set threshold=2",
        _set, _set_options, ("%daft set threshold=2", "%daft set downscale=off survivors=2"),
    ),
)  # fmt: skip
