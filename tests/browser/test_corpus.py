"""Every text that is shown, made of hostile strings: in JupyterLab live, saved, opened again trusted and not, and as
nbconvert's page. Nothing of it becomes a script, a request, a link or a formula, and what costs US$5 still does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.helpers.corpus import STRINGS
from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
NAME = "corpus.ipynb"

SETUP = """
%load_ext daftnb
import json, itertools
import daft, daftnb, pandas as pd
from daft import col, lit
daft.set_runner_native()
STRINGS = json.load(open("corpus.json"))
chunks = [STRINGS[i:i + 30] for i in range(0, len(STRINGS), 30)]
def storable(text):
    return text.encode("utf-8", "replace").decode()
def name(text):
    return "".join(c for c in storable(text) if c.isprintable())[:60].strip() or "none"
"""
VALUES = """
for chunk in chunks:
    texts = ["US$5 to US$9", *map(storable, chunk)]
    display(daftnb.preview(daft.from_pydict({
        "text": texts, "list": [[text, text] for text in texts], "struct": [{"field": text} for text in texts],
        "bytes": [text.encode() for text in texts],
    }), limit=100))
"""
COLUMNS = """
for chunk in chunks:
    texts = [storable(text) for text in chunk if "\\0" not in text]
    display(daftnb.preview(pd.DataFrame([texts], columns=[text or "empty" for text in texts])))
"""
PRINTED = """
for chunk in chunks:
    print(daftnb.preview(daft.from_pydict({"text": [storable(text) for text in chunk]}), limit=100))
"""
QUERIES = """
def failing(text):
    def raises(x: int) -> int:
        raise ValueError(text)
    raises.__name__ = raises.__qualname__ = text or "empty"
    return daft.func(raises)
for text in STRINGS[::3]:
    text = storable(text)
    with daftnb.watch(name(text), quiet=True):
        try:
            daft.from_pydict({"x": [1]}).select(failing(text)(col("x"))).collect()
        except Exception as error:
            assert "ValueError" in str(error), error
            continue
        raise AssertionError("it did not fail")
%daft history
"""
COCKPIT = """
%daft cockpit
"""
PLANS = """
for chunk in chunks[:6]:
    df = daft.from_pydict({"x": ["a"]})
    for text in chunk:
        df = df.where(col("x") != lit(storable(text)))
    display(daftnb.plan(df, storable(chunk[0])))
"""
RECORDINGS = """
from daftnb.telemetry import events as e
from daftnb.telemetry.recordfile import Reel
from daftnb.recordings import Recording
T = 1_800_000_000.0
def reel(number, texts):
    id_ = f"query-{number}"
    first = texts[0]
    told = [
        e.WorldKnown(T, number - 1, 0),
        e.ClusterChanged(T, "external", "running", first, 1, 2, 1, 30.0),
        e.NodesSeen(T, (e.Node("h", 0, 10**9, True), e.Node("a", 1, 10**9, False))),
        e.QueryStarted(T + 0.1, id_, "ray", first),
        e.PlanReady(T + 0.2, id_, tuple(
            e.PlanNode(i + 1, text, "Physical", (i,) if i else (), text) for i, text in enumerate(texts))),
        e.WorkerStarted(T + 0.3, "a", 1, 10**9),
        e.StageCounts(T + 0.4, id_, len(texts), first, e.TaskCounts(2, 1, 1, 0, 0, 0)),
        e.UdfActors(T + 0.4, id_, first, 2, 1),
        e.BacklogSample(T + 0.5, 2, 2, 1, 1, 1, 1),
        e.ScaleRequested(T + 0.6, 2, 2, 1, 1),
        e.ProblemFound(T + 0.7, texts[-1]),
        e.QueryFinished(T + 2, id_, "failed", texts[-1]),
    ]
    return Reel(number, told, [event.t for event in told])
for chunk in chunks:
    display(daftnb.replay(Recording([reel(1, [storable(text) for text in chunk])], storable(chunk[1]))))
Recording([reel(n + 1, [storable(text)] * 2) for n, text in enumerate(STRINGS[90:190])], "many.arrow")
"""
LINES = """
import time
for text in STRINGS[::40]:
    with daftnb.watch(name(text)):
        daft.from_pydict({"x": [1]}).select(slow(col("x"))).collect()
"""
SLOW = """
@daft.func
def slow(x: int) -> int:
    time.sleep(0.35)
    return x
"""
SLIPS = """
from IPython import get_ipython
for text in STRINGS[::2]:
    for line in (storable(text), "set threshold=" + storable(text), "plan " + storable(text), "open " + storable(text)):
        line = " ".join(line.split())
        if line.split(" ")[0] in ("", "start", "connect", "stop", "job", "jobs"):
            continue
        try:
            get_ipython().run_line_magic("daft", line)
        except BaseException as error:
            assert type(error).__module__.startswith(("daftnb", "IPython", "builtins")), (line, error)
            print(type(error).__name__, str(error)[:200].encode("ascii", "backslashreplace").decode())
"""
CELLS = (SETUP, "import time" + SLOW, VALUES, COLUMNS, PRINTED, QUERIES, COCKPIT, PLANS, RECORDINGS, LINES, SLIPS)

# Of what is ours in the page, shadow roots too: what text can never make.
FOUND = """() => {
    const found = [];
    const forbidden = new Set(['script', 'iframe', 'object', 'embed', 'link', 'meta', 'base', 'form', 'math', 'audio',
        'video', 'mjx-container', 'marquee', 'dialog', 'foreignobject', 'animate', 'image', 'use', 'area']);
    const walk = (root) => {
        for (const element of root.querySelectorAll('*')) {
            const tag = element.localName.toLowerCase();
            if (forbidden.has(tag) || tag === 'a' || element.classList.contains('MathJax'))
                found.push(element.outerHTML.slice(0, 200));
            for (const attribute of element.attributes)
                if (/^on/i.test(attribute.name) || /evil[.]invalid/.test(attribute.name + attribute.value)
                        && ['style', 'href', 'src', 'srcset', 'data', 'action', 'background'].includes(attribute.name))
                    found.push(`${tag} ${attribute.name}=${attribute.value.slice(0, 200)}`);
            if (element.shadowRoot) walk(element.shadowRoot);
        }
    };
    for (const output of document.querySelectorAll('.jp-RenderedHTMLCommon, .jupyter-widgets, .jp-RenderedHTML'))
        if (!output.matches('.jp-RenderedText, .jp-MarkdownOutput') && output.closest('.jp-OutputArea-output, .output'))
            walk(output);
    return [window.hurt ?? null, [...new Set(found)].slice(0, 20)];
}"""
WIDEST = """() => {
    const outputs = [...document.querySelectorAll('.jp-OutputArea-output')];
    return Math.max(0, ...outputs.map((output) => output.scrollHeight));
}"""


class Watched:
    """A page, and what it asked of others than its server."""

    def __init__(self, page: Any, own: str) -> None:
        self.page, self.own = page, own
        self.asked: list[str] = []
        self.dialogs: list[str] = []
        page.on("request", self._asks)
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        page.route(lambda url: not self._is_own(url), lambda route: route.abort())

    def _is_own(self, url: str) -> bool:
        return url.startswith((self.own, "data:", "blob:", "about:", "file:"))

    def _asks(self, request: Any) -> None:
        if not self._is_own(request.url):
            self.asked.append(request.url)

    def is_text(self, of: str, allowed: tuple[str, ...] = ()) -> None:
        hurt, found = self.page.evaluate(FOUND)
        assert hurt is None, of
        assert found == [], of
        assert self.dialogs == [], of
        assert [url for url in self.asked if not url.startswith(allowed or ("\0",))] == [], of
        assert self.page.evaluate("() => window.location.host") in self.own, "the page is still there"


@pytest.fixture
def watched(lab: Lab, page: Any) -> Iterator[Watched]:
    page.set_default_timeout(20_000)
    yield Watched(page, lab.url)
    shut_down_kernels(lab)


def settle(page: Any) -> None:
    """Wait until every output has been drawn: each is scrolled to, and two frames of the screen pass."""
    page.evaluate("""async () => {
        const snapshots = (n) => new Promise((done) => {
            const next = () => (n-- > 0 ? requestAnimationFrame(next) : done());
            next();
        });
        for (const output of document.querySelectorAll('.jp-OutputArea-output')) {
            output.scrollIntoView();
            await snapshots(2);
        }
        await new Promise((done) => setTimeout(done, 2_000));  // a typesetter would have begun by then
    }""")


def test_all_that_is_shown_is_text(watched: Watched, lab: Lab, artifacts: Path) -> None:
    page = watched.page
    (lab.folder / "corpus.json").write_text(json.dumps(STRINGS))
    notebook(lab, NAME, CELLS)
    open_notebook(page, lab, NAME)
    run_all(page)
    all_ran(page, 300)
    settle(page)
    page.screenshot(path=artifacts / "corpus-live.png")
    watched.is_text("live")
    assert page.evaluate(WIDEST) < 100_000, "no text makes an output that nobody can scroll through"
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    document = json.loads((lab.folder / NAME).read_text())
    failed = [
        (index, output["ename"], output["evalue"])
        for index, cell in enumerate(document["cells"])
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    assert failed == []
    every_static_form_is_marked(document)

    shut_down_kernels(lab)
    open_notebook(page, lab, NAME)
    settle(page)
    cost = page.get_by_text("US$5 to US$9").first
    cost.scroll_into_view_if_needed()
    expect(cost).to_be_visible()
    page.screenshot(path=artifacts / "corpus-trusted.png")
    watched.is_text("opened again")

    document["metadata"]["changed_by"] = "somebody else"
    (lab.folder / "untrusted.ipynb").write_text(json.dumps(document))
    shut_down_kernels(lab)
    open_notebook(page, lab, "untrusted.ipynb")
    settle(page)
    cost.scroll_into_view_if_needed()
    expect(cost).to_be_visible()
    page.screenshot(path=artifacts / "corpus-untrusted.png")
    watched.is_text("opened again, untrusted")


def every_static_form_is_marked(document: Any) -> None:
    """Whoever typesets a page is told to leave ours alone."""
    import re

    forms = [
        "".join(output["data"]["text/html"])
        for cell in document["cells"]
        for output in cell["outputs"]
        if "text/html" in output.get("data", {})
    ]
    assert len(forms) > 30
    for form in forms:
        outer = re.match(r"<div data-daftnb-model=[^>]*>(<div[^>]*>)|<div[^>]*>", form)
        assert outer and "mathjax_ignore" in outer[0] and "tex2jax_ignore" in outer[0], form[:200]


def test_all_that_nbconvert_makes_of_it_is_text(watched: Watched, lab: Lab, tmp_path: Path) -> None:
    import nbformat
    from nbconvert import HTMLExporter

    document = nbformat.read(lab.folder / NAME, as_version=4)
    exporter = HTMLExporter()
    exporter.display_data_priority = ["text/html", "text/plain"]
    html, _ = exporter.from_notebook_node(document)
    (tmp_path / "corpus.html").write_text(html)
    watched.own = "file:"
    page = watched.page
    page.goto((tmp_path / "corpus.html").as_uri(), wait_until="domcontentloaded")
    # nbconvert's own page asks for these two, and nothing else.
    watched.is_text("nbconvert", ("https://cdnjs.cloudflare.com/ajax/libs/",))
    assert "US$5 to US$9" in page.evaluate("() => document.body.innerText")
