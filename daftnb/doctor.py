"""``daftnb doctor``: whether this machine and these packages can do it all, one line each."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from daftnb.errors import DaftnbError

Line = Callable[[bool, str, str], None]


def report() -> int:
    """Print one line per check; the exit status is the number of those that failed."""
    failed = 0

    def line(good: bool, what: str, detail: str) -> None:
        nonlocal failed
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'}  {what:<18} {detail}")

    line(sys.version_info >= (3, 10), "Python", platform.python_version())
    for package in ("daft", "ray", "anywidget", "ipywidgets", "pyarrow"):
        try:
            line(True, package, version(package))
        except PackageNotFoundError:
            line(False, package, f"not installed; try: pip install {package}")
    line(True, "JupyterLab", version("jupyterlab") if find_spec("jupyterlab") else "not installed (daftnb[lab] has it)")
    _internals(line)
    _machine(line)
    _bundle(line)
    return failed


def _internals(line: Line) -> None:
    from daftnb.engine.internals import missing

    off = {**missing("daft"), **missing("ray"), **missing("jobs")}
    line(not off, "engine internals", "all there" if not off else " ".join(off.values()))


def _machine(line: Line) -> None:
    from daftnb.engine.cluster import MIB, ClusterSize, check_machine

    try:
        shares = check_machine(ClusterSize())
        line(True, "embedded cluster", f"{shares.node_object_store // MIB} MiB of object store for each of 5 nodes")
    except DaftnbError as error:
        line(False, "embedded cluster", str(error))


def _bundle(line: Line) -> None:
    from daftnb.widgets.base import built

    try:
        line(True, "front end", f"{len(built('daftnb.js')) // 1000} kB")
    except RuntimeError as error:
        line(False, "front end", str(error))
