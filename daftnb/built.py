"""Reads the files of the built front end."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def built(name: str) -> str:
    """Return the text of a file of the built front end. Raises RuntimeError where it is missing."""
    path = files("daftnb") / "static" / name
    if not path.is_file():
        raise RuntimeError(
            f"daftnb/static/{name} is missing from this installation. Try: pip install --force-reinstall ."
        )
    return path.read_text(encoding="utf-8")
