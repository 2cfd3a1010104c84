"""A kind of cell is one record on each side: every kind has one, and nothing else asks which kind a value is of."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from daftnb.previews import tree, writing
from daftnb.previews.kinds.registry import ALL, RECORDS, kind_of
from daftnb.previews.searching import finder, sent
from daftnb.previews.wire import KINDS
from tests.conftest import ROOT
from tests.helpers.frames import every_type
from tests.pure.test_architecture import MODULES, imports

PREVIEWS = ROOT / "daftnb" / "previews"
PAGE = ROOT / "daftnb" / "frontend" / "src" / "preview"
NAMES = frozenset[str](KINDS)


def test_every_kind_of_the_wire_has_one_record() -> None:
    assert sorted(kind.name for kind in ALL) == sorted(KINDS)
    assert {name: kind.name for name, kind in RECORDS.items()} == {name: name for name in KINDS}


def test_every_kind_of_the_wire_has_one_record_on_the_page() -> None:
    listed = [
        name
        for path in sorted((PAGE / "kinds").glob("*.ts"))
        for names in re.findall(r": Records<([^>]*)> = \{", path.read_text())
        for name in re.findall(r'"(\w+)"', names)
    ]
    assert sorted(listed) == sorted(KINDS)


def test_the_tests_of_a_dtype_are_dafts_and_say_yes_to_one_kind() -> None:
    from daft import DataType

    tests = [(test, kind.name) for kind in ALL for test in kind.tests]
    assert all(callable(getattr(DataType, test)) for test, _ in tests)
    for series in every_type().values():
        dtype = series.datatype()
        assert {name for test, name in tests if getattr(dtype, test)()} == {kind_of(dtype)} - {"other"}


def test_what_only_daft_has_is_written_and_made_a_node_by_its_kind() -> None:
    own = {test for kind in ALL if kind.write is not None for test in kind.tests}
    assert writing.WRITERS.keys() == tree.NODES.keys() == own
    assert {"is_image", "is_tensor", "is_file", "is_python"} < own


def test_the_search_of_every_kind_needs_nothing_of_ours_where_the_rows_are() -> None:
    from daft.pickle import dumps

    columns = [series for name, series in every_type().items() if name not in ("python", "extension")]
    code = (
        "import json, pickle, sys\nsys.modules['daftnb'] = None\n"
        "find, columns = pickle.loads(sys.stdin.buffer.read())\n"
        "print(json.dumps([find(series).to_pylist() for series in columns]))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=dumps((sent("1"), columns)), capture_output=True)
    assert not done.returncode, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found == [finder("1")(series).to_pylist() for series in columns]
    assert {True, False} == {there for column in found for there in column}


def test_no_modules_of_previews_import_each_other_in_a_circle() -> None:
    modules = {name: path for name, path in MODULES.items() if name.startswith("daftnb.previews.")}
    order = list(
        TopologicalSorter({name: modules.keys() & set(imports(path)) for name, path in modules.items()}).static_order()
    )
    assert set(order) == modules.keys()
    records = max(order.index(name) for name in order if name.startswith("daftnb.previews.kinds."))
    above = (
        "cell",
        "copying",
        "download",
        "encode",
        "statistics",
        "operations",
        "searching",
        "static",
        "summaries",
        "values",
    )
    assert all(order.index(f"daftnb.previews.{name}") > records for name in above)


# -- nothing else asks ------------------------------------------------------------------------------------------------


def is_of_kind(node: ast.AST) -> bool:
    """Return True if the code mentions a kind."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in ("kind", "kind_of", "Kind"):
            return True
        if isinstance(part, ast.Attribute) and (
            part.attr == "kind" or (part.attr == "name" and ast.unparse(part.value).endswith(("kind", "record")))
        ):
            return True
    return False


def kinds_named(*nodes: ast.AST) -> list[str]:
    """Return the names of kinds that are written out in the code."""
    constants = (part.value for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant))
    return [value for value in constants if isinstance(value, str) and value in NAMES]


def asked_in_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line, and the name, wherever a kind is compared with a name, looked up by it or collected by it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            asks = any(map(is_of_kind, sides))
            named = kinds_named(*sides)
        elif isinstance(node, ast.Match):
            asks = is_of_kind(node.subject)
            named = kinds_named(*(case.pattern for case in node.cases))
        elif isinstance(node, ast.Call):  # {"integer": …}.get(kind)
            asks = any(map(is_of_kind, node.args))
            named = kinds_named(node.func)
        elif isinstance(node, ast.Subscript):  # {"integer": …}[kind], RECORDS["integer"]
            asks = is_of_kind(node.slice) or ast.unparse(node.value).endswith("RECORDS")
            named = kinds_named(node.value, node.slice)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:  # frozenset[Kind], dict[Kind, …]
            asks, named = is_of_kind(node.annotation), kinds_named(node.value)
        else:
            continue
        if asks and named:
            yield node.lineno, named[0]


PAGE_ASKS = (
    r'\bkind\b\)?\s*[!=]==?\s*"({})"',
    r'"({})"\s*[!=]==?[^"]*\bkind\b',
    r'\bcase "({})":',
    r"\b(?:Set|Map|Record)<(?:readonly )?Kind\b[^;]*?\b({})\b",
    r'\bRECORDS(?:\.({0})\b|\["({0})"\])',
)


def asked_in_typescript(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line, and the name, wherever a kind is compared with a name, looked up by it or collected by it."""
    names = "|".join(KINDS)
    for pattern in PAGE_ASKS:
        for found in re.finditer(pattern.replace("{}", names).replace("{0}", names), source):
            yield source.count("\n", 0, found.start()) + 1, next(filter(None, found.groups()))


def sources(folder: Path, *endings: str) -> list[Path]:
    """The sources of a folder, but the records and the wire."""
    found = [path for path in folder.rglob("*") if path.suffix in endings and not path.name.startswith("wire.")]
    return [path for path in sorted(found) if folder / "kinds" not in path.parents]


def test_no_other_source_asks_which_kind_it_is() -> None:
    asked = [(path, asked_in_python(path.read_text())) for path in sources(PREVIEWS, ".py")]
    asked += [(path, asked_in_typescript(path.read_text())) for path in sources(PAGE, ".ts", ".tsx")]
    assert len(asked) > 50
    places = [f"{path.relative_to(ROOT)}:{line} asks for {name!r}" for path, found in asked for line, name in found]
    assert places == [], "what is particular to a kind belongs into its record, in previews/kinds/ and preview/kinds/"


PYTHON = """if kind == "float": pass
if column.kind in ("date", "time"): pass
if "image" != kind_of(dtype): pass
if column.record.name == "list": pass
found = {"integer": 1}.get(column.kind)
found = {"integer": 1}[kind]
ORDERED: frozenset[Kind] = frozenset(("integer",))
RECORDS["map"]
if op == "null" or column.record.is_text: pass
told = {"t": "null"}
self.measured(pieces, column.kind, how)"""
TYPESCRIPT = """kind === "integer"
column.kind !== "image"
"list" === about.kind
case "struct":
new Set<Kind>(["map"]);
const WIDTHS: Partial<Record<Kind, number>> = { integer: 92 }
RECORDS.float
RECORDS["float"]
typeof value === "string"
op === "null"
RECORDS[column.kind].width"""


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (asked_in_python(PYTHON), ["float", "date", "image", "list", "integer", "integer", "integer", "map"]),
        (asked_in_typescript(TYPESCRIPT), ["integer", "image", "list", "struct", "map", "integer", "float", "float"]),
    ],
    ids=["Python", "TypeScript"],
)
def test_what_asks_for_a_kind_is_found_and_nothing_else(asked: Iterator[tuple[int, str]], wanted: list[str]) -> None:
    assert sorted(asked) == list(enumerate(wanted, 1))
