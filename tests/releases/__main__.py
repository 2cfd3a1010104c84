"""``python -m tests.releases``: run the tests beside other releases of Daft and Ray, each pair in its environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.releases import table
from tests.releases.pairs import ALIASES, PAIRS, find
from tests.releases.running import FOLDER, SETS, keep, kept, make, run

LINES = 60  # of what a run that failed has printed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.releases", description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help=f"such as 0.7.22+2.52.1, or {', '.join(ALIASES)}; all")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["pure", "kernel"], help="which tests (pure kernel)")
    parser.add_argument("--cluster", action="store_true", help="the short tests on a real cluster too")
    parser.add_argument("--python", default=sys.executable, help="the Python of the environments (this one)")
    parser.add_argument("--folder", type=Path, default=FOLDER / "environments", help="where the environments are made")
    parser.add_argument("--write", action="store_true", help="put what passed into the table of notebooks/README.md")
    parser.add_argument("--list", action="store_true", help="print the pairs, with what is known of them, and run none")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; 1 if a test failed or could not be run."""
    asked = _arguments()
    try:
        pairs = [find(name) for name in asked.pairs] or list(PAIRS)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    sets = [*asked.sets, *(["cluster"] if asked.cluster and "cluster" not in asked.sets else [])]
    failed = False
    for pair in pairs:
        if not asked.list:
            python = make(pair, asked.folder, asked.python)
            for name in sets:
                if name == "cluster" and pair.ray is None:
                    continue
                report = FOLDER / pair.name / f"{name}.xml"
                outcome = run(python, name, report)
                keep(pair, {name: outcome})
                if outcome.failed or outcome.error:
                    print("\n".join(report.with_suffix(".log").read_text().splitlines()[-LINES:]), flush=True)
                failed |= bool(outcome.failed or outcome.error)
        for name, outcome in kept(pair).items():
            print(f"{pair.name:<14}  {name:<8} {outcome.words}  ({outcome.seconds:.0f} s)", flush=True)
    if asked.write:
        table.write({pair: kept(pair) for pair in PAIRS})
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
