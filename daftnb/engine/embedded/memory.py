"""Tells how much memory is free: of the machine, or within the limits of the container or the user.

Linux counts a group's memory with the page cache in it (``Documentation/admin-guide/cgroup-v2.rst``,
``memory.current``; ``cgroup-v1/memory.rst``, ``memory.usage_in_bytes``); what the kernel takes back at need is
``inactive_file`` of ``memory.stat``. A group is bound by its ancestors' limits too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

MEMBERSHIP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")
_VERSIONS = {  # folder of the controller, and its files: limit, use, and what is counted but can be taken back
    2: ("", "memory.max", "memory.current", "inactive_file"),
    1: ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available() -> tuple[int, bool]:
    """Return the bytes that may still be taken, and True if a limit of this process's group leaves no more."""
    free: int = psutil.virtual_memory().available
    left = group_memory()
    return (left, True) if left is not None and left < free else (free, False)


def group_memory(membership: Path = MEMBERSHIP, groups: Path = GROUPS) -> int | None:
    """Return the bytes that this process's control group may still take (version 1 or 2); None without a limit."""
    left = [each for folder, version in _folders(membership, groups) if (each := _left(folder, version)) is not None]
    return min(left, default=None)


def _folders(membership: Path, groups: Path) -> Iterator[tuple[Path, int]]:
    """Yield the group's folder and its ancestors', each with the version of control groups.

    In a container the path may be the host's: then its root is the group.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # no Linux, or none of its control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        version = 2 if not controllers else 1 if "memory" in controllers.split(",") else 0
        if version:
            root = groups / _VERSIONS[version][0]
            group = root / path.strip("/")
            yield root, version
            while group != root:
                yield group, version
                group = group.parent


def _left(folder: Path, version: int) -> int | None:
    _, limit, use, reclaimable = _VERSIONS[version]
    try:
        most, used = (folder / limit).read_text().strip(), (folder / use).read_text().strip()
        stat = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:  # no such group here, or no controller of memory in it
        return None
    if not (most.isdecimal() and used.isdecimal()) or int(most) >= 2**60:  # version 1 has no word for "no limit"
        return None
    return max(0, int(most) - max(0, int(used) - int(stat.get(reclaimable, "0"))))
