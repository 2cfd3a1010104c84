"""Folds events into the state: a pure function of the events so far.

``apply(state, event)`` changes ``state`` in place and costs the same whatever the number of tasks; memory grows with
operators, workers and kept queries only. No clock of its own: time is what the events say.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import cast

from daftnb.telemetry import decisions, functions, samples, world
from daftnb.telemetry import events as e
from daftnb.telemetry.decisions import ratio_of
from daftnb.telemetry.marks import mark, mark_together
from daftnb.telemetry.model import GONE_SECONDS, KEPT_TASKS, Durations, Operator, Query, State, Worker
from daftnb.telemetry.wire import DecisionKind, QueryRunner, WorkerState
from daftnb.text.reasons import reason_of_text

KEPT_QUERIES = 100
KEPT_PROBLEMS = 30
ENDED = ("stopped", "disconnected")  # states of a cluster whose workers are none of this process's any more


@singledispatch
def apply(event: e.Event, state: State) -> None:
    """Fold one event into the state; ignore those of unknown queries or workers, which are before our time."""
    raise TypeError(f"no such event: {type(event).__name__}")


apply.register(e.WorldKnown, world.restore)
apply.register(e.WorkerKnown, world.restore_worker)
apply.register(e.UdfKnown, functions.know)
apply.register(e.UdfFigures, functions.count)
apply.register(e.UdfActorFigures, functions.count_actor)


@apply.register
def _(event: e.QueryStarted, state: State) -> None:
    if event.query_id in state.queries:
        return
    state.query_count += 1
    runner = cast("QueryRunner", event.runner)  # a recording of another release may have one that is not known here
    query = Query(event.query_id, state.query_count, runner, event.t, event.name)
    if state.threshold is not None:
        query.thresholds.append(state.threshold)
    state.queries[event.query_id] = state.current = query
    while len(state.queries) > KEPT_QUERIES:
        state.queries.popitem(last=False)


@apply.register
def _(event: e.PlanReady, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is None:
        return
    query.operators = {node.id: Operator(node) for node in event.operators}
    query.root = event.operators[-1].id if event.operators else None
    if query.active:
        query.state = "running"
    if query.runner == "ray":
        _count_workers(state, event.t)


@apply.register
def _(event: e.LogicalPlan, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is not None:
        query.plans[event.stage] = event.operators


@apply.register
def _(event: e.SettingsInEffect, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is not None:
        query.settings = dict(event.values)
        state.in_effect, state.in_effect_number = query.settings, query.number
        state.note_threshold(event.t, query)


@apply.register
def _(event: e.OperatorStarted, state: State) -> None:
    operator = state.operator(event.query_id, event.operator_id)
    if operator is not None:
        operator.started = True


@apply.register
def _(event: e.OperatorFinished, state: State) -> None:
    operator = state.operator(event.query_id, event.operator_id)
    if operator is not None:
        operator.started = operator.ended = True


@apply.register
def _(event: e.OperatorStats, state: State) -> None:
    operator = state.operator(event.query_id, event.operator_id)
    # What was asked for before the query's end may come after what was told at its end.
    if operator is not None and (operator.stats is None or operator.stats.t <= event.t):
        operator.stats = event


@apply.register
def _(event: e.StageCounts, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is not None:
        query.stages[event.last_id] = event


@apply.register
def _(event: e.TaskEnded, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is not None and event.outcome == "finished":
        durations = query.durations.setdefault(event.last_id, Durations())
        durations.add(max(0.0, event.t - event.started), event.task_id, event.worker_id)
    worker = state.workers.get(event.worker_id)
    if worker is None:
        return
    number = query.number if query is not None else 0
    worker.tasks[worker.task_count] = (
        event.task_id, event.last_id, number, event.started, event.t, event.outcome,
    )  # fmt: skip
    worker.task_count += 1
    while len(worker.tasks) > KEPT_TASKS:
        worker.tasks.popitem(last=False)


@apply.register
def _(event: e.UdfActors, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is not None:
        query.udfs[event.name] = event


@apply.register
def _(event: e.ActorPool, state: State) -> None:
    if event.awaited:
        mark(state, event.t, "actors asked", "", decisions.actors_asked(event))
    elif event.asked:
        kind: DecisionKind = "actors ready" if event.count >= event.asked else "actors missing"
        mark(state, event.t, kind, "", decisions.actors_came(event))


@apply.register
def _(event: e.TaskEndedWorkers, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is not None:
        query.deadly[event.last_id] = event


@apply.register
def _(event: e.NodeFigures, state: State) -> None:
    worker = state.workers.get(event.worker_id)
    if worker is not None:
        worker.usage = event


@apply.register
def _(event: e.QueryFinished, state: State) -> None:
    query = state.queries.get(event.query_id)
    if query is None or not query.active:
        return
    query.state, query.ended, query.raised_in = event.outcome, event.t, event.raised_in
    query.error = None if event.error is None else reason_of_text(event.error).text
    if event.rows is not None:
        query.rows = event.rows
    functions.end_all(query)


@apply.register
def _(event: e.WorkerStarted, state: State) -> None:
    before = state.workers.get(event.worker_id)
    worker = _worker(state, event.worker_id, event.t, event.slots, event.memory, gpus=event.gpus)
    if worker.is_actor:
        return
    since, was_starting, died = worker.since, worker.state == "starting", worker.state == "died"
    _begin(worker, event.t)
    request = state.request
    # On a node that was there before the request, the worker is not what was asked for.
    if request is not None and request.t <= event.t and (before is None or (was_starting and since >= request.t)):
        text = f"{worker.label} came {event.t - request.t:.1f} s after the last request"
    elif was_starting and event.t - since >= 0.05:
        text = f"{worker.label} is ready, {event.t - since:.1f} s after its node"
    else:
        text = f"{worker.label} is ready" + (" again, on the same node" if died else "")
    mark(state, event.t, "arrival", "+1", text)
    _count_workers(state, event.t)


@apply.register
def _(event: e.WorkerCounts, state: State) -> None:
    worker = state.workers.get(event.worker_id)
    if worker is None or not worker.is_actor:
        return
    _spans(worker, event)
    worker.running, worker.finished, worker.idle_since = event.running, event.finished, event.idle_since
    worker.state = "busy" if event.running else "warm" if event.warm else "idle"
    if event.warm and event.rule == "survivor" != worker.rule:
        mark(state, event.t, "kept", "", decisions.kept(worker.label, event.rule))
    worker.retires_at, worker.rule, worker.now = event.retires_at, event.rule, event.tasks
    worker.gpus_tasks = event.gpus


@apply.register
def _(event: e.WorkerKept, state: State) -> None:
    worker = state.workers.get(event.worker_id)
    if worker is not None and worker.is_actor:
        worker.state, worker.rule = "warm", ""  # what keeps it is told with its counts
        mark_together(state, event.t, "sweep", worker, decisions.swept)


@apply.register
def _(event: e.WorkerReused, state: State) -> None:
    worker = state.workers.get(event.worker_id)
    if worker is not None and worker.is_actor:
        worker.state = "idle"
        mark_together(state, event.t, "reuse", worker, decisions.reused)


@apply.register
def _(event: e.WorkerEnded, state: State) -> None:
    worker = state.workers.get(event.worker_id)
    if worker is None or not worker.is_actor:
        return
    idle = None if worker.idle_since is None else max(0.0, event.t - worker.idle_since)
    _end(worker, event.reason, event.t)
    if event.reason == "retired":
        mark(state, event.t, "retire", "−1", decisions.retired(worker.label, idle, event.rule))
    else:
        mark(state, event.t, "died", "✕", decisions.died(worker.label, event.rule))
    _count_workers(state, event.t)


@apply.register
def _(event: e.RunnerEnded, state: State) -> None:
    for worker in state.actors():
        _end(worker, "gone", event.t)
    state.request = state.hold = state.launches = None
    mark(
        state, event.t, "died", "✕", "Daft's runner actor died, and its workers with it; the next query makes a new one"
    )


@apply.register
def _(event: e.NodesSeen, state: State) -> None:
    state.nodes_known = True
    alive = {node.id for node in event.nodes}
    first = state.granted is None
    state.granted = sum(node.slots for node in event.nodes)
    for node in event.nodes:
        new = node.id not in state.workers and not first
        worker = _worker(state, node.id, event.t, node.slots, node.memory, node.head, node.gpus)
        if new and node.slots and state.request is not None:
            mark(state, event.t, "granted", "", decisions.granted(worker.label, max(0.0, event.t - state.request.t)))
        if worker.state == "gone":
            worker.state, worker.since = "starting", event.t
        if not node.slots and not worker.is_actor:
            worker.state = "no worker"
    for worker in list(state.workers.values()):
        if worker.id in alive:
            continue
        if worker.state == "gone":
            if event.t - worker.since > GONE_SECONDS:
                del state.workers[worker.id]
            continue
        if worker.is_actor:
            mark(state, event.t, "died", "✕", f"the node of {worker.label} is gone")
        elif worker.state != "no worker":
            mark(state, event.t, "gone", "", f"Ray released the node of {worker.label}")
        _end(worker, "gone", event.t)


@apply.register
def _(event: e.BacklogSample, state: State) -> None:
    ratio = ratio_of(event.pending, event.capacity)
    if ratio is not None:
        state.peak_ratio = ratio if state.peak_ratio is None else max(state.peak_ratio, ratio)
        for query in _queries_at(state, event.t):
            query.peak_ratio = ratio if query.peak_ratio is None else max(query.peak_ratio, ratio)
    samples.keep(state, event)


@apply.register
def _(event: e.ScaleRequested, state: State) -> None:
    state.request = event
    state.hold = None
    most, gpus = most_cpus(state.cluster), most_gpus(state.cluster)
    above = (most is not None and event.cpus > most) or (gpus is not None and (event.gpus or 0) > gpus)
    if event.sent_bundles is None and not above:
        mark(state, event.t, "request", f"ask {event.cpus}", decisions.asked(event))
        return
    # The engine asks for one more each time, for as long as the backlog lasts; one line says it for all.
    latest = next((m for m in reversed(state.marks.values()) if m.kind in ("over max", "clear")), None)
    if latest is not None and latest.kind == "over max":
        latest.count += 1
        latest.text = decisions.over_most(event, most, gpus)
    else:
        mark(state, event.t, "over max", f"ask {event.cpus}", decisions.over_most(event, most, gpus))


@apply.register
def _(event: e.PoolSeen, state: State) -> None:
    """Reconcile the pool with a full snapshot of the workers and the request.

    It makes up for events that were not fetched in time; what the log would have said of those is lost.
    """
    there = {life.worker_id for life in event.workers}
    before = len(state.actors())
    for life in event.workers:
        if state.is_news(life):
            worker = _worker(state, life.worker_id, life.started, life.slots, life.memory, gpus=life.gpus)
            _begin(worker, life.started)
    for worker in state.actors():
        if worker.id not in there and (worker.started or 0.0) <= event.t:
            mark(state, event.t, "gone", "−1", f"{worker.label} has ended; when and why was not fetched in time")
            _end(worker, "retired", event.t)
    if len(state.actors()) != before:
        _count_workers(state, event.t)
    known = state.request
    if event.request is None or known is None or event.request.size != known.size:
        state.request = event.request
    if event.request is None:
        state.launches = None


@apply.register
def _(event: e.HoldBegun, state: State) -> None:
    if state.hold is not None and state.hold[0] == event.number:
        return  # told again
    noted = mark(state, event.t, "hold", "", decisions.not_asked(event))
    state.hold = (event.number, noted, noted.count - 1)


@apply.register
def _(event: e.HoldCounted, state: State) -> None:
    if state.hold is not None and state.hold[0] == event.number:
        state.hold[1].count = state.hold[2] + event.count


@apply.register
def _(event: e.DemandCleared, state: State) -> None:
    if state.request is not None:
        mark(state, event.t, "clear", "clear", "what was asked of Ray is withdrawn")
    state.request = state.launches = None


@apply.register
def _(event: e.LaunchesSeen, state: State) -> None:
    before, state.launches = state.launches, event
    if event.dropped_cpus and (before is None or before.dropped_cpus != event.dropped_cpus):
        mark(state, event.t, "infeasible", "", decisions.dropped(event.dropped_cpus))
    for shape in [each for each in event.lacking if before is None or each not in before.lacking]:
        mark(state, event.t, "infeasible", "", decisions.lacking(shape))


@apply.register
def _(event: e.LaunchFailed, state: State) -> None:
    mark(state, event.t, "launch failed", "", decisions.launch_failed(event))


@apply.register
def _(event: e.DetailDropped, state: State) -> None:
    state.dropped = max(state.dropped, event.events)  # another runner's process counts from nothing


@apply.register
def _(event: e.ClusterChanged, state: State) -> None:
    if state.cluster is None or state.cluster.address != event.address or event.state in ENDED:
        state.workers.clear()
        state.worker_count = 0
        state.request = state.hold = state.granted = state.launches = None
    state.cluster = event


@apply.register
def _(event: e.ProblemFound, state: State) -> None:
    # The latest last: each snapshot carries them, and some name a query or a worker, so that they never repeat.
    state.problems[event.text] = state.problems.pop(event.text, 0) + 1
    while len(state.problems) > KEPT_PROBLEMS:
        del state.problems[next(iter(state.problems))]


def most_cpus(cluster: e.ClusterChanged | None) -> int | None:
    """Return the CPUs that the cluster can have at most; None where that is not known."""
    if cluster is None:
        return None
    if cluster.most_cpus is not None:
        return cluster.most_cpus
    if cluster.max_workers is None or cluster.cpus is None:
        return None
    return cluster.max_workers * cluster.cpus


def most_gpus(cluster: e.ClusterChanged | None) -> int | None:
    """Return the GPUs that the cluster can have at most; None where that is not known."""
    if cluster is None:
        return None
    if cluster.most_gpus is not None:
        return cluster.most_gpus
    if cluster.kind != "embedded" or cluster.max_workers is None or cluster.gpus is None:
        return None
    return cluster.max_workers * cluster.gpus


def _worker(
    state: State, id_: str, t: float, slots: int, memory: int, head: bool = False, gpus: float | None = None
) -> Worker:
    worker = state.workers.get(id_)
    if worker is None:
        if head:
            label = "head"
        else:
            state.worker_count += 1
            label = f"worker {state.worker_count}"
        worker = state.workers[id_] = Worker(id_, label, slots, memory, t, "starting", head)
    elif head and not worker.head:
        worker.head = True
    if gpus is not None:
        worker.gpus = gpus
    return worker


def _begin(worker: Worker, t: float) -> None:
    """Note that a worker's process is there, and runs nothing yet."""
    worker.state, worker.since, worker.started, worker.idle_since, worker.running = "idle", t, t, t, 0
    worker.gpus_tasks = 0.0


def _end(worker: Worker, state: WorkerState, t: float) -> None:
    """Note that a worker's process is not there any more."""
    if worker.spans and worker.spans[-1][1] is None:
        worker.spans[-1][1] = t
    worker.state, worker.since, worker.running = state, t, 0
    worker.retires_at, worker.rule, worker.now, worker.gpus_tasks = None, "", (), 0.0


def _spans(worker: Worker, event: e.WorkerCounts) -> None:
    """Note busy intervals as the counts show them: open while tasks run, closed at the end of the last."""
    open_span = worker.spans[-1] if worker.spans and worker.spans[-1][1] is None else None
    if event.running and open_span is None:
        worker.spans.append([event.t, None])
    elif not event.running:
        if open_span is not None:
            open_span[1] = max(event.idle_since or event.t, open_span[0] or 0.0)
        elif event.finished > worker.finished and event.idle_since is not None:
            # It was busy and idle again between two looks.
            worker.spans.append([worker.idle_since or event.idle_since, event.idle_since])


def _queries_at(state: State, t: float) -> Iterator[Query]:
    """Yield the queries on Ray that ran at ``t``, the latest first: details may come after a query's end."""
    for query in reversed(state.queries.values()):
        if query.runner == "ray" and query.started <= t and (query.ended is None or t <= query.ended):
            yield query


def _count_workers(state: State, t: float) -> None:
    query = next(_queries_at(state, t), None)
    count = len(state.actors())
    if query is None or not count:
        return  # between two queries the engine may have retired all: a query begins with its first worker
    if query.workers_from is None:
        query.workers_from = count
    query.workers_to = max(query.workers_to or 0, count)
