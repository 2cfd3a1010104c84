"""Progress as text: the line on a terminal, in a script and in IPython's; real queries on real terminals (ptys)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.cells.terminal import TerminalLine, progress_text
from daftnb.telemetry import events as e
from daftnb.text.width import columns, cut
from tests.conftest import ROOT
from tests.helpers import scaling
from tests.helpers.fakesession import FakeSession, native
from tests.helpers.shell import line as line_frame
from tests.helpers.terminals import Screen, Terminal, screen

# -- the text ---------------------------------------------------------------------------------------------------------


def on_ray(**changes: Any) -> Any:
    snapshot = scaling.snapshot(over=False)
    return {**snapshot, "query": {**snapshot["query"], **changes}}


@pytest.mark.parametrize(
    ("most", "text"),
    [
        (120, "Query 7 (orders) running: 20/114 tasks, 1.50 k rows, 4 workers, ratio 6/1.25, 12.5 s"),
        (80, "Query 7 (orders) running: 20/114 tasks, 4 workers, ratio 6/1.25, 12.5 s"),
        (70, "Query 7 (orders) running: 20/114 tasks, ratio 6/1.25, 12.5 s"),
        (50, "Query 7 (orders) running: 20/114 tasks, 12.5 s"),
        (45, "Query 7 (orders) running: 12.5 s"),
        (31, "Query 7 (orders) running"),
        (12, "Query 7 (..."),
        (2, ".."),
        (0, ""),
    ],
)
def test_as_much_of_it_as_the_terminal_is_wide(most: int, text: str) -> None:
    snapshot = on_ray(name="orders", elapsed=12.5, rows=1500)
    snapshot["query"]["tasks"] = {**snapshot["query"]["tasks"], "finished": 20, "submitted": 114}
    snapshot["workers"] = {**snapshot["workers"], "total": 4}
    snapshot["backlog"] = {**snapshot["backlog"], "ratio": 6.0, "threshold": 1.25}
    assert progress_text(snapshot, most) == text


def test_what_is_not_known_is_not_said() -> None:
    snapshot = on_ray(name=None, elapsed=61.0, rows=None, tasks=None)
    snapshot["workers"] = {**snapshot["workers"], "total": 1}
    snapshot["backlog"] = {**snapshot["backlog"], "ratio": None}
    assert progress_text(snapshot, 100) == "Query 7 running: 1 worker, 1 min 01 s"
    native_frame = line_frame("native")
    native_frame["query"] |= {"elapsed": 2.0}
    assert progress_text(native_frame, 100) == "Query 7 running: 2/3 operators, 1.20 M rows, 2.00 s"


@given(st.text(), st.integers(0, 200))
def test_it_is_never_wider_and_never_two_lines(name: str, most: int) -> None:
    text = progress_text(on_ray(name=name, rows=10**9), most)
    assert columns(text) <= most
    assert text.isprintable() or not text


@given(st.text(), st.integers(0, 50))
def test_a_text_is_cut_to_the_columns_there_are(text: str, most: int) -> None:
    short = cut(text, most)
    assert columns(short) <= most
    assert short == text if columns(text) <= most else short.endswith("..."[:most])


# -- when it stands there ---------------------------------------------------------------------------------------------


def on_screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Standard error is a terminal. (Not in a fixture: pytest has its own in each phase of a test.)"""
    made = Screen()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.delenv("DAFT_PROGRESS_BAR", raising=False)
    return made


@pytest.fixture
def told() -> Iterator[tuple[FakeSession, TerminalLine, list[float]]]:
    session: Any = FakeSession()
    clock = [0.0]
    line = session.terminal = TerminalLine(session, lambda: clock[0])
    yield session, line, clock
    line.switch(False)
    session.monitor.stop()


def test_it_comes_after_a_second_about_twice_a_second_and_goes_with_the_query(
    told: tuple[Any, TerminalLine, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_screen(monkeypatch)
    session, line, clock = told

    def look(now: float) -> None:
        session.now, clock[0] = 100.0 + now, now
        session.monitor.tick()

    line.switch(True)
    assert os.environ["DAFT_PROGRESS_BAR"] == "0", "one line, not two"
    assert not line.looking
    session.tell(*native(1, 100.0, None))
    look(0.9)
    assert shown.getvalue() == ""
    look(1.1)
    assert shown.shows == "Query 1 running: 1/3 operators, 10 rows, 1.10 s"
    look(1.3)
    assert "1.30 s" not in shown.getvalue()
    look(1.7)
    assert shown.shows.endswith(" 1.70 s")
    before = shown.getvalue()
    session.tell(e.QueryFinished(101.8, "q1", "finished"))
    line.ended("q1")
    assert shown.shows == ""
    after = shown.getvalue()
    assert after == before + "\r" + " " * len("Query 1 running: 1/3 operators, 10 rows, 1.70 s ") + "\r"
    look(2.5)
    look(3.5)
    assert shown.getvalue() == after
    line.switch(False)
    assert "DAFT_PROGRESS_BAR" not in os.environ
    assert session.monitor.listeners == []


def test_a_frame_that_is_late_does_not_bring_it_back(
    told: tuple[Any, TerminalLine, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_screen(monkeypatch)
    session, line, clock = told
    line.switch(True)
    session.tell(*native(1, 100.0, None), *native(2, 101.0, None))
    session.now = 103.0
    late = session.snapshot()
    line.publish(late)
    assert shown.shows.startswith("Query 2 running")
    line.ended("q2")
    clock[0] = 1.0
    line.publish(late)
    assert shown.shows.startswith("Query 1 running"), "another one still runs"
    line.ended("q1")
    line.publish(late)
    assert shown.shows == ""


def test_the_prompt_has_the_terminal_between_cells(
    told: tuple[Any, TerminalLine, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_screen(monkeypatch)
    session, line, clock = told
    line.switch(True)
    line.begin()
    line.begin()  # a cell that another one runs
    session.tell(*native(1, 100.0, None))
    session.now = 102.0
    line.end()
    session.monitor.tick()
    assert shown.shows.startswith("Query 1 running")
    line.end()
    said, prompt = screen(shown.getvalue())
    assert said == "Query 1 (q1) on Daft's native runner was running at 00:01:42 UTC, after 2.00 s."
    assert prompt == ""
    clock[0] = 5.0
    assert not line.looking, "a query of another thread runs on"
    session.monitor.tick()
    line.begin()
    session.monitor.tick()
    assert shown.shows.startswith("Query 1 running")
    line.told([1])
    line.end()
    assert len(screen(shown.getvalue())) == 2, "it was told already"


def test_without_a_terminal_nothing_is_written(
    told: tuple[Any, TerminalLine, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, line, _ = told
    on_screen(monkeypatch)
    for stream in (None, io.StringIO(), closed()):
        monkeypatch.setattr(sys, "stderr", stream)
        line.switch(True)
        assert "DAFT_PROGRESS_BAR" not in os.environ, "Daft's own bars are Daft's to show"
        session.tell(*native(1, 100.0, None))
        session.now = 102.0
        assert not line.looking
        line.publish(session.snapshot())
        line.ended("q1")
        line.switch(False)
        assert not isinstance(stream, io.StringIO) or stream.closed or stream.getvalue() == ""


def closed() -> io.StringIO:
    stream = Screen()
    stream.close()
    return stream


# -- a script ---------------------------------------------------------------------------------------------------------

SCRIPT = """
import threading, time
import daft, daftnb
@daft.func
def slow(x: int) -> int:
    time.sleep(0.5)
    return x
df = daft.from_pydict({"a": list(range(5))})
with daftnb.watch("größe 大小"):
    df.select(slow(df["a"])).collect()
    print("here we are")
print([thread.name for thread in threading.enumerate() if "daftnb" in thread.name])
daftnb.auto()
df.select(slow(df["a"])).collect()
print("and here")
with daftnb.watch(quiet=True):
    df.select(slow(df["a"])).collect()
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "script.py"
    path.write_text(SCRIPT)
    return path


def test_a_script_on_a_terminal_has_a_line_while_a_query_runs(script: Path) -> None:
    there = Terminal([str(script)], script.parent, columns=60)
    assert there.end() == 0, there.text
    pieces = [piece for piece in there.raw.replace("\r\n", "\n").split("\r") if piece.startswith("Query")]
    lines = [piece.partition("\n")[0].rstrip() for piece in pieces]
    named = [line for line in lines if line.startswith("Query 1 (größe 大小) running: ") and line.endswith(" s")]
    assert len(named) >= 2, there.raw
    assert all("operators" in line for line in named)
    assert max(columns(line) for line in lines) < 60
    assert any(line.startswith("Query 2 running: ") for line in lines), "daftnb.auto has it for all of them"
    assert "Query 3" not in there.text, "quiet"
    left = [line for line in screen(there.raw) if line and not line.startswith("Daft Query ID")]
    assert left[0] == "here we are", "what is printed after a query has the line's place"
    assert left[1].startswith("Query 1 (größe 大小) on Daft's native runner finished after ")
    assert left[2:] == ["['daftnb-monitor']", "and here"]
    at = [t for t, piece in there.times if "\rQuery 1" in piece]
    assert 0.3 < at[1] - at[0] < 5.0


def test_a_script_without_a_terminal_says_what_it_said(script: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["here we are", "['daftnb-monitor']", "and here"]
    ours = [line for line in done.stderr.splitlines() if "Query" in line and not line.startswith("Daft Query ID")]
    assert len(ours) == 1
    assert ours[0].startswith("Query 1 (größe 大小) on Daft's native runner finished after")
    assert "\r" not in done.stderr


INTERRUPTED = """
import os, signal, sys, threading, time
import daft, daftnb
@daft.func
def slow(x: int) -> int:
    sys.modules["__main__"].began.set()  # by name: Daft pickles what a function refers to
    time.sleep(0.3)
    return x
df = daft.from_pydict({"a": list(range(100))})
began = threading.Event()
def interrupt():  # not while Daft is still planning the query, which ends the process
    began.wait()
    time.sleep(2.0)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    with daftnb.watch():
        df.select(slow(df["a"])).collect()
except KeyboardInterrupt:
    print("here we are", flush=True)
    os._exit(3)  # Daft's own threads are not made for an interpreter that ends while they run
"""


def test_an_interrupt_leaves_no_line(tmp_path: Path) -> None:
    there = Terminal(["-c", INTERRUPTED], tmp_path)
    assert there.end() == 3
    assert "\rQuery 1 running: " in there.raw
    left = screen(there.raw)
    assert left[-3].startswith("Query 1 (") and " cancelled after " in left[-3], left
    assert left[-2:] == ["here we are", ""]


# -- IPython's terminal -----------------------------------------------------------------------------------------------


def test_ipythons_terminal(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time, daft\n@daft.func\ndef slow(x: int) -> int:\n    time.sleep(0.5)\n    return x\n"
        "df = daft.from_pydict({'a': list(range(5))})\nslowly = df.select(slow(df['a']))\n"
    )
    there = Terminal(
        ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor"], tmp_path, 120,
        {"IPYTHONDIR": str(tmp_path / "ipython"), "PROMPT_TOOLKIT_NO_CPR": "1"},
    )  # fmt: skip
    at = 0

    def run(keys: str, number: int) -> str:
        """What is written until the next prompt."""
        nonlocal at
        start = at
        there.type(keys + "\r")
        at = there.await_text(f"In [{number + 1}]:", at)
        return there.text[start:at]

    try:
        at = there.await_text("In [1]:")
        run("%load_ext daftnb", 1)
        run("from slow import *", 2)
        said = run("_ = slowly.collect()", 3)
        assert "\rQuery 1 running: 0/2 operators" in said
        assert "Query 1 (" in said and ") on Daft's native runner finished after " in said
        assert "Query 1 (" in run("%daft", 4), "the cockpit as text"
        said = run("%daft help", 5)
        assert "Where queries run" in said and "%daft doctor" in said and "%%daft sql" in said
        there.type("%daft stat\t")
        at = there.await_text("%daft status", at)
        assert "runner    native" in run("", 6)
        assert "daftnb: %daft has no verb 'stauts'. Try %daft status\r\n" in run("%daft stauts", 7)
        assert "no line shows while a query runs" in run("%daft auto off", 8)
        said = run("_ = df.select(slow(df['a']) + 1).collect()", 9)
        assert "Query 2" not in said, "no line, and the cockpit above is not printed again"
        assert "finished after" in run("%daft history", 10)
        assert "Traceback" not in there.text
        assert "Exception" not in there.text
        there.type("exit\r")
    finally:
        status = there.end(30)
    assert status == 0
