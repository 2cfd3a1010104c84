"""Models that Daft asks by OpenAI's protocol: the totals are those of the server, and its refusals are counted."""

from __future__ import annotations

import contextvars
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import daft
import numpy as np
import pytest
from daft import col
from daft.ai.openai.provider import OpenAIProvider
from daft.ai.provider import Provider
from daft.ai.typing import EmbeddingDimensions, UDFOptions
from daft.ai.utils import raise_retry_after_from_response
from daft.functions import classify_image, classify_text, embed_image, embed_text, prompt

from daftnb.engine.meter import clients
from daftnb.engine.meter.meter import install, installed
from daftnb.engine.meter.tally import Tally
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.plantopic import plan_of
from daftnb.telemetry.state import apply
from tests.conftest import await_that
from tests.helpers.fakemodels import (
    DIMENSIONS,
    KEY,
    TOKENS,
    WAIT,
    FakeModels,
    by_client,
    expected,
    fake_models,
    provided,
)

openai = pytest.importorskip("openai")
# A server, and its client's waits.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EMBEDDER = "text-embedding-3-small"


@pytest.fixture(autouse=True)
def _native() -> None:
    assert daft.runners._get_runner() is None or daft.runners._get_runner().name == "native"


def watched(run: Callable[[], Any]) -> tuple[list[Any], e.UdfFigures]:
    """Return the events of a query, and the last figures of its one function."""
    events: list[Any] = []
    subscriber = QueryEvents(events.append, lambda: None)
    subscriber.attach()
    try:
        run()
        await_that(lambda: any(isinstance(event, e.QueryFinished) for event in events), "the query's end")
    finally:
        subscriber.detach()
    figures = [event for event in events if isinstance(event, e.UdfFigures)]
    assert len({event.udf for event in figures}) == 1
    assert not [event for event in events if isinstance(event, e.ProblemFound)]
    return events, figures[-1]


def counters(figures: e.UdfFigures) -> dict[str, dict[str, int]]:
    """Return what was counted of each model; the client's own counters are those without a provider."""
    found: dict[str, dict[str, int]] = {}
    for counter in figures.counters:
        given = dict(counter.attributes)
        assert given in ({"model": given["model"]}, given | {"provider": "local", "protocol": given.get("protocol")})
        assert ("provider" in given) == (counter.name in TOKENS)
        assert counter.name not in found.setdefault(given["model"], {}), "one provider, one protocol"
        found[given["model"]][counter.name] = counter.value
    return found


def texts(n: int) -> daft.DataFrame:
    return daft.from_pydict({"text": [" ".join(["word"] * (i % 5 + 1)) for i in range(n)]})


# -- Daft's own functions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_chat", [False, True])
def test_prompts_are_counted_as_their_server_counts_them(by_chat: bool) -> None:
    with fake_models(refuse=4, wait=WAIT) as models, provided(models, retries=5):
        answers = prompt(col("text"), provider="local", model="small", use_chat_completions=by_chat)
        frame = texts(30).with_column("answer", answers)
        events, figures = watched(frame.collect)
        assert models.keys == {f"Bearer {KEY}"}
    refused = models.of("small", "refused")
    assert refused > 0 and models.of("small", "requests") == 30
    assert counters(figures) == {"small": expected(models, "small", again=refused, writes=True)}
    assert (figures.calls, figures.rows_in, figures.rows_out, figures.errors) == (30, 30, 30, 0)
    assert figures.retries == refused
    assert figures.waited == pytest.approx(refused * WAIT), "what the server asked for"
    assert figures.seconds >= figures.waited
    (known,) = [event for event in events if isinstance(event, e.UdfKnown)]
    assert (known.name, known.kind, known.is_class) == ("prompt", "async", True)
    assert KEY not in repr(events)
    state = State()
    for event in events:
        apply(event, state)
    assert state.current is not None
    plan = plan_of(state.current)
    assert plan is not None
    (function,) = plan["functions"].values()
    assert [plan["operators"][str(id_)]["name"] for id_ in function["operators"]] == ["prompt"]
    (use,) = plan["models"].values()
    assert (use["model"], use["provider"], use["requests"], use["errors"]) == ("small", "local", 30, 0)
    assert (use["input_tokens"], use["output_tokens"], use["total_tokens"]) == tuple(
        models.of("small", name) for name in TOKENS[1:]
    )
    assert (use["refused"], use["again"], use["waited"]) == (refused, refused, pytest.approx(refused * WAIT))


def test_embeddings_are_counted_as_their_server_counts_them() -> None:
    with fake_models(refuse=2, wait=WAIT) as models, provided(models, retries=3):
        vectors = embed_text(col("text"), provider="local", model=EMBEDDER, dimensions=DIMENSIONS, batch_size=10)
        frame = texts(40).with_column("vector", vectors)
        events, figures = watched(frame.collect)
    assert models.of(EMBEDDER, "refused") > 0
    assert counters(figures) == {EMBEDDER: expected(models, EMBEDDER, models.of(EMBEDDER, "refused"), writes=False)}
    assert (figures.rows_in, figures.rows_out, figures.errors) == (40, 40, 0)
    assert figures.retries == models.of(EMBEDDER, "refused")
    assert figures.waited == pytest.approx(figures.retries * WAIT)
    assert [event.name for event in events if isinstance(event, e.UdfKnown)] == ["embed_text"]
    assert KEY not in repr(events)


def test_a_refused_batch_that_is_embedded_text_by_text_is_no_retry() -> None:
    """Without retries of the client, Daft asks for each text of the batch by itself."""
    with fake_models(refuse=3) as models, provided(models, retries=0):
        models.counts[EMBEDDER, "asked"] = 2  # the next one is refused
        vectors = embed_text(col("text"), provider="local", model=EMBEDDER, dimensions=DIMENSIONS)
        _, figures = watched(texts(2).with_column("vector", vectors).collect)
    assert (models.of(EMBEDDER, "refused"), models.of(EMBEDDER, "requests")) == (1, 2)
    assert counters(figures) == {EMBEDDER: expected(models, EMBEDDER, again=0, writes=False)}
    assert (figures.retries, figures.waited, figures.errors) == (0, 0, 0)


def test_two_models_in_one_query_each_have_their_own() -> None:
    with fake_models(refuse=3, wait=WAIT) as models, provided(models, retries=5):
        frame = texts(10).with_column("one", prompt(col("text"), provider="local", model="one"))
        _, figures = watched(frame.with_column("two", prompt(col("one"), provider="local", model="two")).collect)
    assert counters(figures) == {
        model: expected(models, model, again=models.of(model, "refused"), writes=True) for model in ("one", "two")
    }
    assert figures.retries == models.of("one", "refused") + models.of("two", "refused") > 0


def test_what_fails_in_the_end_is_an_error_with_the_servers_words_and_without_our_frames() -> None:
    with fake_models(refuse=1, wait=WAIT) as models, provided(models, retries=2):
        frame = texts(1).with_column("answer", prompt(col("text"), provider="local", model="small"))
        errors: list[openai.RateLimitError] = []

        def run() -> None:
            with pytest.raises(openai.RateLimitError) as failed:
                frame.collect()
            errors.append(failed.value)

        _, figures = watched(run)
    frames = [frame.filename for frame in traceback.extract_tb(errors[0].__traceback__)]
    assert [name for name in frames if f"{os.sep}engine{os.sep}meter{os.sep}" in name] == []
    check_refused(figures, models)


def test_what_fails_in_the_end_is_counted_also_where_it_is_ignored() -> None:
    prompter: Any = OpenAIProvider("local", api_key=KEY).get_prompter("small", on_error="ignore").instantiate()
    if "on_error" in prompter.generation_config:
        pytest.skip("this release of Daft hands on_error to the client, which takes none and sends no request")
    with fake_models(refuse=1, wait=WAIT) as models, provided(models, retries=2):
        ignoring = prompt(col("text"), provider="local", model="small", on_error="ignore")
        frame = texts(1).with_column("answer", ignoring)
        _, figures = watched(frame.collect)
        assert frame.to_pydict()["answer"] == [None]
    check_refused(figures, models)


def check_refused(figures: e.UdfFigures, models: FakeModels) -> None:
    """Check what is told of one call, whose request and its two repetitions were refused."""
    assert (figures.errors, figures.retries, models.of("small", "refused"), models.of("small", "asked")) == (1, 2, 3, 3)
    assert figures.error.startswith("RateLimitError: Error code: 429")
    assert counters(figures) == {"small": by_client(3, 2)}


@pytest.mark.parametrize("function", [classify_text, classify_image, embed_image])
def test_functions_that_daft_has_no_requests_for(function: Callable[..., Any]) -> None:
    """Daft has them for Transformers alone, which asks no server. When this fails, there is more to count."""
    labels = {} if function is embed_image else {"labels": ["a", "b"]}
    with fake_models() as models, provided(models, retries=0), pytest.raises(NotImplementedError, match="local"):
        function(col("text"), provider="local", model="small", **labels)


class InProcess(Provider):
    """Models that ask no server, as those of Transformers."""

    @property
    def name(self) -> str:
        return "in-process"

    def get_text_classifier(self, model: str | None = None, **_options: Any) -> Any:
        return Descriptor()

    get_image_classifier = get_image_embedder = get_text_classifier


class Descriptor:
    """Stands for the model wherever Daft asks for it."""

    def instantiate(self) -> Any:
        return self

    def is_async(self) -> bool:
        return False

    def get_udf_options(self) -> UDFOptions:
        return UDFOptions()

    def get_dimensions(self) -> EmbeddingDimensions:
        return EmbeddingDimensions(2, daft.DataType.float32())

    def classify_text(self, values: list[Any], labels: list[str]) -> list[str]:
        return [labels[0]] * len(values)

    classify_image = classify_text

    def embed_image(self, values: list[Any]) -> list[list[float]]:
        return [[0.5, 1.0]] * len(values)


@pytest.mark.parametrize("function", [classify_text, classify_image, embed_image])
def test_what_asks_no_server_is_counted_as_any_function(function: Callable[..., Any]) -> None:
    labels = {} if function is embed_image else {"labels": ["a", "b"]}
    if function is classify_text:
        frame = texts(6)
    else:
        pytest.importorskip("PIL")
        pixels = daft.Series.from_pylist([np.zeros((2, 2, 3), np.uint8)] * 6).cast(daft.DataType.image("RGB"))
        frame = daft.from_pydict({"text": pixels})
    session = daft.current_session()
    session.attach_provider(InProcess())
    try:
        found = function(col("text"), provider="in-process", **labels)
        events, figures = watched(frame.with_column("found", found).collect)
    finally:
        session.detach_provider("in-process")
    assert [event.name for event in events if isinstance(event, e.UdfKnown)] == [function.__name__]
    assert (figures.rows_in, figures.rows_out, figures.errors, figures.inits) == (6, 6, 0, 1)
    assert figures.calls >= 1 and figures.counters == ()


# -- the user's own functions, and clients of other makes -------------------------------------------------------------


def test_a_function_that_asks_by_the_client_itself() -> None:
    with fake_models(refuse=3, wait=WAIT) as models:
        url = models.url

        @daft.func
        def asking(text: str) -> str:
            client = openai.OpenAI(base_url=url, api_key=KEY, max_retries=4)
            message: Any = {"role": "user", "content": text}
            return str(client.chat.completions.create(model="small", messages=[message]).choices[0].message.content)

        _, figures = watched(texts(8).with_column("answer", asking(col("text"))).collect)
    refused = models.of("small", "refused")
    assert (models.of("small", "requests"), figures.calls, figures.retries) == (8, 8, refused)
    assert counters(figures) == {"small": by_client(refused, refused)}, "no tokens: none were counted"
    assert figures.waited == pytest.approx(refused * WAIT) and refused > 0


def test_calls_that_daft_makes_again_have_waited_as_long_as_they_did() -> None:
    with fake_models(refuse=2, wait=0.2) as models:
        models.counts["small", "asked"] = 1  # the first one is refused
        url, moments = models.url, list[float]()

        @daft.func(max_retries=2)
        def asking(text: str) -> str:
            moments.append(time.perf_counter())
            client = openai.OpenAI(base_url=url, api_key=KEY, max_retries=0)
            message: Any = {"role": "user", "content": text}
            try:
                client.chat.completions.create(model="small", messages=[message])
            except openai.RateLimitError as error:
                moments.append(time.perf_counter())
                raise_retry_after_from_response(error.response, error)
            return text

        _, figures = watched(texts(1).with_column("answer", asking(col("text"))).collect)
    assert (models.of("small", "refused"), figures.errors, figures.retries, figures.calls) == (1, 1, 1, 2)
    _, failed, again = moments
    assert 0.1 < figures.waited <= again - failed, "Daft waits a little less than the server asks for"
    assert counters(figures) == {"small": by_client(1, 0)}


def test_a_client_of_another_make_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    patched: list[str] = []
    current: contextvars.ContextVar[Any] = contextvars.ContextVar("current")

    def patch(_owner: Any, name: str, _value: Any) -> None:
        patched.append(name)

    assert clients.listen(current, patch, pytest.fail) and patched == [*clients.NEEDED]
    patched.clear()
    monkeypatch.setattr(clients, "NEEDED", (*clients.NEEDED, "_no_such_method"))
    assert not clients.listen(current, patch, pytest.fail)
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, clients.MODULE)
    assert not clients.listen(current, patch, pytest.fail) and patched == []


def test_a_failure_of_ours_is_counted_and_the_request_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Tally, "count", broken)
    with fake_models() as models, provided(models, retries=0):
        frame = texts(2).with_column("answer", prompt(col("text"), provider="local", model="small"))
        already = installed()
        meter = install()
        try:
            assert len(frame.collect()) == 2
            assert [text for text in meter.faults if text.startswith("request: ") and "a fault of ours" in text]
        finally:
            meter.faults.clear()
            if already is None:
                meter.uninstall()
    assert models.of("small", "requests") == 2


def test_the_client_is_as_it_was_when_the_meter_has_gone() -> None:
    if installed() is not None:
        pytest.skip("a session has put it in")
    from openai._base_client import BaseClient

    before = [getattr(BaseClient, name) for name in clients.NEEDED]
    with fake_models() as models, provided(models, retries=0):
        frame = texts(1).with_column("answer", prompt(col("text"), provider="local", model="small"))
        meter = install()
        frame.collect()
        assert [getattr(BaseClient, name) for name in clients.NEEDED] != before
        meter.uninstall()
    assert [getattr(BaseClient, name) for name in clients.NEEDED] == before
