"""papermill and marimo as they come from their registry: what the README says works there, works."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import ROOT, await_that

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

SLOW = """import time, daft
@daft.func
def slow(x: int) -> int:
    time.sleep(0.3)
    return x
df = daft.from_pydict({"a": list(range(rows))})"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment that has both, on top of this one."""
    home = tmp_path_factory.mktemp("hosts")
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    tools = home / "bin"
    site = subprocess.run(
        [tools / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    Path(site, "below.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([tools / "python", "-m", "pip", "install", "-q", "papermill>=2.6,<3", "marimo>=0.25"], check=True)
    return tools


@pytest.fixture
def environment() -> dict[str, str]:
    bare = {name: text for name, text in os.environ.items() if not name.startswith("DAFT_")}
    return {**bare, "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "true"}


def test_papermill_leaves_static_views(tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
    cells = [
        "rows = 1",
        f"%load_ext daftnb\n{SLOW}",
        "%%daft --name orders\ndone = df.select(slow(df['a'])).collect()",
        "%daft history",
        "%daft",
        "%%daft sql\nSELECT sum(a) AS total FROM df WHERE a > {rows - 4}",
        "%daft save run.arrow\n%daft open run.arrow",
        "%daft controls",
    ]
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    document.cells[0].metadata["tags"] = ["parameters"]
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, tmp_path / "in.ipynb")
    done = subprocess.run(
        [tools / "papermill", "in.ipynb", "out.ipynb", "-p", "rows", "5"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ran = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    outputs = {cell.source.partition("\n")[0]: cell.outputs for cell in ran.cells}
    assert not [output for each in outputs.values() for output in each if output.output_type == "error"]
    (line,) = outputs["%%daft --name orders"]
    assert line.data["text/plain"].startswith("Query 1 (orders) on Daft's native runner finished after ")
    (history,) = outputs["%daft history"]
    assert "<table>" in history.data["text/html"] and "orders" in history.data["text/html"]
    for first in ("%daft", "%daft save run.arrow", "%daft controls"):
        data = outputs[first][-1].data
        assert (
            data["text/html"].startswith('<div class="mathjax_ignore tex2jax_ignore">')
            and "<script" not in data["text/html"]
        )
        assert data["text/plain"]
        assert set(data) == {"text/plain", "text/html"}, "JupyterLab would show the widget, and there is none"
    assert "9" in outputs["%%daft sql"][0].data["text/html"], "2 + 3 + 4, by the parameter that was given"
    assert (tmp_path / "out.ipynb").stat().st_size < 200_000, "the front end is not in it"


APP = f"""import marimo
app = marimo.App()

@app.cell
def _():
    import daftnb
    rows = 20
    return daftnb, rows

@app.cell
def _(daftnb):
    cockpit = daftnb.cockpit()
    cockpit
    return (cockpit,)

@app.cell
def _(cockpit, daftnb, rows):
    {SLOW.replace(chr(10), chr(10) + "    ")}
    with daftnb.watch("orders", threshold=2) as watched:
        done = df.select(slow(df["a"])).collect()
    daftnb.history()
    return done, watched

@app.cell
def _(daftnb, watched):
    daftnb.save("run.arrow")
    daftnb.recording()
    return

@app.cell
def _(daftnb, watched):
    daftnb.controls()
    return

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APP)
    return path


def test_a_marimo_notebook_runs_as_a_script(tools: Path, environment: dict[str, str], app: Path) -> None:
    done = subprocess.run(
        [tools / "python", app], cwd=app.parent, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "Query 1 (orders) on Daft's native runner finished after" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def url(tools: Path, environment: dict[str, str], app: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [tools / "marimo", "run", app, "--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    log = app.parent / "server.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(
            command, env=environment, cwd=app.parent, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            return json.load(urllib.request.urlopen(f"{url}/health", timeout=2))["status"] == "healthy"
        except OSError:
            return False

    try:
        await_that(answers, "marimo answers", 60)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def test_views_are_live_in_marimo(url: str, page: Any) -> None:
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(url)
    cockpit = page.locator("marimo-anywidget")
    cockpit.get_by_text("runner: none").wait_for(timeout=60_000)  # before its query it is there already
    cockpit.get_by_text("running", exact=True).first.wait_for(timeout=60_000)
    cockpit.get_by_text("finished", exact=True).first.wait_for(timeout=60_000)
    cockpit.get_by_role("tab", name="History").click()
    cockpit.get_by_text("orders").last.wait_for()
    page.get_by_text("Query 1 (orders) on Daft's native runner finished after").first.wait_for()  # the recording
    page.get_by_text("Scale-up threshold").first.wait_for()  # the controls, as a table
    cockpit.get_by_role("tab", name="Settings").click()
    threshold = cockpit.get_by_label("Scale-up threshold")
    threshold.fill("0.5")
    threshold.press("Enter")
    cockpit.get_by_text("it must be at least 1.0").wait_for()  # what the kernel answers
    assert not [text for text in errors if "daftnb" in text]
    assert page.problems == []
