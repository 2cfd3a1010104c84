"""Owns the processes of one embedded Ray cluster, and ends them when its owner ends.

Run as ``python -m daftnb.engine.embedded.supervisor SPEC`` by :mod:`daftnb.engine.embedded.cluster`. It is a process of
its own because the notebook kernel may be killed at any moment, and something has to outlive it long enough to clean
up. It imports neither Ray nor the rest of daftnb, so it costs a few MB.

``SPEC`` is a JSON file: ``command`` (the head's argv), ``environment`` (added to ours; null unsets a variable),
``directory`` (the cluster's own private folder, removed at the end), ``owner`` (the pid whose end ends the cluster). It
ends the cluster when

- its standard input reaches end of file (the owner closed it, or died), or
- the owner is no longer its parent, or
- it gets SIGTERM, or
- the head ends by itself. It then leaves the file ``ended`` in the folder, with the log that says why, and removes the
  folder when the owner has read it: when the owner closes the pipe, or is gone.

What counts as the cluster's: every descendant of this process (on Linux it is a sub-reaper, so raylets whose parent
died are still its descendants), every process with the cluster's mark in its environment, and every program of Ray's
that names the cluster's folder on its command line. Nothing else is ever signalled: somebody may read a log there.

While it lives it holds a lock on the file ``lock``: where nobody does and the owner is gone, :func:`remove_leftovers`
ends and removes what is left.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import FrameType

import psutil

POLL_SECONDS = 0.5
TERM_GRACE_SECONDS = 4.0
KILL_GRACE_SECONDS = 3.0
_PR_SET_CHILD_SUBREAPER = 36
MARK = "DAFTNB_CLUSTER"  # in the environment of each process of a cluster: its folder
PREFIX = "daftnb-"  # of the folders' names
RAY_SCRIPT = "from ray.scripts.scripts import main; main()"  # the `ray` command, of this very Python


def become_subreaper() -> bool:
    """Make orphaned descendants our children (Linux's prctl(2)); False where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def owned_processes(directory: str) -> list[psutil.Process]:
    """Return this process's descendants, and the other processes of the cluster whose folder this is."""
    owned = {process.pid: process for process in psutil.Process().children(recursive=True)}
    owned |= {process.pid: process for process in marked_processes(directory) if process.pid not in owned}
    return list(owned.values())


def marked_processes(directory: str) -> list[psutil.Process]:
    """Return the processes of the cluster whose folder this is, by what they are; never this one, nor a supervisor."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and is_of(process, directory)]


def is_of(process: psutil.Process, directory: str) -> bool:
    """Return True if a process is the cluster's: it has its mark, or is Ray's and names the folder."""
    try:
        if process.uids().real != os.getuid():
            return False
        if process.environ().get(MARK) == directory:
            return True
        words = process.cmdline()
        return any(directory in word for word in words) and _is_rays(process.exe(), words)
    except (psutil.Error, OSError):
        return False  # it has ended, or is none of ours


def _is_rays(program: str, words: list[str]) -> bool:
    """Return True for one of Ray's own programs, or for Python with a script or module of Ray's."""
    home = _home_of_ray()
    if home and program.startswith(home):
        return True
    if not os.path.basename(program).startswith("python"):
        return False
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    if script == RAY_SCRIPT:
        return True
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return (bool(home) and os.path.realpath(script).startswith(home)) or module.partition(".")[0] == "ray"


@cache
def _home_of_ray() -> str:
    """Return the folder of Ray's package, without importing it; "" where there is none."""
    found = importlib.util.find_spec("ray")
    places = list(found.submodule_search_locations or ()) if found is not None else []
    return os.path.join(os.path.realpath(places[0]), "") if places else ""


def end_processes(directory: str, processes_of: Callable[[str], list[psutil.Process]] = owned_processes) -> None:
    """Send SIGTERM to all that is ours, then SIGKILL to what is left; look again, because raylets start children."""
    for signal_number, grace in (
        (signal.SIGTERM, TERM_GRACE_SECONDS),
        (signal.SIGKILL, KILL_GRACE_SECONDS),
        (signal.SIGKILL, KILL_GRACE_SECONDS),
    ):
        processes = processes_of(directory)
        if not processes:
            return
        for process in processes:
            try:
                process.send_signal(signal_number)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=grace)


def remove_leftovers(bases: Iterable[str]) -> list[str]:
    """End and remove what clusters have left in these temporary folders whose owner and supervisor are both gone.

    (The supervisor was killed too, or the machine went down.) Returns the folders that were removed.
    """
    removed = []
    for base in sorted(set(bases)):
        for folder in sorted(Path(base).glob(f"{PREFIX}*")):
            if is_left_over(folder):
                end_processes(str(folder), marked_processes)
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(str(folder))
    return removed


def is_left_over(folder: Path) -> bool:
    """Return True if a folder is of a cluster of this user's that nobody owns any more."""
    try:
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            return False
        owner = json.loads((folder / "spec.json").read_text())["owner"]
    except (OSError, ValueError, KeyError, TypeError):
        return False  # another's, or one that is being made
    return not psutil.pid_exists(owner) and not is_locked(folder)


def is_locked(folder: Path) -> bool:
    """Return True if a supervisor lives that owns the cluster of this folder."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # as far as is known
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(lock)


def reap() -> None:
    """Collect the ends of adopted children, so that none stays a zombie."""
    while True:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


HEAD_ENDED = "the head ended"


def wait_for_the_end(head_pid: int | None, owner: int) -> str:
    """Block until the cluster has to end, or (no pid) its owner has no more use for its folder; return the reason."""
    stopping: list[str] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stopping.append(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not stopping:
        reap()
        if head_pid is not None and not psutil.pid_exists(head_pid):
            return HEAD_ENDED
        if os.getppid() != owner:
            return "the owner is gone"
        readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            return "the owner closed the pipe"
    return stopping[0]


def main(spec_path: str) -> int:
    """Start the head, wait, and end everything; return the exit status.

    0: ended as asked; 1: the head ended by itself.
    """
    spec = json.loads(Path(spec_path).read_text())
    directory: str = spec["directory"]
    become_subreaper()
    lock = os.open(Path(directory) / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # held until this process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    variables = {**os.environ, **spec["environment"], MARK: directory}
    with open(Path(directory) / "head.log", "ab", opener=_private) as log:
        head = subprocess.Popen(
            spec["command"],
            env={name: value for name, value in variables.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        reason = wait_for_the_end(head.pid, spec["owner"])
        log.write(f"\nsupervisor: ending the cluster: {reason}\n".encode())
    by_itself = reason == HEAD_ENDED
    if by_itself:
        with open(Path(directory) / "ended", "w", opener=_private) as ended:
            ended.write(reason)
    started = time.monotonic()
    end_processes(directory)
    reap()
    if by_itself:
        wait_for_the_end(None, spec["owner"])  # the owner may read head.log to say why
    shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps({"ended": reason, "seconds": round(time.monotonic() - started, 3)}), flush=True)
    return 1 if by_itself else 0


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read, whatever the umask."""
    return os.open(path, flags, 0o600)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
