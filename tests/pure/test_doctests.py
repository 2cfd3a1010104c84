"""The examples in docstrings run, and print what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
from pathlib import Path

import pytest

import daftnb
from daftnb.session import close_session

PACKAGE = Path(daftnb.__file__).parent
NOT_OURS = PACKAGE / "frontend"  # runs in the build


def modules() -> list[str]:
    """Give the names of the modules that have examples."""
    return [
        ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
        if NOT_OURS not in path.parents and " >>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", modules())
def test_examples(name: str, clean_settings: None) -> None:
    before = dict(os.environ)
    try:
        failed, tried = doctest.testmod(
            importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
    finally:
        close_session()
        os.environ.clear()
        os.environ.update(before)
    assert tried > 0
    assert failed == 0


def test_each_function_that_needs_no_cluster_has_an_example() -> None:
    functions = {name: getattr(daftnb, name) for name in daftnb.__all__ if inspect.isfunction(getattr(daftnb, name))}
    assert {name for name, function in functions.items() if ">>>" not in function.__doc__} == {"connect", "jobs"}
