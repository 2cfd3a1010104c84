"""Owns the processes of one embedded Ray cluster, and ends them with its owner.

Run as ``python -m daftnb.engine.supervisor SPEC`` by :mod:`daftnb.engine.cluster`; never imported by it. It is a
process of its own because the notebook kernel may be killed at any moment, and something has to outlive it long
enough to clean up. It imports neither Ray nor the rest of daftnb, so it costs a few MB.

``SPEC`` is a JSON file: ``command`` (the head's argv), ``environment`` (added to ours), ``directory`` (the cluster's
own temporary folder, removed at the end), ``owner`` (the pid whose end ends the cluster). It ends the cluster when

- its standard input reaches end of file (the owner closed it, or died), or
- the owner is no longer its parent, or
- it gets SIGTERM, or
- the head ends by itself.

What counts as the cluster's: every descendant of this process (on Linux it is a sub-reaper, so raylets whose parent
died are still its descendants), and every process whose command line names the cluster's folder. Nothing else is
ever signalled.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import psutil

POLL_SECONDS = 0.5
TERM_GRACE_SECONDS = 4.0
KILL_GRACE_SECONDS = 3.0
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Make orphaned descendants our children (Linux's prctl(2)); False where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def owned_processes(directory: str) -> list[psutil.Process]:
    """Our descendants, and whoever names our folder on its command line; never ourselves."""
    me = psutil.Process()
    owned = {process.pid: process for process in me.children(recursive=True)}
    for process in psutil.process_iter():
        if process.pid == me.pid or process.pid in owned:
            continue
        try:
            command_line = process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if any(directory in argument for argument in command_line) and "daftnb.engine.supervisor" not in command_line:
            owned[process.pid] = process
    return list(owned.values())


def end_processes(directory: str) -> None:
    """SIGTERM to all that is ours, then SIGKILL to what is left; looks again, because raylets start children."""
    for signal_number, grace in (
        (signal.SIGTERM, TERM_GRACE_SECONDS),
        (signal.SIGKILL, KILL_GRACE_SECONDS),
        (signal.SIGKILL, KILL_GRACE_SECONDS),
    ):
        processes = owned_processes(directory)
        if not processes:
            return
        for process in processes:
            try:
                process.send_signal(signal_number)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=grace)


def reap() -> None:
    """Collect the ends of adopted children, so that none stays a zombie."""
    while True:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def wait_for_the_end(head_pid: int, owner: int) -> str:
    """Block until the cluster has to end; the reason, for the log."""
    stopping: list[str] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stopping.append(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not stopping:
        reap()
        if not psutil.pid_exists(head_pid):
            return "the head ended"
        if os.getppid() != owner:
            return "the owner is gone"
        readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            return "the owner closed the pipe"
    return stopping[0]


def main(spec_path: str) -> int:
    """Start the head, wait, end everything. Exit status 0: ended as asked; 1: the head ended by itself."""
    spec = json.loads(Path(spec_path).read_text())
    directory: str = spec["directory"]
    become_subreaper()
    with open(Path(directory) / "head.log", "ab") as log:
        head = subprocess.Popen(
            spec["command"],
            env={**os.environ, **spec["environment"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        reason = wait_for_the_end(head.pid, spec["owner"])
        log.write(f"\nsupervisor: ending the cluster: {reason}\n".encode())
    started = time.monotonic()
    end_processes(directory)
    reap()
    if reason == "the head ended":
        # The owner reads head.log to say why; it removes the folder itself.
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps({"ended": reason, "seconds": round(time.monotonic() - started, 3)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
