"""How front-end code gets to a page: a bundle sent once per kernel, as a model, and a small loader with each widget.

There is a bundle of the live views and one of the previews, so that a page loads what it shows.
"""

from __future__ import annotations

import hashlib
import time
from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
import ipywidgets
import traitlets

ASKED_AGAIN_SECONDS = 0.5
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
VIEWS, PREVIEWS = "daftnb.js", "preview.js"  # the bundles


@cache
def built(name: str) -> str:
    """A file of the built front end."""
    path = files("daftnb") / "static" / name
    if not path.is_file():
        raise RuntimeError(
            f"daftnb/static/{name} is missing from this installation. Try: pip install --force-reinstall ."
        )
    return path.read_text(encoding="utf-8")


class Library(ipywidgets.Widget):
    """The bundle as a plain model: sent once per kernel, shared by all views of a page.

    A page drops its copy once it has loaded it. What runs notebooks without a page (nbclient) keeps each model's state
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
    """This kernel's one Library of a bundle."""
    found = _libraries.get(name)  # belong to the kernel's comm manager, as every widget does
    if found is None or found.comm is None:
        found = _libraries[name] = Library(code=built(name))
    return found


def leave_records() -> None:
    """Keep the bundles out of the notebook; after each cell that no page ran."""
    for each in list(_libraries.values()):
        each.leave_records()


@cache
def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def deliver_while_busy(widget: ipywidgets.Widget) -> None:
    """Let the page's messages reach a widget while a cell runs.

    ipykernel 7.4 sends them to the shell that last sent on the comm, which is the busy one; the default is the
    subshell that JupyterLab opened for widgets (``ipykernel/comm/comm.py``, ``_reply_subshell_for``).
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, default: default


class Loaded(anywidget.AnyWidget):
    """A widget that is drawn by ``bundle``: what all of ours have, whatever they show. ``view`` names its kind."""

    _esm = traitlets.Unicode().tag(sync=True)
    _view = traitlets.Unicode().tag(sync=True)
    _library_id = traitlets.Unicode().tag(sync=True)
    _library_hash = traitlets.Unicode().tag(sync=True)
    _own_layout: ipywidgets.Layout | None = None  # a widget too, with a comm of its own

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

    def close(self) -> None:
        """Let go of the page."""
        super().close()
        if self._own_layout is not None:
            self._own_layout.close()


def close_all(widget: ipywidgets.Widget) -> None:
    """Close one of ipywidgets' own, with all that was made for it: what it has in it, layouts, styles."""
    for part in (*getattr(widget, "children", ()), getattr(widget, "layout", None), getattr(widget, "style", None)):
        if isinstance(part, ipywidgets.Widget):
            close_all(part)
    widget.close()
