"""Models that Daft asks by OpenAI's protocol: the totals are those of the server, and its refusals are counted."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import daft
import pytest
from daft import col
from daft.functions import embed_text, prompt

from daftnb.engine.meter import clients
from daftnb.engine.meter.clients import AGAIN, REFUSED
from daftnb.engine.queries.subscriber import QueryEvents
from daftnb.telemetry import events as e
from tests.conftest import await_that
from tests.helpers.fakemodels import DIMENSIONS, FakeModels, fake_models

pytest.importorskip("openai")

KEY = "sk-made-up-and-nobodys-0123456789"
WAIT = 0.05
TOKENS = ("requests", "input tokens", "output tokens", "total tokens")
EMBEDDER = "text-embedding-3-small"


@pytest.fixture(autouse=True)
def _native() -> None:
    assert daft.runners._get_runner() is None or daft.runners._get_runner().name == "native"


@contextmanager
def provided(models: FakeModels, name: str, retries: int) -> Iterator[None]:
    """Have Daft know the server as a provider of this name, whose client makes a request again so often."""
    from daft.ai.openai.provider import OpenAIProvider

    session = daft.current_session()
    session.attach_provider(OpenAIProvider(name, base_url=models.url, api_key=KEY, max_retries=retries))
    try:
        yield
    finally:
        session.detach_provider(name)


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


def counters(figures: e.UdfFigures) -> dict[tuple[str, tuple[tuple[str, str], ...]], int]:
    return {(counter.name, tuple(sorted(counter.attributes))): counter.value for counter in figures.counters}


def attributes(model: str, protocol: str) -> tuple[tuple[str, str], ...]:
    return (("model", model), ("protocol", protocol), ("provider", "local"))


def check(figures: e.UdfFigures, models: FakeModels, model: str, protocol: str) -> None:
    """Compare what was counted of a model with what its server has counted."""
    named = attributes(model, protocol)
    found = {name: value for (name, given), value in counters(figures).items() if given == named}
    assert found == {name: models.of(model, name) for name in TOKENS if (name, named) in counters(figures)}
    assert found["requests"] == models.of(model, "requests") > 0
    client = {name: value for (name, given), value in counters(figures).items() if given == (("model", model),)}
    assert client[REFUSED] == models.of(model, "refused")


def texts(n: int) -> daft.DataFrame:
    return daft.from_pydict({"text": [" ".join(["word"] * (i % 5 + 1)) for i in range(n)]})
