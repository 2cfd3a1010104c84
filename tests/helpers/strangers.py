"""What another user of the machine could do with a folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ANOTHER = "nobody"
# What another user on the machine may try: each attempt that succeeds is printed.
ATTEMPTS = """
import os, sys
folder = sys.argv[1]
ray = os.path.join(folder, "r")

def attempt(what, action):
    try:
        action()
    except OSError:
        return
    print(what)

attempt("list", lambda: os.listdir(folder))
attempt("list Ray's", lambda: os.listdir(ray))
for name in ("token", "spec.json", "cluster.json", "head.log", "lock", "r/session_latest/logs/worker.out"):
    path = os.path.join(folder, name)
    attempt("read " + name, lambda: open(path).read())
    attempt("write " + name, lambda: open(path, "a"))
    attempt("replace " + name, lambda: os.rename(os.path.join(ray, "x"), path))
    attempt("remove " + name, lambda: os.unlink(path))
attempt("make", lambda: open(os.path.join(folder, "new"), "w"))
attempt("make in Ray's", lambda: open(os.path.join(ray, "new"), "w"))
attempt("move away", lambda: os.rename(folder, folder + "-moved"))
attempt("open up", lambda: os.chmod(folder, 0o777))
"""


def as_another_user(folder: Path) -> list[str]:
    """What another user could do with a folder."""
    if os.getuid() != 0:
        pytest.skip("only root may run a process as another user")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    done = subprocess.run(
        [python, "-I", "-c", ATTEMPTS, str(folder)],
        user=ANOTHER, group=pwd.getpwnam(ANOTHER).pw_gid, extra_groups=[], cwd="/",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()
