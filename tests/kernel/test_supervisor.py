"""The supervisor of a cluster, with a stand-in for the head: what it ends, leaves and removes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from daftnb.engine.embedded import cluster, launcher, supervisor
from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
from daftnb.engine.embedded.folders import own_folder, write_private
from daftnb.errors import ClusterError
from tests.conftest import await_that

# Starts a grandchild that is nobody's child any more, and waits.
HEAD = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
print("the head is there", flush=True)
time.sleep(300)
"""


class Owner:
    """A process that starts a supervisor, as a kernel does, and may be killed."""

    SOURCE = """
import subprocess, sys
supervisor = subprocess.Popen(
    [sys.executable, "-m", "daftnb.engine.embedded.supervisor", sys.argv[1]],
    stdin=subprocess.PIPE,
    stdout=subprocess.DEVNULL,
)
print(supervisor.pid, flush=True)
sys.stdin.read()
"""

    def __init__(self, folder: Path, head: str = HEAD) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", self._with_spec(head), str(folder / "spec.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.supervisor = psutil.Process(int(self.process.stdout.readline()))
        await_that(lambda: "head is there" in self.log, "the head is there")

    def _with_spec(self, head: str) -> str:
        write = f"""
import json, os, sys
from pathlib import Path
Path(sys.argv[1]).write_text(json.dumps({{
    "directory": {str(self.folder)!r}, "owner": os.getpid(), "environment": {{}},
    "command": [sys.executable, "-c", {head!r}],
}}))
"""
        return write + self.SOURCE

    @property
    def log(self) -> str:
        path = self.folder / "head.log"
        return path.read_text() if path.exists() else ""

    @property
    def members(self) -> list[psutil.Process]:
        return self.supervisor.children(recursive=True)

    def end(self) -> None:
        for process in (self.process, self.supervisor):
            if process.poll() is None if isinstance(process, subprocess.Popen) else process.is_running():
                process.kill()
        for process in supervisor.marked_processes(str(self.folder)):
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def owned() -> Iterator[Callable[..., Owner]]:
    made: list[Owner] = []

    def make(head: str = HEAD) -> Owner:
        made.append(Owner(own_folder(), head))
        return made[-1]

    yield make
    for owner in made:
        owner.end()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def reads(folder: Path) -> list[subprocess.Popen[bytes]]:
    """What a user may do in the folder: each names it on its command line, and is none of the cluster's."""
    home = Path(sys.prefix)
    programs = [
        ["tail", "-F", str(folder / "head.log")],
        [sys.executable, "-c", "import time; time.sleep(300)", str(folder / "head.log")],
        # An editor of one of Ray's own files, with a log beside it.
        ["tail", "-f", "/dev/null", str(home / "lib/python3/site-packages/ray/__init__.py"), str(folder / "head.log")],
    ]
    return [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for words in programs]


def test_it_ends_the_clusters_processes_and_not_those_that_only_name_its_folder(owned: Callable[..., Owner]) -> None:
    owner = owned()
    folder = owner.folder
    await_that(lambda: len(owner.members) >= 2, "the head and its child")
    bystanders = reads(folder)
    # Not a descendant, but started from within the cluster, and so marked.
    marked = subprocess.Popen(["sleep", "300"], env={**os.environ, supervisor.MARK: str(folder)})
    another = subprocess.Popen(["sleep", "300"], env={**os.environ, supervisor.MARK: str(folder) + "x"})
    members = owner.members
    try:
        assert owner.process.stdin is not None
        owner.process.stdin.close()  # the owner ends
        await_that(lambda: gone(owner.supervisor), "the supervisor has ended")
        assert all(map(gone, members))
        assert marked.wait(5) == -signal.SIGTERM
        assert [each.poll() for each in (*bystanders, another)] == [None] * 4
        assert not folder.exists()
    finally:
        for each in (*bystanders, marked, another):
            each.kill()
            each.wait()


ENDS = 'print("the head is there", flush=True)'


@pytest.mark.parametrize("killed", [False, True], ids=["the owner closes the pipe", "the owner is killed"])
def test_where_the_head_ended_by_itself_its_log_stays_for_the_owner_and_no_longer(
    owned: Callable[..., Owner], killed: bool
) -> None:
    owner = owned(ENDS)
    await_that((owner.folder / "ended").exists, "the end is told")
    assert "the head ended" in owner.log
    assert owner.supervisor.is_running(), "it waits for the owner"
    if killed:
        owner.process.kill()
    else:
        assert owner.process.stdin is not None
        owner.process.stdin.close()
    await_that(lambda: not owner.folder.exists(), "the folder is removed")


def test_a_cluster_whose_head_ended_is_not_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "RAY_SCRIPT", ENDS)
    made = EmbeddedCluster(ClusterSize())
    made._launch(cluster.Shares(2**30, 2**28), {})
    assert made.folder is not None
    folder = made.folder
    try:
        await_that(lambda: not made.running, "its end is noticed")
        assert "the head is there" in made._last_words()
        assert not made.answers()
        with pytest.raises(ClusterError, match=r"ended as it came up: .*the head is there"):
            made.await_node()
        (folder / "r" / "ray_current_cluster").touch()
        made.await_node()
    finally:
        made.stop()
    assert not folder.exists()


def test_a_supervisor_that_was_killed_leaves_nothing_when_the_cluster_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launcher, "RAY_SCRIPT", HEAD)
    made = EmbeddedCluster(ClusterSize())
    made._launch(cluster.Shares(2**30, 2**28), {})
    assert made.folder is not None and made._supervisor is not None
    folder = str(made.folder)
    await_that(lambda: len(supervisor.marked_processes(folder)) >= 2, "the head and its child")
    members = supervisor.marked_processes(folder)
    made._supervisor.kill()
    made.stop()
    assert all(map(gone, members))
    assert not os.path.exists(folder)


def test_what_dead_kernels_left_is_removed_and_what_somebody_owns_is_not(
    owned: Callable[..., Owner], tmp_path: Path
) -> None:
    lives, left, unsupervised = owned(), owned(), owned()
    base = str(left.folder.parent)
    members = left.members
    left.supervisor.suspend()  # so that it does not see the owner's end before its own
    left.process.kill()
    left.process.wait()
    assert not supervisor.is_left_over(left.folder), "its supervisor lives, and will end it"
    left.supervisor.kill()
    unsupervised.supervisor.kill()  # its owner will end it
    await_that(lambda: supervisor.is_left_over(left.folder), "nobody owns it")
    stranger = left.folder.parent / f"{supervisor.PREFIX}stranger{os.getpid()}"
    stranger.symlink_to(tmp_path)
    write_private(tmp_path / "spec.json", json.dumps({"owner": left.process.pid}))
    try:
        removed = supervisor.remove_leftovers([base])
        assert str(left.folder) in removed
        assert not {str(lives.folder), str(unsupervised.folder), str(stranger)} & set(removed)
        assert not left.folder.exists()
        assert (tmp_path / "spec.json").exists(), "a link is not followed"
        await_that(lambda: all(map(gone, members)), "its processes have ended")
        assert lives.members and unsupervised.folder.exists()
    finally:
        stranger.unlink()
