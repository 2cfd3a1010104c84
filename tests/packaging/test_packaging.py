"""The sdist and the wheel: what is in them, and that a wheel made from the sdist needs no Node and is the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]


ABSENT = """
import sys
class Absent:
    def __init__(self, *names):
        self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    def __enter__(self):
        sys.meta_path.insert(0, self)
    def __exit__(self, *raised):
        sys.meta_path.remove(self)
"""


def contents(wheel: Path) -> dict[str, str]:
    """Name → sha256 of every file of a wheel but its RECORD."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith("RECORD")
        }


def checkout(folder: Path) -> Path:
    """The tracked files as they stand here: no bundle, no node_modules."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    return folder


def build(source: Path, out: Path, kind: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "build", f"--{kind}", "--outdir", out, source], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


def test_wheel_and_sdist(tmp_path: Path) -> None:
    source = checkout(tmp_path / "checkout")
    wheel = build(source, tmp_path / "direct", "wheel")
    names = set(contents(wheel))
    assert {
        "daftnb/static/daftnb.js",
        "daftnb/static/preview.js",
        "daftnb/static/loader.js",
        "daftnb/static/mount.js",
        "daftnb/py.typed",
        *(f"daftnb/notebooks/{notebook.name}" for notebook in (ROOT / "notebooks").glob("*.ipynb")),
    } <= names
    assert not [
        name for name in names if "frontend" in name or "node_modules" in name or name.endswith((".ts", ".tsx"))
    ]
    sdist = build(source, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
        assert {
            "daftnb/static/daftnb.js",
            "daftnb/static/preview.js",
            "daftnb/frontend/src/index.tsx",
            "daftnb/frontend/hatch_build.py",
        } <= inside
        assert not [name for name in inside if "node_modules" in name]
        archive.extractall(tmp_path / "unpacked", filter="data")
    unpacked = next((tmp_path / "unpacked").iterdir())
    # Without any npm: the bundle that the sdist carries is fresh, so none is asked for.
    again = build(unpacked, tmp_path / "again", "wheel")
    assert not (unpacked / "daftnb" / "frontend" / "node_modules").exists()
    assert contents(again) == contents(wheel)


def test_a_wheel_runs_without_its_sources(tmp_path: Path) -> None:
    wheel = build(checkout(tmp_path / "checkout"), tmp_path / "out", "wheel")
    target = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel], check=True)
    script = """
import sys
from daftnb_absent import Absent
with Absent("ray", "IPython", "ipywidgets", "anywidget", "traitlets", "jupyter_client", "ipykernel", "jupyterlab"):
    import daftnb
    import daftnb.cli, daftnb.kuberay, daftnb.settings
assert daftnb.__file__.startswith(sys.argv[1]), daftnb.__file__
assert "ray" not in sys.modules and "anywidget" not in sys.modules
from daftnb.built import built
from daftnb.cli import notebook_sources
print(len(built("daftnb.js")), len(built("preview.js")), len(built("loader.js")), *notebook_sources())
"""
    (tmp_path / "daftnb_absent.py").write_text(ABSENT)
    environment = {**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    bundle, preview, loader, *notebooks = done.stdout.split()
    assert int(bundle) <= 200_000
    assert int(preview) <= 150_000
    assert int(loader) <= 3_000
    assert notebooks == [
        str(target / "daftnb" / "notebooks" / notebook.name)
        for notebook in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]


@pytest.mark.slow
def test_a_wheel_installs_into_an_empty_environment_and_the_sdist_builds_offline(tmp_path: Path) -> None:
    source = checkout(tmp_path / "checkout")
    sdist = build(source, tmp_path / "sdist", "sdist")
    cache = tmp_path / "cache"
    pip = [sys.executable, "-m", "pip"]
    requires = ["hatchling>=1.27"]
    subprocess.run([*pip, "download", "-q", "-d", cache, *requires], check=True)
    offline = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # Nothing is asked of an index: what the build needs is in the cache, the front end in the sdist.
    subprocess.run(
        [*pip, "wheel", "-q", "--no-index", "--find-links", cache, "--no-deps", "-w", tmp_path / "wheels", sdist],
        check=True, env={**offline, "PIP_CONFIG_FILE": os.devnull},
    )  # fmt: skip
    [wheel] = (tmp_path / "wheels").glob("daftnb-*.whl")
    empty = tmp_path / "empty"
    venv.create(empty, with_pip=True)
    subprocess.run([empty / "bin" / "pip", "install", "-q", wheel], check=True)
    script = """
import importlib.metadata as m
import daftnb, daft
about = m.metadata("daftnb")
assert about["License-Expression"] == "MIT" and about["Requires-Python"] == ">=3.10", dict(about)
assert m.files("daftnb") and any(str(f).endswith("py.typed") for f in m.files("daftnb"))
with daftnb.watch("first") as watched:
    print(daft.from_pydict({"a": [3, 1, 2]}).sort("a").to_pydict())
"""
    done = subprocess.run([empty / "bin" / "python", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'a': [1, 2, 3]}\n"
    assert "first" in done.stderr
