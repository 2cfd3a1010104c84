"""Makes the models of the topic ``plan``: what functions have asked of each, by the counters that name a model.

Daft counts requests and tokens by model and provider. The client of a model counts what it does by itself, by model
alone: it does not know what Daft calls the provider. If a function asks a model through one provider, both are one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from daftnb.telemetry.wire import Counter, Function, ModelUse

MOST_MODELS = 50  # of all functions of a plan, that are listed
REQUESTS, READ, WROTE, TOKENS = "requests", "input tokens", "output tokens", "total tokens"
# By the client: engine/meter/clients.py.
REFUSED, AGAIN, WAITED = "requests refused (429)", "requests made again", "milliseconds waited"
BY_CLIENT = frozenset((REFUSED, AGAIN, WAITED))
NAMES = BY_CLIENT | {REQUESTS, READ, WROTE, TOKENS}

Providers = dict[str | None, list[Counter]]  # the counters of one model, by provider


def models_of(functions: Mapping[str, Function]) -> tuple[dict[str, ModelUse], int]:
    """Return the models that functions have asked, each by a key of its own, and how many more there are."""
    found = [use for key, function in functions.items() for use in _uses(key, function)]
    return {str(number): use for number, use in enumerate(islice(found, MOST_MODELS))}, max(0, len(found) - MOST_MODELS)


def is_of_model(counter: Counter) -> bool:
    """Return True if a counter is part of what is said of a model."""
    return counter["name"] in NAMES and "model" in counter["attributes"]


def _uses(key: str, function: Function) -> list[ModelUse]:
    models: dict[str, Providers] = {}
    for counter in function["counters"]:
        if is_of_model(counter):
            attributes = counter["attributes"]
            providers = models.setdefault(attributes["model"], {})
            providers.setdefault(attributes.get("provider"), []).append(counter)
    rows = [(model, *row) for model, providers in models.items() for row in _joined(providers).items()]
    return [_use(key, function, model, provider, counters, len(rows) == 1) for model, provider, counters in rows]


def _joined(providers: Providers) -> Providers:
    """Return the counters by provider, the client's with those of the provider where there is only one, else last."""
    alone = providers.get(None, [])
    known: Providers = {provider: counters for provider, counters in providers.items() if provider is not None}
    if len(known) == 1 and all(counter["name"] in BY_CLIENT for counter in alone):
        return {provider: [*counters, *alone] for provider, counters in known.items()}
    return {**known, None: alone} if alone else known


def _use(
    key: str, function: Function, model: str, provider: str | None, counters: Sequence[Counter], only: bool
) -> ModelUse:
    """Return what a function has asked of a model.

    ``only``: it is the one row of the function, so that the function's errors are of it; and so are its retries and
    its waits, where the client tells of none.
    """
    requests, read, wrote, tokens = (_counted(counters, name) for name in (REQUESTS, READ, WROTE, TOKENS))
    refused, again, waited = (_counted(counters, name) for name in (REFUSED, AGAIN, WAITED))
    return {
        "function": key,
        "model": model,
        "provider": provider,
        "requests": requests,
        "input_tokens": read,
        "output_tokens": wrote,
        "total_tokens": tokens,
        "rate": _rate(function, tokens, read, wrote),
        "refused": refused,
        "again": function["retries"] if again is None and only else again,
        "waited": waited / 1_000 if waited is not None else function["waited"] if only else None,
        "errors": function["errors"] if only else None,
    }


def _counted(counters: Sequence[Counter], name: str) -> int | None:
    """Return what counters of a name say in all; None: it was not counted."""
    found = [counter["value"] for counter in counters if counter["name"] == name]
    return sum(found) if found else None


def _rate(function: Function, tokens: int | None, read: int | None, wrote: int | None) -> float | None:
    """Return the tokens a second over all the time in which a function ran; None where either is not known.

    Some models are not counted in all. The time is the function's rows by its rows a second.
    """
    rows, per_second = function["rows_in"], function["rate_overall"]
    if not rows or not per_second or (tokens is None and read is None and wrote is None):
        return None
    whole = (read or 0) + (wrote or 0) if tokens is None else tokens
    return float(f"{whole * per_second / rows:.3g}")
