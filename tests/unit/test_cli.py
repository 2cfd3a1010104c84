"""The command line: the notebooks are copied where the user can write, and what he has is left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from daftnb import cli


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
