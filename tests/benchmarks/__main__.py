"""``python -m tests.benchmarks``: all figures side by side with what a user would use instead, in one run.

``NAME …``: some of them, ``--list``: which there are, ``compare A.json B.json``: what has changed between two runs.
``--peers PYTHON``: the Python of an environment that has others to compare with (dask and bokeh, itables, quak,
buckaroo, ipydatagrid, perspective-python); give it once for each environment. A table is printed, and the figures are
left in artifacts. The exit status is 1 when a benchmark has raised, not when a goal is not met.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.figures import Report, differences
from tests.benchmarks.suite import ARTIFACTS, BENCHMARKS, run, select
from tests.benchmarks.table import table


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; gives the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["compare"]:
        return compare(words[1:])
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", epilog="compare A.json B.json: two runs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; with none, all that are not long")
    parser.add_argument("--list", action="store_true", help="which there are, and how long each takes")
    parser.add_argument("--peers", action="append", default=[], metavar="PYTHON", help="an environment with others")
    parser.add_argument("--into", type=Path, metavar="FILE", help="where the figures are left")
    given = parser.parse_args(words)
    if given.list:
        print(listed())
        return 0
    try:
        benchmarks = select(given.names)
    except ValueError as error:
        parser.error(str(error))
    file = "-".join(["benchmarks", *given.names]) + ".json"
    report = Report(peers=(*given.peers, sys.executable))
    well = run(benchmarks, report, given.into or ARTIFACTS / file)
    print(f"\n{table(report)}")
    return 0 if well else 1


def listed() -> str:
    """The benchmarks, a line for each."""
    lines = [
        f"  {each.name:<15} {each.seconds:>4} s  {each.what}{' (long: by name only)' if each.long else ''}"
        for each in BENCHMARKS
    ]
    whole = sum(each.seconds for each in select(()))
    return "\n".join([*lines, f"without a name: {whole / 60:.0f} minutes"])


def compare(words: Sequence[str]) -> int:
    """Print what has changed between two runs."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks compare")
    parser.add_argument("before", type=Path, metavar="A.json")
    parser.add_argument("after", type=Path, metavar="B.json")
    given = parser.parse_args(words)
    for each in differences(Report.read(given.before), Report.read(given.after)):
        print(each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
