"""Gets front-end code to a page: the bundle once for each kernel, and a small loader with each widget.

There is a bundle of the live views and one of the previews, so that a page loads what it shows.

What an output holds depends on who shows it (:func:`reader`), as a saved notebook must say something once its kernel
has ended. JupyterLab and Notebook 7 show a widget rather than the HTML beside it, also when there is no such widget any
more. So they are given the HTML alone, inside an element that names the widget; the :class:`Mounter` puts the live view
in its place. VS Code shows the HTML by itself where the widget is gone, and gets both.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import anywidget
import ipywidgets
import traitlets

from daftnb.built import built
from daftnb.text.plain import printable

ASKED_AGAIN_SECONDS = 0.5
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
VIEWS, PREVIEWS = "daftnb.js", "preview.js"  # the bundles

Reader = Literal["mounting", "widgets", "none"]
"""Who shows an output: a page that puts views into HTML, one that shows widgets, or none (nbclient, papermill)."""


class Library(ipywidgets.Widget):
    """The bundle as a plain model: sent once per kernel, shared by all views of a browser.

    A browser drops its copy once it has loaded it. What runs notebooks without one (nbclient) keeps each model's state
    in the notebook, so there it is emptied when the cell is over. Who lacks it asks for it (``code``).
    """

    _model_name = traitlets.Unicode("WidgetModel").tag(sync=True)
    _model_module = traitlets.Unicode("@jupyter-widgets/base").tag(sync=True)
    _model_module_version = traitlets.Unicode("2.0.0").tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    _kept = False  # by whoever records the state of models
    _sent_at = 0.0  # a page that waits asks again each second, and all of it may come at once when a cell is over

    def __init__(self, code: str) -> None:
        super().__init__(code=code)
        deliver_while_busy(self)
        self._kept = True
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if content == {"type": "code"} and time.monotonic() - self._sent_at >= ASKED_AGAIN_SECONDS:
            self.send_state("code")
            self._kept, self._sent_at = True, time.monotonic()

    def leave_records(self) -> None:
        """Empty the copies of the bundle outside the kernel, if there may be any. On the shell's thread."""
        if self._kept and self.comm is not None:
            self._kept = False
            self._send({"method": "update", "state": {"code": ""}, "buffer_paths": []})


_libraries: dict[str, Library] = {}


def library(name: str = VIEWS) -> Library:
    """Return this kernel's one Library of a bundle."""
    found = _libraries.get(name)  # belong to the kernel's comm manager, as every widget does
    if found is None or found.comm is None:
        found = _libraries[name] = Library(code=built(name))
    return found


def leave_records() -> None:
    """Keep the bundles out of the notebook; call it after each cell that no browser ran."""
    for each in list(_libraries.values()):
        each.leave_records()


@cache
def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def deliver_while_busy(widget: ipywidgets.Widget) -> None:
    """Let the browser's messages reach a widget while a cell runs.

    ipykernel 7.4 sends them to the shell that last sent on the comm, which is the busy one; the default is the subshell
    that JupyterLab opened for widgets (``ipykernel/comm/comm.py``, ``_reply_subshell_for``).
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, default: default


class Mounter(anywidget.AnyWidget):
    """A model without a view, one per kernel: its script puts live views in the places that outputs keep for them."""

    def __init__(self) -> None:
        super().__init__(_esm=built("mount.js"))


_mounters: list[Mounter] = []
_reader: list[Reader] = []  # the one of the latest cell that displayed something of ours


def _mount() -> None:
    """Have the browser mount views from now on."""
    if not _mounters or _mounters[0].comm is None:  # somebody may close all widgets
        _mounters[:] = [Mounter()]


def reader_of(request: Mapping[str, Any], environment: Mapping[str, str]) -> Reader:
    """Return who reads the output of a cell, told by its ``execute_request`` and the kernel's environment.

    JupyterLab and Notebook 7 name the cell and the deleted ones, VS Code names the cell by its address, other pages may
    name nothing but answer ``input()``, which nbclient does not. Voilà runs a notebook by nbclient, for a page.
    """
    metadata = request.get("metadata") or {}
    cell = str(metadata.get("cellId") or "")
    if "deletedCells" in metadata and cell and ":" not in cell:
        return "mounting"
    by_voila = "VOILA_PREHEAT" in environment or environment.get("SERVER_SOFTWARE", "").startswith("voila/")
    headless = "cellId" not in metadata and (request.get("content") or {}).get("allow_stdin") is False
    return "none" if headless and not by_voila else "widgets"


def reader() -> Reader:
    """Return who reads what is displayed now. A button's or a timer's display goes where the latest cell's went."""
    from IPython.core.getipython import get_ipython

    get_parent = getattr(get_ipython(), "get_parent", None)  # no shell, or a terminal's
    parent = (get_parent() if get_parent is not None else None) or {}
    if parent.get("msg_type", (parent.get("header") or {}).get("msg_type")) == "execute_request":
        _reader[:] = [reader_of(parent, os.environ)]
    return _reader[0] if _reader else "widgets"


def bundle_of(text: str, html: str, widget: ipywidgets.Widget, to: Reader) -> dict[str, Any]:
    """Return what an output holds: the static forms, and what ``to`` needs to show ``widget`` instead of them."""
    if to == "mounting" and widget.comm is not None:
        _mount()
        html = f'<div data-daftnb-model="{widget.model_id}">{html}</div>'
    found: dict[str, Any] = {"text/plain": printable(text), "text/html": html}
    if to == "widgets" and widget.comm is not None:
        found[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return found


class Loaded(anywidget.AnyWidget):
    """A widget that is drawn by ``bundle``: what all of ours have, whatever they show. ``view`` names its kind."""

    _esm = traitlets.Unicode().tag(sync=True)
    _view = traitlets.Unicode().tag(sync=True)
    _library_id = traitlets.Unicode().tag(sync=True)
    _library_hash = traitlets.Unicode().tag(sync=True)
    _own_layout: ipywidgets.Layout | None = None  # a widget too, with a comm of its own
    _reader: Reader | None = None  # of what is displayed

    def __init__(self, view: str, bundle: str, **state: Any) -> None:
        shared = library(bundle)
        super().__init__(
            _esm=built("loader.js"),
            _view=view,
            _library_id=shared.model_id,
            _library_hash=_hash(built(bundle)),
            _view_count=0,
            **state,
        )
        deliver_while_busy(self)
        self._own_layout = self.layout
        if self.comm is not None:
            self.comm.on_close(lambda _message: self.close())  # the page has closed it

    def _bundle(self, to: Reader | None = None) -> dict[str, Any]:
        """Return what an output holds, as ``to`` reads it (None: whoever reads what is displayed now)."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self._reader = reader()
        return self._bundle(self._reader), {}

    def _repr_html_(self) -> str:
        return str(self._bundle(to="none")["text/html"])

    @property
    def over(self) -> bool:
        """Return True once what it shows does not change any more by itself."""
        return False

    def retire(self, though_shown: bool = False) -> bool:
        """Leave the page only what needs no kernel, and close. On the shell's thread.

        Parameters
        ----------
        though_shown
            Also where a page shows it now.

        Returns
        -------
        bool
            False where that cannot be done, or not yet.
        """
        if self.comm is None:
            return True
        if (self._view_count and not though_shown) or not self.over or not self._leave_static():
            return False
        self.close()
        return True

    def _leave_static(self) -> bool:
        """Have the page show the static form once this has closed; return False where it would show nothing."""
        return self._reader == "mounting"  # such a page keeps it, and puts it back (see mount.ts)

    def close(self) -> None:
        """Close the widget and its layout, also in the browser."""
        super().close()
        if self._own_layout is not None:
            self._own_layout.close()


def close_all(widget: ipywidgets.Widget) -> None:
    """Close one of ipywidgets' own with all that was made for it: what it has in it, layouts, styles."""
    for part in (*getattr(widget, "children", ()), getattr(widget, "layout", None), getattr(widget, "style", None)):
        if isinstance(part, ipywidgets.Widget):
            close_all(part)
    widget.close()
