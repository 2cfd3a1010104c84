"""Warns the user of relative paths in a plan: on Ray they start from the folder of a worker's process.

Daft looks for files that it reads here, when the dataframe is made, and its workers look for what was found again,
in the folder that their cluster was started in. What is written lands there. The plan's text names both.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from daftnb.text.shorten import without_middle

MOST_SHOWN = 80  # characters of a path
_WRAPPED = re.compile(r"(?<=\S)\n\|     (?=\S)")  # the plan's text goes on in the next line
_WRITTEN = re.compile(r"Root dir = (.*)")
_READ = re.compile(r"\{File \{file://([^}]*)\}")
_GLOBS = re.compile(r"Glob paths: \[\n((?:\|\s+[^\n]*\n)*?)\|\s+\]")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # of a scheme, or a drive


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where Daft's tasks run: the folder of their processes, and the names of the machines."""

    folder: str
    machines: tuple[str, ...]


def relative_paths(text: str) -> list[tuple[str, bool]]:
    """Return the relative paths in a plan's text, each once, and whether it is written to."""
    text = re.sub(r"^(?:\| )+(?=\|)", "", text, flags=re.MULTILINE)
    whole = _WRAPPED.sub("", text)
    found = [(path, True) for path in _WRITTEN.findall(whole)]
    found += [(path, False) for path in _READ.findall(whole)]
    for block in _GLOBS.findall(text):
        lines = [line.strip("| ") for line in block.splitlines()]
        found += [(line, False) for line in lines if line not in ("{", "}")]
    return [(path, written) for path, written in dict.fromkeys(found) if _is_relative(path)]


def _is_relative(path: str) -> bool:
    return bool(path) and not path.startswith(("/", "~")) and not _ADDRESS.match(path)


def warning(paths: list[tuple[str, bool]], folder: str, machine: str, there: Whereabouts) -> str | None:
    """Return what a person must know of these paths; None where they are the same for the tasks as here."""
    others = [name for name in there.machines if name != machine]
    if not paths or (not others and there.folder == folder):
        return None
    # Of a read, the files that were found are named: what a person wrote is nearer to their folder.
    path, written = paths[0]
    named = path if written else os.path.dirname(path) or path
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    does = "writes it" if written else "looks for it"
    if others:
        return (
            f"{_quoted(named)}{more} is a relative path: Daft on Ray {does} in {there.folder} of the machine that runs "
            "the task, which need not be this one. Try a path that all machines have, such as 's3://bucket/folder'"
        )
    absolute = os.path.normpath(os.path.join(folder, named))
    return (
        f"{_quoted(named)}{more} is a relative path: Daft on Ray {does} in {there.folder}, the folder that the cluster "
        f"was started in, not in {folder}. Try the absolute path {_quoted(absolute)}"
    )


def _quoted(path: str) -> str:
    return repr(without_middle(path, MOST_SHOWN))
