"""Making an environment for a pair with uv, and running tests in it: what passed, as numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

from tests.conftest import ROOT
from tests.releases.pairs import Pair

FOLDER = ROOT / "artifacts" / "releases"
# Which tests a run has: folder, markers, and how many at a time. Each test of a cluster wants the whole machine.
SETS: dict[str, tuple[str, str, int]] = {
    "pure": ("tests/pure", "not cluster and not slow", 2),
    "kernel": ("tests/kernel", "not cluster and not slow", 2),
    "cluster": ("tests/releases", "cluster", 0),
}
SECONDS = 3600.0  # for one set of tests


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tests of a set passed, failed and were skipped; ``error``: why none ran."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def words(self) -> str:
        """For the table: what passed first."""
        if self.error:
            return f"not run: {self.error}"
        parts = [f"{self.passed:,} passed", *([f"**{self.failed:,} failed**"] if self.failed else [])]
        return ", ".join([*parts, *([f"{self.skipped:,} skipped"] if self.skipped else [])])


def python_of(pair: Pair, folder: Path) -> Path:
    return folder / pair.name / "bin" / "python"


def make(pair: Pair, folder: Path, python: str = sys.executable) -> Path:
    """Make the environment of a pair, or bring one that is there up to date; give its Python."""
    found = python_of(pair, folder)
    if not found.exists():
        _uv("venv", "-q", "--python", python, str(folder / pair.name))
    _uv("pip", "install", "-q", "--python", str(found), "-e", ".[test]", *pair.requirements)
    if pair.ray is None:  # the extra for tests has brought it
        _uv("pip", "uninstall", "-q", "--python", str(found), "ray")
    # A head starts several processes, each of which would compile Ray anew where it may not keep what it compiled.
    subprocess.run([str(found), "-m", "compileall", "-q", "-j", "0", str(found.parents[1] / "lib")], check=False)
    return found


def _uv(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *words], check=True, cwd=ROOT)


def run(python: Path, name: str, report: Path) -> Outcome:
    """Run one set of tests, and once more those that failed; what they print goes beside the report.

    A test that passes only then counts as passed, and is said to be unsteady; the log names it.
    """
    folder, markers, at_once = SETS[name]
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "-o",
        f"cache_dir={report.parent / name}-cache",
        "-m",
        markers,
        folder,
    ]
    report.parent.mkdir(parents=True, exist_ok=True)
    again = report.with_name(f"{name}-again.xml")
    for each in (report, again):
        each.unlink(missing_ok=True)
    began = time.monotonic()
    with report.with_suffix(".log").open("w") as log:
        outcome = _once([*command, "-n", str(at_once), "--dist", "loadfile"], report, log)
        if outcome.failed:
            failed = ["-n", "0", "--last-failed", "--last-failed-no-failures", "none"]
            later = _once([*command, *failed], again, log)
            passed = 0 if later.error else min(later.passed, outcome.failed)
            if passed:
                print(f"Unsteady, passed only when run again: {passed} of {name}, see {log.name}", flush=True)
            outcome = replace(outcome, passed=outcome.passed + passed, failed=outcome.failed - passed)
    return replace(outcome, seconds=round(time.monotonic() - began, 1))


def _once(command: list[str], report: Path, log: TextIO) -> Outcome:
    environment = {**os.environ, "DO_NOT_TRACK": "true"}
    try:
        subprocess.run(
            [*command, f"--junitxml={report}"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Outcome(error=f"over {SECONDS:.0f} s")
    if not report.exists():
        return Outcome(error=f"pytest left no report, see {report.with_suffix('.log').name}")
    return counted(report, 0.0)


def counted(report: Path, seconds: float) -> Outcome:
    """What a report in JUnit's form says."""
    numbers = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        for key in numbers:
            numbers[key] += int(suite.get(key, "0"))
    failed = numbers["failures"] + numbers["errors"]
    passed = numbers["tests"] - failed - numbers["skipped"]
    return Outcome(passed, failed, numbers["skipped"], round(seconds, 1))


def keep(pair: Pair, outcomes: dict[str, Outcome], folder: Path = FOLDER) -> None:
    """Keep what came of a pair, beside what is known of its other sets of tests."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pair.name}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, **{name: asdict(each) for name, each in outcomes.items()}}, indent=1))


def kept(pair: Pair, folder: Path = FOLDER) -> dict[str, Outcome]:
    """What :func:`keep` kept of a pair."""
    path = folder / f"{pair.name}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return {name: Outcome(**each) for name, each in found.items()}
