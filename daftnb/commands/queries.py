"""The verbs for this session's queries: cancel, history, comparison and recordings."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb import files
from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.showing import show
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError
from daftnb.text.spelling import nearest, shown

if TYPE_CHECKING:
    from daftnb.session import Session


def _cancel_options(parser: Parser) -> None:
    parser.add_argument("query", nargs="?", metavar="ID", help="the query's id or number (the latest running query)")
    parser.sources["query"] = sources.running


def _cancel(arguments: Namespace, session: Session) -> None:
    wanted = arguments.query
    session.snapshot()  # what has been told is folded by now
    running = session.monitor.read(lambda state: {q.id: str(q.number) for q in state.queries.values() if q.active})
    if wanted is not None and wanted not in running:
        by_number = {number: id_ for id_, number in running.items()}
        if wanted not in by_number:
            there = f"running: {', '.join(running)}" if running else "none is"
            raise DaftnbError(
                f"no query {shown(wanted)} is running ({there}).",
                f"Try %daft cancel {nearest(wanted, running) or next(reversed(running))}" if running
                else "Try %daft history",
            )  # fmt: skip
        wanted = by_number[wanted]
    cancelled = session.cancel(wanted)
    print(f"query {cancelled} is being cancelled" if cancelled else "no query is running")


def _history(arguments: Namespace, session: Session) -> None:
    from IPython.display import display

    from daftnb import runs
    from daftnb.widgets.views import History

    display(History(session))
    dropped = session.recorder.dropped
    if dropped:
        print(f"the recordings of {dropped} older queries are gone: daftnb keeps the last 100, within 64 MB")
    shelf = runs.kept_in(session)
    if shelf is not None:
        print(f"the runs of other sessions are in {files.words(shelf)}: %daft shelf lists them")


def _save_options(parser: Parser) -> None:
    parser.add_argument(
        "path",
        metavar="PATH",
        help="run.arrow, a recording; run.html, a page for any browser; run.trace.json, for Perfetto",
    )
    parser.sources["path"] = sources.recordings
    parser.add_argument("--query", metavar="N", help="another query, by number or id")
    parser.sources["query"] = sources.queries
    parser.add_argument("--all", action="store_true", help="all queries with a recording")


def _save(arguments: Namespace, session: Session) -> None:
    from daftnb import runs

    size = runs.save(session, arguments.path, arguments.query, arguments.all)
    print(f"{files.words(arguments.path)}: {size:,} bytes")


def _open_options(parser: Parser) -> None:
    parser.add_argument("path", metavar="PATH", help="a file that %%daft save has written")
    parser.sources["path"] = sources.recordings


def _open(arguments: Namespace, session: Session) -> None:
    from daftnb.recordings import open_recording
    from daftnb.widgets.replay import replay_of

    show(replay_of(open_recording(arguments.path)), session)


def _compare_options(parser: Parser) -> None:
    for name in ("a", "b"):
        parser.add_argument(name, metavar=name.upper(), help="a query's number or id, or a recording's file")
        parser.sources[name] = sources.runs


def _compare(arguments: Namespace, session: Session) -> None:
    from IPython.display import display

    from daftnb import runs

    display(runs.compare(session, arguments.a, arguments.b))


VERBS = (
    Verb(
        "cancel", "queries", "end a running query, on the cluster too",
        _cancel, _cancel_options, ("%daft cancel",),
    ),
    Verb(
        "history", "queries", "show this session's queries live, and two of them side by side",
        _history, examples=("%daft history",),
    ),
    Verb(
        "compare", "queries", "show two runs side by side, operator by operator",
        _compare, _compare_options, ("%daft compare 3 4", "%daft compare 3 run.arrow"),
    ),
    Verb(
        "save", "queries", "write the last query to a file: a recording, or a page that needs no kernel",
        _save, _save_options,
        ("%daft save run.arrow", "%daft save run.html", "%daft save run.trace.json", "%daft save run.arrow --query 3",
         "%daft save all.arrow --all"),
    ),
    Verb(
        "open", "queries", "replay a recording in the cockpit, on any machine",
        _open, _open_options, ("%daft open run.arrow",),
    ),
)  # fmt: skip
