"""A large query on Ray as events, in the order and at the rates in which the engine's door gives them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e

T = 1_800_000_000.0
PULL = 0.2
SAMPLE = 0.05


def query(
    number: int = 1,
    tasks: int = 10_000,
    workers: int = 8,
    slots: int = 4,
    stages: int = 5,
    seconds: float = 0.12,
    begin: float = T,
    seed: int = 1,
    cluster: bool = True,
) -> Iterator[e.Event]:
    """``tasks`` of about ``seconds`` each on ``workers``, in ``stages`` that follow each other, and the end of it."""
    rng = random.Random(seed)
    id_ = f"brave-{number}"
    names = [f"worker-{i:05}-{'ab' * 20}" for i in range(workers)]
    per_stage = tasks // stages
    if cluster:
        yield e.ClusterChanged(begin - 9, "embedded", "running", "127.0.0.1:1", 1, workers, slots, 30.0)
        yield e.NodesSeen(begin - 8, tuple(e.Node(name, slots, 8 * 10**9, False) for name in names))
    yield e.QueryStarted(begin, id_, "ray")
    plan = tuple(
        e.PlanNode(i, f"Operator {i}", "Physical", (i - 1,) if i else (), "col(a) + lit(1) " * 4, 1000 * i)
        for i in range(2 * stages)
    )
    yield e.LogicalPlan(begin + 0.001, id_, "logical", plan)
    yield e.LogicalPlan(begin + 0.002, id_, "optimised", plan)
    yield e.SettingsInEffect(begin + 0.003, id_, tuple(AutoscalingSettings(threshold=1.5).environment().items()))
    yield e.PlanReady(begin + 0.004, id_, plan)
    if cluster:
        for name in names:
            yield e.WorkerStarted(begin + 0.005, name, slots, 8 * 10**9)
    yield e.HoldBegun(begin + 0.01, number, "below", 0, workers * slots, 1.5)
    # Each slot takes the next task as it comes free; what has ended is told at the next pull.
    ends: list[tuple[float, float, int, int, int]] = []  # end, start, task, stage, worker
    free = [[begin + 0.01] * slots for _ in names]
    for task in range(tasks):
        worker = min(range(workers), key=lambda w: min(free[w]))
        slot = free[worker].index(min(free[worker]))
        start = free[worker][slot]
        end = free[worker][slot] = start + rng.lognormvariate(0, 0.5) * seconds
        ends.append((end, start, task, min(task // per_stage, stages - 1), worker))
    ends.sort()
    starts = sorted((start, task, stage, worker, end) for end, start, task, stage, worker in ends)
    begun = ended = 0
    running: dict[int, tuple[int, int, float]] = {}
    of_worker: list[set[int]] = [set() for _ in names]
    finished, idle = [0] * workers, [begin + 0.005] * workers
    done = [0] * stages
    now = begin
    last = ends[-1][0]
    while now < last + 2 * PULL:
        now += PULL
        sample = now - PULL
        while sample < min(now, last):
            sample += SAMPLE
            pending = tasks - begun
            yield e.BacklogSample(sample, pending, pending, len(running), workers * slots, workers, workers * slots)
        while begun < tasks and starts[begun][0] <= now:
            start, task, stage, worker, _ = starts[begun]
            running[task] = (task, 2 * stage + 1, start)
            of_worker[worker].add(task)
            begun += 1
        while ended < tasks and ends[ended][0] <= now:
            end, start, task, stage, worker = ends[ended]
            outcome = "failed" if rng.random() < 0.001 else "finished"
            yield e.TaskEnded(end, id_, 2 * stage + 1, names[worker], task, start, outcome)  # type: ignore[arg-type]
            running.pop(task, None)
            of_worker[worker].discard(task)
            finished[worker] += 1
            idle[worker] = end
            done[stage] += 1
            ended += 1
        for stage in range(stages):
            on_it = sum(1 for _, last_id, _ in running.values() if last_id == 2 * stage + 1)
            left = per_stage - done[stage] - on_it
            counts = e.TaskCounts(per_stage, left, on_it, done[stage])
            yield e.StageCounts(now, id_, 2 * stage + 1, f"Operator {2 * stage}->Operator {2 * stage + 1}", counts)
        for i, name in enumerate(names):
            at_work = tuple(running[task] for task in sorted(of_worker[i])[:slots])
            yield e.WorkerCounts(
                now, name, len(at_work), finished[i], None if at_work else idle[i], tasks=at_work, rule=""
            )
        yield e.HoldCounted(now, number, ended)
        for i, node in enumerate(plan):
            rows = done[i // 2] * 1000
            yield e.OperatorStats(now, id_, node.id, rows, rows // 2, rows * 64, rows * 32, rows * 7)
        if round((now - begin) / PULL) % 5 == 0:
            yield e.NodesSeen(now, tuple(e.Node(name, slots, 8 * 10**9, False) for name in names))
            for name in names:
                used = 10**9 + rng.randrange(3 * 10**8)
                yield e.NodeFigures(now, name, used, 8 * 10**9, used // 4, 2 * 10**9)
    yield e.QueryFinished(last + 0.1, id_, "finished")
    yield e.DemandCleared(last + 0.11)
    for i, name in enumerate(names):
        yield e.WorkerKept(last + 0.12, name)
        yield e.WorkerCounts(now, name, 0, finished[i], idle[i], True, idle[i] + 60, "after 60 s idle")
