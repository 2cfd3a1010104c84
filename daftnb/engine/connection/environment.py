"""Makes Ray use variables set in this process, also when they were set after Ray was imported.

Ray reads its token, its mode of authentication and whether 127.0.0.1 may stay 127.0.0.1 when it is imported, and
keeps them. A notebook sets them later than that.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from daftnb import variables
from daftnb.engine import raynames

CLUSTERS_VARIABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
TOKEN_MODE = {"RAY_AUTH_MODE": "token"}
# With clusters "enabled" Ray turns 127.0.0.1 into the machine's own address and listens everywhere.
LOOPBACK_STAYS = {CLUSTERS_VARIABLE: "0"}


OF_TOKENS = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@dataclass(frozen=True, slots=True)
class _Lent:
    """A variable that daftnb set for a connection: our value, the one before, and the host it is for.

    ``host``: None means that it is for no one's job server.
    """

    value: str
    before: str | None
    host: str | None


_lent: dict[str, _Lent] = {}


def apply(environment: dict[str, str], host: str | None = None) -> dict[str, str | None]:
    """Set these variables, and make an imported Ray read them; return their values before, for :func:`restore`.

    A token among them belongs to the cluster that is connected to: only a job server on ``host`` may be shown it.
    """
    before = {name: os.environ.get(name) for name in environment}
    for name in OF_TOKENS:
        if name in environment:
            _lent[name] = _Lent(environment[name], before[name], host)
    os.environ.update(environment)
    read_again()
    return before


def restore(before: dict[str, str | None]) -> None:
    """Undo :func:`apply`."""
    for name in before:
        _lent.pop(name, None)
    variables.put(before)
    read_again()


def for_host(host: str | None) -> dict[str, str]:
    """Return the environment for a job server on ``host``: without what daftnb has set for another cluster."""
    found = dict(os.environ)
    for name, lent in _lent.items():
        if found.get(name) != lent.value or (lent.host is not None and lent.host == host):
            continue
        if lent.before is None:
            del found[name]
        else:
            found[name] = lent.before
    return found


def read_again() -> None:
    """Make Ray read the environment again, if it was imported; not while this process is connected."""
    if "ray" not in sys.modules:
        return
    import ray._raylet
    from ray._private import ray_constants

    if ray.is_initialized():  # by the user meanwhile: what he connected with stands
        return

    ray_constants.ENABLE_RAY_CLUSTER = ray_constants.env_bool(
        CLUSTERS_VARIABLE, sys.platform not in ("darwin", "win32")
    )
    ray_constants.AUTOSCALER_EVENTS = ray_constants.env_integer("RAY_SCHEDULER_EVENTS", 1)
    ray._raylet.Config.initialize("")
    loader = raynames.token_loader()
    if loader is not None:
        loader.reset_cache()


PROGRESS_VARIABLE = "DAFT_PROGRESS_BAR"  # documented; read by both runners at the start of each query


_without = 0  # how many want them off
_without_lock = threading.Lock()


def without_progress_bars() -> Callable[[], None]:
    """Turn Daft's own progress bars off, and return a function that turns them on again.

    A variable that is set already stands. Several callers may turn them off at a time, and end in any order: the last
    turns them on again.
    """
    global _without  # the variable is the process's, and so is the count of those who have set it
    with _without_lock:
        if not _without and PROGRESS_VARIABLE in os.environ:
            return lambda: None
        _without += 1
        os.environ[PROGRESS_VARIABLE] = "0"
    done = False

    def put_back() -> None:
        nonlocal done
        global _without
        with _without_lock:
            if done:
                return
            done = True
            _without -= 1
            if not _without and os.environ.get(PROGRESS_VARIABLE) == "0":
                del os.environ[PROGRESS_VARIABLE]

    return put_back
