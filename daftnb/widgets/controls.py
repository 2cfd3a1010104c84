"""The panel for the autoscaling settings, of ipywidgets: what is set, and what is in effect.

Its home is ``os.environ``, as everywhere: a change made elsewhere shows here at the next snapshot. What is in effect is
what the last query's settings were when they were read back from the process that decides.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

from daftnb.errors import SettingError
from daftnb.settings import SETTINGS, current
from daftnb.telemetry.wire import SettingRow, Settings, Snapshot
from daftnb.text.plain import printable
from daftnb.text.states import setting_words
from daftnb.text.tables import PLAIN, ROOT, escape
from daftnb.widgets.loading import Reader, bundle_of, close_all, deliver_while_busy, reader

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from daftnb.telemetry.host import Host

_SWITCH = (("on", "1"), ("off", "0"))


class Controls:
    """One row per setting: a field, what is in effect, and whether the next query will change it.

    Attributes
    ----------
    box
        The widgets, in one.

    Parameters
    ----------
    session
        What sets a value, and whose snapshots say what is in effect.
    """

    def __init__(self, session: Host) -> None:
        self._session = session
        self._fields: dict[str, Any] = {}
        self._in_effect: dict[str, ipywidgets.HTML] = {}
        self._from_outside = False
        self._display: DisplayHandle | None = None
        self._reader: Reader | None = None  # of the display
        self._static = ""
        self._message = ipywidgets.HTML()
        self.box = self._build()
        for widget in self._fields.values():
            deliver_while_busy(widget)
        session.monitor.listeners.append(self)
        self.publish(session.snapshot())

    def _build(self) -> ipywidgets.VBox:
        rows = [ipywidgets.HTML("<b>Controls</b> &nbsp; take effect on the next query")]
        for name, setting in SETTINGS.items():
            style = {"description_width": "10rem"}
            layout = ipywidgets.Layout(width="18rem")
            common = {"description": setting.label, "tooltip": setting.help, "style": style, "layout": layout}
            if setting.kind != "number":
                field = ipywidgets.Dropdown(options=setting.choices or _SWITCH, **common)
            else:
                field = ipywidgets.Text(continuous_update=False, **common)
            field.observe(self._changed, names="value")
            self._fields[name] = field
            self._in_effect[name] = ipywidgets.HTML()
            rows.append(ipywidgets.HBox([field, self._in_effect[name]], layout=ipywidgets.Layout(flex_flow="row wrap")))
        reset = ipywidgets.Button(description="Back to defaults", tooltip="Daft's documented defaults, for all of them")
        reset.on_click(lambda _button: self._reset())
        rows.append(ipywidgets.HBox([reset, self._message], layout=ipywidgets.Layout(flex_flow="row wrap")))
        return ipywidgets.VBox(rows)

    def _changed(self, change: Any) -> None:
        if self._from_outside:
            return
        name = next(name for name, field in self._fields.items() if field is change["owner"])
        try:
            self._session.set(**{name: change["new"]})
            self._message.value = ""
        except SettingError as error:
            self._message.value = f'<span {PLAIN} role="alert">✕ {escape(error.what)}</span>'
            self._show(name, current().text(name))
        self.publish(self._session.snapshot())

    def _reset(self) -> None:
        for name, setting in SETTINGS.items():
            self._session.set(**{name: setting.default})
        self._message.value = ""
        self.publish(self._session.snapshot())

    def _show(self, name: str, text: str) -> None:
        field = self._fields[name]
        if field.value != text:
            self._from_outside = True
            try:
                field.value = text
            finally:
                self._from_outside = False

    @property
    def looking(self) -> bool:
        """Return True while the panel is open: it costs a few short texts, sent only when they change."""
        return self.box.comm is not None

    def publish(self, snapshot: Snapshot) -> None:
        """Show what is set and what is in effect.

        Parameters
        ----------
        snapshot
            All topics; the settings of it are shown.
        """
        settings = snapshot["settings"]
        for name, row in settings["rows"].items():
            self._show(name, row["set"])
            self._in_effect[name].value = in_effect_html(row, settings["number"])

    def close(self) -> None:
        """Close the panel in the browser, and leave the monitor."""
        if self in self._session.monitor.listeners:
            self._session.monitor.listeners.remove(self)
        close_all(self.box)

    # -- the static view ----------------------------------------------------------------------------------------------

    def _bundle(self) -> dict[str, Any]:
        settings = self._session.snapshot()["settings"]
        self._static = controls_text(settings)
        return bundle_of(self._static, controls_html(settings), self.box, self._reader or reader())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._reader = reader()
        self._display = display(self._bundle(), raw=True, display_id=True)

    def _repr_html_(self) -> str:
        """Return what is set, for where ipywidgets do not work (marimo): the cockpit's Settings tab can change it."""
        return controls_html(self._session.snapshot()["settings"])

    def __str__(self) -> str:
        return printable(controls_text(self._session.snapshot()["settings"]))

    def keep_static(self) -> None:
        """Bring the static view in the notebook up to date, if what it shows has changed."""
        if self._display is not None and controls_text(self._session.snapshot()["settings"]) != self._static:
            self._display.update(self._bundle(), raw=True)


def in_effect_html(row: SettingRow, number: int | None) -> str:
    """Return one row's right side: what is in effect, since which query, and whether it will change."""
    if row["in_effect"] is None:
        return f'<span {PLAIN} style="opacity:.75">in effect: — (no query on Ray yet)</span>'
    text = f"in effect: <b>{html.escape(setting_words(row, 'in_effect'))}</b> · read back at query {number}"
    text += f" · <b>next query: {html.escape(setting_words(row, 'set'))}</b>" if row["pending"] else ""
    return f"<span {PLAIN}>{text}</span>"


def controls_html(settings: Settings) -> str:
    """Return the panel as a table without script."""
    head = "".join(f'<th style="text-align:left;padding:2px 12px 2px 0">{t}</th>' for t in ("", "set", "in effect"))
    rows = "".join(
        "<tr>"
        f'<td style="text-align:left;padding:2px 12px 2px 0">{html.escape(row["label"])}</td>'
        f'<td style="text-align:left;padding:2px 12px 2px 0">{html.escape(setting_words(row, "set"))}</td>'
        f'<td style="text-align:left;padding:2px 12px 2px 0">{html.escape(setting_words(row, "in_effect"))}'
        + (" (next query changes it)" if row["pending"] and row["in_effect"] is not None else "")
        + "</td></tr>"
        for name, row in settings["rows"].items()
    )
    return f"{ROOT}<b>Controls</b> {html.escape(_since(settings))}<table><tr>{head}</tr>{rows}</table></div>"


def controls_text(settings: Settings) -> str:
    """Return the panel as text."""
    lines = [f"{'setting':<20} {'set':<8} in effect {_since(settings)}".rstrip()]
    for row in settings["rows"].values():
        lines.append(f"{row['label']:<20} {setting_words(row, 'set'):<8} {setting_words(row, 'in_effect')}")
    return "\n".join(lines)


def _since(settings: Settings) -> str:
    return "" if settings["number"] is None else f"(read back at query {settings['number']})"
