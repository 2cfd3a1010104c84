"""Sets variables of the environment of this process, and puts them back.

It imports nothing of daftnb, as it is sent to the runner actor by value too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def put(values: Mapping[str, str | None]) -> None:
    """Set variables; None unsets one."""
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
