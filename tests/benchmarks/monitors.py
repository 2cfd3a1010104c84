"""The cockpit beside dask.distributed's dashboard: what a monitor costs while it is looked at, and what it leaves.

The same work for both: 1,000 tiny tasks that do not depend on each other, on one worker with two slots; dask's are a
map over its client. Each system runs it with no monitor at all (dask without its dashboard, Daft alone without its
bar), and watched in Chromium: dask's status page, the cockpit in JupyterLab. The bytes are what the page receives on
its web sockets, all of them, while the work is done. Then a notebook of each is run without a page, and its bytes are
counted as nbclient saves it: dask's shows its cluster and its client, ours the cockpit.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import nbclient
import nbformat

from tests.benchmarks.chromium import chromium
from tests.benchmarks.figures import Figure, Missing, Report, Unmeasured
from tests.benchmarks.kernel import CONNECT, Kernel, one_worker
from tests.benchmarks.overhead import DOWNSCALE_OFF, QUERY
from tests.benchmarks.peers import python_with
from tests.helpers.notebooks import notebook, open_notebook, run_all
from tests.helpers.servers import serving

AREA = "monitors"
TASKS = 1_000
ROUNDS = 3
DASK = "dask's dashboard"
DASK_SECONDS = 4.0  # of a round: dask's tasks are over so soon that they are run again until then

DASK_CLUSTER = """
import sys, time
from dask.distributed import Client, LocalCluster

def task(row):
    return [one for one in [row] if one >= 0]

def query(tasks):
    began = time.perf_counter()
    assert len(client.gather(client.map(task, range(tasks), pure=False))) == tasks
    return time.perf_counter() - began

cluster = LocalCluster(n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address={dashboard!r})
client = Client(cluster)
"""
LINK = """
with open({link!r}, "w") as file:
    file.write(cluster.dashboard_link)
"""
# A query for each file that it is told to, in one cell: the page is watched all the while.
SERVES = """
import pathlib
folder, number = pathlib.Path({folder!r}), 0
query(10)  # the first one starts what is needed
(folder / "ready").touch()
while not (folder / "end").exists():
    if not (folder / f"go-{{number}}").exists():
        time.sleep(0.02)
        continue
    seconds = query({tasks})
    (folder / "seconds").write_text(repr(seconds))
    (folder / "seconds").rename(folder / f"seconds-{{number}}")
    number += 1
"""
SHOWN = "%load_ext daftnb\n%daft cockpit"
NO_BAR = {"DAFT_PROGRESS_BAR": "0"}
LONGEST = 120.0  # seconds that a query, or a start, may take


@dataclass(slots=True)
class Taken:
    """By round: µs of a task with no monitor and with one that is looked at; bytes that the page received a second."""

    without: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)

    @property
    def costs(self) -> tuple[float, ...]:
        """What the monitor adds to a task, by round, in µs."""
        return tuple(watched - without for watched, without in zip(self.watched, self.without, strict=True))


class Page:
    """A page, and the bytes that it has received on its web sockets."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1500, "height": 1000})
        self.received = 0
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: str | bytes) -> None:
        self.received += len(payload if isinstance(payload, bytes) else payload.encode())

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Until it is so; the page is heard meanwhile."""
        until = time.monotonic() + LONGEST
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError(f"not within {LONGEST:.0f} s: {what}")
            self.page.wait_for_timeout(20)


class Server:
    """Where a query can be asked for: a process that runs SERVES in this folder."""

    def __init__(self, folder: Path, page: Page) -> None:
        self.folder, self.page, self.number = folder, page, 0
        folder.mkdir()

    @property
    def source(self) -> str:
        """What the process is to run, once it has a ``query``."""
        return SERVES.format(folder=str(self.folder), tasks=TASKS)

    def ready(self) -> None:
        """Wait for it."""
        self.page.wait((self.folder / "ready").exists, f"{self.folder.name} is ready")

    def query(self) -> float:
        """Seconds of one."""
        answer = self.folder / f"seconds-{self.number}"
        (self.folder / f"go-{self.number}").touch()
        self.number += 1
        self.page.wait(answer.exists, f"{self.folder.name} has run a query")
        return float(answer.read_text())

    def end(self) -> None:
        """Let the process go on."""
        (self.folder / "end").touch()


def measure(report: Report) -> None:
    """What both leave in a notebook, then both watched; one after the other, as they would share the machine."""
    python = None
    try:
        python = python_with(report.peers, "distributed", "bokeh", "ipywidgets", "ipykernel")
    except Missing as missing:
        report.add(Unmeasured(AREA, DASK, str(missing)))
    left_there = dask_notebook(python) if python else ()
    with one_worker() as (address, environment):
        connect = {"address": address, "environment": {**environment, **DOWNSCALE_OFF}, "variables": {}}
        left = our_notebook(connect)
        for index, name in enumerate(("a saved notebook", "of it, the widgets' state")):
            beside = (DASK, (left_there[index] / 1e3,)) if left_there else ()
            report.add(Figure(AREA, name, "kB", (left[index] / 1e3,), *beside))
        ours = cockpit(connect)
    add(report, ours, dask(python) if python else None)


def add(report: Report, ours: Taken, theirs: Taken | None) -> None:
    """The figures of what was watched."""
    what: dict[tuple[str, str], Callable[[Taken], tuple[float, ...]]] = {
        ("what the monitor adds to a task", "µs"): lambda taken: taken.costs,
        ("a task, watched", "µs"): lambda taken: tuple(taken.watched),
        ("a task, with no monitor", "µs"): lambda taken: tuple(taken.without),
        ("bytes to the page", "kB/s"): lambda taken: tuple(each / 1e3 for each in taken.received),
    }
    for (name, unit), values in what.items():
        beside = (DASK, values(theirs)) if theirs else ()
        report.add(Figure(AREA, f"{name}, {TASKS:,} tasks", unit, values(ours), *beside))


def taken(without: Server, watched: Server, least: float) -> Taken:
    """Rounds in turn, each at least so many seconds long."""
    found, page = Taken(), watched.page
    for turn in range(ROUNDS):
        for server in (without, watched) if turn % 2 else (watched, without):  # who goes first changes
            before, began = page.received, time.perf_counter()
            seconds = [server.query()]
            while time.perf_counter() - began < least:
                seconds.append(server.query())
            each = 1e6 * statistics.median(seconds) / TASKS
            if server is without:
                found.without.append(each)
            else:
                found.watched.append(each)
                found.received.append((page.received - before) / (time.perf_counter() - began))
    return found


def dask(python: str) -> Taken:
    """dask.distributed, with its status page open and with no dashboard at all."""
    with ExitStack() as stack:
        page = Page(stack.enter_context(chromium()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        link = folder / "link"
        servers = {}
        for name, address, more in (("without", None, ""), ("watched", "127.0.0.1:0", LINK.format(link=str(link)))):
            servers[name] = server = Server(folder / name, page)
            source = DASK_CLUSTER.format(dashboard=address) + more + server.source
            process = subprocess.Popen([python, "-c", source], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait, 60)
            stack.callback(server.end)
        for server in servers.values():
            server.ready()
        page.page.goto(link.read_text())
        page.page.locator(".bk-Figure").first.wait_for(timeout=60_000)
        return taken(servers["without"], servers["watched"], DASK_SECONDS)


def cockpit(connect: dict[str, Any]) -> Taken:
    """The cockpit in JupyterLab, and Daft with nothing that shows."""
    with ExitStack() as stack:
        page = Page(stack.enter_context(chromium()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(serving(folder))
        without, watched = Server(folder / "without", page), Server(folder / "watched", page)
        kernel = Kernel()
        stack.callback(kernel.end)
        kernel.run(CONNECT.format(**{**connect, "environment": {**connect["environment"], **NO_BAR}}) + QUERY)
        kernel.client.execute(without.source)
        stack.callback(kernel.client.get_shell_msg, timeout=LONGEST)  # it is over
        stack.callback(without.end)
        notebook(lab, "watched.ipynb", (CONNECT.format(**connect) + QUERY, SHOWN, watched.source))
        open_notebook(page.page, lab, "watched.ipynb")
        run_all(page.page)
        stack.callback(watched.end)
        # JupyterLab goes to the last cell; a view that is out of sight is not drawn.
        page.page.locator(".root[data-view=cockpit] .head").scroll_into_view_if_needed(timeout=60_000)
        for server in (without, watched):
            server.ready()
        return taken(without, watched, 0.0)


def our_notebook(connect: dict[str, Any]) -> tuple[int, int]:
    """A query on Ray below the cockpit."""
    return saved((CONNECT.format(**connect) + QUERY, SHOWN, f"query({TASKS})"), "python3")


def dask_notebook(python: str) -> tuple[int, int]:
    """The same work below the cluster's and the client's displays; its kernel is that of the peer's environment."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "kernels" / "dask-peer"
        spec.mkdir(parents=True)
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "dask", "language": "python"}))
        with mock.patch.dict(os.environ, {"JUPYTER_PATH": folder}):
            cluster = DASK_CLUSTER.format(dashboard="127.0.0.1:0")
            return saved(
                (cluster, "cluster", "client", f"query({TASKS})", "client.close(); cluster.close()"), "dask-peer"
            )


def saved(cells: tuple[str, ...], kernel: str) -> tuple[int, int]:
    """Bytes of the notebook that nbclient has run, and those of them that are the state of its widgets."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    nbclient.NotebookClient(document, timeout=LONGEST, kernel_name=kernel).execute()
    whole = len(nbformat.writes(document).encode())
    document.metadata.pop("widgets", None)
    return whole, whole - len(nbformat.writes(document).encode())
