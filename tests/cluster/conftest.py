"""What the tests on a cluster share. Those in one process that need an embedded cluster share that, by folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.kernels import Kernel


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.end()


@pytest.fixture(autouse=True)
def settings_put_back() -> Iterator[None]:
    """Each test begins and ends with the documented defaults."""
    from daftnb import variables
    from daftnb.settings import SETTINGS

    names = [setting.env for setting in SETTINGS.values()]
    before = {name: os.environ.pop(name, None) for name in names}
    yield
    variables.put(before)
