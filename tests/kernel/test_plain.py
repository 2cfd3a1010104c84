"""Printing where not every character can be printed: in IPython's terminal, in a script, by the command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daftnb.text.plain import plainly, printable, say


class Output(io.TextIOWrapper):
    """Standard output of an encoding."""

    def __init__(self, encoding: str, errors: str = "strict") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, errors=errors)


SIGNS = "1.25 ÷ 2 · … ✓ → ä ╭──┬╮│ 数 \ud800"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("ascii", "1.25 / 2 - ... ? -> ? +--++| ? ?"),
        ("latin-1", "1.25 ÷ 2 · ... ? -> ä +--++| ? ?"),
        ("cp437", "1.25 ÷ 2 · ... ? -> ä +──┬+│ ? ?"),
        ("utf-8", "1.25 ÷ 2 · … ✓ → ä ╭──┬╮│ 数 ?"),
    ],
)
def test_signs_that_an_encoding_lacks(encoding: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(encoding)
    monkeypatch.setattr(sys, "stdout", output)
    assert printable(SIGNS) == text
    say(SIGNS)
    with plainly():
        print(SIGNS)
    with pytest.raises(UnicodeEncodeError):
        print(SIGNS, flush=True)  # what is not ours is as it was
    assert output.bytes.getvalue().decode(encoding).splitlines()[:2] == [text, text]


@pytest.mark.parametrize("stdout", [None, object()])
def test_there_may_be_no_output_at_all(stdout: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stdout)
    with plainly():
        assert printable(SIGNS) == SIGNS


def test_an_output_that_is_closed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output("ascii")
    monkeypatch.setattr(sys, "stdout", output)
    with plainly():
        output.close()


TERMINAL = """%load_ext daftnb
import daft, daftnb
%daft native
%daft set threshold=2
%daft settings
_ = daft.from_pydict({"ä·…": [1, 2], "b": ["…", "数"]}).sort("b").collect()
%daft status
%daft history
%daft plan
%daft decisions
%daft help
%daft doctor
%daft set threshold=½
%daft save a.arrow
%daft open a.arrow
%daft save ü\N{HORIZONTAL ELLIPSIS}/x.arrow
daftnb.recording()
daftnb.compare(1, 1)
daftnb.cockpit()
%daft preview daft.from_pydict({"ä·…": ["…"]})
exit

"""
SCRIPT = """
import daft, daftnb
daft.set_runner_native()
with daftnb.watch("nä·me", threshold=2):
    df = daft.from_pydict({"ä·…": [1, 2]}).sort("ä·…").collect()
for view in (daftnb.cockpit(), daftnb.plan(df), daftnb.recording(), daftnb.preview(df), daftnb.controls()):
    print(view)
daftnb.cockpit().show()
print("done")
"""


@pytest.mark.parametrize(
    "how", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}]
)
def test_in_ipythons_terminal_and_in_a_script(how: dict[str, str], tmp_path: Path) -> None:
    bare = {name: text for name, text in os.environ.items() if not name.startswith(("DAFT_", "LC_", "LANG"))}
    environment = {**bare, **how, "DO_NOT_TRACK": "true", "IPYTHONDIR": str(tmp_path / "ipython")}
    # IPython reads a terminal's lines as they are encoded there.
    lines = "".join(c if ord(c) < 128 else "?" for c in TERMINAL) if "LC_ALL" in how else TERMINAL
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner"],
        input=lines.encode("ascii", "backslashreplace"), env=environment, cwd=tmp_path, capture_output=True,
        timeout=240,
    )  # fmt: skip
    said = (done.stdout + done.stderr).decode("ascii")
    assert "Traceback" not in said
    assert "UnicodeEncodeError" not in said
    assert "threshold" in said
    assert "a.arrow: " in said
    written = tmp_path / "script.py"
    written.write_text(SCRIPT, encoding="utf-8")
    script = subprocess.run(
        [sys.executable, str(written)], env=environment, cwd=tmp_path, capture_output=True, timeout=240
    )
    assert (script.returncode, script.stderr.decode("ascii", "replace").count("Traceback")) == (0, 0), script.stderr
    assert script.stdout.decode("ascii").endswith("done\n")


def test_the_command_on_a_terminal_of_ascii(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "daftnb.cli", "lab", "--folder", "/dev/null/…"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"The notebooks cannot be copied to /dev/null/" in done.stderr
