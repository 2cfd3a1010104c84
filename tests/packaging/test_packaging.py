"""The sdist and the wheel: what is in them, and that a wheel made from the sdist needs no Node and is the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]


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
        "daftnb/notebooks/demo.ipynb",
        "daftnb/py.typed",
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
import daftnb, sys
assert daftnb.__file__.startswith(sys.argv[1]), daftnb.__file__
assert "ray" not in sys.modules and "anywidget" not in sys.modules
from daftnb.widgets.loading import built
from daftnb.cli import demo_source
print(len(built("daftnb.js")), len(built("preview.js")), len(built("loader.js")), demo_source())
"""
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    bundle, preview, loader, notebook = done.stdout.split()
    assert int(bundle) <= 200_000
    assert int(preview) <= 150_000
    assert int(loader) <= 3_000
    assert notebook == str(target / "daftnb" / "notebooks" / "demo.ipynb")
