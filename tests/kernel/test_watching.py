"""A watched block: a name, settings for it alone, a line or none; as %%daft in a real kernel, and in a script."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import daftnb
from daftnb import settings
from daftnb.errors import DaftnbError, SettingError

SCRIPT = """
import os, sys
import daft, daftnb
daftnb.get_session()
df = daft.from_pydict({"a": [3, 1, 2]})
df.sort("a").collect()
with daftnb.watch("orders", threshold=2) as watched:
    inside = os.environ["DAFT_AUTOSCALING_THRESHOLD"]
    df.sort("a").collect()
    df.where(df["a"] > 1).collect()
print(inside, "DAFT_AUTOSCALING_THRESHOLD" in os.environ, watched.queries)
print(daftnb.history()["name"].fillna("-").tolist())
with daftnb.watch(quiet=True):
    df.limit(1).collect()
"""


def test_in_a_script_its_queries_are_told_at_its_end() -> None:
    bare = {name: text for name, text in os.environ.items() if not name.startswith("DAFT_AUTOSCALING")}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=bare, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["2.0 False [2, 3]", "['-', 'orders', 'orders']"]
    told = [line for line in done.stderr.splitlines() if line.startswith("Query")]
    assert [line.partition(" finished after ")[0] for line in told] == [
        "Query 2 (orders) on Daft's native runner",
        "Query 3 (orders) on Daft's native runner",
    ]


@pytest.fixture
def session() -> Iterator[Any]:
    from daftnb.session import close_session

    yield daftnb.get_session()
    close_session()


def test_everything_is_put_back_after_an_error_too(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFT_AUTOSCALING_THRESHOLD", "not yet a number")  # whatever it was, it is that again
    monkeypatch.delenv("DAFT_SCHEDULER_LINEAR", raising=False)
    with pytest.raises(KeyboardInterrupt), daftnb.watch("outer", threshold=3, linear=True):
        with pytest.raises(ZeroDivisionError), daftnb.watch("inner", threshold=4):
            assert settings.current().threshold == 4
            assert session.names == ["outer", "inner"]
            settings.set(threshold=9)
            raise ZeroDivisionError
        assert settings.current().threshold == 3
        assert settings.current().linear
        assert session.names == ["outer"]
        raise KeyboardInterrupt
    assert os.environ["DAFT_AUTOSCALING_THRESHOLD"] == "not yet a number"
    assert "DAFT_SCHEDULER_LINEAR" not in os.environ
    assert session.names == []


def test_what_cannot_be_is_told_before_anything_is_set(session: Any, clean_settings: None) -> None:
    with pytest.raises(SettingError):
        daftnb.watch(survivors=2, threshold=0.5)
    with pytest.raises(SettingError, match="There is no setting 'treshold'"):
        daftnb.watch(treshold=2)
    for name in ("", " ", "a\nb", "x" * 61):
        with pytest.raises(DaftnbError, match="A name has 1 to 60 characters"):
            daftnb.watch(name)
    assert settings.current() == settings.AutoscalingSettings()


TERMINAL = """%load_ext daftnb
import os, daft, IPython.core.completer as completer
%daft native
%%daft --set threshold=2 --name orders
daft.from_pydict({"a": [1, 2]}).sort("a").collect()
os.environ["DAFT_AUTOSCALING_THRESHOLD"]


os.environ.get("DAFT_AUTOSCALING_THRESHOLD", "none")
%daft strat
with completer.provisionalcompleter(): print([c.text for c in get_ipython().Completer.completions("%daft sto", 9)])

%daft native
exit
"""


def test_in_ipythons_terminal_the_same_lines_work() -> None:
    bare = {name: text for name, text in os.environ.items() if not name.startswith("DAFT_")}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner"],
        input=TERMINAL, env={**bare, "DO_NOT_TRACK": "true"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Out[4]: '2.0'" in said
    assert "Query 1 (orders) on Daft's native runner finished after" in said
    assert "Out[5]: 'none'" in said
    assert "daftnb: %daft has no verb 'strat'. Try %daft start\n" in said
    assert "['stop']" in said
    assert said.count("queries run on Daft's native runner, in this kernel") == 2  # asked for again, it is so already
    assert "Traceback" not in said


# -- %%daft in a real kernel ------------------------------------------------------------------------------------------

Ran = Callable[[str], tuple[str, list[tuple[str, Any]]]]
SLOW = "df.select(slow(df['a'])).collect()"


@pytest.fixture(scope="module")
def run() -> Iterator[Ran]:
    from jupyter_client.manager import start_new_kernel

    bare = {name: text for name, text in os.environ.items() if not name.startswith("DAFT_")}
    manager, client = start_new_kernel(kernel_name="python3", env={**bare, "DO_NOT_TRACK": "true"})

    def execute(code: str) -> tuple[str, list[tuple[str, Any]]]:
        """The reply's status, and the outputs: kind, and text or data."""
        outputs: list[tuple[str, Any]] = []

        def keep(message: Any) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    outputs.append((content["name"], content["text"]))
                case "execute_result" | "display_data" as kind:
                    outputs.append((kind, content["data"]))
                case "error":
                    outputs.append(("error", content))

        reply = client.execute_interactive(code, timeout=60, output_hook=keep)
        return reply["content"]["status"], outputs

    try:
        status, outputs = execute(
            "%load_ext daftnb\nimport asyncio, os, time, daft\ndf = daft.from_pydict({'a': [1, 2]})\n"
            "@daft.func\ndef slow(x: int) -> int:\n    time.sleep(0.4)\n    return x\n"
            "def threshold():\n    return os.environ.get('DAFT_AUTOSCALING_THRESHOLD')"
        )
        assert status == "ok", outputs
        yield execute
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def result(ran: tuple[str, list[tuple[str, Any]]]) -> str:
    """The text of what the cell's last line gave."""
    status, outputs = ran
    assert status == "ok", outputs
    (data,) = [data for kind, data in outputs if kind == "execute_result"]
    return str(data["text/plain"])


def lines_of(ran: tuple[str, list[tuple[str, Any]]]) -> list[str]:
    """The lines under the cell, as text."""
    status, outputs = ran
    assert status == "ok", outputs
    return [
        data["text/plain"]
        for kind, data in outputs
        if kind == "display_data" and data["text/plain"].startswith("Query")
    ]


def test_a_cell_is_an_ordinary_cell_with_settings_of_its_own(run: Ran) -> None:
    assert result(run("%%daft --set threshold=2 linear=on\ny = 7\nthreshold(), y")) == "('2.0', 7)"
    assert result(run("threshold(), 'DAFT_SCHEDULER_LINEAR' in os.environ, y")) == "(None, False, 7)"
    assert result(run("%%daft --set threshold=2\nawait asyncio.sleep(0, threshold())")) == "'2.0'"
    _, outputs = run("%%daft --set threshold=2\n_ = get_ipython().run_cell('1 + 1')\nthreshold()")
    assert [data["text/plain"] for kind, data in outputs] == ["2", "'2.0'"]  # a cell in it ends nothing
    assert result(run("threshold()or'none'")) == "'none'"


def test_a_cell_that_fails_has_its_traceback_and_all_is_put_back(run: Ran) -> None:
    status, outputs = run("%%daft --set threshold=2\nz = threshold()\nraise ValueError('boom')")
    assert status == "error"
    (error,) = [content for kind, content in outputs if kind == "error"]
    assert (error["ename"], error["evalue"]) == ("ValueError", "boom")
    text = "\n".join(error["traceback"])
    assert "line 3" in text.replace("\x1b[39m", "").replace("\x1b[32m", "")
    assert "site-packages" not in text
    assert "daftnb" not in text
    assert result(run("z, threshold()")) == "('2.0', None)"
    status, outputs = run("%%daft --set threshold=2\nx = (")
    assert (status, outputs[0][1]["ename"]) == ("error", "SyntaxError")
    assert result(run("threshold()or'none'")) == "'none'"


def test_a_slip_in_its_first_line_runs_nothing(run: Ran) -> None:
    status, outputs = run("%%daft --set treshold=2\nran = True")
    assert status == "error"
    assert outputs[-1][1]["traceback"] == ["daftnb: There is no setting 'treshold'. Try %daft set threshold=…"]
    assert result(run("'ran' in globals()")) == "False"
    status, outputs = run("%%daft --help\nran = True")
    assert status == "ok"
    assert "usage: %%daft [--set NAME=VALUE" in outputs[0][1]
    assert result(run("'ran' in globals()")) == "False"


def test_the_line_has_the_name_and_quiet_has_none(run: Ran) -> None:
    (line,) = lines_of(run(f"%%daft --name orders\nd = {SLOW}"))
    assert line.startswith("Query ") and "(orders)" in line
    assert result(run("import daftnb\ndaftnb.history()['name'].iloc[-1]")) == "'orders'"
    assert lines_of(run(f"%%daft --quiet\nd = {SLOW}")) == []
    assert len(lines_of(run(f"d = {SLOW}"))) == 1  # the next cell has its own again
    run("%daft auto off")
    assert lines_of(run(f"d = {SLOW}")) == []
    assert len(lines_of(run(f"%%daft\nd = {SLOW}"))) == 1
    assert lines_of(run(f"d = {SLOW}")) == []
    assert result(run("os.environ.get('DAFT_PROGRESS_BAR', 'bars')")) == "'bars'"
    assert run("%daft auto on")[0] == "ok"


def test_an_interrupt_puts_it_back_too(run: Ran) -> None:
    later = "import signal, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()"
    status, outputs = run(f"%%daft --set threshold=2\n{later}\ntime.sleep(30)")
    assert (status, outputs[-1][1]["ename"]) == ("error", "KeyboardInterrupt")
    assert result(run("threshold()or'none'")) == "'none'"


def test_a_program_may_ask_for_it_too(run: Ran) -> None:
    code = "get_ipython().run_cell_magic('daft', '--set threshold=2', 'w = threshold()')\nw, threshold()"
    assert result(run(code)) == "('2.0', None)"


def test_what_is_set_in_a_cell_by_the_user_stays(run: Ran) -> None:
    assert result(run("%%daft --set threshold=2\n%daft set threshold=5\nthreshold()")) == "'5.0'"
    assert result(run("threshold()")) == "'5.0'"
    assert result(run("%%daft --set threshold=2\nos.environ['DAFT_AUTOSCALING_THRESHOLD'] = '7'\nthreshold()")) == "'7'"
    assert result(run("threshold()")) == "'7'"
    run("%daft reset")
    assert result(run("threshold()or'none'")) == "'none'"


def test_tasks_of_one_cell_have_blocks_of_their_own(run: Ran) -> None:
    code = (
        "import daftnb\n"
        "async def one(name, turns):\n"
        "    with daftnb.watch(name, threshold=turns) as w:\n"
        "        for _ in range(turns): await asyncio.sleep(0)\n"
        "        df.sort('a').collect()\n"
        "    return len(w.queries)\n"
        "await asyncio.gather(one('four', 4), one('two', 2), one('three', 3))"
    )
    assert result(run(code)) == "[1, 1, 1]"
    assert result(run("sorted(daftnb.history()['name'].iloc[-3:])")) == "['four', 'three', 'two']"
    assert result(run("threshold()or'none'")) == "'none'"


def test_unloading_within_a_cell_puts_its_settings_back(run: Ran) -> None:
    status, outputs = run("%%daft --set threshold=2\n%unload_ext daftnb\nprint(threshold())")
    assert (status, [text for kind, text in outputs if kind == "stdout"]) == ("ok", ["2.0\n"])
    assert result(run("threshold()or'none'")) == "'none'"
    assert result(run("import threading\n[t.name for t in threading.enumerate() if 'daftnb' in t.name]")) == "[]"
    assert run("%load_ext daftnb")[0] == "ok"
    assert result(run("%%daft --set threshold=2\nthreshold()")) == "'2.0'"
