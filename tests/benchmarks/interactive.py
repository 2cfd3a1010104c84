"""``python -m tests.benchmarks.interactive``: what autoscaling costs an interactive user, plain Daft and daftnb.

One cluster of one worker node with two slots, three kernels that take turns: plain Daft with downscaling off, plain
Daft with it on (put into its job's environment when it connects, the only way that works from a notebook), and daftnb,
which switches it between queries. Measured: a query of one task; the time from an interrupt to the last task of the
query and to the result of the next query; what pushing the settings and reading them back costs a query.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from daftnb.engine.cluster import ClusterSize, EmbeddedCluster
from daftnb.engine.connect import DRIVER_ENVIRONMENT
from tests.benchmarks.kernel import Kernel

ROUNDS = 5
QUERIES = 10  # in a row, in each round
INTERRUPTED_TASKS = 30

CONNECT = """
import json, os, time, tempfile
os.environ.update({environment})
import ray
ray.init({address!r}, logging_level="warning", runtime_env={{"env_vars": {variables}}})
import daft
from daft import col
daft.set_runner_ray()

def tiny():
    began = time.perf_counter()
    assert daft.from_pydict({{"a": [1, 2, 3]}}).where(col("a") > 1).to_pydict() == {{"a": [2, 3]}}
    return time.perf_counter() - began

def result(value):
    print("\\nRESULT " + json.dumps(value))
"""
LOADED = """
%load_ext daftnb
import daftnb
session = daftnb.get_session()
prepared = []

def switch(downscale):
    os.environ["DAFT_AUTOSCALING_DOWNSCALE_ENABLED"] = downscale
    tiny()
    if not prepared:
        flotilla = daft.runners._get_runner().flotilla_plan_runner
        prepare = flotilla._prepare
        def timed(index):
            began = time.perf_counter()
            try:
                return prepare(index)
            finally:
                prepared.append(time.perf_counter() - began)
        flotilla._prepare = timed
"""
INTERRUPTED = """
folder = tempfile.mkdtemp()

@daft.func
def slow(x: int) -> int:
    with open(os.path.join(folder, str(x)), "w") as file:
        file.write(repr(time.time()))
    time.sleep(1)
    return x

try:
    daft.from_pydict({{"a": list(range({tasks}))}}).into_partitions({tasks}).with_column("b", slow(col("a"))).collect()
    interrupted = None
except KeyboardInterrupt:
    interrupted = time.time()
next_query = tiny()
time.sleep(3)  # whatever still starts, starts now
started = [float(open(os.path.join(folder, name)).read()) for name in os.listdir(folder)]
result({{"seen": interrupted, "next": next_query, "last": max(started), "tasks": len(started)}})
"""


def main() -> int:
    """Measure, print, and leave the figures in artifacts/interactive.json."""
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=1, cpus=2, idle_timeout=600))
    cluster.start(print)
    kernels: dict[str, Kernel] = {}
    try:
        environment = {**cluster.connection_environment(), **DRIVER_ENVIRONMENT, "DO_NOT_TRACK": "true"}
        for name in ("plain, off", "plain, on", "daftnb"):
            kernels[name] = kernel = Kernel()
            variables = {"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1"} if name == "plain, on" else {}
            source = CONNECT.format(environment=environment, address=cluster.address, variables=variables)
            kernel.run(source + (LOADED if name == "daftnb" else ""))
            kernel.run("tiny()")
        figures = {"seconds": latency(kernels), "interrupt": interrupts(kernels)}
        figures["prepare"] = kernels["daftnb"].run("result(prepared)")
    finally:
        for kernel in kernels.values():
            kernel.end()
        cluster.stop()
    report(figures)
    return 0


def latency(kernels: dict[str, Kernel]) -> dict[str, list[float]]:
    """Seconds of each tiny query, by who ran it."""
    seconds: dict[str, list[float]] = {name: [] for name in ("plain, off", "plain, on", "daftnb, off", "daftnb, on")}
    for _ in range(ROUNDS):
        for name, found in seconds.items():
            who, _, how = name.partition(", ")
            kernel = kernels["daftnb" if who == "daftnb" else name]
            if who == "daftnb":
                kernel.run(f"switch({'1' if how == 'on' else '0'!r})")
            # The engine sweeps after the result is there, so the price is paid by the query that follows.
            found.extend(kernel.run(f"result([tiny() for _ in range({QUERIES})])"))
    return seconds


def interrupts(kernels: dict[str, Kernel]) -> dict[str, list[dict[str, float]]]:
    """After an interrupt: seconds until the user's code sees it, until the last task started, and of the next query."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, rounds in (("plain, off", 1), ("daftnb", 3)):
        kernel = kernels[name]
        for _ in range(rounds):
            at: list[float] = []

            def interrupt(kernel: Kernel = kernel, at: list[float] = at) -> None:
                at.append(time.time())
                kernel.manager.interrupt_kernel()

            timer = threading.Timer(4.0, interrupt)
            timer.start()
            seen = kernel.run(INTERRUPTED.format(tasks=INTERRUPTED_TASKS))
            timer.join()
            entry = {key: seen[key] - at[0] for key in ("seen", "last")}
            found.setdefault(name, []).append({**entry, "next": seen["next"], "tasks": seen["tasks"]})
    return found


def report(figures: dict[str, Any]) -> None:
    """Medians, spreads and ratios."""
    print(f"a query of one task, {ROUNDS} rounds of {QUERIES} in turn, {os.cpu_count()} cores")
    medians = {}
    for name, values in figures["seconds"].items():
        medians[name] = statistics.median(values)
        low, high = 1e3 * min(values), 1e3 * max(values)
        print(f"  {name:<12} median {1e3 * medians[name]:7.1f} ms, from {low:.1f} to {high:.1f}")
    figures["ratios"] = {who: medians[f"{who}, on"] / medians[f"{who}, off"] for who in ("plain", "daftnb")}
    for who, ratio in figures["ratios"].items():
        print(f"  {who}: with downscaling ÷ without: {ratio:.2f}")
    print(f"an interrupt 4 s into a query of {INTERRUPTED_TASKS} one-second tasks on two slots")
    for name, rounds in figures["interrupt"].items():
        for entry in rounds:
            print(
                f"  {name:<12} seen after {entry['seen']:.2f} s, last task started {entry['last']:+.2f} s after it "
                f"({entry['tasks']} ran), the next query took {entry['next']:.2f} s"
            )
    prepared = figures["prepare"]
    print(
        f"settings pushed and read back: median {1e3 * statistics.median(prepared):.1f} ms, "
        f"from {1e3 * min(prepared):.1f} to {1e3 * max(prepared):.1f} ({len(prepared)} queries)"
    )
    artifacts = Path(__file__).resolve().parent.parent.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / "interactive.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    sys.exit(main())
