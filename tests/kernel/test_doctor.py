"""doctor as a whole: nothing raises, the exit status is right, and it works where much is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbclient
import nbformat
import pytest

from daftnb import magics
from daftnb.doctor import engine, jupyter, machine, packages, variables
from daftnb.doctor import report as doctor
from daftnb.doctor.finding import Finding
from daftnb.doctor.html import findings_html
from tests.conftest import ROOT

MIB = 1024**2
SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f900112233445566778899aabbccddeeff"

EACH = [
    Finding("versions", "daft", "ok", "0.7.26"),
    Finding("engine", "<b>x</b>\x1b[31m", "warning", "<script>alert(1)</script>\n\ud800", "a & b"),
    Finding("environment", "RAY_X", "problem", "y" * 1000, "z"),
]


def test_the_table_as_text() -> None:
    assert doctor.doctor_text(EACH[:1]).splitlines() == [
        "Versions",
        "  ✓ ok       daft  0.7.26",
        "",
        "no problems, no warnings; 1 ok",
    ]
    text = doctor.doctor_text(EACH)
    assert "⚠ warning" in text
    assert "✕ problem" in text
    assert "→ a & b" in text
    assert "\x1b" not in text
    assert text.splitlines()[-1] == "1 problem (RAY_X), 1 warning (<b>x</b>�[31m); 1 ok"
    text.encode()


def test_the_table_as_html_is_escaped_and_bounded() -> None:
    html = findings_html(EACH)
    assert "<script" not in html
    assert "<b>x</b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<b>✕ problem</b>" in html
    assert "y" * 401 not in html
    html.encode()


def test_a_check_that_fails_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_anything: object) -> Any:
        raise ZeroDivisionError("no\nsuch luck")

    for module, name in (
        (packages, "versions"), (engine, "names"), (engine, "ray_address"), (engine, "authentication"),
        (engine, "autoscaler"), (machine, "embedded"), (machine, "shared_memory"), (machine, "memory"),
        (machine, "processors"), (machine, "ports"), (machine, "temporary_folder"), (jupyter, "subshells"),
        (jupyter, "extensions"), (jupyter, "settings"), (jupyter, "limits"), (variables, "habits"),
        (variables, "variables"), (doctor, "_bundle"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, broken)
    found = doctor.examine()
    assert {(finding.rank, finding.detail) for finding in found} == {
        ("problem", "this could not be checked: ZeroDivisionError: no such luck")
    }
    assert len(found) == 18


def run_doctor(*arguments: str, python: str | Path = sys.executable, **environment: str) -> Any:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DAFT_"))}
    return subprocess.run(
        [python, "-m", "daftnb.cli", "doctor", *arguments],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_on_the_command_line() -> None:
    done = run_doctor("--json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert {finding["part"] for finding in found} == set(doctor.PARTS)
    assert done.returncode == int(any(finding["rank"] == "problem" for finding in found))
    assert [finding["rank"] for finding in found if finding["name"] == "internals"] == ["ok"]


def test_the_exit_status_tells_of_a_problem_and_the_token_is_not_told() -> None:
    wrong = {"RAY_ADDRESS": "127.0.0.1:1", "DAFT_AUTOSCALING_THRESHOLD": "x", "RAY_AUTH_TOKEN": SECRET}
    done = run_doctor(**wrong)
    assert done.returncode == 1
    assert "✕ problem  Ray's address" in done.stdout
    assert "⚠ warning  DAFT_AUTOSCALING_THRESHOLD" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    ascii_only = run_doctor(PYTHONIOENCODING="ascii", **wrong)
    assert (ascii_only.returncode, ascii_only.stderr) == (1, "")
    assert "? problem  Ray's address" in ascii_only.stdout


def test_in_an_environment_without_ray_and_jupyter(tmp_path: Path) -> None:
    """A real environment that shares the packages of this one, but for those."""
    import sysconfig

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    here = Path(sysconfig.get_path("purelib"))
    there = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
    )  # fmt: skip
    without = (
        "ray",
        "jupyter",
        "ipykernel",
        "notebook",
        "nbclient",
        "nbconvert",
        "_jupyter",
        "_editable",
        "__editable",
    )
    for entry in here.iterdir():
        if not entry.name.lower().startswith(without) and entry.suffix != ".pth":
            (there / entry.name).symlink_to(entry)
    done = run_doctor(python=python)
    assert done.stderr == ""
    assert done.returncode == 0
    assert "✓ ok       ray " in done.stdout
    assert packages.NO_RAY in done.stdout
    assert "none without Ray; pip install 'daftnb[ray]' brings it" in done.stdout
    assert "could not be looked at" not in done.stdout
    assert "Jupyter is not installed in this environment" in done.stdout


def test_in_a_script_the_verb_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    magics.run("doctor", SimpleNamespace(cluster=None, external=None, off={}, lines=None))  # type: ignore[arg-type]
    text = capsys.readouterr().out
    assert text.startswith("Versions\n  ✓ ok       python")
    assert "the page's answer" not in text


def test_in_a_notebook_without_a_page_it_is_static() -> None:
    document = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text) for text in ("%load_ext daftnb\n%daft doctor", "1 + 1")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    client = nbclient.NotebookClient(document, timeout=60, kernel_name="python3")
    client.execute()
    (output,) = document.cells[0].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert "what runs this notebook is not a page" in output.data["text/plain"]
    assert "what runs this notebook is not a page" in output.data["text/html"]
    assert document.cells[1].outputs[0].data["text/plain"] == "2"
