"""The command ``daftnb lab | demo | doctor | view``: parses its arguments and starts Jupyter."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from daftnb import fileverbs
from daftnb.errors import DaftnbError
from daftnb.text.plain import plainly

DEMO = "demo.ipynb"
NATIVE_DEMO = "demo-native.ipynb"
KERNEL_BYTES = 700 * 1024**2  # the notebook's kernel with the tables it reads, measured
FIRST = "quickstart.ipynb"


def main(arguments: list[str] | None = None) -> int:
    """Run the ``daftnb`` command; return its exit status."""
    parser = argparse.ArgumentParser(prog="daftnb", description="See and steer Daft on Ray from a Jupyter notebook.")
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help="open JupyterLab with all the notebooks, on 127.0.0.1 with a token")
    demo = commands.add_parser("demo", help="open the demo notebook in JupyterLab, or run it without a browser")
    demo.add_argument("--headless", action="store_true", help="run the notebook here, and print what happened")
    for command in (lab, demo):
        command.add_argument("--no-browser", action="store_true", help="only print the URL")
        command.add_argument("--port", type=int, default=8888, help="the first port to try (8888)")
    lab.add_argument("--folder", default="daftnb-notebooks", help="where the notebooks go (./daftnb-notebooks)")
    demo.add_argument("--folder", default="daftnb-demo", help="where the notebook and its data go (./daftnb-demo)")
    doctor = commands.add_parser("doctor", help="check the setup of this environment, and say what to fix")
    doctor.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    fileverbs.add_to(commands)
    options = parser.parse_args(arguments)
    with plainly():
        return _done(options)


def _done(options: argparse.Namespace) -> int:
    try:
        if hasattr(options, "run"):
            status: int = options.run(options)
            return status
        if options.command == "doctor":
            from daftnb.doctor.report import report

            return report(options.json)
        if options.command == "lab":
            folder = notebook_copies(Path(options.folder))[0].parent
            return open_lab(folder, FIRST, options.port, browser=not options.no_browser)
        lacking = without_cluster()
        if lacking is not None:
            print(
                f"daftnb: the demo's Ray cluster cannot start here: {lacking}\n"
                "        daftnb opens the demo for Daft's native runner instead.",
                file=sys.stderr,
            )
        [notebook] = notebook_copies(Path(options.folder), NATIVE_DEMO if lacking else DEMO)
        if options.headless:
            from daftnb.demo.headless import run_demo

            return run_demo(notebook, on_ray=lacking is None)
        return open_lab(notebook.parent, notebook.name, options.port, browser=not options.no_browser)
    except DaftnbError as error:
        print("\n".join(error.lines), file=sys.stderr)
        return 1


def without_cluster() -> str | None:
    """Return what this machine lacks for the demo's cluster of up to four workers, or None if it lacks nothing."""
    from daftnb.engine.embedded import memory
    from daftnb.engine.embedded.cluster import HEAD_BYTES, MIB, NODE_BYTES, ClusterSize, check_machine

    size = ClusterSize(max_workers=4)
    try:
        check_machine(size)
    except DaftnbError as error:
        return error.what
    needed = HEAD_BYTES + size.max_workers * NODE_BYTES + KERNEL_BYTES
    free, limited = memory.available()
    if free >= needed:
        return None
    what = f"it needs {needed // MIB} MiB of memory for a kernel, a head and four workers"
    return f"{what}, and {free // MIB} MiB are {'within its limit' if limited else 'free'}."


def notebook_sources(pattern: str = "*.ipynb") -> list[Path]:
    """Return the notebooks as installed (in the wheel), or as they stand in a checkout.

    DaftnbError if there are none.
    """
    package = Path(str(files("daftnb")))
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if found := sorted(folder.glob(pattern)):
            return found
    raise DaftnbError("The notebooks are missing from this installation.", "Try: pip install --force-reinstall .")


def notebook_copies(folder: Path, pattern: str = "*.ipynb") -> list[Path]:
    """Copy the notebooks into ``folder`` and return the copies' paths.

    A notebook that is there already is the user's, and is left as it is. DaftnbError if they cannot be copied.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copies = []
        for source in notebook_sources(pattern):
            copies.append(folder.resolve() / source.name)
            if not copies[-1].exists():
                shutil.copyfile(source, copies[-1])
    except OSError as error:
        raise DaftnbError(
            f"The notebooks cannot be copied to {folder}: {error.strerror}.", "Try another place: --folder ~/daftnb"
        ) from None
    return copies


def open_lab(root: Path, notebook: str | None, port: int, browser: bool) -> int:
    """Run JupyterLab on 127.0.0.1 until it ends; return its exit status.

    JupyterLab makes its token, and prints the URL with it. DaftnbError if JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise DaftnbError("JupyterLab is not installed in this environment.", "Try: pip install 'daftnb[lab]'")
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command.append(f"--ServerApp.root_dir={root}")
    if notebook is not None:
        command.append(f"--LabApp.default_url=/lab/tree/{notebook}")
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container one is root; the server still listens on loopback only
    try:
        return subprocess.run(command).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
