"""Checks what a job needs before it is submitted: its source, working directory and runtime environment.

A slip is told here, in the notebook, and not minutes later by a job that could not start.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daftnb import files, settings
from daftnb.engine import internals, raynames
from daftnb.engine.jobs.server import JobError
from daftnb.settings import AutoscalingSettings
from daftnb.text.spelling import shown

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Program:
    """Checked Python: its bytes, a name for people, and the file it was read from, if any."""

    content: bytes
    name: str
    path: Path | None = None

    @property
    def module(self) -> str:
        """Return the dotted name that the program is run by; another content has another."""
        return f"daftnb_job_{hashlib.sha256(self.content).hexdigest()[:12]}.{self.name}"

    @property
    def member(self) -> str:
        """Return the module's path in its package."""
        return self.module.replace(".", "/") + ".py"


def read_source(source: str | os.PathLike[str]) -> Program:
    """Read what to run, checked to be Python, so that a slip is reported here and not by a job minutes later.

    A string is a file if there is one of that name, or if it can only be meant as one. Raises JobError.
    """
    if not isinstance(source, str):
        return _read_script(Path(source))
    text = source.strip()
    if not text:
        raise JobError("There is nothing to run: the source is empty.", 'Try daftnb.submit("print(1)")')
    one_line = "\n" not in text
    if one_line and (text.endswith(".py") or os.path.isfile(text)):
        return _read_script(Path(text))
    problem = _syntax_problem(source)
    if one_line and (re.fullmatch(r"[\w./\\~ -]+", text) if problem else not _does_something(text)):
        raise JobError(
            f"{shown(text, 80)} is neither a file nor Python source that does anything.",
            "Give the name of a .py file that exists, or the source as text.",
        )
    if problem:
        raise JobError(
            f"The source is not Python: {problem}",
            "What IPython adds to Python (%magics, !commands, await outside a function) works in a notebook only.",
        )
    return Program(source.encode(), "cell")


def _read_script(path: Path) -> Program:
    try:
        path = files.place(path, "read")
        content = path.read_bytes()
    except files.FileProblem as error:
        raise JobError(error.what, "Give the path of a .py file.") from None
    except OSError as error:
        raise JobError(
            f"The script {str(path)!r} cannot be read: {error.strerror}.",
            f"Names are relative to {os.getcwd()}; give the path of a .py file.",
        ) from error
    problem = _syntax_problem(content)
    if problem:
        raise JobError(f"The script {str(path)!r} is not Python: {problem}", "Correct it, or give another file.")
    # A name that `python -m` and the shell take as it is.
    return Program(content, re.sub(r"\W", "_", path.stem, flags=re.ASCII) or "script", path)


def _syntax_problem(source: str | bytes) -> str:
    """Return what is wrong with the source, with its line; empty if nothing is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the job's own log will have them
            compile(source, "<source>", "exec", dont_inherit=True)
    except SyntaxError as error:
        lines = source.splitlines() if isinstance(source, str) else []
        # Python itself leaves the text out of what it finds after parsing.
        line = (error.text or "".join(lines[(error.lineno or 0) - 1 : error.lineno])).strip()
        return f"line {error.lineno}, {error.msg}" + (f": {line[:80]}" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte, a lone surrogate, nesting without end
        return f"{error or type(error).__name__}"
    return ""


def _does_something(line: str) -> bool:
    """Return True if a line of Python is more than a name or a path that happens to be an expression (``data/job``)."""
    [*statements] = ast.parse(line).body
    return any(
        not isinstance(statement, ast.Expr)
        or any(isinstance(node, ast.Call | ast.NamedExpr) for node in ast.walk(statement))
        for statement in statements
    )


def make_runtime_env(
    given: dict[str, Any],
    working_dir: str | None,
    pip: Sequence[str] | str | None,
    env: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Return Ray's runtime_env from what was given, with the settings in its variables.

    JobError if a part is given twice or a variable is not text; SettingError for a setting that the engine must not be
    given.
    """
    for field, value in (("working_dir", working_dir), ("pip", pip)):
        if value is None:
            continue
        if field in given:
            raise JobError(
                f"{field} is given twice: as an argument and in runtime_env.", f"Leave one of them out: {field}=…"
            )
        given[field] = value if isinstance(value, str) else list(value)
    if isinstance(given.get("working_dir"), os.PathLike):
        given["working_dir"] = os.fspath(given["working_dir"])
    chosen = {**(given.get("env_vars") or {}), **(env or {})}
    for variable, value in chosen.items():
        if not (isinstance(variable, str) and isinstance(value, str)):
            raise JobError(
                f"Environment variables are text, and {variable}={value!r} is not.",
                f'Try env={{"{variable}": "{value}"}}',
            )
    for setting in settings.SETTINGS.values():
        if setting.env in chosen:
            setting.parse(chosen[setting.env])  # a threshold below 1 would end the job with a panic
    current = AutoscalingSettings.read()
    for problem in current.problems:
        warnings.warn(problem, stacklevel=4)
    # Daft's progress bars move the cursor about: in a log they bury what the job prints.
    given["env_vars"] = {"DAFT_PROGRESS_BAR": "0", **current.environment(), **chosen}
    return given


def path_inside(program: Program, working_dir: str | None) -> str | None:
    """Return the script's path in the working directory, or None if it is not in there."""
    if program.path is None or working_dir is None or "://" in working_dir:
        return None
    try:
        folder = os.path.abspath(os.path.expanduser(working_dir))
        return str(Path(os.path.abspath(program.path)).relative_to(folder))
    except ValueError:
        return None


class _Enough(Exception):
    """The walk has seen more than can be sent."""


def check_working_dir(environment: dict[str, Any], needed: str | None) -> None:
    """Raise JobError if the working directory is missing or too large; ``needed`` is a file it must hold.

    Ray reads all of it, writes an archive of it (not compressed) and reads that into memory before the server refuses.
    The same walk is done here with sizes alone, and ends as soon as there is too much.
    """
    working_dir = environment.get("working_dir")
    if working_dir is None or "://" in working_dir:
        return
    folder = Path(os.path.abspath(os.path.expanduser(working_dir)))
    environment["working_dir"] = str(folder)
    if folder.is_file() and folder.name.endswith((".zip", ".tar.gz", ".tgz")):
        return
    if not folder.is_dir():
        raise JobError(
            f"The working directory {str(folder)!r} {'is not a folder' if folder.exists() else 'does not exist'}.",
            f"Names are relative to {os.getcwd()}; give a folder, or a .zip of one.",
        )
    if internals.JOB_SIZES in internals.missing("jobs"):
        return
    from ray._private.runtime_env import packaging

    limit: int = packaging.GCS_STORAGE_MAX_SIZE
    sizes: dict[str, int] = {}
    total = 0

    def add(path: Path) -> None:
        nonlocal total
        if path.is_file():
            size = path.stat().st_size
            total += size
            sizes[str(path.relative_to(folder))] = size
            if total >= limit:
                raise _Enough

    ignored = ".gitignore, .rayignore" if raynames.reads_rayignore() else ".gitignore"
    excludes = [*raynames.default_excludes(), *(environment.get("excludes") or ())]
    silent = logging.Logger("daftnb.jobs", logging.CRITICAL + 1)
    try:
        raynames.walk_directory(folder, excludes, add, silent)
    except _Enough:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
        raise JobError(
            f"The working directory {str(folder)!r} holds more than the {limit // MIB} MiB that a job may take along "
            f"(largest so far: {', '.join(f'{name}, {sizes[name] // MIB} MiB' for name in largest)}).",
            'Leave out what the job does not need: runtime_env={"excludes": ["*.parquet"]}, or name it in '
            f"{ignored.rpartition(' ')[2]}; let the job read its tables from storage that the cluster can reach.",
        ) from None
    except (OSError, RecursionError) as error:
        raise JobError(
            f"The working directory {str(folder)!r} cannot be read: {error}",
            'Leave that out: runtime_env={"excludes": ["<its name>"]}',
        ) from error
    if needed is not None and needed not in sizes:
        raise JobError(
            f"The script {needed!r} is kept out of the working directory by {ignored} or excludes.",
            "Take it out of there, or give a script outside of the working directory.",
        )
