"""The notebook that the soak test drives: a real page of JupyterLab, the kernel beside it, and what both use.

The cells are run by the page, as a user runs them. What is asked of the kernel beside them goes over a connection of
its own, silently: no cell of the notebook, and no output.
"""

from __future__ import annotations

import ast
import json
import time
from collections import Counter
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient

from tests.benchmarks.figures import slope
from tests.helpers.notebooks import READY, notebook, open_notebook
from tests.helpers.servers import Lab

NAME = "soak.ipynb"
# JupyterLab's toolbar on the active cell leaves 258 nodes and 810 listeners behind each time that another cell becomes
# the active one, with or without daftnb.
WITHOUT = ("@jupyterlab/cell-toolbar-extension",)
SETUP_CELL, VIEW_CELL, FIRST_CELL, CELLS = 0, 1, 2, 4
VIEWPORT = {"width": 1400, "height": 2600}  # all of the cells are in sight: what is not is not drawn
BEGIN = """([index, source]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.widgets[index].model.sharedModel.setSource(source);
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    window.cellRan = false;
    window.jupyterapp.commands.execute('notebook:run-cell').then(() => { window.cellRan = true; });
    notebook.scrollToItem(1);
}"""
# To the view: JupyterLab takes out of the page what is out of sight, and running a cell scrolls to it.
SCROLL = "(index) => window.jupyterapp.shell.currentWidget.content.scrollToItem(index)"
OUTPUTS = "(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()"
COMMAND = "(name) => window.jupyterapp.commands.execute(name)"
LEFT_SECONDS = 6.0  # after which a view that JupyterLab has left behind has ended
# What ipywidgets says of each widget that a kernel closes while a page shows it, or still makes it.
OF_CLOSING = ("no comm channel defined", "[anywidget] Failed to initialize model.")
COCKPIT = ".jp-OutputArea-output .root[data-view=cockpit]"
PAGE_METRICS = ("JSHeapUsedSize", "Nodes", "JSEventListeners", "Documents")


class Page:
    """The notebook in the browser: a cell that sets up, one with the view, and some for the queries."""

    def __init__(self, lab: Lab, chromium: Any, name: str = NAME) -> None:
        self.problems: list[str] = []
        self.loads = 1  # each has a heap of its own
        notebook(lab, name, ("",) * (FIRST_CELL + CELLS))
        self.page = chromium.new_page(viewport=VIEWPORT)
        self.page.on("pageerror", self._problem)
        self.page.set_default_timeout(30_000)
        open_notebook(self.page, lab, name)
        self._devtools = self.page.context.new_cdp_session(self.page)
        self._enable()

    def _problem(self, error: Any) -> None:
        if str(error) not in OF_CLOSING:
            self.problems.append(str(error))

    def _enable(self) -> None:
        for domain in ("Performance", "HeapProfiler"):
            self._devtools.send(f"{domain}.enable")

    def begin(self, index: int, source: str) -> None:
        """Run a cell, and return at once."""
        self.page.evaluate(BEGIN, [index, source])

    def finish(self, seconds: float = 240) -> None:
        """Wait until it has run."""
        self.page.wait_for_function("() => window.cellRan", timeout=seconds * 1000)

    def run(self, index: int, source: str) -> list[dict[str, Any]]:
        """Run a cell; its outputs."""
        self.begin(index, source)
        self.finish()
        return self.outputs(index)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Those of a cell."""
        found: list[dict[str, Any]] = self.page.evaluate(OUTPUTS, index)
        return found

    def command(self, name: str) -> None:
        """One of JupyterLab's."""
        self.page.evaluate(COMMAND, name)

    def draws(self, text: str, seconds: float = 15) -> None:
        """Wait until a text is to be read."""
        self.page.get_by_text(text).first.wait_for(timeout=seconds * 1000)

    def cockpits(self) -> int:
        """How many there are to be seen."""
        self.page.evaluate(SCROLL, VIEW_CELL)
        return int(self.page.locator(COCKPIT).count())

    def shows(self, state: str, seconds: float = 15) -> None:
        """Wait until the cockpit's query is in this state."""
        self.page.evaluate(SCROLL, VIEW_CELL)
        self.page.locator(f"{COCKPIT} .head[data-state={state}]").first.wait_for(timeout=seconds * 1000)

    def stop(self) -> None:
        """Press Stop in the cockpit."""
        self.page.evaluate(SCROLL, VIEW_CELL)
        self.page.locator(f"{COCKPIT} button.stop").first.click()

    def reload(self, seconds: float = 120) -> None:
        """As with the browser's button; the notebook was saved. Waits until the kernel has nothing to do."""
        self.command("docmanager:save")
        self.page.reload()
        self.settle(seconds)
        self.loads += 1
        self._enable()

    def settle(self, seconds: float = 120) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(READY, timeout=seconds * 1000)

    def metrics(self) -> dict[str, float]:
        """What the page holds once its garbage is collected."""
        for _ in range(2):  # what the first one lets go of may have held more
            self._devtools.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in self._devtools.send("Performance.getMetrics")["metrics"]}
        return {name: metrics[name] for name in PAGE_METRICS}


def without_daftnb(lab: Lab, chromium: Any, cells: int = 48) -> dict[str, tuple[float, float]]:
    """The slopes of a page in which so many cells run that print a number: what JupyterLab itself keeps of each."""
    page = Page(lab, chromium, "plain.ipynb")
    points: dict[str, list[tuple[float, float, int]]] = {name: [] for name in PAGE_METRICS}
    for number in range(cells):
        page.run(FIRST_CELL + number % CELLS, f"print({number})")
        if number >= cells // 2 and number % 4 == 0:
            for name, value in page.metrics().items():
                points[name].append((number, value, 0))
    page.page.close()
    for session in lab.call("GET", "/api/sessions"):
        lab.call("DELETE", f"/api/sessions/{session['id']}")
    return {name: slope(found) for name, found in points.items()}


class Beside:
    """The same kernel, asked from beside the page."""

    def __init__(self, lab: Lab) -> None:
        [session] = lab.call("GET", "/api/sessions")
        self._client = BlockingKernelClient()
        self._client.load_connection_file(str(lab.runtime / f"kernel-{session['kernel']['id']}.json"))
        self._client.start_channels(iopub=False, stdin=False, hb=False)
        self._client.control_channel.start()
        self.process = psutil.Process(self.ask("import os; answer = os.getpid()"))

    def ask(self, source: str, seconds: float = 240) -> Any:
        """What a program puts into ``answer``; it waits until the cell that runs is over."""
        reply = self._client.execute(
            dedent(source),
            silent=True,
            user_expressions={"answer": "__import__('json').dumps(answer)"},
            reply=True,
            timeout=seconds,
        )
        content = reply["content"]
        said = content.get("user_expressions", {}).get("answer", {})
        if content["status"] != "ok" or said.get("status") != "ok":
            raise RuntimeError("\n".join(content.get("traceback") or said.get("traceback") or [str(content)]))
        return json.loads(ast.literal_eval(said["data"]["text/plain"]))

    def subshells(self) -> list[str]:
        """Those that pages have opened."""
        found: list[str] = self._control("list_subshell_request")["subshell_id"]
        return found

    def end_subshells(self, ids: list[str]) -> None:
        """A page that is loaded again opens a new one, and JupyterLab never ends the old one: a thread and some
        sockets each."""
        for id_ in ids:
            self._control("delete_subshell_request", subshell_id=id_)

    def _control(self, kind: str, **content: str) -> dict[str, Any]:
        message = self._client.session.msg(kind, content)
        self._client.control_channel.send(message)
        while True:
            reply = self._client.control_channel.get_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                found: dict[str, Any] = reply["content"]
                return found

    def close(self) -> None:
        """End the connection."""
        self._client.stop_channels()


LEFT = """
import gc, re, threading
from collections import Counter
import comm, ipywidgets
gc.collect()
answer = {
    "threads": Counter(re.sub(r"subshell-.*|\\d+", "N", thread.name) for thread in threading.enumerate()),
    "comms": Counter(["comms"] * len(comm.get_comm_manager().comms)),
    "widgets": Counter(type(each).__name__ for each in ipywidgets.widgets.widget._instances.values()),
}
"""
HELD = """
import gc
import ray
def of(_actor):
    import gc, os
    gc.collect()
    return os.getpid()
gc.collect()
state = session.monitor.state
answer = {
    "actor": ray.get(session.connection.flotilla.runner.__ray_call__.remote(of)),
    "queries": len(state.queries), "problems": len(state.problems), "recordings": session.recorder.bytes,
}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """After so many cells: by what it is of (and which process or page load), numbers."""

    cell: int
    figures: dict[str, tuple[float, int]]


def sample(cell: int, page: Page, beside: Beside) -> Sample:
    """What kernel, runner actor and page hold, with their garbage collected."""
    held = beside.ask(HELD)
    actor = psutil.Process(held["actor"])
    kernel = beside.process
    figures: dict[str, tuple[float, int]] = {
        "kernel MB": (kernel.memory_full_info().uss / 1e6, kernel.pid),
        "runner actor MB": (actor.memory_full_info().uss / 1e6, actor.pid),
        "kernel threads": (kernel.num_threads(), kernel.pid),
        "kernel files": (kernel.num_fds(), kernel.pid),
        "runner actor threads": (actor.num_threads(), actor.pid),
        "runner actor files": (actor.num_fds(), actor.pid),
        "recordings MB": (held["recordings"] / 1e6, 0),
        "problems": (held["problems"], 0),
    }
    time.sleep(LEFT_SECONDS)
    metrics = page.metrics()
    figures["page MB"] = (metrics.pop("JSHeapUsedSize") / 1e6, page.loads)
    figures |= {f"page {name}": (value, page.loads) for name, value in metrics.items()}
    return Sample(cell, figures)


def left(beside: Beside) -> dict[str, Counter[str]]:
    """What the kernel has of what is counted one by one."""
    files = Counter(files=beside.process.num_fds())
    return {**{what: Counter(count) for what, count in beside.ask(LEFT).items()}, "files": files}


def settled(beside: Beside, seconds: float) -> None:
    """Wait until the pool is as small as it gets, and threads that wait for work have gone."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if beside.ask("answer = session.snapshot()['workers']['total']") <= 1:
            break
        time.sleep(0.5)
    time.sleep(6)
