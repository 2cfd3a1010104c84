"""Asks the page for an answer, and shows what ``doctor`` has found, that answer included.

A model without a view is made; its script runs in the page as soon as the page knows the model, and sends a message
back. That is the way that every live view goes: the widget manager, anywidget, a module that is loaded, the comm and
its subshell. The kernel hears it while the cell runs only if it has subshells and the page uses them; otherwise the
answer comes when the cell is over, and the table is brought up to date then.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anywidget

from daftnb.doctor.finding import Finding
from daftnb.doctor.html import findings_html
from daftnb.doctor.jupyter import PART, hears_while_busy, kernel_of
from daftnb.doctor.report import doctor_text, examine
from daftnb.text.numbers import duration
from daftnb.text.plain import printable
from daftnb.widgets.loading import deliver_while_busy

NAME = "the page's answer"
BUSY_SECONDS = 1.5  # waited for while the cell runs, counted from the asking
IDLE_SECONDS = 5.0  # waited for once it is over
LONGEST = 40  # characters of what the page says of itself
INSTALL = (
    "Reload the page. If that does not help: pip install ipywidgets anywidget where Jupyter itself is installed. "
    "The static views still work."
)

# The first message may wait behind the cell, as the subshell for the next ones is only being made: so it asks again.
SCRIPT = """
function initialize({ model }) {
  const about = () => {
    let config = {};
    try { config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}"); } catch {}
    return { app: String(config.appName ?? ""), version: String(config.appVersion ?? "") };
  };
  let left = 12;
  const say = () => { if (left-- > 0) model.send({ type: "here", ...about() }); else clearInterval(timer); };
  const timer = setInterval(say, 200);
  say();
  return () => clearInterval(timer);
}
export default { initialize };
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page answered: after how many seconds, what it says that it is, and whether the cell was running."""

    seconds: float
    page: str
    busy: bool


class Probe(anywidget.AnyWidget):
    """The model that is asked with. ``heard`` is called once, with what the page says that it is."""

    _esm = SCRIPT

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._answered = False
        super().__init__()
        deliver_while_busy(self)
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if self._answered or not isinstance(content, dict) or content.get("type") != "here":
            return
        self._answered = True
        said = (content.get(key) for key in ("app", "version"))
        self._heard(" ".join(text[:LONGEST] for text in said if isinstance(text, str) and text))


def judge(answer: Answer | None, waited: bool, by_a_page: bool, subshells: bool) -> Finding:
    """Judge the page's answer, or that there is none yet.

    ``waited``: for IDLE_SECONDS after the cell. ``by_a_page``: what runs the cell names it, as pages do.
    ``subshells``: the kernel has them.
    """
    if answer is not None:
        page = answer.page or "a page"
        when = "while the cell ran" if answer.busy else "once the cell was over"
        return Finding(PART, NAME, "ok", f"{page} answered after {duration(answer.seconds)}, {when}: live views work")
    if not by_a_page:
        detail = "what runs this notebook is not a page (it names no cell), so views are static: HTML and text"
        return Finding(PART, NAME, "ok", detail)
    if waited:
        detail = f"none within {IDLE_SECONDS:.0f} s after the cell: live views do not work in this page"
        return Finding(PART, NAME, "problem", detail, INSTALL)
    why = f"none within {BUSY_SECONDS} s" if subshells else "this kernel cannot hear it"
    detail = f"{why} while the cell runs, so daftnb cannot tell yet"
    return Finding(PART, NAME, "warning", detail, "This line is updated when the cell is over.")


def show(session: Any) -> None:
    """Examine and display everything: in a terminal or a script as text, in a notebook as a table.

    The table has the page's answer too.
    """
    kernel = kernel_of()
    if kernel is None:
        print(doctor_text(examine(session)))
        return
    Consultation(session, kernel).hold()


class Consultation:
    """One ``%daft doctor`` in a notebook: asks the page, displays the table, and brings it up to date."""

    def __init__(self, session: Any, kernel: Any) -> None:
        self._session = session
        self._shell = kernel.shell
        self._subshells = hears_while_busy(kernel)
        metadata = self._shell.get_parent().get("metadata") or {}
        self._by_a_page = metadata.get("cellId") is not None
        self._context = contextvars.copy_context()  # what is displayed from another thread belongs to this cell
        self._asked = time.monotonic()
        self._came = threading.Event()
        self._over = False  # the cell is
        self._answer: Answer | None = None
        self._findings: list[Finding] = []
        self._showing = threading.Lock()  # the shell's thread, a subshell's and the timer's
        self._handle: Any = None
        self._timer: threading.Timer | None = None
        self._events = {"pre_run_cell": self._before_cell, "post_run_cell": self._after_cell}
        self._probe = Probe(self._hear)

    def hold(self) -> None:
        """Examine while the page is asked, and display the table. Runs on the shell's thread, in the cell."""
        from IPython.display import display

        self._findings = examine(self._session)
        if self._by_a_page and self._subshells:
            self._came.wait(max(0.0, self._asked + BUSY_SECONDS - time.monotonic()))
        with self._showing:
            answered = self._answer is not None
            self._handle = display(self._bundle(waited=False), raw=True, display_id=True)
            if not answered:
                for event, callback in self._events.items():
                    self._shell.events.register(event, callback)
        if answered:
            self._probe.close()

    def _hear(self, page: str) -> None:
        """Take the page's answer. Runs on a subshell's thread, which may run beside a cell, or on the shell's."""
        self._answer = Answer(time.monotonic() - self._asked, page, busy=not self._over)
        self._came.set()
        self._bring_up_to_date()

    def _before_cell(self, _info: Any) -> None:
        """Stop the clock while another cell runs: without subshells the page is not heard then."""
        if self._timer is not None:
            self._timer.cancel()

    def _after_cell(self, _result: Any) -> None:
        self._over = True
        self._timer = threading.Timer(IDLE_SECONDS, self._bring_up_to_date)
        self._timer.daemon = True
        self._timer.start()

    def _bring_up_to_date(self) -> None:
        """Show the answer, or that time is up without one; an answer that comes later still counts."""
        with self._showing:
            if self._handle is None:
                return  # it is displayed soon, with the answer
            events, self._events = self._events, {}
            for event, callback in events.items():
                self._shell.events.unregister(event, callback)
            if self._timer is not None:
                self._timer.cancel()
            self._context.copy().run(self._handle.update, self._bundle(waited=True), raw=True)
        if self._answer is not None:
            self._probe.close()

    def _bundle(self, waited: bool) -> Mapping[str, str]:
        answer = judge(self._answer, waited, self._by_a_page, self._subshells)
        last = max(i for i, finding in enumerate(self._findings) if finding.part == PART)
        findings = [*self._findings[: last + 1], answer, *self._findings[last + 1 :]]
        return {"text/plain": printable(doctor_text(findings)), "text/html": findings_html(findings)}
