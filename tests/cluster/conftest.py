"""One real autoscaling cluster for the tests in here, with the scheduler's own trace switched on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from daftnb.session import Session

TRACE = {"DAFT_TRACE": "DaftFlotillaScheduler=debug", "DAFT_TRACE_FORMAT": "json"}


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    from daftnb.engine.cluster import ClusterSize
    from daftnb.session import close_session, open_session

    session = open_session()
    session.start(ClusterSize(min_workers=1, max_workers=3, cpus=1, idle_timeout=60), print, TRACE)
    yield session
    close_session()
