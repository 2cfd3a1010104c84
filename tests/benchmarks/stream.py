"""A generated stream of events: a query on a cluster far larger than a test can have. The same one every time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e

T = 1_800_000_000.0
QUERY = "broad-river"
PULL_SECONDS = 0.2  # the kernel looks as often; counts of what has changed come once in each
NODES_SECONDS = 2.0  # as Ray's list of nodes is looked at
GROW_SECONDS = 20.0  # until the last worker has come
MEMORY = 64 * 10**9


def stream(workers: int, operators: int, tasks: int, seconds: float) -> Iterator[list[e.Event]]:
    """The events of one query, by pull: about ``seconds`` long, on workers of four slots, a stage per five operators.

    A task in a thousand fails or is lost; one in fifty takes ten times as long as the others.
    """
    chance = random.Random(7)
    ids = [f"{chance.getrandbits(224):056x}" for _ in range(workers)]
    slots = 4
    plan = tuple(
        e.PlanNode(i, f"Operator {i}", "Physical", () if i % 20 == 1 else (i - 1,), f"column_{i} > {i}", 10**6)
        for i in range(1, operators + 1)
    )
    stages = [node.id for node in plan if node.id % 5 == 0] or [plan[-1].id]
    yield [
        e.ClusterChanged(T - 60, "external", "running", "10.0.0.1:6379", 1, workers, slots, 60.0),
        e.NodesSeen(T - 1, (e.Node("head", 0, MEMORY, True), e.Node(ids[0], slots, MEMORY, False))),
        e.QueryStarted(T, QUERY, "ray"),
        e.LogicalPlan(T, QUERY, "logical", plan),
        e.PlanReady(T, QUERY, plan),
        e.SettingsInEffect(T, QUERY, tuple(AutoscalingSettings().environment().items())),
    ]
    mean = seconds * workers * slots / tasks * 0.75
    done = dict.fromkeys(stages, 0)
    total = {stage: tasks // len(stages) + (index < tasks % len(stages)) for index, stage in enumerate(stages)}
    running: list[tuple[float, int, int, int, float]] = []  # end, task, stage, worker, start
    here: list[dict[int, tuple[int, float]]] = [{} for _ in ids]
    finished = [0] * workers
    idle_since: list[float | None] = [None] * workers
    present = submitted = ended = asked = listed = 0
    nodes_at = T
    now = T
    while ended < tasks:
        now += PULL_SECONDS
        pull: list[e.Event] = []
        changed: set[int] = set()
        while present < workers and T + 0.5 + present * GROW_SECONDS / workers <= now:
            came = T + 0.5 + present * GROW_SECONDS / workers
            pull.append(e.WorkerStarted(came, ids[present], slots, MEMORY))
            idle_since[present] = came
            present += 1
        if present > listed and now >= nodes_at:
            nodes_at, listed = now + NODES_SECONDS, present
            nodes = tuple(e.Node(id_, slots, MEMORY, False) for id_ in ids[:present])
            pull.append(e.NodesSeen(now, (e.Node("head", 0, MEMORY, True), *nodes)))
        while running and running[0][0] <= now:
            at, task, stage, worker, start = heapq.heappop(running)
            outcome = "finished" if chance.random() > 1e-3 else chance.choice(("failed", "lost"))
            pull.append(e.TaskEnded(at, QUERY, stage, ids[worker], task, start, outcome))  # type: ignore[arg-type]
            del here[worker][task]
            finished[worker] += 1
            done[stage] += 1
            ended += 1
            changed.add(worker)
            if not here[worker]:
                idle_since[worker] = at
        free = [worker for worker in range(present) if len(here[worker]) < slots]
        chance.shuffle(free)
        for worker in free:
            while submitted < tasks and len(here[worker]) < slots:
                stage = stages[submitted * len(stages) // tasks]
                took = mean * chance.uniform(0.6, 1.4) * (10 if chance.random() < 0.02 else 1)
                heapq.heappush(running, (now + took, submitted, stage, worker, now))
                here[worker][submitted] = (stage, now)
                submitted += 1
                idle_since[worker] = None
                changed.add(worker)
        pending, active, capacity = tasks - submitted, len(running), present * slots
        pull += [
            e.WorkerCounts(
                now, ids[i], len(here[i]), finished[i], idle_since[i],
                tasks=tuple((task, stage, start) for task, (stage, start) in here[i].items()),
            )
            for i in sorted(changed)
        ]  # fmt: skip
        at_work = {stage for _, _, stage, _, _ in running}
        for stage in sorted(at_work):
            busy = sum(1 for task in running if task[2] == stage)
            left = max(0, total[stage] - done[stage] - busy)
            counts = e.TaskCounts(total[stage], left, busy, total[stage] - left - busy)
            pull.append(e.StageCounts(now, QUERY, stage, f"stage {stage}", counts))
        for node in plan:
            if any(stage - 5 < node.id <= stage for stage in at_work):
                rows = 1000 * ended + node.id
                stats = (rows, rows * 9 // 10, 8 * rows, 7 * rows, 5 * rows)
                pull.append(e.OperatorStats(now, QUERY, node.id, *stats))
        pull.append(e.BacklogSample(now, pending, pending, active, capacity, present, capacity))
        if pending > 1.25 * capacity and now - T > 5 * asked:
            asked += 1
            pull.append(e.ScaleRequested(now, present + asked, slots * (present + asked), pending, capacity))
        if int(now * 5) % 25 == 0:
            used = int(MEMORY * 0.4)
            pull += [
                e.NodeFigures(now, ids[i], used + chance.randrange(10**9), MEMORY, chance.randrange(10**10), 2 * 10**10)
                for i in range(present)
            ]
        yield pull
    yield [e.QueryFinished(now, QUERY, "finished", rows=1000), e.DemandCleared(now)]
