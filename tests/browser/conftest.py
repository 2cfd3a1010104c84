"""A real JupyterLab (and Notebook 7) and a real Chromium; one server for all browser tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.telemetry.snapshots import Snapshot, select
from tests.browser.previewpage import PAGE, preview_bundle, show
from tests.conftest import ROOT
from tests.helpers.notebooks import shut_down_kernels
from tests.helpers.servers import Lab, browsing, serving

__all__ = ["preview_bundle", "show"]  # fixtures

expect.set_options(timeout=30_000)  # what is drawn a moment later, on a machine whose cores are taken, is there too


def looks(wide: int) -> pytest.MarkDecorator:
    """Wide and narrow, light and dark; two of the four pairs are among the slow."""
    slow = pytest.mark.slow
    return pytest.mark.parametrize(
        ("width", "theme"),
        [
            (wide, "light"),
            (400, "dark"),
            pytest.param(wide, "dark", marks=slow),
            pytest.param(400, "light", marks=slow),
        ],
    )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with serving(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture(autouse=True)
def kernels_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no kernel of a test that failed live on, nor the cluster that it started."""
    yield
    if "lab" in request.fixturenames:
        shut_down_kernels(request.getfixturevalue("lab"))


@pytest.fixture
def page(chromium: Any, artifacts: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A new page; how it looked at the test's end is kept, and ``problems`` are its uncaught errors."""
    page = chromium.new_page(viewport={"width": 1500, "height": 1000})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    page.screenshot(path=artifacts / f"{request.node.name}-end.png")
    page.close()


# Draws a view of a model that is just three traits; what it sends is kept, and the kernel's part can be played. Each
# view gets a model object of its own, as anywidget does it.
DRAW = """async ([code, view, snapshot]) => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const {render} = await import(url);
    window.sent = [];
    window.drawnAt = performance.now() / 1000;
    const traits = {snapshot, _view: view, layout: {}};
    const handlers = {};
    const draw = () => render({el: document.getElementById('view'), model: {
        get: (name) => traits[name],
        on: (event, callback) => { handlers[event] = callback; },
        off() {},
        send: (content) => window.sent.push(content),
    }});
    window.tell = (message) => handlers['msg:custom'](message);
    window.keyframe = (snapshot) => { traits.snapshot = snapshot; handlers['change:snapshot'](); };
    window.undraw = draw();
    window.redraw = () => { window.undraw(); window.undraw = draw(); };
}"""

Draw = Callable[..., Any]


@pytest.fixture(scope="session")
def bundle(frontend: Callable[..., str]) -> str:
    """The bundle as the sources are now."""
    frontend("build.mjs")
    return (ROOT / "daftnb" / "static" / "daftnb.js").read_text(encoding="utf-8")


@pytest.fixture
def draw(chromium: Any, bundle: str, artifacts: Path) -> Iterator[Draw]:
    """Draws a view of a snapshot on a page of its own and gives the page; no page may have an uncaught error."""
    pages = []

    def drawn(snapshot: Snapshot, view: str = "cockpit", width: int = 1100, theme: str = "light") -> Any:
        page = chromium.new_page(viewport={"width": width, "height": 1000 if width > 780 else 2000})
        pages.append(page)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        html = PAGE.replace("THEME", str(theme == "light").lower())
        html = html.replace("BACKGROUND", "#ffffff" if theme == "light" else "#111111")
        page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto("http://daftnb.invalid/")
        page.evaluate(DRAW, [bundle, view, {**select(snapshot, view), "seq": 0}])
        page.locator(f".root[data-view={view}] .panel").first.wait_for()
        return page

    yield drawn
    for page in pages:
        page.close()
        assert page.problems == []


NOT_OURS = ("page-has-heading-one", "heading-order")  # the notebook's, not a view's


def everyone_can_read(page: Any, picture: Path) -> None:
    """Not wider than the page, and nothing that axe-core finds; a picture of it to look at."""
    page.screenshot(path=picture, full_page=True)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "wider than the page"
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=ROOT / "daftnb" / "frontend" / "node_modules" / "axe-core" / "axe.min.js")
    found = page.evaluate("() => axe.run()")
    wrong = [
        (violation["id"], node["html"][:200], node["failureSummary"])
        for violation in found["violations"]
        for node in violation["nodes"]
        if violation["id"] not in NOT_OURS
    ]
    assert wrong == []
    assert "color-contrast" in {passed["id"] for passed in found["passes"]}
