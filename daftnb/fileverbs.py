"""The command line's verbs for files of recordings: view, export, diff. No Ray, no notebook and no server is needed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daftnb import files
from daftnb.text.numbers import plural

HOLDS, UNJUDGED = 1, 2  # exit statuses of diff
FAILED = ("failed", "cancelled")
FORMS = {"html": ".html", "trace": ".trace.json"}  # and how their files end

if TYPE_CHECKING:
    from daftnb.recordings import Recording


def add_to(commands: Any) -> None:
    """Add the verbs to the subparsers of ``daftnb``; each sets ``run``, which returns the exit status."""
    view = commands.add_parser("view", help="show a recording in the browser, as a page that needs no kernel or server")
    view.add_argument("path", metavar="FILE", help="a file that %%daft save has written")
    view.add_argument("--output", metavar="PAGE", help="where the page goes (beside the file, as .html)")
    view.add_argument("--no-open", action="store_true", help="write the page, and print where it is")
    view.set_defaults(run=_view)
    export = commands.add_parser("export", help="write a recording in a form that other tools read")
    export.add_argument("path", metavar="FILE", help="a file that %%daft save has written")
    export.add_argument(
        "--to", choices=[*FORMS, "otel"], required=True, help="trace: for Perfetto and chrome://tracing"
    )
    export.add_argument("--endpoint", metavar="URL", help="of otel: an OTLP/HTTP receiver, http://127.0.0.1:4318")
    export.add_argument("--output", metavar="FILE", help="where it goes (beside the recording)")
    export.set_defaults(run=_export)
    diff = commands.add_parser(
        "diff",
        help="compare two recordings, for CI",
        description="Print what differs between the last queries of two recordings, as Markdown.",
        epilog="Exit status: 0 where no condition holds, 1 where one holds or the second run failed and the first did "
        "not, 2 where a file or a condition cannot be read, or a value that a condition needs is not known.",
    )
    for name in ("a", "b"):
        diff.add_argument(name, metavar=name.upper(), help="a file that %%daft save has written")
    diff.add_argument(
        "--fail-on", metavar="CONDITION", action="append", default=[],
        help='such as "seconds > 1.2x", the second run ÷ the first, or "operator.skew > 5"; may be given again',
    )  # fmt: skip
    diff.add_argument("--markdown", metavar="FILE", help="write the report there, and print the conditions alone")
    diff.set_defaults(run=_diff)


def _view(options: argparse.Namespace) -> int:
    from daftnb.export import page
    from daftnb.recordings import open_recording

    recording = open_recording(options.path)
    if options.output is None:
        written = _beside(files.place(options.path, "read"), recording)
    else:
        page.write(options.output, recording)
        written = files.place(options.output, "written")
    print(files.words(written))
    if not options.no_open and not webbrowser.open(written.resolve().as_uri()):
        print("No browser can be opened here: open that file in one.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from daftnb.errors import RecordingError
    from daftnb.export.forms import WRITERS
    from daftnb.recordings import open_recording

    recording = open_recording(options.path)
    if options.to == "otel":
        if options.endpoint is None:
            raise RecordingError("--to otel needs an --endpoint.", "Try --endpoint http://127.0.0.1:4318")
        print(f"{plural(recording.export_otel(options.endpoint), 'span')} sent")
        return 0
    ending = FORMS[options.to]
    source = files.place(options.path, "read")
    target = source.with_suffix(ending) if options.output is None else options.output
    if options.output is None and source.with_suffix(ending).exists():
        raise RecordingError(f"{files.words(target)} is there already.", f"Try --output another{ending}, or that name")
    size = WRITERS[ending](target, recording)
    print(f"{files.words(target)}: {size:,} bytes")
    return 0


def _diff(options: argparse.Namespace) -> int:
    from daftnb.comparison import Comparison
    from daftnb.errors import DaftnbError
    from daftnb.export.conditions import judge, parse
    from daftnb.export.report import markdown_of
    from daftnb.recordings import open_recording
    from daftnb.telemetry.savedfiles import put, target_of

    try:
        conditions = [parse(text) for text in options.fail_on]
        a, b = open_recording(options.a).query(), open_recording(options.b).query()
        found = Comparison(a, b).as_dict()
        judged = [judge(condition, found) for condition in conditions]
        report = markdown_of(found, (files.words(options.a), files.words(options.b)), judged)
        if options.markdown is not None:
            put(target_of(options.markdown, "report.md"), report.encode("utf-8", "backslashreplace"), "report.md")
    except DaftnbError as error:
        print("\n".join(error.lines), file=sys.stderr)
        return UNJUDGED
    if options.markdown is None:
        print(report, end="")
    else:
        for each in judged:
            print(f"{each.verdict}: {each.condition.text}: {each.why}")
    has_failed = b.state in FAILED and a.state not in FAILED
    if has_failed and conditions:
        print(f"the second run {b.state}, and the first did not", file=sys.stderr)
    verdicts = {each.verdict for each in judged}
    if "holds" in verdicts or (has_failed and conditions):
        return HOLDS
    return UNJUDGED if "not known" in verdicts else 0


def _beside(source: Path, recording: Recording) -> Path:
    """Write the page beside its recording; in a temporary folder where another file or the folder does not allow it.

    Return its path. It stays there: the browser reads it once this process has ended.
    """
    from daftnb.errors import RecordingError
    from daftnb.export import page

    place = source.with_suffix(".html")
    if not place.exists() or _is_page(place):
        try:
            page.write(place, recording)
        except RecordingError as error:
            print(f"{error.what} So the page is in a temporary folder:")
        else:
            return place
    else:
        print(f"{files.words(place)} is another file, and stays. So the page is in a temporary folder:")
    place = Path(tempfile.mkdtemp(prefix="daftnb-")) / place.name
    page.write(place, recording)
    return place


def _is_page(path: Path) -> bool:
    """Return True if daftnb wrote this file as a page of a recording."""
    from daftnb.export.page import MARK

    try:
        with path.open("rb") as file:
            return file.read(len(MARK)) == MARK.encode()
    except OSError:  # what cannot be read is not taken for ours
        return False
