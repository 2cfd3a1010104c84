"""One cluster whose nodes come and go: Ray releases one after 3 s without work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daftnb.session import Session
from tests.cluster.scaling import started


@pytest.fixture(scope="package")
def session() -> Iterator[Session]:
    with started(idle_timeout=3.0) as session:
        yield session
