"""What a page sends to a live view, a line, a replay or the probe: what is understood is done, all else is nothing."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftnb.doctor.page import LONGEST, Probe
from daftnb.recordings import Recording
from daftnb.settings import SETTINGS, AutoscalingSettings
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.state import apply
from daftnb.widgets.line import Line, Span
from daftnb.widgets.replay import Replay
from daftnb.widgets.views import Cockpit, History, Workers
from tests.helpers import story
from tests.helpers.fakesession import FakeSession, T, native
from tests.helpers.spoiled import ANY

MESSAGES: list[dict[str, Any]] = [
    {"type": "resync"},
    {"type": "window", "first": 3},
    {"type": "stop", "query": "q2"},
    {"type": "look", "query": 2},
    {"type": "look", "query": None},
    {"type": "compare", "a": 1, "b": 2},
    {"type": "compare", "a": None, "b": None},
    {"type": "set", "name": "threshold", "value": "2"},
    {"type": "open", "open": True},
    {"type": "seek", "t": story.T + 4},
    {"type": "here", "app": "Lab", "version": "4"},
]
ODD: list[Any] = [10**400, -(10**400), 2**63, -1, True, float("nan"), float("inf"), "x" * 5_000, "\ud800", "__class__"]
ODD += ["nan", "", None, [], {}, b""]
EACH_ODD = [{**message, key: odd} for message in MESSAGES for key in message for odd in ODD]


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """A valid message, or one in which a value, a key or all is another thing."""
    message = copy.deepcopy(draw(st.sampled_from(MESSAGES)))
    match draw(st.integers(0, 4)):
        case 0:
            message[draw(st.sampled_from(list(message)))] = draw(st.sampled_from(ODD) | ANY)
        case 1:
            message[draw(st.text(max_size=6))] = draw(ANY)
        case 2:
            del message[draw(st.sampled_from(list(message)))]
        case 3:
            return draw(ANY)
    return message


@pytest.fixture
def session(clean_settings: None) -> Iterator[FakeSession]:
    made = FakeSession(*native(1, T, 0.5), *native(2, T + 1, None), now=T + 5)
    made.cancel = lambda query_id: query_id if query_id == "q2" else None  # type: ignore[method-assign]
    yield made
    made.monitor.stop()


def replay() -> Replay:
    from daftnb.telemetry.model import State

    recorder, state = Recorder(), State()
    for event in story.events():
        recorder.record(event, state)
        apply(event, state)
    return Replay(Recording([recorder.reel(1)], "a test"))


VIEWS = {
    "cockpit": Cockpit,
    "history": History,
    "workers": Workers,
    "line": lambda session: Line(session, Span(T), paged=True),
    "replay": lambda _session: replay(),
}
EXAMPLES = [50, pytest.param(5_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("kind", VIEWS)
def test_any_message_is_understood_or_nothing(kind: str, examples: int, session: FakeSession) -> None:
    view: Any = VIEWS[kind](session)
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append(content)
    others = {name: text for name, text in os.environ.items() if name not in {s.env for s in SETTINGS.values()}}

    def send(message: Any) -> None:
        sent.clear()
        view._on_message(view, message, [])
        view.publish(view._stage.snapshot() if kind == "replay" else session.snapshot())
        for content in sent:
            json.dumps(content, allow_nan=False)
            assert content["type"] in ("patch", "setting", "stopping")
            if content["type"] == "stopping":
                assert kind != "replay" and message == {"type": "stop", "query": "q2"}
        assert AutoscalingSettings.read().problems == (), "what is set is what can be"
        assert {name: text for name, text in os.environ.items() if name in others} == others
        json.dumps(view.snapshot, allow_nan=False)

    for message in EACH_ODD:
        send(message)
    settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))(given(messages())(send))()
    assert view in session.monitor.listeners or kind == "replay"
    view.close()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_the_probe_takes_one_answer_and_no_other(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(messages())
    def send(message: Any) -> None:
        heard: list[str] = []
        probe = Probe(heard.append)
        for _ in range(2):
            probe._on_message(probe, message, [])
        expected = isinstance(message, dict) and message.get("type") == "here"
        assert len(heard) == expected
        assert all(len(text) <= 2 * LONGEST + 1 for text in heard)
        probe.close()

    send()
