"""What Jupyter is set to, as far as it can be read from the kernel's side: settings of the page, limits of the server.

The page may be another's (another environment, another machine, VS Code); what is read here are the files that
JupyterLab and Notebook would read in this environment. Configuration written in Python is read as text, not run.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daftnb.doctor.finding import Finding
from daftnb.widgets.pace import LEAST_SECONDS

PART = "page"
KERNELS = "@jupyterlab/apputils-extension:kernels-settings"
NOTEBOOKS = "@jupyterlab/notebook-extension:tracker"
WIDGETS = "@jupyter-widgets/jupyterlab-manager:plugin"
EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
VIEWS = 4  # on a page at once; more are fine, they are slower
MESSAGES = int(VIEWS / LEAST_SECONDS) * 2  # a second; the kernel sends others too
BYTES = 100_000  # a second, of what cells print
LIMITS = {"iopub_msg_rate_limit": 1000.0, "iopub_data_rate_limit": 1_000_000.0}  # jupyter_server's own
_LIMIT = re.compile(r"(?m)^[^#\n]*?\b\w+\.(iopub_(?:msg|data)_rate_limit)\s*=\s*([\d._eE+]+)")
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.S)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.S)
_CONFIGS = ("jupyter_config", "jupyter_server_config", "jupyter_notebook_config", "jupyter_lab_config")


def read_settings(text: str) -> dict[str, Any]:
    """Read a settings file of JupyterLab's: JSON with comments and trailing commas. ValueError if it is not that."""
    bare = _TRAILING_COMMA.sub(lambda found: found[1] or "", _COMMENT.sub(lambda found: found[1] or "", text))
    found = json.loads(bare or "{}")
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


def _paths() -> tuple[Path, list[Path], list[Path]]:
    """Return the user's settings folder, the data folders and the configuration folders, the most important first."""
    import os

    from jupyter_core.paths import jupyter_config_dir, jupyter_config_path, jupyter_path

    user = os.environ.get("JUPYTERLAB_SETTINGS_DIR") or Path(jupyter_config_dir(), "lab", "user-settings")
    return Path(user), [Path(path) for path in jupyter_path()], [Path(path) for path in jupyter_config_path()]


def settings() -> list[Finding]:
    """Judge the settings of JupyterLab and Notebook that change what daftnb's views do."""
    try:
        user, data, _ = _paths()
    except ImportError:
        return [Finding(PART, "JupyterLab's settings", "ok", "Jupyter is not installed in this environment")]
    read = {}
    for plugin in (KERNELS, NOTEBOOKS, WIDGETS):
        try:
            read[plugin] = setting(plugin, user, data)
        except (OSError, ValueError) as error:
            remedy = "Settings > Settings Editor > JSON Settings Editor shows it, and what is wrong."
            return [Finding(PART, "JupyterLab's settings", "warning", f"{plugin} cannot be read: {error}", remedy)]
    return judge_settings(read)


def setting(plugin: str, user: Path, data: Iterable[Path]) -> dict[str, Any]:
    """Return the settings of one plugin: the user's, on top of what the installation overrides."""
    found: dict[str, Any] = {}
    for folder in reversed(list(data)):
        overrides = folder / "lab" / "settings" / "overrides.json"
        if overrides.is_file():
            found |= read_settings(overrides.read_text(encoding="utf-8")).get(plugin, {})
    package, _, name = plugin.partition(":")
    own = user / package / f"{name}.jupyterlab-settings"
    return found | (read_settings(own.read_text(encoding="utf-8")) if own.is_file() else {})


def judge_settings(read: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Judge the settings that were read.

    ``read``: plugin → its settings. A setting that is missing has the default of JupyterLab 4.6.
    """
    comms = read[KERNELS].get("commsOverSubshells", "perCommTarget")
    window = read[NOTEBOOKS].get("windowingMode", "contentVisibility")
    save = read[WIDGETS].get("saveState", False)
    found = [Finding(PART, "comms over subshells", "ok", f"{comms}: buttons are heard while a cell runs")]
    if comms == "disabled":
        found = [
            Finding(
                PART, "comms over subshells", "warning",
                "disabled: while a cell runs the kernel hears no button, and Stop interrupts the kernel",
                "Settings > Settings Editor > Kernels > Kernel Comms over subshells: one per comm-target.",
            )
        ]  # fmt: skip
    if window == "full":
        detail = "full: a cell out of sight is taken out of the page, and a view in it is drawn again"
        remedy = "Settings > Settings Editor > Notebook > Windowing mode: contentVisibility or defer."
        found.append(Finding(PART, "windowing mode", "warning", detail, remedy))
    else:
        found.append(Finding(PART, "windowing mode", "ok", f"{window}"))
    if save:
        detail = "on: each view's last state goes into the notebook too, beside its static form"
        remedy = "Settings > Save Widget State Automatically: off, to keep notebooks small."
        found.append(Finding(PART, "saving widget state", "warning", detail, remedy))
    else:
        found.append(Finding(PART, "saving widget state", "ok", "off: the notebook keeps the views' static forms"))
    return found


def kernel_of() -> Any:
    """Return the Jupyter kernel of this process, or None in a terminal or a script."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def hears_while_busy(kernel: Any) -> bool:
    """Return True if a message of the page can reach the kernel while a cell runs: ipykernel 7 has subshells for it."""
    return bool(getattr(kernel, "_supports_kernel_subshells", False))


def subshells() -> list[Finding]:
    """Return whether this kernel has subshells; nothing where there is no kernel."""
    kernel = kernel_of()
    return [] if kernel is None else [judge_subshells(hears_while_busy(kernel))]


def judge_subshells(there: bool) -> Finding:
    """Judge whether the kernel has subshells: without them the page waits for the cell."""
    if there:
        return Finding(PART, "kernel's subshells", "ok", "there: the page can be heard while a cell runs")
    detail = "none: while a cell runs the kernel hears no button, and Stop interrupts the kernel"
    return Finding(PART, "kernel's subshells", "warning", detail, "pip install 'ipykernel>=7' and restart the kernel.")


def extensions() -> Finding:
    """Return whether the page's part of the widgets is installed where a Jupyter of this environment looks for it."""
    try:
        _, data, _ = _paths()
    except ImportError:
        return Finding(PART, "widget extensions", "ok", "Jupyter is not installed in this environment")
    return judge_extensions(
        {name: any((path / "labextensions" / name).is_dir() for path in data) for name in EXTENSIONS}
    )


def judge_extensions(there: Mapping[str, bool]) -> Finding:
    """Judge the extensions; ``there``: each extension, and whether it is installed."""
    lacking = [name for name, is_there in there.items() if not is_there]
    if not lacking:
        return Finding(PART, "widget extensions", "ok", f"{' and '.join(there)} are there")
    detail = f"{' and '.join(lacking)} not found in this environment"
    remedy = "pip install ipywidgets anywidget where Jupyter itself is installed, then reload the page."
    return Finding(PART, "widget extensions", "warning", detail, remedy)


def limits() -> list[Finding]:
    """Judge how much the server passes on to the page, by its configuration files and its command line."""
    import psutil

    try:
        _, _, folders = _paths()
    except ImportError:
        return []
    texts = []
    for folder in reversed(folders):
        for name in _CONFIGS:
            for path in (folder / f"{name}.py", folder / f"{name}.json"):
                if path.is_file():
                    texts.append(path.read_text(encoding="utf-8", errors="replace"))
    for process in psutil.Process().parents():
        try:
            texts.append("\n".join(process.cmdline()))
        except psutil.Error:
            continue  # another user's
    return judge_limits(read_limits(texts))


def read_limits(texts: Iterable[str]) -> dict[str, float]:
    """Return the limits that configuration texts set: Python, JSON or command-line arguments. The last one counts."""
    found = dict(LIMITS)
    for text in texts:
        try:
            classes = json.loads(text)
        except ValueError:
            for match in _LIMIT.finditer(text):
                found[match[1]] = float(match[2])
            continue
        for traits in classes.values() if isinstance(classes, dict) else ():
            if isinstance(traits, dict):
                found |= {name: float(traits[name]) for name in LIMITS if name in traits}
    return found


def judge_limits(found: Mapping[str, float]) -> list[Finding]:
    """Judge the server's limits in messages and bytes a second; 0 means no limit.

    Above a limit the server drops all output, that of the views too, until there is less.
    """
    rows = []
    for name, least, unit in (
        ("iopub_msg_rate_limit", MESSAGES, "messages"),
        ("iopub_data_rate_limit", BYTES, "bytes"),
    ):
        value = found[name]
        detail = f"{value:,.0f} {unit} a second" if value else "no limit"
        if 0 < value < least:
            more = f"{detail}: above that the server drops output, the views' too"
            remedy = f"Start Jupyter with --ServerApp.{name}={LIMITS[name]:.0f}, which is its default."
            rows.append(Finding(PART, name, "warning", more, remedy))
        else:
            rows.append(Finding(PART, name, "ok", detail))
    return rows
