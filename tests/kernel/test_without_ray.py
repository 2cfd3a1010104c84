"""Without Ray: what needs Daft's native runner alone works, and what needs Ray says what to install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Ray cannot be found in this process, nor can its metadata: as where it is not installed.
HIDDEN = """
import importlib.metadata, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from_name = importlib.metadata.Distribution.from_name

def without_ray(name):
    if name == "ray":
        raise importlib.metadata.PackageNotFoundError(name)
    return from_name(name)

importlib.metadata.Distribution.from_name = without_ray
"""
WORK = """
import json, os
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
import daft

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "daftnb")
import daftnb

found = {}
frame = daft.from_pydict({"a": list(range(100)), "g": [number % 3 for number in range(100)]})
shell.user_ns["frame"] = frame
found["query"] = frame.where(daft.col("a") >= 98).to_pydict()["a"]
found["sums"] = sorted(frame.groupby("g").agg(daft.col("a").sum()).to_pydict()["a"])
shell.run_cell_magic("daft", "sql --as totals", "SELECT sum(a) AS s FROM frame WHERE a > {97}")
found["sql"] = shell.user_ns["totals"].to_pydict()
found["preview"] = "first 8 of 100 rows" in str(daftnb.preview(frame.collect()))
found["plan"] = "Plan" in str(daftnb.plan(frame.where(daft.col("a") > 1))) or len(str(daftnb.plan(frame))) > 20
found["cockpit"] = len(str(daftnb.cockpit())) > 100
session = daftnb.get_session()
row = session.snapshot()["queries"]["1"]
found["watched"] = [row["runner"], row["state"], row["rows"]]
path = Path("run.arrow")
shell.run_line_magic("daft", f"save {path} --query 1")
recording = daftnb.open_recording(str(path))
found["replay"] = recording.snapshot(recording.end)["query"]["state"]
found["history"] = len(daftnb.history()) >= 3
found["problems"] = list(session.snapshot()["session"]["problems"].values())
found["off"] = dict(session.off)
found["status"] = os.path.exists(path)
shell.run_line_magic("unload_ext", "daftnb")
import sys
found["ray"] = [name for name in sys.modules if name.partition(".")[0] == "ray"]
print("FOUND " + json.dumps(found))
"""
NEEDS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "daftnb")
for line in ("start", "connect", "connect ray://127.0.0.1:1", "jobs", "env --kuberay"):
    shell.run_cell(f"%daft {line}")
shell.run_cell("%%daft job\\nprint(1)")
"""
ONE_LINE = 'daftnb: Ray is not installed in this environment. Try: pip install "daftnb[ray]" and restart the kernel.'


def run(source: str, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DAFT_"))}
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN + source],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_all_that_the_native_runner_is_enough_for(tmp_path: Path) -> None:
    [line] = [line for line in run(WORK, tmp_path).splitlines() if line.startswith("FOUND ")]
    assert json.loads(line.removeprefix("FOUND ")) == {
        "query": [98, 99],
        "sums": [1617, 1650, 1683],
        "sql": {"s": [98 + 99]},
        "preview": True,
        "plan": True,
        "cockpit": True,
        "watched": ["native", "finished", 2],
        "replay": "finished",
        "history": True,
        "problems": [],
        "off": {},
        "status": True,
        "ray": [],
    }


@pytest.mark.timeout(180)
def test_what_needs_ray_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    lines = [line for line in run(NEEDS, tmp_path).splitlines() if line.strip()]
    assert lines == [ONE_LINE] * 6
