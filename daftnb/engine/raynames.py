"""Names of Ray that are elsewhere, or missing, in one of its releases: under one name each.

:mod:`daftnb.engine.internals` has them in its table, and says which feature is off where a name is in none of its
places. Ray is imported by the functions, not with this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from logging import Logger
from pathlib import Path
from typing import Any


def init_grpc_channel(address: str, options: Sequence[tuple[str, Any]]) -> Any:
    """Return a gRPC channel as Ray makes its own: from Ray 2.52 on it shows this process's token."""
    try:
        from ray._private.grpc_utils import init_grpc_channel as init
    except ImportError:  # before Ray 2.52
        from ray._private.utils import init_grpc_channel as init
    return init(address, options=options)


def cluster_metadata_key() -> bytes:
    """Return the key under which a cluster's control store has the versions of its Ray and its Python."""
    try:
        from ray._common.usage.usage_constants import CLUSTER_METADATA_KEY as key
    except ImportError:  # before Ray 2.49
        from ray._private.usage.usage_constants import CLUSTER_METADATA_KEY as key
    return bytes(key)


def is_here(nodes: Iterable[Any]) -> bool:
    """Return True if one of a cluster's nodes runs on this machine.

    Before Ray 2.54 a driver takes the node whose address is its own, so the address tells it.
    """
    from ray._private import services

    if hasattr(services, "find_node_ids"):
        return bool({node.node_id.hex() for node in nodes} & services.find_node_ids())
    import psutil

    own = {address.address for each in psutil.net_if_addrs().values() for address in each}
    return any(node.node_manager_address in own for node in nodes)


def forget_addresses() -> None:
    """Have Ray look for the heads of this machine anew. From Ray 2.55 on it keeps those that it has found."""
    from ray._private import services

    forget = getattr(services.find_gcs_addresses, "cache_clear", None)
    if forget is not None:
        forget()


def token_loader() -> Any:
    """Return what loads Ray's token; None before Ray 2.52, which has none."""
    import ray._raylet

    raylet: Any = ray._raylet
    loader = getattr(raylet, "AuthenticationTokenLoader", None)
    return None if loader is None else loader.instance()


def finds_token() -> bool:
    """Return True if Ray would show a token to a head of this machine although RAY_AUTH_MODE is not set.

    Ray 2.52 cannot be asked, and shows none.
    """
    loader = token_loader()
    try:
        return loader is not None and bool(loader.has_token(ignore_auth_mode=True))
    except TypeError:
        return False


def authentication_errors() -> tuple[type[BaseException], ...]:
    """Return what Ray raises for a token that is missing or refused; nothing before Ray 2.52."""
    import ray.exceptions

    error = getattr(ray.exceptions, "AuthenticationError", None)
    return () if error is None else (error,)


def default_excludes() -> list[str]:
    """Return what Ray leaves out of every working directory; nothing before Ray 2.54."""
    from ray._private import ray_constants

    excludes: Callable[[], Iterable[str]] = getattr(ray_constants, "get_runtime_env_default_excludes", list)
    return list(excludes())


def reads_rayignore() -> bool:
    """Return True if Ray leaves out what a .rayignore names, as it does from 2.53 on."""
    from ray._private.runtime_env import packaging

    return hasattr(packaging, "get_excludes_from_ignore_files")


def walk_directory(folder: Path, excludes: Sequence[str], handler: Callable[[Path], None], logger: Logger) -> None:
    """Call ``handler`` with each path of a working directory that Ray would send, in Ray's own walk."""
    from ray._private.runtime_env import packaging

    matches = [packaging._get_excludes(folder, list(excludes))]
    if not reads_rayignore():  # the walk asks for .gitignore itself
        packaging._dir_travel(folder, matches, handler, logger)
        return
    with_gitignore = os.environ.get("RAY_RUNTIME_ENV_IGNORE_GITIGNORE", "0") != "1"
    packaging._dir_travel(folder, matches, handler, with_gitignore, logger)
