"""The verbs that send queries to OpenTelemetry: after the run, or each one as it ends."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb.clock import steady as time
from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb
from daftnb.telemetry import events as e
from daftnb.telemetry.followers import Follower
from daftnb.telemetry.recordfile import Reel
from daftnb.text.numbers import plural
from daftnb.text.redaction import redact

if TYPE_CHECKING:
    from daftnb.session import Session

NAME = "otel"  # of the session's follower
OFF = "off"
ENDPOINT = "the base address of an OTLP/HTTP receiver, such as http://127.0.0.1:4318"


def _export_options(parser: Parser) -> None:
    parser.add_argument("to", choices=["otel"], help="OpenTelemetry, by its own SDK")
    parser.add_argument("endpoint", metavar="ENDPOINT", help=ENDPOINT)
    parser.add_argument("--query", metavar="N", help="another query, by number or id")
    parser.sources["query"] = sources.queries


def _export(arguments: Namespace, session: Session) -> None:
    from daftnb import runs

    sent = runs.recording(session, arguments.query).export_otel(arguments.endpoint)
    print(f"{plural(sent, 'span')} sent")


def _otel_options(parser: Parser) -> None:
    parser.add_argument("endpoint", metavar="ENDPOINT|off", help=f"{ENDPOINT}; off: send no more")


def _otel(arguments: Namespace, session: Session) -> None:
    from daftnb.export import otel

    if arguments.endpoint == OFF:
        was = session.followers.put(NAME, None)
        print("queries are no longer sent" if was else "queries were not sent")
        return
    endpoint = otel.endpoint_of(arguments.endpoint)
    otel.check_installed()
    session.followers.put(NAME, follower(session, endpoint))
    print(f"each query is sent to {redact(endpoint)} once it is over")


def follower(session: Session, endpoint: str) -> Follower:
    """Return what sends each query of a session to a receiver, a few seconds after its end."""

    def work(reel: Reel) -> None:
        from daftnb.recordings import Recording

        Recording([reel], "this session").export_otel(endpoint)

    def tell(text: str) -> None:
        session.monitor.emit(e.ProblemFound(time.time(), text[: e.LONGEST_PROBLEM]))

    return Follower("OpenTelemetry", session.recorder, work, tell, endpoint, session.monitor.refresh)


VERBS = (
    Verb(
        "export", "queries", "send the last query to OpenTelemetry, as spans and metrics",
        _export, _export_options, ("%daft export otel http://127.0.0.1:4318",),
    ),
    Verb(
        "otel", "queries", "send each query to OpenTelemetry once it is over, or stop sending",
        _otel, _otel_options, ("%daft otel http://127.0.0.1:4318", "%daft otel off"),
    ),
)  # fmt: skip
