"""What there is to type: ``%daft help``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb

if TYPE_CHECKING:
    from daftnb.session import Session


def _help_options(parser: Parser) -> None:
    parser.add_argument("topic", nargs="?", metavar="VERB", help="a verb, or a mode of %%%%daft")


def _help(arguments: Namespace, session: Session) -> None:
    from daftnb.commands.helping import help_text, topic_text

    print(help_text() if arguments.topic is None else topic_text(arguments.topic))


VERBS = (
    Verb("help", "about", "this text; %daft help start says more of start", _help, _help_options,
         ("%daft help", "%daft help save")),
)  # fmt: skip
