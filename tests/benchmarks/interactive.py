"""What autoscaling costs an interactive user: plain Daft and daftnb.

One cluster of one worker node with two slots, three kernels that take turns: plain Daft with downscaling off, plain
Daft with it on (put into its job's environment when it connects, the only way that works from a notebook), and daftnb,
which switches it between queries. Measured: a query of one task; the time from an interrupt to the last task of the
query and to the result of the next query; what pushing the settings and reading them back costs a query.
"""

from __future__ import annotations

import threading
import time

from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.kernel import CONNECT, Kernel, one_worker

AREA = "interactive"
ROUNDS = 3
QUERIES = {"plain, off": 10, "plain, on": 4, "daftnb, off": 10, "daftnb, on": 10}  # in a row, in each round
INTERRUPTED_TASKS = 30
INTERRUPTS = {"plain, off": 1, "daftnb": 3}

TINY = """
import tempfile

def tiny():
    began = time.perf_counter()
    assert daft.from_pydict({"a": [1, 2, 3]}).where(col("a") > 1).to_pydict() == {"a": [2, 3]}
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


def measure(report: Report) -> None:
    """Small queries, then interrupts."""
    kernels: dict[str, Kernel] = {}
    with one_worker() as (address, environment):
        try:
            for name in ("plain, off", "plain, on", "daftnb"):
                kernels[name] = kernel = Kernel()
                variables = {"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1"} if name == "plain, on" else {}
                source = CONNECT.format(environment=environment, address=address, variables=variables)
                kernel.run(source + TINY + (LOADED if name == "daftnb" else ""))
                kernel.run("tiny()")
            report.add(*latencies(latency(kernels)), *endings(interrupts(kernels)))
            prepared = tuple(1e3 * seconds for seconds in kernels["daftnb"].run("result(prepared)"))
        finally:
            for kernel in kernels.values():
                kernel.end()
    report.add(Figure(AREA, "settings pushed and read back", "ms", prepared, goal=Goal("median", 5)))


def latency(kernels: dict[str, Kernel]) -> dict[str, list[float]]:
    """Seconds of each tiny query, by who ran it."""
    seconds: dict[str, list[float]] = {name: [] for name in QUERIES}
    for _ in range(ROUNDS):
        for name, found in seconds.items():
            who, _, how = name.partition(", ")
            kernel = kernels["daftnb" if who == "daftnb" else name]
            if who == "daftnb":
                kernel.run(f"switch({'1' if how == 'on' else '0'!r})")
            # The engine sweeps after the result is there, so the price is paid by the query that follows.
            found.extend(kernel.run(f"result([tiny() for _ in range({QUERIES[name]})])"))
    return seconds


def interrupts(kernels: dict[str, Kernel]) -> dict[str, list[dict[str, float]]]:
    """After an interrupt: seconds until the user's code sees it, until the last task started, and of the next query."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, rounds in INTERRUPTS.items():
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


def latencies(seconds: dict[str, list[float]]) -> list[Figure]:
    """With downscaling off and on, beside plain Daft; and on beside off."""
    ms = {name: tuple(1e3 * each for each in values) for name, values in seconds.items()}
    off, on = (f"a query of one task, downscaling {how}" for how in ("off", "on"))
    return [
        Figure(AREA, off, "ms", ms["daftnb, off"], "Daft", ms["plain, off"]),
        Figure(AREA, on, "ms", ms["daftnb, on"], "Daft", ms["plain, on"]),
        Figure(AREA, on, "ms", ms["daftnb, on"], "daftnb with it off", ms["daftnb, off"], Goal("ratio", 1.5)),
    ]


def endings(found: dict[str, list[dict[str, float]]]) -> list[Figure]:
    """Of an interrupt 4 s into a query of one-second tasks on two slots."""

    def of(key: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        ours, theirs = (tuple(max(0.0, each[key]) for each in found[name]) for name in ("daftnb", "plain, off"))
        return ours, theirs

    def figure(name: str, key: str, goal: Goal | None = None) -> Figure:
        ours, theirs = of(key)
        return Figure(AREA, name, "s", ours, "Daft", theirs, goal, f"{INTERRUPTED_TASKS} one-second tasks, two slots")

    return [
        figure("interrupt to KeyboardInterrupt", "seen"),
        figure("interrupt to the last task's start", "last", Goal("p95", 2)),
        figure("the query after an interrupt", "next"),
    ]
