"""Which versions are installed, and whether daftnb's own metadata allows them: the only list of the ranges."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata, requires

from daftnb.doctor.finding import Finding
from daftnb.engine import releases

PART = "versions"
# Those that a notebook needs beside what daftnb itself requires.
OPTIONAL = ("ipykernel", "jupyterlab", "notebook")
PACKAGES = ("daft", "ray", "pyarrow", "pandas", "ipython", "ipywidgets", "anywidget", *OPTIONAL)
NO_RAY = "not installed, and Daft's native runner needs none; pip install 'daftnb[ray]' adds clusters and jobs"
NOT_TRIED = "It runs. What needs a name that is gone is off, and named under internals."
BESIDE = {"notebook": ">=7"}  # not required by anything of daftnb's, and used where it is there


def ranges() -> dict[str, str]:
    """Return each package, and ``python``, with the versions that daftnb's metadata allows. Empty without metadata."""
    from packaging.requirements import Requirement

    found = dict(BESIDE)
    try:
        for text in requires("daftnb") or ():
            requirement = Requirement(text)
            lowest_first = sorted(map(str, requirement.specifier), reverse=True)
            found.setdefault(requirement.name, ",".join(lowest_first))
        found["python"] = metadata("daftnb")["Requires-Python"] or ""
    except PackageNotFoundError:
        return {}
    return found


def versions() -> list[Finding]:
    """Judge Python, daftnb and every package that matters."""
    from daftnb._version import __version__

    allowed = ranges()
    own = Finding(PART, "daftnb", "ok", __version__)
    if not allowed:
        own = Finding(
            PART, "daftnb", "warning", f"{__version__}, imported without being installed: its ranges are not known",
            "pip install daftnb, or pip install -e . in its checkout.",
        )  # fmt: skip
    rows = [judge("python", platform.python_version(), allowed), own]
    return [*rows, *(judge(package, releases.installed(package), allowed) for package in PACKAGES)]


def judge(package: str, found: str | None, allowed: Mapping[str, str]) -> Finding:
    """Judge whether a version (None: not installed) is in the range that is supported."""
    from packaging.specifiers import SpecifierSet

    wanted = allowed.get(package, "")
    install = f"pip install '{package}{wanted}' and restart the kernel."
    if package == "python":
        install = f"Make an environment with Python {wanted}."
    if found is None and package == "ray":
        return Finding(PART, package, "ok", NO_RAY)
    if found is None:
        if package in OPTIONAL:
            return Finding(PART, package, "ok", "not installed in this environment; the notebook's may be another")
        return Finding(PART, package, "problem", f"not installed; {wanted or 'any version'} is needed", install)
    tried = releases.TRIED.get(package)
    if tried is not None and releases.is_older(tried.newest, found):
        detail = f"{found}, not tried with this release: {tried.newest} is the newest that was"
        return Finding(PART, package, "warning", detail, NOT_TRIED)
    if not SpecifierSet(wanted).contains(found, prereleases=True):
        return Finding(PART, package, "problem", f"{found} is not in the supported range {wanted}", install)
    return Finding(PART, package, "ok", found + (f" ({wanted} is supported)" if wanted else ""))
