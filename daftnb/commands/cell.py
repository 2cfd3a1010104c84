"""The cell magic ``%%daft``: runs a cell of Python as a watched block.

Its first line becomes a call that begins the watching, and the rest stays as it is; IPython's own event of the cell's
end ends it. So it is an ordinary cell: what its last line gives is shown, errors have their traceback with the right
lines, ``await`` works, and nothing of IPython's is run twice.
"""

from __future__ import annotations

import re
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.tuning import assignments
from daftnb.commands.verb import Mode
from daftnb.errors import DaftnbError

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.session import Session

_MAGIC = "%%daft"
_OTHER = re.compile(r"%%([\w.!]+)(.*)", re.DOTALL)
_NO_BODY = "\n"  # a body of none at all IPython takes for a slip


def plain_cell(lines: list[str]) -> list[str]:
    """Turn the first line of a ``%%daft`` cell in Python into a call, and leave the other lines as they are.

    It is an input transformation. Comments and blank lines may stand above that line, and another cell magic below it,
    which becomes a call, too.
    """
    above = next((number for number, line in enumerate(lines) if not _says_nothing(line)), len(lines))
    if above == len(lines) or not lines[above].startswith(_MAGIC):
        return lines
    after = lines[above][len(_MAGIC) :]
    line, body = after.strip(), lines[above + 1 :]
    if after.lstrip() == after != "" or (not above and not "".join(body).strip()):
        return lines  # another magic, or no cell: IPython's to say
    if not _plain(line):  # another mode, whose lines keep their numbers
        return lines if not above else [_call("daft", line, "\n" * above + "".join(body))]
    if not "".join(body).strip():
        return lines
    return [*lines[:above], _call("daft", line, _NO_BODY), *_inner(body)]


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _call(magic: str, line: str, body: str) -> str:
    return f"get_ipython().run_cell_magic({magic!r}, {line!r}, {body!r})\n"


def _inner(body: list[str]) -> list[str]:
    """Return a cell's lines; where they begin with another cell magic, it becomes a call."""
    first = next((number for number, line in enumerate(body) if not _says_nothing(line)), len(body))
    found = _OTHER.match(body[first]) if first < len(body) else None
    if found is None:
        return body
    return [*body[:first], _call(found[1], found[2].strip(), "".join(body[first + 1 :]))]


def _plain(line: str) -> bool:
    """Return True if what follows ``%%daft`` names no mode and asks for no help.

    It may be a variable's: ``{options}``.
    """
    return not line or (line[0] in "-#{$" and not {"-h", "--help"} & {*line.split()})


# A terminal asks, while one types, whether the cell is complete; that of a cell magic is for IPython to say.
plain_cell.has_side_effects = True  # type: ignore[attr-defined]  # IPython's word for: not then


def _options(parser: Parser) -> None:
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="settings for this cell alone"
    )
    parser.sources["set"] = sources.setting_values
    parser.add_argument("--name", metavar="NAME", help="the name of the cell's queries in history and views")
    parser.add_argument("--quiet", action="store_true", help="no line under the cell, and no progress bars")


def _run(arguments: Namespace, body: str, session: Session) -> None:
    from IPython.core.getipython import get_ipython

    from daftnb.cells.watching import Watch

    watch = Watch(session, arguments.name, arguments.quiet, **assignments(arguments.set))
    shell = get_ipython()
    if shell is None:
        raise DaftnbError("%%daft works in an IPython cell only.", "In a script, type: with daftnb.watch(): …")
    if body.strip():  # asked for by a program, which is not a cell's first line
        with watch:
            shell.run_cell(body).raise_error()
        return
    watch.__enter__()
    at_cell_end(shell, lambda: watch.__exit__(None, None, None))


def at_cell_end(shell: InteractiveShell, action: Callable[[], Any]) -> None:
    """Do ``action`` when the cell that runs has ended, however it ends; not when a cell that it runs itself has."""
    depth = 1

    def before() -> None:
        nonlocal depth
        depth += 1

    def after() -> None:
        nonlocal depth
        depth -= 1
        if depth == 0:
            shell.events.unregister("pre_execute", before)
            shell.events.unregister("post_execute", after)
            action()

    shell.events.register("pre_execute", before)
    shell.events.register("post_execute", after)


MODES = (
    Mode(
        "", "run this cell as a watched block; settings for it alone: --set threshold=2",
        _run, _options,
        ("%%daft --set threshold=2 --name orders\norders.sort('price').collect()", "%%daft --quiet\ndf.show()"),
    ),
)  # fmt: skip
