"""How kernel and page grow with the queries of a notebook, beside the same notebook without daftnb.

A notebook of 500 cells in JupyterLab and Chromium, on Daft's native runner: each cell runs a query, shows its plan and
a preview of its rows, and the cockpit stands beside them. The other notebook has another kernel and another page: its
cells run the same queries without daftnb, and show what the first one left in its outputs, as plain HTML. So what
Daft, IPython and JupyterLab keep of a cell by themselves is known. Each figure is the slope over the second half of the
cells, by least squares: what has a bound has reached it by then.

Memory is that after garbage collection: of the kernel what Python has (traced), since its process's (USS, told too)
goes up and down by what Daft's threads keep for themselves; of the page V8's, with what it has outside of its heap (the
bytes of buffers, and the page's own objects).
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.chromium import chromium
from tests.benchmarks.figures import Figure, Goal, Report, slope
from tests.benchmarks.soakpage import LEFT_SECONDS, WITHOUT, Beside
from tests.helpers.notebooks import notebook, open_notebook, shut_down_kernels
from tests.helpers.servers import Lab, serving

AREA = "pages"
CELLS, SAMPLES = 500, 10
SETUP_CELL, VIEW_CELL, FIRST_CELL = 0, 1, 2
RECORDED = "recorded.json"
# What may grow, by how much for each query at most.
GROWTH: dict[str, tuple[str, float, float | None]] = {
    "kernel": ("kB", 1e3, 5.0),
    "kernel's process": ("kB", 1e3, None),
    "page": ("kB", 1e3, 20.0),
    "nodes": ("nodes", 1.0, 1.0),
    "listeners": ("listeners", 1.0, 0.5),
}

QUERIES = """
import json, os, random, tracemalloc
os.environ["DAFT_PROGRESS_BAR"] = "0"  # Daft's own are widgets, about ten for each query, that nobody closes
import daft
from daft import col

daft.set_runner_native()
get_ipython().displayhook.do_full_cache = False  # IPython would keep every dataframe that is shown, in Out

def query(number):
    rows = 200
    chance = random.Random(number)
    frame = daft.from_pydict({
        "id": list(range(rows)),
        "name": [f"customer {chance.randrange(10_000)}" for _ in range(rows)],
        "price": [chance.random() for _ in range(rows)],
    })
    return frame.where(col("id") % 7 != number % 7).with_column("twice", col("price") * 2).sort("price").collect()
"""
WATCHED = QUERIES + "%load_ext daftnb\ntracemalloc.start()\n"
PLAIN = (
    QUERIES
    + f"""
from IPython.display import display

recorded = json.load(open({RECORDED!r}))

def show(number):
    for each in recorded[number]:
        display(each, raw=True)

tracemalloc.start()
"""
)
OF_QUERY = "df = query({number})\n%daft plan\ndf"
OF_QUERY_PLAIN = "df = query({number})\nshow({number})"

# IPython keeps what each cell displays in its history, and more of what plain cells display than of ours.
TRACED = """
import gc, tracemalloc
getattr(get_ipython().history_manager, "outputs", {}).clear()
gc.collect()
answer = tracemalloc.get_traced_memory()[0]
"""
# As a person runs one cell after the other: each is scrolled to, and drawn.
RUN = """async ([index, source]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.widgets[index].model.sharedModel.setSource(source);
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    await notebook.scrollToItem(index);
    await window.jupyterapp.commands.execute('notebook:run-cell');
    await notebook.scrollToItem(index);
}"""
BESIDE = """async (index) => {
    const { shell, commands } = window.jupyterapp;
    const panel = shell.currentWidget;
    panel.content.activeCellIndex = index;
    await commands.execute('notebook:create-output-view');
    shell.activateById(panel.id);
}"""
OUTPUTS = "(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()"


@dataclass(frozen=True, slots=True)
class Sample:
    """After so many cells: what kernel and page hold."""

    cell: int
    figures: dict[str, float]


class Grown:
    """A notebook whose cells run one after the other."""

    def __init__(self, lab: Lab, browser: Any, name: str, cells: int) -> None:
        notebook(lab, name, ("",) * (FIRST_CELL + cells))
        self.page = browser.new_page(viewport={"width": 1800, "height": 1000})
        self.page.set_default_timeout(60_000)
        open_notebook(self.page, lab, name)
        self.devtools = self.page.context.new_cdp_session(self.page)
        for domain in ("Performance", "HeapProfiler"):
            self.devtools.send(f"{domain}.enable")
        self.beside = Beside(lab)

    def run(self, index: int, source: str) -> None:
        """Run a cell; RuntimeError where it fails."""
        self.page.evaluate(RUN, [index, source])
        for output in self.outputs(index):
            if output["output_type"] == "error":
                raise RuntimeError(f"{output['ename']}: {output['evalue']}")

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Those of a cell."""
        found: list[dict[str, Any]] = self.page.evaluate(OUTPUTS, index)
        return found

    def sample(self, cell: int) -> Sample:
        """What there is, once nothing more happens."""
        self.page.wait_for_timeout(1000 * LEFT_SECONDS)
        traced = self.beside.ask(TRACED)
        for _ in range(2):  # what the first one lets go of may have held more
            self.devtools.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in self.devtools.send("Performance.getMetrics")["metrics"]}
        heap = self.devtools.send("Runtime.getHeapUsage")
        return Sample(
            cell,
            {
                "kernel": traced / 1e6,
                "kernel's process": self.beside.process.memory_full_info().uss / 1e6,
                "page": sum(heap[name] for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")) / 1e6,
                "nodes": metrics["Nodes"],
                "listeners": metrics["JSEventListeners"],
            },
        )

    def grow(self, cells: int, source: str) -> list[Sample]:
        """Run the cells; samples of the second half, and the first."""
        samples = [self.sample(0)]
        every = max(1, cells // (2 * SAMPLES))
        for number in range(1, cells + 1):
            self.run(FIRST_CELL + number - 1, source.format(number=number))
            if number % every == 0 and number >= cells // 2:
                samples.append(self.sample(number))
                print(f"    {number} of {cells}: {samples[-1].figures}", flush=True)
        return samples

    def close(self, lab: Lab) -> None:
        """End the page and the kernel."""
        self.beside.close()
        self.page.close()
        shut_down_kernels(lab)


def measure(report: Report, cells: int = CELLS) -> None:
    """With daftnb, then without it."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home), WITHOUT) as lab, chromium() as browser:
        ours, recorded = watched(lab, browser, cells)
        theirs = plain(lab, browser, recorded)
    report.add(*figures(ours, theirs))


Outputs = list[list[dict[str, Any]]]  # of each cell


def watched(lab: Lab, browser: Any, cells: int) -> tuple[list[Sample], Outputs]:
    """With daftnb; and what the outputs hold in the end."""
    grown = Grown(lab, browser, "watched.ipynb", cells)
    grown.run(SETUP_CELL, WATCHED)
    grown.run(VIEW_CELL, "%daft cockpit")
    grown.page.evaluate(BESIDE, VIEW_CELL)
    samples = grown.grow(cells, OF_QUERY)
    recorded = [_plain(grown.outputs(FIRST_CELL + number)) for number in range(cells)]
    grown.close(lab)
    return samples, recorded


def plain(lab: Lab, browser: Any, recorded: Outputs) -> list[Sample]:
    """Without it, and with such outputs."""
    (lab.folder / RECORDED).write_text(json.dumps([[], *recorded]))
    grown = Grown(lab, browser, "plain.ipynb", len(recorded))
    grown.run(SETUP_CELL, PLAIN)
    samples = grown.grow(len(recorded), OF_QUERY_PLAIN)
    grown.close(lab)
    return samples


def _plain(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What outputs hold, without what makes a live view of them."""
    return [
        {kind: "".join(data).replace("data-daftnb-model", "data-model") for kind, data in each["data"].items()}
        for each in outputs
        if "data" in each
    ]


def figures(ours: list[Sample], theirs: list[Sample]) -> list[Figure]:
    """Growth for each query: with daftnb less what is without it."""
    found = []
    for name, (unit, scale, most) in GROWTH.items():
        (rise, spread), (alone, other) = (
            slope([(float(each.cell), each.figures[name], 0) for each in samples[1:]]) for samples in (ours, theirs)
        )
        first, half, last = (ours[at].figures[name] for at in (0, 1, -1))
        note = (
            f"± {(spread**2 + other**2) ** 0.5 * scale:.2g}; in all {rise * scale:.3g}, without daftnb "
            f"{alone * scale:.3g}; {first:.4g} before, {half:.4g} halfway, {last:.4g} at the end"
        )
        found.append(
            Figure(
                AREA,
                f"{name} for each query",
                unit,
                ((rise - alone) * scale,),
                goal=None if most is None else Goal("median", most),
                note=note,
            )
        )
    return found
