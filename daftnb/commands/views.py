"""The verbs that show a view of a query while it runs.

A view stays with the queries of its cell; where there are none, it follows the latest query.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.values import no_such, short_name, value_of
from daftnb.commands.verb import Verb

if TYPE_CHECKING:
    from daftnb.session import Session


def _view(name: str) -> Callable[[Namespace, Session], None]:
    def show_it(arguments: Namespace, session: Session) -> None:
        from daftnb.widgets import views

        show(getattr(views, name)(session), session)

    return show_it


def _plan_options(parser: Parser) -> None:
    parser.add_argument(
        "of",
        nargs="?",
        metavar="EXPRESSION|N",
        help="a Daft dataframe: its name, or Python code that gives one; or a query's number",
    )
    parser.sources["of"] = sources.plans


def _plan(arguments: Namespace, session: Session) -> None:
    from daftnb.widgets.views import Plan

    of = None if arguments.of is None else arguments.of.partition("#")[0].strip() or None
    if of is None:
        show(Plan(session), session)
    elif of.isdecimal():
        show(Plan.of_query(session, of), session)
    else:
        value = value_of(of, "plan", "no dataframe")
        if value is None and of.isidentifier():
            raise no_such(of, "plan", "no dataframe")
        show(Plan.of(session, session.off, value, short_name(of)), session)


def _controls(arguments: Namespace, session: Session) -> None:
    from daftnb.widgets.controls import Controls

    show(Controls(session), session)


def _auto_options(parser: Parser) -> None:
    parser.add_argument(
        "switch", nargs="?", choices=("on", "off"), metavar="on|off", help="with neither, say which one holds"
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
        "cockpit", "views", "show all in one live view: plan, workers, backlog, settings (%daft alone shows it too)",
        _view("Cockpit"), examples=("%daft",),
    ),
    Verb(
        "plan", "views", "show the query's plan live; %daft plan df: before it runs; %daft plan 3: of query 3",
        _plan, _plan_options, ("%daft plan", "%daft plan df", '%daft plan df.where(col("a") > 1)', "%daft plan 3"),
        verbatim=True,
    ),
    Verb(
        "workers", "views", "show the workers on Ray (busy, idle, warm) live",
        _view("Workers"), examples=("%daft workers",),
    ),
    Verb(
        "backlog", "views", "show the backlog ratio against the threshold live",
        _view("Backlog"), examples=("%daft backlog",),
    ),
    Verb(
        "decisions", "views", "show live what the scheduler and Ray decide, and why",
        _view("Decisions"), examples=("%daft decisions",),
    ),
    Verb(
        "auto", "views", "turn on or off the line under each cell with a query, or on the terminal during it",
        _auto, _auto_options, ("%daft auto off",),
    ),
    Verb(
        "controls", "settings", "show the settings as a panel, with what is in effect",
        _controls, examples=("%daft controls",),
    ),
)  # fmt: skip
