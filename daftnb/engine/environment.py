"""What Ray reads of this process's environment, also where Ray was imported before it was set.

Ray reads its token, its mode of authentication and whether 127.0.0.1 may stay 127.0.0.1 when it is imported, and
keeps them. A notebook sets them later than that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

CLUSTERS_VARIABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
TOKEN_MODE = {"RAY_AUTH_MODE": "token"}
# With clusters "enabled" Ray turns 127.0.0.1 into the machine's own address and listens everywhere.
LOOPBACK_STAYS = {CLUSTERS_VARIABLE: "0"}


def apply(environment: dict[str, str]) -> dict[str, str | None]:
    """Set these variables, and make an imported Ray read them; what they were before, for :func:`restore`."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    read_again()
    return before


def restore(before: dict[str, str | None]) -> None:
    """Undo :func:`apply`."""
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    read_again()


def read_again() -> None:
    """Make Ray read the environment again, if it was imported. Only while this process is not connected."""
    if "ray" not in sys.modules:
        return
    import ray._raylet
    from ray._private import ray_constants

    ray_constants.ENABLE_RAY_CLUSTER = ray_constants.env_bool(
        CLUSTERS_VARIABLE, sys.platform not in ("darwin", "win32")
    )
    ray_constants.AUTOSCALER_EVENTS = ray_constants.env_integer("RAY_SCHEDULER_EVENTS", 1)
    ray._raylet.Config.initialize("")
    ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


PROGRESS_VARIABLE = "DAFT_PROGRESS_BAR"  # documented; read by both runners at the start of each query


def without_progress_bars() -> Callable[[], None]:
    """Turn Daft's own progress bars off, and give what puts them back. A variable that is set already stands."""
    if PROGRESS_VARIABLE in os.environ:
        return lambda: None
    os.environ[PROGRESS_VARIABLE] = "0"

    def put_back() -> None:
        if os.environ.get(PROGRESS_VARIABLE) == "0":
            del os.environ[PROGRESS_VARIABLE]

    return put_back
