"""Says, in a table and in sentences, which actors the functions of a query run in, and why they are so many."""

from __future__ import annotations

from collections.abc import Iterator

from daftnb.telemetry.wire import Plan, Snapshot, Udf, UdfActor
from daftnb.text import numbers as f
from daftnb.text.shorten import shortened
from daftnb.text.states import state_words
from daftnb.text.tables import Table, clean

LONGEST_NAME = 60  # characters of a function's name
ID_LENGTH = 12  # characters of an actor's
LIVE = ("starting", "initialising", "busy", "idle")
IDLE_SECONDS = 1.0  # between two batches any actor is idle for a moment: that is no news


def table(snapshot: Snapshot) -> Table:
    """Return the actors of all functions of the current query, those that live first."""
    columns = [("function", False), ("actor", False), ("node", False), ("state", False), ("rows", True)]
    columns += [("rows/s", True), ("queue", True), ("initialised in", True)]
    plan = snapshot.get("plan")
    actors = list(_actors(plan)) if plan is not None else []
    with_gpus = any(actor["gpus"] for *_, actor in actors)
    rows = [
        [
            name,
            key[:ID_LENGTH],
            actor["label"] or f.UNKNOWN,
            _state(actor, snapshot["now"]),
            f.number(actor["rows"]),
            f.number(actor["rate"]),
            f.UNKNOWN if actor["queue"] is None else str(actor["queue"]),
            f.duration(actor["init_seconds"]),
            *([f.UNKNOWN if actor["gpus"] is None else f"{actor['gpus']:g}"] if with_gpus else []),
        ]
        for name, key, actor in sorted(actors, key=lambda each: each[2]["state"] not in LIVE)
    ]
    return [*columns, *([("GPUs", True)] if with_gpus else [])], rows


def sentences(snapshot: Snapshot) -> list[str]:
    """Return what is to be said of the actors: how many came, and who waits for whom."""
    plan = snapshot.get("plan")
    if plan is None:
        return []
    found = [f"⚙ {clean(shortened(name, LONGEST_NAME))}: {words(udf)}" for name, udf in plan["udfs"].items()]
    return found + [
        f"⧖ {clean(shortened(function['name'], LONGEST_NAME))}: {wait}"
        for function in plan["functions"].values()
        if (wait := waits([actor for actor in function["actors"].values() if actor["state"] in LIVE], snapshot["now"]))
    ]


def words(udf: Udf) -> str:
    """Return how many actors a function has, or waits for, and why not all that were asked for."""
    if udf["awaited"]:
        text = f"waits for {f.plural(udf['awaited'], 'actor')}, {f.duration(udf['limit'])} at most"
    elif not udf["count"]:
        text = "its actors have ended"
    else:
        text = f.plural(udf["count"], "actor") + (f" of {udf['asked']} asked" if udf["asked"] > udf["count"] else "")
        text += f", {udf['idle']} idle" if udf["idle"] is not None else ""
    return text + (f"; {udf['why']}" if udf["why"] else "")


def waits(actors: list[UdfActor], now: float) -> str:
    """Say whether the input of live actors starves them, or whether they keep it waiting; empty where neither is so."""
    if not actors:
        return ""
    if all(actor["state"] == "idle" and now - actor["since"] >= IDLE_SECONDS for actor in actors):
        return "its actors are idle: their input is slow"
    queue = sum(actor["queue"] or 0 for actor in actors)
    if not queue or any(actor["state"] == "idle" for actor in actors):
        return ""
    return f"{f.plural(queue, 'batch', 'batches')} wait{'s' if queue == 1 else ''} for its actors"


def _actors(plan: Plan) -> Iterator[tuple[str, str, UdfActor]]:
    for function in plan["functions"].values():
        for key, actor in function["actors"].items():
            yield function["name"], key, actor


def _state(actor: UdfActor, now: float) -> str:
    """Return an actor's state, and for how long where that is of use."""
    if actor["state"] in ("starting", "initialising", "idle"):
        return f"{state_words(actor['state'])} for {f.duration(max(0.0, now - actor['since']))}"
    return state_words(actor["state"])
