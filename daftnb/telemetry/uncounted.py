"""Derives what the engine has not counted yet: on Ray an operator's rows and time come only when a task ends.

Known are how long tasks have run so far, and what functions (UDFs) have done. The elapsed time of the tasks that run is
credited to the operators fused in them. All of it is derived, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from daftnb.telemetry.callers import callers, is_pool, is_udf
from daftnb.telemetry.functions import Function
from daftnb.telemetry.model import Query, Worker

# Operators that only hand rows on, or look at few of them: without figures, a task's time is not theirs.
HANDING_ON = ("InMemory", "In Memory", "Limit", "Into", "Concat", "Gather", "Monotonic", "Empty")
# Operators that do little for each row: beside another one, a task's time is rather that one's.
LIGHT = (*HANDING_ON, "Project", "Filter", "Explode", "Sample", "Unpivot", "Repartition")
READING = ("ScanTask", "GlobScan")
# An engine's time of an operator that has ended, and a function's own, differ by less than this where both count it.
SAME = 0.1
GOES_ON = 2.0  # seconds for which calls that run are taken to go on, where nothing more is told
US = 1e6  # µs in a second


@dataclass(slots=True)
class Uncounted:
    """``called``: the operators of each function, by its key; ``time``: µs by operator, beside the engine's.

    ``rows``: rows in and out by operator, instead of the engine's.
    """

    called: Mapping[str, list[int]]
    time: dict[int, float] = field(default_factory=dict)
    rows: dict[int, tuple[int, int]] = field(default_factory=dict)


def uncounted(query: Query, stages: Mapping[int, int], workers: Iterable[Worker], now: float) -> Uncounted:
    """Return what the engine has not counted of a query up to ``now`` (seconds since the epoch).

    ``stages``: each operator's stage; ``workers``: those that may run its tasks.
    """
    found = Uncounted(callers(query))
    elapsed = _elapsed(query, workers, now) if query.active and query.stages else {}
    live = _live(query, found.called)
    for id_, functions in live.items():
        own = _own(query, id_)
        seconds = _seconds(query, functions, stages.get(id_), elapsed, now)
        if seconds * US > own * (1.0 if query.active else 1.0 + SAME):
            found.time[id_] = seconds * US - own
        _rows(query, id_, functions, found)
    fused: dict[int, list[int]] = {}
    for id_ in query.operators:  # inputs before what they feed
        if id_ in stages:
            fused.setdefault(stages[id_], []).append(id_)
    part = _counted_part(query, query.durations, [id_ for id_ in stages if not is_udf(query.operators[id_].node)])
    for stage, seconds in elapsed.items():
        _credit(query, stage, fused.get(stage, []), seconds, live, found.time, part)
    return found


def _live(query: Query, called: Mapping[str, list[int]]) -> dict[int, list[Function]]:
    """Return the functions that have been called and are of one operator alone, by that operator."""
    live: dict[int, list[Function]] = {}
    for key, ids in called.items():
        if len(ids) == 1 and query.functions[key].called:
            live.setdefault(ids[0], []).append(query.functions[key])
    return live


def _own(query: Query, id_: int) -> float:
    """Return the engine's own time of an operator in µs; 0 where it tells none."""
    stats = query.operators[id_].stats
    return (stats.duration_us or 0) if stats is not None else 0


def _elapsed(query: Query, workers: Iterable[Worker], now: float) -> dict[int, float]:
    """Return the seconds that tasks that run now have taken so far, all together, by stage.

    A worker does not say whose a task is: of several queries at a time, as many count as run of this one, with the
    mean of those that may be its own.
    """
    starts: dict[int, list[float]] = {}
    for _, last_id, started in chain.from_iterable(worker.now for worker in workers):
        if last_id in query.stages and started >= query.started - 1.0:
            starts.setdefault(last_id, []).append(started)
    return {
        stage: sum(max(0.0, now - t) for t in each) * min(1.0, query.stages[stage].counts.running / len(each))
        for stage, each in starts.items()
    }


def _seconds(
    query: Query, functions: list[Function], stage: int | None, elapsed: Mapping[int, float], now: float
) -> float:
    """Return the seconds in these functions; of async ones, whose calls run side by side, at most those passed."""
    total = 0.0
    for function in functions:
        assert function.figures is not None  # it has been called
        seconds = function.figures.seconds
        if query.active:  # calls that run go on until the next figures come
            seconds += function.figures.running * min(max(0.0, now - function.figures.t), GOES_ON)
        if function.known is not None and function.known.kind in ("async", "async batch"):
            seconds = min(seconds, _passed(query, stage, elapsed, now))
        total += seconds
    return total


def _passed(query: Query, stage: int | None, elapsed: Mapping[int, float], now: float) -> float:
    """Return the seconds that the tasks of a stage have taken; without tasks, those since the query's start."""
    if stage is not None:
        durations = query.durations.get(stage)
        tasks = (durations.total if durations is not None else 0.0) + elapsed.get(stage, 0.0)
        if tasks > 0:
            return tasks
    return max(0.0, (now if query.ended is None else query.ended) - query.started)


def _rows(query: Query, id_: int, functions: list[Function], found: Uncounted) -> None:
    """Note the rows of a function instead of its operator's, where the engine tells none, or fewer while it runs."""
    operator = query.operators[id_]
    if len(functions) != 1 or functions[0].figures is None:
        return
    rows_in, rows_out = functions[0].figures.rows_in, functions[0].figures.rows_out
    stats = operator.stats
    told_in, told_out = (stats.rows_in, stats.rows_out) if stats is not None else (None, None)
    untold = told_in is None or (is_pool(operator.node) and not told_in)
    if untold or (query.active and not operator.ended and (rows_in, rows_out) > (told_in or 0, told_out or 0)):
        found.rows[id_] = (max(rows_in, told_in or 0), max(rows_out, told_out or 0))


def _counted_part(query: Query, stages: Iterable[int], operators: Iterable[int]) -> float:
    """Return which part of the elapsed time of tasks that have ended the engine counts as time of these operators.

    It is less than all, as tasks also wait: for a CPU, for rows, for the engine. 1 where no task has ended.
    """
    ended = sum(query.durations[stage].total for stage in stages if stage in query.durations)
    counted = sum(_own(query, id_) for id_ in operators)
    return min(1.0, counted / (ended * US)) if ended > 0 and counted > 0 else 1.0


def _credit(
    query: Query,
    stage: int,
    fused: list[int],
    elapsed: float,
    live: Mapping[int, list[Function]],
    time: dict[int, float],
    usual: float,
) -> None:
    """Credit the elapsed time of a stage's running tasks to the operators fused in it, beside the functions' own.

    ``usual``: the part of a task's time that the engine counts, in this query, where there is no function.
    """
    if not fused or elapsed <= 0:
        return
    ended = query.durations.get(stage)
    own = {id_: _own(query, id_) for id_ in fused}
    have_told = ended is not None and sum(own.values()) > 0
    functions = [id_ for id_ in fused if id_ in live]
    if not functions:
        for id_, part in _shares(query, stage, fused, own if have_told else {}, elapsed, usual).items():
            time[id_] = time.get(id_, 0.0) + part * US
        return
    # The functions have theirs to the µs. What is left may be the others' work, or waiting for the functions' actors:
    # the others get what tasks that have ended show of them, for as long as these run.
    others = [id_ for id_ in fused if id_ not in live]
    initialising = sum(f.figures.init_seconds for id_ in functions for f in live[id_] if f.figures is not None)
    left = max(0.0, elapsed * US - sum(time.get(id_, 0.0) for id_ in functions))
    if have_told and ended is not None and ended.total > 0:
        parts = {id_: own[id_] / (ended.total * US) * elapsed * US for id_ in others if own[id_]}
    elif any(is_pool(query.operators[id_].node) for id_ in functions):
        return
    else:
        working = [id_ for id_ in others if not _hands_on(query, id_)]
        left = max(0.0, left - initialising * US) * usual
        parts = {_likely(query, working): left} if working else {}
    whole = sum(parts.values())
    for id_, part in parts.items():
        time[id_] = time.get(id_, 0.0) + part * min(1.0, left / whole if whole else 0.0)


def _shares(
    query: Query, stage: int, fused: list[int], own: Mapping[int, float], elapsed: float, usual: float
) -> dict[int, float]:
    """Return the seconds of a stage's running tasks by operator, where no function tells how long it has run.

    ``own``: what tasks that have ended show of each operator; empty: nothing.
    """
    likely, ended = _likely(query, fused), query.durations.get(stage)
    of_function = is_udf(query.operators[likely].node)
    if ended is None or not ended.total or not own:
        return {likely: elapsed * (1.0 if of_function else usual)}
    whole = sum(own.values())
    if not of_function:
        counted = _counted_part(query, (stage,), fused)
        return {id_: elapsed * counted * part / whole for id_, part in own.items() if part}
    # What a function takes depends on its rows, and of a pool's the engine tells nothing: the others are taken to go on
    # as they did in tasks that have ended, and the rest is the function's.
    shares = {id_: elapsed * part / (ended.total * US) for id_, part in own.items() if part and id_ != likely}
    scale = min(1.0, elapsed / sum(shares.values())) if shares else 1.0
    shares = {id_: seconds * scale for id_, seconds in shares.items()}
    return {**shares, likely: elapsed - sum(shares.values())}


def _likely(query: Query, fused: list[int]) -> int:
    """Return the operator that takes the time of a stage's tasks, most likely, where no task has ended yet.

    It is the first function, if there is one: before that has done something, no other can. Else what reads files, else
    the last operator that does much for each row, or anything at all.
    """
    names = {id_: query.operators[id_].node.name for id_ in fused}
    first = [id_ for id_ in fused if is_udf(query.operators[id_].node)][:1]
    reading = [id_ for id_ in fused if names[id_].startswith(READING)][:1]
    heavy = [id_ for id_ in fused if not names[id_].startswith(LIGHT)]
    working = [id_ for id_ in fused if not _hands_on(query, id_)]
    return (first or reading or heavy or working or fused)[-1]


def _hands_on(query: Query, id_: int) -> bool:
    return query.operators[id_].node.name.startswith(HANDING_ON)
