"""``python -m tests.benchmarks.soak [--queries 500] [--seed N]``: hours of use in minutes, and nothing grows.

So many mixed queries (:mod:`tests.benchmarks.soakqueries`) in one kernel of one JupyterLab page in Chromium, the
cockpit open, on an embedded cluster that grows and shrinks; every tenth has a fault in its midst
(:mod:`tests.benchmarks.soakfaults`). Every count, result and outcome is compared with what is known of the query.
Memory of kernel, runner actor and page is that after garbage collection (USS; V8's used heap), its growth the slope
over the second half of the queries, by least squares; a page that was loaded again begins anew. The history and the
recordings of the last 100 queries are kept, so that the slopes of a run of fewer than 250 say little.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError

from tests.benchmarks.figures import Figure, Goal, Report, Unmeasured, slope
from tests.benchmarks.soakchecks import CHECK, differences
from tests.benchmarks.soakfaults import Fault, Faults
from tests.benchmarks.soakpage import (
    CELLS,
    FIRST_CELL,
    LEFT_SECONDS,
    SETUP_CELL,
    VIEW_CELL,
    WITHOUT,
    Beside,
    Page,
    Sample,
    left,
    sample,
    settled,
    without_daftnb,
)
from tests.benchmarks.soakqueries import SETUP, Cell, Mix
from tests.conftest import ROOT, await_that
from tests.helpers.processes import processes_of
from tests.helpers.servers import Lab, browsing, serving

QUERIES, SEED, MINUTES = 500, 1, 60.0
FAULT_EVERY = 10
SAMPLES = 50
LOAD = """
%load_ext daftnb
session = daftnb.get_session()
get_ipython().displayhook.do_full_cache = False  # IPython would keep every dataframe that is shown, in Out
"""
START = """
%daft start --min 1 --max 3 --idle-timeout 10
%daft set threshold=1.25 downscale=on idle_seconds=3 survivors=1
"""
# What may grow, by how much for each query at most: of what is measured with noise, what 500 queries may leave.
GROWTH = {
    "kernel MB": ("kB", 1e3, 20.0),
    "runner actor MB": ("kB", 1e3, 20.0),
    "page MB": ("kB", 1e3, 20.0),
    "page Nodes": ("nodes", 1.0, 1.0),
    "page JSEventListeners": ("listeners", 1.0, 0.5),
    "kernel threads": ("threads", 1.0, 0.01),
    "kernel files": ("files", 1.0, 0.02),
    "runner actor threads": ("threads", 1.0, 0.01),
    "runner actor files": ("files", 1.0, 0.02),
}


FIRST, SECOND, LAST = "after a first cluster", "after a second cluster", "after the last cluster"


class Soak:
    """One run."""

    def __init__(self, lab: Lab, chromium: Any, seed: int, home: Path) -> None:
        self.page = Page(lab, chromium)
        self.beside = Beside(lab)
        self.mix = Mix(seed, home)
        self.faults: Faults | None = None
        self.folder = ""
        self.wrong: list[str] = []
        self.cells: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.workers: list[int] = []
        self.samples: list[Sample] = []
        self.left: dict[str, dict[str, Counter[str]]] = {}
        self.tasks = 0  # of all queries
        self._seen = 0  # queries
        self._misses = 0  # one after the other
        self._slot = 0

    def start(self) -> None:
        """Load, start the cluster, open the cockpit, and run each kind of cell once."""
        self._set_up(SETUP + LOAD)
        self.beside.ask("import json; answer = None")
        self.page.run(VIEW_CELL, "%daft cockpit")
        # Two clusters before the one that is used: daftnb, Daft and Ray start threads and open files that stay, and of
        # each connection Ray keeps its log's file and some sockets.
        for ended in (FIRST, SECOND, None):
            self._set_up(START)
            for make, _ in self.mix.kinds():
                self.run(make())
            if ended is not None:
                self.left[ended] = self._stopped()
        self.folder = self.beside.ask("answer = str(session.cluster.folder)")
        self.faults = Faults(self.mix, self.page, self.beside, self.folder)
        self.run_fault(self.faults.interrupted())
        self.left["after warm-up"] = self.rest()
        self.samples.append(sample(0, self.page, self.beside))

    def _set_up(self, source: str) -> None:
        outputs = self.page.run(SETUP_CELL, source)
        assert not [each for each in outputs if each["output_type"] == "error"], outputs

    def rest(self) -> dict[str, Counter[str]]:
        """With the queries' cells empty and nothing to do: what is there."""
        for slot in range(CELLS):
            self.page.run(FIRST_CELL + slot, "got = df = t = found = None")
        settled(self.beside, 60)
        return left(self.beside)

    def _stopped(self) -> dict[str, Counter[str]]:
        """End the cluster, and wait for threads that end a little later: what is there."""
        self.page.run(SETUP_CELL, "%daft stop")
        time.sleep(LEFT_SECONDS)
        return left(self.beside)

    def soak(self, queries: int, minutes: float) -> None:
        """The run itself; what does not fit into the minutes is left out."""
        assert self.faults is not None
        every = max(1, queries // SAMPLES)
        began = time.monotonic()
        for number in range(1, queries + 1):
            if number % FAULT_EVERY:
                self.attempt(partial(self.run, self.mix.cell()))
            else:
                self.attempt(partial(self.run_fault, self.faults.fault()))
            if number % every == 0:
                self.samples.append(sample(number, self.page, self.beside))
            over = time.monotonic() - began > 60 * minutes
            if number % 25 == 0 or number == queries or over:
                figures = self.samples[-1].figures
                print(
                    f"    {number} of {queries} in {time.monotonic() - began:.0f} s, {self.workers[-1]} workers, "
                    f"{len(self.wrong)} wrong; "
                    + ", ".join(f"{name} {figures[name][0]:.4g}" for name in list(GROWTH)[:5]),
                    flush=True,
                )
            if over:
                return

    def end(self) -> None:
        """End the cluster; what is then there, and what is not."""
        self.left["at the end"] = self.rest()
        self.problems = self.beside.ask("answer = list(session.snapshot()['session']['problems'].values())")
        self.left[LAST] = self._stopped()
        self.processes = [" ".join(each.cmdline())[:80] for each in processes_of(self.folder)]
        self.processes += [" ".join(each.cmdline())[:80] for each in self.beside.process.children(recursive=True)]
        self.page.run(VIEW_CELL, "pass")

    # -- one cell -----------------------------------------------------------------------------------------------------

    def run(self, cell: Cell, fault: Fault | None = None) -> None:
        """Run it in the next of the cells, and compare what came of it with what is known."""
        self.cells[cell.kind] += 1
        index = FIRST_CELL + self._slot
        self._slot = (self._slot + 1) % CELLS
        if cell.before:
            self.beside.ask(f"{cell.before}; answer = None")
        began = time.monotonic()
        self.page.begin(index, cell.text)
        if fault is not None or cell.stopped:
            self._midst(cell)
            fault.act() if fault is not None else self.page.stop()
        reloaded = fault is not None and fault.reloads
        if not reloaded:
            self.page.finish()
        self.seconds.append(time.monotonic() - began)
        self._compare(cell, None if reloaded else self.page.outputs(index))

    def attempt(self, action: Callable[[], None]) -> None:
        """Do it; what does not come in time is wrong, and the run goes on, unless it repeats."""
        try:
            action()
            self._misses = 0
        except (AssertionError, PlaywrightError) as error:
            self._misses += 1
            self.wrong.append(f"cell {sum(self.cells.values())}: {type(error).__name__}: {str(error)[:300]}")
            print(f"    WRONG {self.wrong[-1]}", flush=True)
            if self._misses > 2:
                raise
            self.page.settle()
            self._seen = self.beside.ask("answer = session.snapshot()['query']['number']")

    def run_fault(self, fault: Fault) -> None:
        self.tried[fault.kind] += 1
        self.run(fault.cell, fault)
        fault.after()
        self._seen = self.beside.ask("answer = session.snapshot()['query']['number']")

    def _midst(self, cell: Cell) -> None:
        """Some of its tasks have begun."""
        counter = cell.counter
        assert counter is not None
        await_that(lambda: counter.exists() and counter.stat().st_size >= 3, f"{cell.kind}: its tasks begin", 120)

    def _compare(self, cell: Cell, outputs: list[dict[str, Any]] | None) -> None:
        found = self._found()
        problems = list(differences(cell, found, outputs))
        if cell.draws:
            try:
                self.page.draws(cell.draws)
            except Exception as error:
                problems.append(f"the page does not draw {cell.draws!r}: {str(error)[:80]}")
        if found["queries"]:
            self._seen = found["queries"][-1]["number"]
            self.outcomes.update(each["state"] for each in found["queries"])
            self.tasks += sum(each["tasks"] or 0 for each in found["queries"])
            self.page.shows(found["queries"][-1]["state"])
        self.workers.append(found["workers"])
        if problems:
            self.wrong.append(f"cell {sum(self.cells.values())} ({cell.kind}): " + "; ".join(problems))
            print(f"    WRONG {self.wrong[-1]}\n{cell.text}", flush=True)

    def _found(self) -> dict[str, Any]:
        """What daftnb says of the cell's queries, once nothing of them runs any more."""
        deadline = time.monotonic() + 15
        while True:
            found: dict[str, Any] = self.beside.ask(CHECK.format(since=self._seen))
            tasks = (found["last"] or {}).get("tasks")
            if not tasks or not (tasks["pending"] or tasks["running"]) or time.monotonic() > deadline:
                return found
            time.sleep(0.1)


# -- the figures ------------------------------------------------------------------------------------------------------


def measure(report: Report, queries: int = QUERIES, seed: int = SEED, minutes: float = MINUTES) -> None:
    """Run it, and say what came of it."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home), WITHOUT) as lab, browsing() as chromium:
        plain = without_daftnb(lab, chromium)
        soak = Soak(lab, chromium, seed, Path(home))
        soak.start()
        try:
            soak.soak(queries, minutes)
        except (AssertionError, PlaywrightError) as error:
            print(f"    given up: {str(error)[:300]}", flush=True)  # it is among what is wrong
        soak.end()
        growth(report, soak.samples, plain, soak.tasks / max(1, soak.outcomes.total()))
        leftovers(report, soak)
        exactness(report, soak)
        soak.beside.close()
        for session in lab.call("GET", "/api/sessions"):
            lab.call("DELETE", f"/api/sessions/{session['id']}")


def growth(report: Report, samples: list[Sample], plain: dict[str, tuple[float, float]], tasks: float) -> None:
    """The slope of each figure over the second half, and the totals; ``plain``: of a page's, without daftnb.

    ``tasks``, of a query in the mean: Daft's runner actor keeps about 2 kB of each, its driver 0.4, also unwatched
    (``python -m tests.benchmarks overhead``).
    """
    half = samples[len(samples) // 2 :]
    alone = {"page MB": plain["JSHeapUsedSize"][0] / 1e6} | {f"page {name}": rise for name, (rise, _) in plain.items()}
    for name, (unit, scale, most) in GROWTH.items():
        points = [(float(each.cell), *each.figures[name]) for each in half]
        try:
            rise, spread = slope(points)
        except ValueError as error:
            report.add(Unmeasured("soak", f"growth of {name}", str(error)))
            continue
        first, middle, last = (each.figures[name][0] for each in (samples[0], half[0], samples[-1]))
        report.add(
            Figure(
                "soak",
                f"growth of {name.removesuffix(' MB')}",
                f"{unit} for each query",
                (rise * scale,),
                "JupyterLab alone" if name in alone else "",
                (alone[name] * scale,) if name in alone else (),
                goal=Goal("median", most),
                note=f"± {spread * scale:.2g}; {first:.4g} after warm-up, {middle:.4g} halfway, {last:.4g} at the end"
                + (f"; {tasks:.1f} tasks for each query" if name.endswith(" MB") and name not in alone else ""),
            )
        )


def leftovers(report: Report, soak: Soak) -> None:
    """What is there at the end that was not there after warm-up; after the last cluster, more than one more leaves."""
    for before, after in (("after warm-up", "at the end"), (SECOND, LAST)):
        for what, counts in soak.left[after].items():
            more = counts - soak.left[before][what]
            if after == LAST:
                more -= soak.left[SECOND][what] - soak.left[FIRST][what]
            names = ", ".join(f"{name} ×{count}" for name, count in more.items())
            report.add(
                Figure(
                    "soak",
                    f"{what} {after}, more than {before}",
                    what,
                    (float(sum(more.values())),),
                    goal=Goal("median", 0),
                    note=f"{sum(counts.values())} in all" + (f"; {names}" if names else ""),
                )
            )
    report.add(
        Figure(
            "soak",
            "processes left when the cluster was stopped",
            "processes",
            (float(len(soak.processes)),),
            goal=Goal("median", 0),
            note="; ".join(soak.processes),
        )
    )


def exactness(report: Report, soak: Soak) -> None:
    """How often a count, result or outcome was wrong; and what was tried."""
    changes = [b - a for a, b in zip(soak.workers, soak.workers[1:], strict=False)]
    report.add(
        Figure(
            "soak",
            "cells with a wrong count, result or outcome",
            "cells",
            (float(len(soak.wrong)),),
            goal=Goal("median", 0),
            note=f"of {sum(soak.cells.values())}",
        ),
        Figure("soak", "errors of the page", "errors", (float(len(soak.page.problems)),), goal=Goal("median", 0)),
        Figure("soak", "a cell", "s", tuple(soak.seconds)),
        Figure(
            "soak",
            "workers after each cell",
            "workers",
            tuple(map(float, soak.workers)),
            note=f"more than before {sum(each > 0 for each in changes)} times, "
            f"fewer {sum(each < 0 for each in changes)} times",
        ),
    )
    for what, counts in (("cells", soak.cells), ("outcomes", soak.outcomes), ("faults", soak.tried)):
        print(f"  {what}: " + ", ".join(f"{count} {kind}" for kind, count in counts.most_common()))
    for text in (*soak.wrong, *soak.page.problems, *soak.problems):
        print(f"  {text[:600]}")
    print(f"  median of a cell: {statistics.median(soak.seconds):.2f} s, all: {sum(soak.seconds):.0f} s")


def main() -> int:
    """Measure, print, and leave the figures in artifacts/soak.json; 1 where a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="at most, without start and end")
    arguments = parser.parse_args()
    report = Report()
    measure(report, arguments.queries, arguments.seed, arguments.minutes)
    report.write(ROOT / "artifacts" / "soak.json")
    return int(any(figure.met is False for figure in report.figures))


if __name__ == "__main__":
    sys.exit(main())
