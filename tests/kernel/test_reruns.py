"""The run beside another pair repeats what failed, and only a test that passes then is forgiven, and named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.releases import running

TESTS = """
from pathlib import Path
import pytest

pytestmark = pytest.mark.mine
ONCE = Path(__file__).with_name("once")

def test_good():
    pass

def test_unsteady():
    if not ONCE.exists():
        ONCE.touch()
        raise AssertionError("the first time")

def test_bad():
    raise AssertionError("each time")
"""


def test_only_what_passes_then_is_forgiven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = mine\n")
    monkeypatch.setattr(running, "ROOT", tmp_path)
    monkeypatch.setattr(running, "SETS", {"some": ("some", "mine", 0)})
    outcome = running.run(Path(sys.executable), "some", tmp_path / "out" / "some.xml")
    assert (outcome.passed, outcome.failed, outcome.error) == (2, 1, "")
    assert "Unsteady, passed only when run again: 1 of some" in capsys.readouterr().out
