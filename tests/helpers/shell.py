"""Snapshots for the cockpit's shell: a history, a cell's line, a comparison, a moment of a recording."""

from __future__ import annotations

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry.snapshots import Snapshot
from tests.helpers import scaling

T = scaling.T
# number, state, seconds, rows, tasks, peak ratio, workers from and to, node-seconds, error
PAST = (
    (3, "finished", 0.45, 10, None, None, None, None, None, None),
    (4, "finished", 11.0, 30_500, 60, 18.0, 1, 3, 24.5, None),
    (5, "failed", 3.1, None, None, None, None, None, None, "DaftError: no such column: price"),
    (6, "finished", 12.0, 9_400, 46, 9.4, 2, 2, 24.0, None),
)


def history(snapshot: Snapshot) -> Snapshot:
    """``snapshot`` with four more queries before its own."""
    rows = {}
    changed = AutoscalingSettings(threshold=1.5, downscale=False).environment()
    for number, state, took, count, tasks, peak, low, high, seconds, error in PAST:
        rows[str(number)] = snapshot["queries"]["7"] | {
            "number": number,
            "id": f"old-oak-{number:06}",
            "runner": "native" if tasks is None else "ray",
            "state": state,
            "started": T - 300 + 40 * number,
            "elapsed": took,
            "rows": count,
            "tasks": tasks,
            "peak_ratio": peak,
            "workers_from": low,
            "workers_to": high,
            "node_seconds": seconds,
            "settings": changed if number == 6 else AutoscalingSettings().environment() if tasks else None,
            "error": error,
        }
    query = snapshot["query"]
    own = snapshot["queries"]["7"] | {key: query[key] for key in ("id", "number", "state", "elapsed", "rows")}
    return snapshot | {"queries": {**rows, "7": own | {"settings": None, "tasks": 114}}}


def line(state: str) -> Snapshot:
    """What is under a cell: running, native, finished, failed, or several queries."""
    snapshot = history(scaling.snapshot(over=state == "finished"))
    query = snapshot["query"]
    if state == "native":
        query |= {"runner": "native", "tasks": None, "progress": None, "rows": 1_200_000}
        query |= {"operators": {"finished": 2, "total": 3}}
    if state == "failed":
        error = "DaftError::External Unable to open file s3://bucket/orders/part-00017.parquet: Not Found (404)" * 2
        query |= {"state": "failed", "ended": T + 16, "error": error, "tasks": None, "progress": None}
    numbers = [5, 6, 7] if state == "several" else [7]
    brief = 4 if state == "several" else 0
    return snapshot | {"query": query, "cell": {"numbers": numbers, "brief": brief}}


def compared() -> Snapshot:
    """Query 4 and query 7."""

    def did(id_: int, name: str, detail: str, rows: int, size: int, duration: int, tasks: int) -> Snapshot:
        return {"id": id_, "name": name, "detail": detail, "rows": rows, "bytes": size} | {
            "duration_us": duration,
            "tasks": tasks,
            "skew": None,
        }

    def ratios(duration: float) -> Snapshot:
        return {"rows": 1.0, "bytes": 1.0, "duration_us": duration, "tasks": 2.0, "skew": None}

    join = "o_orderkey"
    return {
        "numbers": [4, 7],
        "states": ["finished", "finished"],
        "totals": {
            "elapsed": [11.0, 30.0, 2.7273],
            "rows": [30_500, 10, 0.0003],
            "tasks": [60, 114, 1.9],
            "peak_ratio": [18.0, 53.0, 2.9444],
            "workers": [3, 4, 1.3333],
            "node_seconds": [24.5, 81.0, 3.3061],
        },
        "operators": {
            "0": {
                "depth": 0,
                "a": did(9, "Grouped Aggregation", "", 11_600, 800_000, 1_200_000, 16),
                "b": did(6, "Grouped Aggregation", "", 11_600, 800_000, 1_100_000, 16),
                "ratio": ratios(0.9167),
            },
            "1": {
                "depth": 1,
                "a": did(8, "HashJoin", join, 30_500, 2_400_000, 2_000_000, 20),
                "b": did(5, "HashJoin", join, 30_500, 2_400_000, 6_000_000, 40),
                "ratio": ratios(3.0),
            },
            "2": {
                "depth": 2,
                "a": did(7, "InMemoryScan", "", 5_980_000, 214_000_000, 900_000, 46),
                "b": did(2, "ScanTaskSource", "lineitem", 5_980_000, 214_000_000, 300_000, 46),
                "ratio": ratios(0.3333),
            },
            "3": {
                "depth": 3,
                "a": None,
                "b": did(1, "ScanTaskSource", "orders", 1_500_000, 61_000_000, 900_000, 12),
                "ratio": None,
            },
        },
        "settings": {"threshold": ["1.5", "1.25"]},
    }


def replayed(at: float) -> Snapshot:
    """A moment of a recording of 42 s."""
    snapshot = history(scaling.snapshot(over=at > 30))
    moments = [T + decision[0] for decision in scaling.DECISIONS]
    about = {"from": T, "to": T + 42, "at": T + at, "title": "run.arrow", "moments": moments, "stops": None}
    return snapshot | {"now": T + at, "replay": about}
