"""Queries that call functions, as events: a plain function in tasks, and a class in a pool of actors."""

from __future__ import annotations

from daftnb.telemetry import events as e

T = 1_800_000_000.0
PLAN = (
    e.PlanNode(1, "InMemorySource", "Source", ()),
    e.PlanNode(2, "UDF score", "Intermediate", (1,), "UDF __main__.score:\nExpr = __main__.score-264212-0(x) as y"),
    e.PlanNode(3, "ActorUDF", "Intermediate", (2,), "ActorUDF: __main__.Model.__call__\nExpr = model(y)"),
    e.PlanNode(4, "Sort", "BlockingSink", (3,), "Sort by: y"),
)
SCORE = e.UdfKnown(
    T + 0.1, "q", "score-0", "__main__.score", "row", False, "notebook.ipynb", 3, 2, "def score(x):\n    return x\n"
)
MODEL = e.UdfKnown(T + 0.1, "q", "model-0", "__main__.Model.__call__", "batch", True, "/home/me/models.py", None, 40)


def begun(runner: str = "ray", plan: tuple[e.PlanNode, ...] = PLAN) -> list[e.Event]:
    """The query ``q`` starts, and its functions are known; on Ray, a worker with two slots is there."""
    worker = [e.WorkerStarted(T, "a", 2, 10**9)] if runner == "ray" else []
    return [e.QueryStarted(T, "q", runner), *worker, e.PlanReady(T + 0.05, "q", plan), SCORE, MODEL]


def runs(t: float, stage: int, *starts: float, finished: int = 0) -> list[e.Event]:
    """So many tasks of a stage run at ``T + t``, each since ``T + start``, and as many have finished."""
    count = len(starts)
    tasks = tuple((finished + i, stage, T + start) for i, start in enumerate(starts))
    return [
        e.StageCounts(T + t, "q", stage, "chain", e.TaskCounts(count + finished, 0, count, finished, 0, 0)),
        e.WorkerCounts(T + t, "a", count, finished, None if count else T + t, tasks=tasks),
    ]


def ended(start: float, end: float, stage: int, task: int = 0) -> e.TaskEnded:
    """A task of a stage has finished."""
    return e.TaskEnded(T + end, "q", stage, "a", task, T + start, "finished")


def scored(t: float, rows: int, seconds: float, running: int = 1, calls: int | None = None) -> e.UdfFigures:
    """What the function ``score`` has done by ``T + t``."""
    made = rows if calls is None else calls
    return e.UdfFigures(T + t, "q", "score-0", rows, rows, made, running, seconds, began=T + 0.5)


def actor(t: float, key: str, state: str = "busy", rows: int = 0, **figures: object) -> e.UdfActorFigures:
    """What an actor of ``Model`` does at ``T + t``."""
    return e.UdfActorFigures(T + t, "q", "model-0", key, "a", state, T + t, rows, **figures)  # type: ignore[arg-type]
