"""The verbs for a shelf of runs: keep each query's recording in a folder, and list what is there."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb import files
from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb
from daftnb.errors import RecordingError

if TYPE_CHECKING:
    from daftnb.session import Session

OFF = "off"


def _keep_options(parser: Parser) -> None:
    parser.add_argument("folder", nargs="?", metavar="FOLDER|off", help="where runs are kept (say where they are)")
    parser.add_argument("--most", type=int, metavar="N", help="runs; the oldest is removed for another (10000)")
    parser.add_argument("--megabytes", type=int, metavar="N", help="in all (1024)")
    parser.sources["folder"] = sources.recordings


def _keep(arguments: Namespace, session: Session) -> None:
    from daftnb import runs
    from daftnb.shelves import keeper

    if arguments.folder == OFF:
        was = runs.keep(session, None)
        print("runs are no longer kept" if was is not None else "runs were not kept")
    elif arguments.folder is None:
        now = runs.kept_in(session)
        print(f"runs are kept in {files.words(now)}" if now is not None else "runs are not kept")
    else:
        most = keeper.MOST_RUNS if arguments.most is None else arguments.most
        size = keeper.MOST_BYTES if arguments.megabytes is None else arguments.megabytes * 2**20
        runs.keep(session, arguments.folder, most, size)
        print(f"each query is kept in {files.words(arguments.folder)} once it is over: %daft shelf lists them")


def _shelf_options(parser: Parser) -> None:
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="one that %%daft keep has filled (the one in use)")
    parser.add_argument("--last", type=int, default=20, metavar="N", help="how many runs to list (20)")
    parser.sources["folder"] = sources.recordings


def _shelf(arguments: Namespace, session: Session) -> None:
    from daftnb import runs
    from daftnb.shelves.tables import shelf_text

    folder = arguments.folder if arguments.folder is not None else runs.kept_in(session)
    if folder is None:
        raise RecordingError("Runs are not kept.", "Try %daft keep runs, or %daft shelf with a folder")
    print(shelf_text(folder, max(1, arguments.last)))


VERBS = (
    Verb(
        "keep", "queries", "keep each query's recording in a folder, once it is over",
        _keep, _keep_options, ("%daft keep runs", "%daft keep runs --most 500 --megabytes 200", "%daft keep off"),
    ),
    Verb(
        "shelf", "queries", "list the runs in such a folder, with those that took longer than before",
        _shelf, _shelf_options, ("%daft shelf", "%daft shelf runs --last 50"),
    ),
)  # fmt: skip
