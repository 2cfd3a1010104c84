"""What the tests of doctor's checks share."""

from __future__ import annotations

from collections.abc import Sequence

from daftnb.doctor.finding import Finding

MIB = 1024**2
SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f900112233445566778899aabbccddeeff"


def one(findings: Sequence[Finding], name: str) -> Finding:
    """The only finding of this name."""
    found = [finding for finding in findings if finding.name == name]
    assert len(found) == 1, f"{name}: {findings}"
    return found[0]
