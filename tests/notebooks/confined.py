"""``python -m tests.notebooks.confined NAME``: a notebook where Binder would run it, and the most memory it took.

2 GB of memory for all processes together (a control group), one CPU, 64 MB of shared memory, none of root's powers;
a Jupyter server runs beside it. Needs Linux and root, to set that up.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_BYTES = 2 * 1024**3
SHARED_BYTES = 64 * 1024**2
GROUPS = Path("/sys/fs/cgroup")
ROOT = Path(__file__).resolve().parent.parent.parent
INSIDE = """
import json, os, sys
from pathlib import Path
os.close(0)
from tests.notebooks.running import run
ran = run(sys.argv[1], Path(sys.argv[2]))
Path(sys.argv[3]).write_text(json.dumps([ran.seconds, ran.document]))
"""


def why_not() -> str | None:
    """Why nothing can be confined here, None if it can."""
    if os.geteuid() != 0:
        return "only root can make a control group and a mount of its own"
    if not all(map(shutil.which, ("unshare", "setpriv", "taskset"))):
        return "unshare, setpriv and taskset (util-linux) are not installed"
    try:
        with group():
            return None
    except OSError as error:
        return f"no control group for memory can be made: {error}"


@contextmanager
def group() -> Iterator[Path]:
    """A control group of its own with the limit; what is left in it is ended."""
    first = GROUPS / "memory" if (GROUPS / "memory").is_dir() else GROUPS
    folder = first / f"daftnb-{os.getpid()}"
    folder.mkdir()
    try:
        limit = folder / ("memory.limit_in_bytes" if first != GROUPS else "memory.max")
        limit.write_text(str(LIMIT_BYTES))
        yield folder
    finally:
        deadline = time.monotonic() + 20
        while left := (folder / "cgroup.procs").read_text().split():
            for pid in left:
                if time.monotonic() > deadline - 10:  # until then it may end by itself, as it should
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.2)
        folder.rmdir()


def peak_of(folder: Path) -> int:
    """The most bytes that the group's processes took, page cache included."""
    name = "memory.max_usage_in_bytes" if (folder / "memory.max_usage_in_bytes").exists() else "memory.peak"
    return int((folder / name).read_text())


def killed_in(folder: Path) -> int:
    """How many processes the kernel ended for want of memory."""
    name = "memory.oom_control" if (folder / "memory.oom_control").exists() else "memory.events"
    counts = dict(line.split() for line in (folder / name).read_text().splitlines())
    return int(counts.get("oom_kill", 0))


def run_confined(name: str) -> tuple[dict[str, float], object]:
    """``seconds``, ``peak`` (bytes of memory at the most) and ``killed``; and the notebook with its outputs."""
    with tempfile.TemporaryDirectory() as place, group() as folder:
        out = Path(place) / "out.json"
        options = f"--no-browser --allow-root --ip=127.0.0.1 --port=0 --ServerApp.root_dir={place}"
        server = f"{sys.executable} -m jupyterlab {options}"
        script = f"""
            echo $$ > {folder}/cgroup.procs
            mount -t tmpfs -o size={SHARED_BYTES} tmpfs /dev/shm
            exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs taskset -c 0 bash -c '
                {server} > {place}/server.log 2>&1 &
                "$0" -c "$1" {name} {place} {out}
                status=$?; kill %1; wait; exit $status' "$0" "$1"
        """
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-euc", script, sys.executable, INSIDE],
            cwd=ROOT, capture_output=True, text=True, timeout=380,
        )  # fmt: skip
        figures = {"peak": peak_of(folder), "killed": killed_in(folder)}
        if not out.exists():
            raise RuntimeError(f"{figures}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        seconds, document = json.loads(out.read_text())
        return {"seconds": seconds, **figures}, document


if __name__ == "__main__":
    figures, _ = run_confined(sys.argv[1])
    peak, limit = figures["peak"] / 1024**2, LIMIT_BYTES / 1024**2
    print(
        f"{sys.argv[1]}: {figures['seconds']:.0f} s, peak {peak:.0f} MiB of {limit:.0f}, "
        f"{figures['killed']:.0f} processes ended for want of memory"
    )
