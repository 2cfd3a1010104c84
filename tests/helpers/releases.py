"""What a test needs to know of the Daft and the Ray that it runs beside: are they there, and how old are they."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from daftnb.engine import releases

HAS_RAY = find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed")


def is_before(package: str, release: str) -> bool:
    """Whether the installed release of a package is older; no release is older than all."""
    found = releases.installed(package)
    return found is None or releases.is_older(found, release)


needs_token = pytest.mark.skipif(is_before("ray", releases.TOKENS_SINCE), reason="this Ray has no token")
