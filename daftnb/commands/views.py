"""What a query does, live: the views, each displayed at once, as the cell's query may come after it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError
from daftnb.spelling import nearest, shown

if TYPE_CHECKING:
    from daftnb.session import Session


def _view(name: str) -> Callable[[Namespace, Session], None]:
    def show_it(arguments: Namespace, session: Session) -> None:
        from daftnb.widgets import views

        show(getattr(views, name)(session), session)

    return show_it


def _plan_options(parser: Parser) -> None:
    parser.add_argument(
        "of", nargs="?", metavar="NAME|N", help="a variable that is a Daft dataframe, or a query's number"
    )
    parser.sources["of"] = sources.plans


def _plan(arguments: Namespace, session: Session) -> None:
    from daftnb.widgets.views import Plan

    of = arguments.of
    if of is None:
        show(Plan(session), session)
    elif of.isdecimal():
        show(Plan.of_query(session, of), session)
    else:
        show(Plan.of(session, variable(of), of), session)


def variable(name: str) -> Any:
    """The notebook's variable of this name; DaftnbError, with the dataframe of the nearest name, if there is none."""
    found = notebook_variables()
    if found.get(name) is None:
        near = nearest(name, sources.dataframe_names(found))
        raise DaftnbError(
            f"there is no dataframe called {shown(name)} in this notebook.", f"Try %daft plan {near or 'df'}"
        )
    return found[name]


def notebook_variables() -> dict[str, Any]:
    """The variables of the notebook; none outside one."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return {} if shell is None else shell.user_ns


def _controls(arguments: Namespace, session: Session) -> None:
    from daftnb.widgets.controls import Controls

    show(Controls(session), session)


def _auto_options(parser: Parser) -> None:
    parser.add_argument(
        "switch", nargs="?", choices=("on", "off"), metavar="on|off", help="with neither: say which it is"
    )


def _auto(arguments: Namespace, session: Session) -> None:
    lines = session.lines or session.terminal
    if arguments.switch is not None:
        lines.switch(arguments.switch == "on")
    if session.lines is not None:
        print("a line shows under each cell that runs a query" if lines.on else "no line shows under cells")
    else:
        print("a line shows on the terminal while a query runs" if lines.on else "no line shows while a query runs")


VERBS = (
    Verb(
        "cockpit", "views", "all of it in one live view: plan, workers, backlog, settings (%daft alone does so too)",
        _view("Cockpit"), examples=("%daft",),
    ),
    Verb(
        "plan", "views", "the query's plan, live; %daft plan df: not run yet; %daft plan 3: query 3",
        _plan, _plan_options, ("%daft plan", "%daft plan df", "%daft plan 3"),
    ),
    Verb(
        "workers", "views", "the Ray worker pool and its idle actors, live",
        _view("Workers"), examples=("%daft workers",),
    ),
    Verb(
        "backlog", "views", "backlog ratio against the threshold, live",
        _view("Backlog"), examples=("%daft backlog",),
    ),
    Verb(
        "decisions", "views", "what the scheduler and Ray decided, and why, live",
        _view("Decisions"), examples=("%daft decisions",),
    ),
    Verb(
        "auto", "views", "a line under each cell that runs a query, or on the terminal while it does: on or off",
        _auto, _auto_options, ("%daft auto off",),
    ),
    Verb(
        "controls", "settings", "the settings as a panel, with what is in effect",
        _controls, examples=("%daft controls",),
    ),
)  # fmt: skip
