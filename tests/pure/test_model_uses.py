"""What functions have asked of models: by model and provider, with what the client counts by model alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from daftnb.engine.meter import clients
from daftnb.snapshots.static import static_html, static_text
from daftnb.telemetry.models import AGAIN, MOST_MODELS, REFUSED, WAITED, models_of
from daftnb.telemetry.snapshots import Snapshot, select
from tests.helpers import calling
from tests.helpers.calling import CLAUDE, GPT, counter, function
from tests.helpers.stricthtml import ATTRIBUTES, TAGS, check

TAGS |= {"svg", "title", "path", "text", "rect"}
ATTRIBUTES |= {"stroke-dasharray", "rx", "font-family", "font-size", "font-weight", "opacity", "text-anchor"}
ATTRIBUTES |= {"scope", "title"}
ALONE = {"model": GPT["model"]}
BY_CLIENT = [counter(REFUSED, 3, ALONE), counter(AGAIN, 2, ALONE), counter(WAITED, 1_250, ALONE)]
ASKED = [counter("requests", 40, GPT), counter("input tokens", 4_000, GPT), counter("output tokens", 1_000, GPT)]
WHOLE = counter("total tokens", 5_000, GPT)


def uses(counters: list[Snapshot], **more: Any) -> list[dict[str, Any]]:
    """Return what a function with these counters has asked, without what is not known."""
    facts = {"rows_in": 40, "rate_overall": 4.0, "errors": 2, "retries": 7, "waited": 9.5} | more
    found, left_out = models_of({"k": function("ask", [1], counters=counters, **facts)})  # type: ignore[dict-item]
    assert left_out == 0 and list(found) == [str(number) for number in range(len(found))]
    return [{name: value for name, value in use.items() if value is not None} for use in found.values()]


def test_the_names_are_those_that_are_counted() -> None:
    assert (clients.REFUSED, clients.AGAIN, clients.WAITED) == (REFUSED, AGAIN, WAITED)


@pytest.mark.parametrize("counters", [[*ASKED, WHOLE, *BY_CLIENT], [*BY_CLIENT, WHOLE, *ASKED]])
def test_what_the_client_counts_is_of_the_one_provider_of_the_model(counters: list[Snapshot]) -> None:
    (use,) = uses(counters)
    assert use == {
        **{"function": "k", "model": "gpt-5-mini", "provider": "openai", "requests": 40},
        **{"input_tokens": 4_000, "output_tokens": 1_000, "total_tokens": 5_000, "rate": 500.0},
        **{"refused": 3, "again": 2, "waited": 1.25, "errors": 2},
    }


def test_of_two_providers_of_a_model_it_is_of_neither() -> None:
    other = counter("requests", 9, GPT | {"provider": "azure"})
    found = uses([*ASKED, other, *BY_CLIENT])
    assert [(use["model"], use.get("provider"), use.get("requests"), use.get("refused")) for use in found] == [
        ("gpt-5-mini", "openai", 40, None),
        ("gpt-5-mini", "azure", 9, None),
        ("gpt-5-mini", None, None, 3),
    ]
    assert not any("errors" in use for use in found), "it is not known whose they are"
    assert found[2] == {"function": "k", "model": "gpt-5-mini", "refused": 3, "again": 2, "waited": 1.25}


def test_each_model_has_its_own() -> None:
    other = {"model": CLAUDE["model"]}
    found = uses([*ASKED, *BY_CLIENT, counter("requests", 1, CLAUDE), counter(REFUSED, 0, other)])
    assert [(use["model"], use["provider"], use["refused"], use.get("again")) for use in found] == [
        ("gpt-5-mini", "openai", 3, 2),
        ("claude-sonnet", "anthropic", 0, None),
    ]


def test_where_no_provider_is_told_the_model_has_one_row() -> None:
    assert uses(BY_CLIENT) == [
        {"function": "k", "model": "gpt-5-mini", "refused": 3, "again": 2, "waited": 1.25, "errors": 2}
    ]
    # What a function counts itself for the model is not the client's: the provider is not known.
    found = uses([*ASKED, *BY_CLIENT, counter("requests", 6, ALONE)])
    assert [(use.get("provider"), use["requests"], use.get("refused")) for use in found] == [
        ("openai", 40, None),
        (None, 6, 3),
    ]


def test_where_the_client_tells_nothing_a_functions_one_model_has_its_retries() -> None:
    (use,) = uses(ASKED)
    assert (use["again"], use["waited"], use.get("refused")) == (7, 9.5, None)
    assert all("again" not in use and "waited" not in use for use in uses([*ASKED, counter("requests", 1, CLAUDE)]))


def test_tokens_a_second_need_tokens_and_time() -> None:
    (use,) = uses(ASKED)
    assert (use["rate"], "total_tokens" in use) == (500.0, False)
    for counters, more in (([ASKED[0]], {}), (ASKED, {"rate_overall": None}), (ASKED, {"rows_in": 0})):
        assert "rate" not in uses(counters, **more)[0]


def test_other_counters_name_no_model_and_ask_none() -> None:
    assert uses([counter("requests", 1, {}), counter("cache hits", 1, GPT)]) == []


def test_of_many_models_the_first_are_listed() -> None:
    many = [counter("requests", 1, {"model": f"m{number}"}) for number in range(MOST_MODELS)]
    twice = {key: function(key, [1], counters=many) for key in ("a", "b")}
    found, left_out = models_of(twice)  # type: ignore[arg-type]
    assert (len(found), left_out, {use["function"] for use in found.values()}) == (MOST_MODELS, MOST_MODELS, {"a"})


# -- static -----------------------------------------------------------------------------------------------------------


def lines(snapshot: Snapshot, view: Any) -> list[str]:
    return [re.sub("  +", " | ", line.strip()) for line in static_text(select(snapshot, view), view).splitlines()]


@pytest.mark.parametrize("view", ["plan", "cockpit"])
def test_the_models_stand_below_the_functions(view: Any) -> None:
    found = lines(calling.two_providers(), view)
    place = found.index("Models that they asked")
    assert found[place + 1 : place + 6] == [
        "model | provider | requests | tokens in | tokens out | total tokens | tokens/s, derived | refused (429) | "
        "made again | waited | errors",
        "gpt-5-mini | openai | 96 | 41.2 k | 9.63 k | 50.8 k | 3.28 k | — | — | — | —",
        "gpt-5-mini | azure | 31 | — | — | — | — | — | — | — | —",
        "gpt-5-mini | — | — | — | — | — | — | 5 | 5 | 12.5 s | —",
        "claude-sonnet | anthropic | 24 | 10.1 k | 2.40 k | — | 806 | — | — | — | —",
    ]
    (row,) = [line for line in found if line.startswith("prompt | ")]
    assert row.endswith("5 retries, 12.5 s between them · pages 7 · 3 more counters"), "nothing is said twice"


@pytest.mark.parametrize("view", ["plan", "cockpit"])
def test_they_stand_in_html_too_and_are_escaped(view: Any) -> None:
    html = static_html(select(calling.snapshot(), view), view)
    check(html)
    assert "<p>Models that they asked</p>" in html and '<td style="text-align:left">gpt-5-mini</td>' in html
    nasty = static_html(select(calling.hostile("<script>window.hurt = 1</script>"), view), view)
    check(nasty)
    assert "<script" not in nasty and "Models that they asked" in nasty


def test_several_functions_are_named() -> None:
    snapshot = calling.snapshot()
    snapshot["plan"]["functions"]["score"]["counters"] = [counter("requests", 1, GPT)]
    found = lines(calling.asked(snapshot), "plan")
    assert [line.split(" | ")[:3] for line in found[found.index("Models that they asked") + 1 :]] == [
        ["model", "provider", "function"],
        ["gpt-5-mini", "openai", "__main__.score"],
        ["gpt-5-mini", "openai", "prompt"],
        ["claude-sonnet", "anthropic", "prompt"],
    ]


def test_it_is_said_how_many_models_are_not_listed() -> None:
    snapshot = calling.snapshot()
    many = [counter("requests", 1, {"model": f"m{number}"}) for number in range(MOST_MODELS + 7)]
    snapshot["plan"]["functions"]["prompt"]["counters"] = many
    title = f"Models that they asked, the first {MOST_MODELS} of {MOST_MODELS + 7}"
    assert title in lines(calling.asked(snapshot), "plan")
    assert f"<p>{title}</p>" in static_html(select(calling.asked(snapshot), "plan"), "plan")


def test_where_no_model_was_asked_there_is_no_table_of_them() -> None:
    for view in ("plan", "cockpit"):
        assert "Models" not in static_text(select(calling.without_functions(), view), view)
        assert "Models" not in static_html(select(calling.without_functions(), view), view)
