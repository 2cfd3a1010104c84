"""The examples in the docstrings of the public functions run, and print what they say."""

from __future__ import annotations

import doctest
import os

import pytest

import daftnb
from daftnb import settings


@pytest.mark.parametrize("module", [daftnb, settings], ids=lambda module: module.__name__)
def test_examples(module: object, clean_settings: None) -> None:
    before = dict(os.environ)
    try:
        failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert tried > 0
    assert failed == 0
