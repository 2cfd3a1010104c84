"""Live views in the places of their static forms, on a page alone: a manager of widgets that is played, no Jupyter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.browser]

PAGE = "<!doctype html><meta charset=utf-8><title>mount</title><main></main>"
# As much of Lumino and of JupyterLab's widget manager as is used; `views` are those that live.
PLAYED = """async (code) => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const {default: {initialize}} = await import(url);
    class Widget {
        static Msg = {BeforeDetach: 'before', AfterDetach: 'after'};
        static attach(widget, host) {
            if (!host.isConnected) throw new Error('Host is not attached.');
            host.append(widget.node);
            widget.attached = true;
        }
        node = document.createElement('div');
        slots = [];
        disposed = {connect: (slot) => this.slots.push(slot)};
        processMessage(message) { if (message === 'after') this.attached = false; }
        dispose() {
            for (const slot of this.slots) slot();
            if (!this.attached) return;
            if (!this.node.isConnected) throw new Error('Widget is not attached.');
            this.node.remove();
        }
    }
    window.views = new Set();
    window.Manager = class {
        kernel = {isDisposed: false};
        slots = [];
        context = {isDisposed: false, sessionContext: {disposed: {connect: (slot) => this.slots.push(slot)}}};
        models = new Map();
        has_model(id) { return this.models.has(id); }
        async get_model(id) { return this.models.get(id); }
        async create_view(model) {
            const view = {model, luminoWidget: new Widget(), remove() {
                if (views.delete(view)) view.luminoWidget.dispose();
            }};
            const {node} = view.luminoWidget;
            node.className = 'live';
            views.add(view);
            if (model.error) { node.classList.add('jupyter-widgets-error-widget'); node.textContent = 'an error'; }
            else if (!model.late) queueMicrotask(() => { node.innerHTML = '<p>live</p>'; });
            window.asked = (window.asked ?? 0) + 1;
            return view;
        }
        close(id) {
            const model = this.models.get(id);
            this.models.delete(id);
            for (const view of [...views]) if (view.model === model) view.remove();
        }
    };
    window.follow = (manager) => initialize({model: {widget_manager: manager}});
    window.output = (id) => {
        const area = document.createElement('div');
        area.className = 'jp-OutputArea';
        area.innerHTML = `<div><div data-daftnb-model="${id}"><div>static</div></div></div>`;
        return area;
    };
    window.main = document.querySelector('main');
    window.texts = () => [...document.querySelectorAll('[data-daftnb-model]')].map((place) => place.innerText.trim());
    // What the next frame shows: there is no frame between a change of the page and the view that follows from it.
    window.painted = () => new Promise((done) => requestAnimationFrame(() => done(texts())));
    window.manager = new Manager();
}"""


@pytest.fixture(scope="module")
def mounter(frontend: Callable[..., str]) -> str:
    frontend("build.mjs")
    return (ROOT / "daftnb" / "static" / "mount.js").read_text(encoding="utf-8")


@pytest.fixture
def played(chromium: Any, mounter: str) -> Iterator[Any]:
    page = chromium.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.clock.install()
    page.set_content(PAGE)
    page.evaluate(PLAYED, mounter)
    yield page
    page.close()
    assert problems == []


def test_a_view_takes_the_place_of_its_static_form_before_a_frame_is_painted(played: Any) -> None:
    played.evaluate("() => { manager.models.set('a', {}); main.append(output('a'), output('b')); follow(manager); }")
    played.wait_for_function("() => texts()[0] === 'live'")
    assert played.evaluate("() => texts()") == ["live", "static"], "nobody has a model for the other"
    shown = "async () => { main.append(output('a')); await null; await null; await null; return await painted(); }"
    assert played.evaluate(shown) == ["live", "static", "live"], "one output twice, as a copy of it"
    assert played.evaluate("() => views.size") == 2


def test_a_model_that_comes_after_its_place(played: Any) -> None:
    played.evaluate("() => { main.append(output('a')); follow(manager); manager.models.set('a', {}); }")
    assert played.evaluate("() => texts()") == ["static"]
    played.clock.run_for(2_000)
    played.wait_for_function("() => texts()[0] === 'live'")


def test_the_static_form_stays_until_something_is_drawn(played: Any) -> None:
    played.evaluate("() => { manager.models.set('a', {late: true}); main.append(output('a')); follow(manager); }")
    played.wait_for_function("() => views.size === 1 && document.querySelector('.live')")
    assert played.evaluate("() => texts()") == ["static"]
    played.evaluate("() => { document.querySelector('.live').innerHTML = '<p>live</p>'; }")
    played.wait_for_function("() => texts()[0] === 'live'")


@pytest.mark.parametrize("failing", ["{error: true}", "{comm_live: false}", "null"])
def test_what_cannot_be_drawn_leaves_the_static_form(failing: str, played: Any) -> None:
    """A view that fails, a model of a kernel that was started again, one that could not be made."""
    played.evaluate(f"() => {{ manager.models.set('a', {failing}); main.append(output('a')); follow(manager); }}")
    played.clock.run_for(10_000)
    assert played.evaluate("() => painted()") == ["static"]
    assert played.evaluate("() => views.size") == 0
    assert played.evaluate("() => window.asked ?? 0") <= 1, "it is not tried again and again"


def test_a_view_goes_with_its_output_and_stays_while_that_is_out_of_sight(played: Any) -> None:
    played.evaluate("""() => {
        manager.models.set('a', {});
        window.area = output('a');
        main.append(area);
        follow(manager);
    }""")
    played.wait_for_function("() => texts()[0] === 'live'")
    played.evaluate("() => { window.first = document.querySelector('.live'); area.remove(); }")
    played.clock.run_for(10_000)
    assert played.evaluate("() => views.size") == 1, "it is scrolled out of sight"
    played.evaluate("() => main.append(area)")
    assert played.evaluate("() => document.querySelector('.live') === first")
    played.evaluate("() => area.remove()")
    played.clock.run_for(30_000)
    assert played.evaluate("() => views.size") == 0, "it was deleted, or nobody looks at it"
    assert played.evaluate("async () => { main.append(area); return await painted(); }") == ["live"]
    # The output is brought up to date.
    played.evaluate("() => { area.firstChild.innerHTML = output('a').firstChild.innerHTML; }")
    played.wait_for_function("() => texts()[0] === 'live'")
    assert played.evaluate("() => views.size") == 1
    played.evaluate("() => area.replaceChildren()")
    assert played.evaluate("() => views.size") == 0, "the output was cleared"


def test_a_model_that_is_closed_leaves_the_static_form(played: Any) -> None:
    played.evaluate("""() => {
        manager.models.set('a', {}).set('b', {});
        main.append(output('a'), output('b'));
        follow(manager);
    }""")
    played.wait_for_function("() => views.size === 2 && texts().every((text) => text === 'live')")
    played.evaluate("() => { manager.close('a'); main.lastChild.remove(); manager.close('b'); }")
    played.clock.run_for(5_000)
    assert played.evaluate("() => texts()") == ["static"]
    assert played.evaluate("() => views.size") == 0


def test_each_manager_has_one_that_mounts_and_a_notebook_that_is_closed_has_none(played: Any) -> None:
    played.evaluate("""() => {
        manager.models.set('a', {});
        window.other = new Manager();
        other.models.set('b', {});
        follow(manager); follow(other); follow(manager);  // the last: the kernel was started again
        main.append(output('a'), output('b'));
    }""")
    played.wait_for_function("() => texts().every((text) => text === 'live')")
    assert played.evaluate("() => views.size") == 2
    played.evaluate("""() => {
        other.context.isDisposed = true;
        main.lastChild.remove();
    }""")
    assert played.evaluate("() => views.size") == 1
    played.clock.run_for(3_000)
    played.evaluate("() => main.append(output('b'))")
    played.clock.run_for(3_000)
    assert played.evaluate("() => painted()") == ["live", "static"], "opened again, it has a manager of its own"
    played.evaluate("() => { const next = new Manager(); next.models.set('b', {}); follow(next); }")
    played.wait_for_function("() => texts()[1] === 'live'")


def test_a_notebook_that_is_closed_tells_its_kernel(played: Any) -> None:
    """While it still can: JupyterLab ends the connection right after that."""
    played.evaluate("() => { manager.models.set('a', {}); main.append(output('a')); follow(manager); }")
    played.wait_for_function("() => texts()[0] === 'live'")
    assert played.evaluate("() => { for (const slot of manager.slots) slot(); return views.size; }") == 0
    played.clock.run_for(5_000)
    assert played.evaluate("() => views.size") == 0


ROOM = 20  # views out of sight that stay drawn
MANY = """(count) => {
    for (let i = 0; i < count; i += 1) {
        manager.models.set(`m${i}`, {});
        const area = output(`m${i}`);
        area.style.height = '400px';
        main.append(area);
    }
    follow(manager);
}"""
STATES = "() => texts().map((text, i) => [text, document.querySelectorAll('[data-daftnb-model]')[i].style.height])"


def test_of_the_views_out_of_sight_the_last_twenty_stay_drawn(played: Any) -> None:
    """The page has 720 pixels, and half as many about it count as seen; each output has 400."""
    played.evaluate(MANY, 40)
    played.wait_for_function(f"() => views.size <= {ROOM + 4} && texts()[0] === 'live'")
    states = played.evaluate(STATES)
    drawn = [at for at, (text, _) in enumerate(states) if text == "live"]
    held = [at for at, (_, height) in enumerate(states) if height]
    assert drawn[:2] == [0, 1], "in sight"
    assert sorted([*drawn, *held]) == list(range(40)), "the others are as high as they were"
    assert ROOM < len(drawn) <= ROOM + 4
    played.clock.run_for(5_000)
    assert played.evaluate("() => views.size") == len(drawn), "none is drawn again while it is out of sight"
    first = held[0]
    played.evaluate("(at) => main.children[at].scrollIntoView()", first)
    played.wait_for_function(f"() => texts()[{first}] === 'live'")
    played.wait_for_function(f"() => views.size <= {ROOM + 6}")
    assert played.evaluate(STATES)[first] == ["live", ""]


def test_a_view_that_its_kernel_closed_says_so_without_an_element(played: Any) -> None:
    played.evaluate(MANY, 40)
    played.wait_for_function(f"() => views.size <= {ROOM + 4} && texts()[0] === 'live'")
    resting = next(at for at, (_, height) in enumerate(played.evaluate(STATES)) if height)
    played.evaluate("(at) => { manager.close('m0'); manager.close(`m${at}`); }", resting)
    said = """(at) => {
        const place = main.children[at].querySelector('[data-daftnb-model]');
        return [place.innerHTML, getComputedStyle(place, '::after').content, place.style.height];
    }"""
    left = '"Only the latest views stay live. Run the cell again to bring this one back."'
    assert played.evaluate(said, 0) == ["<div>static</div>", left, ""]
    played.evaluate("(at) => main.children[at].scrollIntoView()", resting)
    played.wait_for_function("(at) => main.children[at].querySelector('[data-daftnb-left]')", arg=resting)
    assert played.evaluate(said, resting) == ["<div>static</div>", left, ""]
    assert played.evaluate("() => document.querySelectorAll('[data-daftnb-left]').length") == 2
