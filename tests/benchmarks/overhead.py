"""One-row tasks on Ray, watched by daftnb with everything shown, against plain Daft and what it has of its own.

Four kernels on one cluster of one worker with two slots: Daft as it comes, with its progress bar; Daft with the bar
off; Daft with its own dashboard and its events of tasks; and daftnb, loaded, the cockpit and the controls shown. They
take turns. Downscaling is off in all: it is off in plain Daft unless it is asked for, and it would measure the starting
of workers. The memory is what is unique to the kernel's and the runner actor's process (USS); its growth is that of
the second half of the rounds, when the bounded histories are full.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from daftnb.engine.embedded.launcher import LOOPBACK, free_ports
from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.kernel import CONNECT, Kernel, one_worker
from tests.conftest import await_that

AREA = "overhead"
DOWNSCALE_OFF = {"DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "0"}
TASKS, ROUNDS = 500, 7  # many short turns: how quick a machine is may drift by a third within minutes
TASKS_LONG, ROUNDS_LONG = 2_000, 8
BAR, NO_BAR, DASHBOARD, OURS = "Daft with its bar", "Daft without a bar", "Daft with its dashboard", "daftnb"

SHOWN = """
%load_ext daftnb
%daft cockpit
%daft controls
"""
QUERY = """
def query(tasks):
    began = time.perf_counter()
    table = daft.from_pydict({"a": list(range(tasks))}).into_partitions(tasks).where(col("a") >= 0)
    assert len(table.collect()) == tasks
    del table
    return time.perf_counter() - began
"""
MEMORY = """
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
SEEN = """
snapshot = __import__("daftnb").get_session().snapshot()
print("RESULT " + json.dumps({"tasks": snapshot["query"]["tasks"], "problems": snapshot["session"]["problems"]}))
"""


def measure(report: Report) -> None:
    """Seconds of the same query, and memory for each task."""
    measured(report, TASKS, ROUNDS)


def measure_long(report: Report) -> None:
    """With more tasks, over more time."""
    measured(report, TASKS_LONG, ROUNDS_LONG)


def measured(report: Report, tasks: int, turns: int) -> None:
    """Of so many tasks, in so many rounds."""
    with one_worker() as (address, environment), daft_dashboard() as url:
        of_dashboard = {"DAFT_DASHBOARD_URL": url, "DAFT_TASK_EVENTS_ENABLED": "1"}
        more = {BAR: {}, NO_BAR: {}, DASHBOARD: of_dashboard, OURS: {}}
        kernels: dict[str, Kernel] = {}
        try:
            for name, variables in more.items():
                kernels[name] = kernel = Kernel()
                bar = {"DAFT_PROGRESS_BAR": "0"} if name in (NO_BAR, DASHBOARD) else {}
                own = {**environment, **DOWNSCALE_OFF, **bar, **variables}
                kernel.run(CONNECT.format(environment=own, address=address, variables=variables))
                kernel.run((SHOWN if name == OURS else "") + QUERY + MEMORY)
                kernel.run("query(10); query(200)")  # the first query starts actors
            seconds, memory = rounds(kernels, tasks, turns)
            check(kernels[OURS].run(SEEN), url, tasks)
        finally:
            for kernel in kernels.values():
                kernel.end()
    name = f"a query of {tasks:,} one-row tasks"
    for peer, goal in ((BAR, Goal("ratio", 1.0)), (NO_BAR, None), (DASHBOARD, None)):
        report.add(Figure(AREA, name, "s", tuple(seconds[OURS]), peer, tuple(seconds[peer]), goal))
    for where in ("kernel", "actor"):
        grown = {who: growth([each[where] for each in used], tasks) for who, used in memory.items()}
        for peer in (BAR, DASHBOARD):
            name = f"memory of the {where}, growth of a task, {tasks:,} tasks"
            report.add(Figure(AREA, name, "B", (grown[OURS],), peer, (grown[peer],)))


@contextmanager
def daft_dashboard() -> Iterator[str]:
    """Daft's own dashboard on loopback: its URL."""
    (port,) = free_ports(1)
    url = f"http://{LOOPBACK}:{port}"
    folder = tempfile.mkdtemp()
    command = [sys.executable, "-m", "daft.cli", "dashboard", "start"]
    command += [f"--addr={LOOPBACK}", f"--port={port}", f"--pid-dir={folder}", f"--log-dir={folder}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        assert server.poll() is None, "Daft's dashboard has ended"
        try:
            return bool(urllib.request.urlopen(url, timeout=2).status == 200)
        except OSError:
            return False

    try:
        await_that(answers, "Daft's dashboard answers")
        yield url
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


def rounds(
    kernels: dict[str, Kernel], tasks: int, turns: int
) -> tuple[dict[str, list[float]], dict[str, list[dict[str, int]]]]:
    """In turn: seconds of the query, and bytes after it."""
    seconds: dict[str, list[float]] = {name: [] for name in kernels}
    memory: dict[str, list[dict[str, int]]] = {name: [] for name in kernels}
    names = list(kernels)
    for turn in range(turns):
        for name in (*names[turn % len(names) :], *names[: turn % len(names)]):  # who goes first changes
            seconds[name].append(kernels[name].run(f"print('\\nRESULT ' + json.dumps(query({tasks})))"))
            memory[name].append(kernels[name].run("print('RESULT ' + json.dumps(memory()))"))
    return seconds, memory


def growth(used: list[int], tasks: int) -> float:
    """Bytes for each task, in the second half of the rounds."""
    half = (len(used) - 1) // 2
    return (used[-1] - used[half]) / ((len(used) - 1 - half) * tasks)


def check(seen: Any, dashboard: str, tasks: int) -> None:
    """Both have watched: no task is missing (to make partitions is one more), and the dashboard knows its queries."""
    if seen["tasks"]["finished"] < tasks or seen["problems"]:
        raise RuntimeError(f"daftnb has seen {seen}")
    with urllib.request.urlopen(f"{dashboard}/client/queries", timeout=10) as answer:
        if not json.loads(answer.read()):
            raise RuntimeError("Daft's dashboard has seen no query")
