"""What a control group leaves: both versions, ancestors, the cache that the kernel gives back, and none at all."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from daftnb.engine.embedded.cluster import MIB
from daftnb.engine.embedded.memory import available, group_memory


def group(folder: Path, version: int, limit: str, used: int, cache: int = 0) -> None:
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cache}\n")


@pytest.mark.parametrize("version", [1, 2])
def test_the_least_of_a_group_and_its_ancestors(tmp_path: Path, version: int) -> None:
    membership, groups = tmp_path / "membership", tmp_path / "groups"
    root = groups / "memory" if version == 1 else groups
    membership.write_text("7:blkio:/\n4:memory,hugetlb:/a/b\n" if version == 1 else "0::/a/b\n")
    assert group_memory(membership, groups) is None, "no controller of memory"
    no_limit = str(2**63 - 4096) if version == 1 else "max"
    group(root, version, no_limit, 900 * MIB)
    group(root / "a" / "b", version, no_limit, 100 * MIB)
    assert group_memory(membership, groups) is None
    group(root / "a", version, str(300 * MIB), 100 * MIB)
    assert group_memory(membership, groups) == 200 * MIB
    group(root / "a", version, str(300 * MIB), 250 * MIB, cache=100 * MIB)
    assert group_memory(membership, groups) == 150 * MIB
    group(root / "a" / "b", version, str(120 * MIB), 130 * MIB, cache=5 * MIB)
    assert group_memory(membership, groups) == 0


def test_in_a_container_the_root_is_the_group(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    membership.write_text("0::/kubepods/pod1/of/the/host\n")
    group(tmp_path / "groups", 2, str(2048 * MIB), 48 * MIB)
    assert group_memory(membership, tmp_path / "groups") == 2000 * MIB


def test_here() -> None:
    free, _limited = available()
    assert 0 < free <= psutil.virtual_memory().total
    assert group_memory(Path("/nonexistent")) is None
