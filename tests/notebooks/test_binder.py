"""What Binder does with the repository, without Docker: its build, and the notebooks within its limits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import confined

ROOT = Path(__file__).resolve().parent.parent.parent
BINDER = ROOT / "binder"


def shown(document: Any) -> str:
    """All outputs as text."""
    return json.dumps([cell.get("outputs", []) for cell in document["cells"]], ensure_ascii=False)


@pytest.mark.cluster
@pytest.mark.timeout(500)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["quickstart", "autoscaling"])
def test_a_notebook_within_binders_limits(name: str, artifacts: Path) -> None:
    if reason := confined.why_not():
        pytest.skip(
            reason
        )  # a limit on all processes together takes Linux and root; without it nothing would be tested
    figures, document = confined.run_confined(name)
    print(f"{name}: peak {figures['peak'] / 2**20:.0f} MiB, {figures['seconds']:.0f} s")
    (artifacts / f"binder-{name}.json").write_text(json.dumps(figures))
    assert figures["killed"] == 0
    assert figures["peak"] < confined.LIMIT_BYTES
    text = shown(document)
    assert "kept in files" in text, "shared memory is small, and that is said"
    assert re.search(r"workers [12] → 2", text), "the cluster grew"


def test_the_badge_opens_the_quickstart() -> None:
    [link] = re.findall(r"\(https://mybinder\.org/v2/gh/[\w.-]+/daftnb/HEAD\?(\S+)\)", (ROOT / "README.md").read_text())
    assert link == "labpath=notebooks%2Fquickstart.ipynb"
    assert (ROOT / "notebooks" / "quickstart.ipynb").is_file()


def test_its_scripts_are_sound() -> None:
    assert os.access(BINDER / "postBuild", os.X_OK)
    subprocess.run(["bash", "-n", BINDER / "postBuild"], check=True)
    assert re.fullmatch(r"python-3\.\d+", (BINDER / "runtime.txt").read_text().strip())


@pytest.mark.slow  # it installs all of JupyterLab once more
@pytest.mark.packaging
@pytest.mark.timeout(600)
def test_its_steps_in_a_fresh_environment(tmp_path: Path) -> None:
    """What repo2docker makes of the folder, and the same steps without Docker: the repository as committed."""
    tool = tmp_path / "tool"
    venv.create(tool, with_pip=True)
    subprocess.run([tool / "bin" / "pip", "install", "-q", "jupyter-repo2docker"], check=True)
    source = tmp_path / "repo"
    source.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
    rendered = subprocess.run(
        [tool / "bin" / "repo2docker", "--no-build", "--debug", source], capture_output=True, text=True
    )
    dockerfile = rendered.stdout + rendered.stderr
    assert rendered.returncode == 0, dockerfile[-2000:]
    assert re.search(r"RUN \./binder/postBuild|binder/postBuild", dockerfile)
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    environment = {**os.environ, "PIP_NO_COMPILE": "1", "PATH": f"{fresh / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["./binder/postBuild"], cwd=source, env=environment, check=True, timeout=500)
    check = "import daftnb, ipykernel, jupyterlab, skimage"
    subprocess.run([fresh / "bin" / "python", "-c", check], cwd=tmp_path, env=environment, check=True)
    assert (fresh / "bin" / "tpchgen-cli").exists()
