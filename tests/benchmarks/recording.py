"""``python -m tests.benchmarks.recording``: what recording costs, and how quick a recording is to open and to seek in.

Generated events of large queries (as the engine's door gives them), and real tiny queries on Daft's native runner with
and without the recorder, which take turns. No Ray.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daftnb.telemetry import events as e
from daftnb.telemetry import recordfile
from daftnb.telemetry.model import State
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.recording import open_recording
from daftnb.telemetry.state import apply
from tests.unit import crowd

QUERIES = {
    "10,000 tasks on 8 workers of 4 slots": {"tasks": 10_000, "workers": 8, "slots": 4, "stages": 5},
    "10,000 tasks on 100 workers, 200 operators": {
        "tasks": 10_000, "workers": 100, "slots": 2, "stages": 100, "seconds": 2.0
    },
    "100,000 tasks on 1,000 workers, 200 operators": {
        "tasks": 100_000, "workers": 1000, "slots": 1, "stages": 100, "seconds": 1.0
    },
}  # fmt: skip
SEEKS = 60
ROUNDS = 15
TINY = 20  # queries a round


def main() -> int:
    """Measure, print, and leave the figures in artifacts/recording.json."""
    recordfile.encode([], [])  # importing pyarrow is no part of it
    path = Path("artifacts") / "recording.arrow"
    path.parent.mkdir(exist_ok=True)
    figures: dict[str, Any] = {name: large(path, **sizes) for name, sizes in QUERIES.items()}
    figures["tiny queries"] = tiny()
    for name, values in figures.items():
        print(name)
        for what, value in values.items():
            print(f"  {what:<42} {value:>14,.3f}" if isinstance(value, float) else f"  {what:<42} {value:>14,}")
    (path.parent / "recording.json").write_text(json.dumps(figures, indent=1))
    return 0


def large(path: Path, **sizes: Any) -> dict[str, float]:
    """One generated query: events a second with and without recording, bytes, seconds to open and to seek."""
    events = list(crowd.query(**sizes))
    alone = best(lambda: fold(events, None))
    recorded = best(lambda: fold(events, Recorder()))
    recorder = Recorder()
    fold(events, recorder)
    began = time.perf_counter()
    recorder.settle(events[-1].t + 10, active=False)
    encoding = time.perf_counter() - began
    reel = recorder.reel(1)
    size = recordfile.write(path, [reel], "0", {})
    opening = best(lambda: open_recording(path))
    recording = open_recording(path)
    rng = random.Random(1)
    seeks, whole = [], []
    for _ in range(SEEKS):
        t = rng.uniform(recording.start, recording.end)
        began = time.perf_counter()
        recording.frame(t)
        whole.append(1000 * (time.perf_counter() - began))
        replay = recording._replays[1]
        t = rng.uniform(recording.start, recording.end)
        began = time.perf_counter()
        replay.state(t)
        seeks.append(1000 * (time.perf_counter() - began))
    return {
        "events": len(events),
        "events recorded": len(reel.events),
        "fold, events/s": len(events) / alone,
        "fold and record, events/s": len(events) / recorded,
        "bytes in memory": recorder.bytes,
        "bytes of the file": size,
        "encoding, s (once, when it is over)": encoding,
        "opening, s": opening,
        "seek with its frame, median, ms": statistics.median(whole),
        "seek with its frame, 95th percentile, ms": statistics.quantiles(whole, n=20)[-1],
        "of that the state alone, median, ms": statistics.median(seeks),
    }


def fold(events: list[e.Event], recorder: Recorder | None) -> None:
    state = State()
    for event in events:
        if recorder is not None:
            recorder.record(event, state)
        apply(event, state)


def best(action: Callable[[], object], times: int = 3) -> float:
    """Seconds, the least of some tries."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return min(took)


def tiny() -> dict[str, float]:
    """Real one-row queries on the native runner, back to back: ms each, as the cell that runs them sees it."""
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import daft

    import daftnb
    from daftnb.session import close_session

    session = daftnb.get_session()
    table = daft.from_pydict({"a": [1]})

    def round_() -> float:
        began = time.perf_counter()
        for _ in range(TINY):
            table.where(daft.col("a") > 0).collect()
        return 1000 * (time.perf_counter() - began) / TINY

    recorder = session.recorder
    took: dict[bool, list[float]] = {True: [], False: []}
    for i in range(2 * ROUNDS + 2):
        with_it = i % 2 == 0
        session.monitor._recorder = recorder if with_it else None
        if i < 2:
            round_()
        else:
            took[with_it].append(round_())
    session.monitor._recorder = recorder
    events = [event for number in recorder.numbers[-20:] for event in recorder.reel(number).events]
    state, again = State(), Recorder()
    began = time.perf_counter()
    for event in events:
        again.record(event, state)
    noting = time.perf_counter() - began
    figures = {
        "recordings kept": len(recorder.numbers),
        "bytes of the recordings kept": recorder.bytes,
        "ms each, without a recorder (median)": statistics.median(took[False]),
        "ms each, with it (median)": statistics.median(took[True]),
        "ms each, without a recorder (least)": min(took[False]),
        "ms each, with it (least)": min(took[True]),
        "events of a query": len(events) / 20,
        "noting them, ms": 1000 * noting / 20,
    }
    close_session()
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
