"""The requests of a preview's page: exactly the grammar, and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from daftnb.previews import grammar as g
from tests.helpers.spoiled import ANY, MESSAGES, VALID, spoiled


@pytest.mark.parametrize(("message", "request_"), VALID, ids=[m["type"] for m in MESSAGES])
def test_each_request_is_read(message: dict[str, Any], request_: g.Request) -> None:
    assert g.parse(message) == request_


@pytest.mark.parametrize("message", MESSAGES, ids=[m["type"] for m in MESSAGES])
def test_a_key_more_or_less_makes_it_none(message: dict[str, Any]) -> None:
    assert g.parse({**message, "more": 1}) is None
    for key in message:
        assert g.parse({name: value for name, value in message.items() if name != key}) is None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "run", "id": 0},
        {"type": "run", "id": 2**31},
        {"type": "run", "id": True},
        {"type": "run", "id": 1.0},
        {"type": "run", "id": "1"},
        {"type": ["run"], "id": 1},
        {"type": "page", "id": 1, "view": 0, "start": -1, "count": 1, "columns": [0]},
        {"type": "page", "id": 1, "view": 0, "start": 0, "count": 501, "columns": [0]},
        {"type": "page", "id": 1, "view": 0, "start": 0, "count": 1, "columns": []},
        {"type": "page", "id": 1, "view": 0, "start": 0, "count": 1, "columns": [0, 0]},
        {"type": "page", "id": 1, "view": 0, "start": 0, "count": 1, "columns": list(range(65))},
        {"type": "page", "id": 1, "view": 0, "start": 0, "count": 1, "columns": {"0": 1}},
        {"type": "download", "id": 1, "format": "../../etc/passwd"},
        {"type": "download", "id": 1, "format": ["csv"]},
        {"type": "view", "id": 1, "sort": [], "filters": [], "search": "x" * 201, "columns": []},
        {"type": "view", "id": 1, "sort": [], "filters": [], "search": "\ud800", "columns": []},
        {"type": "view", "id": 1, "sort": [{"column": 0, "descending": 1}], "filters": [], "search": "", "columns": []},
        {"type": "view", "id": 1, "sort": [{"column": 0}], "filters": [], "search": "", "columns": []},
        {"type": "view", "id": 1, "sort": [], "filters": [{"column": 0, "op": "null", "value": ""}], "search": "",
         "columns": []},
        {"type": "view", "id": 1, "sort": [], "filters": [{"column": 0, "op": "eq"}], "search": "", "columns": []},
        {"type": "view", "id": 1, "sort": [], "filters": [{"column": 0, "op": "__class__", "value": ""}],
         "search": "", "columns": []},
        {"type": "sql", "id": 1, "text": "select 1"},
        "run", None, 7, [], [("type", "run")], {}, b"run",
    ],
)  # fmt: skip
def test_what_is_almost_a_request_is_none(message: object) -> None:
    assert g.parse(message) is None


@pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_whatever_comes_is_a_request_of_the_grammar_or_none(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(spoiled() | ANY)
    def check(message: Any) -> None:
        request = g.parse(message)
        if request is None:
            return
        # What is let through is exactly what was sent: written back, it is the message.
        kind = {type(each): m["type"] for m, each in VALID}[type(request)]
        assert kind == message["type"] and request.id == message["id"] and 1 <= request.id < 2**31
        if isinstance(request, g.ViewRequest):
            written: list[Any] = [
                {"column": f.column, "op": f.op, **({"value": f.value} if isinstance(f, g.Comparison) else {})}
                for f in request.filters
            ]
            assert written == message["filters"] and request.search == message["search"]
        columns = getattr(request, "columns", ())
        assert list(columns) == message.get("columns", []) and all(type(c) is int and c >= 0 for c in columns)

    check()
