"""What daftnb leaves alone, a user's processes and connections, and what it leaves behind: nothing."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cluster.kernels import QUERY, START, Kernel
from tests.conftest import await_that
from tests.helpers.processes import processes_of
from tests.helpers.strangers import as_another_user

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]


def heads() -> set[int]:
    """The control stores that run on this machine."""
    return {process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "gcs_server"}


ALREADY = """
said = []
for address in ("auto", session.cluster.address, session.cluster.address.replace("127.0.0.1", "localhost"),
                session.cluster.client_address, session.cluster.client_address.replace("127.0.0.1", "localhost")):
    session.connect(address, said.append)
out = said
"""
SHUTDOWN = """
import ray, time
from daftnb.commands.cluster import status_text
lazy = daft.range(10)
ray.shutdown()
out = [status_text(session)]
for _ in range(20):  # as often as the views would ask
    session.snapshot()
    time.sleep(0.05)
try:
    lazy.collect()
except Exception as error:
    out.append(str(error))
out += [status_text(session), ray.is_initialized()]
"""


@pytest.mark.slow
def test_a_cluster_is_private_and_a_users_shutdown_starts_no_other(kernel: Kernel) -> None:
    address, folder, _ = kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}

    # Nobody else reads or replaces what is there, though Ray has opened its own folders to everybody.
    if os.getuid() == 0:
        assert as_another_user(Path(folder)) == []
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    logs = Path(folder) / "session_latest" / "logs"
    assert list(logs.glob("worker*.err")), "Ray's own files are in it"

    # The memory monitor is off on the head, whose raylet has no number, and there alone.
    monitors = {path.name: path.read_text(errors="replace") for path in logs.glob("raylet*.out")}
    assert "ThresholdMemoryMonitor disabled" in monitors.pop("raylet.out")
    assert monitors and all("ThresholdMemoryMonitor initialized" in text for text in monitors.values())

    assert set(kernel.run(ALREADY)) == {f"already connected to Ray at {address}: queries run there"}

    reader = subprocess.Popen(
        ["tail", "-F", f"{folder}/head.log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        before = heads()
        first, refused, second, connected = kernel.run(SHUTDOWN)
        assert heads() == before
        assert connected is False
        assert f"cluster   running at {address}, but this kernel is no longer connected to it" in first
        assert second.splitlines()[:2] == first.splitlines()[:2]
        assert "has ended (ray.shutdown() does that)" in refused

        other, again, said = kernel.run(START)
        assert said[0] == f"ending the cluster at {address}, which this kernel was disconnected from"
        assert (other, again) != (address, folder)
        assert not os.path.exists(folder)
        assert kernel.run(QUERY) == {"a": [2, 3]}
        assert kernel.run("out = session.stop()") is True
        assert processes_of(again) == [] and not os.path.exists(again)
        assert reader.poll() is None, "it is the user's"
    finally:
        reader.kill()
        reader.wait()


TWO_STARTS = """
import threading
import daftnb
from daftnb.engine.embedded.cluster import ClusterSize
session = daftnb.get_session()
outcomes = []

def start():
    try:
        session.start(ClusterSize(1, 1, 1, 30.0), lambda text: None)
        outcomes.append("started")
    except Exception as error:
        outcomes.append(str(error))

threads = [threading.Thread(target=start) for _ in range(2)]
for thread in threads:
    thread.start()
while not outcomes:
    pass
try:
    session.stop()
except Exception as error:
    outcomes.append(str(error))
for thread in threads:
    thread.join()
out = outcomes
"""


@pytest.mark.slow
def test_two_starts_in_two_threads_are_one(kernel: Kernel) -> None:
    way = (
        "A start is already under way in another thread of this kernel. Wait until it is done, then try %daft {} again."
    )
    assert kernel.run(TWO_STARTS) == [way.format("start"), way.format("stop"), "started"]
    assert kernel.run(QUERY) == {"a": [2, 3]}
    assert kernel.run("from daftnb.engine.connection.runner_slot import runner_name\nout = runner_name()") == "ray"
    assert kernel.run("out = session.stop()") is True


INTERRUPTED = """
import os, signal, threading, time
import daftnb
from daftnb.engine.embedded.cluster import ClusterSize
session = daftnb.get_session()
folders = []

def interrupt(text):
    if session.cluster is not None and session.cluster.folder is not None:
        folders.append(str(session.cluster.folder))
    if text.startswith({at!r}):
        threading.Timer({after}, os.kill, (os.getpid(), signal.SIGINT)).start()

try:
    session.start(ClusterSize(1, 1, 1, 30.0), interrupt)
    time.sleep({after} + 5)
    out = "it started"
except KeyboardInterrupt:
    out = folders
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "after"), [("starting", 0.0), ("starting", 1.0), ("starting", 6.0), ("connected", 0.0), ("connected", 1.0)]
)
def test_an_interrupt_in_the_midst_of_a_start_leaves_nothing(kernel: Kernel, at: str, after: float) -> None:
    folders = kernel.run(INTERRUPTED.format(at=at, after=after))
    if folders == "it started":
        pytest.skip("this machine was faster")
    for folder in folders:
        assert processes_of(folder) == [] and not os.path.exists(folder)
    assert kernel.run("import ray; out = [session.cluster is None, ray.is_initialized()]") == [True, False]
    assert kernel.run("import os; out = [n for n in os.environ if n.startswith('RAY_AUTH')]") == []
    kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
@pytest.mark.parametrize("end", ["ends", "is killed"])
def test_the_folder_goes_with_the_kernel_also_where_the_head_ended_by_itself(kernel: Kernel, end: str) -> None:
    _, folder, _ = kernel.run(START)
    next(p for p in processes_of(folder) if p.name() == "gcs_server").kill()
    await_that((Path(folder) / "ended").exists, "the head's end is told", 60)
    if end == "ends":
        kernel.end()
    else:
        kernel.process.kill()
    await_that(lambda: not os.path.exists(folder), "the folder is removed", 30)
    assert processes_of(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tüte", "t" * 80])
def test_a_temporary_folder_that_ray_cannot_use_is_passed_over(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    kernel = Kernel({"TMPDIR": str(tmp_path / name)})
    try:
        _, folder, _ = kernel.run(START)
        assert Path(folder).parent == Path("/tmp")
        assert kernel.run(QUERY) == {"a": [2, 3]}
        assert kernel.run("out = session.stop()") is True
        assert not os.path.exists(folder)
    finally:
        kernel.end()


@pytest.mark.slow
def test_what_a_kernel_and_its_supervisor_left_when_both_were_killed_goes_at_the_next_start(kernel: Kernel) -> None:
    dead = Kernel()
    _, folder, _ = dead.run(START)
    supervisor = next(p for p in processes_of(folder) if "daftnb.engine.embedded.supervisor" in p.cmdline())
    supervisor.suspend()
    dead.process.kill()
    dead.process.wait()
    supervisor.kill()
    assert "gcs_server" in {process.name() for process in processes_of(folder)}, "nobody has ended it"
    kernel.run(START)
    assert not os.path.exists(folder)
    await_that(lambda: processes_of(folder) == [], "its processes have ended", 30)


CRASH = """
import os, threading, time, daft
from daft import col

@daft.func
def crash(x: int) -> int:
    os._exit(1)

outcome = []

def work():
    try:
        daft.from_pydict({"a": [1]}).with_column("b", crash(col("a"))).collect()
    except BaseException as error:
        outcome.append(type(error).__name__)

thread = threading.Thread(target=work)
thread.start()
"""


@pytest.mark.slow
def test_a_task_that_ends_one_worker_after_the_other_is_told_and_can_be_cancelled(kernel: Kernel) -> None:
    kernel.run(START)
    kernel.run(QUERY)
    kernel.run(CRASH)

    def told() -> Any:
        return [
            text
            for text in kernel.run("out = list(session.snapshot()['session']['problems'].values())")
            if "task" in text
        ]

    (text,) = await_that(told, "it is told", 120)  # type: ignore[misc]
    assert "has ended" in text and "workers: its code crashes, or has too little memory" in text
    log = kernel.run("out = [dict(entry) for entry in session.snapshot()['decisions'].values()]")
    requests = [entry["t"] for entry in log if entry["kind"] == "request"]
    for entry in log:  # a worker that comes anew after a crash was not asked for
        if since := re.search(r"came ([\d.]+) s after the last request", entry["text"]):
            assert any(abs(entry["t"] - float(since[1]) - t) < 0.1 for t in requests), log
    kernel.run("session.cancel(); thread.join(60)")
    assert kernel.run("out = outcome") == ["QueryCancelled"]
    assert told() == []
    assert kernel.run(QUERY) == {"a": [2, 3]}


@pytest.mark.slow
def test_a_ray_of_this_kernels_own_is_private_too_and_goes_with_it() -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("RAY_AUTH")}
    kernel = Kernel({**environment, "RAY_ADDRESS": ""})
    try:
        folder = kernel.run("""
            import daftnb
            session = daftnb.get_session()
            said = []
            session.connect(None, said.append)
            session.connect(None, said.append)
            out = str(session.external._folder)
        """)
        assert kernel.run("out = said[-1]").startswith("already connected to Ray at ")
        if os.getuid() == 0:
            assert as_another_user(Path(folder)) == []
        assert kernel.run(QUERY) == {"a": [2, 3]}
        assert kernel.run("out = session.stop()") is True
        assert not os.path.exists(folder)
    finally:
        kernel.end()
