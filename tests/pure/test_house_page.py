"""The maintainers' pages stay true: the paths and names on them exist, and every room and file has its line."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.helpers.rooms import HOUSE, MAY_IMPORT

FRONTEND = HOUSE / "frontend"
# The pages, and the folders that their paths are relative to.
PAGES = {HOUSE / "README.md": (HOUSE, ROOT), FRONTEND / "README.md": (FRONTEND, FRONTEND / "src", ROOT)}
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|tsx?|css|mjs|json|md|toml|ipynb)|(?:[\w.-]+/)+")
# A path, and names in that file: `path` · `Name`, `Class.method` and `name`.
NAMED = re.compile(r"`([^`]+)` · ((?:`[^`]+`(?! ·)(?:,? and |, )?)+)")


def prose(page: Path) -> str:
    """The page without its drawings, on one line."""
    return " ".join(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).split())


def spans(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def paths() -> list[tuple[Path, str]]:
    """Each path that a page names, with the page: in backticks, or as a link's target."""
    found = set()
    for page in PAGES:
        links = re.findall(r"\]\((?!https?:)([^)]+)\)", prose(page))
        found |= {(page, span) for span in (*spans(prose(page)), *links) if PATH.fullmatch(span) or span in links}
    return sorted(found)


def names() -> list[tuple[Path, str, str]]:
    """Each name that a page places in a file: the page, the path, the name."""
    found = set()
    for page in PAGES:
        for path, listed in NAMED.findall(prose(page)):
            found |= {(page, path, name) for name in spans(listed) if not PATH.fullmatch(name)}
    return sorted(found)


def place(page: Path, path: str) -> Path | None:
    """Where a path of a page leads; None if nothing is there."""
    return next((folder / path for folder in PAGES[page] if (folder / path).exists()), None)


@cache
def names_in(file: Path) -> frozenset[str]:
    """What a Python module defines: functions wherever they are, classes and what they have, names of the module."""
    tree = ast.parse(file.read_text())
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    members = {f"{each.name}.{name}" for each in classes for name in assigned(each) | defined(each)}
    return frozenset(functions | {each.name for each in classes} | members | assigned(tree))


def defined(owner: ast.ClassDef) -> set[str]:
    return {node.name for node in owner.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def assigned(owner: ast.ClassDef | ast.Module) -> set[str]:
    """The names that are given a value, or only a type, at the top of a class or a module."""
    targets = []
    for node in owner.body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def has(file: Path, name: str) -> bool:
    """Return True if the file defines the name, written as the pages do."""
    if file.suffix == ".py":
        return name in names_in(file)
    text = file.read_text()
    if file.suffix == ".css":
        return f"{name}:" in text
    owner, _, member = name.rpartition(".")
    if owner:
        words = r"(?:(?:async|get|set|static|readonly) )*"
        return has(file, owner) and re.search(rf"^  {words}{re.escape(member)}\b", text, re.MULTILINE) is not None
    return re.search(rf"\b(?:function|class|const|interface|type) {re.escape(name)}\b", text) is not None


def test_the_paths_on_the_pages_exist() -> None:
    assert [f"{page.relative_to(ROOT)}: {path}" for page, path in paths() if place(page, path) is None] == []


def test_the_names_on_the_pages_are_in_their_files() -> None:
    missing = []
    for page, path, name in names():
        file = place(page, path)
        if file is None or not has(file, name):
            missing.append(f"{page.relative_to(ROOT)}: {path} · {name}")
    assert missing == []


def test_names_are_found_in_the_text_and_what_is_not_there_is_told() -> None:
    text = "See `a.py` · `B`, `B.c` and `d`, and `e/f.ts` · `G`; then `h.py`, `i`."
    assert NAMED.findall(text) == [("a.py", "`B`, `B.c` and `d`, and "), ("e/f.ts", "`G`")]
    tap, store, colours = HOUSE / "engine/actor/tap.py", FRONTEND / "src/store.ts", FRONTEND / "src/base.css"
    assert has(tap, "Tap") and has(tap, "Tap.drain") and has(tap, "stats_rows") and has(tap, "RING_EVENTS")
    assert not any(has(tap, name) for name in ("Nobody", "Tap.nobody", "Nobody.drain", "self", "drained"))
    assert has(store, "Store.message") and has(store, "Store.#resync") and has(store, "Chosen")
    assert not any(has(store, name) for name in ("Nobody", "Store.nobody", "Nobody.message"))
    assert has(colours, "--busy") and not has(colours, "--nobody")


@pytest.mark.parametrize("page", PAGES, ids=["house", "front end"])
def test_every_name_after_a_path_is_read(page: Path) -> None:
    assert prose(page).count("` ·") == len(NAMED.findall(prose(page))) > 15


def test_every_room_has_its_line_with_what_it_may_import() -> None:
    section = (HOUSE / "README.md").read_text().split("\n## The rooms\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE)
    on_page = {dotted(name): {dotted(other) for other in others.split(", ")} - {"—"} for name, others in rows}
    assert on_page == {room: set(others.split()) for room, others in MAY_IMPORT.items()}
    assert len(rows) == len(on_page), "a room has two lines"


def dotted(name: str) -> str:
    """A room as the table of the architecture has it."""
    return name.removesuffix(".py").removesuffix("/").replace("/", ".").removesuffix("__init__")


def test_every_source_of_the_front_end_is_on_its_page() -> None:
    on_page = set(spans(prose(FRONTEND / "README.md")))
    sources = {
        path.relative_to(FRONTEND / "src").as_posix() for path in (FRONTEND / "src").rglob("*") if path.is_file()
    }
    assert len(sources) > 50
    assert sources - on_page == set()
