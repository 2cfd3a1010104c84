"""A cluster that grew to its maximum, as snapshots: what the views of scaling are tested and looked at with.

The facts are given, not folded from events: each kind of decision, each state and rule of a worker is there once.
"""

from __future__ import annotations

import math
from typing import Any

from daftnb.telemetry.snapshots import Snapshot
from tests.helpers import story

T = story.T
MOST = 4
_OPERATORS = (
    # id, name, inputs, rows, bytes, µs, tasks done of submitted, stage
    (1, "ScanTaskSource orders", (), 1_500_000, 61_000_000, 900_000, (12, 12), 3),
    (2, "ScanTaskSource lineitem", (), 5_980_000, 214_000_000, 1_800_000, (46, 46), 4),
    (3, "Filter o_orderdate < 1995-03-15", (1,), 730_000, 30_000_000, 300_000, (12, 12), 3),
    (4, "Filter l_shipdate > 1995-03-15", (2,), 3_240_000, 116_000_000, 700_000, (46, 46), 4),
    (5, "HashJoin l_orderkey = o_orderkey", (3, 4), 30_500, 2_400_000, 6_000_000, (20, 40), 5),
    (6, "Grouped Aggregation", (5,), 11_600, 800_000, 1_100_000, (4, 16), 6),
    (7, "TopN 10", (6,), None, None, None, None, None),
    (8, "Project", (7,), None, None, None, None, None),
)


def counts(finished: int, submitted: int, running: int = 0) -> dict[str, int]:
    rest = {"pending": submitted - finished - running, "running": running, "failed": 0, "cancelled": 0}
    return {"submitted": submitted, "finished": finished, **rest}


def _plan(over: bool) -> Snapshot:
    rows = {}
    for id_, name, inputs, out, size, duration, tasks, stage in _OPERATORS:
        finished, submitted = tasks or (0, 0)
        if over:
            finished, submitted, out, size, duration = submitted or 1, submitted or 1, out or 10, size or 240, duration
        state = "waiting" if submitted == 0 else "finished" if finished == submitted else "running"
        rows[str(id_)] = {
            "id": id_,
            "name": name.split()[0] if name.startswith("Scan") else name.partition(" ")[0],
            "kind": "Physical",
            "detail": name.partition(" ")[2],
            "inputs": list(inputs),
            "state": state,
            "rows_in": None,
            "rows_out": out,
            "bytes_in": None,
            "bytes_out": size,
            "duration_us": duration,
            "derived_us": None,
            "derived_rows": False,
            "time_share": None if duration is None else round(duration / 10_800_000, 4),
            "estimated_rows": None,
            "tasks": counts(finished, submitted, min(2, submitted - finished)) if submitted else None,
            "stage": stage,
            "selectivity": None,
            "slowest": False,
            "skew": None,
        }
    facts = {"query": "sleek-bear", "number": 7, "root": 8, "operators": rows, "plans": {}, "udfs": {}, "functions": {}}
    return facts | {"models": {}, "models_left_out": 0}


def _worker(id_: str, label: str, state: str, spans: list[list[float | None]], **more: Any) -> Snapshot:
    facts = {"id": id_, "label": label, "head": False, "state": state, "slots": 1, "running": 0, "finished": 12}
    facts |= {"memory": 2 * 10**9, "since": T, "idle_since": None, "retires_at": None, "rule": "", "note": ""}
    facts |= {"started": T, "now": [], "tasks": {}, "usage": None}
    return facts | {"busy_spans": [[T + a, None if b is None else T + b] for a, b in spans]} | more


def _workers(over: bool) -> Snapshot:
    head = _worker("h", "head", "no worker", [], head=True, slots=0, finished=0, note="no CPU for Daft", memory=None)
    if not over:
        rows = [
            _worker("a", "worker 1", "busy", [[1, 4.2], [4.3, None]], running=1, finished=31),
            _worker("b", "worker 2", "busy", [[6.1, 14], [14.1, None]], running=1),
            _worker("c", "worker 3", "idle", [[9, 15.5]], idle_since=T + 15.5, rule="downscale is off"),
            _worker("d", "worker 4", "starting", [], finished=0),
        ]
        totals = {"total": 3, "busy": 2, "idle": 1, "warm": 0, "slots": 3}
    else:
        rows = [
            _worker("a", "worker 1", "warm", [[1, 28.8]], finished=77, idle_since=T + 28.8, rule="survivor"),
            _worker("b", "worker 2", "warm", [[6.1, 29]], idle_since=T + 29, retires_at=T + 89, rule="after 60 s idle"),
            _worker("c", "worker 3", "idle", [[9, 20]], idle_since=T + 20, retires_at=T + 80, rule="after 60 s idle"),
            _worker("d", "worker 4", "retired", [[13, 19.5]], finished=4),
            _worker("e", "worker 5", "gone", [], finished=0, memory=None),
        ]
        totals = {"total": 3, "busy": 0, "idle": 3, "warm": 2, "slots": 3}
    listed = {worker["id"]: worker for worker in [head, *rows]}
    return {**totals, "listed": len(listed), "first": 0, "rows": listed}


def _points(upto: float) -> dict[str, list[Any]]:
    """A backlog that decays; wanted grows by one CPU every two seconds, granted and observed follow to the maximum."""
    points = {}
    for number in range(int(upto * 4)):
        t = 0.8 + number / 4
        capacity = min(MOST, 1 + int(t / 5.5)) if t < 30 else 3
        pending = round(60 * math.exp(-t / 8)) if t < 26 else 0
        wanted = None if t < 2 or t >= 30 else 1 + int(t / 2)
        granted = min(MOST, 1 + int((t + 1.5) / 5.5))
        points[str(number)] = [
            T + t,
            round(pending / capacity, 4),
            pending,
            capacity,
            capacity,
            capacity,
            wanted,
            granted,
            capacity,
        ]
    return points


DECISIONS: tuple[tuple[float, str, str, int], ...] = (
    (0.6, "hold", "ratio 0.8 ≤ 1.25 (4 pending ÷ 5 CPUs)", 4),
    (0.9, "reuse", "worker 1 was warm for 41.0 s; it runs tasks again", 1),
    (2.0, "request", "ratio 19.0 > 1.25 (19 pending ÷ 1 CPU): asked Ray for 2 × 1 CPU", 1),
    (4.0, "hold", "the interval of 5 s is not over", 12),
    (4.1, "granted", "the node of worker 2 came, 2.1 s after it was asked for", 1),
    (6.0, "arrival", "worker 2 runs, 1.9 s after its node", 1),
    (9.6, "granted", "the node of worker 3 came, 5.1 s after it was asked for", 1),
    (11.0, "arrival", "worker 3 runs, 1.4 s after its node", 1),
    (12.0, "over max", "asked 7 CPUs: the most that this cluster may have is 4", 9),
    (14.0, "died", "worker 5 died; its tasks are pending again", 1),
    (19.5, "gone", "Ray took the node of worker 5", 1),
    (20.0, "retire", "worker 4 was retired after 10.0 s idle", 1),
    (30.0, "sweep", "3 idle workers at the query's end", 1),
    (30.0, "kept", "worker 1 is kept: 1 survivor", 1),
    (30.1, "clear", "what was asked of Ray is withdrawn", 1),
    (30.2, "rebalance", "a kind that the page does not know", 1),
)


def snapshot(over: bool) -> Snapshot:
    """The snapshot in the middle of the query (16 s), or 12 s after its end (30 s)."""
    at = 42.0 if over else 16.0
    made = story.snapshot()
    decisions = {str(i): (t, *rest) for i, (t, *rest) in enumerate(DECISIONS) if t <= at}
    points = _points(31 if over else at)
    tasks = counts(114, 114) if over else counts(82, 114, 2)
    last = list(points.values())[-1]
    history = {"peak_ratio": 53.0, "workers_from": 1, "workers_to": 4}
    made |= {
        "now": T + at,
        "query": made["query"]
        | {"id": "sleek-bear-f8a695", "number": 7, "state": "finished" if over else "running", "tasks": tasks}
        | {"ended": T + 30 if over else None, "elapsed": 30.0 if over else at, "rows": 10 if over else None}
        | {"progress": tasks["finished"] / tasks["submitted"]},
        "queries": {"7": made["queries"]["1"] | history},
        "plan": _plan(over),
        "workers": _workers(over),
        "backlog": {
            "threshold": 1.25,
            "ratio": last[1],
            "pending": last[2],
            "running": last[3],
            "capacity": last[4],
            "peak": 53.0,
            "wanted": None if over else 12,
            "granted": 4,
            "observed": 3,
            "least": 1,
            "most": MOST,
            "points": points,
            "marks": {k: {"t": T + d[0], "kind": d[1], "label": "", "text": d[2]} for k, d in decisions.items()},
        },
        "decisions": {k: {"t": T + d[0], "kind": d[1], "text": d[2], "count": d[3]} for k, d in decisions.items()},
    }
    return made
