"""One real autoscaling cluster for the tests of a module, with the scheduler's own trace switched on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.cluster.kernels import Kernel

if TYPE_CHECKING:
    from daftnb.session import Session

TRACE = {"DAFT_TRACE": "DaftFlotillaScheduler=debug", "DAFT_TRACE_FORMAT": "json"}


@pytest.fixture(scope="module")
def idle_timeout() -> float:
    """Seconds until Ray's autoscaler releases a node without work; a module may have its own."""
    return 60.0


@pytest.fixture(scope="module")
def session(idle_timeout: float) -> Iterator[Session]:
    from daftnb.engine.embedded.cluster import ClusterSize
    from daftnb.session import close_session, open_session

    session = open_session()
    session.start(ClusterSize(min_workers=1, max_workers=3, cpus=1, idle_timeout=idle_timeout), print, TRACE)
    yield session
    close_session()


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
