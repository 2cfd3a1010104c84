"""Which room of the house may import which: ``daftnb/README.md`` has the picture."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.helpers.rooms import HOUSE, MAY_IMPORT

# Of Daft, what it documents; all else is named in engine/.
PUBLIC_DAFT = {"daft", "daft.functions", "daft.schema", "daft.exceptions"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in HOUSE.rglob("*.py"):
        if "frontend" not in path.relative_to(HOUSE).parts:
            found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    """The room that a module stands in."""
    parts = module.split(".")[1:]
    if not parts:
        return ""
    if parts[0] == "engine" and len(parts) > 1 and (HOUSE / "engine" / parts[1]).is_dir():
        return f"engine.{parts[1]}"
    return parts[0]


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it, also for its types alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_room_imports_the_rooms_that_it_may(module: str) -> None:
    here = room(module)
    allowed = {here, *MAY_IMPORT[here].split()}
    others = {room(name) for name in imports(MODULES[module]) if name.split(".")[0] == "daftnb"}
    assert others <= allowed, f"{module}: {sorted(others - allowed)}"


def test_no_rooms_import_each_other_not_even_in_a_circle() -> None:
    order = list(TopologicalSorter({here: others.split() for here, others in MAY_IMPORT.items()}).static_order())
    assert set(order) == {*MAY_IMPORT}, "each room that is named has its line"


def test_each_line_of_the_table_is_needed() -> None:
    used: dict[str, set[str]] = defaultdict(set)
    for module, path in MODULES.items():
        used[room(module)] |= {room(name) for name in imports(path) if name.split(".")[0] == "daftnb"}
    spare = {here: set(others.split()) - used[here] for here, others in MAY_IMPORT.items()}
    assert {here: names for here, names in spare.items() if names} == {}


def test_ray_and_dafts_own_parts_are_named_in_the_engines_rooms_alone() -> None:
    found = []
    for module, path in MODULES.items():
        if room(module).split(".")[0] == "engine":
            continue
        for name in imports(path):
            package = name.split(".")[0]
            if package == "ray" or (package == "daft" and name not in PUBLIC_DAFT):
                found.append(f"{module}: {name}")
    assert found == []
