"""Queries as spans and metrics of OpenTelemetry: what its own SDK sends to a receiver, and what happens without one."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")

from daftnb import cli
from daftnb.errors import RecordingError
from daftnb.export import otel
from daftnb.recordings import Recording
from daftnb.telemetry import events as e
from daftnb.telemetry.followers import Follower
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import TAIL_SECONDS, Recorder
from daftnb.telemetry.state import apply
from tests.helpers import crowd, story
from tests.helpers.otlp import Receiver, receiving, values
from tests.helpers.recorded import recorded, tiny

T = story.T


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def recording(events: list[e.Event]) -> Recording:
    return Recording([recorded(events).reel(1)], "a test")


def test_the_query_is_above_its_stages_and_these_above_their_operators(receiver: Receiver) -> None:
    run = recording(crowd.query(1, 600, 3, 2, 3, 0.05, crowd.T, 1))
    sent = run.export_otel(receiver.address)
    spans = {span.span_id: span for span in receiver.spans}
    assert sent == len(spans) == 1 + 3 + 6
    (query,) = [span for span in spans.values() if not span.parent_span_id]
    attributes = values(query.attributes)
    assert (query.name, attributes["daft.runner"], attributes["daft.query.state"]) == ("query", "ray", "finished")
    assert (query.start_time_unix_nano, query.status.code) == (round(run.start * 1e9), 0)
    kinds = {span.name.split()[0] for span in spans.values()}
    assert kinds == {"query", "stage", "operator"}
    for span in spans.values():
        assert span.trace_id == query.trace_id and span.start_time_unix_nano <= span.end_time_unix_nano
        if span.name.startswith("stage"):
            assert span.parent_span_id == query.span_id and values(span.attributes)["daft.tasks"] == 200
        if span.name.startswith("operator"):
            assert spans[span.parent_span_id].name.startswith("stage")
            assert values(span.attributes)["daft.derived"] is True
    (resource,) = [values(each.resource.attributes) for each in receiver.traces[0].resource_spans]
    assert resource["service.name"] == "daft" and resource["telemetry.sdk.name"] == "opentelemetry"


def test_metrics_are_what_the_query_did(receiver: Receiver) -> None:
    recording(story.events()).export_otel(receiver.address + "/v1/traces/")
    points = receiver.points
    (duration,) = points["daft.query.duration"]
    assert (duration.sum, duration.count) == (10.0, 1)
    assert values(duration.attributes) == {"daft.runner": "ray", "daft.query.state": "finished"}
    tasks = {values(point.attributes)["daft.outcome"]: point.as_int for point in points["daft.query.tasks"]}
    assert tasks == {"finished": 21, "failed": 0, "cancelled": 0}
    rows = {values(point.attributes)["daft.operator"]: point.as_int for point in points["daft.operator.rows"]}
    assert rows == {"ScanTaskSource": 200, "UDF score": 150}, "of the third nothing is known"
    (peak,) = points["daft.backlog.ratio.peak"]
    assert peak.as_double == 20.0


def test_decisions_are_events_and_an_error_is_the_status(receiver: Receiver) -> None:
    failed = [*story.events()[:-3], e.QueryFinished(T + 10, "calm-willow", "failed", "ValueError: why\n  and where")]
    recording(failed).export_otel(receiver.address)
    (query,) = [span for span in receiver.spans if span.name == "query"]
    assert (query.status.code, query.status.message) == (2, "ValueError: why")
    assert [event.name for event in query.events] == ["arrival", "request", "over max", "arrival"]
    assert query.events[1].time_unix_nano == round((T + 1.1) * 1e6) * 1000
    assert values(query.events[1].attributes)["daft.text"].endswith("asked Ray for 2 × 1 CPU")


def test_what_had_not_ended_says_so(receiver: Receiver) -> None:
    recording([event for event in story.events() if event.t < T + 6.5]).export_otel(receiver.address)
    (query,) = [span for span in receiver.spans if span.name == "query"]
    assert values(query.attributes)["daft.open"] is True
    assert query.end_time_unix_nano == round((T + 6) * 1e9)
    assert "daft.query.duration" not in receiver.points


def test_a_receiver_that_is_away_is_one_line(nobody: str, caplog: pytest.LogCaptureFixture) -> None:
    run = recording(story.events())
    with caplog.at_level(logging.DEBUG, "opentelemetry"), pytest.raises(RecordingError) as away:
        otel.send(run.timelines(), nobody, 0.5)
    assert away.value.what.startswith(f"{nobody} did not take the spans or the metrics: ")
    assert "\n" not in away.value.what and len(away.value.what) < 400
    assert [record for record in caplog.records if record.name.startswith("opentelemetry.exporter")] == []


def test_a_receiver_that_refuses_is_one_line(receiver: Receiver) -> None:
    receiver.status = 400
    with pytest.raises(RecordingError, match=r"did not take the spans or the metrics: .*400"):
        otel.send(recording(story.events()).timelines(), receiver.address, 0.5)


@pytest.mark.parametrize(
    "wrong",
    ["", "nowhere", "ftp://host", "http://", "http://host:99999", "http://host:0", "http://h?token=1", "file:///etc"],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(wrong: str) -> None:
    with pytest.raises(RecordingError) as refused:
        otel.endpoint_of(wrong)
    assert "\n" not in refused.value.what


def test_a_password_in_an_address_is_not_told(nobody: str) -> None:
    secret = nobody.replace("http://", "http://me:hunter2hunter2@")
    with pytest.raises(RecordingError) as away:
        otel.send(recording(story.events()).timelines(), secret, 0.5)
    assert "hunter2" not in str(away.value)


def test_the_command_line_sends_a_file(receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.arrow"
    recording(crowd.query(1, 600, 3, 2, 3, 0.05, crowd.T, 1)).save(path)
    assert cli.main(["export", str(path), "--to", "otel", "--endpoint", receiver.address]) == 0
    assert capsys.readouterr().out == "10 spans sent\n" and len(receiver.spans) == 10
    assert cli.main(["export", str(path), "--to", "otel"]) == 1
    assert "--to otel needs an --endpoint." in capsys.readouterr().err


# -- as queries end ---------------------------------------------------------------------------------------------------


def feed(recorder: Recorder, state: State, number: int, over: bool = True) -> None:
    """A query, and, if it is to be over, the time after which its recording is closed."""
    events = tiny(number, 1000.0 * number)
    for event in events:
        recorder.record(event, state)
        apply(event, state)
    if over:
        recorder.settle(events[-1].t + TAIL_SECONDS, active=False)


def test_each_query_is_worked_on_once_it_is_over_and_the_rest_at_the_end() -> None:
    recorder, state, seen = Recorder(), State(), []
    feed(recorder, state, 1)
    follower = Follower("test", recorder, lambda reel: seen.append(reel.number), lambda text: None)
    feed(recorder, state, 2)
    feed(recorder, state, 3, over=False)
    assert follower.close()
    assert seen == [2, 3], "what was over before is not"
    feed(recorder, state, 4)
    assert follower.close() and seen == [2, 3] and recorder.listeners == []


def test_a_problem_is_told_once_and_no_query_waits() -> None:
    recorder, state, told = Recorder(), State(), []
    held = threading.Event()

    def work(reel: object) -> None:
        held.wait(10)
        raise RecordingError("The receiver is away.", "Try again")

    follower = Follower("OpenTelemetry", recorder, work, told.append)
    for number in (1, 2, 3):
        feed(recorder, state, number)  # returns though the first one is worked on
    held.set()
    assert follower.close()
    assert told == ["OpenTelemetry: query 1 was left out: The receiver is away. Try again"]


def test_closing_does_not_wait_for_ever() -> None:
    recorder, state, held = Recorder(), State(), threading.Event()
    follower = Follower("test", recorder, lambda reel: held.wait(10) and None, lambda text: None)
    feed(recorder, state, 1)
    assert not follower.close(patience=0.05)
    held.set()
    assert follower.close()
