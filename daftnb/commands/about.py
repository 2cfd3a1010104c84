"""The verbs ``help``, ``version`` and ``doctor``: what there is to type, what is installed, what is wrong."""

from __future__ import annotations

import platform
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from daftnb._version import __version__
from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb

if TYPE_CHECKING:
    from daftnb.session import Session


def _help_options(parser: Parser) -> None:
    parser.add_argument("topic", nargs="?", metavar="VERB", help="a verb, or a mode of %%%%daft")
    parser.sources["topic"] = sources.topics


def _help(arguments: Namespace, session: Session) -> None:
    from daftnb.commands.helping import help_text, topic_text

    print(help_text() if arguments.topic is None else topic_text(arguments.topic))


def version_text() -> str:
    """Return the versions of daftnb and of what it stands on, a line each."""
    lines = [f"daftnb    {__version__}"]
    for package in ("daft", "ray", "ipython", "ipykernel", "anywidget", "pyarrow", "pandas"):
        try:
            lines.append(f"{package:<9} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package:<9} not installed")
    return "\n".join([*lines, f"{'python':<9} {platform.python_version()}"])


def _version(arguments: Namespace, session: Session) -> None:
    print(version_text())


def _doctor(arguments: Namespace, session: Session) -> None:
    from daftnb.doctor import page as probe

    probe.show(session)


VERBS = (
    Verb("doctor", "about", "check the whole setup line by line, and say what to fix", _doctor,
         examples=("%daft doctor",)),
    Verb("version", "about", "show the versions of daftnb, Daft, Ray and what they depend on", _version,
         examples=("%daft version",)),
    Verb("help", "about", "show this text; %daft help start explains start", _help, _help_options,
         ("%daft help", "%daft help save")),
)  # fmt: skip
