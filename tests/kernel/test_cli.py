"""The command line: the notebooks are copied where the user can write, and what he has is left as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daftnb import cli
from daftnb.demo.headless import run_demo
from daftnb.engine.embedded import memory
from tests.helpers.releases import needs_ray


def test_all_notebooks_are_copied_once(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "place"
    copies = cli.notebook_copies(folder)
    assert [copy.name for copy in copies] == [source.name for source in cli.notebook_sources()]
    assert {cli.FIRST, cli.DEMO} <= {copy.name for copy in copies}
    assert all(
        copy.read_bytes() == source.read_bytes() for copy, source in zip(copies, cli.notebook_sources(), strict=True)
    )
    copies[0].write_text("mine")
    copies[1].unlink()
    assert cli.notebook_copies(folder) == copies
    assert copies[0].read_text() == "mine"
    assert copies[1].exists()


def test_lab_opens_on_the_first_and_demo_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Path, str, int, bool]] = []

    def open_lab(root: Path, notebook: str, port: int, browser: bool) -> int:
        opened.append((root, notebook, port, browser))
        return 0

    monkeypatch.setattr(cli, "open_lab", open_lab)
    monkeypatch.setattr(cli, "without_cluster", lambda: None)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", "--port", "9000", "--no-browser"]) == 0
    assert cli.main(["demo", "--folder", "d"]) == 0
    assert opened == [
        (tmp_path / "daftnb-notebooks", "quickstart.ipynb", 9000, False),
        (tmp_path / "d", "demo.ipynb", 8888, True),
    ]
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["demo.ipynb"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["lab", "--folder", str(tmp_path / "file" / "below")]) == 1
    said = capsys.readouterr().err
    assert "cannot be copied" in said
    assert "--folder" in said
    assert "Traceback" not in said


@needs_ray
@pytest.mark.parametrize(
    ("mib", "limited", "said"),
    [
        (500, False, "Ray needs about 970 MiB of free memory for a head and 1 worker; 500 MiB are available."),
        (
            2000,
            True,
            "it needs 2720 MiB of memory for a kernel, a head and four workers, and 2000 MiB are within its limit.",
        ),
        (2800, False, None),
    ],
)
def test_a_machine_that_is_too_small_gets_the_native_demo(
    mib: int, limited: bool, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(memory, "available", lambda: (mib * 1024**2, limited))
    monkeypatch.setattr(cli, "open_lab", lambda _root, notebook, _port, browser: opened.append(notebook) or 0)
    assert cli.main(["demo", "--folder", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    if said is None:
        assert (opened, err) == (["demo.ipynb"], "")
    else:
        assert opened == ["demo-native.ipynb"]
        assert f"the demo's Ray cluster cannot start here: {said}" in err
        assert "native runner instead" in err


def test_the_native_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [notebook] = cli.notebook_copies(tmp_path, cli.NATIVE_DEMO)
    assert run_demo(notebook, on_ray=False) == 0
    assert "yes  every query finished on the native runner" in capsys.readouterr().out
