"""Which releases of Daft and Ray were tried, and which are too old: for words alone.

What works is found by looking for the names (:mod:`daftnb.engine.internals`), never by a release's number. The oldest
are the lower bounds in ``pyproject.toml``: older ones lack names without which nothing can be watched. The newest are
those of the table in ``notebooks/README.md``, which ``python -m tests.releases --write`` fills.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class Tried:
    """The oldest and the newest release that daftnb was tried with, and how the package is installed."""

    oldest: str
    newest: str
    install: str


TRIED = {
    "daft": Tried("0.7.16", "0.7.26", "daft>=0.7.16,<0.9"),
    "ray": Tried("2.46.0", "2.60.0", "daftnb[ray]"),
}
TOKENS_SINCE = "2.52"  # of Ray: without a token, everyone on a machine may use what runs there


def numbers(release: str) -> tuple[int, ...]:
    """Return the numbers of a release, to be compared; a development release counts as the one it leads to.

    >>> numbers("0.7.26") < numbers("0.8.0.dev1")
    True
    """
    found = re.match(r"\d+(?:\.\d+)*", release)
    parts = [int(part) for part in found[0].split(".")] if found else []
    while parts and not parts[-1]:
        parts.pop()  # 2.60 is 2.60.0
    return tuple(parts)


def is_older(release: str, other: str) -> bool:
    """Return True if a release came before another.

    >>> is_older("2.9.3", "2.46.0"), is_older("2.46", "2.46.0")
    (True, False)
    """
    return numbers(release) < numbers(other)


def installed(package: str) -> str | None:
    """Return the release of a package as its metadata has it; None where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def too_old() -> list[str]:
    """Return a line for each of Daft and Ray that is installed and too old for daftnb: which, and what to do."""
    lines = []
    for package, tried in TRIED.items():
        found = installed(package)
        if found is not None and is_older(found, tried.oldest):
            name = package.capitalize()
            lines.append(
                f"{name} {found} is too old for daftnb, which needs {tried.oldest}: much of it is off. "
                f'Try: pip install -U "{tried.install}"'
            )
    return lines
