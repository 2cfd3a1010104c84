"""A query that calls functions, as snapshots: a plain one, a class in a pool of actors, and one that asks models."""

from __future__ import annotations

from typing import Any

from daftnb.telemetry.models import AGAIN, REFUSED, WAITED, models_of
from daftnb.telemetry.snapshots import Snapshot
from tests.helpers import plans, scaling

T = scaling.T
NOW = T + 16.0
SOURCE = """@daft.func
def score(comment: str) -> float:
    # "<b>" and $x$ are text
    return len(comment) / 80 if comment else 0.0
"""
GPT = {"model": "gpt-5-mini", "provider": "openai", "protocol": "openai"}
CLAUDE = {"model": "claude-sonnet", "provider": "anthropic", "protocol": "anthropic"}
_OPERATORS: tuple[tuple[Any, ...], ...] = (
    # id, name, detail, rows out, µs, state
    (1, "ScanTaskSource", "Num Scan Tasks: 46", 1_500_000, 900_000, "running"),
    (2, "UDF score", "score(col(3: l_comment)) as score", 30_500, 11_400_000, "running"),
    (
        3,
        "ActorUDF",
        "ActorUDF: __main__.Embedder.__call__\nExpr: Embedder(col(0: text)) as vector",
        17_500,
        None,
        "running",
    ),
    (4, "UDF prompt", "prompt(col(1: text)) as answer", 120, 9_100_000, "running"),
    (5, "Write", "parquet", None, None, "waiting"),
)


def function(name: str, operators: list[int], **more: Any) -> Snapshot:
    facts = {"name": name, "kind": "row", "is_class": False, "operators": operators, "file": "", "cell": 12, "line": 3}
    facts |= {"source": SOURCE, "rows_in": 30_500, "rows_out": 30_500, "calls": 30_500, "running": 0, "seconds": 11.4}
    facts |= {"inits": 0, "init_seconds": 0.0, "errors": 0, "error": "", "retries": 0, "rate": None}
    facts |= {"waited": 0.0, "shared": False}
    facts |= {"rate_overall": None, "counters": [], "left_out": 0, "lost": 0, "actors": {}, "actors_left_out": 0}
    return facts | more


def actor(state: str, **more: Any) -> Snapshot:
    facts = {"worker": "a", "label": "worker 1", "state": state, "since": T + 9, "rows": 0, "calls": 0, "seconds": 0.0}
    return facts | {"init_seconds": None, "rate": None, "queue": None, "gpus": None} | more


def counter(name: str, value: int, attributes: dict[str, str]) -> Snapshot:
    return {"name": name, "attributes": attributes, "value": value}


def snapshot() -> Snapshot:
    """In the middle of the query: the pool waits for one of its four actors, and has batches before it."""
    made = plans.snapshot()
    one = made["plan"]["operators"]["6"] | {"skew": None, "estimated_rows": None, "slowest": False}
    rows = {}
    for id_, name, detail, out, duration, state in _OPERATORS:
        rows[str(id_)] = one | {
            "id": id_,
            "name": name,
            "detail": detail,
            "inputs": [] if id_ == 1 else [id_ - 1],
            "state": state,
            "rows_in": out,
            "rows_out": out,
            "bytes_out": duration and out * 80,
            "duration_us": duration,
            "time_share": 0.4 if id_ == 3 else duration and duration / 35_600_000,
            "derived_us": 14_200_000 if id_ == 3 else None,
            "derived_rows": id_ == 3,
            "tasks": None if out is None else scaling.counts(20, 40, 2),
            "stage": 4,
            "selectivity": None,
        }
    actors = {
        "5f1c0a": actor("busy", rows=9_400, rate=812.0, queue=7, init_seconds=3.4, gpus=0.5),
        "77ab31": actor(
            "busy", worker="b", label="worker 2", rows=8_100, rate=790.4, queue=5, init_seconds=3.6, gpus=0.5
        ),
        "c2d9e4": actor("initialising", worker="c", label="worker 3", since=T + 12, gpus=0.5),
    }
    tokens = [
        counter("requests", 96, GPT),
        counter("input tokens", 41_200, GPT),
        counter("output tokens", 9_630, GPT),
        counter("total tokens", 50_830, GPT),
        counter(REFUSED, 5, {"model": GPT["model"]}),
        counter(AGAIN, 5, {"model": GPT["model"]}),
        counter(WAITED, 12_480, {"model": GPT["model"]}),
        counter("requests", 24, CLAUDE),
        counter("input tokens", 10_100, CLAUDE),
        counter("output tokens", 2_400, CLAUDE),
        counter("pages", 7, {}),
    ]
    functions = {
        "score": function("__main__.score", [2], running=2, rate=1_204.0, rate_overall=980.0, calls=30_498),
        "embed": function(
            "__main__.Embedder.__call__",
            [3],
            kind="batch",
            is_class=True,
            cell=None,
            file="features/embed.py",
            line=40,
            source="class Embedder: ...",
            rows_in=17_500,
            rows_out=17_500,
            calls=70,
            running=2,
            seconds=14.2,
            inits=2,
            init_seconds=7.0,
            rate=1_602.4,
            rate_overall=1_250.0,
            actors=actors,
        ),
        "prompt": function(
            "prompt",
            [4],
            kind="async",
            cell=None,
            file="",
            line=None,
            source="",
            rows_in=124,
            rows_out=120,
            calls=124,
            running=4,
            seconds=58.1,
            errors=2,
            error="RateLimitError: 429 Too Many Requests\n  File ...",
            retries=5,
            waited=12.5,
            rate=8.25,
            rate_overall=8.0,
            counters=tokens,
            left_out=3,
        ),
    }
    plan = {"operators": rows, "root": 5, "functions": functions}
    udfs = {
        "Embedder(col(0: text)) as vector": {
            "count": 0,
            "idle": None,
            "awaited": 4,
            "limit": 120.0,
            "asked": 4,
            "why": "",
        }
    }
    return asked(made | {"plan": made["plan"] | plan | {"udfs": udfs}, "now": NOW})


def asked(made: Snapshot) -> Snapshot:
    """Return a snapshot with the models that its functions have asked."""
    models, left_out = models_of(made["plan"]["functions"])
    return made | {"plan": made["plan"] | {"models": models, "models_left_out": left_out}}


def two_providers() -> Snapshot:
    """The same, but one of the models is asked through two providers."""
    made = snapshot()
    made["plan"]["functions"]["prompt"]["counters"].append(counter("requests", 31, GPT | {"provider": "azure"}))
    return asked(made)


def many(actors: int) -> Snapshot:
    """The same with so many actors, most of them busy."""
    made = snapshot()
    states = ("busy", "busy", "busy", "idle", "ended")
    made["plan"]["functions"]["embed"]["actors"] = {
        str(number): actor(states[number % 5], label=f"worker {number % 40}", rows=number, rate=10.0, queue=0)
        for number in range(actors)
    }
    return made


def ended() -> Snapshot:
    """After the query's end."""
    made = snapshot()
    over = plans.snapshot(over=True)
    made |= {name: over[name] for name in ("query", "workers", "backlog", "decisions", "now")}
    for row in made["plan"]["operators"].values():
        row |= {"state": "finished", "tasks": scaling.counts(40, 40)}
    made["plan"]["udfs"] = {}
    for called in made["plan"]["functions"].values():
        called |= {"running": 0, "rate": None}
        for each in called["actors"].values():
            each |= {"state": "ended", "rate": None, "queue": None}
    return made


def hostile(text: str) -> Snapshot:
    """Everything that others have written is this text."""
    made = snapshot()
    for called in made["plan"]["functions"].values():
        called |= {"name": text, "file": text, "cell": None, "source": text, "error": text, "errors": 1}
        called["actors"] = {text[:2_000] + str(i): actor("busy", worker=text, label=text) for i in range(3)}
        called["counters"] = [counter("requests", 1, {"model": text, "provider": text}), counter(text, 1, {text: text})]
    return asked(made)


def without_functions() -> Snapshot:
    """What the engine alone tells: of a pool of actors, nothing."""
    made = snapshot()
    made["plan"]["functions"] = {}
    untold = {"rows_in": None, "rows_out": None, "derived_us": None, "derived_rows": False, "time_share": None}
    made["plan"]["operators"]["3"] |= untold
    return asked(made)
