"""The command line's verbs for files of recordings."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from daftnb import cli
from daftnb.export.page import MARK
from daftnb.recordings import Recording
from tests.helpers import story
from tests.helpers.recorded import recorded


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A file of a recording."""
    path = tmp_path / "run.arrow"
    Recording([recorded(story.events()).reel(1)], "this session").save(path)
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not found.append(url))
    return found


def test_view_writes_the_page_beside_the_recording_and_opens_it(
    run: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    page = run.with_suffix(".html")
    for _ in range(2):  # the second time it replaces its own
        assert cli.main(["view", str(run)]) == 0
        assert capsys.readouterr().out == f"{page}\n"
    assert opened == [page.as_uri()] * 2
    assert page.read_text().startswith(MARK)


def test_view_leaves_another_file_as_it_is(run: Path, opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    page = run.with_suffix(".html")
    page.write_text("mine")
    assert cli.main(["view", str(run)]) == 0
    said, written = capsys.readouterr().out.splitlines()
    assert said == f"{page} is another file, and stays. So the page is in a temporary folder:"
    assert page.read_text() == "mine"
    assert opened == [Path(written).as_uri()] and Path(written).read_text().startswith(MARK)


def test_view_writes_where_it_is_told_and_opens_nothing(
    run: Path, opened: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "there.html"
    assert cli.main(["view", str(run), "--output", str(page), "--no-open"]) == 0
    assert (capsys.readouterr().out, opened) == (f"{page}\n", [])
    assert page.read_text().startswith(MARK) and not run.with_suffix(".html").exists()


def test_view_says_where_the_page_is_without_a_browser(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert cli.main(["view", str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "No browser can be opened here: open that file in one."


@pytest.mark.parametrize("wrong", ["absent.arrow", "broken.arrow", "newer.txt"])
def test_what_is_no_recording_is_said_in_one_line(
    wrong: str, tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / wrong
    if wrong != "absent.arrow":
        path.write_bytes(b"ARROW1 and then nothing" if wrong == "broken.arrow" else b"something else")
    assert cli.main(["view", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and opened == [] and str(path) in said.err and len(said.err.splitlines()) == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ([] if wrong == "absent.arrow" else [wrong])


def test_export_writes_beside_the_recording_and_over_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = run.parent / "run.trace.json"
    assert cli.main(["export", str(run), "--to", "trace"]) == 0
    held = trace.read_bytes()
    assert capsys.readouterr().out == f"{trace}: {len(held):,} bytes\n" and held.startswith(b'{"traceEvents":[')
    assert cli.main(["export", str(run), "--to", "trace"]) == 1
    assert capsys.readouterr().err.startswith(f"daftnb: {trace} is there already.")
    assert cli.main(["export", str(run), "--to", "trace", "--output", str(trace)]) == 0
    assert trace.read_bytes() == held
    assert cli.main(["export", str(run), "--to", "html", "--output", str(run.parent / "absent" / "x")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
