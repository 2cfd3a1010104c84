"""A JupyterLab server and a Chromium, for the fixtures and for scripts."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import await_that

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Lab:
    """A running Jupyter server: where it is, its token, the folder it serves, and the one of its kernels' files."""

    url: str
    token: str
    folder: Path
    runtime: Path

    def call(self, method: str, path: str) -> Any:
        """What its REST API answers."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None


@contextmanager
def serving(home: Path, without: tuple[str, ...] = ()) -> Iterator[Lab]:
    """A server whose files, settings and all, are in ``home``; serves JupyterLab and Notebook 7.

    ``without``: extensions of JupyterLab that are off.
    """
    folder = home / "work"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    if without:
        (home / "config" / "labconfig").mkdir(parents=True)
        disabled = {"disabledExtensions": dict.fromkeys(without, True)}
        (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(disabled))
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    command += ["--JupyterNotebookApp.expose_app_in_browser=True"]
    with open(home / "server.log", "wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    lab = Lab(f"http://127.0.0.1:{port}", token, folder, home / "runtime")

    def answers() -> bool:
        assert server.poll() is None, (home / "server.log").read_text()
        try:
            return bool(lab.call("GET", "/api/status"))
        except OSError:
            return False

    try:
        await_that(answers, "JupyterLab answers", 60)
        yield lab
    finally:
        server.terminate()
        server.wait(30)


def chromium_path() -> str | None:
    """Where the Chromium of this machine is; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browsing() -> Iterator[Any]:
    """A headless Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    assert path, "no Chromium on this machine; on Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
