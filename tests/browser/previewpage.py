"""Shows a preview on a page of its own, with a kernel that is played; and finds things in it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.fakekernel import FakeKernel
from tests.conftest import ROOT

SHADOW = """(index) => { window.shadow = () => {
    const roots = [...document.querySelectorAll('.jp-OutputArea-output div')].filter((div) => div.shadowRoot);
    return roots[index].shadowRoot;
}; }"""


PAGE = """<!doctype html><html lang="en"><title>daftnb</title>
<body data-jp-theme-light="THEME" style="margin: 8px; background: BACKGROUND"><main id="view"></main></body></html>"""

# The widget's model: two traits, and a line to the kernel that answers after a while. Buffers come as they do from a
# socket: somewhere inside a larger one.
DRAW = """async ([code, table, first, delay]) => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const {render} = await import(url);
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const view = (part) => {
        const whole = new Uint8Array(part.length + 8);
        whole.set(part, 3);
        return new DataView(whole.buffer, 3, part.length);
    };
    const traits = {table, page: view(bytes(first)), _view: 'preview', layout: {}};
    const handlers = {};
    window.tell = (message, buffer) => [...(handlers['msg:custom'] ?? [])].forEach((one) =>
        one(message, buffer ? [view(bytes(buffer))] : []));
    window.change = (changed) => {
        Object.assign(traits, changed, changed.page === undefined ? {} : {page: view(bytes(changed.page))});
        for (const name of Object.keys(changed)) [...(handlers[`change:${name}`] ?? [])].forEach((one) => one());
    };
    const send = async (content) => {
        const [answers] = await Promise.all([window.kernel(JSON.stringify(content)),
            new Promise((done) => setTimeout(done, delay))]);
        for (const [message, buffer] of JSON.parse(answers)) window.tell(message, buffer);
    };
    const draw = () => render({el: document.getElementById('view'), model: {
        get: (name) => traits[name],
        on: (event, callback) => (handlers[event] ??= new Set()).add(callback),
        off: (event, callback) => handlers[event]?.delete(callback),
        send,
    }});
    window.undraw = draw();
    window.redraw = () => { window.undraw(); window.undraw = draw(); };
    window.shadow = () => document.querySelector('#view > div').shadowRoot;
}"""

Show = Callable[..., Any]


@pytest.fixture(scope="session")
def preview_bundle(frontend: Callable[..., str]) -> str:
    """The preview's bundle as the sources are now."""
    frontend("build.mjs")
    return (ROOT / "daftnb" / "static" / "preview.js").read_text(encoding="utf-8")


@pytest.fixture
def show(chromium: Any, preview_bundle: str) -> Iterator[Show]:
    """Shows a fake kernel's table on a page of its own; no page may have an uncaught error, or go anywhere."""
    contexts = []

    def shown(kernel: FakeKernel, width: int = 1200, theme: str = "light", delay: int = 5, **options: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 780 else 1100},
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.problems, page.went = [], []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("dialog", lambda dialog: (page.went.append(f"dialog {dialog.message}"), dialog.dismiss()))
        context.on("page", lambda other: page.went.append(f"page {other.url}"))
        html = PAGE.replace("THEME", str(theme == "light").lower())
        html = html.replace("BACKGROUND", "#ffffff" if theme == "light" else "#111111")

        def answer(route: Any) -> None:
            if route.request.url != "https://daftnb.invalid/":
                page.went.append(f"request {route.request.url}")
            route.fulfill(body=html, content_type="text/html")

        context.route("**/*", answer)
        page.expose_function("kernel", kernel.talk)
        page.goto("https://daftnb.invalid/")
        page.on("framenavigated", lambda frame: page.went.append(f"navigation {frame.url}"))
        page.evaluate(DRAW, [preview_bundle, kernel.table, base64.b64encode(kernel.first_page()).decode(), delay])
        page.locator(".root[data-view=preview] > *").first.wait_for()
        return page

    yield shown
    for context in contexts:
        pages = [page for page in context.pages if hasattr(page, "problems")]
        found = [(page.problems, page.went) for page in pages]
        context.close()
        assert found == [([], [])]


def cell(page: Any, row: int, column: int) -> Any:
    """A cell by its row of the view and its column as shown."""
    return page.locator(f".rows [aria-rowindex='{row + 2}'] [aria-colindex='{column + 2}']")


def focused(page: Any) -> tuple[int, int] | None:
    """Row (−1: the header) and column of the cell that has the focus."""
    found = page.evaluate("""() => {
        const cell = window.shadow().activeElement?.closest('[aria-colindex]');
        return cell && [cell.closest('[aria-rowindex]').ariaRowIndex - 2, cell.ariaColIndex - 2];
    }""")
    return found and tuple(found)


def until(page: Any, condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait for something of the kernel's side, which is played between the page's own steps."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        page.wait_for_timeout(20)
    return value


def clipboard(page: Any) -> str:
    return str(page.evaluate("() => navigator.clipboard.readText()"))


def header(page: Any, name: str) -> Any:
    return page.locator(f".head .cell:has(.name bdi:text-is('{name}'))")


def scroll(page: Any, down: float | None = None, right: float | None = None) -> None:
    """Put the scroll bars at a share of their way."""
    page.evaluate("""([down, right]) => {
        const box = window.shadow().querySelector('.scroller');
        if (down !== null) box.scrollTop = down * box.scrollHeight;
        if (right !== null) box.scrollLeft = right * box.scrollWidth;
    }""", [down, right])  # fmt: skip
