"""A recording as spans and metrics of OpenTelemetry, sent by its own SDK over OTLP/HTTP.

Spans: the query, its stages, and its operators below their stages, with the times at which they ran; the scaling
decisions are events of the query's span. Where nobody told when something began (an operator on Ray of whose tasks
nothing is known), there is no span of it. Metrics: what the query did, as sums of this one query (delta temporality).
They have the time at which they are sent. What is not known is left out.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from daftnb._version import __version__
from daftnb.errors import RecordingError
from daftnb.telemetry.timeline import Stretch, Timeline
from daftnb.text.redaction import redact
from daftnb.text.shorten import shortened

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

SECONDS = 10.0  # that a receiver may take for each of the two requests
LONGEST = 4096  # characters of an attribute
MOST_EVENTS = 1000  # decisions of a span
EXAMPLE = "Try http://127.0.0.1:4318, where a collector listens"
INSTALL = "Try pip install 'daftnb[otel]'"
_LOGGER = "opentelemetry.exporter.otlp"
_sending = threading.Lock()  # the logger is the process's: one export at a time


def endpoint_of(text: str) -> str:
    """Return the base address of a receiver, without the path of a signal; raise RecordingError where it is none."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise RecordingError(f"{redact(text[:200])} is not an address: {error}.", EXAMPLE) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise RecordingError(f"{redact(text[:200])!r} is not the address of an OTLP/HTTP receiver.", EXAMPLE)
    path = parts.path.rstrip("/")
    for signal in ("/v1/traces", "/v1/metrics"):
        path = path.removesuffix(signal)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def check_installed() -> None:
    """Raise RecordingError, which says what to install, where OpenTelemetry's SDK or its exporter is missing."""
    try:
        import opentelemetry.exporter.otlp.proto.http.metric_exporter
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.metrics
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError as error:
        raise RecordingError(f"OpenTelemetry's SDK is not installed ({error}).", INSTALL) from None


def send(timelines: Sequence[Timeline], endpoint: str, seconds: float = SECONDS) -> int:
    """Send the queries to a receiver; return how many spans it took.

    ``endpoint`` is its base address: ``/v1/traces`` and ``/v1/metrics`` are added. ``OTEL_EXPORTER_OTLP_HEADERS``,
    ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` are honoured. Raises RecordingError, in one line, where it
    cannot be sent.
    """
    base = endpoint_of(endpoint)
    check_installed()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import MetricExportResult
    from opentelemetry.sdk.trace.export import SpanExportResult

    spans, metrics = spans_of(timelines), metrics_of(timelines)
    with _sending, _quiet() as said:
        traces = OTLPSpanExporter(f"{base}/v1/traces", timeout=seconds)
        sums = OTLPMetricExporter(f"{base}/v1/metrics", timeout=seconds)
        try:
            if traces.export(spans) is not SpanExportResult.SUCCESS:
                raise _away(base, said)
            if metrics is not None and sums.export(metrics) is not MetricExportResult.SUCCESS:
                raise _away(base, said)
        finally:
            traces.shutdown()
            sums.shutdown()
    return len(spans)


def _away(base: str, said: list[str]) -> RecordingError:
    why = shortened(redact(" ".join(said[-1].split())), 200).rstrip(".") if said else "it did not take it"
    return RecordingError(f"{redact(base)} did not take the spans or the metrics: {why}.", EXAMPLE)


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Give the lines that the exporter logs within the context, which nobody else sees."""
    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, handler = logging.getLogger(_LOGGER), Kept()
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


def _resource() -> Any:
    from opentelemetry.sdk.resources import Resource

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "daft"}
    return Resource.create({**named, "daftnb.version": __version__})


def spans_of(timelines: Sequence[Timeline]) -> Sequence[Any]:
    """Return the spans (ReadableSpan) of some queries."""
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    made = InMemorySpanExporter()
    limits = SpanLimits(max_events=MOST_EVENTS, max_attribute_length=LONGEST)
    provider = TracerProvider(ALWAYS_ON, _resource(), shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer("daftnb", __version__)
    for timeline in timelines:
        _query(tracer, timeline)
    finished: Sequence[Any] = made.get_finished_spans()
    return finished


def _query(tracer: Tracer, timeline: Timeline) -> None:
    from opentelemetry.context import Context
    from opentelemetry.trace import Status, StatusCode, set_span_in_context

    query = timeline.query
    about = {
        "daft.query.id": query.id, "daft.query.number": query.number, "daft.query.name": query.name or None,
        "daft.runner": query.runner, "daft.query.state": query.state, "daft.query.rows": query.result_rows,
        "daft.backlog.ratio.peak": query.peak_ratio, "daft.workers.peak": query.workers_to,
        "daft.open": True if query.ended is None else None,
    }  # fmt: skip
    span = tracer.start_span(
        f"query {query.name}" if query.name else "query",
        Context(),
        attributes=_known(about),
        start_time=_ns(query.started),
    )
    if query.error is not None:
        span.set_status(Status(StatusCode.ERROR, shortened(query.error.partition("\n")[0], LONGEST)))
    for mark in timeline.decisions:
        span.add_event(mark.kind, {"daft.text": mark.text, "daft.times": mark.count}, _ns(mark.t))
    below = set_span_in_context(span, Context())
    stages: dict[int, Span] = {}
    for stage in timeline.stages:
        found = _stretch(tracer, timeline, "stage", stage, below)
        if found is not None:
            stages[stage.id] = found
    for operator in timeline.operators:
        parent = stages.get(operator.stage) if operator.stage is not None else None
        _stretch(tracer, timeline, "operator", operator, below if parent is None else set_span_in_context(parent))
    end = max([query.started, timeline.end if query.ended is None else query.ended])
    span.end(_ns(end))


def _stretch(tracer: Tracer, timeline: Timeline, kind: str, stretch: Stretch, below: Any) -> Span | None:
    """Make the span of a stage or an operator; None where nobody told when it began."""
    if stretch.started is None:
        return None
    about = {
        f"daft.{kind}.id": stretch.id, "daft.state": stretch.state, "daft.rows_in": stretch.rows_in,
        "daft.rows_out": stretch.rows_out, "daft.seconds": stretch.seconds, "daft.tasks": stretch.tasks,
        "daft.tasks.failed": stretch.failed, "daft.derived": stretch.derived or None,
        "daft.open": True if stretch.ended is None else None,
    }  # fmt: skip
    span = tracer.start_span(
        f"{kind} {stretch.name}".strip(), below, attributes=_known(about), start_time=_ns(stretch.started)
    )
    span.end(_ns(max(stretch.started, timeline.end if stretch.ended is None else stretch.ended)))
    return span


def metrics_of(timelines: Sequence[Timeline]) -> Any:
    """Return the metrics (MetricsData) of some queries; None where there are none."""
    from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
    from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

    delta = AggregationTemporality.DELTA
    reader = InMemoryMetricReader(preferred_temporality={Counter: delta, Histogram: delta})
    provider = MeterProvider([reader], _resource(), shutdown_on_exit=False)
    meter = provider.get_meter("daftnb", __version__)
    duration = meter.create_histogram("daft.query.duration", "s", "time of a query from its start to its end")
    rows = meter.create_counter("daft.query.rows", "{row}", "rows of results")
    tasks = meter.create_counter("daft.query.tasks", "{task}", "tasks by what became of them")
    node_seconds = meter.create_counter("daft.query.node_seconds", "s", "seconds that nodes were there for queries")
    given = meter.create_counter("daft.operator.rows", "{row}", "rows that operators gave")
    spent = meter.create_counter("daft.operator.time", "s", "time in operators, all threads together")
    peak = meter.create_gauge("daft.backlog.ratio.peak", "1", "the largest backlog ratio of a query")
    for timeline in timelines:
        query = timeline.query
        labels = {"daft.runner": query.runner, **({"daft.query.name": query.name} if query.name else {})}
        if query.ended is not None:
            duration.record(max(0.0, query.ended - query.started), {**labels, "daft.query.state": query.state})
        if query.result_rows is not None:
            rows.add(query.result_rows, labels)
        counts = query.tasks()
        for outcome in ("finished", "failed", "cancelled") if counts is not None else ():
            tasks.add(getattr(counts, outcome), {**labels, "daft.outcome": outcome})
        if query.runner == "ray":
            node_seconds.add(query.node_seconds, labels)
        if query.peak_ratio is not None:
            peak.set(query.peak_ratio, labels)
        for operator in timeline.operators:
            mine = {**labels, "daft.operator": operator.name}
            if operator.rows_out is not None:
                given.add(operator.rows_out, mine)
            if operator.seconds is not None:
                spent.add(operator.seconds, mine)
    data = reader.get_metrics_data()
    provider.shutdown()
    return data


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _ns(t: float) -> int:
    return round(t * 1e6) * 1000
