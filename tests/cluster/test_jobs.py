"""Jobs on a real job server: what was submitted runs on the cluster, is followed, stopped, and found again."""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

import daftnb
from daftnb.engine.embedded.head import RayHead, start_head
from daftnb.engine.jobs import job as jobs
from daftnb.engine.jobs.job import Job
from daftnb.engine.jobs.server import JobError
from tests.cluster.kernels import Kernel
from tests.conftest import await_that, run_async
from tests.helpers.processes import called, listeners, processes_of

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def server() -> Iterator[RayHead]:
    server = start_head()
    yield server
    server.end()


@pytest.fixture(autouse=True)
def shown(server: RayHead, clean_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process shows the server's token, and finds it by Ray's own variable."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(server.token_path))
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", server.address)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)


def said(log: str, word: str) -> Any:
    """What follows ``word`` on its line of a log, as JSON."""
    [line] = [line for line in log.splitlines() if line.startswith(word + " ")]
    return json.loads(line.removeprefix(word + " "))


def ended(job: Job) -> str:
    """How it ended; its log is shown if the test fails."""
    status = job.wait(300)
    print(job, job.logs(), sep="\n")
    return status


QUERY = textwrap.dedent("""
    import ctypes, json, os
    import daft, ray
    daft.set_runner_ray()
    table = daft.from_pydict({"a": [3, 1, 2]}).into_partitions(2).where(daft.col("a") > 1).sort("a")
    print("RESULT", json.dumps(table.to_pydict()))

    def seen(*_actor):
        # What the C library has is what the scheduler reads, being Rust.
        getenv = ctypes.CDLL(None).getenv
        getenv.restype = ctypes.c_char_p
        names = [name for name in os.environ if name.startswith("DAFT_") and "AUTO" in name or "LINEAR" in name]
        return {name: getenv(name.encode()).decode() for name in names}

    from daft.runners.flotilla import get_flotilla_runner_actor_name
    scheduler = ray.get_actor(get_flotilla_runner_actor_name(), namespace="daft")
    print("DRIVER", json.dumps(seen()))
    print("SCHEDULER", json.dumps(ray.get(scheduler.__ray_call__.remote(seen))))
    print("PLACE", json.dumps([os.getcwd(), __name__]))
""")


@pytest.mark.slow
def test_a_cell_queries_on_the_cluster_with_the_settings_set_here(
    server: RayHead, monkeypatch: pytest.MonkeyPatch, artifacts: Path
) -> None:
    monkeypatch.setenv("DAFT_AUTOSCALING_THRESHOLD", "2.5")
    submitted = time.monotonic()
    job = daftnb.submit(QUERY, name="three rows", env={"DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS": "2"})
    accepted = time.monotonic() - submitted
    first = next((line for line in job.lines() if line.startswith("RESULT")), "")
    seconds = {"first job accepted": accepted, "first result": time.monotonic() - submitted}
    assert ended(job) == "SUCCEEDED"
    assert first == 'RESULT {"a": [2, 3]}'
    settings = {
        "DAFT_AUTOSCALING_THRESHOLD": "2.5",
        "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1",
        "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "60",
        "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS": "2",
        "DAFT_SCHEDULER_LINEAR": "0",
    }
    assert said(job.logs(), "DRIVER") == settings
    assert said(job.logs(), "SCHEDULER") == settings
    folder, name = said(job.logs(), "PLACE")
    assert name == "__main__"
    assert folder.startswith(os.path.realpath(server.folder)), "the job ran in a folder that is not its own"
    assert job.message == "Job finished successfully."
    assert repr(job).startswith(f"<job {job.id} 'three rows': SUCCEEDED, ")
    assert (job.failure, job.check(), job.stop()) == (None, "SUCCEEDED", "SUCCEEDED")

    submitted = time.monotonic()
    job = daftnb.submit("print('hello')")
    seconds["second job accepted"] = time.monotonic() - submitted
    assert "hello" in job.lines()
    seconds["second job's first line"] = time.monotonic() - submitted
    (artifacts / "jobs.json").write_text(json.dumps(seconds, indent=1))


def test_the_job_server_is_on_loopback_alone(server: RayHead) -> None:
    def whole() -> list[psutil.Process]:
        # The server answers before Ray has started the head's own raylet.
        owned = processes_of(str(server.folder))
        return owned if "raylet" in [process.name() for process in owned] else []

    await_that(whole, "the head's raylet", 60)
    assert listeners(whole()) == {"127.0.0.1"}


CONCURRENCY = textwrap.dedent("""
    import time
    import daft
    daft.set_runner_ray()

    @daft.func
    def slow(a: int) -> str:
        begun = time.time()
        time.sleep(0.6)
        return f"{begun} {time.time()}"

    table = daft.from_pydict({"a": [1, 2, 3, 4]}).into_partitions(4).with_column("t", slow(daft.col("a")))
    spans = sorted(tuple(map(float, t.split())) for t in table.to_pydict()["t"])
    print("OVERLAPS", sum(after[0] < before[1] for before, after in zip(spans, spans[1:])))
""")


@pytest.mark.slow
def test_the_schedulers_behaviour_in_a_job_is_the_settings(server: RayHead) -> None:
    default = daftnb.submit(CONCURRENCY)
    assert ended(default) == "SUCCEEDED"
    linear = daftnb.submit(CONCURRENCY, env={"DAFT_SCHEDULER_LINEAR": "1"})
    assert ended(linear) == "SUCCEEDED"
    assert said(default.logs(), "OVERLAPS") > 0
    assert said(linear.logs(), "OVERLAPS") == 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "rows.csv").write_text("a\n1\n2\n")
    (project / "neighbour.py").write_text("def name():\n    return 'from the neighbour'\n")
    (project / "big.bin").write_bytes(b"0" * 1000)
    (project / ".rayignore").write_text("*.bin\n")
    (project / "main.py").write_text(
        textwrap.dedent("""
            import json, pathlib
            import daft, neighbour
            daft.set_runner_ray()
            print("ROWS", json.dumps(daft.read_csv(str(pathlib.Path("rows.csv").absolute())).to_pydict()))
            print("NEIGHBOUR", json.dumps(neighbour.name()))
            print("FILES", json.dumps(sorted(path.name for path in pathlib.Path(__file__).parent.iterdir())))
        """)
    )
    return project


@pytest.mark.slow
def test_a_script_runs_in_its_working_directory(
    server: RayHead, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    job = daftnb.submit(project / "main.py", working_dir=project)
    assert ended(job) == "SUCCEEDED"
    assert said(job.logs(), "ROWS") == {"a": [1, 2]}
    assert said(job.logs(), "NEIGHBOUR") == "from the neighbour"
    assert [name for name in said(job.logs(), "FILES") if name[0] not in "._"] == [
        "main.py",
        "neighbour.py",
        "rows.csv",
    ]
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_a_cell_runs_in_a_working_directory_that_stays_as_it_is(server: RayHead, project: Path) -> None:
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    source = textwrap.dedent("""
        import json, neighbour
        print("ROWS", json.dumps(open("rows.csv").read()))
        print("NEIGHBOUR", json.dumps(neighbour.name()))
    """)
    # Excluding sources from the folder must not exclude the source itself.
    job = daftnb.submit(source, working_dir=str(project), runtime_env={"excludes": ["main.py", "daftnb_job*", "cell*"]})
    assert ended(job) == "SUCCEEDED"
    assert said(job.logs(), "ROWS") == "a\n1\n2\n"
    assert said(job.logs(), "NEIGHBOUR") == "from the neighbour"
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


WAITING = textwrap.dedent("""
    import os, sys, time
    print("one")
    print("two, without an end", end="", flush=True)
    while not os.path.exists({flag!r}):
        time.sleep(0.05)
    print(" and its end")
    sys.stdout.buffer.write({tail!r})
""")


def test_lines_come_while_it_runs_also_in_a_running_event_loop(server: RayHead, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    job = daftnb.submit(WAITING.format(flag=str(flag), tail=b"last"))

    async def in_a_notebook() -> list[str]:
        lines = job.lines()
        begun = next(line for line in lines if line == "one")
        assert job.status == "RUNNING"
        flag.touch()
        return [begun, *lines]

    lines = [line for line in run_async(in_a_notebook()) if "entrypoint" not in line]
    assert lines == ["one", "two, without an end and its end", "last"]
    assert job.status == "SUCCEEDED"


@pytest.mark.slow
def test_letting_go_of_the_lines_leaves_no_thread_and_no_harm(server: RayHead, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    job = daftnb.submit(WAITING.format(flag=str(flag), tail=b""))
    lines = job.lines()
    assert next(line for line in lines if line == "one")
    lines.close()  # type: ignore[attr-defined]  # as an interrupt does
    assert "daftnb job log" not in [thread.name for thread in threading.enumerate()]
    assert job.status == "RUNNING"
    flag.touch()
    assert ended(job) == "SUCCEEDED"


def test_a_log_may_hold_anything(server: RayHead, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    odd = b"<b>\xff\xfe</b>\x00\x1b[31m\r\n" + b"x" * 5_000_000 + b"\nend"
    job = daftnb.submit(WAITING.format(flag=str(flag), tail=odd))
    lines = list(job.lines())
    assert "two, without an end and its end" in lines
    assert "<b>\ufffd\ufffd</b>\x00\x1b[31m" in lines
    assert "x" * 5_000_000 in lines
    assert "\n".join(lines) == job.logs()
    assert job.status == "SUCCEEDED"


def test_stop_ends_the_query_and_its_workers(server: RayHead) -> None:
    job = daftnb.submit(
        textwrap.dedent("""
            import time
            import daft
            daft.set_runner_ray()

            @daft.func
            def slow(a: int) -> int:
                print("task", a, flush=True)
                time.sleep(600)
                return a

            daft.from_pydict({"a": [1, 2]}).into_partitions(2).with_column("b", slow(daft.col("a"))).collect()
        """)
    )

    def working() -> list[psutil.Process]:
        return called(str(server.folder), "RaySwordfishActor")

    await_that(working, "a worker of the job", 60)
    assert job.status == "RUNNING"
    assert job.wait(0.5) == "RUNNING"
    assert job.stop() == "STOPPED"
    assert job.message == "Job was intentionally stopped."
    await_that(lambda: not working(), "the job's workers ended with it", 30)


def test_a_job_that_was_just_submitted_can_be_stopped(server: RayHead) -> None:
    assert daftnb.submit("import time; time.sleep(600)").stop() == "STOPPED"


def test_a_failure_has_its_traceback_and_says_what_to_do(server: RayHead, capsys: pytest.CaptureFixture[str]) -> None:
    job = daftnb.submit("def inner():\n    raise ValueError('no such thing')\n\ninner()\n")
    assert job.follow() == "FAILED"
    shown = capsys.readouterr().out
    assert "    raise ValueError('no such thing')\n" in shown, "the traceback shows the cell's own lines"
    assert shown.endswith(
        f"daftnb: {job.id} failed (exit status 1): ValueError: no such thing\n"
        "        print(job.logs()) shows all it printed.\n"
    )
    assert "Traceback (most recent call last)" in job.logs()
    with pytest.raises(JobError, match="ValueError: no such thing"):
        job.check()


def test_without_daft_on_the_cluster(server: RayHead) -> None:
    job = daftnb.submit("import sys\nsys.path = [p for p in sys.path if 'site-packages' not in p]\nimport daft\n")
    assert ended(job) == "FAILED"
    assert job.failure is not None
    assert job.failure.what == f"{job.id} failed (exit status 1): ModuleNotFoundError: No module named 'daft'"
    assert 'pip=["daft==' in job.failure.remedy


def test_a_runtime_environment_that_cannot_be_made(server: RayHead) -> None:
    job = daftnb.submit("print(1)", runtime_env={"working_dir": "gcs://_ray_pkg_absent.zip"})
    assert ended(job) == "FAILED"
    assert job.failure is not None
    assert "did not start, because its runtime environment could not be made: " in job.failure.what
    with pytest.raises(JobError, match="Ray does not take this runtime_env"):
        daftnb.submit("print(1)", runtime_env={"pip": ["a"], "conda": ["b"]})


@pytest.mark.slow
def test_another_kernel_finds_it_again(server: RayHead, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    first = Kernel()
    older = first.run("import daftnb; out = daftnb.submit('print(1)', name='older').id")
    newer = first.run(f"out = daftnb.submit({WAITING.format(flag=str(flag), tail=b'')!r}, name='newer').id")
    first.process.kill()
    first.process.wait()
    second = Kernel()
    try:
        listed = second.run("import daftnb; out = [job.id for job in daftnb.jobs()]")
        assert listed[:2] == [newer, older]
        table = second.run("out = repr(daftnb.jobs())").splitlines()
        assert table[0].split() == ["id", "name", "status", "submitted", "took", "message"]
        assert table[1].split()[:2] == [newer, "newer"]
        second.run(f"from daftnb.engine.jobs.job import find; job = find({newer!r})")
        assert second.run("out = next(line for line in job.lines() if line == 'one')") == "one"
        assert second.run("out = job.status") == "RUNNING"
        flag.touch()
        assert second.run("out = job.wait(60)") == "SUCCEEDED"
    finally:
        second.end()


def test_a_cell_is_a_job_in_a_notebook_and_another_notebook_finds_it(server: RayHead) -> None:
    first, second = Notebook(), Notebook()
    try:
        output = first.run(
            """
            %%daft job --name three
            import daft
            daft.set_runner_ray()
            print("ROWS", daft.from_pydict({"a": [1, 2, 3]}).count_rows(), flush=True)
            """
        )
        assert "ROWS 3" in output.text.splitlines()
        assert re.fullmatch(rf"job (\S+) 'three': SUCCEEDED, \d+ s, at {server.address}", output.status)
        assert output.error is None

        output = first.run("%%daft job --name fails\n\n\nraise ValueError('no such thing')")
        assert ", line 4, in <module>" in output.text, "a traceback has the cell's own lines"
        assert output.error is not None
        assert len(output.error) == 2
        assert "failed (exit status 1): ValueError: no such thing" in output.error[0]
        assert "'fails': FAILED, " in output.status

        source = "%%daft job --name long\nimport time\nprint('begun', flush=True)\ntime.sleep(600)"
        output = first.run(source, interrupt_at="begun")
        assert output.error is not None
        id_ = re.fullmatch(r"daftnb: No longer waiting for (\S+), which keeps running\.", output.error[0])[1]  # type: ignore[index]
        assert output.error[1].strip().startswith(f"%daft job stop {id_} ends it")
        output = first.run("%%daft job --name other --detach\nprint('other')")
        assert output.status == "" and "%daft job stop raysubmit_" in output.text
        first.end()  # and with it the kernel that submitted them

        table = second.run("%daft jobs").text.splitlines()
        assert [row.split()[1] for row in table[:5]] == ["name", "other", "long", "fails", "three"]
        assert table[3].endswith("  ValueError: no such thing")
        assert "'long': RUNNING, " in second.run("%daft job status long").text
        assert "begun\n" in second.run(f"%daft job logs {id_.removeprefix('raysubmit_')[:12]}").text
        assert second.run(f"%daft job stop {id_}").text == f"{id_}: STOPPED\n"
        assert "'long': STOPPED, " in second.run("%daft job status long").text
        assert second.run("%daft job logs other --follow").text.splitlines()[-1] == "other"
        output = second.run("%daft job stop lnog")
        assert output.error == [f"daftnb: There is no job 'lnog' at {server.address}. Did you mean long?"]
    finally:
        first.end()
        second.end()


@dataclass
class Output:
    """What is under a cell: its text, its status line as it is now, and its error's lines."""

    text: str = ""
    status: str = ""
    error: list[str] | None = None


class Notebook:
    """A real kernel, with the extension loaded."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.run("%load_ext daftnb")

    def run(self, source: str, interrupt_at: str = "") -> Output:
        output = Output()

        def seen(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    output.text += content["text"]
                    if interrupt_at and interrupt_at in content["text"]:
                        self.manager.interrupt_kernel()
                case "display_data" | "update_display_data":
                    output.status = content["data"]["text/plain"]
                case "error":
                    output.error = content["traceback"]

        self.client.execute_interactive(textwrap.dedent(source).strip(), output_hook=seen, timeout=100)
        return output

    def end(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("wanted", ["raysubmit_absent", "../version", "", "a b"])
def test_no_such_job(server: RayHead, wanted: str) -> None:
    with pytest.raises(JobError) as caught:
        jobs.find(wanted)
    assert caught.value.what == f"There is no job {wanted!r} at {server.address}."
    assert caught.value.remedy == "daftnb.jobs() lists the jobs."


def test_a_driver_that_connected_by_itself_is_no_job(server: RayHead) -> None:
    kernel = Kernel({"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"})
    try:
        driver = kernel.run(
            f"import ray; ray.init({server.gcs_address!r}); out = ray.get_runtime_context().get_job_id()"
        )
        with pytest.raises(JobError, match=f"{driver} is a driver that connected to the cluster by itself"):
            jobs.find(driver)
        assert None not in [job.id for job in daftnb.jobs()]
        assert driver not in repr(daftnb.jobs())
    finally:
        kernel.end()


def test_a_token_that_is_wrong_or_missing_is_told(
    server: RayHead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("0" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(wrong))
    with pytest.raises(JobError) as caught:
        daftnb.jobs()
    assert caught.value.what == (
        f"The token (RAY_AUTH_TOKEN_PATH, {wrong}) is not the one of the job server at {server.address}."
    )
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH")
    monkeypatch.delenv("RAY_AUTH_MODE")
    with pytest.raises(JobError) as caught:
        daftnb.submit("print(1)")
    assert caught.value.what == f"The job server at {server.address} asks for a token, and this kernel sent none."
    assert '"RAY_AUTH_MODE": "token"' in caught.value.remedy


@pytest.mark.slow
def test_a_server_that_ends_is_told_and_holds_nobody(server: RayHead, tmp_path: Path) -> None:
    """The last one here: it ends the server."""
    job = daftnb.submit(WAITING.format(flag=str(tmp_path / "never"), tail=b""))
    lines = job.lines()
    assert next(line for line in lines if line == "one")
    server.end()
    with pytest.raises(JobError, match="cannot be reached: connection refused"):
        list(lines)
    with pytest.raises(JobError, match="cannot be reached: connection refused"):
        job.stop()
    printed: list[str] = []

    class Printer:
        text = printed.append

    job._repr_pretty_(Printer(), False)
    assert printed[0].startswith(f"<job {job.id}: RUNNING, ")
    assert f"when last seen. The job server at {server.address} cannot be reached" in printed[0]
    assert processes_of(str(server.folder)) == []
