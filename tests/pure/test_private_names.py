"""No private name of Daft or Ray is used but those of the table in ``daftnb/engine/internals.py``, each by its row."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from daftnb.engine.internals import INTERNALS
from tests.helpers.rooms import HOUSE

FILES = sorted(path for path in HOUSE.rglob("*.py") if "frontend" not in path.relative_to(HOUSE).parts)
ENGINES = ("daft", "ray")
# What Daft and Ray document: modules whose names are theirs to be used, and names in others.
PUBLIC_MODULES = {
    *("daft", "daft.exceptions", "daft.functions", "daft.schema", "daft.subscribers"),
    *("ray", "ray.exceptions", "ray.job_submission", "ray.util.scheduling_strategies"),
}
PUBLIC_NAMES = {
    # By name alone, to import what is in them.
    *("daft.context", "daft.event_loop", "ray.util.client.ray"),
    # Ray's own pickle is documented for what it sends.
    *("ray.cloudpickle", "daft.pickle.cloudpickle"),
}
# What is looked for where it is used, with another way where it is not there.
GUARDED = {"daft.context.set_runner_ray"}
# Attributes with an underscore that are neither ours nor an engine's: of Python's own libraries, and of Jupyter's.
OTHERS = {
    "_SubParsersAction": "argparse",
    "_actions": "argparse",
    "_fields": "ast, and named tuples",
    "_get_value": "argparse",
    "_getframe": "sys",
    "_reply_subshell_for": "set on ipykernel's comm by daftnb",
    "_send": "ipywidgets",
    "_supports_kernel_subshells": "ipykernel",
    "_threads_queues": "concurrent.futures",
    "_view_count": "ipywidgets",
}
# Instance attributes that no class has before it is made, each in a class whose row is in the table.
OF_INSTANCES = {
    "_actor_id": "ray.actor.ActorHandle: RaySwordfishActorHandle.submit_task has one",
    "_client_id": "RayAPIStub's worker",
    "_conn_str": "RayAPIStub's worker",
    "_gcs_address": "FakeMultiNodeProvider",
    "_headers": "SubmissionClient",
    "_in_shutdown": "RayAPIStub's worker",
    "_init_extension_paths": "FlotillaRunner",
    "_metadatas": "PartitionMetadataAccessor, whose __init__ is in the table",
    "_method": "Func, in the closure of what collects a generator's rows; looked for",
    "_nodes": "FakeMultiNodeProvider",
    "_part_set_cache": "RayRunner, whose PartitionSetCache.clear is called",
    "_preview": "DataFrame and PreviewFormatter",
    "_schema": "Schema, whose PySchema.__getitem__ is called",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def aliases(path: Path) -> dict[str, str]:
    """What each imported name of an engine stands for, by its dotted name."""
    found = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                package = alias.name.split(".")[0]
                if package in ENGINES:
                    found[alias.asname or package] = alias.name if alias.asname else package
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ENGINES:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def used(path: Path) -> Iterator[str]:
    """Yield the dotted names of Daft and Ray that a module imports, or takes from what it imports."""
    names = aliases(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ENGINES:
            yield from (f"{node.module}.{each.name}" for each in node.names)
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.split(".")[0] in ENGINES)
        if isinstance(node, ast.Attribute):
            parts = ast.unparse(node).split(".")
            if parts[0] in names and all(part.isidentifier() for part in parts):
                yield ".".join([names[parts[0]], *parts[1:]])


TABLE = {f"{module}.{path}" if path else module for each in INTERNALS for module, path in each.places}


def is_known(name: str) -> bool:
    """Whether a dotted name is public, in the table, on the way to a name in the table, or a part of one in it."""
    name = ".".join(part for part in name.split(".") if not part.startswith("__"))
    if name in PUBLIC_MODULES or name in PUBLIC_NAMES or name in GUARDED:
        return True
    if any(name == row or row.startswith(f"{name}.") or name.startswith(f"{row}.") for row in TABLE):
        return True
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module, rest = ".".join(parts[:length]), parts[length:]
        if module in PUBLIC_MODULES | PUBLIC_NAMES:
            return not any(part.startswith("_") for part in rest)
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_what_is_imported_is_public_or_in_the_table(path: Path) -> None:
    assert [name for name in dict.fromkeys(used(path)) if not is_known(name)] == []


def private_attributes(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each attribute with one underscore in front that is taken of anything, and where."""
    for node in ast.walk(tree(path)):
        name, of = "", ""
        if isinstance(node, ast.Attribute):
            name, of = node.attr, ast.unparse(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
            word = node.args[1]
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                name, of = word.value, ast.unparse(node.args[0])
        if name.startswith("_") and not name.startswith("__"):
            yield name, f"{path.relative_to(HOUSE)}:{node.lineno} {of}"


def ours() -> set[str]:
    """The private attributes that daftnb's own classes and modules have."""
    found = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and "self" in ast.unparse(node):
                found.add(node.attr)
    return {name for name in found if name.startswith("_")} | {"_daftnb"}


def of_the_table() -> set[str]:
    return {part for row in TABLE for part in row.split(".") if part.startswith("_")}


def test_every_private_attribute_is_ours_or_in_the_table() -> None:
    known = ours() | of_the_table() | set(OTHERS) | set(OF_INSTANCES)
    assert [where for path in FILES for name, where in private_attributes(path) if name not in known] == []


def test_no_line_of_these_lists_is_spare() -> None:
    attributes = {name for path in FILES for name, _ in private_attributes(path)}
    assert sorted((OTHERS.keys() | OF_INSTANCES.keys()) - attributes) == []
    names = {name for path in FILES for name in used(path)}
    assert sorted(GUARDED - names) == []


def words() -> set[str]:
    """Every name and every text in the code but the table, the parts of dotted texts by themselves too."""
    found: set[str] = set()
    for path in FILES:
        if path.name == "internals.py":
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.alias):
                found.update(node.name.split("."))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
                found.update(each.arg for each in node.args.args)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


# Needed by what is used of them, though never named: classes whose method stands in the row, messages whose fields do.
UNNAMED = {
    *("NodeGroupConfig", "AutoscalingState", "ClusterResourceState", "ClusterResourceConstraint", "NodeState"),
    *("GcsNodeInfo", "RemoteFlotillaRunner", "__init__", "__getitem__"),
}


def test_every_row_is_used() -> None:
    known = words() | UNNAMED
    spare = [each.name for each in INTERNALS for _, path in each.places if path.split(".")[-1] not in known]
    assert spare == []
    unused = [(each.name, name) for each in INTERNALS for name in (*each.takes, *each.fields) if name not in known]
    assert unused == []


def test_the_names_that_moved_are_taken_from_all_their_places() -> None:
    taken = {name for name in used(HOUSE / "engine" / "raynames.py")}
    moved = {f"{module}.{path}" for each in INTERNALS if each.others for module, path in each.places}
    assert moved <= taken
