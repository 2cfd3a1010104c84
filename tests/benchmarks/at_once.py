"""How much sooner nodes come where one request asks for all that the threshold calls for.

A cluster of the kernel's own grows from one node to six, each of which takes 10 s to come, with the autoscaler interval
that Daft and Ray have by default: the same query in the same cluster, step by step (the engine's way) and with
``growth=needed``, in turn, the cluster back at one node before each.
"""

from __future__ import annotations

from tests.benchmarks.figures import Figure, Goal, Report
from tests.cluster.kernels import Kernel

AREA = "growth-at-once"
NODES, LAUNCH_SECONDS, INTERVAL = 6, 10, 5
TASKS = 140  # of a second, for nodes of one CPU: enough for a backlog until the last node comes step by step
WIDE, WIDE_TASKS = 3, 700
GOAL = 0.5  # of the time until the last node step by step
ENVIRONMENT = {"AUTOSCALER_UPDATE_INTERVAL_S": str(INTERVAL), "DAFTNB_LAUNCH_SECONDS": str(LAUNCH_SECONDS)}

START = f"""
import time, daft, daftnb
from daft import col
from daftnb.engine.embedded.cluster import ClusterSize
session = daftnb.get_session()
session.start(ClusterSize(1, {NODES}, CPUS, 5.0, "WHICH"), lambda _: None, {ENVIRONMENT})
session.set(idle_seconds=1)

@daft.func
def slow(x: int) -> int:
    time.sleep(1.0)
    return x

def nodes():
    import ray
    return sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in ray.nodes())

def until(count):
    deadline = time.monotonic() + 120
    while nodes() != count:
        assert time.monotonic() < deadline, f"{{nodes()}} nodes, not {{count}}"
        time.sleep(0.2)

until(1)
daft.from_pydict({{"a": [1]}}).where(col("a") > 0).collect()
"""
RUN = """
until(1)
session.set(growth="GROWTH")
frame = daft.from_pydict({"a": list(range(TASKS))}).into_partitions(TASKS).with_column("b", slow(col("a")))
began, clock = time.time(), time.monotonic()
frame.collect()
makespan = time.monotonic() - clock
log = [each for each in session.snapshot()["decisions"].values() if each["t"] >= began]
arrivals = [each["t"] - began for each in log if each["kind"] == "arrival"]
told = [[each["t"] - began, each["kind"], each["text"]] for each in log]
problems = list(session.snapshot()["session"]["problems"].values())
out = {"arrivals": arrivals, "makespan": makespan, "log": told, "problems": problems}
"""


def measure(report: Report) -> None:
    """Nodes of one CPU, under Ray's first autoscaler."""
    compare(report, "v1", 1, TASKS)


def measure_second(report: Report) -> None:
    """Nodes of one CPU, under Ray's second autoscaler."""
    compare(report, "v2", 1, TASKS)


def measure_wide(report: Report) -> None:
    """Nodes of several CPUs: step by step, each request asks for one CPU more."""
    compare(report, "v1", WIDE, WIDE_TASKS)


def compare(report: Report, autoscaler: str, cpus: int, tasks: int, rounds: int = 1) -> None:
    """The same query in both ways, in turn."""
    last: dict[str, list[float]] = {"step": [], "needed": []}
    took: dict[str, list[float]] = {"step": [], "needed": []}
    kernel = Kernel()
    try:
        kernel.run(START.replace("CPUS", str(cpus)).replace("WHICH", autoscaler))
        for number in range(rounds):
            for growth in ("step", "needed") if number % 2 == 0 else ("needed", "step"):
                found = kernel.run(RUN.replace("GROWTH", growth).replace("TASKS", str(tasks)))
                arrivals = found["arrivals"]
                for t, kind, text in found["log"]:
                    print(f"    {growth} {t:5.1f} s {kind}: {text}", flush=True)
                for text in found["problems"]:
                    print(f"    {growth} problem: {text}", flush=True)
                assert len(arrivals) == NODES - 1, f"{len(arrivals)} workers came ({growth})"
                last[growth].append(max(arrivals))
                took[growth].append(found["makespan"])
    finally:
        kernel.end()
    what = f"1 → {NODES} nodes of {cpus} CPU{'' if cpus == 1 else 's'}, {autoscaler}"
    note = f"nodes take {LAUNCH_SECONDS} s and then start on shared cores; interval {INTERVAL} s; {tasks} tasks of 1 s"
    for name, found, goal in (
        ("until the last worker", last, Goal("ratio", GOAL)),
        ("the query", took, Goal("ratio", 1)),
    ):
        report.add(
            Figure(
                AREA,
                f"{name}, {what}",
                "s",
                tuple(found["needed"]),
                "step by step",
                tuple(found["step"]),
                goal,
                note,
            )
        )
