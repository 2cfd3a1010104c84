"""The benchmarks, and how they are run: one after another, each in a process of its own, into one report.

None sees the heap, the Daft runner or the event loop that another left; one that raises, dies or hangs costs its own
figures and no others.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.benchmarks.figures import Missing, Report, Unmeasured

ROOT = Path(__file__).resolve().parent.parent.parent
ARTIFACTS = ROOT / "artifacts"
LONGEST = 1800.0  # seconds; one that takes as long hangs
WELL, RAISED, ENDED = 0, 1, 128 + signal.SIGTERM  # how the process of a benchmark says what became of it
WHY = 300  # characters of an error that a report has room for


@dataclass(frozen=True, slots=True)
class Benchmark:
    """``name``: what it is called, and the area of its figures; ``seconds``: how long it takes, about, on 2 cores;
    ``long``: only when it is asked for by name."""

    name: str
    seconds: int
    what: str
    long: bool = False
    module: str = ""
    function: str = "measure"

    def measure(self, report: Report) -> None:
        """Measure all of it, here and now."""
        module = import_module(self.module or f"tests.benchmarks.{self.name}")
        getattr(module, self.function)(report)


BENCHMARKS = (
    Benchmark("overhead", 180, "500 one-row tasks on Ray: watched, and by plain Daft with what it has of its own"),
    Benchmark("monitors", 150, "the cockpit beside dask's dashboard: cost of a task, bytes to the page, notebook"),
    Benchmark("tpch", 115, "real queries and workloads, the same results watched and unwatched; plain Daft beside it"),
    Benchmark("interactive", 115, "small queries, interrupts, settings pushed; plain Daft beside it"),
    Benchmark("connect", 110, "from the wish to connect to the first result; plain Daft beside it"),
    Benchmark("pixel", 50, "from an event of the engine to the page, in JupyterLab and Chromium"),
    Benchmark("scale", 45, "1,000 workers and 200 operators: fold, snapshots, messages, the page's work"),
    Benchmark("growth", 35, "how costs grow with tasks, workers and operators"),
    Benchmark("recording", 15, "what recording costs, and how quick a recording opens"),
    Benchmark("preview", 40, "displays, pages and summaries; the displays of others beside them"),
    Benchmark("scrolling", 45, "how a preview of ten million rows scrolls in Chromium"),
    Benchmark("answers", 20, "doctor, Tab, plans and pages of long values: until they answer", long=True),
    Benchmark("pages", 900, "how kernel and page grow with the queries of a notebook of 500 cells", long=True),
    Benchmark("functions", 400, "what counting the calls of functions costs, and how exact it is", long=True),
    Benchmark("native", 60, "the smallest queries on the native runner; plain Daft beside it", long=True),
    Benchmark("bottleneck", 170, "in how many moments the operator leads that takes the most time", long=True),
    Benchmark("wan", 240, "queries over a Ray Client, 0 to 150 ms away; plain Daft beside it", long=True),
    Benchmark("refusals", 120, "until it is said why a cluster cannot be connected to", long=True),
    Benchmark(
        "growth-at-once",
        240,
        "until the last of six nodes is there, all asked for at once and step by step",
        True,
        "tests.benchmarks.at_once",
    ),
    Benchmark(
        "growth-at-once-v2",
        240,
        "the same under Ray's second autoscaler",
        True,
        "tests.benchmarks.at_once",
        "measure_second",
    ),
    Benchmark(
        "growth-at-once-wide",
        260,
        "the same with nodes of three CPUs",
        True,
        "tests.benchmarks.at_once",
        "measure_wide",
    ),
    Benchmark("runpage", 45, "the page of a recording: its size, and how quick it opens in Chromium", True),
    Benchmark("shelf", 20, "how long a shelf of 10,000 runs takes to list", True),
    Benchmark("overhead-long", 700, "overhead with 2,000 tasks", True, "tests.benchmarks.overhead", "measure_long"),
    Benchmark(
        "scale-long",
        240,
        "scale with 100,000 tasks, a minute, every view",
        True,
        "tests.benchmarks.scale",
        "measure_long",
    ),
    Benchmark(
        "recording-long",
        120,
        "recording of 100,000 tasks on 1,000 workers",
        True,
        "tests.benchmarks.recording",
        "measure_long",
    ),
    Benchmark(
        "tpch-long",
        1200,
        "all 22 queries and all workloads on both runners, enough rounds for a hundredth",
        True,
        "tests.benchmarks.tpch",
        "measure_long",
    ),
    Benchmark("preview-long", 90, "displays and pages of long texts", True, "tests.benchmarks.preview", "measure_long"),
)


def select(names: Sequence[str], of: Iterable[Benchmark] = BENCHMARKS) -> list[Benchmark]:
    """Those of these names, in their order, each once; with no name all that are not long. ValueError: no such one."""
    known = {each.name: each for each in of}
    if not names:
        return [each for each in known.values() if not each.long]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)]


def run_here(benchmark: Benchmark, report: Report) -> bool:
    """Measure it in this process. False: it raised, which is said in the report; what it found before is kept."""
    try:
        benchmark.measure(report)
    except Missing as missing:
        report.add(Unmeasured(benchmark.name, benchmark.what, str(missing)))
    except Exception as error:
        traceback.print_exc()
        why = f"{type(error).__name__}: {error}"
        report.add(Unmeasured(benchmark.name, benchmark.what, " ".join(why.split())[:WHY]))
        return False
    return True


def run(benchmarks: Iterable[Benchmark], report: Report, into: Path, longest: float = LONGEST) -> bool:
    """Measure all, each in a process of its own, into one report, kept after each. False: one has raised, or died."""
    well = True
    for benchmark in benchmarks:
        print(f"{benchmark.name}: {benchmark.what}", flush=True)
        began = time.monotonic()
        well &= _run_apart(benchmark, report, longest)
        report.took[benchmark.name] = round(time.monotonic() - began, 1)
        report.write(into)
    return well


def _run_apart(benchmark: Benchmark, report: Report, longest: float) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_child, args=(benchmark, report.peers, file))
        process.start()
        process.join(longest)
        hangs = process.is_alive()
        if hangs:
            process.terminate()
            process.join(60)
            process.kill()
            process.join()
        told = file.exists()
        if told:
            found = Report.read(file)
            report.figures += found.figures
            report.unmeasured += found.unmeasured
        if hangs or not told or process.exitcode not in (WELL, RAISED):
            why = f"not over after {longest:.0f} s" if hangs else f"its process ended with {process.exitcode}"
            report.add(Unmeasured(benchmark.name, benchmark.what, why))
            return False
    return process.exitcode == WELL


def _child(benchmark: Benchmark, peers: tuple[str, ...], file: Path) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED))  # as an exception, so that what was started is ended
    report = Report(peers=peers)
    try:
        well = run_here(benchmark, report)
    finally:
        report.write(file)
    sys.exit(WELL if well else RAISED)
