"""``python -m tests.benchmarks``: 2,000 one-row tasks on Ray, with everything shown, against plain Daft's progress bar.

Two kernels on one cluster of one worker with two slots: one with Daft alone, as it comes; one with daftnb loaded and
the cockpit and the controls shown. They take turns. Downscaling is off in both: it is off in plain Daft unless it is
asked for, and it would measure the starting of workers. The memory is what is unique to the kernel's and the runner
actor's process (USS), before and after the rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from daftnb.engine.cluster import ClusterSize, EmbeddedCluster
from daftnb.engine.connect import DRIVER_ENVIRONMENT
from tests.benchmarks.kernel import Kernel

TASKS = 2_000
ROUNDS = 5

CONNECT = """
import json, os, time
os.environ.update({environment})
import ray
ray.init({address!r}, logging_level="warning")
import daft, psutil
from daft import col
daft.set_runner_ray()
"""
SHOWN = """
%load_ext daftnb
%daft cockpit
%daft controls
"""
MEASURE = """
def query(tasks):
    began = time.perf_counter()
    table = daft.from_pydict({"a": list(range(tasks))}).into_partitions(tasks).where(col("a") >= 0)
    assert len(table.collect()) == tasks
    del table
    return time.perf_counter() - began

def memory():
    actor = daft.runners._get_runner().flotilla_plan_runner.runner
    def of(_actor):
        import gc, psutil
        gc.collect()
        return psutil.Process().memory_full_info().uss
    import gc
    gc.collect()
    return {"kernel": psutil.Process().memory_full_info().uss, "actor": ray.get(actor.__ray_call__.remote(of))}
"""
FRAMES = """
frame = __import__("daftnb").get_session().frame()
print("RESULT " + json.dumps({"tasks": frame["query"]["tasks"], "problems": frame["session"]["problems"]}))
"""


def main() -> int:
    """Measure, print, and leave the figures in artifacts/benchmarks.json."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=1, cpus=2, idle_timeout=600))
    cluster.start(print)
    kernels: dict[str, Kernel] = {}
    try:
        environment = {
            **cluster.connection_environment(),
            **DRIVER_ENVIRONMENT,
            "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "0",
            "DO_NOT_TRACK": "true",
        }
        for name in ("plain", "daftnb"):
            kernels[name] = kernel = Kernel()
            kernel.run(
                CONNECT.format(environment=environment, address=cluster.address) + (SHOWN if name == "daftnb" else "")
            )
            kernel.run(MEASURE)
            kernel.run(f"query(10); query({TASKS})")  # the first query starts actors
        memory = {name: [kernel.run("print('RESULT ' + json.dumps(memory()))")] for name, kernel in kernels.items()}
        seconds: dict[str, list[float]] = {name: [] for name in kernels}
        for turn in range(rounds):
            for name in sorted(kernels, reverse=turn % 2 == 0):  # who goes first changes, as caches and clocks do
                seconds[name].append(kernels[name].run(f"print('\\nRESULT ' + json.dumps(query({TASKS})))"))
                memory[name].append(kernels[name].run("print('RESULT ' + json.dumps(memory()))"))
        seen = kernels["daftnb"].run(FRAMES)
        report(seconds, memory, seen, rounds)
    finally:
        for kernel in kernels.values():
            kernel.end()
        cluster.stop()
    return 0


def report(seconds: dict[str, list[float]], memory: dict[str, list[Any]], seen: Any, rounds: int) -> None:
    """Medians, spreads and the ratio; memory in bytes for each task.

    The memory's growth is that of the second half of the rounds: by then the bounded histories are full.
    """
    print(f"{TASKS} one-row tasks, {rounds} rounds in turn, {os.cpu_count()} cores")
    medians = {}
    for name, values in seconds.items():
        medians[name] = statistics.median(values)
        print(f"  {name:<7} median {medians[name]:.2f} s, from {min(values):.2f} to {max(values):.2f}")
    ratio = medians["daftnb"] / medians["plain"]
    print(f"  daftnb ÷ plain: {ratio:.3f}")
    half = rounds // 2
    tasks = (rounds - half) * TASKS
    growth = {
        name: {where: (used[-1][where] - used[half][where]) / tasks for where in used[-1]}
        for name, used in memory.items()
    }
    for name, places in growth.items():
        print(f"  {name:<7} growth per task: kernel {places['kernel']:+.0f} B, actor {places['actor']:+.0f} B")
    print(f"  counted: {seen['tasks']}, problems: {seen['problems']}")
    artifacts = Path(__file__).resolve().parent.parent.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    figures = {"seconds": seconds, "ratio": ratio, "growth_bytes_per_task": growth, "memory": memory, "seen": seen}
    (artifacts / "benchmarks.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    sys.exit(main())
