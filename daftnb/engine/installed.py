"""What can be said of Daft's and Ray's installed code, and of Ray's token, without connecting to anything.

The names that Ray's part needs are looked for in a process of its own: importing Ray takes a second, brings its
variables into effect, and is not undone. It is started early and asked late: ``python -m daftnb.engine.installed``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daftnb.engine import internals

LIMIT_SECONDS = 60.0  # a first import compiles both, perhaps on a busy machine
_SLOW = "rfc3987_syntax"  # a format of jsonschema's; its grammar takes a second, and Ray's import would bring it in


@dataclass(frozen=True, slots=True)
class Names:
    """How many of the private names were looked for, and the features that are off, with the sentence why."""

    looked_for: int
    off: dict[str, str]


class InternalsProbe:
    """Starts to look for the names when it is made; :meth:`result` waits for the answer."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        if "ray" not in sys.modules:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "daftnb.engine.installed"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Daft counts its imports over the network; this one is no use of it.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "DO_NOT_TRACK": "true"},
            )

    def result(self) -> Names:
        """Return what was found. Raises RuntimeError where the process failed, or took too long."""
        if self._child is None:
            return look()
        try:
            said, error = self._child.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()
            raise RuntimeError(f"Daft and Ray were not imported within {LIMIT_SECONDS:.0f} s") from None
        if self._child.returncode != 0:
            last = error.decode(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"importing Daft and Ray ended with {self._child.returncode}: {''.join(last)}")
        found = json.loads(said.splitlines()[-1])
        return Names(found["looked_for"], found["off"])


def look() -> Names:
    """Look for the names of those packages that are installed, here and now."""
    off: dict[str, str] = {}
    parts: list[internals.Part] = ["daft"] if internals.is_installed("daft") else []
    if parts and internals.is_installed("ray"):
        parts += ["ray", "embedded", "jobs"]
    for part in parts:
        off |= internals.missing(part)
    return Names(sum(internal.part in parts for internal in internals.INTERNALS), off)


@dataclass(frozen=True, slots=True)
class Token:
    """Where Ray would take its token from (never what it is), and what is wrong with that place, if anything."""

    mode: str  # "" where none is set
    source: str | None  # a variable, or a file; None where there is no token
    wrong: str = ""  # "", "missing" (a file that is named), "empty", "open" (others may read the file)


def token(environment: Mapping[str, str], home: Path) -> Token:
    """Return where Ray would take its token from, and what is wrong with that place.

    Ray's order: RAY_AUTH_TOKEN, the file in RAY_AUTH_TOKEN_PATH, ``~/.ray/auth_token``.
    """
    mode = environment.get("RAY_AUTH_MODE", "").strip().lower()
    if environment.get("RAY_AUTH_TOKEN"):
        return Token(mode, "RAY_AUTH_TOKEN")
    named = environment.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named).expanduser() if named else home / ".ray" / "auth_token"
    if not path.is_file():
        return Token(mode, None, "missing" if named else "")
    if not path.read_bytes().strip():
        return Token(mode, None, "empty")
    open_ = os.name == "posix" and path.stat().st_mode & 0o077
    return Token(mode, str(path), "open" if open_ else "")


if __name__ == "__main__":
    sys.modules[_SLOW] = None  # type: ignore[assignment]  # what makes an import of it fail, which jsonschema allows for
    names = look()
    print(json.dumps({"looked_for": names.looked_for, "off": names.off}))
