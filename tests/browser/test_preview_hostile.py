"""The preview and what is meant to harm or break it: hostile strings, odd messages, a kernel that fails."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import everyone_can_read
from tests.browser.fakekernel import FakeKernel, Made, every_kind, exact, numbers
from tests.browser.previewpage import Show, cell, header
from tests.browser.reading import text

pytestmark = [pytest.mark.browser]


def test_addresses_that_are_not_of_the_web_are_not_opened(show: Show) -> None:
    bad = ("javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "vbscript:x", "//x", "JaVaScript:1")

    def value(row: int) -> str:
        return bad[row % len(bad)]

    def link(row: int) -> Any:
        return {"kind": "link", "text": value(row), "href": value(row)}

    page = show(FakeKernel([Made("url", "File", "file", value, cell=link)], 10))
    for row in range(len(bad)):
        cell(page, row, 0).click()
        page.locator(".detail-pane pre").get_by_text(bad[row]).wait_for()
        expect(page.get_by_role("link")).to_have_count(0)
        page.get_by_text("Only http and https addresses are opened.").wait_for()


@pytest.mark.parametrize(("state", "words", "button"), [
    ("failed", "It failed.", "Run again"),
    ("lost", "A part of the data is gone from the cluster.", "Recompute"),
])  # fmt: skip
def test_what_failed_or_is_gone(state: str, words: str, button: str, show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(6), 1_000, state=state, rows=None, note="FileNotFoundError: /data/x.parquet")
    page = show(kernel)
    page.get_by_text(words).wait_for()
    page.get_by_text("FileNotFoundError").wait_for()
    page.screenshot(path=artifacts / f"preview-{state}.png")
    kernel.refuse["run"] = "The file is still not there."
    page.get_by_role("button", name=button).click()
    page.get_by_role("alert").get_by_text("still not there").wait_for()
    assert len(kernel.of("run")) == 1


def test_a_kernel_that_does_not_answer(show: Show, artifacts: Path) -> None:
    kernel = FakeKernel(numbers(4), 100_000)
    page = show(kernel)
    cell(page, 0, 0).click()
    kernel.mute.add("page")
    page.keyboard.press("Control+End")
    page.get_by_text("The kernel has not answered for a few seconds").wait_for()
    page.screenshot(path=artifacts / "preview-silent.png")
    kernel.mute.clear()
    for request in kernel.of("page"):
        message, buffer = kernel.answers(request)[0]
        page.evaluate("([m, b]) => window.tell(m, b)", [message, base64.b64encode(buffer or b"").decode()])
    page.get_by_text("The kernel has not answered").wait_for(state="detached")
    cell(page, 99_999, 3).get_by_text("999990003").wait_for()


def test_rows_that_the_kernel_cannot_give(show: Show) -> None:
    kernel = FakeKernel(numbers(4), 100_000)
    page = show(kernel)
    cell(page, 0, 0).click()
    kernel.refuse["page"] = "A part of the data is gone: its worker has left."
    page.keyboard.press("Control+End")
    page.get_by_role("alert").get_by_text("its worker has left").wait_for()
    asked = len(kernel.of("page"))
    page.keyboard.press("Control+Home")
    cell(page, 0, 0).wait_for()
    assert len(kernel.of("page")) == asked, "it is not asked for over and over"
    kernel.refuse.clear()
    page.keyboard.press("Control+End")
    page.get_by_role("button", name="Try again").click()
    cell(page, 99_999, 0).get_by_text("999990000").wait_for()


@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (0, 5), (4, 0), (1, 1)])
def test_next_to_nothing(columns: int, rows: int, show: Show, artifacts: Path) -> None:
    page = show(FakeKernel(numbers(columns), rows))
    words = "It has no columns." if columns == 0 else "It has no rows." if rows == 0 else "1 row × 1 column"
    page.get_by_text(words).wait_for()
    everyone_can_read(page, artifacts / f"preview-{columns}-columns-{rows}-rows.png") if columns else None
    if columns:
        header(page, "column 0").click()
        for key in ("ArrowDown", "ArrowUp", "Control+End", "PageDown", "Enter", "Escape", "Control+a"):
            page.keyboard.press(key)


HOSTILE = (
    "<script>window.hurt = 1</script>", "<img src=x onerror='window.hurt=1'>", "<svg onload=window.hurt=1>",
    "\"><iframe src='https://evil.invalid/'></iframe>", "javascript:window.hurt=1", "</style><script>hurt=1</script>",
    "<a href='javascript:window.hurt=1'>x</a>", "{{constructor.constructor('window.hurt=1')()}}", "${window.hurt=1}",
    "<link rel=stylesheet href=https://evil.invalid/x.css>", "<base href='https://evil.invalid/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.invalid/'>", "\u202egnp.exe\u202c", "\0\x1b[31m\x07",
    "<form action=https://evil.invalid/><button>", "' onmouseover='window.hurt=1", "url(https://evil.invalid/x.png)",
    "<template shadowrootmode=open><script>hurt=1</script></template>", "Z̴̛͎͇̩a̷l̶g̵o̸" * 20, "\ud7ff\uffff", "𝒳" * 300,
    "__proto__", "constructor", "toString",
    "<math><mtext></mtext><mglyph><svg><mtext><style><img src=x onerror=hurt=1>",
)  # fmt: skip


def test_hostile_strings_are_only_text(show: Show, artifacts: Path) -> None:
    def value(row: int) -> str:
        return HOSTILE[row % len(HOSTILE)]

    def tree(row: int) -> Any:
        node = {"t": "text", "v": value(row)}
        return {"kind": "tree", "tree": {"t": "struct", "n": 1, "items": [[value(row), node]]}}

    kinds = ("string", "list", "struct", "map", "file", "python", "decimal", "other", "timestamp")
    columns = [
        Made(value(i), value(i + 1), kind, lambda row, i=i: value(row + i), summary={
            "rows": exact(1000), "min": exact(value(i)), "max": exact(value(i + 2)), "distinct": exact(value(i)),
            "top": {"values": [{"value": value(k), "count": 9} for k in range(len(HOSTILE))], "how": "exact"},
            "note": value(i),
        }, cell=tree) for i, kind in enumerate(kinds * 3)
    ]  # fmt: skip
    kernel = FakeKernel(columns, 1_000, name=HOSTILE[0], note=HOSTILE[1])
    page = show(kernel, 2_400)
    cell(page, 0, 0).wait_for()
    page.locator(".head .track").first.wait_for(state="attached")
    page.screenshot(path=artifacts / "preview-hostile.png")
    for row in range(12):
        cell(page, row, 1).click()
        page.locator(".detail-pane .tree").wait_for()
    page.keyboard.press("Escape")
    page.locator(".head .more").first.click()
    page.locator(".frequent").wait_for()
    page.get_by_label("Value").fill(HOSTILE[1])
    page.keyboard.press("Enter")
    page.locator(".chips").wait_for()
    kernel.refuse["code"] = HOSTILE[2]
    page.get_by_role("button", name="Copy as code").click()
    page.locator(".popup .problem").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Columns").click()
    page.locator(".columns").wait_for()
    page.screenshot(path=artifacts / "preview-hostile-end.png")
    assert page.evaluate("() => window.hurt ?? null") is None
    allowed = page.evaluate("""() => [...window.shadow().querySelectorAll(
        'script, iframe, object, embed, link, meta, base, template, math, a')].length""")
    assert allowed == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "wider than the page"


def test_messages_that_no_kernel_sends_change_nothing(show: Show) -> None:
    kernel = FakeKernel(numbers(4), 1_000)
    page = show(kernel)
    cell(page, 0, 0).wait_for()
    before = text(page.locator(".rows"))
    page.evaluate("""() => {
        const odd = [null, 1, 'x', [], {}, {type: 'page'}, {type: 'page', id: 1}, {type: 'view', id: 1, view: -1},
            {type: 'error', id: 'x', message: 1}, {type: 'cell', id: 1, kind: 'tree', tree: {t: 'list', n: 1}},
            {type: 'summary', id: 2, view: 0, columns: {__proto__: {}}}, {type: 'download', id: 3, part: NaN}];
        for (const message of odd) window.tell(message);
        for (let id = 0; id < 3000; id++) window.tell({type: 'view', id, view: 9, state: 'ready', rows: 5});
    }""")
    expect(page.locator(".rows")).to_have_text(before, use_inner_text=True)


def test_nothing_is_left_behind(show: Show) -> None:
    page = show(FakeKernel(every_kind(100_000), 100_000), 3_400)
    cell(page, 0, 0).wait_for()
    left = page.evaluate("""async () => {
        window.undraw();
        let made = 0;
        const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
        URL.createObjectURL = (of) => { made++; return create.call(URL, of); };
        URL.revokeObjectURL = (address) => { made--; revoke.call(URL, address); };
        window.redraw();
        await new Promise((done) => setTimeout(done, 300));
        const while_ = made;
        window.undraw();
        return [while_ > 0, made, document.querySelectorAll('#view > *').length];
    }""")
    assert left == [True, 0, 0]
