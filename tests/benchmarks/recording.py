"""What recording costs, and how quick a recording is to open and to seek in.

Generated events of large queries (as the engine's door gives them), and real tiny queries on Daft's native runner with
and without the recorder, which take turns. No Ray.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from daftnb.recordings import open_recording
from daftnb.telemetry import events as e
from daftnb.telemetry import recordfile
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.state import apply
from tests.benchmarks.figures import Figure, Goal, Report, taken
from tests.helpers import crowd

AREA = "recording"
QUERIES: dict[str, dict[str, Any]] = {
    "10,000 tasks": {"tasks": 10_000, "workers": 8, "slots": 4, "stages": 5},
    "10,000 tasks, 200 operators": {
        "tasks": 10_000, "workers": 100, "slots": 2, "stages": 100, "seconds": 2.0
    },
}  # fmt: skip
LARGE: dict[str, dict[str, Any]] = {
    "100,000 tasks, 200 operators": {
        "tasks": 100_000, "workers": 1000, "slots": 1, "stages": 100, "seconds": 1.0
    },
}  # fmt: skip
NOTE = "generated events"
SEEKS = 60
TRIES = 3
ROUNDS = 15
TINY = 20  # queries a round


def measure(report: Report) -> None:
    """Two queries of 10,000 tasks, and real tiny ones."""
    for name, sizes in QUERIES.items():
        large(report, name, Goal("median", 2.0), Goal("median", 1.0), **sizes)
    tiny(report)


def measure_long(report: Report) -> None:
    """A query of 100,000 tasks; the goals are those of 10,000."""
    for name, sizes in LARGE.items():
        large(report, name, None, None, **sizes)


def large(report: Report, name: str, size: Goal | None, opens: Goal | None, **sizes: Any) -> None:
    """One generated query: events a second with and without recording, bytes, seconds to open and to seek."""
    recordfile.encode([], [])  # importing pyarrow is no part of it
    events = list(crowd.query(**sizes))
    alone, recorded = [], []
    for _ in range(TRIES):
        recorder = Recorder()
        alone.append(len(events) / fold(events, None))
        recorded.append(len(events) / fold(events, recorder))

    def add(what: str, unit: str, ours: list[float], goal: Goal | None = None) -> None:
        report.add(Figure(AREA, f"{what}, {name}", unit, tuple(ours), goal=goal, note=NOTE))

    both = (tuple(recorded), "the fold alone", tuple(alone))
    report.add(Figure(AREA, f"fold and record, {name}", "events/s", *both, note=NOTE))
    add("encoding once it is over", "s", [taken(lambda: recorder.settle(events[-1].t + 10, active=False))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.arrow"
        add("file", "MB", [recordfile.write(path, [recorder.reel(1)], "0", {}) / 1e6], size)
        add("opening", "s", [taken(lambda: open_recording(path)) for _ in range(TRIES)], opens)
        recording = open_recording(path)
        chance = random.Random(1)
        moments = [chance.uniform(recording.start, recording.end) for _ in range(SEEKS)]
        add("any moment's snapshot", "ms", [1e3 * taken(partial(recording.snapshot, t)) for t in moments])


def fold(events: list[e.Event], recorder: Recorder | None) -> float:
    """Seconds of the process (CPU time) to fold them, and to record them before."""
    state = State()
    began = time.process_time()
    for event in events:
        if recorder is not None:
            recorder.record(event, state)
        apply(event, state)
    return time.process_time() - began


def tiny(report: Report) -> None:
    """Real one-row queries on the native runner, back to back: ms each, as the cell that runs them sees it."""
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import daft

    import daftnb
    from daftnb.session import close_session

    session = daftnb.get_session()
    table = daft.from_pydict({"a": [1]})

    def queries() -> None:
        for _ in range(TINY):
            table.where(daft.col("a") > daft.lit(0)).collect()

    recorder = session.recorder
    took: dict[bool, list[float]] = {True: [], False: []}
    for i in range(2 * ROUNDS + 2):
        with_it = i % 2 == 0
        session.monitor._recorder = recorder if with_it else None
        each = 1e3 * taken(queries) / TINY
        if i > 1:
            took[with_it].append(each)
    session.monitor._recorder = recorder
    close_session()
    ours, theirs = tuple(took[True]), tuple(took[False])
    report.add(Figure(AREA, "a tiny query, native runner", "ms", ours, "daftnb without a recorder", theirs))
