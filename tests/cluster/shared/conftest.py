"""One cluster for the tests that need any: Ray releases a node only after a minute without work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daftnb.session import Session
from tests.cluster.scaling import started


@pytest.fixture(scope="package")
def session() -> Iterator[Session]:
    with started(idle_timeout=60.0) as session:
        yield session
