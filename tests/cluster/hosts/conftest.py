"""Hosts with addresses of their own; the tests of this folder are left out where there can be none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.hosts import Network, why_not


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    network = Network()
    yield network
    network.close()
